import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[1] / "deploy"
KEY = "k" * 50
# In place of gunicorn and manage.py: what they would find.
SHOW = '#!/bin/sh\necho "HOST=$HOST PORT=$PORT HTTPS=$HTTPS ALLOWED_HOSTS=$ALLOWED_HOSTS"\n'
PYTHON = f'#!/bin/sh\ncase $1 in manage.py) echo "$2";; *) exec "{sys.executable}" "$@";; esac\n'


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "deploy" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(DEPLOY / "bin" / "run", tmp_path / "deploy" / "bin")
    shutil.copy(DEPLOY / "gunicorn.conf.py", tmp_path / "deploy")
    for name, text in {"gunicorn": SHOW, "python": PYTHON}.items():
        (tmp_path / ".venv" / "bin" / name).write_text(text)
        (tmp_path / ".venv" / "bin" / name).chmod(0o755)
    return tmp_path


def run(checkout, **environment):
    return subprocess.run(
        [checkout / "deploy" / "bin" / "run"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def served(checkout, **environment):
    done = run(checkout, **environment)
    assert done.returncode == 0
    assert ("for looking around" in done.stderr) is ("BEHIND_PROXY" not in environment)
    *commands, last = done.stdout.splitlines()
    assert commands == ["migrate", "collectstatic", "firstrun"]
    return dict(pair.split("=", 1) for pair in last.split(" "))


def test_the_first_run_makes_a_secret_and_serves_plain_http(checkout):
    assert served(checkout) == {
        "HOST": "127.0.0.1",
        "PORT": "8000",
        "HTTPS": "no",
        "ALLOWED_HOSTS": "",
    }
    written = (checkout / ".env").read_text()
    assert written.splitlines()[1].startswith("SECRET_KEY=")
    assert served(checkout)["HTTPS"] == "no"
    assert (checkout / ".env").read_text() == written


def test_behind_a_proxy_it_is_not_only_for_looking_around(checkout):
    assert served(checkout, BEHIND_PROXY="yes")["HTTPS"] == "no"


def test_a_copied_example_serves_plain_http_too(checkout):
    example = (DEPLOY.parent / ".env.example").read_text()
    (checkout / ".env").write_text(example.replace("SECRET_KEY=", f"SECRET_KEY={KEY}"))

    assert served(checkout)["HTTPS"] == "no"


def test_a_secret_in_the_environment_changes_nothing_about_that(checkout):
    assert served(checkout, SECRET_KEY=KEY)["HTTPS"] == "no"
    assert not (checkout / ".env").exists()


@pytest.mark.parametrize(
    ("line", "environment", "served_with"),
    [
        ("HTTPS=yes", {}, "yes"),
        ('export HTTPS="True"', {}, "True"),
        ("HTTPS=", {}, "no"),
        ("HTTPS=no", {"HTTPS": "yes"}, "yes"),
        ("HTTPS=yes", {"HTTPS": ""}, "yes"),
        ("", {"HTTPS": "yes"}, "yes"),
    ],
)
def test_https_that_is_set_stays_on(checkout, line, environment, served_with):
    (checkout / ".env").write_text(f"SECRET_KEY={KEY}\n{line}\n")

    assert served(checkout, **environment)["HTTPS"] == served_with


def test_another_file_of_settings_is_read_and_never_written(checkout, tmp_path):
    file = tmp_path / "panel.env"
    file.write_text("HTTPS=yes\nPORT=8001\n")

    found = served(checkout, ENV_FILE=str(file))

    assert (found["HTTPS"], found["PORT"]) == ("yes", "8001")
    assert file.read_text() == "HTTPS=yes\nPORT=8001\n"
    assert not (checkout / ".env").exists()


def test_a_reachable_panel_answers_to_its_address(checkout):
    names = served(checkout, HOST="0.0.0.0")["ALLOWED_HOSTS"].split(",")

    assert names[:4] == ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"]


WRONG = {
    "HOST": ["999.1.1.1", "[::1]", "http://127.0.0.1", "é" * 70, "192.0.2.1"],
    "PORT": ["abc", "99999", "0", "-1", "٣", "8000/"],
    "WEB_CONCURRENCY": ["x", "0", "-1", "1.5", "9" * 5000],
}
EXPECTED = {
    "HOST": "an IP address or a name of this machine",
    "PORT": "a port, from 1 to 65535",
    "WEB_CONCURRENCY": "a whole number, from 1 to 1000",
}


@pytest.mark.parametrize("place", ["environment", "file"])
@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]]
)
def test_a_wrong_value_stops_the_run_with_a_sentence_before_anything_is_done(
    checkout, name, value, place
):
    environment = {name: value} if place == "environment" else {}
    if place == "file":
        (checkout / ".env").write_text(f"{name}={value}\n")
    before = sorted(checkout.rglob("*"))

    done = run(checkout, **environment)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"{name} has a wrong value. Expected: {EXPECTED[name]}. See .env.example.\n"
    )
    assert sorted(checkout.rglob("*")) == before


@pytest.mark.parametrize(
    "environment", [{"HOST": "::1", "PORT": "1"}, {"HOST": "localhost", "WEB_CONCURRENCY": "1000"}]
)
def test_what_is_right_runs(checkout, environment):
    found = served(checkout, **environment)

    assert found["HOST"] == environment["HOST"]
    assert found["PORT"] == environment.get("PORT", "8000")


@pytest.mark.parametrize(
    ("word", "filled_in"), [("1", True), ("yes", True), ("", False), ("0", False), ("no", False)]
)
def test_sample_data_comes_when_it_is_wished(checkout, word, filled_in):
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(PYTHON.replace('echo "$2"', 'echo "$@"'))

    done = run(checkout, DEMO=word)

    assert ("firstrun --demo" in done.stdout) is filled_in
    assert "firstrun" in done.stdout


def test_an_unclear_wish_for_sample_data_stops_the_run(checkout):
    done = run(checkout, DEMO="perhaps")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "DEMO has a wrong value. Expected: 1 or 0. See README.md.\n"


@pytest.mark.parametrize(
    ("url", "stamp"), [("mysql://u:p@h/mail", "mysql"), ("sqlite:///x", "run")]
)
def test_the_driver_comes_with_the_url_wherever_the_settings_are(tmp_path, url, stamp):
    file = tmp_path / "panel.env"
    file.write_text(f"DATABASE_URL={url}\n")
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": str(file)}

    done = subprocess.run(
        ["make", "--just-print", "--always-make", "run"],
        cwd=DEPLOY.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ("install-packages mysql" in done.stdout) is (stamp == "mysql")

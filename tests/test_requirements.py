import os
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.servers.processes import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {
    "run": ["build"],
    "mysql": ["build", "mysql"],
    "dev": ["build", "mysql", "test", "dev"],
    "django6": ["build", "test"],
}


def pins(lock):
    """Return ``{name: (version, checksums)}`` of a lock file."""
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    entries = re.findall(r"(?m)^([\w.-]+)==(\S+)((?:.*\\\n)(?:    --hash=\S+(?: \\)?\n)+)", text)
    assert len(entries) == text.count("==") - text.count(" == ")
    return {
        canonicalize_name(name): (version, re.findall(r"sha256:[0-9a-f]{64}", rest))
        for name, version, rest in entries
    }


@pytest.mark.parametrize("lock", EXTRAS)
def test_what_is_locked_is_what_the_project_asks_for(lock):
    wanted = [*PROJECT["dependencies"]]
    for extra in EXTRAS[lock]:
        wanted += PROJECT["optional-dependencies"][extra]
    if lock == "django6":
        _why, instead = (ROOT / "requirements/django6.in").read_text().splitlines()
        wanted = [instead, *(wish for wish in wanted if not wish.startswith("django~="))]
    locked = pins(lock)

    for requirement in map(Requirement, wanted):
        version, _checksums = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


@pytest.mark.parametrize("lock", EXTRAS)
def test_every_package_has_checksums_and_none_an_address(lock):
    assert [name for name, (_version, checksums) in pins(lock).items() if not checksums] == []
    assert "://" not in (ROOT / "requirements" / f"{lock}.lock").read_text()


def test_a_server_and_the_tests_have_the_same_versions():
    run, mysql, dev = pins("run"), pins("mysql"), pins("dev")

    assert {name: mysql[name] for name in run} == run
    assert {name: dev[name] for name in mysql} == mysql


def test_the_panel_starts_on_sqlite_without_the_extra_for_mariadb():
    """As `make run` does in a new checkout."""
    code = "import sys; sys.modules['MySQLdb'] = None; import mailadmin.wsgi, mailadmin.urls"
    settings = {"DATABASE_URL": "sqlite://:memory:", "DEBUG": "yes", "ENV_FILE": "/dev/null"}
    settings |= {"SECRET_KEY": "only-for-this-test-0123456789-abcdefghijklmnopqrstuvwxyz"}
    environment = os.environ | settings | {"DJANGO_SETTINGS_MODULE": "mailadmin.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")

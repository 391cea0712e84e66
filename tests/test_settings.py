"""Settings come from the environment: all of them documented, a wrong one stops the start."""

import os
import re
import runpy
from unittest import mock

import pytest
from django.conf import settings as active
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = active.BASE_DIR
SETTINGS = BASE_DIR / "mailadmin" / "settings.py"
KEY = "k" * 50
# The settings file's own place, and what `make run` and deploy/gunicorn.conf.py read.
READ_ELSEWHERE = {"ENV_FILE", "HOST", "PORT", "WEB_CONCURRENCY"}


def load(**environment):
    """Read settings.py as a fresh process would, with nothing but this environment."""
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch("mailadmin.environment.Environment.read_env"),
    ):
        return runpy.run_path(str(SETTINGS))


def refusal(**environment):
    with pytest.raises(ImproperlyConfigured) as error:
        load(**environment)
    return str(error.value)


def variables():
    """The names that settings.py reads, in order."""
    text = SETTINGS.read_text()
    return re.findall(r'env\.read\(\s*"\w+",\s*"(\w+)"', text)


def test_every_read_is_one_that_these_tests_see():
    assert len(variables()) == SETTINGS.read_text().count("env.read(")
    assert len(set(variables())) == len(variables())


def example():
    """What .env.example says: a variable and its value on a line, most behind a #."""
    text = (BASE_DIR / ".env.example").read_text()
    return dict(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def test_the_example_documents_every_variable_and_no_other():
    assert sorted(example().keys() - READ_ELSEWHERE) == sorted(variables())
    assert example().keys() > READ_ELSEWHERE


def test_the_values_in_the_example_are_the_defaults():
    shown = {name: value for name, value in example().items() if name in variables()}

    documented = load(**shown | {"SECRET_KEY": KEY, "DATABASE_URL": "sqlite://:memory:"})
    default = load(SECRET_KEY=KEY, DATABASE_URL="sqlite://:memory:")

    for name in default:
        if name.isupper():
            assert (name, documented[name]) == (name, default[name])


def test_a_secret_is_all_that_is_needed():
    loaded = load(SECRET_KEY=KEY)

    assert (loaded["DEBUG"], loaded["HTTPS"]) == (False, True)
    assert loaded["SESSION_COOKIE_SECURE"] is loaded["CSRF_COOKIE_SECURE"] is True
    assert loaded["DATABASES"]["default"]["ENGINE"] == "django.db.backends.sqlite3"
    assert loaded["PASSWORD_ROUNDS"] == 100_000


@pytest.mark.parametrize("environment", [{}, {"SECRET_KEY": ""}])
def test_without_the_secret_there_is_no_start(environment):
    assert refusal(**environment) == (
        "SECRET_KEY is not set. Expected: at least 50 random characters. See .env.example."
    )


WRONG = {
    "SECRET_KEY": "short",
    "DEBUG": "maybe",
    "HTTPS": "ture",
    "BEHIND_PROXY": "si",
    "WELCOME_MAIL": "2",
    "ROLE_ADDRESSES_PROTECTED": "x",
    "OUTSIDE_TARGETS": "ours",
    "CSRF_TRUSTED_ORIGINS": "mail.example.org",
    "SESSION_MINUTES": "0",
    "SESSION_IDLE_MINUTES": "0",
    "ROLE_ADDRESSES": "abuse,Post master",
    "DATABASE_URL": "postgres://mail:secret@127.0.0.1/mail",
    "PASSWORD_ROUNDS": "4999",
    "PASSWORD_DEFAULT_SCHEME": "ROT13",
    "PASSWORD_MIN_LENGTH": "4",
    "PASSWORD_MIN_LETTERS": "-1",
    "PASSWORD_MIN_DIGITS": "many",
    "LOGIN_FAILURES": "0",
    "LOGIN_PAUSE_MINUTES": "0.5",
    "QUOTA_MULTIPLIER": "1024",
    "MAILDIR_LAYOUT": "{local_part}/../",
    "RECIPIENT_DELIMITER": "%",
    "DOMAIN_ALIASES": "-2",
    "DOMAIN_MAILBOXES": "-2",
    "DOMAIN_MAXQUOTA": "ten",
    "DOMAIN_QUOTA": "-2",
    "DOMAIN_PASSWORD_EXPIRY": "-1",
    "EMAIL_URL": "nonsense",
    "VMAIL_UID": "vmail",
    "VMAIL_GID": "",
    "VMAIL_ROOT": "var/vmail",
    "LANGUAGE_CODE": "tlh",
    "TIME_ZONE": "Mars/Olympus",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_stops_the_start_with_a_sentence_that_names_it(name):
    message = refusal(**{"SECRET_KEY": KEY} | {name: WRONG[name]})

    assert re.fullmatch(
        rf"{name} has a wrong value\. Expected: .+\. See \.env\.example\.", message
    ), message
    assert KEY not in message


@pytest.mark.parametrize("name", ["DATABASE_URL", "EMAIL_URL"])
@pytest.mark.parametrize("url", ["tangerine", "oracle://mail:tangerine@db/mail", "://tangerine"])
def test_a_url_may_hold_a_password_and_is_not_repeated(name, url):
    message = refusal(SECRET_KEY=KEY, **{name: url})

    assert message.startswith(f"{name} has a wrong value.")
    assert "tangerine" not in message


@pytest.mark.parametrize(
    ("url", "engine"),
    [
        ("sqlite:////tmp/mail.sqlite3", "django.db.backends.sqlite3"),
        ("mysql://mail:secret@127.0.0.1:3306/mail", "django.db.backends.mysql"),
    ],
)
def test_a_database_is_strict_and_counts_what_others_committed(url, engine):
    database = load(SECRET_KEY=KEY, DATABASE_URL=url)["DATABASES"]["default"]

    assert database["ENGINE"] == engine
    if engine.endswith("mysql"):
        assert database["OPTIONS"]["isolation_level"] == "read committed"
        assert "STRICT_TRANS_TABLES" in database["OPTIONS"]["init_command"]
        assert database["OPTIONS"]["charset"] == "utf8mb4"
    else:
        assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_blanks_between_names_do_not_count():
    loaded = load(SECRET_KEY=KEY, ROLE_ADDRESSES=" abuse, postmaster ,")

    assert loaded["ROLE_ADDRESSES"] == ["abuse", "postmaster"]


@pytest.mark.parametrize("number", ["two", "0", "-1"])
def test_a_wrong_number_of_processes_stops_gunicorn_with_a_sentence(number, tmp_path, monkeypatch):
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("WEB_CONCURRENCY", number)

    with pytest.raises(SystemExit, match=r"WEB_CONCURRENCY has a wrong value\. Expected: a whole"):
        runpy.run_path(str(active.BASE_DIR / "deploy" / "gunicorn.conf.py"))


def test_words_for_yes_and_no():
    for word in ("True", "yes", "on", "1"):
        assert load(SECRET_KEY=KEY, HTTPS=word)["HTTPS"] is True
    for word in ("False", "no", "off", "0"):
        assert load(SECRET_KEY=KEY, HTTPS=word)["HTTPS"] is False


def test_the_tests_do_not_read_a_developers_env_file():
    assert active.SECRET_KEY.startswith("only-for-tests")
    assert (active.DEBUG, active.HTTPS, active.PASSWORD_ROUNDS) == (False, False, 5_000)

import os
import re
import runpy
import subprocess
import sys
from unittest import mock

import pytest
from django.conf import settings as active
from django.core.exceptions import ImproperlyConfigured

from domains.models import MAX_DAYS, MAX_QUOTA

BASE_DIR = active.BASE_DIR
SETTINGS = BASE_DIR / "mailadmin" / "settings.py"
# In the order in which settings.py reads them.
OTHERS = ["identity_settings", "mail_settings", "dns_settings"]
KEY = "not-a-secret-" * 4
# The settings file's own place, and what `make run` and deploy/gunicorn.conf.py read.
READ_ELSEWHERE = {"ENV_FILE", "HOST", "PORT", "WEB_CONCURRENCY"}


def load(**environment):
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch("mailadmin.environment.Environment.read_env"),
        mock.patch.dict(sys.modules),
    ):
        for name in OTHERS:
            sys.modules.pop(f"mailadmin.{name}", None)
        return runpy.run_path(str(SETTINGS))


def refusal(**environment):
    with pytest.raises(ImproperlyConfigured) as error:
        load(**environment)
    return str(error.value)


def source():
    text = SETTINGS.read_text()
    for name in OTHERS:
        before, line, after = text.partition(f"from mailadmin.{name} import *")
        assert line
        text = before + SETTINGS.with_name(f"{name}.py").read_text() + after
    return text


def variables():
    text = source()
    return re.findall(r'env\.read\(\s*"\w+",\s*"(\w+)"', text)


def test_every_read_is_one_that_these_tests_see():
    assert len(variables()) == source().count("env.read(")
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


def test_options_of_the_driver_may_stand_behind_the_url():
    url = "mysql://u:p@127.0.0.1/mail?ssl_mode=REQUIRED&connect_timeout=5&unix_socket=/run/m.sock&compress=1"

    options = load(SECRET_KEY=KEY, DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"]

    given = ("ssl_mode", "connect_timeout", "unix_socket", "compress")
    assert [options[name] for name in given] == ["REQUIRED", 5, "/run/m.sock", 1]


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
    "SECRET_KEY": ["short", "k" * 50],
    "DEBUG": ["maybe"],
    "ALLOWED_HOSTS": [
        *["", "https://mail.example.org", "mail.example.org:8000", "mail.example.org/panel"],
        *[
            "*.example.org",
            "mail example org",
            "müller.example",
            "999.1.1.1",
            "::1",
            "[::1",
            "a,-b",
        ],
    ],
    "CSRF_TRUSTED_ORIGINS": [
        *["mail.example.org", "https://", "https://*", "ftp://mail.example.org"],
        *["https://mail.example.org/", "https://a.example https://b.example", "https://a.example:"],
    ],
    "HTTPS": ["ture"],
    "BEHIND_PROXY": ["si"],
    "METRICS_TOKEN": ["short", "a b" * 20, "t0ken-" * 8, "ü" * 40],
    "SESSION_MINUTES": ["0", "99999999999"],
    "SESSION_IDLE_MINUTES": ["0", "99999999999"],
    "DATABASE_URL": [
        *["sqlite:///", "sqlite://"],
        *["", "postgres://mail:secret@127.0.0.1/mail", "mysqlgis://mail:secret@127.0.0.1/mail"],
        *["mysql://mail:secret@127.0.0.1", "mysql://mail:secret@127.0.0.1/"],
    ],
    "PASSWORD_ROUNDS": ["4999"],
    "PASSWORD_DEFAULT_SCHEME": ["ROT13"],
    "PASSWORD_MIN_LENGTH": ["4"],
    "PASSWORD_MIN_LETTERS": ["-1"],
    "PASSWORD_MIN_DIGITS": ["many"],
    "LOGIN_FAILURES": ["0", "99999999999"],
    "LOGIN_PAUSE_MINUTES": ["0.5", "99999999999"],
    "API_REQUESTS_A_MINUTE": ["0", "1.5", "many"],
    "SECOND_FACTOR_SUPERADMINS": ["yes", "2027-02-30", "31.01.2027", "20270131", "2027-W04-7"],
    "SECOND_FACTOR_ADMINS": ["soon"],
    "SECOND_FACTOR_USERS": ["soon"],
    "FACTOR_KEYS": ["short", f"{KEY},short", "k" * 60],
    "POSTFIXADMIN_BESIDE": ["si"],
    "OIDC_ISSUER": ["id.example.org", "http://id.example.org"],
    "OIDC_CLIENT_ID": ["panel"],
    "OIDC_CLIENT_SECRET": ["secret"],
    "OIDC_NAME": ["a" * 61],
    "OIDC_ROLES": ["superadmins"],
    "OIDC_ONLY": ["users"],
    "OIDC_TRUSTS_ADDRESSES": ["si"],
    "OIDC_SECOND_FACTOR": ["si"],
    "REMOTE_USER": ["si", "yes"],
    "REMOTE_USER_ROLES": ["everybody"],
    "REMOTE_USER_DOMAIN": ["@example.org"],
    "REMOTE_USER_SECOND_FACTOR": ["si"],
    "QUOTA_MULTIPLIER": ["1024"],
    "MAILDIR_LAYOUT": ["{local_part}/../"],
    "RECIPIENT_DELIMITER": ["%", ""],
    "ROLE_ADDRESSES": ["abuse,Post master", "a..b", "abuse.", "a" * 65],
    "ROLE_ADDRESSES_PROTECTED": ["x"],
    "DELETED_DAYS": ["-1", "3651"],
    "PURGE": ["si"],
    "EXTERNAL_TARGETS": ["ours"],
    "DOMAIN_MAXQUOTA": ["ten", "1000000000001"],
    "DOMAIN_ALIASES": ["-2", "2147483648"],
    "DOMAIN_MAILBOXES": ["-2", "2147483648"],
    "DOMAIN_QUOTA": ["-2", "1000000000001"],
    "DOMAIN_PASSWORD_EXPIRY": ["-1", "1000001"],
    "EMAIL_URL": [
        *["", "nonsense", "smtp://", "smtp:127.0.0.1:25", "smtp:///127.0.0.1", "filemail://"],
    ],
    "FROM_EMAIL": [
        *["", "nonsense", "a@b@", "@example.org", "a b@example.org", "x@a.org, y@a.org"],
        "panel@-a.example",
    ],
    "WELCOME_MAIL": ["2"],
    "DOMAIN_ADMINS_BROADCAST": ["own"],
    "BROADCAST_RATE": ["0", "60001", "fast"],
    "MAIL_HOSTNAME": [
        *["", "https://mail.example.org/", "mail.example.org:25", "192.0.2.1", "a..b"],
        "a." * 124 + "example",  # 255 characters
    ],
    "PANEL_URL": ["panel.example.org", "javascript:alert(1)", "https://panel.example.org", "/"],
    "FORGOTTEN_PASSWORD_USERS": ["si", "True"],
    "FORGOTTEN_PASSWORD_ADMINS": ["si", "True"],
    "PASSWORD_LIFETIME_IN_MAIL": ["si"],
    "WEBMAIL_URL": [
        "webmail.example.org",
        "javascript:alert(1)",
        "ftp://example.org/",
        "https://a b/",
    ],
    "WEBMAIL_SECRET": ["short", "a b" * 20, "a" * 101],
    "FIRM_NAME": ["a" * 101],
    "VMAIL_UID": ["vmail", "-5", "0", "4294967295"],
    "VMAIL_GID": ["-5", "0"],
    "VMAIL_ROOT": ["", "var/vmail", "/var/v mail", "/var/vmail%u", '/var/"vmail"'],
    "POP3": ["si"],
    "AWAY_MESSAGES": ["si"],
    "FETCHMAIL_TO": [
        "lmtp",
        "lmtp://127.0.0.1",
        "lmtp:run/x",
        "smtp:25",
        "http://127.0.0.1:25",
        "smtp://127.0.0.1:99999",
    ],
    "FETCHMAIL_FOR_USERS": ["si"],
    "FETCHMAIL_PLAIN": ["si"],
    "FETCHMAIL_NETWORKS": ["here", "192.0.2.7/24"],
    "FETCHMAIL_LARGEST_MB": ["0", "1001"],
    "MAIL_TRANSPORTS": ["Maildrop", "a b", "maildrop:"],
    "DELIVERY_LOGS": ["mail.log", "journal,mail.log"],
    "DELIVERIES_DAYS": ["0", "401"],
    "DELIVERIES_MOST": ["999", "1000000001"],
    "DELIVERIES_A_MINUTE": ["0", "10000001"],
    "DELIVERIES_FOR_USERS": ["si"],
    "SENDING_ALARM": ["-1", "10000001"],
    "SIGN_INS": [
        "8011",
        "0.0.0.0:8011",
        "192.0.2.1:8011",
        "127.0.0.1",
        "127.0.0.1:0",
        "localhost:8011",
    ],
    "SIGN_INS_DAYS": ["0", "401"],
    "SIGN_INS_MOST": ["999", "1000000001"],
    "SIGN_INS_A_MINUTE": ["0", "1000001"],
    "SIGN_INS_FAILURES": ["-1", "10001"],
    "SIGN_INS_MINUTES": ["0", "10081"],
    "SIGN_INS_REFUSED_MINUTES": ["0", "10081"],
    "SIGN_INS_SLOWED_SECONDS": ["-1", "31"],
    "SIGN_INS_TRUSTED": ["office", "192.0.2.300", "192.0.2.7/24", "192.0.2.1 192.0.2.2"],
    "EVENTS_DAYS": ["0", "401", "a week"],
    "WEBHOOK_HOSTS": [
        "*",
        "https://hooks.example.net",
        "hooks.example.net/mail",
        "a.example:0",
        "[::1",
        "*.*.example",
    ],
    "WEBHOOK_NETWORKS": ["hooks.lan", "10.0.0.1/8"],
    "WEBHOOK_DAYS": ["0", "31"],
    "MAIL_ADDRESSES": ["mail.example.org", "192.0.2.300", "192.0.2.1 192.0.2.2"],
    "MAIL_RELAYHOST": ["[smtp.example.net]:587", "192.0.2.1"],
    "MAIL_CERTIFICATE": ["cert.pem"],
    "PROFILE_CERTIFICATE": ["cert.pem"],
    "PROFILE_KEY": ["key.pem"],
    "REPORTS_TO": ["reports", "mailto:a@example.org", "a@example.org,b@example.org"],
    "REPORT_DAYS": ["6", "401", "0"],
    "MTA_STS": ["on"],
    "HELPER_SOCKET": ["helper.sock"],
    "SRS": ["perhaps"],
    "DKIM_SIGNER": ["yes"],
    "DNS_CHANGES_TO": ["root"],
    "FINDINGS_TO": ["root"],
    "DNS_RESOLVERS": ["localhost", "192.0.2.1:", "[2001:db8::1", "192.0.2.1:dns"],
    "RESELLERS_PROVE_DOMAINS": ["perhaps"],
    "BLOCK_LISTS": ["https://list.example/", "a b", "a.test,b.test,c.test,d.test,e.test,f.test"],
    "DNS_UPDATE_SERVER": ["ns.example.org", "192.0.2.1,192.0.2.2"],
    "DNS_UPDATE_KEY": ["secret", "panel:hmac-sha256:not base64", "panel:hmac-md5:c2VjcmV0"],
    "LANGUAGE_CODE": ["tlh"],
    "TIME_ZONE": ["Mars/Olympus"],
}


def test_every_variable_has_a_wrong_value_here():
    assert list(WRONG) == variables()


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]]
)
def test_a_wrong_value_stops_the_start_with_a_sentence_that_names_it(name, value):
    message = refusal(**{"SECRET_KEY": KEY} | {name: value})

    assert re.fullmatch(
        rf"{name} has a wrong value\. Expected: .+\. See \.env\.example\.", message
    ), message
    assert KEY not in message


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize(
    "name",
    [
        *["DEBUG", "HTTPS", "BEHIND_PROXY", "ROLE_ADDRESSES_PROTECTED", "EXTERNAL_TARGETS"],
        *["WELCOME_MAIL", "SESSION_MINUTES", "PASSWORD_ROUNDS", "DOMAIN_QUOTA", "VMAIL_UID"],
        *["PASSWORD_DEFAULT_SCHEME", "QUOTA_MULTIPLIER", "MAILDIR_LAYOUT"],
        *["LANGUAGE_CODE", "TIME_ZONE"],
    ],
)
def test_an_empty_number_choice_or_yes_and_no_is_the_default(name, blank):
    default, empty = load(SECRET_KEY=KEY), load(SECRET_KEY=KEY, **{name: blank})

    for setting in default:
        if setting.isupper():
            assert (setting, empty[setting]) == (setting, default[setting])


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("ALLOWED_HOSTS", "mail.example.org, .example.net,192.0.2.1,[2001:db8::1],panel", None),
        ("ALLOWED_HOSTS", "*", None),
        ("MAIL_HOSTNAME", "Mail-1.xn--mller-kva.example", None),
        ("FROM_EMAIL", "Panel of Example <panel+x@example.org>", "DEFAULT_FROM_EMAIL"),
        ("FROM_EMAIL", '"Example, Panel" <panel@localhost>', "DEFAULT_FROM_EMAIL"),
        ("CSRF_TRUSTED_ORIGINS", "https://mail.example.org:8443", None),
        ("CSRF_TRUSTED_ORIGINS", "https://*.example.org,http://[::1]:8000,http://127.0.0.1", None),
        ("SECRET_KEY", "$" + KEY, None),
        ("SESSION_MINUTES", "525600", None),
        ("VMAIL_UID", "4294967294", None),
    ],
)
def test_what_is_right_starts(name, value, setting):
    loaded = load(**{"SECRET_KEY": KEY} | {name: value})

    if name == "SESSION_MINUTES":
        assert loaded["SESSION_COOKIE_AGE"] == 60 * int(value)
    elif name in {"ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS"}:
        assert loaded[name] == value.replace(", ", ",").split(",")
    else:
        assert str(loaded[setting or name]) == value


def test_a_new_domain_may_begin_with_what_the_tables_can_hold_and_no_more():
    bounds = {
        "DOMAIN_MAXQUOTA": MAX_QUOTA,
        "DOMAIN_QUOTA": MAX_QUOTA,
        "DOMAIN_PASSWORD_EXPIRY": MAX_DAYS,
        "DOMAIN_ALIASES": 2**31 - 1,
        "DOMAIN_MAILBOXES": 2**31 - 1,
    }

    loaded = load(SECRET_KEY=KEY, **{name: str(bound) for name, bound in bounds.items()})
    assert loaded["DOMAIN_DEFAULTS"] == {
        name.removeprefix("DOMAIN_").lower(): bound for name, bound in bounds.items()
    }
    for name, bound in bounds.items():
        assert refusal(SECRET_KEY=KEY, **{name: str(bound + 1)}).startswith(f"{name} has a wrong")


def test_where_mailboxes_have_no_quotas_a_domain_has_none_either():
    defaults = load(SECRET_KEY=KEY, DOMAIN_MAXQUOTA="-1")["DOMAIN_DEFAULTS"]

    assert (defaults["maxquota"], defaults["quota"]) == (-1, 0)
    assert refusal(SECRET_KEY=KEY, DOMAIN_MAXQUOTA="-1", DOMAIN_QUOTA="1") == (
        "DOMAIN_QUOTA has a wrong value. Expected: MB, at most 1000000000000, 0 unlimited, -1 unused;"
        " none above 0 while DOMAIN_MAXQUOTA is -1. See .env.example."
    )


def test_every_cookie_is_kept_from_scripts_and_other_sites_and_plain_http():
    for word, secure in (("yes", True), ("no", False)):
        loaded = load(SECRET_KEY=KEY, HTTPS=word)
        for cookie in ("SESSION", "CSRF", "LANGUAGE"):
            assert loaded[f"{cookie}_COOKIE_SECURE"] is secure
            assert loaded[f"{cookie}_COOKIE_SAMESITE"] == "Strict"
        assert loaded["CSRF_COOKIE_HTTPONLY"] is loaded["LANGUAGE_COOKIE_HTTPONLY"] is True


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


def test_the_database_of_the_example_is_that_of_the_default():
    loaded = load(SECRET_KEY=KEY, DATABASE_URL=example()["DATABASE_URL"])

    assert loaded["DATABASES"]["default"] == load(SECRET_KEY=KEY)["DATABASES"]["default"]


@pytest.fixture
def start(tmp_path):
    """Run manage.py as an operator does, by default with a file of settings that holds ``text``."""

    def call(text, *arguments, **environment):
        file = tmp_path / "panel.env"
        file.write_text(f"SECRET_KEY={KEY}\n{text}\n")
        return subprocess.run(
            [sys.executable, BASE_DIR / "manage.py", *(arguments or ["check"])],
            env={"PATH": os.environ["PATH"], "ENV_FILE": str(file)} | environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.mark.parametrize(
    "line", ["", "# DEBUG = no", "  # indented", "export DEBUG=no", "DEBUG='no'"]
)
def test_a_line_that_is_understood_starts(start, line):
    assert start(line).returncode == 0


@pytest.mark.parametrize("line", ["HTTPS = no", "HTTPS: no", " HTTPS=no", "HTTPS tangerine"])
def test_a_line_that_is_not_stops_the_start_and_is_not_passed_over(start, line):
    done = start(line)

    assert done.returncode == 1
    assert "HTTPS is not understood in line 2 of " in done.stderr
    assert "Expected: NAME=value" in done.stderr
    assert "tangerine" not in done.stderr


@pytest.mark.parametrize("place", ["/nonexistent", "/"])
def test_a_file_of_settings_that_is_not_there_stops_the_start(start, place):
    done = start("", SECRET_KEY=KEY, ENV_FILE=place)

    assert done.returncode == 1
    assert f"ENV_FILE has a wrong value: {place}. Expected: a text file" in done.stderr


@pytest.mark.parametrize(
    "url", ["sqlite:////nonexistent/x.db", "mysql://mail:tangerine@127.0.0.1:1/mail"]
)
def test_a_database_that_cannot_be_opened_is_one_sentence_too(start, url):
    done = start(f"DATABASE_URL={url}", "migrate")

    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    assert "DATABASE_URL names a database that cannot be opened" in sentence
    assert "Expected: " in sentence
    assert "tangerine" not in sentence


def test_blanks_between_names_do_not_count():
    loaded = load(SECRET_KEY=KEY, ROLE_ADDRESSES=" abuse, postmaster ,")

    assert loaded["ROLE_ADDRESSES"] == ["abuse", "postmaster"]


def test_words_for_yes_and_no():
    for word in ("True", "yes", "on", "1"):
        assert load(SECRET_KEY=KEY, HTTPS=word)["HTTPS"] is True
    for word in ("False", "no", "off", "0"):
        assert load(SECRET_KEY=KEY, HTTPS=word)["HTTPS"] is False


def test_the_tests_do_not_read_a_developers_env_file():
    assert active.SECRET_KEY.startswith("only-for-tests")
    assert (active.DEBUG, active.HTTPS, active.PASSWORD_ROUNDS) == (False, False, 5_000)

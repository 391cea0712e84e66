"""Settings. What differs between hosts is in the environment or in .env.

.env.example explains each variable (a test compares the two). What is about mail is in mail_settings.py,
what is about DNS in dns_settings.py.
"""

import zoneinfo
from pathlib import Path

from django.conf.locale import LANG_INFO
from django.utils.translation import to_language

from mailadmin.environment import (
    Environment,
    as_day,
    is_allowed_host,
    is_day,
    is_origin,
    is_valid_database,
)

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()
# The real environment wins over the file.
named = env.ENVIRON.get("ENV_FILE", "")
env.read_env(named or BASE_DIR / ".env", required=bool(named))

minutes = {"valid": lambda n: 1 <= n <= 525_600, "expected": "minutes, from 1 to 525600, a year"}

# --- Secrets and hosts: no default for a secret, a missing one stops the start.
SECRET_KEY = env.read(
    "str",
    "SECRET_KEY",
    valid=lambda key: len(key) >= 50 and len(set(key)) >= 5,
    expected="at least 50 random characters",
)
DEBUG = env.read("bool", "DEBUG", default=False)
ALLOWED_HOSTS = env.read(
    "list",
    "ALLOWED_HOSTS",
    default=["localhost", "127.0.0.1", "[::1]"],
    valid=lambda names: names and all(map(is_allowed_host, names)),
    expected="host names such as mail.example.org, separated by commas, without scheme, port and path",
)
CSRF_TRUSTED_ORIGINS = env.read(
    "list",
    "CSRF_TRUSTED_ORIGINS",
    default=[],
    valid=lambda origins: all(map(is_origin, origins)),
    expected="origins such as https://mail.example.org, separated by commas, without path or / at the end",
)

# Plain http only where somebody asked for it, as `make run` does for 127.0.0.1.
HTTPS = env.read("bool", "HTTPS", default=True)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# What else answers below the panel's name, and a browser maker's list, are not ours to decide.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_REFERRER_POLICY = "same-origin"
# The proxy in front of us (deploy/nginx) sets both headers; trust them only when told it exists.
BEHIND_PROXY = env.read("bool", "BEHIND_PROXY", default=False)
# Without it /metrics answers this machine alone.
METRICS_TOKEN = env.read(
    "str",
    "METRICS_TOKEN",
    default="",
    valid=lambda token: not token or (token.isascii() and token.isalnum() and len(token) >= 32),
    expected="at least 32 letters and digits, made at random",
)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None

# The longest form is an alias's with 65,000 bytes of targets, the widest a list of 75 ticked rows.
# deploy/nginx has the same limit; mailadmin/wsgi.py holds it before anything is read. A file to import may be larger.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = ["mailadmin.file_import.receiving.OfAdministrators"]

SESSION_ENGINE = "accounts.session_store"
SESSION_COOKIE_NAME = "mailadmin_session"
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 60 * env.read("int", "SESSION_MINUTES", default=720, **minutes)
SESSION_IDLE_SECONDS = 60 * env.read("int", "SESSION_IDLE_MINUTES", default=120, **minutes)
CSRF_COOKIE_NAME = "mailadmin_csrf"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

# --- Applications
INSTALLED_APPS = [
    "mailadmin",
    "mailboxes",
    "aliases",
    "domains",
    "accounts",
    "panel",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "django_include_bootstrap",
    "heroicons",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "mailadmin.middleware.ContentSecurityPolicyMiddleware",
    "panel.api.middleware.ApiMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.sessions.AccountMiddleware",
    "accounts.sessions.SessionLimitMiddleware",
    "accounts.sessions.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "mailadmin.urls"
WSGI_APPLICATION = "mailadmin.wsgi.application"
FORM_RENDERER = "mailadmin.parts.FieldRenderer"
context_processors = [
    "django.contrib.messages.context_processors.messages",
    "mailadmin.navigation.navigation",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                *context_processors,
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "mailadmin.templatetags.ui",
            ],
        },
    },
    # The shell of every page, forms, pages that ask, lists, and what is shown ten or fifty times: mailadmin/parts.py.
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "parts"],
        "APP_DIRS": True,  # Django's own widgets
        "OPTIONS": {
            "environment": "mailadmin.parts.environment",
            "context_processors": context_processors,
        },
    },
]

# --- Database: the tables Postfix and Dovecot read
DATABASES = {
    "default": env.read(
        "db_url",
        "DATABASE_URL",
        default=f"sqlite:///{BASE_DIR}/var/mailadmin.sqlite3",
        valid=is_valid_database,
    )
}
DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        charset="utf8mb4",
        # As the key columns: else no index answers a comparison with a text of ours.
        collation="utf8mb4_bin",
        init_command="SET sql_mode='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',"  # no silent truncation
        " innodb_lock_wait_timeout=10",  # seconds; then panel/transactions.py decides
        # Counting under a lock must see what the holder before us committed.
        isolation_level="read committed",
    )
else:
    # A relative name, such as .env.example has, is one file wherever a command is called.
    if DATABASES["default"]["NAME"] != ":memory:":
        DATABASES["default"]["NAME"] = str(BASE_DIR / DATABASES["default"]["NAME"])
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        transaction_mode="IMMEDIATE",
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000",
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Accounts
AUTH_USER_MODEL = "accounts.Admin"
AUTHENTICATION_BACKENDS = ["accounts.backends.AdminBackend", "mailboxes.backends.MailboxBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "login"

# Dovecot verifies the same hash at every login. docs/operations.md has what rounds cost.
PASSWORD_ROUNDS = env.read(
    "int",
    "PASSWORD_ROUNDS",
    default=100_000,
    valid=lambda n: 5_000 <= n <= 5_000_000,
    expected="rounds of SHA512-CRYPT, from 5000 to 5000000",
)
# What Dovecot's default_pass_scheme says about hashes without a {SCHEME} prefix.
PASSWORD_DEFAULT_SCHEME = env.read(
    "str",
    "PASSWORD_DEFAULT_SCHEME",
    default="CRYPT",
    choices={"CRYPT", "PLAIN-MD5", "PLAIN"},
    expected="CRYPT, PLAIN-MD5 or PLAIN",
)
PASSWORD_MIN_LENGTH = env.read(
    "int",
    "PASSWORD_MIN_LENGTH",
    default=10,
    valid=lambda n: 5 <= n <= 128,
    expected="a number from 5 to 128",
)
PASSWORD_MIN_LETTERS = env.read(
    "int",
    "PASSWORD_MIN_LETTERS",
    default=1,
    valid=lambda n: 0 <= n <= 20,
    expected="a number from 0 to 20",
)
PASSWORD_MIN_DIGITS = env.read(
    "int",
    "PASSWORD_MIN_DIGITS",
    default=0,
    valid=lambda n: 0 <= n <= 20,
    expected="a number from 0 to 20",
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.validators.StrengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "name")},
    },
]
LOGIN_FAILURES = env.read(
    "int",
    "LOGIN_FAILURES",
    default=5,
    valid=lambda n: 1 <= n <= 1_000_000,
    expected="wrong passwords, from 1 to 1000000",
)
LOGIN_PAUSE_MINUTES = env.read("int", "LOGIN_PAUSE_MINUTES", default=15, **minutes)

# For each token and network, in each process.
API_REQUESTS_A_MINUTE = env.read(
    "int",
    "API_REQUESTS_A_MINUTE",
    default=600,
    valid=lambda n: 1 <= n <= 1_000_000,
    expected="requests a minute, from 1 to 1000000",
)

# From which day on whoever has no second factor can do nothing but set one up; None: nobody has to.
day = {
    "default": "",
    "valid": lambda text: not text or is_day(text),
    "expected": "a day such as 2027-01-31, from which on it is required, or nothing",
}
SECOND_FACTOR_FROM = {
    "superadmin": as_day(env.read("str", "SECOND_FACTOR_SUPERADMINS", **day)),
    "admin": as_day(env.read("str", "SECOND_FACTOR_ADMINS", **day)),
    "mailbox": as_day(env.read("str", "SECOND_FACTOR_USERS", **day)),
}
FACTOR_KEYS = env.read(
    "list",
    "FACTOR_KEYS",
    default=[],
    valid=lambda keys: all(len(key) >= 50 and len(set(key)) >= 5 for key in keys),
    expected="keys of at least 50 random characters, the new one first, separated by commas",
)
POSTFIXADMIN_BESIDE = env.read("bool", "POSTFIXADMIN_BESIDE", default=False)

from mailadmin.identity_settings import *  # noqa: E402, F403 -- now that .env is read
from mailadmin.mail_settings import *  # noqa: E402, F403 -- now that .env is read

# isort: split
from mailadmin.dns_settings import *  # noqa: E402, F403 -- now that .env is read

# --- Languages and time
LOCALE_PATHS = [BASE_DIR / "locale"]
translated = [
    to_language(path.parts[-3]) for path in LOCALE_PATHS[0].glob("*/LC_MESSAGES/django.mo")
]
languages = sorted(["en", *translated])
LANGUAGES = [(code, LANG_INFO[code]["name_local"].capitalize()) for code in languages]
LANGUAGE_CODE = env.read(
    "str",
    "LANGUAGE_CODE",
    default="en",
    choices=set(languages),
    expected=" or ".join(languages),
)
# As the session's: no script and no other site has a use for it.
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Strict"
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.read(
    "str",
    "TIME_ZONE",
    default="UTC",
    choices=zoneinfo.available_timezones(),
    expected="a zone name such as Europe/Paris",
)
# PostfixAdmin writes local time into datetime columns, so we do too.
DATABASES["default"]["TIME_ZONE"] = TIME_ZONE

# --- Static files: hashed and compressed by whitenoise
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# In a signed cookie, or the page after every form would write the session too.
MESSAGE_STORAGE = "django.contrib.messages.storage.fallback.FallbackStorage"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"django.request": {"level": "ERROR"}},
}
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # HSTS for others: see above

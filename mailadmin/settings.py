"""Settings. What differs between hosts is in the environment or in .env.

.env.example explains each variable (a test compares the two).
"""

import re
import zoneinfo
from pathlib import Path

from django.conf.locale import LANG_INFO
from django.core.validators import validate_email
from django.utils.translation import to_language

from mailadmin.environment import (
    Environment,
    is_address,
    is_allowed_host,
    is_host_name,
    is_origin,
    is_sender,
    is_server,
    is_tsig_key,
    is_valid_database,
    is_valid_mail_url,
    is_web_address,
    passes,
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
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None

# The longest form is an alias's with 65,000 bytes of targets, the widest a list of 75 ticked rows.
# deploy/nginx has the same limit; mailadmin/wsgi.py holds it before anything is read.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 0

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
    # The shell of every page, forms, lists, and what a page shows ten or fifty times: mailadmin/parts.py.
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

# --- Mail rules
# PostfixAdmin's quota_multiplier: bytes in one MB of mailbox.quota. Keep the old panel's value on an adopted database.
QUOTA_MULTIPLIER = env.read(
    "int",
    "QUOTA_MULTIPLIER",
    default=1_024_000,
    choices={1_000_000, 1_024_000, 1_048_576},
    expected="1024000 (PostfixAdmin's default), 1048576 or 1000000",
)
MAILDIR_LAYOUT = env.read(
    "str",
    "MAILDIR_LAYOUT",
    default="{domain}/{local_part}/",
    choices={"{domain}/{local_part}/", "{domain}/{username}/", "{username}/"},
    expected="{domain}/{local_part}/, {domain}/{username}/ or {username}/",
)
# No ``choices``: to Postfix an empty one means none, so it must not quietly be the default here.
RECIPIENT_DELIMITER = env.read(
    "str",
    "RECIPIENT_DELIMITER",
    default="+",
    valid=lambda c: c in {"+", "-", "="},
    expected="+, - or =",
)
ROLE_ADDRESSES = env.read(
    "list",
    "ROLE_ADDRESSES",
    default=["abuse", "hostmaster", "postmaster", "webmaster"],
    valid=lambda names: all(
        len(name) <= 64 and re.fullmatch(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*", name)
        for name in names
    ),
    expected="names in lower case, separated by commas, such as abuse,postmaster",
)
# Domain admins see role aliases but may not change them: who reads them can get a TLS certificate.
ROLE_ADDRESSES_PROTECTED = env.read("bool", "ROLE_ADDRESSES_PROTECTED", default=True)
# PostfixAdmin's emailcheck_localaliasonly, the other way round.
EXTERNAL_TARGETS = env.read("bool", "EXTERNAL_TARGETS", default=True)
# The bounds are those of the columns (domains/models.py).
limit = {
    "valid": lambda n: -1 <= n < 2**31,
    "expected": "a number up to 2147483647, 0 unlimited, -1 none",
}
megabytes = "MB, at most 1000000000000, 0 unlimited, -1 unused"
largest_quota = env.read(
    "int", "DOMAIN_MAXQUOTA", default=1024, valid=lambda n: -1 <= n <= 10**12, expected=megabytes
)
# A domain's quota adds up those of its mailboxes: without them it has none.
highest = 10**12 if largest_quota >= 0 else 0
DOMAIN_DEFAULTS = {
    "aliases": env.read("int", "DOMAIN_ALIASES", default=10, **limit),
    "mailboxes": env.read("int", "DOMAIN_MAILBOXES", default=10, **limit),
    "maxquota": largest_quota,
    "quota": env.read(
        "int",
        "DOMAIN_QUOTA",
        default=min(10240, highest),
        valid=lambda n: -1 <= n <= highest,
        expected=f"{megabytes}; none above 0 while DOMAIN_MAXQUOTA is -1",
    ),
    "password_expiry": env.read(
        "int",
        "DOMAIN_PASSWORD_EXPIRY",
        default=0,
        valid=lambda n: 0 <= n <= 10**6,
        expected="days, at most 1000000, 0 never",
    ),
}

# --- Mail we send, and the mail server the shipped files are written for
EMAIL_CONFIG = env.read("email_url", "EMAIL_URL", default="consolemail://", valid=is_valid_mail_url)
globals().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.read(
    "str",
    "FROM_EMAIL",
    default="postmaster@localhost",
    valid=is_sender,
    expected="an address such as postmaster@example.org",
)
WELCOME_MAIL = env.read("bool", "WELCOME_MAIL", default=False)
MAIL_HOSTNAME = env.read(
    "str",
    "MAIL_HOSTNAME",
    default="mail.example.org",
    valid=is_host_name,
    expected="a host name such as mail.example.org",
)
WEBMAIL_URL = env.read(
    "str",
    "WEBMAIL_URL",
    default="",
    valid=lambda url: not url or is_web_address(url),
    expected="a URL such as https://webmail.example.org/",
)
# With it Roundcube asks for identities and new passwords (mailboxes/webmail.py). None: nobody does.
WEBMAIL_SECRET = env.read(
    "str",
    "WEBMAIL_SECRET",
    default="",
    valid=lambda secret: not secret or re.fullmatch(r"[A-Za-z0-9_-]{32,100}", secret),
    expected="at least 32 letters and digits, made at random",
)
FIRM_NAME = env.read(
    "str",
    "FIRM_NAME",
    default="",
    valid=lambda name: len(name) <= 100,
    expected="a name of at most 100 characters",
)
VMAIL_UID = env.read(
    "int",
    "VMAIL_UID",
    default=5000,
    valid=lambda n: 1 <= n < 2**32 - 1,
    expected="the number of a user that is not root, from 1 to 4294967294",
)
VMAIL_GID = env.read(
    "int",
    "VMAIL_GID",
    default=5000,
    valid=lambda n: 1 <= n < 2**32 - 1,
    expected="the number of a group that is not root's, from 1 to 4294967294",
)
VMAIL_ROOT = env.read(
    "str",
    "VMAIL_ROOT",
    default="/var/vmail",
    # As mailconf writes it into the files of other programs.
    valid=lambda path: re.fullmatch(r"/[A-Za-z0-9._/+-]*", path),
    expected="an absolute path of letters, digits and . _ + - /",
)

# Whether Dovecot offers it, for its configuration and for what mail programs and the DNS are told.
POP3 = env.read("bool", "POP3", default=True)

# --- Postfix: services of its master.cf to which a domain may be handed on besides those that Postfix always has
MAIL_TRANSPORTS = env.read(
    "list",
    "MAIL_TRANSPORTS",
    default=[],
    valid=lambda names: all(re.fullmatch(r"[a-z][a-z0-9_-]*", name) for name in names),
    expected="names of services in master.cf such as maildrop, separated by commas",
)

# --- DNS: what the pages want there, whom they ask, and who hears of changes
addresses = {
    "valid": lambda found: all(map(is_address, found)),
    "expected": "IPv4 and IPv6 addresses, separated by commas",
}
absolute_path = {"default": "", "valid": lambda path: not path or path.startswith("/")}
mail_address = {
    "default": "",
    "valid": lambda text: not text or passes(validate_email, text),
    "expected": "an address such as postmaster@example.org",
}
MAIL_ADDRESSES = env.read("list", "MAIL_ADDRESSES", default=[], **addresses)
MAIL_RELAYHOST = env.read(
    "str",
    "MAIL_RELAYHOST",
    default="",
    valid=lambda name: not name or is_host_name(name),
    expected="a host name such as smtp.example.net",
)
MAIL_CERTIFICATE = env.read(
    "str", "MAIL_CERTIFICATE", expected="the absolute path of a certificate in PEM", **absolute_path
)
PROFILE_CERTIFICATE = env.read(
    "str",
    "PROFILE_CERTIFICATE",
    expected="the absolute path of a certificate in PEM, the chain after it",
    **absolute_path,
)
PROFILE_KEY = env.read(
    "str",
    "PROFILE_KEY",
    expected="the absolute path of the certificate's key in PEM",
    **absolute_path,
)
REPORTS_TO = env.read("str", "REPORTS_TO", **mail_address)
MTA_STS = env.read(
    "str",
    "MTA_STS",
    default="none",
    choices={"none", "testing", "enforce"},
    expected="none, testing or enforce",
)
HELPER_SOCKET = env.read(
    "str", "HELPER_SOCKET", expected="the absolute path of the helper's socket", **absolute_path
)
SRS = env.read("bool", "SRS", default=False)
DKIM_SIGNER = env.read(
    "str",
    "DKIM_SIGNER",
    default="none",
    choices={"none", "opendkim"},
    expected="none or opendkim",
)
DNS_CHANGES_TO = env.read("str", "DNS_CHANGES_TO", **mail_address)
DNS_RESOLVERS = env.read(
    "list",
    "DNS_RESOLVERS",
    default=[],
    valid=lambda servers: all(map(is_server, servers)),
    expected="addresses such as 127.0.0.1 or 127.0.0.1:5353, separated by commas",
)
BLOCK_LISTS = env.read(
    "list",
    "BLOCK_LISTS",
    default=[],
    valid=lambda names: len(names) <= 5 and all(map(is_host_name, names)),
    expected="at most five names such as zen.spamhaus.org, separated by commas",
)
DNS_UPDATE_SERVER = env.read(
    "str",
    "DNS_UPDATE_SERVER",
    default="",
    valid=lambda server: not server or is_server(server),
    expected="an address such as 192.0.2.53 or 127.0.0.1:5353",
)
DNS_UPDATE_KEY = env.read(
    "str",
    "DNS_UPDATE_KEY",
    default="",
    valid=lambda key: not key or is_tsig_key(key),
    expected="a TSIG key as name:hmac-sha256:secret",
)

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

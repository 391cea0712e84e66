import re

from mailadmin.environment import (
    Environment,
    is_host_name,
    is_loopback_port,
    is_mail_door,
    is_network,
    is_sender,
    is_valid_mail_url,
    is_web_address,
    is_webhook_host,
)

env = Environment()

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
# How long what is deleted can be restored. 0: nothing is kept.
DELETED_DAYS = env.read(
    "int",
    "DELETED_DAYS",
    default=30,
    valid=lambda days: 0 <= days <= 3_650,
    expected="days, at most 3650; 0 keeps nothing",
)
# Whether a timer removes the directories of mail that nobody can restore (deploy/systemd/mailadmin-purge.timer).
PURGE = env.read("bool", "PURGE", default=False)
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
# Messages to many mailboxes: whether domain administrators may write them, and how fast the mail server is handed them.
DOMAIN_ADMINS_BROADCAST = env.read("bool", "DOMAIN_ADMINS_BROADCAST", default=True)
BROADCAST_RATE = env.read(
    "int",
    "BROADCAST_RATE",
    default=300,
    valid=lambda n: 1 <= n <= 60_000,
    expected="messages a minute, from 1 to 60000",
)
MAIL_HOSTNAME = env.read(
    "str",
    "MAIL_HOSTNAME",
    default="mail.example.org",
    valid=is_host_name,
    expected="a host name such as mail.example.org",
)
# For links in mail and what passkeys belong to, which never take the name that a request was sent to.
PANEL_URL = env.read(
    "str",
    "PANEL_URL",
    default="",
    valid=lambda url: not url or (is_web_address(url) and url.endswith("/")),
    expected="a URL such as https://panel.example.org/, with a slash at its end",
)
with_address = {
    "valid": lambda on: not on or PANEL_URL,
    "expected": "True or False; True only with PANEL_URL, where the links in mail lead",
}
FORGOTTEN_PASSWORDS = {
    "mailbox": env.read(
        "bool",
        "FORGOTTEN_PASSWORD_USERS",
        default=bool(PANEL_URL) and EMAIL_CONFIG["EMAIL_BACKEND"].endswith("smtp.EmailBackend"),
        **with_address,
    ),
    "admin": env.read("bool", "FORGOTTEN_PASSWORD_ADMINS", default=False, **with_address),
}
# Whether Dovecot refuses a password whose lifetime is over, too (mailconf writes its query so).
PASSWORD_LIFETIME_IN_MAIL = env.read("bool", "PASSWORD_LIFETIME_IN_MAIL", default=False)
WEBMAIL_URL = env.read(
    "str",
    "WEBMAIL_URL",
    default="",
    valid=lambda url: not url or is_web_address(url),
    expected="a URL such as https://webmail.example.org/",
)
# With it Roundcube asks for identities and new passwords (mailboxes/webmail.py). None: it cannot.
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
# Whether Dovecot answers for people who are away (deploy/dovecot), so that pages offer it.
AWAY_MESSAGES = env.read("bool", "AWAY_MESSAGES", default=True)

# --- Mail fetched from elsewhere (mailboxes/fetch_runs.py): who takes it here; None: nothing is fetched.
FETCHMAIL_SOCKET = "lmtp:/run/dovecot/mailadmin-lmtp"  # of the shipped dovecot.conf
FETCHMAIL_TO = env.read(
    "str",
    "FETCHMAIL_TO",
    default=FETCHMAIL_SOCKET,
    valid=lambda place: not place or is_mail_door(place),
    expected="lmtp:/path/of/a/socket, lmtp://127.0.0.1:24 or smtp://127.0.0.1:25",
)
FETCHMAIL_FOR_USERS = env.read("bool", "FETCHMAIL_FOR_USERS", default=False)
FETCHMAIL_PLAIN = env.read("bool", "FETCHMAIL_PLAIN", default=False)
# Addresses that are not public and are connected to all the same.
FETCHMAIL_NETWORKS = env.read(
    "list",
    "FETCHMAIL_NETWORKS",
    default=[],
    valid=lambda networks: all(map(is_network, networks)),
    expected="addresses or networks such as 192.168.1.0/24, separated by commas",
)
FETCHMAIL_LARGEST_MB = env.read(
    "int",
    "FETCHMAIL_LARGEST_MB",
    default=50,
    valid=lambda n: 1 <= n <= 1_000,
    expected="MB, from 1 to 1000",
)

# --- Postfix: services of its master.cf to which a domain may be handed on besides those that Postfix always has
MAIL_TRANSPORTS = env.read(
    "list",
    "MAIL_TRANSPORTS",
    default=[],
    valid=lambda names: all(re.fullmatch(r"[a-z][a-z0-9_-]*", name) for name in names),
    expected="names of services in master.cf such as maildrop, separated by commas",
)

# --- The delivery log (mailadmin/deliveries/)
DELIVERY_LOGS = env.read(
    "list",
    "DELIVERY_LOGS",
    default=[],
    valid=lambda logs: all(log == "journal" or log.startswith("/") for log in logs),
    expected="journal, or absolute paths of log files, separated by commas",
)
DELIVERIES_DAYS = env.read(
    "int",
    "DELIVERIES_DAYS",
    default=30,
    valid=lambda n: 1 <= n <= 400,
    expected="days, from 1 to 400",
)
DELIVERIES_MOST = env.read(
    "int",
    "DELIVERIES_MOST",
    default=5_000_000,
    valid=lambda n: 1_000 <= n <= 10**9,
    expected="rows, from 1000 to 1000000000",
)
DELIVERIES_A_MINUTE = env.read(
    "int",
    "DELIVERIES_A_MINUTE",
    default=30_000,
    valid=lambda n: 1 <= n <= 10**7,
    expected="rows, from 1 to 10000000",
)
DELIVERIES_FOR_USERS = env.read("bool", "DELIVERIES_FOR_USERS", default=False)
SENDING_ALARM = env.read(
    "int",
    "SENDING_ALARM",
    default=200,
    valid=lambda n: 0 <= n <= 10**7,
    expected="recipients a day, at most 10000000, 0 for no alarm",
)

# --- Sign-ins to mail (mailadmin/sign_ins/)
# Where Dovecot asks and reports, on this machine; None: it does not.
SIGN_INS = env.read(
    "str",
    "SIGN_INS",
    default="",
    valid=lambda place: not place or is_loopback_port(place),
    expected="an address of this machine and a port such as 127.0.0.1:8011",
)
SIGN_INS_DAYS = env.read(
    "int",
    "SIGN_INS_DAYS",
    default=90,
    valid=lambda n: 1 <= n <= 400,
    expected="days, from 1 to 400",
)
SIGN_INS_MOST = env.read(
    "int",
    "SIGN_INS_MOST",
    default=2_000_000,
    valid=lambda n: 1_000 <= n <= 10**9,
    expected="rows, from 1000 to 1000000000",
)
SIGN_INS_A_MINUTE = env.read(
    "int",
    "SIGN_INS_A_MINUTE",
    default=6_000,
    valid=lambda n: 1 <= n <= 10**6,
    expected="rows, from 1 to 1000000",
)
# Wrong passwords from one network within SIGN_INS_MINUTES, after which it is refused.
SIGN_INS_FAILURES = env.read(
    "int",
    "SIGN_INS_FAILURES",
    default=20,
    valid=lambda n: 0 <= n <= 10_000,
    expected="wrong passwords, at most 10000, 0 to refuse nobody",
)
some_minutes = {"valid": lambda n: 1 <= n <= 10_080, "expected": "minutes, from 1 to 10080, a week"}
SIGN_INS_MINUTES = env.read("int", "SIGN_INS_MINUTES", default=10, **some_minutes)
SIGN_INS_REFUSED_MINUTES = env.read("int", "SIGN_INS_REFUSED_MINUTES", default=60, **some_minutes)
SIGN_INS_SLOWED_SECONDS = env.read(
    "int",
    "SIGN_INS_SLOWED_SECONDS",
    default=0,
    valid=lambda n: 0 <= n <= 30,
    expected="seconds, from 1 to 30, or 0 to refuse",
)
SIGN_INS_TRUSTED = env.read(
    "list",
    "SIGN_INS_TRUSTED",
    default=[],
    valid=lambda networks: all(map(is_network, networks)),
    expected="addresses or networks such as 192.0.2.0/24, separated by commas",
)

# --- Events and webhooks (accounts/events.py, accounts/webhooks.py)
EVENTS_DAYS = env.read(
    "int",
    "EVENTS_DAYS",
    default=30,
    valid=lambda n: 1 <= n <= 400,
    expected="days, from 1 to 400",
)
# Where webhooks may lead; empty: nowhere.
WEBHOOK_HOSTS = env.read(
    "list",
    "WEBHOOK_HOSTS",
    default=[],
    valid=lambda hosts: all(map(is_webhook_host, hosts)),
    expected="hosts such as hooks.example.net, *.example.org or hooks.lan:8443, separated by commas",
)
# Addresses that are not public, to which they may lead all the same, by http too.
WEBHOOK_NETWORKS = env.read(
    "list",
    "WEBHOOK_NETWORKS",
    default=[],
    valid=lambda networks: all(map(is_network, networks)),
    expected="addresses or networks such as 192.0.2.0/24, separated by commas",
)
WEBHOOK_DAYS = env.read(
    "int",
    "WEBHOOK_DAYS",
    default=5,
    valid=lambda n: 1 <= n <= 30,
    expected="days, from 1 to 30",
)

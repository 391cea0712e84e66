from django.core.validators import validate_email

from mailadmin.environment import (
    Environment,
    is_address,
    is_host_name,
    is_server,
    is_tsig_key,
    passes,
)
from mailadmin.mail_settings import MAIL_HOSTNAME

env = Environment()

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
# Mail to it is the panel's own: Postfix puts it where `manage.py reports` reads it.
REPORTS_HERE = f"dmarc-reports@{MAIL_HOSTNAME.lower()}"
REPORT_DAYS = env.read(
    "int",
    "REPORT_DAYS",
    default=90,
    valid=lambda n: 7 <= n <= 400,
    expected="days, from 7 to 400",
)
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
SRS = env.read("bool", "SRS", default=None)  # None: not set
DKIM_SIGNER = env.read(
    "str",
    "DKIM_SIGNER",
    default="none",
    choices={"none", "opendkim", "rspamd"},
    expected="none, opendkim or rspamd",
)
DNS_CHANGES_TO = env.read("str", "DNS_CHANGES_TO", **mail_address)
# What `manage.py doctor --mail` tells.
FINDINGS_TO = env.read("str", "FINDINGS_TO", **mail_address | {"default": DNS_CHANGES_TO})
DNS_RESOLVERS = env.read(
    "list",
    "DNS_RESOLVERS",
    default=[],
    valid=lambda servers: all(map(is_server, servers)),
    expected="addresses such as 127.0.0.1 or 127.0.0.1:5353, separated by commas",
)
# Whether a reseller makes only domains whose DNS says so: mail to a domain that is here does not leave this server.
RESELLERS_PROVE_DOMAINS = env.read("bool", "RESELLERS_PROVE_DOMAINS", default=True)
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

"""Fill in the files of deploy/, which mailadmin/written_files.py writes into a directory.

What an operator reads in deploy/ is what is written, with ``@NAME@`` markers replaced and
``# BEGIN name`` … ``# END name`` blocks kept or left out. Only the standard library is needed: the installer
works before Django is there.
"""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from domains import sender_lists
from mailadmin import webmail_files
from mailadmin.written_files import SQL_USERS, NotPossible

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
FOLDERS = (
    *("postfix", "dovecot", "sieve", "opendkim", "postsrsd", "mariadb", "nginx", "haproxy"),
    *("systemd", "journald", "fail2ban", "roundcube", "rspamd", "redis"),
)
# Files that are written only if one of these blocks is.
ONLY_WITH = {
    "haproxy/": {"haproxy-panels", "haproxy-sql"},
    "opendkim/": {"opendkim"},
    "roundcube/": {"webmail"},
    "fail2ban/filter.d/mailadmin-webmail.conf": {"webmail"},
    "mariadb/signer.sql": {"opendkim", "rspamd"},
    "rspamd/": {"rspamd"},
    "redis/": {"rspamd"},
    "systemd/opendkim.service.d/": {"opendkim"},
    "systemd/mailadmin-helper.": {"helper"},
    "systemd/mailadmin-deliveries.": {"deliveries"},
    "mariadb/deliveries.sql": {"deliveries"},
    "deliveries/": {"deliveries"},
    "systemd/mailadmin-purge.": {"purge"},
    "mariadb/purge.sql": {"purge"},
    "purge/": {"purge"},
    "systemd/mailadmin-signins.": {"sign-ins"},
    "mariadb/signins.sql": {"sign-ins"},
    "signins/": {"sign-ins"},
    "helper/signer.cnf": {"rspamd"},
    "helper/": {"helper"},
    "postsrsd/": {"srs"},
    "postfix/srs_own.cf": {"srs"},
    "dovecot/2.3/mailadmin-dict-sieve.conf.ext": {"away-messages"},
}
# Written once for each address from which the daemons reach the database.
PER_CLIENT = {
    *("mariadb/grants.sql", "mariadb/signer.sql", "mariadb/deliveries.sql"),
    *("mariadb/signins.sql", "mariadb/purge.sql", "roundcube/database.sql"),
}
# Files of other folders, which hold what is used where it is.
ALONE = (
    "README.md",
    "helper/mailbox.cf",
    "helper/directories.cf",
    "helper/signer.cnf",
    "deliveries/deliveries.env",
    "purge/purge.env",
    "signins/signins.env",
)
MARKER = re.compile(r"@([A-Z][A-Z0-9_]*)@")
BLOCK = re.compile(r"^# BEGIN ([\w.-]+)\n.*?^# END \1\n", re.MULTILINE | re.DOTALL)
SERVER = re.compile(r"^# BEGIN sql-server\n(.*?)^# END sql-server\n", re.MULTILINE | re.DOTALL)

HOST = re.compile(r"[A-Za-z0-9.-]+")
HOSTS = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?(,[A-Za-z0-9.-]+(:[0-9]+)?)*")
PATH = re.compile(r"/[A-Za-z0-9._/+-]*")
NAME = re.compile(r"[A-Za-z0-9_$-]+")
NUMBER = re.compile(r"[0-9]+")
OWNER = re.compile(r"[1-9][0-9]{0,9}")  # not root
# What may stand in a place: none of the five file formats gets to see a quote or a blank.
SHAPES = {
    "HOSTNAME": HOST,
    "PANEL_HOST": HOST,
    "DB_NAME": NAME,
    "DB_HOST": HOST,
    "DB_PORT": NUMBER,
    "DB_SOCKET": PATH,
    "SQL_HOSTS": HOSTS,
    "PANELS": HOSTS,
    "HAPROXY_CERT": PATH,
    "HAPROXY_SQL_PORT": NUMBER,
    "POSTFIX_SQL_USER": NAME,
    "DOVECOT_SQL_USER": NAME,
    "SIGNER_SQL_USER": NAME,
    "DELIVERIES_SQL_USER": NAME,
    "SIGNINS_SQL_USER": NAME,
    "PURGE_SQL_USER": NAME,
    "SIGNER_PORT": NUMBER,
    "SRS_PORT": NUMBER,
    "SRS_BACK_PORT": NUMBER,
    "SPAM_PORT": NUMBER,
    "SPAM_RUN": PATH,
    "REDIS_SOCKET": PATH,
    "SIGNING_KEYS": PATH,
    "SENDING_LIMITS": PATH,
    "MAILBOX_LIMIT": NUMBER,
    "DOMAIN_LIMIT": NUMBER,
    "OPENDKIM_CONF": PATH,
    "SQL_CLIENT": re.compile(r"[A-Za-z0-9.:%_/-]+(,[A-Za-z0-9.:%_/-]+)*"),
    "VMAIL_ROOT": PATH,
    "VMAIL_UID": OWNER,
    "VMAIL_GID": OWNER,
    "VMAIL_USER": re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*"),
    "TLS_CERT": PATH,
    "TLS_KEY": PATH,
    "MAPS": PATH,
    "DOVECOT_CONF": PATH,
    "POSTFIX_QUEUE": PATH,
    "PANEL_DIR": PATH,
    "PANEL_PYTHON": PATH,
    "REPORTS_DIR": PATH,
    "REPORTS_USER": re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*"),
    "PANEL_USER": re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*"),
    "EXPUNGE_DAYS": re.compile(r"[1-9][0-9]{0,3}"),
    "WEBMAIL_HOST": HOST,
}


# Where there is none to ask: Debian 12's.
POSTFIX, NGINX = "3.7", "1.22"
# The first release of each series that knows smtpd_forbid_bare_newline = normalize; later series all do.
NORMALIZES = {(3, 5): 24, (3, 6): 14, (3, 7): 10, (3, 8): 5}


def postfix_here():
    return _answer("postconf", "-dh", "mail_version") or None


def nginx_here():
    return _answer("nginx", "-v").rpartition("/")[2] or None


def sieve_here():
    return Path("/usr/lib/dovecot/modules/lib90_sieve_plugin.so").exists()


def _answer(program, *arguments):
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not path:
        return ""
    run = subprocess.run(  # noqa: S603  nothing in it is anybody's input
        [path, *arguments], capture_output=True, text=True
    )
    # postconf warns of a file that is not there yet; nginx says its version where others complain.
    return (run.stdout or run.stderr).strip() if run.returncode == 0 else ""


def nginx_blocks(version):
    series = tuple(map(int, re.findall(r"[0-9]+", version)[:3]))
    return {"nginx-1.25" if series >= (1, 25, 1) else "nginx-before-1.25"}


def postfix_blocks(version):
    """The optional blocks that Postfix ``version``, e.g. "3.7.11", understands.

    "3.7" is the newest release of that series. Raises NotPossible.
    """
    parts = re.fullmatch(r"([0-9]+)\.([0-9]+)(?:\.([0-9]+))?([^0-9].*)?", version)
    if not parts:
        raise NotPossible(f"{version!r} is not a version of Postfix.")
    series = int(parts[1]), int(parts[2])
    blocks = {"postfix-3.10"} if series >= (3, 10) else set()
    if series > (3, 8) or int(parts[3] or 99) >= NORMALIZES.get(series, 100):
        blocks.add("postfix-normalizes")
    return blocks


def fill_in(wanted, database, passwords, **given):
    """``{marker: value}``. ``wanted`` are the panel's settings, ``database`` an entry of settings.DATABASES.

    ``given`` are markers set by hand (None: the default). Raises NotPossible.
    """
    given = {name: str(value) for name, value in given.items() if value is not None}
    values = {
        **webmail_files.DEFAULTS,
        **wanted,
        "MAPS": "/etc/postfix/sql",
        "DOVECOT_CONF": "/etc/dovecot",
        "POSTFIX_QUEUE": "/var/spool/postfix",
        "POSTFIX_SQL_USER": "mailadmin_postfix",
        "DOVECOT_SQL_USER": "mailadmin_dovecot",
        "SIGNER_SQL_USER": "mailadmin_signer",
        "DELIVERIES_SQL_USER": "mailadmin_log",
        "SIGNINS_SQL_USER": "mailadmin_signins",
        "PURGE_SQL_USER": "mailadmin_purge",
        "SIGNER_PORT": "8891",
        "SRS_PORT": "10001",
        "SRS_BACK_PORT": "10002",
        "OPENDKIM_CONF": "/etc/opendkim",
        "SPAM_PORT": "11332",
        "SPAM_RUN": "/run/rspamd",
        "REDIS_SOCKET": "/run/redis/redis-server.sock",
        "SIGNING_KEYS": "/var/lib/mailadmin-signing/keys.map",
        # Written beside them.
        "SENDING_LIMITS": "/var/lib/mailadmin-signing/limits.map",
        "MAILBOX_LIMIT": "300",
        "DOMAIN_LIMIT": "3000",
        "PANEL_DIR": str(DEPLOY.parent),
        "PANEL_PYTHON": f"{DEPLOY.parent}/.venv/bin/python",
        "REPORTS_USER": "mailadmin",  # as the units have it
        "PANEL_USER": "mailadmin",
        "EXPUNGE_DAYS": "15",
        "HAPROXY_CERT": "/etc/haproxy/mailadmin.pem",
        "HAPROXY_SQL_PORT": "3307",
        "DB_NAME": str(database.get("NAME", "")),
        **(_address_in(given["SQL_HOSTS"]) if "SQL_HOSTS" in given else _address_of(database)),
        **given,
    }
    values.setdefault("PANEL_HOST", values["HOSTNAME"])
    # Where `manage.py reports` looks.
    values.setdefault("REPORTS_DIR", f"{values['PANEL_DIR']}/var/reports")
    certificates = f"/etc/letsencrypt/live/{values['HOSTNAME']}"
    values.setdefault("TLS_CERT", f"{certificates}/fullchain.pem")
    values.setdefault("TLS_KEY", f"{certificates}/privkey.pem")
    values.setdefault("VMAIL_USER", _account_name(values["VMAIL_UID"]))
    if "SQL_CLIENT" not in values:
        raise NotPossible(
            f"The database is on {values['DB_HOST']}: say from which address the mail server"
            " connects to it, e.g. --sql-client 192.0.2.25 (or several, with commas)."
        )
    for name, shape in SHAPES.items():
        if name in values and not shape.fullmatch(values[name]):
            raise NotPossible(f"{values[name]!r} cannot be used for {name}.")
    # grants.sql gives each of them a password of its own: no other program may be locked out.
    users = [values[f"{name.upper()}_SQL_USER"] for name in SQL_USERS]
    if len(set(users)) < len(users) or {*users} & {database.get("USER", ""), "root"}:
        raise NotPossible(
            f"Postfix ({users[0]}), Dovecot ({users[1]}), the signer ({users[2]}), the delivery log ({users[3]}), sign-ins"
            f" ({users[4]}) and what removes mail ({users[5]}) each need an SQL user of their own, which is not the panel's and not root:"
            " see --postfix-user, --dovecot-user, --signer-user, --deliveries-user, --signins-user and --purge-user."
        )
    values["VMAIL_ROOT"] = values["VMAIL_ROOT"].rstrip("/")
    try:
        of_webmail = webmail_files.of_passwords(values, passwords)
    except ValueError as error:
        raise NotPossible(str(error)) from error
    return values | _sql_values(values, passwords) | of_webmail


def _address_of(database):
    if not database["ENGINE"].endswith("mysql"):
        raise NotPossible(
            "Postfix and Dovecot read MariaDB or MySQL, and this panel uses another database."
            " Set DATABASE_URL to mysql://… and run `manage.py migrate` first."
        )
    host = database.get("HOST") or ""
    socket = database.get("OPTIONS", {}).get("unix_socket") or (host if host[:1] == "/" else "")
    if socket or host in ("", "localhost"):
        return {"DB_SOCKET": socket or "/run/mysqld/mysqld.sock", "SQL_CLIENT": "localhost"}
    address = {"DB_HOST": host, "DB_PORT": str(database.get("PORT") or 3306)}
    if host.startswith("127."):
        address["SQL_CLIENT"] = "127.0.0.1"
    return address


def _address_in(hosts):
    host, _colon, port = hosts.partition(",")[0].partition(":")
    address = {"DB_HOST": host, "DB_PORT": port or "3306"}
    return address | ({"SQL_CLIENT": "127.0.0.1"} if host.startswith("127.") else {})


def _pairs(hosts, port):
    parts = [host.partition(":") for host in hosts.split(",")]
    return [(host, given or port) for host, _colon, given in parts]


def _account_name(uid):
    try:
        return pwd.getpwuid(int(uid)).pw_name
    except (KeyError, ValueError):
        return "vmail"


def _sql_values(values, passwords):
    servers = _pairs(values.get("SQL_HOSTS") or values.get("DB_HOST", ""), values.get("DB_PORT"))
    if "DB_SOCKET" in values:
        servers = [(values["DB_SOCKET"], "")]
        hosts, where = f"unix:{values['DB_SOCKET']}", f"host={values['DB_SOCKET']}"
    else:
        hosts = " ".join(f"inet:{host}:{port}" for host, port in servers)
        where = " ".join(f"host={host}" for host, _port in servers) + f" port={servers[0][1]}"
        if len({port for _host, port in servers}) > 1:
            raise NotPossible(
                f"{values['SQL_HOSTS']!r} cannot be used: Dovecot 2.3 looks for all database servers"
                " at the same port."
            )
    return {
        "SQL_SERVERS": servers,
        "POSTFIX_SQL_HOSTS": hosts,
        "POSTFIX_SQL_PASSWORD": passwords["postfix"],
        "DOVECOT_SQL_PASSWORD": passwords["dovecot"],
        "DOVECOT_SQL_CONNECT": f"{where} dbname={values['DB_NAME']}"
        f" user={values['DOVECOT_SQL_USER']} password={passwords['dovecot']}",
        "SIGNER_SQL_PASSWORD": passwords.get("signer", ""),
        "SIGNER_SQL_CLIENT": "\n".join(
            [f"socket = {values['DB_SOCKET']}"]
            if "DB_SOCKET" in values
            else [f"host = {servers[0][0]}", f"port = {servers[0][1]}"]
        ),
        # OpenDKIM knows no socket by its path and no second server: "localhost" is the client library's own socket.
        "SIGNER_SQL": f"{values['SIGNER_SQL_USER']}:{passwords.get('signer', '')}@"
        f"{servers[0][1] or 3306}+{'localhost' if 'DB_SOCKET' in values else servers[0][0]}/{values['DB_NAME']}",
        "DELIVERIES_SQL_PASSWORD": passwords.get("deliveries", ""),
        "DELIVERIES_SQL_URL": _url("deliveries", values, passwords, servers[0]),
        "SIGNINS_SQL_PASSWORD": passwords.get("signins", ""),
        "SIGNINS_SQL_URL": _url("signins", values, passwords, servers[0]),
        "PURGE_SQL_PASSWORD": passwords.get("purge", ""),
        "PURGE_SQL_URL": _url("purge", values, passwords, servers[0]),
        **_haproxy_values(values, servers),
    }


def _url(name, values, passwords, server):
    user, password = values[f"{name.upper()}_SQL_USER"], passwords.get(name, "")
    host, port = server
    place = "localhost" if "DB_SOCKET" in values else f"{host}:{port or 3306}"
    socket = f"?unix_socket={host}" if "DB_SOCKET" in values else ""
    return f"mysql://{user}:{password}@{place}/{values['DB_NAME']}{socket}"


def _haproxy_values(values, servers):
    panels = _pairs(values["PANELS"], "8000") if "PANELS" in values else []
    lines = {
        "HAPROXY_PANELS": [
            f"server panel{n} {host}:{port} check cookie panel{n}"
            for n, (host, port) in enumerate(panels, start=1)
        ],
        "HAPROXY_PANELS_FOR_PROGRAMS": [
            f"server panel{n} {host}:{port} check" for n, (host, port) in enumerate(panels, start=1)
        ],
        "HAPROXY_PANELS_UNCHECKED": [
            f"server panel{n} {host}:{port}" for n, (host, port) in enumerate(panels, start=1)
        ],
        "HAPROXY_SQL": [
            f"server node{n} {host}:{port} check{' backup' if n > 1 else ''}"
            for n, (host, port) in enumerate(servers, start=1)
        ],
    }
    return {name: "\n".join(f"    {line}" for line in texts) for name, texts in lines.items()}


def render(values, blocks=()):
    blocks = set(blocks) | ({"sql-tcp"} if "DB_HOST" in values else set())
    of_haproxy = {"haproxy-panels": "PANELS", "haproxy-sql": "SQL_HOSTS"}
    blocks |= {block for block, marker in of_haproxy.items() if marker in values}
    blocks |= set() if blocks & {"opendkim", "rspamd"} else {"unsigned"}
    blocks |= {"webmail"} if "WEBMAIL_HOST" in values else set()
    blocks |= {"senders"} if blocks & {"sender-access", "domain-senders"} else set()
    blocks -= set() if "sieve" in blocks else {"away-messages"}
    blocks |= (
        {"restriction-classes"}
        if blocks & {"recipient-access", "members", "domain-senders"}
        else set()
    )
    values = values | sender_lists.markers(values["MAPS"])
    sources = [path for folder in FOLDERS for path in (DEPLOY / folder).rglob("*")]
    files = {}
    for path in sorted([*sources, *(DEPLOY / name for name in ALONE)]):
        name = str(path.relative_to(DEPLOY))
        needed = next(
            (any_of for place, any_of in ONLY_WITH.items() if name.startswith(place)), blocks
        )
        if path.is_file() and (needed is blocks or blocks & needed):
            text = SERVER.sub(lambda m: _for_each_server(m[1], values), path.read_text())
            text = with_blocks(text, blocks)
            clients = values["SQL_CLIENT"].split(",") if name in PER_CLIENT else [""]
            files[name] = "".join(
                MARKER.sub(lambda m: (values | {"SQL_CLIENT": client})[m[1]], text)  # noqa: B023
                for client in clients
            )
    return files


def panel_here(user="mailadmin"):
    """Whether the panel's user is one of this machine: Dovecot does not start with a service of one that is not."""
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def with_blocks(text, blocks):
    """``text`` with the blocks named, and with "no-name" where "name" is not."""

    def kept(block):
        name = block[1]
        stays = name[3:] not in blocks if name.startswith("no-") else name in blocks
        return block[0] if stays else ""

    return BLOCK.sub(kept, text)


def _for_each_server(text, values):
    return "".join(
        text.replace("@DOVECOT_SQL_HOST@", host).replace("@DOVECOT_SQL_PORT@", port)
        for host, port in values["SQL_SERVERS"]
    )

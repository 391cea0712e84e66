"""Faults of a mail host: the check that finds it, and what its root typed to cause it. What is printed mends them, without a thought."""

from ipaddress import ip_address
from typing import NamedTuple

from tests.host.facts import NAME

MAIN = "postconf -e '{}' && postfix reload"
PRIVATE = "/var/spool/postfix/private"
ROUNDCUBE = "/etc/mailadmin/webmail/config.inc.php"


class Fault(NamedTuple):
    """``afterwards`` takes away what the fault was about, once it is mended."""

    check: str
    cause: str
    afterwards: str = "true"

    def __str__(self):
        return self.check


POSTFIX = [
    Fault("own-domain-in-mydestination", MAIN.format("mydestination = mail.example.org, example.org, localhost")),
    Fault("domain-not-served", MAIN.format("virtual_mailbox_domains =")),
    Fault("mailbox-not-served", MAIN.format("virtual_mailbox_maps =")),
    Fault("sasl-off", "postconf -MX submission/inet submissions/inet && postfix reload"),
    Fault("sasl-not-dovecot", MAIN.format("smtpd_sasl_type = cyrus")),
    Fault("open-relay", MAIN.format("mynetworks = 0.0.0.0/0")),
    Fault("open-relay", MAIN.format("smtpd_relay_restrictions = permit_mynetworks, permit")),
    Fault("smuggling-possible", MAIN.format("smtpd_forbid_bare_newline = no")),
    Fault("delimiter-differs", MAIN.format("recipient_delimiter = -")),
    Fault("socket-missing", f"rm {PRIVATE}/dovecot-lmtp"),
    Fault("socket-closed", f"chown root:root {PRIVATE}/auth"),
    Fault("socket-dead", "kill -9 $(cat /run/dovecot/master.pid)"),
    Fault(
        "submission-in-clear",
        "postconf -P submission/inet/smtpd_tls_security_level=may && postconf -e smtpd_tls_auth_only=no && postfix reload",
        "postconf -P submission/inet/smtpd_tls_security_level=encrypt && postfix reload",
    ),
    Fault(
        "submission-in-clear",
        "postconf -P submission/inet/smtpd_tls_security_level=may submission/inet/smtpd_tls_auth_only=no && postfix reload",
        "postconf -P submission/inet/smtpd_tls_security_level=encrypt && postconf -PX submission/inet/smtpd_tls_auth_only && postfix reload",
    ),
]  # fmt: skip
MAPS = [
    Fault("grants-missing", "mariadb -e \"REVOKE SELECT (active) ON mail.domain FROM mailadmin_postfix@localhost\""),
    Fault("grants-missing", "mariadb -e \"SET PASSWORD FOR mailadmin_postfix@localhost = PASSWORD('x')\""),
    Fault("grants-missing", "mariadb -e \"DROP USER mailadmin_postfix@localhost\""),
    Fault(
        "map-type-unknown",  # as hash: is where Postfix comes without it
        "echo 'old@example.net new@example.net' > /etc/postfix/old && postconf -e 'canonical_maps = lmdb:/etc/postfix/old'",
        "postconf -X canonical_maps && rm /etc/postfix/old && postfix reload",
    ),
    Fault(
        "map-not-built",
        "echo 'old@example.net new@example.net' > /etc/postfix/old && postconf -e 'canonical_maps = hash:/etc/postfix/old'",
        "postconf -X canonical_maps && rm /etc/postfix/old* && postfix reload",
    ),
    Fault(
        "map-not-built",
        "touch /etc/postfix/old && postmap /etc/postfix/old && touch -d -1hour /etc/postfix/old.db && postconf -e 'canonical_maps = hash:/etc/postfix/old'",
        "postconf -X canonical_maps && rm /etc/postfix/old* && postfix reload",
    ),
    Fault("secrets-open", "find /etc/postfix/sql /etc/dovecot -maxdepth 1 -type f -exec chmod 644 {} +"),
]  # fmt: skip
DOVECOT = [
    Fault("dovecot-down", "doveadm stop"),
    # Of 2.3 and of 2.4.
    Fault("passdb-without-sql", r"sed -i -e '/^passdb {/,/^}/ s/driver = sql/driver = pam/' -e 's/^passdb sql {/&\n  driver = pam/' /etc/dovecot/dovecot.conf && doveadm reload"),
    Fault("user-unknown-to-dovecot", r"sed -i -e '/^userdb {/,/^}/ { s/driver = sql/driver = passwd/; /args/d }' -e 's/^userdb sql {/&\n  driver = passwd/' /etc/dovecot/dovecot.conf && doveadm reload"),
    Fault("login-fails", "mariadb -e \"SET PASSWORD FOR mailadmin_dovecot@localhost = PASSWORD('x')\" && doveadm reload"),
    Fault("mail-not-writable", "chown -R root:root /var/vmail"),
    Fault("mail-not-writable", "chmod 500 /var/vmail/example.org/ann"),
    Fault("mail-not-writable", "chmod 700 /var"),
    Fault("mail-open", "chmod 755 /var/vmail"),
    Fault(
        "mail-root-missing",
        "mv /var/vmail /var/away",
        "rm -r /var/vmail && mv /var/away /var/vmail",
    ),
    Fault(
        "mail-not-mounted",
        "echo \"tmpfs /var/vmail/example.net tmpfs mode=700,uid=$(id -u vmail),gid=$(id -g vmail)\" > /etc/fstab && mkdir /var/vmail/example.net",
        "umount /var/vmail/example.net && rmdir /var/vmail/example.net && rm /etc/fstab",
    ),
]  # fmt: skip
QUEUE = [
    Fault("postfix-down", "postfix stop"),
]
WEBMAIL_FAULTS = [
    Fault("webmail-does-not-sign-in", f"echo \"\\$config['smtp_user'] = '';\" >> {ROUNDCUBE}"),
    Fault("webmail-does-not-sign-in", f"echo \"\\$config['smtp_host'] = '127.0.0.1:25';\" >> {ROUNDCUBE}"),
    Fault("webmail-waits-too-long", f"echo \"\\$config['imap_timeout'] = 600;\" >> {ROUNDCUBE}"),
]  # fmt: skip
# Of one node, which is enough to fall out of step.
CLUSTER = r"[mariadbd]\nwsrep_on = ON\nwsrep_provider = /usr/lib/galera/libgalera_smm.so\nwsrep_cluster_address = gcomm://\n"
CLUSTER += (
    r"binlog_format = ROW\ninnodb_autoinc_lock_mode = 2\nlog_bin_trust_function_creators = 1\n"
)
DATABASE = [
    Fault("database-away", "systemctl stop mariadb"),
    Fault("database-time-zone", "mariadb -e \"SET GLOBAL time_zone = '+05:00'\""),
    Fault("key-collation", "mariadb mail -e \"SET foreign_key_checks = 0; ALTER TABLE alias_target MODIFY target varchar(255) COLLATE utf8mb4_general_ci NOT NULL\""),
    Fault(
        "trigger-of-another",  # a dump from another server
        "mariadb-dump --no-data --no-create-info --triggers --add-drop-trigger mail | sed 's/DEFINER=[^ ]*/DEFINER=`panel`@`old.example.org`/' | mariadb mail",
    ),
    Fault(
        "binary-log-without-trust",
        "printf '[mariadbd]\\nlog_bin = on\\n' > /etc/mysql/mariadb.conf.d/99-log.cnf && systemctl restart mariadb",
        "rm /etc/mysql/mariadb.conf.d/99-log.cnf && systemctl restart mariadb",
    ),
    Fault("database-cannot-save", "mariadb -e 'SET GLOBAL read_only = 1'"),
    Fault(
        "node-out-of-cluster",
        f"printf '{CLUSTER}' > /etc/mysql/mariadb.conf.d/99-cluster.cnf && systemctl restart mariadb && mariadb -e 'SET GLOBAL wsrep_desync = ON'",
        "rm /etc/mysql/mariadb.conf.d/99-cluster.cnf && systemctl restart mariadb",
    ),
]  # fmt: skip
PANEL = [
    Fault("settings", "mariadb mail -e \"DROP TRIGGER $(mariadb -BN mail -e 'SHOW TRIGGERS' | head -1 | cut -f1)\""),
]  # fmt: skip
FAULTS = [
    (subject, fault)
    for subject, faults in {
        "postfix": POSTFIX,
        "maps": MAPS,
        "dovecot": DOVECOT,
        "queue": QUEUE,
        "database": DATABASE,
        "panel": PANEL,
    }.items()
    for fault in faults
]

# --- The DNS: the check, and the records that differ from the right ones

OUTSIDE = {"192.0.2.9": "one.test", "192.0.2.10": "two.test", "192.0.2.11": "three.test"}
DEAD = {
    key: value
    for address, name in OUTSIDE.items()
    for key, value in {f"MX {name}": [f"mx.{name}"], f"A mx.{name}": [address]}.items()
}
PTR = "PTR 25.2.0.192.in-addr.arpa"
SIX = "2001:db8::25"
PTR6 = f"PTR {ip_address(SIX).reverse_pointer}"
ZONE = {
    f"A {NAME}": ["192.0.2.25"],
    PTR: [NAME],
    f"TXT {NAME}": ["v=spf1 a -all"],
    "MX example.org": [NAME],
    "TXT example.org": [f"v=spf1 a:{NAME} -all"],
    "TXT _dmarc.example.org": ["v=DMARC1; p=none"],
}
DNS = [
    ("dns-of-host", {PTR: []}),
    ("dns-of-host", {PTR: ["host25.provider.test"]}),
    ("dns-of-host", {f"A {NAME}": []}),
    ("dns-of-host", {f"TXT {NAME}": ["v=spf1 -all"]}),
    ("dns-of-host", {f"AAAA {NAME}": [SIX]}),
    ("dns-of-host", {f"AAAA {NAME}": [SIX], PTR6: [NAME], f"TXT {NAME}": ["v=spf1 ip4:192.0.2.25 -all"]}),
    ("dns-of-domains", {"TXT example.org": ["v=spf1 ~all"]}),
    ("dns-of-domains", {"TXT example.org": ["v=spf1 include:none.test ip4:192.0.2.25 -all"]}),
    ("dns-of-domains", {"TXT example.org": ["v=spf1 mx -all", "v=spf1 a -all"]}),
    ("dns-of-domains", {f"AAAA {NAME}": [SIX], PTR6: [NAME], "TXT example.org": ["v=spf1 ip4:192.0.2.25 -all"]}),
    ("dns-of-domains", {"MX example.org": []}),
    ("dns-of-domains", {"MX example.org": ["mx.old.test"]}),
]  # fmt: skip

# --- Rows: the check that finds them, and how they came about

HASH = "\\$1\\$c9809462\\$MuNb0XYIpuOBhaXCxWbgY0"
ROWS = {
    "own-aliases-missing": "DELETE FROM alias WHERE address = 'ben@example.org'",
    "recipients-that-do-not-exist": "UPDATE alias SET goto = 'ann@example.org,gone@example.org' WHERE address = 'team@example.org'",
    "mail-loops": "UPDATE alias SET goto = IF(address = 'here@example.org', 'there@example.org', 'here@example.org')"
    " WHERE address IN ('here@example.org', 'there@example.org')",
    "quotas-below-zero": "UPDATE mailbox SET quota = -1 WHERE username = 'ben@example.org'",
    "storage-without-mailbox": "INSERT INTO quota2 (username, bytes, messages) VALUES ('eve@example.org', 1, 1)",
    "passwords-with-one-salt": f"UPDATE mailbox SET password = '{HASH}' WHERE username = 'ben@example.org'",
    "directories-in-one-another": "UPDATE mailbox SET maildir = 'example.org/ann/ben/' WHERE username = 'ben@example.org'",
}  # fmt: skip

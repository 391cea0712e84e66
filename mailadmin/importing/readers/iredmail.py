"""iRedMail's SQL database `vmail`, of MariaDB or, as a copy, of PostgreSQL."""

from mailadmin.findings.found import DECIDE, KEEP
from mailadmin.importing.readers.passwd_file import with_scheme
from mailadmin.importing.readers.sql import SqlReader
from mailadmin.importing.readers.values import MIB, number, yes
from mailadmin.importing.records import (
    Admin,
    Alias,
    AliasDomain,
    Domain,
    Leftover,
    Mailbox,
    Use,
)

EVERYBODY = {"", "public"}
# What Dovecot is handed on to: it is the server itself.
LOCAL = {"", "dovecot", "virtual", "lmtp:unix:private/dovecot-lmtp"}
SIGNS_IN = ("enableimap", "enableimapsecured", "enablepop3", "enablepop3secured")
BCC = (
    ("sender_bcc_domain", "domain"),
    ("recipient_bcc_domain", "domain"),
    ("sender_bcc_user", "username"),
    ("recipient_bcc_user", "username"),
)


class IRedMail(SqlReader):
    name = "iredmail"
    title = "iRedMail"
    help = "iRedMail's database vmail."
    asked = "iRedMail's own queries"
    tables = ("domain", "mailbox", "forwardings", "alias_domain")
    kinds = {
        "mailing-lists": (
            DECIDE,
            "Mailing lists of mlmmj",
            "They are left out: let mlmmj go on under a name of its own, or make aliases of them.",
        ),
        "lists-not-for-everybody": (
            DECIDE,
            "Aliases that only some may write to (accesspolicy)",
            "Here everybody may write to an alias.",
        ),
        "transports-of-mailboxes": (
            DECIDE,
            "Mailboxes with a transport of their own",
            "They become mailboxes here like all others.",
        ),
        "mailboxes-without-delivery": (
            DECIDE,
            "Mailboxes that take no mail but may be read (enabledeliver)",
            "They take mail here.",
        ),
        "some-services-off": (
            KEEP,
            "Mailboxes for which IMAP or POP3 alone is off",
            "Here both are on for all who may sign in.",
        ),
        "allowed-networks": (
            KEEP,
            "Mailboxes that may be opened from some networks only (allow_nets)",
            "Here they may be opened from everywhere.",
        ),
        "copies-left-out": (
            KEEP,
            "Copies of all mail to another address (BCC)",
            "They do not come along: set them in the panel.",
        ),
        "relay-hosts-left-out": (
            KEEP,
            "Relay hosts of senders",
            "They do not come along: set them in the panel.",
        ),
    }
    alias_queries = (
        (
            "SELECT forwardings.forwarding FROM forwardings, domain WHERE forwardings.address = {s}"
            " AND forwardings.domain = domain.domain AND forwardings.active = 1 AND domain.backupmx = 0 AND domain.active = 1"
        ),
        (
            "SELECT forwardings.forwarding FROM forwardings, alias_domain, domain WHERE alias_domain.alias_domain = {d}"
            " AND forwardings.address = CONCAT({u}, '@', alias_domain.target_domain)"
            " AND alias_domain.target_domain = domain.domain AND forwardings.active = 1 AND alias_domain.active = 1"
            " AND domain.backupmx = 0"
        ),
        (
            "SELECT forwardings.forwarding FROM forwardings, domain WHERE forwardings.address = {d}"
            " AND {u} NOT LIKE '%+%' AND forwardings.address = domain.domain AND forwardings.active = 1"
            " AND domain.active = 1 AND domain.backupmx = 0"
        ),
        (
            "SELECT forwardings.forwarding FROM forwardings, alias_domain, domain WHERE {u} <> ''"
            " AND alias_domain.alias_domain = {d} AND forwardings.address = alias_domain.target_domain"
            " AND alias_domain.target_domain = domain.domain AND forwardings.active = 1 AND alias_domain.active = 1"
        ),
    )
    mailbox_query = (
        "SELECT mailbox.username FROM mailbox, domain WHERE mailbox.username = {s} AND mailbox.active = 1"
        " AND mailbox.enabledeliver = 1 AND domain.domain = mailbox.domain AND domain.active = 1"
    )
    domain_query = (
        "SELECT domain FROM domain WHERE domain = {s} AND backupmx = 0 AND active = 1"
        " UNION SELECT a.alias_domain FROM alias_domain a, domain d WHERE a.alias_domain = {s} AND a.active = 1"
        " AND a.target_domain = d.domain AND d.active = 1 AND d.backupmx = 0"
    )

    def records(self):
        for row in self.rows("SELECT * FROM domain"):
            yield _domain(row)
        for row in self.rows("SELECT * FROM alias_domain"):
            yield AliasDomain(row["alias_domain"], row["target_domain"], yes(row["active"]))
        for row in self.rows("SELECT * FROM mailbox"):
            yield from _mailbox(row)
        yield from self._aliases()
        yield from self._administrators()
        for row in self.rows_of("used_quota"):
            yield Use(row["username"], number(row["bytes"]), number(row["messages"]))
        yield from self._left_out()

    def _aliases(self):
        for row in self.rows("SELECT * FROM forwardings WHERE is_maillist = 0 ORDER BY id"):
            address = row["address"]
            yield Alias(
                address if "@" in address else f"@{address}",
                (row["forwarding"],),
                yes(row["active"]),
            )

    def _administrators(self):
        domains = {}
        for row in self.rows_of("domain_admins"):
            if yes(row["active"]):
                domains.setdefault(row["username"].lower(), []).append(row["domain"])
        every = {name for name, names in domains.items() if "ALL" in names}

        def admin(row, superadmin):
            name = row["username"].lower()
            return Admin(
                row["username"],
                with_scheme(row["password"], "CRYPT"),
                superadmin=superadmin or name in every,
                domains=tuple(d for d in domains.get(name, ()) if d != "ALL"),
                active=yes(row["active"]),
            )

        for row in self.rows_of("admin"):
            yield admin(row, False)
        for row in self.rows("SELECT * FROM mailbox WHERE isadmin = 1 OR isglobaladmin = 1"):
            yield admin(row, yes(row["isglobaladmin"]))

    def _left_out(self):
        for row in self.rows_of("maillists"):
            yield Leftover("mailing-lists", row["address"])
        for row in self.rows_of("alias"):
            if row["accesspolicy"] not in EVERYBODY:
                yield Leftover(
                    "lists-not-for-everybody", f"{row['address']} ({row['accesspolicy']})"
                )
        for table, key in BCC:
            for row in self.rows_of(table):
                yield Leftover("copies-left-out", f"{row[key]} to {row['bcc_address']}")
        for row in self.rows_of("sender_relayhost"):
            yield Leftover("relay-hosts-left-out", f"{row['account']} {row['relayhost']}")


def _domain(row):
    return Domain(
        row["domain"],
        active=yes(row["active"]),
        description=row["description"] or "",
        aliases=number(row["aliases"]),
        mailboxes=number(row["mailboxes"]),
        maxquota=number(row["maxquota"]),
        transport="virtual" if row["transport"] in LOCAL else row["transport"],
        backupmx=yes(row["backupmx"]),
    )


def _mailbox(row):
    address = row["username"]
    home = "/".join((row["storagebasedirectory"], row["storagenode"], row["maildir"])).lower()
    services = [yes(row[name]) for name in SIGNS_IN if name in row]
    yield Mailbox(
        address,
        hash=with_scheme(row["password"], "CRYPT"),
        name=row["name"],
        quota=number(row["quota"]) * MIB,
        home=home if row["maildir"] else "",
        mail=f"{row.get('mailboxformat') or 'maildir'}:~/{row.get('mailboxfolder') or 'Maildir'}",
        active=yes(row["active"]),
        may_send=yes(row["enablesmtp"]) or yes(row.get("enablesmtpsecured", 0)),
        may_sign_in=any(services),
    )
    if any(services) and not all(services):
        yield Leftover("some-services-off", address)
    if not yes(row["enabledeliver"]):
        yield Leftover("mailboxes-without-delivery", address)
    if row["transport"] not in LOCAL:
        yield Leftover("transports-of-mailboxes", f"{address} {row['transport']}")
    if row.get("allow_nets"):
        yield Leftover("allowed-networks", f"{address} {row['allow_nets']}")

import json
import time

from mailadmin.findings.found import DECIDE, KEEP
from mailadmin.importing.readers.passwd_file import with_scheme
from mailadmin.importing.readers.sql import SqlReader
from mailadmin.importing.readers.values import number, yes
from mailadmin.importing.records import (
    Admin,
    Alias,
    AliasDomain,
    Domain,
    Leftover,
    Mailbox,
    Use,
)

RECEIVES = ("1", "2")
# Targets that are words of mailcow.
LEARNING = {"null@localhost", "spam@localhost", "ham@localhost"}
SETTINGS = {
    "app_passwd": "passwords of programs",
    "sender_acl": "who may send as another",
    "relayhosts": "relay hosts",
    "transports": "transports",
    "bcc_maps": "copies to another address",
    "recipient_maps": "recipients written anew",
    "tls_policy_override": "TLS of other servers",
    "forwarding_hosts": "hosts that forward",
    "filterconf": "allowed and refused senders",
    "imapsync": "mail that is fetched",
    "quarantine": "mail in quarantine",
}


class Mailcow(SqlReader):
    name = "mailcow"
    title = "mailcow"
    help = "mailcow's database (mailcow: dockerized)."
    asked = "mailcow's own queries"
    tables = ("domain", "mailbox", "alias", "alias_domain", "admin", "domain_admins")
    kinds = {
        "mail-is-encrypted": (
            DECIDE,
            "mailcow stores mail encrypted (mail_crypt), unless that was switched off",
            (
                "Its files are readable only with its key: copy the mail with `doveadm sync`, or bring the keys of its volume"
                " crypt-vol-1 and the plugin's settings along."
            ),
        ),
        "filters-left-out": (
            DECIDE,
            "Sieve filters, which may forward mail or answer it",
            "They are left out: their owners write them anew in webmail.",
        ),
        "aliases-for-inside-only": (
            DECIDE,
            "Aliases that only this server's users may write to",
            "Here everybody may write to an alias.",
        ),
        "mailboxes-of-another-login": (
            KEEP,
            "Mailboxes whose password another system knows (authsource)",
            "They need new passwords here.",
        ),
        "resources-left-out": (KEEP, "Rooms and things of the calendar", "They are left out."),
        "learning-left-out": (
            KEEP,
            "Recipients that throw mail away or teach the spam filter",
            "They are left out; an alias that has no other is left out as a whole, and mail for it is refused.",
        ),
        "temporary-aliases": (
            KEEP,
            "Aliases for a time (spam aliases)",
            "They are left out: here an alias does not end by itself.",
        ),
        "settings-left-out": (
            KEEP,
            "Tables of which nothing comes along",
            "Look at each, and set in the panel what is needed.",
        ),
    }
    alias_queries = (
        "SELECT goto FROM alias WHERE address = {s} AND active IN (1, 2)",
        "SELECT goto FROM spamalias WHERE address = {s} AND permanent <> 0",
        (
            "SELECT username FROM mailbox, alias_domain WHERE alias_domain.alias_domain = {d}"
            " AND mailbox.username = CONCAT({u}, '@', alias_domain.target_domain)"
            " AND mailbox.active IN (1, 2) AND alias_domain.active = 1"
        ),
    )
    mailbox_query = "SELECT username FROM mailbox WHERE username = {s} AND active IN (1, 2)"
    domain_query = (
        "SELECT alias_domain FROM alias_domain WHERE alias_domain = {s} AND active = 1"
        " UNION SELECT domain FROM domain WHERE domain = {s} AND active = 1 AND backupmx = 0"
    )

    @classmethod
    def options(cls, parser):
        super().options(parser)
        parser.add_argument(
            "--maildir-sub",
            metavar="NAME",
            default="Maildir",
            help="MAILDIR_SUB of its mailcow.conf (default: %(default)s).",
        )

    def __init__(self, *, maildir_sub="Maildir", **options):
        super().__init__(**options)
        self.sub = maildir_sub
        if "spamalias" not in self.there or "permanent" not in self._columns("spamalias"):
            self.alias_queries = (self.alias_queries[0], self.alias_queries[2])

    def _columns(self, table):
        return next(self.rows(f"SELECT * FROM {table} LIMIT 1"), {}).keys()

    def answers(self, keys):
        found = super().answers(keys)
        return {key: [to for to in targets if to not in LEARNING] for key, targets in found.items()}

    def records(self):
        for row in self.rows("SELECT * FROM domain"):
            yield Domain(
                row["domain"],
                active=yes(row["active"]),
                description=row["description"] or "",
                aliases=number(row["aliases"]),
                mailboxes=number(row["mailboxes"]),
                maxquota=number(row["maxquota"]),
                quota=number(row["quota"]),
                backupmx=yes(row["backupmx"]),
            )
        for row in self.rows("SELECT * FROM alias_domain"):
            yield AliasDomain(row["alias_domain"], row["target_domain"], yes(row["active"]))
        boxes = 0
        for row in self.rows("SELECT * FROM mailbox"):
            boxes += not row["kind"]
            yield from self._mailbox(row)
        if boxes:
            yield Leftover("mail-is-encrypted", f"{boxes:,} mailboxes")
        yield from self._aliases()
        yield from self._administrators()
        for row in self.rows_of("quota2"):
            yield Use(row["username"], number(row["bytes"]), number(row["messages"]))
        for row in self.rows_of("sieve_filters"):
            yield Leftover("filters-left-out", f"{row['username']} {row.get('script_desc') or ''}")
        for table, what in SETTINGS.items():
            for row in self.rows_of(table, f"SELECT COUNT(*) AS n FROM {table}"):
                if row["n"]:
                    yield Leftover("settings-left-out", f"{table} ({row['n']}: {what})")

    def _mailbox(self, row):
        address, state = row["username"], str(row["active"])
        if row["kind"]:
            yield Leftover("resources-left-out", f"{address} ({row['kind']})")
            return
        attributes = json.loads(row["attributes"] or "{}")
        own = (row.get("authsource") or "mailcow") == "mailcow"
        if not own:
            yield Leftover("mailboxes-of-another-login", f"{address} ({row['authsource']})")
        prefix = (row["mailbox_path_prefix"] or "/var/vmail/").rstrip("/")
        reads = [yes(attributes.get(name, 1)) for name in ("imap_access", "pop3_access")]
        yield Mailbox(
            address,
            hash=with_scheme(row["password"], "CRYPT") if own else "",
            name=row["name"] or "",
            quota=number(row["quota"]),
            home=f"{prefix}/%d/%n",
            mail=f"{attributes.get('mailbox_format') or 'maildir:'}~/{self.sub}",
            active=state in RECEIVES,
            may_send=yes(attributes.get("smtp_access", 1)),
            may_sign_in=state != "2" and any(reads),
        )

    def _aliases(self):
        for row in self.rows("SELECT * FROM alias"):
            targets = [target.strip() for target in row["goto"].split(",")]
            for target in LEARNING.intersection(targets):
                yield Leftover("learning-left-out", f"{row['address']} to {target}")
            if yes(row.get("internal", 0)):
                yield Leftover("aliases-for-inside-only", row["address"])
            yield Alias(
                row["address"],
                tuple(target for target in targets if target not in LEARNING),
                str(row["active"]) in RECEIVES,
                row.get("public_comment") or "",
            )
        for row in self.rows_of("spamalias"):
            if yes(row.get("permanent", 0)):
                yield Alias(row["address"], tuple(row["goto"].split(",")))
            elif number(row["validity"]) >= time.time():
                yield Leftover("temporary-aliases", row["address"])

    def _administrators(self):
        domains = {}
        for row in self.rows("SELECT * FROM domain_admins"):
            if yes(row["active"]):
                domains.setdefault(row["username"], []).append(row["domain"])
        for row in self.rows("SELECT * FROM admin"):
            yield Admin(
                row["username"],
                with_scheme(row["password"], "CRYPT"),
                superadmin=yes(row["superadmin"]),
                domains=tuple(domains.get(row["username"], ())),
                active=yes(row["active"]),
            )

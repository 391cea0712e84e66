import re

from django.conf import settings

from mailadmin.findings.found import DECIDE, KEEP
from mailadmin.importing.readers.passwd_file import with_scheme
from mailadmin.importing.readers.sql import SqlReader
from mailadmin.importing.readers.values import number, yes
from mailadmin.importing.records import Admin, Alias, Domain, Leftover, Mailbox

# defaults.mailbox.password_scheme of its application.ini: how a hash is stored that shows no scheme.
UNSALTED = {"plain": "PLAIN", "md5": "PLAIN-MD5", "sha1": "SHA"}
READS = {"IMAP", "POP3"}


class ViMbAdmin(SqlReader):
    name = "vimbadmin"
    title = "ViMbAdmin"
    help = "ViMbAdmin's database."
    asked = "ViMbAdmin's queries for Postfix"
    tables = ("domain", "mailbox", "alias", "admin", "domain_admins")
    kinds = {
        "mailboxes-being-deleted": (
            KEEP,
            "Mailboxes that wait to be deleted (delete_pending)",
            "They are left out.",
        ),
        "some-services-off": (
            KEEP,
            "Mailboxes that IMAP or POP3 alone may open (access_restriction)",
            "Here both may.",
        ),
        "archives-left-out": (
            KEEP,
            "Archived mailboxes",
            "They stay where they are, as files.",
        ),
        "salted-by-the-site": (
            DECIDE,
            "Passwords with the salt of ViMbAdmin's application.ini",
            "Dovecot has no such scheme: their owners need new passwords. `manage.py mailbox password ADDRESS --generate`.",
        ),
    }
    alias_queries = ("SELECT goto FROM alias WHERE address = {s} AND active = 1",)
    mailbox_query = "SELECT username FROM mailbox WHERE username = {s} AND active = 1"
    domain_query = "SELECT domain FROM domain WHERE domain = {s} AND backupmx = 0 AND active = 1"

    @classmethod
    def options(cls, parser):
        super().options(parser)
        parser.add_argument(
            "--scheme",
            metavar="SCHEME",
            default="",
            help="defaults.mailbox.password_scheme of its application.ini, such as dovecot:SSHA512, md5 or md5-salted: needed"
            " where a stored password does not show what it is.",
        )

    def __init__(self, *, scheme="", **options):
        super().__init__(**options)
        self.scheme = scheme.lower()

    def records(self):
        for row in self.rows("SELECT * FROM domain"):
            yield Domain(
                row["domain"],
                active=yes(row["active"]),
                description=row["description"] or "",
                aliases=number(row["max_aliases"]),
                mailboxes=number(row["max_mailboxes"]),
                # In bytes; the column quota is the default of a new mailbox.
                maxquota=-(-number(row["max_quota"]) // settings.QUOTA_MULTIPLIER),
                transport=row["transport"],
                backupmx=yes(row["backupmx"]),
            )
        for row in self.rows("SELECT * FROM mailbox"):
            yield from self._mailbox(row)
        for row in self.rows("SELECT * FROM alias"):
            yield Alias(row["address"], tuple(row["goto"].split(",")), yes(row["active"]))
        yield from self._administrators()
        for row in self.rows_of("archive"):
            yield Leftover("archives-left-out", row["username"])

    def _mailbox(self, row):
        address = row["username"]
        if yes(row["delete_pending"]):
            yield Leftover("mailboxes-being-deleted", address)
            return
        services = set(re.findall(r"\w+", row["access_restriction"].upper())) - {"ALL"}
        stored = self._hash(row["password"])
        if not stored and self.scheme.endswith("-salted"):
            yield Leftover("salted-by-the-site", address)
        yield Mailbox(
            address,
            hash=stored,
            name=row["name"] or "",
            quota=number(row["quota"]),
            home=row["homedir"] or "",
            mail=row["maildir"] or "",
            active=yes(row["active"]),
            may_send=not services or "SMTP" in services,
            may_sign_in=not services or bool(services & READS),
        )
        if services and len(services & READS) == 1:
            yield Leftover("some-services-off", f"{address} ({row['access_restriction']})")

    def _hash(self, text):
        if text.startswith(("{", "$")):
            return text
        if self.scheme.startswith("dovecot:"):
            return with_scheme(text, self.scheme.partition(":")[2].upper())
        return with_scheme(text, UNSALTED[self.scheme]) if self.scheme in UNSALTED else ""

    def _administrators(self):
        domains = {}
        for row in self.rows(
            "SELECT a.Admin_id AS admin, d.domain AS domain FROM domain_admins a JOIN domain d ON d.id = a.Domain_id"
        ):
            domains.setdefault(row["admin"], []).append(row["domain"])
        for row in self.rows("SELECT * FROM admin"):
            yield Admin(
                row["username"],
                with_scheme(row["password"], "CRYPT"),
                superadmin=yes(row["super"]),
                domains=tuple(domains.get(row["id"], ())),
                active=yes(row["active"]),
            )

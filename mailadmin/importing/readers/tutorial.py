"""The tables of the tutorials: virtual_domains, virtual_users, virtual_aliases."""

from mailadmin.importing.readers.passwd_file import with_scheme
from mailadmin.importing.readers.sql import SqlReader
from mailadmin.importing.readers.values import number, yes
from mailadmin.importing.records import Alias, Domain, Mailbox


class Tutorial(SqlReader):
    name = "tutorial"
    title = "the tutorials"
    help = "The tables virtual_domains, virtual_users and virtual_aliases, as in ISPmail and the guides of Linode and others."
    asked = "the tutorials' queries"
    tables = ("virtual_domains", "virtual_users", "virtual_aliases")
    alias_queries = ("SELECT destination FROM virtual_aliases WHERE source = {s}",)
    mailbox_query = "SELECT email FROM virtual_users WHERE email = {s}"
    domain_query = "SELECT name FROM virtual_domains WHERE name = {s}"

    @classmethod
    def options(cls, parser):
        super().options(parser)
        parser.add_argument(
            "--scheme",
            metavar="SCHEME",
            default="CRYPT",
            help="default_pass_scheme of its Dovecot, such as PLAIN-MD5, for passwords without one (default: %(default)s).",
        )
        parser.add_argument(
            "--home",
            metavar="PATH",
            default="",
            help="Home directories as its Dovecot has them, such as /var/vmail/%%d/%%n.",
        )
        parser.add_argument(
            "--mail",
            metavar="LOCATION",
            default="",
            help="Its mail_location, such as maildir:~/Maildir.",
        )

    def __init__(self, *, scheme="CRYPT", home="", mail="", **options):
        super().__init__(**options)
        self.scheme, self.home, self.mail = scheme.upper(), home, mail

    def records(self):
        for row in self.rows("SELECT * FROM virtual_domains"):
            yield Domain(row["name"])
        for row in self.rows("SELECT * FROM virtual_users"):
            yield Mailbox(
                row["email"],
                hash=with_scheme(row["password"], self.scheme),
                quota=number(row.get("quota")),
                home=self.home,
                mail=self.mail,
                active=yes(row.get("enabled", row.get("active", 1))),
            )
        for row in self.rows("SELECT * FROM virtual_aliases ORDER BY id"):
            yield Alias(row["source"], (row["destination"],))

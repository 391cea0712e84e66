import subprocess

from tests.servers.processes import find

MAIN = """
compatibility_level = 3.6
myhostname = mail.example.org
mydestination = $myhostname, localhost
virtual_mailbox_domains = example.org, {0}/domains hash:{0}/more
virtual_alias_domains = $virtual_alias_maps
virtual_alias_maps = hash:{0}/virtual
virtual_mailbox_maps = hash:{0}/boxes
virtual_mailbox_base = /var/vmail
virtual_transport = lmtp:unix:private/dovecot-lmtp
"""
FILES = {
    "domains": "# one a line\nexample.com\n",
    "more": "example.info x\n",
    "virtual": """
info@example.org    ann@example.org, bob@example.com
    carl@elsewhere.test
Ann@Example.org     ann@example.org, ann@elsewhere.test
bob@example.com     bob@elsewhere.test
@example.com        bob@example.com
only.example        anything
sales@only.example  ann@example.org
@example.net        @example.org
example.net         anything
""",
    "boxes": "ann@example.org example.org/ann/\nbob@example.com example.com/bob/\n",
}


LINE = "{}:{}:5000:5000::{}::{}\n"
MAIL = ["--mail", "maildir:~/Maildir"]


class HandMade:
    def __init__(self, directory):
        self.directory = directory
        self.users = directory / "users"
        self.write("master.cf", "")
        self.write("main.cf", MAIN.format(directory))
        for name, text in FILES.items():
            self.write(name, text)
        for name in ("more", "virtual", "boxes"):
            self.compile(name)

    def write(self, name, text):
        (self.directory / name).write_text(text)

    def add(self, name, text):
        with (self.directory / name).open("a") as file:
            file.write(text)

    def add_users(self, secret):
        """Those whom the maps name, with the password of which ``secret`` is the hash."""
        self.write("users", "# who is here\n")
        quota = "userdb_quota_rule=*:storage=1G"
        for address, extra in (("ann@example.org", quota), ("bob@example.com", "")):
            name, _at, domain = address.partition("@")
            home = f"/var/vmail/{domain}/{name}"
            self.add("users", LINE.format(address, secret, home, extra))

    def add_user(self, address, secret, home="", extra=""):
        self.add("users", LINE.format(address, secret, home or f"/var/vmail/{address}", extra))
        self.add("boxes", f"{address} x\n")
        self.compile("boxes")

    def compile(self, name):
        subprocess.run([find("postmap"), f"hash:{self.directory / name}"], check=True)

    @property
    def arguments(self):
        return ["postfix", "--config", self.directory, "--users", self.users]


def findings(report):
    """But for the one that this server always has."""
    found = {finding["name"]: finding["examples"] for finding in report["findings"]}
    assert found.pop("alias-domains-from-catch-alls") == ["example.net to example.org"]
    return found

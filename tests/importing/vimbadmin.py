TEXT = "VARCHAR(190) NOT NULL DEFAULT ''"
ZERO = "BIGINT NOT NULL DEFAULT 0"
FLAG = "INTEGER NOT NULL DEFAULT 1"
TABLES = [
    f"CREATE TABLE domain (id INTEGER PRIMARY KEY, domain {TEXT}, description TEXT, max_aliases {ZERO}, max_mailboxes {ZERO},"
    f" max_quota {ZERO}, quota {ZERO}, transport VARCHAR(190) NOT NULL DEFAULT 'virtual', backupmx {ZERO}, active {FLAG})",
    f"CREATE TABLE mailbox (id INTEGER PRIMARY KEY, username {TEXT}, password {TEXT}, name TEXT, quota {ZERO},"
    f" local_part {TEXT}, active {FLAG}, access_restriction VARCHAR(100) NOT NULL DEFAULT 'ALL', homedir TEXT, maildir TEXT,"
    f" delete_pending {ZERO}, Domain_id INTEGER)",
    f"CREATE TABLE alias (id INTEGER PRIMARY KEY, address {TEXT}, goto TEXT NOT NULL, active {FLAG}, Domain_id INTEGER)",
    f"CREATE TABLE admin (id INTEGER PRIMARY KEY, username {TEXT}, password {TEXT}, super {ZERO}, active {FLAG})",
    "CREATE TABLE domain_admins (Admin_id INTEGER, Domain_id INTEGER)",
    f"CREATE TABLE archive (id INTEGER PRIMARY KEY, username {TEXT})",
]
# As dovecot:BLF-CRYPT and the panel's own bcrypt are stored: without a scheme.
BCRYPT = "$2y$05$abcdefghijklmnopqrstuuFqq7m4j9m0lkQ0c8q5Q1yW3yKp8mYyW"


class Site:
    def __init__(self, database, secret=BCRYPT):
        self.secret = secret
        self.add, self.run, self.arguments = database.add, database.run, database.arguments
        database.create(TABLES)
        self.add("domain", id=1, domain="example.org", max_quota=2 * 1_024_000_000, quota=1_024_000)
        self.add("domain", id=2, domain="example.net")
        self.add("admin", id=1, username="root@example.org", password=secret, super=1)
        self.add("admin", id=2, username="it@example.org", password=secret)
        self.add("domain_admins", Admin_id=2, Domain_id=1)
        self.count = 0
        self.mailbox("ann@example.org", quota=1_024_000_000)
        self.mailbox("bob@example.org", access_restriction="IMAP")
        self.alias("info@example.org", "ann@example.org,bob@example.org")
        self.run(
            "UPDATE alias SET goto = 'ann@example.org,ann@elsewhere.test' WHERE address = 'ann@example.org'"
        )
        self.alias("@example.net", "@example.org")

    def mailbox(self, address, **fields):
        self.count += 1
        name, _at, domain = address.partition("@")
        place = f"/srv/vmail/{domain}/{name}"
        fields = {"password": self.secret, "homedir": place} | fields
        fields.setdefault("maildir", f"maildir:{place}/mail:LAYOUT=fs")
        self.add("mailbox", id=self.count, username=address, local_part=name, Domain_id=1, **fields)
        self.alias(address, address)

    def alias(self, address, goto, **fields):
        self.count += 1
        self.add("alias", id=self.count, address=address, goto=goto, Domain_id=1, **fields)

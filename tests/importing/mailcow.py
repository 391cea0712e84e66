import json

TEXT = "VARCHAR(190) NOT NULL DEFAULT ''"
ZERO = "BIGINT NOT NULL DEFAULT 0"
FLAG = "INTEGER NOT NULL DEFAULT 1"
TABLES = [
    f"CREATE TABLE domain (domain {TEXT}, description TEXT, aliases {ZERO}, mailboxes {ZERO}, defquota {ZERO},"
    f" maxquota {ZERO}, quota {ZERO}, relayhost {TEXT}, backupmx {ZERO}, active {FLAG})",
    f"CREATE TABLE mailbox (username {TEXT}, password {TEXT}, name TEXT,"
    f" mailbox_path_prefix VARCHAR(150) DEFAULT '/var/vmail/', quota {ZERO}, local_part {TEXT}, domain {TEXT},"
    f" attributes TEXT, kind {TEXT}, authsource VARCHAR(20) DEFAULT 'mailcow', active {FLAG})",
    f"CREATE TABLE alias (id INTEGER PRIMARY KEY, address {TEXT}, goto TEXT NOT NULL, domain {TEXT}, public_comment TEXT,"
    f" internal {ZERO}, active {FLAG})",
    f"CREATE TABLE alias_domain (alias_domain {TEXT}, target_domain {TEXT}, active {FLAG})",
    f"CREATE TABLE admin (username {TEXT}, password {TEXT}, superadmin {ZERO}, active {FLAG})",
    f"CREATE TABLE domain_admins (id INTEGER PRIMARY KEY, username {TEXT}, domain {TEXT}, active {FLAG})",
    f"CREATE TABLE spamalias (address {TEXT}, goto TEXT NOT NULL, validity BIGINT, permanent {ZERO})",
    f"CREATE TABLE quota2 (username {TEXT}, bytes {ZERO}, messages {ZERO})",
    f"CREATE TABLE sieve_filters (id INTEGER PRIMARY KEY, username {TEXT}, script_desc {TEXT}, script_data TEXT)",
    f"CREATE TABLE app_passwd (id INTEGER PRIMARY KEY, mailbox {TEXT})",
]
BLF = "{BLF-CRYPT}$2y$10$abcdefghijklmnopqrstuuFqq7m4j9m0lkQ0c8q5Q1yW3yKp8mYyW"
ATTRIBUTES = {"mailbox_format": "maildir:", "imap_access": "1", "pop3_access": "1"}


class Site:
    def __init__(self, database, secret=BLF):
        self.secret = secret
        self.add, self.run = database.add, database.run
        self.count = 0
        self.arguments = [*database.arguments, "--accept", "mail-is-encrypted"]
        database.create(TABLES)
        self.add("domain", domain="example.org", mailboxes=10, maxquota=4096, quota=10240)
        self.add("domain", domain="example.com")
        self.add("alias_domain", alias_domain="example.net", target_domain="example.org")
        self.mailbox("ann@example.org", quota=3 * 1024**3)
        self.mailbox("bob@example.org", quota=1024**3)
        self.alias("@example.com", "bob@example.org", public_comment="The rest")
        self.run(
            "UPDATE alias SET goto = 'ann@example.org,ann@elsewhere.test' WHERE address = 'ann@example.org'"
        )
        self.add("admin", username="admin", password="{SSHA256}x", superadmin=1)
        self.add("admin", username="it@example.org", password=secret)
        self.add("domain_admins", id=1, username="it@example.org", domain="example.org")
        self.add("quota2", username="ann@example.org", bytes=77, messages=2)

    def mailbox(self, address, *, attributes=(), **fields):
        name, _at, domain = address.partition("@")
        values = {
            "password": self.secret,
            "attributes": json.dumps({**ATTRIBUTES, **dict(attributes)}),
        }
        self.add("mailbox", username=address, local_part=name, domain=domain, **values | fields)
        self.alias(address, address)

    def alias(self, address, goto, **fields):
        self.count += 1
        self.add("alias", id=self.count, address=address, goto=goto, **fields)

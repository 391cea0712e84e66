TEXT = "VARCHAR(190) NOT NULL DEFAULT ''"
FLAG = "INTEGER NOT NULL DEFAULT 1"
ZERO = "INTEGER NOT NULL DEFAULT 0"
TABLES = [
    f"CREATE TABLE domain (domain {TEXT}, description TEXT, aliases {ZERO}, mailboxes {ZERO}, maxquota {ZERO},"
    f" quota {ZERO}, transport VARCHAR(190) NOT NULL DEFAULT 'dovecot', backupmx {ZERO}, active {FLAG})",
    f"CREATE TABLE alias_domain (alias_domain {TEXT}, target_domain {TEXT}, active {FLAG})",
    f"CREATE TABLE mailbox (username {TEXT}, password {TEXT}, name {TEXT},"
    " mailboxformat VARCHAR(50) NOT NULL DEFAULT 'maildir', mailboxfolder VARCHAR(50) NOT NULL DEFAULT 'Maildir',"
    " storagebasedirectory VARCHAR(190) NOT NULL DEFAULT '/var/vmail', storagenode VARCHAR(190) NOT NULL DEFAULT 'vmail1',"
    f" maildir {TEXT}, quota {ZERO}, domain {TEXT}, transport {TEXT}, isadmin {ZERO}, isglobaladmin {ZERO},"
    f" enablesmtp {FLAG}, enablesmtpsecured {FLAG}, enablepop3 {FLAG}, enablepop3secured {FLAG}, enableimap {FLAG},"
    f" enableimapsecured {FLAG}, enabledeliver {FLAG}, allow_nets TEXT, active {FLAG})",
    f"CREATE TABLE forwardings (id INTEGER PRIMARY KEY, address {TEXT}, forwarding {TEXT}, domain {TEXT}, dest_domain {TEXT},"
    f" is_maillist {ZERO}, is_list {ZERO}, is_forwarding {ZERO}, is_alias {ZERO}, active {FLAG})",
    f"CREATE TABLE alias (address {TEXT}, name {TEXT}, accesspolicy {TEXT}, domain {TEXT}, active {FLAG})",
    f"CREATE TABLE maillists (address {TEXT}, domain {TEXT}, transport {TEXT}, active {FLAG})",
    f"CREATE TABLE admin (username {TEXT}, password {TEXT}, name {TEXT}, active {FLAG})",
    f"CREATE TABLE domain_admins (username {TEXT}, domain {TEXT}, active {FLAG})",
    f"CREATE TABLE used_quota (username {TEXT}, bytes BIGINT NOT NULL DEFAULT 0, messages {ZERO}, domain {TEXT})",
    f"CREATE TABLE sender_bcc_user (username {TEXT}, bcc_address {TEXT}, active {FLAG})",
    f"CREATE TABLE sender_relayhost (id INTEGER PRIMARY KEY, account {TEXT}, relayhost {TEXT})",
]


class Site:
    def __init__(self, database, secret):
        self.database, self.secret = database, secret
        self.add, self.run, self.arguments = database.add, database.run, database.arguments
        self.count = 0
        database.create(TABLES)
        self.add("domain", domain="example.org", description="Ours", maxquota=2048, mailboxes=10)
        self.add("domain", domain="example.com", description=None)
        self.add("domain", domain="backup.example", backupmx=1)
        self.add("alias_domain", alias_domain="example.net", target_domain="example.org")
        self.mailbox("ann@example.org", quota=1024, isadmin=1)
        self.mailbox("bob@example.com", active=1, enablesmtp=0, enablesmtpsecured=0)
        self.forward("ann@example.org", "ann@elsewhere.test", is_forwarding=1)
        self.forward("info@example.org", "ann@example.org", is_list=1)
        self.forward("info@example.org", "bob@example.com", is_list=1)
        self.forward("a.smith@example.org", "ann@example.org", is_alias=1)
        self.forward("example.com", "bob@example.com")
        self.add("alias", address="info@example.org", domain="example.org")
        self.add("admin", username="root@example.org", password=secret)
        self.add("domain_admins", username="root@example.org", domain="ALL")
        self.add("domain_admins", username="ann@example.org", domain="example.org")
        self.add("used_quota", username="ann@example.org", bytes=5000, messages=7)

    def mailbox(self, address, **fields):
        name, _at, domain = address.partition("@")
        fields = {"maildir": f"{domain}/a/n/n/{name}-2020.01.02/", "password": self.secret} | fields
        self.add("mailbox", username=address, domain=domain, **fields)
        self.forward(address, address, is_forwarding=1)

    def forward(self, address, to, **fields):
        self.count += 1
        domain = address.rpartition("@")[2]
        values = {"address": address, "forwarding": to, "domain": domain}
        self.add("forwardings", id=self.count, **values, **fields)

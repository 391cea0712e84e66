TEXT = "VARCHAR(190) NOT NULL DEFAULT ''"
TABLES = [
    f"CREATE TABLE virtual_domains (id INTEGER PRIMARY KEY, name {TEXT})",
    f"CREATE TABLE virtual_users (id INTEGER PRIMARY KEY, domain_id INTEGER, email {TEXT}, password {TEXT},"
    " quota BIGINT NOT NULL DEFAULT 0)",
    f"CREATE TABLE virtual_aliases (id INTEGER PRIMARY KEY, domain_id INTEGER, source {TEXT}, destination {TEXT})",
]
ALIASES = [
    ("info@example.org", "ann@example.org"),
    ("info@example.org", "bob@example.com"),
    ("ann@example.org", "ann@example.org"),
    ("ann@example.org", "ann@elsewhere.test"),
    ("bob@example.com", "bob@example.com"),
    ("@example.com", "bob@example.com"),
]


class Site:
    def __init__(self, database, secret):
        self.secret = secret
        self.add, self.run, self.arguments = database.add, database.run, database.arguments
        database.create(TABLES)
        self.add("virtual_domains", id=1, name="example.org")
        self.add("virtual_domains", id=2, name="example.com")
        self.user(1, "ann@example.org")
        self.user(2, "bob@example.com", quota=1_000_000)
        for number, (source, to) in enumerate(ALIASES, start=1):
            self.add("virtual_aliases", id=number, domain_id=1, source=source, destination=to)

    def user(self, number, address, **fields):
        values = {"password": self.secret} | fields
        self.add("virtual_users", id=number, domain_id=1, email=address, **values)

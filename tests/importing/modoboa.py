TEXT = "VARCHAR(190) NOT NULL DEFAULT ''"
ZERO = "BIGINT NOT NULL DEFAULT 0"
FLAG = "INTEGER NOT NULL DEFAULT 1"
TABLES = [
    f"CREATE TABLE admin_domain (id INTEGER PRIMARY KEY, name {TEXT}, quota {ZERO}, default_mailbox_quota {ZERO},"
    f" enabled {FLAG}, type VARCHAR(20) NOT NULL DEFAULT 'domain', transport_id INTEGER)",
    f"CREATE TABLE admin_domainalias (id INTEGER PRIMARY KEY, name {TEXT}, target_id INTEGER, enabled {FLAG})",
    f"CREATE TABLE core_user (id INTEGER PRIMARY KEY, username {TEXT}, email {TEXT}, password {TEXT}, first_name {TEXT},"
    f" last_name {TEXT}, is_active {FLAG}, is_superuser {ZERO}, totp_enabled {ZERO})",
    f"CREATE TABLE admin_mailbox (id INTEGER PRIMARY KEY, address {TEXT}, quota {ZERO}, use_domain_quota {ZERO},"
    f" is_send_only {ZERO}, domain_id INTEGER, user_id INTEGER)",
    f"CREATE TABLE admin_alias (id INTEGER PRIMARY KEY, address {TEXT}, domain_id INTEGER, enabled {FLAG}, internal {ZERO},"
    " description TEXT, expire_at DATETIME)",
    f"CREATE TABLE modoboa_admin_aliasrecipient (id INTEGER PRIMARY KEY, address {TEXT}, alias_id INTEGER)",
    f"CREATE TABLE admin_quota (username {TEXT}, bytes {ZERO}, messages {ZERO})",
    f"CREATE TABLE transport_transport (id INTEGER PRIMARY KEY, pattern {TEXT}, service {TEXT}, next_hop {TEXT})",
    f"CREATE TABLE auth_group (id INTEGER PRIMARY KEY, name {TEXT})",
    "CREATE TABLE core_user_groups (id INTEGER PRIMARY KEY, user_id INTEGER, group_id INTEGER)",
    f"CREATE TABLE django_content_type (id INTEGER PRIMARY KEY, app_label {TEXT}, model {TEXT})",
    "CREATE TABLE core_objectaccess (id INTEGER PRIMARY KEY, user_id INTEGER, content_type_id INTEGER, object_id INTEGER)",
]
GROUPS = {"SimpleUsers": 1, "DomainAdmins": 2, "Resellers": 3, "SuperAdmins": 4}


class Site:
    def __init__(self, database, secret):
        self.secret = secret
        self.add, self.run, self.arguments = database.add, database.run, database.arguments
        self.count = 0
        database.create(TABLES)
        for name, number in GROUPS.items():
            self.add("auth_group", id=number, name=name)
        self.add("django_content_type", id=1, app_label="admin", model="domain")
        self.add("admin_domain", id=1, name="example.org", quota=10240)
        self.add(
            "transport_transport",
            id=1,
            pattern="r.example",
            service="relay",
            next_hop="[192.0.2.1]:25",
        )
        self.add("admin_domain", id=2, name="r.example", type="relaydomain", transport_id=1)
        self.add("admin_domainalias", id=1, name="example.net", target_id=1)
        self.mailbox("ann@example.org", quota=1024)
        self.mailbox("bob@example.org", quota=512)
        self.alias("info@example.org", "ann@example.org", "bob@example.org", description="Desk")
        self.alias("@example.net", "@example.org", internal=1)
        self.add("admin_quota", username="ann@example.org", bytes=99, messages=1)
        self.user("root@example.org", group="SuperAdmins")
        self.count += 1
        self.user("it@example.org", group="DomainAdmins")
        self.add("core_objectaccess", id=1, user_id=self.count, content_type_id=1, object_id=1)

    def user(self, name, *, group="SimpleUsers", **fields):
        self.count += 1
        values = {"username": name, "email": name, "password": self.secret} | fields
        self.add("core_user", id=self.count, **values)
        self.add("core_user_groups", id=self.count, user_id=self.count, group_id=GROUPS[group])

    def mailbox(self, address, *, active=1, forward=(), **fields):
        self.user(address, first_name=address.partition("@")[0].title(), is_active=active)
        name = address.partition("@")[0]
        self.add(
            "admin_mailbox", id=self.count, address=name, domain_id=1, user_id=self.count, **fields
        )
        self.alias(address, *(forward or [address]), internal=1, enabled=active)

    def alias(self, address, *targets, **fields):
        self.count += 1
        number = self.count
        self.add("admin_alias", id=number, address=address, domain_id=1, **fields)
        for target in targets:
            self.count += 1
            self.add("modoboa_admin_aliasrecipient", id=self.count, address=target, alias_id=number)

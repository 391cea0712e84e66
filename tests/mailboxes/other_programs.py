from django.db import connection

from panel.addresses import split_address


class OtherPrograms:
    def __init__(self, cursor):
        self.cursor = cursor

    def run(self, statement, *values):
        self.cursor.execute(statement, values)

    def has(self, table, column, value):
        self.run(f"SELECT 1 FROM {table} WHERE {column} = %s", value)
        return self.cursor.fetchone() is not None

    def add_domain(self, domain, aliases, mailboxes, quota, backupmx):
        if not self.has("domain", "domain", domain):
            self.run(
                "INSERT INTO domain (domain, description, aliases, mailboxes, maxquota, quota,"
                " transport, backupmx, active, created, modified)"
                " VALUES (%s, '', %s, %s, 0, %s, 'virtual', %s, 1, '2026-01-01', '2026-01-01')",
                *(domain, aliases, mailboxes, quota, backupmx),
            )

    def edit_domain(self, domain, aliases, mailboxes, quota, backupmx):
        self.run(
            "UPDATE domain SET aliases = %s, mailboxes = %s, quota = %s, backupmx = %s,"
            " modified = '2026-01-02' WHERE domain = %s",
            *(aliases, mailboxes, quota, backupmx, domain),
        )

    def hand_on(self, domain, transport):
        self.run("UPDATE domain SET transport = %s WHERE domain = %s", transport, domain)

    def delete_domain(self, domain):
        if not self.has("alias_domain", "target_domain", domain):
            self.run("DELETE FROM alias WHERE domain = %s", domain)
            self.run("DELETE FROM mailbox WHERE domain = %s", domain)
            self.run("DELETE FROM alias_domain WHERE alias_domain = %s", domain)
            self.run("DELETE FROM quota2 WHERE username LIKE %s", f"%@{domain}")
            self.run("DELETE FROM domain WHERE domain = %s", domain)

    def add_alias(self, address, goto):
        domain = split_address(address)[1]
        if self.has("domain", "domain", domain) and not self.has("alias", "address", address):
            self.run(
                "INSERT INTO alias (address, goto, domain, active, created, modified)"
                " VALUES (%s, %s, %s, 1, '2026-01-01', '2026-01-01')",
                *(address, goto, domain),
            )

    def edit_alias(self, address, goto):
        self.run("UPDATE alias SET goto = %s WHERE address = %s", goto, address)

    def toggle_alias(self, address, active):
        self.run("UPDATE alias SET active = %s WHERE address = %s", active, address)

    def delete_alias(self, address):
        self.run("DELETE FROM alias WHERE address = %s", address)

    def add_mailbox(self, address, quota, alias_first):
        local_part, domain = split_address(address)
        if not self.has("domain", "domain", domain) or self.has("mailbox", "username", address):
            return
        if alias_first:
            self.add_alias(address, address)
        self.run(
            "INSERT INTO mailbox (username, password, name, maildir, quota, local_part, domain,"
            " active, created, modified) VALUES (%s, 'x', '', %s, %s, %s, %s, 1,"
            " '2026-01-01', '2026-01-01')",
            *(address, f"{domain}/{local_part}/", quota, local_part, domain),
        )
        self.add_alias(address, address)

    def edit_mailbox(self, address, quota, active):
        self.run(
            "UPDATE mailbox SET quota = %s, active = %s WHERE username = %s", quota, active, address
        )

    def delete_mailbox(self, address, with_alias):
        self.run("DELETE FROM quota2 WHERE username = %s", address)
        if with_alias:
            self.run("DELETE FROM alias WHERE address = %s", address)
        self.run("DELETE FROM mailbox WHERE username = %s", address)

    def move_mailbox(self, address, place, with_alias):
        local_part, domain = split_address(place)
        free = not self.has("mailbox", "username", place)
        if free and self.has("domain", "domain", domain):
            self.run(
                "UPDATE mailbox SET username = %s, local_part = %s, domain = %s WHERE username = %s",
                *(place, local_part, domain, address),
            )
            if with_alias:
                self.move_alias(address, place)

    def move_alias(self, address, place):
        domain = split_address(place)[1]
        free = not self.has("alias", "address", place)
        if free and self.has("domain", "domain", domain):
            self.run(
                "UPDATE alias SET address = %s, domain = %s WHERE address = %s",
                *(place, domain, address),
            )

    def rename_domain(self, domain, name):
        used = [
            self.has(table, column, domain)
            for table, column in (
                ("alias", "domain"),
                ("mailbox", "domain"),
                ("alias_domain", "alias_domain"),
                ("alias_domain", "target_domain"),
            )
        ]
        if not any(used) and not self.has("domain", "domain", name):
            self.run("UPDATE domain SET domain = %s WHERE domain = %s", name, domain)

    def use(self, address, size):
        again = (
            "ON DUPLICATE KEY UPDATE bytes = %s, messages = messages + 1"
            if connection.vendor == "mysql"
            else "ON CONFLICT (username) DO UPDATE SET bytes = %s, messages = messages + 1"
        )
        self.run(
            f"INSERT INTO quota2 (username, bytes, messages) VALUES (%s, %s, 1) {again}",
            *(address, size, size),
        )

    def forget_use(self, address):
        self.run("DELETE FROM quota2 WHERE username = %s", address)

    def link(self, source, target):
        there = self.has("domain", "domain", source) and self.has("domain", "domain", target)
        if there and not self.has("alias_domain", "alias_domain", source):
            self.run(
                "INSERT INTO alias_domain (alias_domain, target_domain, active, created, modified)"
                " VALUES (%s, %s, 1, '2026-01-01', '2026-01-01')",
                *(source, target),
            )

    def edit_link(self, source, active):
        self.run("UPDATE alias_domain SET active = %s WHERE alias_domain = %s", active, source)

    def name_mailbox(self, address, name):
        self.run("UPDATE mailbox SET name = %s WHERE username = %s", name, address)

    def describe_alias(self, address, description):
        self.run("UPDATE alias SET description = %s WHERE address = %s", description, address)

    def describe_domain(self, domain, description):
        self.run("UPDATE domain SET description = %s WHERE domain = %s", description, domain)

    def appoint(self, admin, domain):
        if not self.has("admin", "username", admin):
            self.run("INSERT INTO admin (username, password) VALUES (%s, 'x')", admin)
        self.run(
            "INSERT INTO domain_admins (username, domain, active) VALUES (%s, %s, 1)", admin, domain
        )

    def move_admin(self, admin, domain, other):
        self.run(
            "UPDATE domain_admins SET domain = %s WHERE username = %s AND domain = %s",
            *(other, admin, domain),
        )

    def dismiss(self, admin, domain):
        self.run("DELETE FROM domain_admins WHERE username = %s AND domain = %s", admin, domain)

    def unlink(self, source):
        self.run("DELETE FROM alias_domain WHERE alias_domain = %s", source)

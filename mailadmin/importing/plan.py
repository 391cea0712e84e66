from itertools import islice

from django.core.exceptions import ValidationError

from accounts import passwords
from accounts.models import Admin
from aliases.targets import each_target
from domains.models import Domain
from domains.transports import as_stored, check_transport
from mailadmin.findings.found import SHOWN, Finding
from mailadmin.importing import places, records
from mailadmin.importing.kinds import KINDS
from mailadmin.importing.spool import Spool
from panel.addresses import (
    normalise_address,
    normalise_domain,
    normalise_local_part,
    normalise_mailbox_name,
    split_address,
)

TOGETHER = 1_000


def in_groups(rows, size=TOGETHER):
    rows = iter(rows)
    while group := list(islice(rows, size)):
        yield group


class Plan:
    """``only``: names of the domains that are wanted, or nothing for all of them."""

    def __init__(self, reader, *, only=(), new_directories=False):
        self.reader = reader
        self.kinds = KINDS | reader.kinds
        self.only = frozenset(normalise_domain(name) for name in only)
        self.spool = Spool()
        self.notes = {}
        self.names = {}  # of domains, as the source writes them
        self.refused = set()  # addresses
        self._read()
        self._complete()
        self.place = places.settle(self, new_directories=new_directories)
        self._compare()

    def note(self, kind, example):
        count, examples = self.notes.setdefault(kind, [0, []])
        self.notes[kind][0] = count + 1
        if len(examples) < SHOWN:
            examples.append(str(example))

    def findings(self):
        for kind, (count, examples) in self.notes.items():
            severity, title, does = self.kinds[kind]
            yield Finding(kind, severity, title, does, count, examples)

    # --- Each record as it comes

    def _read(self):
        take = {
            records.Domain: self._domain,
            records.Mailbox: self._mailbox,
            records.Alias: self._alias,
            records.AliasDomain: self._alias_domain,
            records.Admin: self._admin,
            records.Use: self._use,
            records.Leftover: self._leftover,
        }
        with self.spool.many():
            for record in self.reader.records():
                take[type(record)](record)

    def _name(self, text):
        if text not in self.names:
            try:
                name = normalise_domain(text)
            except ValidationError:
                self.note("domains-refused-here", text or "(empty)")
                name = ""
            self.names[text] = "" if self.only and name not in self.only else name
        return self.names[text]

    def _domain(self, record):
        if name := self._name(record.name):
            transport, active = record.transport, record.active
            try:
                check_transport(as_stored(transport))
            except ValidationError:
                self.note("transports-refused-here", f"{name} {transport}")
                transport, active = "virtual", False
            self.spool.merge(
                "domain",
                "name",
                name=name,
                active=active,
                description=record.description[:255],
                aliases=max(-1, record.aliases),
                mailboxes=max(-1, record.mailboxes),
                maxquota=max(-1, record.maxquota),
                quota=max(-1, record.quota),
                transport=as_stored(transport),
                backupmx=record.backupmx,
            )

    def _address(self, text, normalise):
        local_part, domain = split_address(text.strip())
        if not (name := self._name(domain)):
            return "", ""
        try:
            return f"{normalise(local_part)}@{name}", name
        except ValidationError:
            if text not in self.refused:
                self.refused.add(text)
                self.note("addresses-refused-here", text)
            return "", ""

    def _mailbox(self, record):
        address, domain = self._address(record.address, normalise_mailbox_name)
        if not address:
            return
        if record.quota < 0:
            self.note("quotas-below-zero", address)
        self.spool.merge(
            "mailbox",
            "address",
            address=address,
            domain=domain,
            hash=self._hash(record.hash, address),
            name=record.name.strip()[:255],
            quota=max(0, record.quota),
            home=record.home,
            mail=record.mail,
            active=record.active,
            may_send=record.may_send and record.may_sign_in,
            may_sign_in=record.may_sign_in,
        )

    def _hash(self, text, name):
        if not text:
            return ""
        plain = passwords.clear_text(text)
        if plain is not None and passwords.is_acceptable(plain):
            self.note("passwords-in-clear", name)
            return passwords.hash_password(plain)
        try:
            return passwords.kept_hash(text)
        except (ValueError, TypeError, LookupError):
            return ""

    def _alias(self, record):
        if record.address.startswith("@"):
            address, domain = self._address(record.address, str)
        else:
            address, domain = self._address(record.address, normalise_local_part)
        if not address:
            return
        for target in self._targets(address, record.targets):
            self.spool.run(
                "INSERT INTO target VALUES (?, ?, ?, ?, ?)",
                *(address, domain, target, record.active, record.description[:255]),
            )

    def _targets(self, address, targets):
        catch_all = address.startswith("@")
        for typed, target, wrong in each_target("\n".join(targets), catch_all=catch_all):
            if wrong is None:
                yield target
            else:
                self.note("targets-refused-here", f"{address} to {typed}")

    def _alias_domain(self, record):
        if name := self._name(record.name):
            try:
                target = normalise_domain(record.target)
            except ValidationError:
                self.note("alias-domains-to-nowhere", f"{name} to {record.target}")
                return
            self.spool.merge("alias_domain", "name", name=name, target=target, active=record.active)

    def _admin(self, record):
        domains = [name for text in record.domains if (name := self._name(text))]
        if self.only and not domains:
            return
        try:
            login = normalise_address(record.login)
        except ValidationError:
            self.note("administrators-refused-here", record.login)
            return
        superadmin = record.superadmin and not self.only
        stored = self._hash(record.hash, login)
        self.spool.merge(
            *("admin", "login"),
            login=login,
            hash=stored,
            superadmin=superadmin,
            active=record.active,
        )
        for name in domains:
            self.spool.run("INSERT OR IGNORE INTO admin_domain VALUES (?, ?)", login, name)

    def _use(self, record):
        address, _domain = self._address(record.address, normalise_mailbox_name)
        if address:
            self.spool.merge(
                *("use", "address"),
                address=address,
                bytes=max(0, record.bytes),
                messages=max(0, record.messages),
            )

    def _leftover(self, record):
        self.note(record.kind, record.name)

    # --- All of them together

    def _complete(self):
        with self.spool.many():
            self._link_domains()
            self._settle_aliases()
            self._make_domains()
            self._settle_passwords()
            self._check_limits()

    def _link_domains(self):
        # Alias domains of any kind lead to a domain that is none.
        whole = self.spool.run(
            "SELECT t.domain, MIN(t.target), MAX(t.active) FROM target t WHERE t.address = '@' || t.domain"
            " GROUP BY t.address HAVING COUNT(*) = 1 AND SUBSTR(MIN(t.target), 1, 1) = '@'"
        ).fetchall()
        for name, target, active in whole:
            if self._is_ours(target[1:]):
                if not self.spool.one("SELECT COUNT(*) FROM alias_domain WHERE name = ?", name):
                    self.note("alias-domains-from-catch-alls", f"{name} to {target[1:]}")
                self.spool.merge(
                    "alias_domain", "name", name=name, target=target[1:], active=active
                )
                self.spool.run("DELETE FROM target WHERE address = ?", f"@{name}")
        links = dict(self.spool.run("SELECT name, target FROM alias_domain").fetchall())
        for name, target in links.items():
            end, seen = target, {name}
            while end in links and end not in seen:
                seen.add(end)
                end = links[end]
            if end in seen or not self._is_ours(end):
                self.note("alias-domains-to-nowhere", f"{name} to {target}")
                self.spool.run("DELETE FROM alias_domain WHERE name = ?", name)
            elif end != target:
                self.note("alias-domains-in-a-chain", f"{name} to {target} to {end}")
                self.spool.run("UPDATE alias_domain SET target = ? WHERE name = ?", end, name)
        self.spool.run(
            "INSERT INTO domain SELECT name, active, '', 0, 0, 0, 0, 'virtual', 0 FROM alias_domain"
            " WHERE TRUE ON CONFLICT (name) DO NOTHING"
        )

    def _is_ours(self, name):
        return (
            self.spool.one("SELECT COUNT(*) FROM domain WHERE name = ?", name) > 0
            or Domain.objects.filter(pk=name).exists()
        )

    def _settle_aliases(self):
        """One state for each alias; its inactive recipients are left out, and so are aliases that
        change nothing."""
        run = self.spool.run
        run(
            "DELETE FROM target WHERE NOT active AND EXISTS"
            " (SELECT 1 FROM target t WHERE t.domain = target.domain AND t.address = target.address AND t.active)"
        )
        run(
            "DELETE FROM target WHERE EXISTS (SELECT 1 FROM target t WHERE t.domain = target.domain"
            " AND t.address = target.address AND t.target = target.target AND t.rowid < target.rowid)"
        )
        # A forwarding that is off, or to nobody else, is none.
        run(
            "DELETE FROM target WHERE EXISTS (SELECT 1 FROM mailbox m WHERE m.address = target.address)"
            " AND (NOT active OR NOT EXISTS (SELECT 1 FROM target t WHERE t.domain = target.domain"
            " AND t.address = target.address AND t.target <> t.address))"
        )
        itself = (
            "FROM target WHERE target = address AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.address = target.address)"
            " AND NOT EXISTS (SELECT 1 FROM domain d WHERE d.name = target.domain AND (d.backupmx OR d.transport <> 'virtual'))"
        )
        self._left_out(
            "aliases-to-themselves",
            f"SELECT address {itself} AND NOT EXISTS (SELECT 1 FROM target t WHERE t.domain = target.domain"
            " AND t.address = target.address AND t.target <> t.address)",
        )
        run(f"DELETE {itself}")
        unknown = "FROM target WHERE domain NOT IN (SELECT name FROM domain UNION SELECT domain FROM mailbox)"
        self._left_out("aliases-of-other-domains", f"SELECT DISTINCT address {unknown}")
        run(f"DELETE {unknown}")

    def _make_domains(self):
        missing = "FROM mailbox WHERE domain NOT IN (SELECT name FROM domain)"
        self._left_out("domains-made", f"SELECT DISTINCT domain {missing}")
        self.spool.run(
            f"INSERT INTO domain SELECT DISTINCT domain, 0, '', 0, 0, 0, 0, 'virtual', 0 {missing}"
        )
        self.spool.run("DELETE FROM admin_domain WHERE domain NOT IN (SELECT name FROM domain)")
        self.spool.run("DELETE FROM use WHERE address NOT IN (SELECT address FROM mailbox)")

    def _settle_passwords(self):
        if self.reader.mailbox_passwords_open_panel:
            self.spool.run(
                "UPDATE admin SET hash = COALESCE((SELECT hash FROM mailbox WHERE address = login), '')"
                " WHERE hash = ''"
            )
        self._left_out(
            "receives-without-sign-in",
            "SELECT address FROM mailbox WHERE NOT may_sign_in ORDER BY 1",
        )
        self._left_out(
            "passwords-of-no-scheme",
            "SELECT address FROM mailbox WHERE hash = '' AND may_sign_in UNION ALL"
            " SELECT 'administrator ' || login FROM admin WHERE hash = '' ORDER BY 1",
        )

    def _check_limits(self):
        self._left_out(
            "limits-exceeded",
            "SELECT name || ' (' || n || ' of ' || mailboxes || ' mailboxes)' FROM domain JOIN"
            " (SELECT domain, COUNT(*) AS n FROM mailbox GROUP BY domain) c ON c.domain = name"
            " WHERE mailboxes <> 0 AND n > mailboxes",
        )

    def _left_out(self, kind, query):
        for (example,) in self.spool.rows(query):
            self.note(kind, example)

    # --- What is here already

    def _compare(self):
        for name in sorted(self.only):
            if not self.spool.one("SELECT COUNT(*) FROM domain WHERE name = ?", name):
                self.note("domains-not-there", name)
        for group in in_groups(row[0] for row in self.spool.rows("SELECT name FROM domain")):
            for name in Domain.objects.filter(pk__in=group).order_by("pk"):
                self.note("domains-here-already", name)
        for group in in_groups(row[0] for row in self.spool.rows("SELECT login FROM admin")):
            for name in Admin.objects.filter(pk__in=group).order_by("pk"):
                self.note("administrators-here-already", name)

"""Writing a plan through the panel's services: their rules, their entries in the log. One transaction, the caller's."""

from django.core.exceptions import ValidationError

from accounts.models import Admin
from accounts.passwords import generate_password, hash_password
from accounts.services import create_admin, update_admin
from aliases.many import create_aliases
from domains.models import Domain
from domains.services import create_alias_domain, create_domain, update_domain
from mailadmin.importing.plan import in_groups
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox, QuotaUsage
from mailboxes.services import create_mailboxes
from panel.addresses import split_address
from panel.changes import insert_many

LIMITS = ("aliases", "mailboxes", "maxquota", "quota")
UNLIMITED = dict.fromkeys(LIMITS, 0)
MOST_ERRORS = 50


class Writer:
    """``refused``: (what, why) of each row that a service does not take. Then nothing may stay."""

    def __init__(self, plan, track=iter):
        self.plan = plan
        self.spool = plan.spool
        self.track = track
        self.refused = []
        # Nobody knows it: whoever has no password to keep gets a new one later.
        self.unknown = hash_password(generate_password(40))

    def write(self):
        names = [row["name"] for row in self.spool.rows("SELECT name FROM domain ORDER BY name")]
        for name in names:
            self._domain(self.spool.run("SELECT * FROM domain WHERE name = ?", name).fetchone())
        for row in self.spool.rows("SELECT * FROM alias_domain ORDER BY name"):
            self._try(row["name"], self._alias_domain, row)
        for name in self.track(names):
            domain = Domain.objects.filter(pk=name).first()
            if domain:  # not of one that was refused
                self._addresses(domain)
        for row in self.spool.rows("SELECT * FROM admin ORDER BY login"):
            self._try(row["login"], self._admin, row)
        # Last: what there is already may be more.
        for row in self.spool.rows("SELECT * FROM domain ORDER BY name"):
            limits = {name: row[name] for name in LIMITS if row[name]}
            domain = Domain.objects.filter(pk=row["name"]).first()
            if limits and domain:
                self._try(row["name"], update_domain, actor=None, domain=domain, **limits)

    def _try(self, row, function, /, *args, **kwargs):
        try:
            function(*args, **kwargs)
        except ValidationError as error:
            self.refused += [(row, line) for line in error.messages]

    @property
    def has_enough(self):
        return len(self.refused) >= MOST_ERRORS

    def _domain(self, row):
        self._try(
            row["name"],
            create_domain,
            actor=None,
            name=row["name"],
            description=row["description"],
            transport=row["transport"],
            backupmx=bool(row["backupmx"]),
            active=bool(row["active"]),
            **UNLIMITED,
        )

    def _alias_domain(self, row):
        ends = Domain.objects.in_bulk([row["name"], row["target"]])
        create_alias_domain(
            actor=None,
            alias_domain=ends[row["name"]],
            target_domain=ends[row["target"]],
            active=bool(row["active"]),
        )

    def _addresses(self, domain):
        mailboxes = self.spool.rows(
            "SELECT * FROM mailbox WHERE domain = ? ORDER BY address", domain.pk
        )
        for group in in_groups(map(self._mailbox, mailboxes)):
            self._together(create_mailboxes, domain, "mailboxes", group)
        for group in in_groups(self._aliases(domain.pk)):
            self._together(create_aliases, domain, "aliases", group)
        for group in in_groups(self._forwardings(domain.pk)):
            rows = Mailbox.objects.select_related("domain").in_bulk([name for name, _to in group])
            for name, targets in group:
                if name in rows:
                    self._try(
                        name,
                        set_forwarding,
                        actor=None,
                        mailbox=rows[name],
                        targets=[target for target in targets if target != name],
                        keep_copy=name in targets,
                    )
        used = self.spool.rows(
            "SELECT u.* FROM use u JOIN mailbox m ON m.address = u.address WHERE m.domain = ?",
            domain.pk,
        )
        for group in in_groups(used):
            # Dovecot may have kept a row of a mailbox of that name.
            QuotaUsage.objects.filter(pk__in=[row[0] for row in group]).delete()
            insert_many(
                [
                    QuotaUsage(username_id=row[0], bytes=row["bytes"], messages=row["messages"])
                    for row in group
                ]
            )

    def _together(self, create, domain, kind, group):
        """All in one go; if that is refused, one by one, to say of each what is wrong."""
        if self.has_enough:
            return
        try:
            create(actor=None, domain=domain, **{kind: group})
        except ValidationError:
            for fields in group:
                name = f"{fields['local_part']}@{domain.pk}"
                self._try(name, create, actor=None, domain=domain, **{kind: [fields]})
                if self.has_enough:
                    return

    def _mailbox(self, row):
        return {
            "local_part": split_address(row["address"])[0],
            "password_hash": row["hash"] if row["hash"] and row["may_sign_in"] else self.unknown,
            "name": row["name"],
            "quota": row["quota"],
            "active": bool(row["active"]),
            "smtp_active": bool(row["may_send"]),
            "maildir": row["maildir"],
        }

    def _aliases(self, domain):
        for address, rows in self._by_address(domain, "NOT IN"):
            yield {
                "local_part": split_address(address)[0],
                "targets": [row["target"] for row in rows],
                "active": bool(rows[0]["active"]),
                "description": next((r["description"] for r in rows if r["description"]), ""),
            }

    def _forwardings(self, domain):
        for address, rows in self._by_address(domain, "IN"):
            yield address, [row["target"] for row in rows]

    def _by_address(self, domain, sign):
        current = []
        for row in self.spool.rows(
            f"SELECT * FROM target WHERE domain = ? AND address {sign} (SELECT address FROM mailbox)"
            " ORDER BY address, rowid",
            domain,
        ):
            if current and current[0]["address"] != row["address"]:
                yield current[0]["address"], current
                current = []
            current.append(row)
        if current:
            yield current[0]["address"], current

    def _admin(self, row):
        names = [
            name
            for (name,) in self.spool.rows(
                "SELECT domain FROM admin_domain WHERE login = ? ORDER BY domain", row["login"]
            )
        ]
        here = Admin.objects.filter(pk=row["login"]).first()
        if here is None:
            create_admin(
                actor=None,
                username=row["login"],
                password=row["hash"] or self.unknown,
                hashed=True,
                superadmin=bool(row["superadmin"]),
                active=bool(row["active"]),
                domains=names,
            )
        elif not here.is_superadmin and here.has_own_sign_in:
            update_admin(actor=None, admin=here, added=names)

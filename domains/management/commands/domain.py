from argparse import BooleanOptionalAction

from accounts.models import Admin
from aliases.effects import missing_role_target, role_target_warning
from aliases.models import AliasTarget
from domains.commands import DomainRowCommand
from domains.models import Domain
from domains.services import create_domain, delete_domain, update_domain
from panel import commands
from panel.addresses import display_domain
from panel.output import Field, limit_text

COLUMNS = [
    "description",
    "mailboxes",
    "aliases",
    "quota",
    "maxquota",
    "transport",
    "backupmx",
    "password_expiry",
]


class Command(DomainRowCommand):
    help = "Create, list, show, change and delete domains."
    noun = "domain"
    verbs = {
        "add": "Create a domain. Limits that are not named come from the settings (DOMAIN_…).",
        "list": "List domains by name. In a pipe: tab-separated name, mailboxes and their limit,"
        " aliases and their limit, MB given to mailboxes and domain quota, active.",
        "show": "Show one domain.",
        "edit": "Change a domain. A limit below what is there only blocks new ones.",
        "delete": "Delete a domain with its mailboxes and aliases. Mail stays on disk.",
    }
    fields = [
        Field("Domain", "domain", display_domain),
        Field("Description", "description", listed=False),
        Field("Mailboxes", "mailboxes", right=True, of="mailbox_limit"),
        Field("Aliases", "aliases", right=True, of="alias_limit"),
        Field("MB given", "allotted_mb", right=True, of="quota_mb"),
        Field("Largest mailbox, MB", "max_quota_mb", limit_text, listed=False),
        Field("Active", "active"),
        Field("Backup MX", "backup_mx", listed=False),
        Field("Transport", "transport", listed=False),
        Field("Password lifetime, days", "password_days", listed=False),
        Field("Leads to", "leads_to", listed=False),
        Field("Alias domains", "alias_domains", listed=False),
        Field("Administrators", "admins", listed=False),
        Field("Created", "created", listed=False),
        Field("Changed", "modified", listed=False),
    ]
    words = {
        "name": "domain",
        "maxquota": "max-quota",
        "backupmx": "backup-mx",
        "password_expiry": "password-days",
        "role_target": "role-target",
    }

    # --- Options

    def options_for_add(self, parser):
        self._name(parser)
        self._columns(parser)
        parser.add_argument(
            "--inactive", action="store_false", dest="active", help="Create it inactive."
        )
        parser.add_argument(
            "--role-target",
            metavar="ADDRESS",
            help="Create postmaster@ and the other role addresses (ROLE_ADDRESSES) as aliases to"
            " this address; a name without @ is in the new domain.",
        )

    def options_for_show(self, parser):
        self._name(parser)
        self.json_option(parser)

    def options_for_edit(self, parser):
        self._name(parser)
        self._columns(parser)
        self.active_options(parser)

    def options_for_delete(self, parser):
        self._name(parser)
        super().options_for_delete(parser)
        parser.add_argument(
            "--drop-targets",
            action="store_true",
            help="Take its addresses out of the aliases and forwardings of other domains; without it"
            " their mail goes to the domain's public MX.",
        )
        parser.add_argument(
            "--drop-links",
            action="store_true",
            help="Delete the links of alias domains that lead here too; their domains stay.",
        )

    def _name(self, parser):
        parser.add_argument("name", metavar="DOMAIN", help="E.g. example.org.")

    def _columns(self, parser):
        parser.add_argument("--description", metavar="TEXT", help="What it is for.")
        for option, column, metavar, text in [
            ("--mailboxes", "mailboxes", "N", "How many mailboxes it may have"),
            ("--aliases", "aliases", "N", "How many aliases it may have"),
            ("--quota", "quota", "MB", "What its mailboxes may have together"),
            ("--max-quota", "maxquota", "MB", "The largest mailbox it may have"),
        ]:
            parser.add_argument(
                option,
                dest=column,
                type=commands.limit,
                metavar=metavar,
                help=f"{text}; or “unlimited” (0) or “none” (-1).",
            )
        parser.add_argument(
            "--transport", metavar="TRANSPORT", help="Postfix's, e.g. smtp:[mx.example.org]:25."
        )
        parser.add_argument(
            "--backup-mx",
            action=BooleanOptionalAction,
            dest="backupmx",
            help="Only pass its mail on to its primary server.",
        )
        parser.add_argument(
            "--password-days",
            type=commands.whole_number,
            dest="password_expiry",
            metavar="N",
            help="Days until a mailbox password expires, or 0.",
        )
        self.json_option(parser)

    # --- Verbs

    def add(self, *, name, active, role_target, json, **options):
        domain = create_domain(
            actor=None,
            name=name,
            role_target=role_target,
            active=active,
            **self.given(options, *COLUMNS),
        )
        self.report("Created", domain, json=json)
        self._warn(domain)
        if target := missing_role_target(domain):
            self.stderr.write(role_target_warning(target))

    def list(self, *, search, active, json, **options):
        rows = Domain.objects.select_related("usage")
        if active is not None:
            rows = rows.filter(active=active)
        if search:
            rows = rows.search(search)
        self.print_list(rows, "pk", json=json)

    def show(self, *, name, json, **options):
        self.print_one(self.domain(name), json=json)

    def edit(self, *, name, json, **options):
        fields = self.changes(options, *COLUMNS, "active")
        domain = update_domain(actor=None, domain=self.domain(name), **fields)
        self.report("Changed", domain, json=json)
        self._warn(domain)

    def delete(self, *, name, yes, drop_targets, drop_links, json, **options):
        domain = self.domain(name)
        self.confirm_delete(domain.pk, self._consequences(domain, drop_targets), yes)
        with self.deleting(domain, json=json), self.working(f"Deleting {domain.pk}"):
            delete_domain(
                actor=None, domain=domain, drop_targets=drop_targets, drop_links=drop_links
            )

    def _warn(self, domain):
        if domain.transport_warning and not domain.backupmx:
            self.stderr.write(str(domain.transport_warning))

    # --- Rows

    def _consequences(self, domain, drop_targets):
        yield (
            f"With it go its mailboxes ({domain.usage.mailboxes}) and its aliases"
            f" ({domain.alias_count}). Mail stays on disk, the log stays."
        )
        admins = list(Admin.objects.names_at(domain)[:11])
        if admins:
            more = " and others" if len(admins) > 10 else ""
            yield f"No longer managed by {', '.join(admins[:10])}{more}; their accounts stay."
        targets = AliasTarget.objects.filter(domain=domain.pk)
        outside = targets.exclude(owner=domain.pk).values("alias").distinct()
        names = [row["alias"] for row in outside.order_by("alias")[:11]]
        if names:
            more = " and others" if len(names) > 10 else ""
            fate = (
                "lose these targets" if drop_targets else "will forward to the domain's public MX"
            )
            yield f"Aliases of other domains lead here and {fate}: {', '.join(names[:10])}{more}."

    def record(self, domain):
        return {
            "domain": domain.pk,
            "description": domain.description,
            "mailboxes": domain.usage.mailboxes,
            "mailbox_limit": domain.mailboxes,
            "aliases": domain.alias_count,
            "alias_limit": domain.aliases,
            "allotted_mb": round(domain.allotted_mb),
            "quota_mb": domain.quota,
            "max_quota_mb": domain.maxquota,
            "active": domain.active,
            "backup_mx": domain.backupmx,
            "transport": domain.transport,
            "password_days": domain.password_expiry,
            "created": domain.created,
            "modified": domain.modified,
        }

    def details(self, domain):
        link = getattr(domain, "alias_of", None)
        return {
            "leads_to": link.target_domain_id if link else None,
            "alias_domains": sorted(domain.alias_domains.values_list("pk", flat=True)),
            "admins": list(Admin.objects.names_at(domain)),
        }

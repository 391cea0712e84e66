from argparse import BooleanOptionalAction

from django.core.management import CommandError

from accounts.models import Admin
from aliases.effects import missing_role_target, role_target_warning
from aliases.models import AliasTarget
from domains import rename_previews
from domains.commands import DomainRowCommand
from domains.models import Copy, Domain
from domains.renaming import check_new_name, rename_domain
from domains.services import (
    create_domain,
    delete_domain,
    set_domain_active,
    update_domain,
)
from mailboxes import join_previews
from mailboxes.domain_joining import join_domain
from mailboxes.joining import check_joining
from panel import commands, output
from panel.addresses import display_domain
from panel.formats import mb
from panel.output import STATE, Column, Field, counted, limit_text

COLUMNS = [
    "description",
    "mailboxes",
    "aliases",
    "quota",
    "maxquota",
    "transport",
    "backupmx",
    "verify_recipients",
    "password_expiry",
]


def size_text(value):
    return mb(value) if value > 0 else limit_text(value)


def promised(record):
    given, whole = mb(record["allotted_mb"], max(0, record["quota_mb"])), record["quota_mb"]
    return f"{given} of {mb(whole)}" if whole > 0 else given


class Command(DomainRowCommand):
    help = "Create, list, show, change and rename domains, switch them off and on, delete them."
    noun, nouns = "domain", "domains"
    key = ("DOMAIN", "example.org")
    word_kind = "domain"
    verbs = {
        "add": "Create a domain. Limits that are not named come from the settings (DOMAIN_…).",
        "list": "List domains by name. In a pipe: tab-separated name, mailboxes and their limit,"
        " aliases and their limit, MB given to mailboxes and domain quota, on or off.",
        "show": "Show one domain.",
        "edit": "Change domains. A limit below what is there only blocks new ones.",
        "off": "Switch domains off: all mail for them is refused, and nobody of them can sign in.",
        "on": "Switch domains on.",
        "rename": "Give a domain another name, with all its addresses. Its old name becomes an alias domain that leads to it.",
        "join": "Move all addresses of a domain into another one, and make it another name of that.",
        "delete": "Delete domains with their mailboxes and aliases. Mail stays on disk.",
    }
    columns = [
        Column("Domain", lambda record: display_domain(record["domain"])),
        Column("Description", lambda record: record["description"], wide=True),
        Column("Mailboxes", counted("mailboxes", "mailbox_limit"), right=True),
        Column("Aliases", counted("aliases", "alias_limit"), right=True),
        Column("Promised", promised, right=True),
        STATE,
    ]
    piped = (
        *("domain", "mailboxes", "mailbox_limit", "aliases", "alias_limit"),
        *("allotted_mb", "quota_mb", "active"),
    )
    fields = [
        Field("Domain", "domain", display_domain),
        Field("Description", "description"),
        Field("State", "active", output.state),
        Field("Mailboxes", "mailboxes", of="mailbox_limit"),
        Field("Aliases", "aliases", of="alias_limit"),
        Field("Promised to mailboxes", "allotted_mb", mb),
        Field("All mailboxes together", "quota_mb", size_text),
        Field("Largest mailbox", "max_quota_mb", size_text),
        Field("Backup MX", "backup_mx"),
        Field("Asks the primary server", "verify_recipients"),
        Field("Transport", "transport"),
        Field("Password lifetime, days", "password_days"),
        Field("Recipients an hour", "sending_limit"),
        Field("Leads to", "leads_to"),
        Field("Alias domains", "alias_domains"),
        Field("Administrators", "admins"),
        Field("Reseller", "reseller"),
        Field("Created", "created"),
        Field("Changed", "modified"),
    ]
    words = {
        "name": "Domain",
        "maxquota": "Largest mailbox",
        "quota": "All mailboxes together",
        "backupmx": "Backup MX",
        "password_expiry": "Password lifetime",
        "sending_limit": "Recipients an hour",
        "target_domain": "The other domain",
        "names": "Names that are taken there",
        "role_target": "Send postmaster@, abuse@ … to",
    }

    # --- Options

    def options_for_add(self, parser):
        self.name_option(parser)
        self._columns(parser)
        self.off_option(parser)
        parser.add_argument(
            "--role-target",
            metavar="ADDRESS",
            help="Create postmaster@ and the other role addresses (ROLE_ADDRESSES) as aliases to"
            " this address; a name without @ is in the new domain.",
        )

    def options_for_edit(self, parser):
        self.names_option(parser)
        self._columns(parser)
        parser.add_argument(
            "--sending-limit",
            type=commands.number_or_usual,
            metavar="N",
            help="To how many recipients an hour its mailboxes may send together, or “usual”: as the server has it. Kept by rspamd.",
        )

    def options_for_rename(self, parser):
        self.name_option(parser)
        parser.add_argument("new_name", metavar="NEW", help="The new name.")
        self.rename_options(parser, old="old name", becomes="an alias domain")

    def options_for_delete(self, parser):
        super().options_for_delete(parser)
        parser.add_argument(
            "--drop-recipients",
            action="store_true",
            help="Take its addresses out of the aliases and forwardings of other domains that have other"
            " recipients too; without it their mail goes to the domain's public MX.",
        )
        self.emptied_option(parser)
        parser.add_argument(
            "--drop-links",
            action="store_true",
            help="Delete the links of alias domains that lead here too; their domains stay.",
        )

    def options_for_join(self, parser):
        self.name_option(parser)
        parser.add_argument(
            "target", metavar="NEW", help="The domain of which it becomes another name."
        )
        parser.add_argument(
            "--name",
            metavar="LOCAL=OTHER",
            action="append",
            default=[],
            dest="others",
            help="LOCAL is taken in NEW: the mailbox or alias of the old domain becomes OTHER there. Several times.",
        )
        parser.add_argument(
            "--add-recipients",
            metavar="LOCAL",
            action="append",
            default=[],
            help="LOCAL is an alias in both: the one in NEW gets the recipients of the old one, too. Several times.",
        )
        parser.add_argument(
            "--leave",
            metavar="LOCAL",
            action="append",
            default=[],
            help="The alias LOCAL of the old domain stays an address of its own. Several times.",
        )
        self.dry_run_option(parser)
        self.json_option(parser)

    def _columns(self, parser):
        parser.add_argument("--description", metavar="TEXT", help="What it is for.")
        for option, column, kind, metavar, text in [
            ("--mailboxes", "mailboxes", commands.limit, "N", "How many mailboxes it may have"),
            ("--aliases", "aliases", commands.limit, "N", "How many aliases it may have"),
            (
                "--quota",
                "quota",
                commands.size_limit,
                "SIZE",
                "What its mailboxes may have together",
            ),
            (
                "--max-quota",
                "maxquota",
                commands.size_limit,
                "SIZE",
                "The largest mailbox it may have",
            ),
        ]:
            such = ", such as 2GB or a number of MB" if metavar == "SIZE" else ""
            parser.add_argument(
                option,
                dest=column,
                type=kind,
                metavar=metavar,
                help=f"{text}{such}; or “unlimited” (0) or “none” (-1).",
            )
        parser.add_argument(
            "--transport",
            metavar="TRANSPORT",
            help="A server, or Postfix's notation, e.g. smtp:[mx.example.org]:25.",
        )
        parser.add_argument(
            "--backup-mx",
            action=BooleanOptionalAction,
            dest="backupmx",
            help="Only pass its mail on to its primary server.",
        )
        parser.add_argument(
            "--verify-recipients",
            action=BooleanOptionalAction,
            help="As a backup MX, refuse addresses that the primary server does not know.",
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

    def add(self, *, name_given, active, role_target, json, **options):
        domain = create_domain(
            actor=None,
            name=name_given,
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
            self.print_rows(self.found(rows, search), json=json)
        else:
            self.print_list(rows, "pk", json=json)

    def edit(self, *, names, json, **options):
        fields = self.changes(options, *COLUMNS, "sending_limit")
        if "sending_limit" in fields:
            fields["sending_limit"] = fields["sending_limit"] or None

        def one(name, say):
            domain = update_domain(actor=None, domain=self.domain(name), **fields)
            self.report("Changed", domain, say=say, json=json)
            self._warn(domain)

        self.each(names, one, done="changed", json=json)

    def join(self, *, name_given, target, others, add_recipients, leave, dry_run, json, **options):
        rows = {"domain": self.domain(name_given), "target_domain": self.domain(target)}
        answers = {"names": self._names(others), "add": add_recipients, "leave": leave}
        if dry_run:
            domain, target = rows.values()
            plan = check_joining(actor=None, domain=domain, target=target, **answers)
            self.print_preview(join_previews.preview(plan), json=json)
            return
        with self.working(f"Joining {name_given} into {target}"):
            link = join_domain(actor=None, **rows, **answers)
        if json:
            told = {"alias_domain": link.pk, "target_domain": link.target_domain_id}
            self.stdout.write(output.as_json(told))
        else:
            self.stdout.write(f"{link} is another name of {link.target_domain} now.")

    def _names(self, others):
        names = {}
        for text in others:
            local_part, sign, other = text.partition("=")
            if not (local_part and sign and other):
                raise CommandError(f"--name {text}: write LOCAL=OTHER, such as info=info.old.")
            names[local_part] = other
        return names

    named = DomainRowCommand.domain

    def rename(self, *, name_given, new_name, keep_alias, dry_run, json, **options):
        domain = self.named(name_given)
        given = {"name": new_name, "keep_alias": keep_alias}
        if dry_run:
            new = check_new_name(domain=domain, **given)
            self.print_preview(
                rename_previews.preview(None, domain, new, keep_alias=keep_alias), json=json
            )
            return
        with self.working(f"Renaming {domain.pk}"):
            renamed = rename_domain(actor=None, domain=domain, **given)
        self.report("Renamed", renamed, json=json, was=domain)

    def switch(self, domain, active):
        return set_domain_active(actor=None, domain=domain, active=active)

    def remove(self, domain, *, drop_recipients, drop_links, emptied, **options):
        with self.working(f"Deleting {domain.pk}"):
            delete_domain(
                actor=None,
                domain=domain,
                others="remove" if drop_recipients else "keep",
                emptied=emptied or "keep",
                drop_links=drop_links,
            )

    def _warn(self, domain):
        if domain.transport_warning:
            self.stderr.write(str(domain.transport_warning))

    # --- Rows

    def consequences(self, domain, *, drop_recipients, emptied, **options):
        yield (
            f"With {domain} go its mailboxes ({domain.usage.mailboxes}) and its aliases"
            f" ({domain.alias_count}). Mail stays on disk, the log stays."
        )
        admins = list(Admin.objects.names_at(domain)[:11])
        if admins:
            more = " and others" if len(admins) > 10 else ""
            yield f"No longer managed by {', '.join(admins[:10])}{more}; their accounts stay."
        yield from self.about_copies(Copy.objects.about_domains([domain.pk]))
        targets = AliasTarget.objects.filter(domain=domain.pk)
        outside = targets.exclude(owner=domain.pk).values("alias").distinct()
        names = [row["alias"] for row in outside.order_by("alias")[:11]]
        if names:
            more = " and others" if len(names) > 10 else ""
            fate = (
                "lose these recipients"
                if drop_recipients
                else "will forward to the domain's public MX"
            )
            yield f"Aliases of other domains lead to {domain} and {fate}: {', '.join(names[:10])}{more}."
            if drop_recipients or emptied:
                left = {"keep": "kept", "delete": "deleted"}.get(
                    emptied or "keep", f"led to {emptied}"
                )
                yield f"An alias that would have no recipient is {left}."

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
            "verify_recipients": domain.verify_recipients,
            "transport": domain.transport,
            "password_days": domain.password_expiry,
            "sending_limit": domain.sending_limit,
            "reseller": domain.reseller or None,
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

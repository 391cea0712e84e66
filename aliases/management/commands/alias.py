from django.core.management.base import CommandError

from aliases.access import NAMES, WITH_TEXT
from aliases.effects import find_fallbacks, outcome
from aliases.models import Alias, AliasTarget
from aliases.referrers import referrers_of, with_alias_domain_names
from aliases.rename_previews import preview
from aliases.renaming import check_new_name, rename_alias
from aliases.services import create_alias, delete_alias, set_alias_active, update_alias
from domains.commands import DomainRowCommand
from domains.copies import copies_about
from domains.models import RoutingLock
from panel import output
from panel.addresses import (
    display_address,
    lookup_key,
    normalise_address,
    normalise_domain,
    split_address,
)
from panel.commands import NOTHING_TO_CHANGE
from panel.output import STATE, Column, Field
from panel.transactions import in_transaction

SHOWN = 20  # recipients in a list on a terminal, which cuts what is too wide


def display_all(addresses):
    return [display_address(address) for address in addresses]


class Command(DomainRowCommand):
    help = (
        "Create, list, show and change aliases, switch them off and on, delete them."
        " @example.org is the catch-all."
    )
    noun, nouns = "alias", "aliases"
    key = ("ADDRESS", "info@example.org, or @example.org")
    word_kind = "alias"
    verbs = {
        "add": "Create an alias.",
        "list": "List aliases. In a pipe: tab-separated address, recipients with commas, on or off.",
        "show": "Show one alias.",
        "edit": "Change aliases.",
        "off": "Switch aliases off: the catch-all gets their mail, or it is refused.",
        "on": "Switch aliases on.",
        "rename": "Give an alias another name, in another domain too. Its old address becomes an alias that leads to it.",
        "delete": "Delete aliases.",
    }
    columns = [
        Column("Address", lambda record: display_address(record["address"])),
        Column("Recipients", lambda record: display_all(record["targets"][:SHOWN])),
        Column("Description", lambda record: record["description"], wide=True),
        STATE,
    ]
    piped = ("address", "targets", "active")
    fields = [
        Field("Address", "address", display_address),
        Field("Recipients", "targets", display_all),
        Field("State", "active", output.state),
        Field("Mail", "mail"),
        Field("Mail goes to", "mail_goes_to", display_all),
        Field("Who may write", "access"),
        Field("They are told", "access_text"),
        Field("Description", "description"),
        Field("Dead ends", "dangling", display_all),
        Field("Also receives", "aliases", display_all),
        Field("Created", "created"),
        Field("Changed", "modified"),
    ]
    words = {
        "keep_alias": "Old address",
        "local_part": "Address",
        "targets": "Mail goes to",
        "goto": "Mail goes to",
        "access": "Who may write",
        "access_text": "Text",
    }

    # --- Options

    def options_for_add(self, parser):
        self.name_option(parser)
        parser.add_argument("targets", metavar="RECIPIENT", nargs="+", help="Where its mail goes.")
        parser.add_argument("--description", metavar="TEXT", default="", help="What it is for.")
        self._access_options(parser)
        self.off_option(parser)
        self.json_option(parser)

    def options_for_list(self, parser):
        super().options_for_list(parser)
        parser.add_argument("--domain", metavar="DOMAIN", help="Only this domain.")

    def options_for_edit(self, parser):
        self.names_option(parser)
        parser.add_argument(
            "--recipients",
            dest="targets",
            nargs="+",
            metavar="RECIPIENT",
            help="Lead to these instead.",
        )
        parser.add_argument("--add", nargs="+", metavar="RECIPIENT", help="Lead to these as well.")
        parser.add_argument(
            "--remove", nargs="+", metavar="RECIPIENT", help="Lead to these no longer."
        )
        parser.add_argument("--description", metavar="TEXT", help="What it is for.")
        self._access_options(parser)
        self.json_option(parser)

    def _access_options(self, parser):
        parser.add_argument(
            "--access",
            choices=NAMES.values(),
            help="Who may write to it: everybody, who signs in here (internal), its members, nobody"
            " (closed, with --text), or nobody because it has moved (--text is the new address).",
        )
        parser.add_argument(
            "--text",
            dest="access_text",
            metavar="TEXT",
            help="What senders are told, or the new address.",
        )

    def options_for_delete(self, parser):
        super().options_for_delete(parser)
        self.treatment_options(parser)

    def options_for_rename(self, parser):
        self.name_option(parser)
        self.new_name_option(parser)
        self.rename_options(parser)

    # --- Verbs

    def add(self, *, name_given, targets, description, active, json, **options):
        local_part, name = self._parts(name_given)
        alias = create_alias(
            actor=None,
            domain=self.domain(name),
            local_part=local_part,
            targets=targets,
            description=description,
            active=active,
            **self._access(options),
        )
        self.report("Created", alias, json=json)

    def list(self, *, domain, search, active, json, **options):
        rows = Alias.objects.filter(is_self_alias=False)
        if active is not None:
            rows = rows.filter(active=active)
        within = self.domain(domain) if domain else None
        if within:
            rows = rows.filter(domain=within)
        if search:
            found = self.found(rows, search, within)
            if found is not None:
                self.print_rows(found, json=json)
                return
            rows = rows.search(lookup_key(search))
        by_address = search and not domain
        self.print_list(rows, *(["address"] if by_address else ["domain_id", "address"]), json=json)

    def edit(self, *, names, targets, add, remove, json, **options):
        fields = self.given(options, "description") | self._access(options)
        if not fields and not (targets or add or remove):
            raise CommandError(NOTHING_TO_CHANGE)

        def one(name, say):
            alias = self._edit(name, dict(fields), targets, add, remove)
            self.report("Changed", alias, say=say, json=json)

        self.each(names, one, done="changed", json=json)

    def _access(self, options):
        fields = self.given(options, "access", "access_text")
        kinds = {name: kind for kind, name in NAMES.items()}
        if "access" in fields:
            fields["access"] = kinds[fields["access"]]
            if fields["access"] not in WITH_TEXT and fields.get("access_text"):
                raise CommandError("Only an alias that is closed or has moved has a --text.")
        return fields

    @in_transaction
    def _edit(self, address, fields, targets, add, remove):
        RoutingLock.hold()  # between reading the targets and writing them nobody else may
        alias = self.named(address)
        if targets or add or remove:
            fields["targets"] = self._new_targets(alias, targets, add, remove)
        return update_alias(actor=None, alias=alias, **fields)

    def rename(self, *, name_given, new_name, keep_alias, dry_run, json, **options):
        alias = self.named(name_given)
        given = self.new_name(new_name, alias.domain) | {"keep_alias": keep_alias}
        if dry_run:
            alias.domain = alias.domain.fresh()
            new = check_new_name(actor=None, alias=alias, **given)
            self.print_preview(preview(None, alias, new, keep_alias=keep_alias), json=json)
            return
        follow = Alias.objects.all()
        renamed = rename_alias(actor=None, alias=alias, follow=follow, **given)
        self.report("Renamed", renamed, json=json, was=alias)

    # --- Rows

    def _parts(self, text):
        if "@" not in text:
            raise CommandError(
                f"“{text.strip()}” is not an e-mail address. Write it like name@example.org,"
                " or @example.org for the catch-all."
            )
        return split_address(text.strip())

    def named(self, text):
        local_part, name = self._parts(text)
        if local_part in ("", "*"):
            address = f"@{normalise_domain(name)}"
        else:
            address = normalise_address(text)
        rows = Alias.objects.select_related("domain__alias_of__target_domain")
        # Another program may write capitals.
        stored = rows.filter(pk=text).first()
        alias = stored or self.find(rows, address, "Is the address right?")
        if alias.is_self_alias:
            raise CommandError(f"{address} is a mailbox. Use: manage.py mailbox")
        return alias

    def switch(self, alias, active):
        return set_alias_active(actor=None, alias=alias, active=active)

    def remove(self, alias, **options):
        treatment = self.treatment(**options)
        delete_alias(actor=None, alias=alias, clean=Alias.objects.all(), **treatment)

    def consequences(self, alias, **options):
        yield f"{alias} leads to {', '.join(alias.targets)}."
        yield from self.about_copies(copies_about(with_alias_domain_names([alias.pk])))
        if referrers := sorted(map(display_address, referrers_of([alias.pk]))):
            yield from self.about_referrers(alias, referrers, **self.treatment(**options))

    def _new_targets(self, alias, targets, add, remove):
        wanted = [*(targets or alias.targets), *(add or [])]
        # PostfixAdmin stores capitals, and people type what they see.
        stored = {lookup_key(item) for item in wanted}
        gone = {lookup_key(item): item.strip() for item in remove or []}
        unknown = [item for name, item in gone.items() if name not in stored]
        if unknown:
            raise CommandError(f"{alias} does not lead to {', '.join(unknown)}.")
        return [item for item in wanted if lookup_key(item) not in gone]

    def record(self, alias):
        return {
            "address": alias.address,
            "domain": alias.domain_id,
            "targets": alias.targets,
            "active": alias.active,
            "description": alias.description,
            "access": NAMES.get(alias.access, alias.access),
            "access_text": alias.access_text,
            "created": alias.created,
            "modified": alias.modified,
        }

    def details(self, alias):
        dangling = AliasTarget.objects.filter(alias=alias.pk).dangling()
        lookup = find_fallbacks(None, [alias])
        return {
            **outcome(None, alias, alias, lookup).record(),
            "dangling": sorted(dangling.values_list("target", flat=True)),
            "aliases": sorted(referrers_of([alias.pk])),
        }

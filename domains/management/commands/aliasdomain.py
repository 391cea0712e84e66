from domains.commands import DomainRowCommand
from domains.models import AliasDomain
from domains.part_previews import preview
from domains.parting import answer_by_aliases, check_parting, part_alias_domain
from domains.services import create_alias_domain, delete_alias_domain, update_alias_domain
from panel import output
from panel.addresses import display_domain, normalise_domain
from panel.output import STATE, Column, Field


class Command(DomainRowCommand):
    help = (
        "Create, list, show and change alias domains, switch them off and on, delete them: every address of"
        " one domain leads to the same name in another."
    )
    noun, nouns = "alias domain", "alias domains"
    key = ("SOURCE", "example.net, the domain that leads elsewhere")
    verbs = {
        "add": "Let a domain lead to another one; both must be there.",
        "list": "List alias domains. In a pipe: tab-separated source, target, on or off.",
        "show": "Show one alias domain.",
        "edit": "Change alias domains.",
        "off": "Switch alias domains off: nothing leads on by them.",
        "on": "Switch alias domains on.",
        "own": "Make an alias domain a domain of its own. Each address gets an alias, so that all mail goes on.",
        "delete": "Delete the links. Both domains stay.",
    }
    columns = [
        Column("Alias domain", lambda record: display_domain(record["alias_domain"])),
        Column("Leads to", lambda record: display_domain(record["target_domain"])),
        Column("Description", lambda record: record["description"], wide=True),
        STATE,
    ]
    piped = ("alias_domain", "target_domain", "active")
    fields = [
        Field("Alias domain", "alias_domain", display_domain),
        Field("Leads to", "target_domain", display_domain),
        Field("State", "active", output.state),
        Field("Description", "description"),
        Field("Created", "created"),
        Field("Changed", "modified"),
    ]
    words = {"alias_domain": "Alias domain", "target_domain": "Target domain"}

    def options_for_add(self, parser):
        self.name_option(parser)
        parser.add_argument("target", metavar="TARGET", help="Where its mail goes: a domain.")
        parser.add_argument("--description", metavar="TEXT", default="", help="What it is for.")
        self.off_option(parser)
        self.json_option(parser)

    def options_for_list(self, parser):
        super().options_for_list(parser)
        parser.add_argument("--target", metavar="DOMAIN", help="Only those leading to DOMAIN.")

    def options_for_edit(self, parser):
        self.names_option(parser)
        parser.add_argument("--target", metavar="DOMAIN", help="Lead to this domain from now on.")
        parser.add_argument("--description", metavar="TEXT", help="What it is for.")
        self.json_option(parser)

    def options_for_own(self, parser):
        self.name_option(parser)
        parser.add_argument(
            "--empty",
            action="store_true",
            help="Without aliases: what the other domain answered for is refused then.",
        )
        self.dry_run_option(parser)
        self.json_option(parser)

    def add(self, *, name_given, target, description, active, json, **options):
        link = create_alias_domain(
            actor=None,
            alias_domain=self.domain(name_given),
            target_domain=self.domain(target),
            description=description,
            active=active,
        )
        self.report("Created", link, json=json)

    def list(self, *, target, search, active, json, **options):
        rows = AliasDomain.objects.all()
        if active is not None:
            rows = rows.filter(active=active)
        if target:
            rows = rows.filter(target_domain=self.domain(target))
        if search:
            rows = rows.search(search)
        self.print_list(rows, "pk", json=json)

    def edit(self, *, names, json, **options):
        fields = self.changes(options, "target", "description")
        if "target" in fields:
            fields["target_domain"] = self.domain(fields.pop("target"))

        def one(name, say):
            link = update_alias_domain(actor=None, link=self.named(name), **fields)
            self.report("Changed", link, say=say, json=json)

        self.each(names, one, done="changed", json=json)

    def own(self, *, name_given, empty, dry_run, json, **options):
        link = self.named(name_given)
        parting = check_parting(link=link, empty=empty, in_steps=True)
        if dry_run:
            self.print_preview(preview(parting, empty=empty), json=json)
            return
        with self.working(f"Making {link.pk} a domain of its own"):
            # Mail goes the same way by the aliases, however far this comes.
            last = ""
            while not empty and (last := answer_by_aliases(actor=None, link=link, after=last)):
                pass
            domain = part_alias_domain(actor=None, link=link, empty=empty, in_steps=True)
        if json:
            told = {"domain": domain.pk, "aliases": domain.fresh().alias_count}
            self.stdout.write(output.as_json(told))
        else:
            self.stdout.write(f"{domain} is a domain of its own now.")

    def switch(self, link, active):
        return update_alias_domain(actor=None, link=link, active=active)

    def remove(self, link, **options):
        delete_alias_domain(actor=None, link=link)

    def consequences(self, link, **options):
        yield f"{link} no longer leads to {link.target_domain}. Both domains stay."
        yield "Addresses that exist only through the link will be rejected."

    def named(self, text):
        rows = AliasDomain.objects.select_related("target_domain")
        return self.find(rows, normalise_domain(text))

    def record(self, link):
        return {
            "alias_domain": link.alias_domain_id,
            "target_domain": link.target_domain_id,
            "active": link.active,
            "description": link.description,
            "created": link.created,
            "modified": link.modified,
        }

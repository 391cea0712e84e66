from domains.commands import DomainRowCommand
from domains.models import AliasDomain
from domains.services import create_alias_domain, delete_alias_domain, update_alias_domain
from panel.addresses import display_domain, normalise_domain
from panel.output import Field


class Command(DomainRowCommand):
    help = "Create, list, show, change and delete alias domains: every address of one domain leads to the same name in another."
    noun = "alias domain"
    verbs = {
        "add": "Let a domain lead to another one; both must be there.",
        "list": "List alias domains. In a pipe: tab-separated source, target, active.",
        "show": "Show one alias domain.",
        "edit": "Change an alias domain.",
        "delete": "Delete the link. Both domains stay.",
    }
    fields = [
        Field("Alias domain", "alias_domain", display_domain),
        Field("Leads to", "target_domain", display_domain),
        Field("Active", "active"),
        Field("Description", "description", listed=False),
        Field("Created", "created", listed=False),
        Field("Changed", "modified", listed=False),
    ]
    words = {"alias_domain": "source", "target_domain": "target"}

    def options_for_add(self, parser):
        self._source(parser)
        parser.add_argument("target", metavar="TARGET", help="Where its mail goes: a domain.")
        parser.add_argument("--description", metavar="TEXT", default="", help="What it is for.")
        parser.add_argument(
            "--inactive", action="store_false", dest="active", help="Create it inactive."
        )
        self.json_option(parser)

    def options_for_list(self, parser):
        super().options_for_list(parser)
        parser.add_argument("--target", metavar="DOMAIN", help="Only those leading to DOMAIN.")

    def options_for_show(self, parser):
        self._source(parser)
        self.json_option(parser)

    def options_for_edit(self, parser):
        self._source(parser)
        parser.add_argument("--target", metavar="DOMAIN", help="Lead to this domain from now on.")
        parser.add_argument("--description", metavar="TEXT", help="What it is for.")
        self.active_options(parser)
        self.json_option(parser)

    def options_for_delete(self, parser):
        self._source(parser)
        super().options_for_delete(parser)

    def _source(self, parser):
        parser.add_argument("source", metavar="SOURCE", help="The domain that leads elsewhere.")

    def add(self, *, source, target, description, active, json, **options):
        link = create_alias_domain(
            actor=None,
            alias_domain=self.domain(source),
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

    def show(self, *, source, json, **options):
        self.print_one(self._link(source), json=json)

    def edit(self, *, source, json, **options):
        fields = self.changes(options, "target", "description", "active")
        if "target" in fields:
            fields["target_domain"] = self.domain(fields.pop("target"))
        link = update_alias_domain(actor=None, link=self._link(source), **fields)
        self.report("Changed", link, json=json)

    def delete(self, *, source, yes, json, **options):
        link = self._link(source)
        consequences = [
            f"{link} no longer leads to {link.target_domain}. Both domains stay.",
            "Addresses that exist only through the link will be rejected.",
        ]
        self.confirm_delete(link.pk, consequences, yes)
        with self.deleting(link, json=json):
            delete_alias_domain(actor=None, link=link)

    def _link(self, text):
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

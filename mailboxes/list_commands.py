"""The list of mailboxes at the command line, for `manage.py mailbox`."""

from django.core.management.base import CommandError

from mailboxes.models import NEARLY_FULL, FullMailbox, Mailbox
from panel.addresses import lookup_key


class ListMixin:
    def options_for_list(self, parser):
        super().options_for_list(parser)
        parser.add_argument("--domain", metavar="DOMAIN", help="Only this domain.")
        parser.add_argument(
            "--full",
            action="store_true",
            help=f"Only those that are {NEARLY_FULL} %% full or more.",
        )
        parser.add_argument(
            "--sort",
            choices=["address", "storage"],
            default="address",
            help="storage: the fullest first, of one domain or with --full.",
        )

    def list(self, *, domain, search, active, full, sort, json, **options):
        within = self.domain(domain) if domain else None
        if full:
            self._list_full(within, search, active, by_percent=sort == "storage", json=json)
            return
        if sort == "storage":
            raise CommandError("--sort storage goes with --full: of the others no order is kept.")
        rows = Mailbox.objects.select_related("usage")
        if active is not None:
            rows = rows.filter(active=active)
        if within:
            rows = rows.filter(domain=within)
        if search:
            found = self.found(rows, search, within)
            if found is not None:
                self.print_rows(found, json=json)
                return
            rows = rows.search(lookup_key(search))
        by_name = search and not domain
        self.print_list(rows, *(["username"] if by_name else ["domain_id", "username"]), json=json)

    def _list_full(self, domain, search, active, *, by_percent, json):
        rows = FullMailbox.objects.filter(percent__gte=NEARLY_FULL)
        rows = rows.select_related("username__usage")
        if active is not None:
            rows = rows.filter(username__active=active)
        if domain:
            rows = rows.filter(domain=domain.pk)
        if search:
            found = self.found(rows, search, domain)
            if found is not None:
                # Each looked at anyway: as many as are nearly full and have these words.
                order = (lambda row: (-row.percent, row.pk)) if by_percent else None
                self.print_rows(sorted(found, key=order) if order else found, json=json)
                return
            rows = rows.search(lookup_key(search))
        keys = ["percent", "pk"] if by_percent else ["domain", "pk"]
        self.print_list(rows, *keys, json=json, descending=by_percent)

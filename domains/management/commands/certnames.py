from django.core.management.base import CommandError

from domains.dns.certificates import all_names
from domains.models import Domain
from panel.commands import PanelCommand


class Command(PanelCommand):
    help = (
        "Print the names that certificates of this host must have, a line for each certificate: the host's own names, and of"
        " each domain those that lead here by the DNS (autoconfig, autodiscover, ua-auto-config, mta-sts). Of a domain that could not be"
        " asked there is no line, and the exit status is 1: keep its certificate as it is. docs/operations.md has the call of"
        " certbot."
    )

    def act(self, **options):
        unknown = []
        domains = Domain.objects.select_related("alias_of").filter(active=True).order_by("pk")
        for of, names in all_names(domains):
            if names is None:
                unknown.append(of)
            elif names:
                self.stdout.write(" ".join(names))
        if unknown:
            raise CommandError(f"No resolver answered for {', '.join(unknown)}. Try again later.")

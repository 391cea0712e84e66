import json as jsons

from django.conf import settings
from django.core.management.base import CommandError

from domains import dkim
from domains.dkim_keys import keys_of
from domains.dns import changes, checks, states, words, zone
from domains.dns.asking import Empty
from domains.dns.findings import OK
from domains.models import Domain, RelayHost
from panel.addresses import display_domain, normalise_domain
from panel.commands import PanelCommand


class Command(PanelCommand):
    help = (
        "Ask the DNS what it says of the domains and of this mail server, and store it for the pages. Without names: of"
        " all domains that are on. Meant for a timer (deploy/systemd), once a day."
    )

    def add_arguments(self, parser):
        parser.add_argument("names", metavar="DOMAIN", nargs="*", help="Only these.")
        parser.add_argument(
            "--mail",
            action="store_true",
            help="Mail what changed since the last such mail to DNS_CHANGES_TO, if that is set.",
        )
        parser.add_argument(
            "--wanted",
            action="store_true",
            help="Ask nobody: write what should be there as lines of a zone file, for this mail server and the domains"
            " named, which need not be in the panel yet.",
        )
        self.json_option(parser)

    def act(self, *, names, mail, wanted, json, **options):
        if wanted:
            self.write_wanted([normalise_domain(name) for name in names])
            return
        domains = Domain.objects.select_related("alias_of").order_by("pk")
        if names:
            wanted = [normalise_domain(name) for name in names]
            found = domains.in_bulk(wanted)
            unknown = ", ".join(name for name in wanted if name not in found)
            if unknown:
                raise CommandError(f"There is no domain {unknown}.")
            rows = [states.check_and_store(domain) for domain in found.values()]
        else:
            rows = list(states.check_all(list(domains.filter(active=True))))
            dkim.retire_keys()
        for row in rows:
            self.show(row, json)
        if mail and settings.DNS_CHANGES_TO:
            try:
                changes.send(rows)
            except OSError as error:
                raise CommandError(
                    f"The mail was not sent: {error}. It is tried next time."
                ) from error

    def write_wanted(self, names):
        here = Domain.objects.select_related("alias_of").in_bulk(names)
        keys, relays = keys_of(*names), RelayHost.objects.in_bulk(names)
        found = checks.check_host(Empty())
        for name in names:
            domain = here.get(name) or Domain(pk=name)
            found += checks.check_domain(domain, keys.get(name, ()), relays.get(name), Empty())
        self.stdout.write(zone.zone_file(found).rstrip())

    def show(self, row, json):
        findings = states.findings_of(row)
        if json:
            records = [finding._asdict() for finding in findings]
            record = {"domain": row.pk, "problems": row.problems, "records": records}
            self.stdout.write(jsons.dumps(record))
            return
        self.stdout.write(f"{display_domain(row.pk)}: {row.problems or 'nothing to mend'}")
        for finding in findings:
            if finding.state != OK:
                label, state = words.label(finding.topic), words.state(finding)
                self.stdout.write(f"  {label}: {state}. {words.says(finding)}".rstrip())

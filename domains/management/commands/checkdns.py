import json as jsons

from django.conf import settings
from django.core.management.base import CommandError

from domains import dkim
from domains.dns import changes, states, words
from domains.dns.findings import OK
from domains.models import Domain
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
        self.json_option(parser)

    def act(self, *, names, mail, json, **options):
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

from django.core.management.base import CommandError

from domains.models import Domain
from mailadmin.state import export, files
from panel.addresses import normalise_domain
from panel.commands import PanelCommand


class Command(PanelCommand):
    help = (
        "Write domains with what belongs to them, the server's rules about senders, and the administrators, as a file that `apply` takes."
        " What it holds is what the API tells of them (docs/state-file.md)."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "domains",
            metavar="DOMAIN",
            nargs="*",
            help="Only these, without rules of the server and administrators. Default: all.",
        )
        parser.add_argument(
            "--format", choices=["yaml", "json"], default="yaml", help="Default: yaml."
        )
        parser.add_argument(
            "--passwords",
            action="store_true",
            help="With the hashes of the passwords: keep the file as safe as the database.",
        )
        parser.add_argument(
            "--secrets",
            action="store_true",
            help="With the passwords for other servers in clear, of relay hosts and fetched mail: keep the file safer than the database.",
        )

    def act(self, *, domains, format, passwords, secrets, **options):
        names = [normalise_domain(name) for name in domains]
        there = set(Domain.objects.filter(pk__in=names).values_list("pk", flat=True))
        if missing := [name for name in names if name not in there]:
            raise CommandError(f"There is no domain {', '.join(missing)}.")
        told = {"domains": export.exported_domains(names, passwords=passwords, secrets=secrets)}
        if not names:
            told["sender_rules"] = export.exported_rules()
            told["administrators"] = export.exported_administrators(passwords=passwords)
        for text in files.written(told, as_yaml=format == "yaml"):
            self.stdout.write(text, ending="")

import json as json_module
from datetime import UTC, datetime

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from mailadmin.sign_ins.endpoint import serve
from mailadmin.sign_ins.guesses import network_of
from mailadmin.sign_ins.report import address_of
from mailboxes import sign_ins
from mailboxes.models import RefusedNetwork
from panel.commands import PanelCommand


class Command(PanelCommand):
    help = (
        "List the networks from which nobody signs in to mail, after too many wrong passwords (SIGN_INS_FAILURES), and let one in again."
        " With --listen it takes what Dovecot reports of each sign-in: that is mailadmin-signins.service (deploy/systemd)."
    )
    requires_system_checks = []
    # With --listen: its SQL user sees few tables, too few to tell whose they are.
    on_others = True

    def add_arguments(self, parser):
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--listen", action="store_true", help="Listen at SIGN_INS for ever.")
        act.add_argument(
            "--let-in",
            metavar="NETWORK",
            help="Let people sign in from there again, e.g. 192.0.2.7.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object a line.")

    def act(self, *, listen, let_in, json, **options):
        if listen:
            self.listen()
        elif let_in:
            self.let_in(let_in)
        else:
            self.list(json)

    def listen(self):
        if not settings.SIGN_INS:
            raise CommandError("Sign-ins are not kept: set SIGN_INS, e.g. to 127.0.0.1:8011.")
        try:
            serve(settings.SIGN_INS)
        except OSError as error:
            raise CommandError(f"{settings.SIGN_INS}: {error.strerror or error}") from error

    def let_in(self, text):
        rows = RefusedNetwork.objects.filter(pk__in=_names(text))
        network = rows.first()
        if network is None:
            raise CommandError(
                f"{text} is not refused. Without --let-in those that are are listed."
            )
        sign_ins.let_in(actor=None, network=network)
        self.stdout.write(f"People sign in from {network} again within seconds.")

    def list(self, json):
        for row in sign_ins.refused_networks(RefusedNetwork.objects.all()).iterator():
            if json:
                record = {"network": row.network, "failures": row.failures}
                record |= {
                    "since": _moment(row.since).isoformat(),
                    "until": _moment(row.until).isoformat(),
                }
                self.stdout.write(json_module.dumps(record))
            else:
                until = f"until {timezone.localtime(_moment(row.until)):%Y-%m-%d %H:%M}"
                self.stdout.write(f"{row.network}\t{until}\t{row.failures} wrong passwords")


def _moment(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def _names(text):
    """As a network is stored: 192.0.2.7 is 192.0.2.7/32, and an IPv6 address its /64."""
    address = address_of(text)
    return [text, *([str(network_of(address))] if address else [])]

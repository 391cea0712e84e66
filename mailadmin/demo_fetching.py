"""Mailboxes elsewhere for the sample data, as if they had been fetched from."""

import secrets
from datetime import timedelta

from django.utils import timezone

from mailboxes.fetching import add_remote
from mailboxes.models import Mailbox, RemoteMailbox

# (mailbox, server, login, what came of the last run)
ROWS = [
    (
        "sam.whitlock@brightwater.example",
        "imap.provider.example",
        "sam.whitlock",
        {"outcome": "fetched", "taken": 3},
    ),
    (
        "sam.whitlock@brightwater.example",
        "pop.oldhost.example",
        "brightwater-sam",
        {"outcome": "wrong_password", "said": "[AUTH] Authentication failed.", "failures": 2},
    ),
]


def write(actor):
    for number, (address, server, login, outcome) in enumerate(ROWS):
        row = add_remote(
            actor=actor,
            mailbox=Mailbox.objects.get(pk=address),
            server=server,
            login=login,
            password=secrets.token_hex(8),
            protocol="POP3" if server.startswith("pop") else "IMAP",
            keep=number == 0,
        )
        date = timezone.now() - timedelta(minutes=7)
        RemoteMailbox.objects.filter(pk=row.pk).update(date=date, **outcome)

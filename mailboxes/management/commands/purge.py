import os
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError
from django_rich.management import RichCommand

from mailboxes import purging
from panel import foreign, output
from panel.transactions import Unavailable


class Command(RichCommand):
    help = (
        "List the directories of mailboxes that were deleted and that nobody can restore any more. --remove removes them, for ever: as the owner of"
        " the mail, where it lies. Meant for a timer (deploy/systemd), once a day. It touches only directories that the table retired_maildir names,"
        " below the mail root, that no mailbox has, and follows no link. Exit status 1 if one of them could not be removed."
    )
    requires_system_checks = []  # they would ask for tables that its SQL user may not read

    def add_arguments(self, parser):
        parser.add_argument("--remove", action="store_true", help="Remove them.")
        parser.add_argument(
            "--mail-root",
            metavar="DIRECTORY",
            type=Path,
            default=Path(settings.VMAIL_ROOT),
            help="Where the mail lies; VMAIL_ROOT of the settings where nothing is said.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object a line.")

    def handle(self, *, remove, mail_root, json, **options):
        try:
            os.close(os.open(mail_root, os.O_RDONLY | os.O_DIRECTORY))
        except OSError as error:
            raise CommandError(
                f"{mail_root} ({error.strerror}): run this where the mail lies, as its owner."
            ) from error
        count = refused = 0
        try:
            for one in purging.due(mail_root):
                refusal = one.refusal or (self.remove(mail_root, one) if remove else "")
                if not one.is_there:
                    continue
                count += not refusal
                refused += bool(refusal)
                state = f"stays: {refusal}" if refusal else "removed" if remove else "due"
                self.say(mail_root, one, state, json=json)
        except Unavailable as error:
            raise CommandError(error.message) from error
        except DatabaseError as error:
            raise CommandError(foreign.refusal(error)) from error
        if not json:
            self.stdout.write(f"Directories {'removed' if remove else 'due'}: {count}.")
        if refused:
            raise CommandError(f"Directories that stay: {refused}.")

    def remove(self, root, one):
        try:
            purging.remove(root, one.maildir)
        except purging.Stays as error:
            return str(error)
        return ""

    def say(self, root, one, state, *, json):
        record = {"directory": str(root / one.maildir), "mailbox": one.username, "state": state}
        if json:
            self.stdout.write(output.as_json(record))
        else:
            self.stdout.write("\t".join(map(output.plain, record.values())))

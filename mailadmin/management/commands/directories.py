from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from mailadmin.findings import directories
from mailadmin.findings.looking import look
from mailadmin.findings.rows import HERE
from panel import output
from panel.commands import PanelCommand


class Command(PanelCommand):
    help = (
        "List the mailboxes whose mail lies inside another's directory, each with the directory of its own that it would"
        " get. --apply moves the mail there: as root, on the server where it lies, with Dovecot stopped. Postfix keeps what"
        " comes meanwhile. The exit status is 1 if one could not be moved."
    )

    def add_arguments(self, parser):
        parser.add_argument("--apply", action="store_true", help="Move the mail.")
        parser.add_argument(
            "--mail-root",
            metavar="DIRECTORY",
            type=Path,
            default=Path(settings.VMAIL_ROOT),
            help="Where the mail lies; VMAIL_ROOT of the settings where nothing is said.",
        )
        self.json_option(parser)

    def act(self, *, apply, mail_root, json, **options):
        if apply and not mail_root.is_dir():
            raise CommandError(f"{mail_root} is not here: run this where the mail lies.")
        if apply and directories.dovecot_runs():
            raise CommandError(
                "Dovecot runs, and would write where nobody looks afterwards. Stop it first (systemctl stop dovecot): Postfix"
                " keeps what comes meanwhile. Start it again afterwards."
            )
        records = [
            self._record(mailbox, mail_root if apply else None) for mailbox in directories.nested()
        ]
        if json:
            self.stdout.write(output.as_json(records))
        else:
            for record in records:
                self.stdout.write("{mailbox}: {old} → {new}   {state}".format(**record).rstrip())
            if not records:
                self.stdout.write("No mailbox lies inside another's directory.")
        if apply:
            look([HERE[directories.CHECK]])
        if any(record["state"].startswith("not moved") for record in records):
            raise SystemExit(1)

    def _record(self, mailbox, root):
        record = {
            "mailbox": mailbox.pk,
            "old": mailbox.maildir,
            "new": directories.place_of(mailbox),
            "state": "",
        }
        if root:
            try:
                had_mail = directories.move(mailbox, root)
                record["state"] = "moved" if had_mail else "no mail yet"
            except directories.NotMoved as error:
                record["state"] = f"not moved: {error}"
        return record

"""App passwords and switches at the command line, for `manage.py mailbox`."""

import json as json_module
from argparse import BooleanOptionalAction

from django.core.management.base import CommandError

from mailboxes.app_passwords import revoke_app_password

# Option and help of what a mailbox may be used for, by column.
SWITCH_OPTIONS = {
    "smtp_active": ("--may-send", "May send mail through this server."),
    "receives": ("--receives", "Receives mail; if not, it only sends."),
    "sign_in_active": ("--sign-in", "People sign in, by whatever protocol and here."),
    "imap_active": ("--imap", "People sign in by IMAP."),
    "pop3_active": ("--pop3", "People sign in by POP3."),
    "sieve_active": ("--sieve", "Mail programs change filters (ManageSieve)."),
    "app_only": ("--app-only", "Let mail programs in with app passwords only."),
}


class AppPasswordMixin:
    app_password_verbs = {
        "app-passwords": "List the app passwords of a mailbox, with the number of each.",
        "app-password-revoke": "Revoke an app password by its number: it opens nothing any more.",
    }

    def switch_options(self, parser):
        for column, (option, text) in SWITCH_OPTIONS.items():
            parser.add_argument(option, action=BooleanOptionalAction, dest=column, help=text)

    def options_for_app_passwords(self, parser):
        self.name_option(parser)
        self.json_option(parser)

    def options_for_app_password_revoke(self, parser):
        self.name_option(parser)
        parser.add_argument("number", type=int, metavar="NUMBER", help="As app-passwords lists it.")

    def app_passwords(self, *, name_given, json, **options):
        for row in self.named(name_given).app_passwords.order_by("pk"):
            record = {
                "number": row.pk,
                "name": row.description or "",
                "protocols": [name for name in row.protocols.split(",") if name],
                "networks": [network for network in row.networks.split(",") if network],
                "until": row.last_day and row.last_day.isoformat(),
                "of_postfixadmin": not row.is_ours,
            }
            if json:
                self.stdout.write(json_module.dumps(record))
                continue
            uses = ",".join(record["protocols"]) or "nothing: PostfixAdmin made it"
            limits = [*record["networks"], *([f"until {record['until']}"] if row.expires else [])]
            self.stdout.write("\t".join([str(row.pk), record["name"], uses, " ".join(limits)]))

    def app_password_revoke(self, *, name_given, number, **options):
        mailbox = self.named(name_given)
        row = mailbox.app_passwords.filter(pk=number).first()
        if row is None:
            raise CommandError(f"{mailbox} has no app password {number}. app-passwords lists them.")
        revoke_app_password(actor=None, app_password=row)
        self.stdout.write(f"Revoked app password {number} of mailbox {mailbox}.")

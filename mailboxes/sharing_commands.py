"""Sending as others and shared mailboxes at the command line, for `manage.py mailbox`."""

import json as json_module

from django.core.management.base import CommandError

from mailboxes.models import SendAs, Share
from mailboxes.send_as import end_send_as, let_send_as
from mailboxes.sharing import end_share, share_mailbox
from panel.addresses import lookup_key


class SharingMixin:
    sharing_verbs = {
        "send-as": "Let a mailbox send as an address or as every name of a domain, or end that. Without one: list them.",
        "share": "Open a mailbox to another one, or end that. Without one: list who opens it.",
    }

    def options_for_send_as(self, parser):
        self.name_option(parser)
        parser.add_argument(
            "sender", metavar="SENDER", nargs="?", help="An address, or a domain for every name."
        )
        parser.add_argument("--end", action="store_true", help="It may no longer.")
        self.json_option(parser)

    def options_for_share(self, parser):
        self.name_option(parser)
        parser.add_argument("person", metavar="MAILBOX", nargs="?", help="Who opens it.")
        parser.add_argument("--read-only", action="store_true", help="It is read alone.")
        parser.add_argument("--no-send-as", action="store_true", help="Nobody sends as it thereby.")
        parser.add_argument("--end", action="store_true", help="It is shared no longer.")
        self.json_option(parser)

    def send_as(self, *, name_given, sender, end, json, **options):
        mailbox = self.named(name_given)
        rows = SendAs.objects.filter(username=mailbox.pk).order_by("sender")
        if sender is None:
            for row in rows:
                self.stdout.write(json_module.dumps({"sender": row.sender}) if json else row.sender)
        elif end:
            name = lookup_key(sender)
            row = rows.filter(sender__in=[name, f"@{name}"]).first()
            if row is None:
                raise CommandError(f"{mailbox} is not let send as {sender}.")
            end_send_as(actor=None, row=row)
            self.stdout.write(f"Mailbox {mailbox} may no longer send as {row.whom}.")
        else:
            row = let_send_as(actor=None, mailbox=mailbox.pk, sender=sender)
            self.stdout.write(f"Mailbox {mailbox} may send as {row.whom}.")

    def share(self, *, name_given, person, read_only, no_send_as, end, json, **options):
        mailbox = self.named(name_given)
        rows = Share.objects.filter(owner=mailbox.pk).order_by("person")
        if person is None:
            for row in rows:
                self.stdout.write(self._said(row, json))
        elif end:
            row = rows.filter(person=lookup_key(person)).first()
            if row is None:
                raise CommandError(f"{mailbox} is not shared with {person}.")
            end_share(actor=None, row=row)
            self.stdout.write(f"Mailbox {mailbox} is no longer shared with {row.person}.")
        else:
            row = share_mailbox(
                actor=None,
                mailbox=mailbox,
                person=person,
                may_write=not read_only,
                send_as=not no_send_as,
            )
            self.stdout.write(f"Mailbox {mailbox} is shared with {row.person}.")
            if not row.applied:
                self.stdout.write(f"It has no effect before root types: {row.command}")

    @staticmethod
    def _said(row, json):
        record = {"mailbox": row.person, "may_write": row.may_write, "applied": row.applied}
        if json:
            return json_module.dumps(record)
        words = "reads and changes it" if row.may_write else "reads it"
        return f"{row.person}\t{words}{'' if row.applied else ', no effect yet'}"

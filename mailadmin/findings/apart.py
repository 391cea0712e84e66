"""Moves mail out of other mailboxes' directories, with the helper, while the mail server runs."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy, ngettext_lazy

from domains.models import RoutingLock
from mailadmin.findings import directories
from mailadmin.findings.cure import Cure
from mailboxes.bulk import MailboxWork
from panel import helper, tasks


class Apart(Cure, MailboxWork):
    kind, actions, undoable = "apart", ("move",), ()
    submits = {"move": gettext_lazy("Move the mail")}
    questions = {
        "move": ngettext_lazy(
            "Move the mail of %(n)s mailbox?", "Move the mail of %(n)s mailboxes?", "count"
        )
    }
    leads = {
        "move": gettext_lazy(
            "Each gets the directory that a new mailbox of its name would get, with all its mail. Open sessions end, and mail programs"
            " sign in again by themselves; mail that comes at that moment waits in Postfix’s queue."
        )
    }
    results = {
        "move": ngettext_lazy(
            "The mail of %(n)s mailbox is moved", "The mail of %(n)s mailboxes is moved", "count"
        )
    }

    @classmethod
    def is_offered(cls):
        return helper.is_there()

    def names(self, entries):
        rows = self.rows().filter(pk__in=[entry.key for entry in entries])
        return [f"{row}: {row.maildir} → {directories.place_of(row)}" for row in rows]

    def act(self, task, entry):
        RoutingLock.hold()
        row = self.rows().get(pk=entry.key)
        if not directories.is_nested(row):  # it was done with an outer one, or somebody was first
            return {}
        rows = directories.innermost_first([row, *directories.within(row)])
        for one in rows:
            directories.keep_place(one)
        # The helper asks the database, so this must be saved first; and no lock waits for a disk.
        transaction.on_commit(lambda: self.let_helper_move(task, entry.key, rows), robust=True)
        return {}

    def let_helper_move(self, task, key, rows):
        try:
            for row in rows:
                directories.let_helper_move(actor=self.actor, mailbox=row)
        except ValidationError as error:
            tasks.refuse_afterwards(task, key, error)

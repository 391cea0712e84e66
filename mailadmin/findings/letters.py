"""Asks people by mail to sign in once: the same password gets a better hash then, and nobody is locked out."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts import letters
from accounts.models import Adoption
from mailadmin.findings.cure import ACCOUNTS, Mending
from panel import tasks


class Letters(Mending):
    """``panel`` of a task's options is the address of the page to sign in."""

    kind, actions = "letters", ("write",)
    submits = {"write": gettext_lazy("Write to them")}
    questions = {
        "write": ngettext_lazy("Write to %(n)s account?", "Write to %(n)s accounts?", "count")
    }
    leads = {
        "write": gettext_lazy(
            "Each is asked by mail to sign in to this panel once. The password stays the same, and its hash becomes one that is not"
            " guessed fast. Nobody is locked out; whoever does not sign in stays as now."
        )
    }
    results = {
        "write": ngettext_lazy(
            "%(n)s account was written to", "%(n)s accounts were written to", "count"
        )
    }

    def act(self, task, entry):
        account = self.account(entry.key)
        refusal = ValidationError(_("The mail server did not take the message."), "mail")

        def send():
            page = task.options["panel"]
            if not letters.send("sign-in", account, [account.pk], address=page):
                tasks.refuse_afterwards(task, entry.key, refusal)

        # The transaction may run again, and the mail server be slow: nobody gets two, and no lock waits for it.
        transaction.on_commit(send, robust=True)
        return {}

    def account(self, key):
        if Adoption.objects.exists():
            raise ValidationError(
                _("PostfixAdmin may not read the hash: run `manage.py adopt --finish` first."),
                "adopted",
            )
        table, name = key.split(" ", 1)
        account = ACCOUNTS[table].objects.manageable_by(self.actor).get(pk=name)
        if not account.active:
            raise ValidationError(_("It is switched off."), "off")
        return account

    def settle(self, task, keys):
        # they are as before, until somebody has signed in
        pass

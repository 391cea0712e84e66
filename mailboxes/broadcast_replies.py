"""What the mail server said of each recipient of a broadcast message, for as long as somebody may ask.

A row stands for a recipient who has not got it, or may not have got it: those who have are counted alone.
"""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from mailboxes.writing import LATER, REFUSED, SENT, UNKNOWN
from panel import tasks
from panel.models import TaskRow
from panel.transactions import in_transaction

SENDING = "sending"  # no answer yet; later: there will be none


def note_reply(task, key, reply, *, is_last):
    if reply.state == SENT:
        _forget(task, key)
        return
    changes = {"state": reply.state, "said": reply.said}
    if reply.state == UNKNOWN:
        _change(task, key, changes)
    elif reply.state == LATER and not (is_last and reply.of_recipient):
        tasks.take_back(task, key, changes)
    else:
        error = ValidationError("%(said)s", REFUSED, {"said": reply.said})
        tasks.take_back(task, key, changes | {"state": REFUSED}, error)


@in_transaction
def _forget(task, key):
    TaskRow.objects.filter(task=task.pk, key=key).delete()


@in_transaction
def _change(task, key, changes):
    TaskRow.objects.filter(task=task.pk, key=key).update(changes=changes)


def counts(task):
    """{SENT, REFUSED, LATER, UNKNOWN: how many}."""
    unknown = task.rows.filter(changes__state__in=[SENDING, UNKNOWN]).count()
    later = task.rows.filter(changes__state=LATER).count()
    return {SENT: task.done - unknown, REFUSED: task.refused, LATER: later, UNKNOWN: unknown}


STATES = {
    REFUSED: gettext_lazy("refused"),
    LATER: gettext_lazy("put off"),
    UNKNOWN: gettext_lazy("not known"),
    SENDING: gettext_lazy("not known"),
}


def not_sent(task):
    """(address, what happened, what the mail server said) of each recipient who has, or may have, not got it."""
    rows = task.rows.order_by("key").values_list("key", "changes")
    for key, changes in rows.iterator():
        yield key, STATES[changes["state"]], changes.get("said", "")

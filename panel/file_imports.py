"""How long an uploaded file is kept: as long as somebody works with it; and what it hands out, passwords among it: for an hour, or for ten minutes once it was downloaded.

`webhooks --follow` calls forget() each minute. What reads and makes its lines: mailadmin/file_import/.
"""

from datetime import timedelta

from django.db.models import Min, Q
from django.utils import timezone

from panel.models import FileImport, FileLine
from panel.transactions import in_transaction

KEPT = timedelta(days=1)
SECRETS_KEPT = timedelta(hours=1)
HANDED_KEPT = timedelta(minutes=10)  # after a download, which may have been broken off
AT_ONCE = 20  # files
LINES_AT_ONCE = 10_000  # of all files: each may have 100,000
MOST_OF_ONE = 5  # files of an account
NOBODYS = "-"  # whose a file is that is being deleted; "" is the command line's


def forget():
    now = timezone.now()
    old = FileImport.objects.filter(changed__lt=now - KEPT)
    # One that is being made is changed with each line.
    old = old.filter(Q(task=None) | Q(task__changed__lt=now - KEPT))
    left = LINES_AT_ONCE
    for key in old.order_by("changed").values_list("pk", flat=True)[:AT_ONCE]:
        _hide(key)
        left -= _delete_some(key, left)
        if left <= 0:
            break
    over, handed = Q(task__changed__lt=now - SECRETS_KEPT), Q(handed__lt=now - HANDED_KEPT)
    due = FileImport.objects.filter(over | handed, secrets=True)
    for key, made in due.values_list("pk", "task__changed")[:AT_ONCE]:
        _erase(key, Q() if made and made < now - SECRETS_KEPT else handed)


@in_transaction
def _erase(key, which):
    # A line that is made meanwhile waits for it (ImportWork.act), or its secret would not be counted as left.
    if FileImport.objects.select_for_update().filter(pk=key).first() is None:
        return
    made = FileLine.objects.filter(which, file=key, state=FileLine.State.MADE)
    made.update(secret="", handed=None)
    left = FileLine.objects.filter(file=key, state=FileLine.State.MADE).exclude(secret="")
    first = left.aggregate(first=Min("handed"))["first"]
    FileImport.objects.filter(pk=key).update(secrets=left.exists(), handed=first)


def delete(key):
    """In portions; nobody finds it from the first on."""
    _hide(key)
    while _delete_some(key, LINES_AT_ONCE) == LINES_AT_ONCE:
        pass


def _hide(key):
    FileImport.objects.filter(pk=key).update(admin=NOBODYS)


def _delete_some(key, most):
    """Delete at most ``most`` lines, and the file if no more are left; return how many."""
    found = list(FileLine.objects.filter(file=key).values_list("pk", flat=True)[:most])
    FileLine.objects.filter(pk__in=found).delete()
    if len(found) < most:
        FileImport.objects.filter(pk=key).delete()
    return len(found)


def has_secrets(file):
    """Whether some are there whose time is not over, though nobody has erased them yet."""
    if not (file.secrets and file.task and file.task.changed > timezone.now() - SECRETS_KEPT):
        return False
    made = file.lines.filter(state=FileLine.State.MADE).exclude(secret="")
    return made.filter(Q(handed=None) | Q(handed__gte=timezone.now() - HANDED_KEPT)).exists()


def hand_out(file):
    """Note that what the lines of ``file`` have is handed out now."""
    now = timezone.now()
    made = file.lines.filter(state=FileLine.State.MADE, handed=None).exclude(secret="")
    if made.update(handed=now):
        FileImport.objects.filter(pk=file.pk, handed=None).update(handed=now)


def erase(file):
    """Erase what the lines of ``file`` have handed out at once: it is where it was meant to go."""
    _erase(file.pk, Q(handed__isnull=False))


def is_handed_out(line):
    return bool(line.handed and line.handed >= timezone.now() - HANDED_KEPT)

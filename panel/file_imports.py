"""How long an uploaded file is kept: as long as somebody works with it, and what it hands out, passwords among it, for an hour.

What reads and makes its lines: mailadmin/file_import/.
"""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from panel.models import FileImport, FileLine

KEPT = timedelta(days=1)
SECRETS_KEPT = timedelta(hours=1)
AT_ONCE = 20  # files: each may have 100,000 lines
MOST_OF_ONE = 5  # files of an account


def forget():
    now = timezone.now()
    old = FileImport.objects.filter(changed__lt=now - KEPT)
    # One that is being made is changed with each line.
    old = old.filter(Q(task=None) | Q(task__changed__lt=now - KEPT))
    delete(list(old.values_list("pk", flat=True)[:AT_ONCE]))
    over = FileImport.objects.filter(secrets=True, task__changed__lt=now - SECRETS_KEPT)
    for key in over.values_list("pk", flat=True)[:AT_ONCE]:
        erase_secrets(key)


def erase_secrets(key):
    FileLine.objects.filter(file=key, state=FileLine.State.MADE).update(secret="")
    FileImport.objects.filter(pk=key).update(secrets=False)


def delete(keys):
    if keys:
        FileLine.objects.filter(file__in=keys).delete()
        FileImport.objects.filter(pk__in=keys).delete()


def has_secrets(file):
    """Whether they are there and their hour is not over, though nobody has erased them yet."""
    return file.secrets and file.task and file.task.changed > timezone.now() - SECRETS_KEPT

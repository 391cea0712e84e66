from django.contrib.messages.storage.cookie import MessageDecoder, MessageEncoder
from django.db import models
from django.urls import reverse
from django.utils import timezone

from panel.fields import KeyField, SecondsField


class FormAnswer(models.Model):
    """Where a form that was sent led, and what was said then: see panel/once.py."""

    key = KeyField(primary_key=True, max_length=64)
    url = models.TextField()
    told = models.JSONField(default=list, encoder=MessageEncoder, decoder=MessageDecoder)
    at = SecondsField(default=timezone.now)

    class Meta:
        db_table = "form_answer"
        default_permissions = ()
        indexes = [models.Index(fields=["at"], name="form_answer_at")]

    def __str__(self):
        return self.url


class Task(models.Model):
    """One act on many rows, done in steps that its page asks for: see panel/tasks.py.

    The rows are the ticked ``keys``, or those that the list with the query ``listed`` shows, or those of the task that
    it ``undoes``. ``position`` is after the last row that was done; ``scope`` what its administrator managed when asked.
    """

    class State(models.TextChoices):
        ASKED = "asked"  # its page asks for confirmation
        RUNNING = "running"
        STOPPED = "stopped"
        DONE = "done"

    admin = KeyField()
    kind = models.CharField(max_length=16)
    action = models.CharField(max_length=16)
    options = models.JSONField(default=dict)
    listed = models.TextField(default="")
    keys = models.JSONField(null=True)
    undoes = models.OneToOneField(
        "self", models.CASCADE, null=True, related_name="undone_by", editable=False
    )
    scope = models.CharField(max_length=64)
    back = models.TextField(default="")
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    position = models.JSONField(default=list)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    refusals = models.JSONField(default=list)
    milliseconds = models.PositiveIntegerField(default=0)
    started = SecondsField(default=timezone.now)
    changed = SecondsField(default=timezone.now)

    class Meta:
        db_table = "task"
        default_permissions = ()
        indexes = [
            models.Index(fields=["admin", "state"], name="task_admin_state"),
            models.Index(fields=["changed"], name="task_changed"),
        ]

    def __str__(self):
        return f"{self.action} {self.kind} {self.pk}"

    def get_absolute_url(self):
        return reverse("task", args=[self.pk])

    @property
    def passed(self):
        return self.done + self.refused + self.gone


class TaskRow(models.Model):
    """A row that a task changed, with its ``changes`` as the log has them: for Undo.

    ``settled``: what follows from it was done too, see Work.settle().
    """

    task = models.ForeignKey(Task, models.CASCADE, related_name="rows")
    key = KeyField()
    changes = models.JSONField(default=dict)
    settled = models.BooleanField(default=False)

    class Meta:
        db_table = "task_row"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["task", "key"], name="task_row_key")]

    def __str__(self):
        return self.key


class ApiAnswer(models.Model):
    """What a POST of the API was answered, by its Idempotency-Key and token, for a day: panel/api/writing.py."""

    key = KeyField(primary_key=True, max_length=64)
    request = KeyField(max_length=64)  # SHA-256 of what was asked
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(null=True)
    has_etag = models.BooleanField(default=False)
    at = SecondsField(default=timezone.now)

    class Meta:
        db_table = "api_answer"
        default_permissions = ()
        indexes = [models.Index(fields=["at"], name="api_answer_at")]

    def __str__(self):
        return self.key


class FoundRows(models.Model):
    """What a check of mailadmin/findings/ found when all rows were looked at last.

    ``keys`` are at most tasks.COUNTED; ``count`` is one more where there are more. ``examples`` are [text, URL or ""].
    """

    name = models.CharField(primary_key=True, max_length=64)
    count = models.PositiveIntegerField(default=0)
    keys = models.JSONField(default=list)
    examples = models.JSONField(default=list)
    looked = SecondsField(default=timezone.now)

    class Meta:
        db_table = "found_rows"
        default_permissions = ()

    def __str__(self):
        return f"{self.name}: {self.count}"


class HostLook(models.Model):
    """What mailadmin/doctor/ found when this mail server was looked at last, a row for each machine.

    ``findings`` are stored Findings, ``unseen`` [names of checks, why they could not look]. ``figures`` are compared with those of the
    next look; ``told`` is what the last mail knew: {key of a Finding: what it said}.
    """

    machine = models.CharField(primary_key=True, max_length=255)
    looked = SecondsField(default=timezone.now)
    findings = models.JSONField(default=list)
    unseen = models.JSONField(default=list)
    figures = models.JSONField(default=dict)
    told = models.JSONField(default=dict)

    class Meta:
        db_table = "host_look"
        default_permissions = ()

    def __str__(self):
        return self.machine


class FileImport(models.Model):
    """A file whose lines somebody imports: see panel/file_imports.py.

    ``columns`` names for each column of the file what it holds, or "", and is None until somebody said so. ``checked`` is the
    last line that was judged.
    """

    admin = KeyField()
    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=255)
    headings = models.JSONField(default=list)
    columns = models.JSONField(null=True)
    options = models.JSONField(default=dict)
    total = models.PositiveIntegerField(default=0)
    last = models.PositiveIntegerField(default=0)  # number of the last line
    checked = models.PositiveIntegerField(default=0)
    task = models.OneToOneField(
        Task, models.SET_NULL, null=True, related_name="file_import", editable=False
    )
    secrets = models.BooleanField(default=False)  # whether some lines have one
    handed = SecondsField(null=True)  # the earliest of its lines'
    changed = SecondsField(default=timezone.now)

    class Meta:
        db_table = "file_import"
        default_permissions = ()
        indexes = [
            models.Index(fields=["admin"], name="file_import_admin"),
            models.Index(fields=["changed"], name="file_import_changed"),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("import", args=[self.pk])


class FileLine(models.Model):
    """A line of a file. ``content`` and ``secret`` are encrypted: passwords may stand in them.

    ``secret`` is what the result hands out: a password that was made, or the token of an invitation; ``handed`` is when it first
    did. ``address`` is the key of the row that it makes, ``problems`` what is wrong with it: [field or "", sentence].
    """

    class State(models.TextChoices):
        NEW = "new"
        GOOD = "good"
        BAD = "bad"
        LEFT_OUT = "left-out"  # by whoever imports
        MADE = "made"

    file = models.ForeignKey(FileImport, models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField()
    content = models.TextField()
    state = models.CharField(max_length=8, choices=State, default=State.NEW)
    address = KeyField(default="")
    domain = KeyField(default="")
    size = models.BigIntegerField(default=0)  # bytes of a mailbox's quota
    problems = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    secret = models.TextField(default="")
    handed = SecondsField(null=True)

    class Meta:
        db_table = "file_line"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="file_line_number")]
        indexes = [
            models.Index(fields=["file", "state", "number"], name="file_line_state"),
            models.Index(fields=["file", "address"], name="file_line_address"),
            models.Index(fields=["file", "domain", "state"], name="file_line_domain"),
        ]

    def __str__(self):
        return f"{self.file_id}: {self.number}"


class FileColumns(models.Model):
    """What the headings of files meant to an account the last time: {heading in small letters: what it holds, or ""}."""

    admin = KeyField()
    kind = models.CharField(max_length=16)
    meanings = models.JSONField(default=dict)

    class Meta:
        db_table = "file_columns"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["admin", "kind"], name="file_columns_kind")]

    def __str__(self):
        return f"{self.admin}: {self.kind}"

"""The good lines of a file, made by the services that make one row, or many of one domain at once (panel/tasks.py)."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts import totp
from mailadmin.file_import import judging, keeping
from mailadmin.file_import.kinds import KINDS, domains_of
from mailadmin.file_import.mailboxes import SEND
from mailadmin.file_import.texts import not_yours
from panel import tasks
from panel.addresses import display_address
from panel.formats import number
from panel.models import FileImport, FileLine
from panel.task_work import Entry, Work
from panel.transactions import in_transaction

TOGETHER = 500  # lines of a transaction
# Of those whose passwords are hashed, which takes their time under the locks of the task and the file: about two seconds.
ROUNDS_TOGETHER = 2_500_000
MAILED_TOGETHER = 10  # of those that are written to, after it
State = FileLine.State


class ImportWork(Work):
    right = "imports:write"
    kind, actions = "import", ("create",)
    list_url_name = "imports"
    leads, details = {"create": ""}, {}
    back_words = gettext_lazy("To the result")

    questions = {
        "create": ngettext_lazy("Import %(n)s line", "Import %(n)s lines", "count"),
    }

    def lines(self, task):
        return FileLine.objects.filter(file=task.options["file"], state=State.GOOD)

    def count(self, task):
        return self.lines(task)[: tasks.COUNTED + 1].count()

    def matching(self, task, position, size):
        lines = self.lines(task)
        if position:
            lines = lines.filter(number__gt=position[0])
        rows = list(lines.order_by("number").values_list("number", "address")[:size])
        entries = [Entry(address, [place]) for place, address in rows]
        return entries, entries[-1].position if len(entries) == size else None

    def size(self):
        return TOGETHER

    def groups(self, task, entries):
        kind = KINDS[task.options["kind"]]
        if kind.create_many is None or not entries:  # none, too, where the file was deleted
            return super().groups(task, entries)
        size = self._together(task, kind)
        return [entries[place : place + size] for place in range(0, len(entries), size)]

    def _together(self, task, kind):
        if kind.name != "mailbox":
            return TOGETHER
        file = FileImport.objects.get(pk=task.options["file"])
        options = judging.options_of(file)
        size = TOGETHER
        if options["welcome"] or options["how"] == SEND:
            size = MAILED_TOGETHER
        if "hash" not in options["columns"]:
            size = min(size, ROUNDS_TOGETHER // settings.PASSWORD_ROUNDS)
        return max(size, 1)

    def act(self, task, entry):
        self.act_together(task, [entry])

    def act_together(self, task, entries):
        files = FileImport.objects.select_for_update()
        file = files.get(pk=task.options["file"], admin=tasks.owner_of(self.actor))
        if not judging.is_judged(file):
            raise FileLine.DoesNotExist  # nobody has seen them so; they stay as they are
        numbers = [entry.position[0] for entry in entries]
        lines = list(file.lines.filter(number__in=numbers, state=State.GOOD).order_by("number"))
        if len(lines) < len(numbers):
            raise FileLine.DoesNotExist
        readings = {line.number: judging.read(file, line) for line in lines}
        secrets = self.make(file, readings)
        nothing = keeping.sealed({"cells": []})  # the passwords of the file have been used
        for line in lines:
            made = secrets[line.number]
            line.state, line.secret = State.MADE, totp.sealed(" ".join(made)) if made else ""
            line.content = nothing
        judging.save(lines)
        if any(secrets.values()) and not file.secrets:
            file.secrets = True
            file.save(update_fields=["secrets"])

    def make(self, file, readings):
        """Make the rows of ``readings``, {number: Reading}, and return what is to be handed out of each."""
        kind, options = KINDS[file.kind], judging.options_of(file)
        for reading in readings.values():
            for errors in reading.errors.values():
                raise ValidationError(errors)
        asked = [name for reading in readings.values() for name in kind.domains(reading)]
        domains = domains_of(self.actor, asked)
        for reading in readings.values():
            if missing := [name for name in kind.required(reading) if name not in domains]:
                raise not_yours(missing[0])
        several = list(readings.values())
        if len(several) == 1:
            made = [kind.create(self.actor, several[0], domains, options)]
        else:
            made = kind.create_many(self.actor, several, domains, options)
        return dict(zip(readings, made, strict=True))

    def refused(self, task, entry, error):
        """It was good when it was looked at: let its line say what has come between."""
        lines = FileLine.objects.filter(file=task.options["file"], number=entry.position[0])
        lines.update(state=State.BAD, problems=[["", text] for text in error.messages])

    def number_done(self, task):
        return task.done

    def result(self, task):
        file = FileImport.objects.filter(pk=task.options["file"]).first()
        kind = KINDS[file.kind if file else task.options["kind"]]
        return str(kind.made % {"count": task.done, "n": number(task.done)}) + "."

    def refusals(self, task):
        return [(display_address(key), reason) for key, reason in task.refusals]


@in_transaction
def begin(*, actor, file):
    """Begin to make the good lines of ``file``, and return the Task."""
    file = FileImport.objects.select_for_update().get(pk=file.pk)
    if file.task and file.task.state in tasks.UNFINISHED:
        return file.task
    file = judging.locked_and_judged(file)
    if not file.lines.filter(state=State.GOOD).exists():
        raise ValidationError(_("There is no good line that is not imported yet."), "nothing")
    work = ImportWork(actor)
    back = file.get_absolute_url()
    task = tasks.ask(work, "create", back=back, file=file.pk, kind=file.kind)
    file.task = tasks.begin(task)
    file.save(update_fields=["task"])
    return task

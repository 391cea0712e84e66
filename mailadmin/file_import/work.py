"""The good lines of a file, made one after the other by the services that make one row (panel/tasks.py)."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts import totp
from mailadmin.file_import import judging, keeping
from mailadmin.file_import.kinds import KINDS, domains_of
from mailadmin.file_import.texts import not_yours
from panel import tasks
from panel.addresses import display_address
from panel.formats import number
from panel.models import FileImport, FileLine
from panel.transactions import in_transaction

State = FileLine.State


class ImportWork(tasks.Work):
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
        entries = [tasks.Entry(address, [place]) for place, address in rows]
        return entries, entries[-1].position if len(entries) == size else None

    def act(self, task, entry):
        files = FileImport.objects.select_for_update()
        file = files.get(pk=task.options["file"], admin=tasks.owner_of(self.actor))
        if not judging.is_judged(file):
            raise FileLine.DoesNotExist  # nobody has seen it so; it stays as it is
        line = file.lines.get(number=entry.position[0], state=State.GOOD)
        secret = self.make(file, line)
        line.state, line.secret = State.MADE, secret
        # The passwords of the file have been used.
        line.content = keeping.sealed({"cells": []})
        line.save(update_fields=["state", "secret", "content"])
        if secret and not file.secrets:
            file.secrets = True
            file.save(update_fields=["secrets"])

    def make(self, file, line):
        """Make the row of a line, and return what is to be handed out of it, encrypted, or ""."""
        kind, reading = KINDS[file.kind], judging.read(file, line)
        for errors in reading.errors.values():
            raise ValidationError(errors)
        domains = domains_of(self.actor, kind.domains(reading))
        if missing := [name for name in kind.required(reading) if name not in domains]:
            raise not_yours(missing[0])
        made = kind.create(self.actor, reading, domains, judging.options_of(file))
        return totp.sealed(" ".join(made)) if made else ""

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

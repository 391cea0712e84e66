"""What each line of a file makes, and what is wrong with it: by the rules of the services, asked of many lines together."""

import re
from time import monotonic

from django.core.exceptions import ValidationError
from django.db.models import Count, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mailadmin.file_import.keeping import FIRST_OPTIONS, content_of, sealed, texts_of, touch
from mailadmin.file_import.kinds import KINDS, domains_of
from mailadmin.file_import.mailboxes import HIDDEN
from mailadmin.file_import.texts import not_yours
from panel import tasks
from panel.changes import collected, insert_many
from panel.models import FileImport, FileLine
from panel.transactions import in_transaction

TOGETHER = 250  # lines of a transaction
MOST_JUDGED_ANEW = 100
NUMBER = re.compile(r"[0-9\s.,'’]+")
State = FileLine.State


def is_judged(file):
    return file.columns is not None and file.checked >= file.last


@in_transaction
def locked(file):
    """The FileImport as it is now, under its lock, and kept for another day. Refused while its lines are made."""
    file = FileImport.objects.select_for_update().get(pk=file.pk)
    if file.task and file.task.state == tasks.Running:
        raise ValidationError(_("It is being imported. Stop that first."), "running")
    touch(file)
    return file


def locked_and_judged(file):
    file = locked(file)
    if not is_judged(file):
        raise ValidationError(
            _("The lines are being checked. Wait until that is done."), "being_checked"
        )
    return file


def options_of(file):
    return FIRST_OPTIONS | file.options | {"columns": file.columns}


def texts_in(file, line):
    """{field: text} of a line, each size with the unit that its heading names: a number alone counts in that."""
    texts = texts_of(line, file.columns)
    for name, unit in file.options.get("units", {}).items():
        if unit and NUMBER.fullmatch(texts.get(name, "")):
            texts[name] = f"{texts[name]} {unit}"
    return texts


def read(file, line):
    return KINDS[file.kind].read(texts_in(file, line), options_of(file))


@in_transaction
def judge_next(*, actor, file):
    """Judge the lines after ``file.checked``, and return the FileImport as it is then."""
    file = FileImport.objects.select_for_update().get(pk=file.pk)
    lines = file.lines.filter(number__gt=file.checked).order_by("number")
    lines = list(lines[:TOGETHER])
    if lines:
        open_ones = [line for line in lines if line.state not in {State.MADE, State.LEFT_OUT}]
        judge(actor, file, open_ones, before=lines[0].number)
    file.checked = lines[-1].number if len(lines) == TOGETHER else file.last
    file.changed = timezone.now()
    file.save(update_fields=["checked", "changed"])
    return file


def judge_for(seconds, *, actor, file):
    """Judge lines for so long, None until all are, and return the FileImport as it is then."""
    began = monotonic()
    while file.columns and not is_judged(file):
        if seconds is not None and monotonic() - began >= seconds:
            break
        file = judge_next(actor=actor, file=file)
    return file


def judge(actor, file, lines, before=None):
    """Judge ``lines`` against what is there and the other good lines of the file, those before number ``before`` if it is given."""
    kind, options = KINDS[file.kind], options_of(file)
    readings = {line.number: read(file, line) for line in lines}
    others = file.lines.filter(state=State.GOOD).exclude(number__in=[*readings])
    if before is not None:
        others = others.filter(number__lt=before)
    keys = {reading.key for reading in readings.values()} - {""}
    domains = domains_of(
        actor, [name for reading in readings.values() for name in kind.domains(reading)]
    )
    _count_others(kind, domains, others)
    in_use = kind.in_use(keys)
    earlier = dict(others.filter(address__in=keys).values_list("address", "number"))
    for line in lines:
        reading = readings[line.number]
        errors = dict(reading.errors)
        for name in kind.required(reading):
            if name and name not in domains:
                field = reading.domain_field or kind.domain_field
                errors.setdefault(field, []).append(not_yours(name))
        if reading.key in earlier:
            errors.setdefault("address", []).append(_twice(earlier[reading.key]))
        with collected(errors):
            kind.check(actor, reading, domains, in_use, options)
        line.address, line.domain, line.size = reading.key, reading.domain, reading.size
        line.notes = reading.notes
        line.problems = _problems(kind, errors)
        line.state = State.BAD if line.problems else State.GOOD
        if line.state == State.GOOD:
            earlier[reading.key] = line.number
            if reading.domain in domains:
                kind.count(domains[reading.domain], 1, reading.size)
    save(lines)


def _count_others(kind, domains, others):
    counted = others.filter(domain__in=list(domains)).order_by().values("domain")
    for row in counted.annotate(lines=Count("pk"), bytes=Sum("size")):
        kind.count(domains[row["domain"]], row["lines"], row["bytes"])


def _twice(number):
    return ValidationError(
        _("Line %(n)s has this already. Change one of both, or leave it out."),
        "twice",
        {"n": number},
    )


def _problems(kind, errors):
    found = []
    for field, problems in errors.items():
        shown = kind.shown_at.get(field, field)
        for error in problems:
            texts = error.messages if isinstance(error, ValidationError) else [str(error)]
            found += [[shown if shown in kind.fields else "", text] for text in texts]
    return [one for place, one in enumerate(found) if one not in found[:place]]


def save(lines):
    # Written anew in two statements: to change each would take ten times as long.
    if lines:
        FileLine.objects.filter(pk__in=[line.pk for line in lines]).delete()
        insert_many(lines)


def _to_change(file):
    """An import that was stopped ends: going on behind its last line, it would pass by those before that become good."""
    file = locked_and_judged(file)
    if file.task:
        tasks.end(file.task)
    return file


@in_transaction
def correct(*, actor, file, number, texts):
    """Let ``texts``, {field: text}, count in place of what stands in a line, and judge it anew, and those it was in the way of."""
    file = _to_change(file)
    line = file.lines.exclude(state=State.MADE).get(number=number)
    content, was = content_of(line), line.address
    content["corrected"] = content.get("corrected", {}) | texts
    line.content = sealed(content)
    judge(actor, file, [line])
    _judge_same(actor, file, line, was)
    return line


@in_transaction
def leave_out(*, actor, file, number, back=False):
    """Leave a line out, or take it ``back``; what it was in the way of is judged anew."""
    file = _to_change(file)
    line = file.lines.exclude(state=State.MADE).get(number=number)
    if back:
        judge(actor, file, [line])
    else:
        line.state, line.problems = State.LEFT_OUT, []
        save([line])
        _judge_same(actor, file, line, line.address)
    return line


def _judge_same(actor, file, line, key):
    if key:
        same = file.lines.filter(address=key, state=State.BAD).exclude(number=line.number)
        if rows := list(same.order_by("number")[:MOST_JUDGED_ANEW]):
            judge(actor, file, rows)


@in_transaction
def match(*, file, columns, options):
    """Let ``columns`` say what the file's columns hold; all lines that are not made are judged anew after it.

    An import that was stopped does not go on: nobody has seen these lines.
    """
    file = locked(file)
    if file.task:
        tasks.end(file.task)
    file.columns, file.options = columns, file.options | options
    file.checked = 0
    file.save(update_fields=["columns", "options", "checked"])
    return file


def judge_anew(file):
    return match(file=file, columns=file.columns, options={})


def told(file, line):
    """What a program is told of a line: no password of the file is in it."""
    texts = {} if line.state == State.MADE else texts_in(file, line)
    return {
        "line": line.number,
        "state": line.state,
        "address": line.address,
        "values": {name: text for name, text in texts.items() if name not in HIDDEN},
        "problems": [{"field": field, "says": text} for field, text in line.problems],
        "notes": line.notes,
    }


def counts(file):
    """{state: how many lines}, from an index."""
    return counts_of([file])[file.pk]


def counts_of(files):
    """{key of a FileImport: its counts()}, in one statement."""
    found = {file.pk: dict.fromkeys(State.values, 0) for file in files}
    rows = FileLine.objects.filter(file__in=[*found]).order_by().values_list("file", "state")
    for key, state, count in rows.annotate(Count("pk")):
        found[key][state] = count
    return found


def said(file, found):
    """What a preview says of all lines: sentences."""
    good, bad, left_out, made = (
        found[name] for name in (State.GOOD, State.BAD, State.LEFT_OUT, State.MADE)
    )
    words = []
    if good or not made:
        words.append(ngettext("%(n)s line is good", "%(n)s lines are good", good) % {"n": good})
    if bad:
        words.append(
            ngettext("%(n)s cannot be imported", "%(n)s cannot be imported", bad) % {"n": bad}
        )
    if left_out:
        words.append(_("%(n)s left out") % {"n": left_out})
    if made:
        words.append(_("%(n)s imported") % {"n": made})
    return words

"""Acts on many rows: each row by the service that acts on one, and in a transaction of its own.

A task is done in steps, each as long as one request, and no process runs between them. How far it is, is written in
the transaction of the row: whoever asks for the next step, in however many windows, no row is done twice
and none is left out. What it changed is kept for some days, so that it can be undone.
"""

from collections import deque
from contextlib import contextmanager
from datetime import timedelta
from hashlib import blake2b
from itertools import count
from time import monotonic

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from panel.models import Task, TaskRow
from panel.task_work import Entry
from panel.transactions import Unavailable, in_transaction

STEP = 50  # rows of a request
STEP_SECONDS = 10
COUNTED = 10_000  # rows: beyond, a page says "more than"
TYPED_FROM = 25  # rows: whoever acts on so many types the number
REFUSALS = 100  # that are kept with their reasons
KEPT = timedelta(days=7)
FORGOTTEN_AT_ONCE = 20  # old tasks

Running = Task.State.RUNNING
UNFINISHED = (Running, Task.State.STOPPED)
IN_SESSION = "task"  # the key of what is not finished, for each page reads the session


@in_transaction
def ask(work, action, *, keys=None, listed="", back="", undoes=None, **options):
    _forget()
    task = Task(
        admin=owner_of(work.actor),
        kind=work.kind,
        action=action,
        keys=None if keys is None else sorted(keys),
        listed=listed,
        undoes=undoes,
        options=options,
        scope=scope_of(work.actor),
        back=back,
    )
    task.total = _count(work, task)
    try:
        with transaction.atomic():
            task.save(force_insert=True)
    except IntegrityError as error:  # of undoes
        raise ValidationError(_("This has been undone already."), "undone") from error
    return task


@in_transaction
def note(actor, kind, action, changes, *, back=""):
    """Keep what was done to rows, ``{key: changes}``, as a task that can be undone. Part of the caller's transaction."""
    _forget()
    task = Task.objects.create(
        admin=actor.pk,
        kind=kind,
        action=action,
        keys=sorted(changes),
        scope=scope_of(actor),
        back=back,
        state=Task.State.DONE,
        total=len(changes),
        done=len(changes),
    )
    TaskRow.objects.bulk_create(
        TaskRow(task=task, key=key, changes=made, settled=True) for key, made in changes.items()
    )
    return task


def typed(number):
    return str(min(number, COUNTED)) if number >= TYPED_FROM else ""


def check_typed(number, text):
    wanted = typed(number)
    if wanted and text.strip() != wanted:
        raise ValidationError(
            _("Type how many rows there are: %(number)s."), "not_confirmed", {"number": wanted}
        )


def undo_tag(task):
    return f"undo-{task.pk}"


def can_undo(task, work):
    return task.action in work.undoable and not task.undoes_id and task.rows.exists()


@in_transaction
def begin(task, work=None, **options):
    task = _locked(task.pk)
    if task.state != Task.State.DONE:
        if work is not None and task.state == Task.State.ASKED:
            work.begun(task)
        task.options |= options
        task.state, task.changed = Running, timezone.now()
        task.save(update_fields=["options", "state", "changed"])
    return task


@in_transaction
def stop(task, state=Task.State.STOPPED):
    """Stop it after the row that is being done; it can go on, unless its ``state`` is DONE then."""
    task = _locked(task.pk)
    if task.state == Running:
        task.state, task.changed = state, timezone.now()
        task.save(update_fields=["state", "changed"])
    return task


@in_transaction
def end(task, work=None):
    task = _locked(task.pk)
    if task.state in UNFINISHED:
        if work is not None:
            work.ended(task)
        task.state, task.changed = Task.State.DONE, timezone.now()
        task.save(update_fields=["state", "changed"])
    return task


def unfinished(actor):
    tasks = Task.objects.filter(admin=actor.pk, state__in=UNFINISHED)
    return tasks.order_by("-pk").values_list("pk", flat=True).first()


def may_go_on(task, work):
    return task.scope == scope_of(work.actor) and work.is_allowed()


def step(task, work, seconds=None):
    """Do the next rows, for at most ``seconds`` and one row more, and return the Task as it is then.

    Raises Unavailable when the database cannot save: what was done until then stays done.
    """
    began, seconds = monotonic(), seconds or STEP_SECONDS
    if not may_go_on(task, work):
        return stop(task)
    entries, rest = entries_of(task, work, task.position, work.size() or STEP)
    goes_on, groups, refused = True, deque(work.groups(task, entries)), False
    with work.step(task):
        while groups and goes_on:
            group = groups.popleft()
            # A group that was refused took its time: one of its rows is done all the same, or no step would come further.
            in_time = refused or monotonic() - began < seconds
            try:
                next_task = _do(task, work, group) if in_time else None
            except _OneByOne:
                groups.extendleft([entry] for entry in reversed(group))
                refused = True
                continue
            goes_on, task, refused = next_task is not None, next_task or task, False
    while _settled(task.pk, work) == STEP:
        pass
    return _passed(task, work, goes_on, rest, round(1000 * (monotonic() - began)))


@contextmanager
def _told_if_done(actor):
    """Let a dry run not tell what was rolled back."""
    recorded = getattr(actor, "recorded", None)
    number = len(recorded or ())
    try:
        yield
    except Exception:
        if recorded is not None:
            del recorded[number:]
        raise


class _OneByOne(Exception):
    """Rows that were to be done together: one of them is refused, or gone."""


@in_transaction
def _do(task, work, entries):
    """Do the rows of a group; None if the task was stopped, or has been moved on by another window, since ``task`` was read."""
    before, task = task.position, _locked(task.pk)
    if task.state != Running or task.position != before:
        return None
    if len(entries) == 1:
        _do_one(task, work, entries[0])
    else:
        try:
            with _told_if_done(work.actor):
                work.act_together(task, entries)
        except Unavailable:  # it is not these rows that are wrong
            raise
        except (ValidationError, ObjectDoesNotExist) as error:
            raise _OneByOne from error
        task.done += len(entries)
    task.position, task.changed = entries[-1].position, timezone.now()
    task.save(update_fields=["position", "done", "gone", "refused", "refusals", "changed"])
    return task


def _do_one(task, work, entry):
    try:
        with transaction.atomic(), _told_if_done(work.actor):
            changes = work.act(task, entry)
    except Unavailable:  # it is not this row that is wrong
        raise
    except ValidationError as error:
        _refuse(task, entry.key, error)
        work.refused(task, entry, error)
    except ObjectDoesNotExist:
        task.gone += 1
    else:
        task.done += 1
        if changes is not None:
            TaskRow.objects.create(task=task, key=entry.key, changes=changes)


@in_transaction
def refuse_afterwards(task, key, error):
    """Let a row that was done count as refused: what its transaction left to ``on_commit`` failed."""
    task = _locked(task.pk)
    TaskRow.objects.filter(task=task, key=key).delete()
    task.done -= 1
    _refuse(task, key, error)
    task.save(update_fields=["done", "refused", "refusals"])


@in_transaction
def take_back(task, key, changes, error=None):
    """Let a row not count as done after all, and note ``changes`` of it. With ``error`` it counts as refused."""
    task = _locked(task.pk)
    TaskRow.objects.filter(task=task, key=key).update(changes=changes)
    task.done -= 1
    if error is not None:
        _refuse(task, key, error)
    task.save(update_fields=["done", "refused", "refusals"])


def _refuse(task, key, error):
    task.refused += 1
    if len(task.refusals) < REFUSALS:
        task.refusals.append([key, " ".join(error.messages)])


@in_transaction
def _settled(pk, work):
    task = _locked(pk)
    rows = list(task.rows.filter(settled=False).order_by("pk")[:STEP])
    if rows:
        try:
            with transaction.atomic():
                work.settle(task, [row.key for row in rows])
        except ValidationError as error:
            task.refusals += [["", text] for text in error.messages]
            task.save(update_fields=["refusals"])
        TaskRow.objects.filter(pk__in=[row.pk for row in rows]).update(settled=True)
    return len(rows)


@in_transaction
def _passed(task, work, goes_on, rest, milliseconds):
    before, task = task.position, _locked(task.pk)
    task.milliseconds += milliseconds
    if goes_on and task.state == Running and task.position == before:
        if rest is None:
            work.ended(task)
            task.state = Task.State.DONE
        else:
            task.position = rest
    task.changed = timezone.now()
    task.save(update_fields=["milliseconds", "state", "position", "changed"])
    return task


def entries_of(task, work, position, size):
    """Return the next entries beyond ``position`` (a list), and where to go on after them, or None at the end."""
    if task.undoes_id:
        rows = TaskRow.objects.filter(task=task.undoes_id).order_by("key")
        rows = rows.filter(key__gt=position[0]) if position else rows
        entries = [Entry(row.key, [row.key], row.changes) for row in rows[:size]]
    elif task.keys is not None:
        keys = [key for key in task.keys if not position or key > position[0]]
        entries = [Entry(key, [key]) for key in keys[:size]]
    else:
        return work.matching(task, position, size)
    return entries, entries[-1].position if len(entries) == size else None


def _count(work, task):
    if task.undoes_id:
        return task.undoes.rows.count()
    if task.keys is not None:
        return len(task.keys)
    known = work.count(task)
    if known is not None:
        return min(known, COUNTED + 1)
    found, position = 0, []
    for _round in count():
        entries, position = work.matching(task, position, COUNTED + 1 - found)
        found += len(entries)
        if position is None or found > COUNTED:
            return found


def seconds_left(task):
    if not task.passed or task.total > COUNTED:
        return None
    return max(1, round(task.milliseconds / task.passed * (task.total - task.passed) / 1000))


def owner_of(actor):
    """``actor`` None is the command line."""
    return actor.pk if actor else ""


def scope_of(actor):
    """A digest of what an account manages: while it acts, this must not change."""
    if actor is None:
        return ""
    names = [str(actor.is_superadmin), *sorted(actor.scope_domains)]
    if names[1:]:
        names += [f"{domain} {role}" for domain, role in sorted(actor.domain_roles.items())]
    names = "\n".join(names)
    return blake2b(names.encode(), digest_size=32).hexdigest()


def _locked(pk):
    # The keys are many, and never change.
    return Task.objects.select_for_update().defer("keys", "listed").get(pk=pk)


def _forget():
    old = Task.objects.filter(changed__lt=timezone.now() - KEPT).order_by("changed")
    keys = list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    if keys:
        Task.objects.filter(pk__in=keys).delete()


def nothing_left():
    return Message(messages.INFO, _("There was nothing left to do."))

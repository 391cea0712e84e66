"""A message to all mailboxes of some domains, or of all: a task that hands the mail server one message for each recipient.

Whom it is sent to is written down before it is sent. So whatever breaks, nobody gets it twice: at most the one it broke at gets
none, and is named at the end. One at a time is sent, at BROADCAST_RATE; a later one waits for the earlier.
"""

from contextlib import contextmanager, suppress
from datetime import timedelta
from time import monotonic, sleep, time

from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from accounts.letters import envelope_sender
from accounts.models import LogEntry
from aliases.access import REFUSING
from aliases.models import Alias, AliasTarget
from domains.models import Domain
from mailboxes.broadcast_replies import SENDING, counts, note_reply
from mailboxes.models import Mailbox
from mailboxes.writing import (
    LATER,
    SENT,
    UNKNOWN,
    MailServerAway,
    Post,
    Written,
    check_sent,
    check_written,
    message_to,
    sender_of,
    sent,
)
from panel import tasks
from panel.addresses import display_address, display_domain
from panel.changes import collected, refuse
from panel.formats import number
from panel.models import Task, TaskRow
from panel.scoping import acting, may_broadcast
from panel.task_work import Entry, Work
from panel.transactions import Unavailable, in_transaction

MOST_DOMAINS = 500  # that are named; more are all of them
NAMED = 3  # in one entry of the log
AT_ONCE = 1_000  # rows that are looked through
# The parts of a position: what is gone through, and then those that the mail server put off.
MAILBOXES, ALIASES, AGAIN = "mailboxes", "aliases", "again"
PAUSES = (60, 300, 900)  # seconds before each time that those are tried again
LONGEST_PAUSE = 30  # seconds, of a page
QUIET = timedelta(minutes=1)  # an earlier one that does nothing for so long is waited for no more
NO_RIGHT = gettext_lazy("Only a superadmin writes to all mailboxes here.")
ALL = "ALL"  # in the log, as PostfixAdmin calls all domains


class Waits(Unavailable):
    def __init__(self):
        text = _("Another broadcast message is being sent. This one goes on after it.")
        ValidationError.__init__(self, text, "waits")


def check_broadcast(*, actor, domains=None, **written):
    """``domains`` are names, or None for all that ``actor`` manages. Returns the Written."""
    errors, found = {}, None
    _check_right(actor)
    with collected(errors):
        found = check_written(**written)
    if domains is not None:
        with collected(errors, "domains"):
            _check_domains(actor, domains)
    refuse(errors)
    return found


def _check_right(actor):
    if not may_broadcast(actor):
        raise ValidationError(NO_RIGHT, "scope")


def _check_domains(actor, domains):
    if not domains:
        raise ValidationError(_("Choose domains, or all of them."), "no_domains")
    if len(domains) > MOST_DOMAINS:
        text = _("Choose at most %(n)d domains, or all of them.")
        raise ValidationError(text, "too_many", {"n": MOST_DOMAINS})
    rows = (
        Domain.objects.all()
        if actor is None
        else Domain.objects.manageable_by(acting(actor, BroadcastWork.right))
    )
    there = set(rows.filter(pk__in=domains).values_list("pk", flat=True))
    missing = [display_domain(name) for name in domains if name not in there]
    if missing:
        text = _("You manage no domain of this name: %(names)s. Check the spelling.")
        raise ValidationError(text, "unknown", {"names": ", ".join(missing[:10])})


@in_transaction
def ask_broadcast(*, actor, domains=None, aliases=False, subject, body, from_name="", back=""):
    """Return the Task, which tasks.begin() begins. ``aliases``: those too that lead to addresses elsewhere."""
    names = None if domains is None else sorted(set(domains))
    written = check_broadcast(
        actor=actor, domains=names, subject=subject, body=body, from_name=from_name
    )
    everywhere = names is None
    if everywhere and actor is not None and not actor.is_superadmin:
        names = sorted(acting(actor, BroadcastWork.right).managed_names)
    task = tasks.ask(
        BroadcastWork(actor),
        "send",
        back=back,
        domains=names,
        everywhere=everywhere,
        aliases=aliases,
        sender=sender_of(actor),
        **written._asdict(),
    )
    if not task.total:
        error = ValidationError(_("No mailbox there receives mail."), "nobody")
        raise ValidationError({"domains": error})
    return task


def written_of(task):
    return Written(**{name: task.options[name] for name in Written._fields})


class BroadcastWork(Work):
    kind = "broadcast"
    actions = ("send",)
    list_url_name = "mailbox-list"
    asking = "mailboxes/broadcast_ask.html"
    tries = True
    questions = {
        "send": ngettext_lazy(
            "Broadcast message to %(n)s recipient", "Broadcast message to %(n)s recipients", "count"
        )
    }
    leads = {
        "send": gettext_lazy(
            "Each gets a message of their own. What was sent cannot be taken back."
        )
    }
    submits = {"send": gettext_lazy("Send")}
    details = {}

    def __init__(self, actor):
        super().__init__(actor)
        self.post = Post()

    # --- Who gets it

    def rows(self, stage):
        on = {"active": True, "domain__active": True}
        if stage == MAILBOXES:
            return self.managed(stage).filter(receives=True, **on)
        return self.managed(stage).filter(**on).exclude(access__in=REFUSING)

    def managed(self, stage):
        if stage == MAILBOXES:
            rows = Mailbox.objects.all()
            return rows if self.actor is None else rows.manageable_by(self.actor)
        rows = Alias.objects.filter(is_self_alias=False)
        return rows if self.actor is None else rows.in_domains(self.actor, self.actor.managed_names)

    def matching(self, task, position, size):
        stage, *at = position or [MAILBOXES, "", ""]
        if stage == AGAIN:
            return self.put_off(task, *at, size)
        window = max(size, AT_ONCE)
        found = self.after(stage, task.options["domains"], *at, window)
        rest = [stage, *found[-1]] if len(found) == window else self.next_stage(task, stage)
        found = self.meant(stage, found)
        if len(found) > size:
            found = found[:size]
            rest = [stage, *found[-1]]
        return [Entry(key, [stage, domain, key]) for domain, key in found], rest

    def after(self, stage, names, domain, key, size):
        """[(domain, key)], all that there are: with a condition MariaDB might leave the order of the index and sort them all."""
        rows = self.managed(stage).values_list("domain_id", "pk")
        if names is None:
            return list(rows.filter(pk__gt=key).order_by("pk")[:size])
        rows, found = rows.order_by("domain_id", "pk"), []
        if domain:
            found = list(rows.within(domain).filter(pk__gt=key)[:size])
        later = [name for name in names if name > domain]
        if later and len(found) < size:
            found += rows.filter(domain__in=later)[: size - len(found)]
        return found

    def meant(self, stage, found):
        """Those of [(domain, key)] who get it."""
        rows = self.rows(stage).filter(pk__in=[key for _domain, key in found])
        keys = set(rows.values_list("pk", flat=True))
        if stage == ALIASES:
            keys = leading_elsewhere(keys)
        return [(domain, key) for domain, key in found if key in keys]

    def next_stage(self, task, stage):
        if stage == MAILBOXES and task.options["aliases"]:
            return [ALIASES, "", ""]
        return [AGAIN, 0, "", 0] if task.pk else None  # while it is counted, there is none yet

    def put_off(self, task, turn, key, due, size):
        """Those that the mail server put off, for the ``turn``-th time, at ``due`` (seconds of the clock; 0: not known yet)."""
        rows = task.rows.filter(changes__state=LATER)
        if not due:
            due = time() + PAUSES[turn]
            return [], [AGAIN, turn, "", due] if rows.exists() else None
        if due > time():
            return [], [AGAIN, turn, key, due]
        keys = list(rows.filter(key__gt=key).order_by("key").values_list("key", flat=True)[:size])
        here = set()
        for part in (MAILBOXES, ALIASES):
            here.update(self.managed(part).filter(pk__in=keys).values_list("pk", flat=True))
        entries = [Entry(key, [AGAIN, turn, key, due]) for key in keys if key in here]
        if len(keys) == size:
            return entries, [AGAIN, turn, keys[-1], due]
        return entries, [AGAIN, turn + 1, "", 0] if turn + 1 < len(PAUSES) else None

    def check_options(self, task, post):
        _check_right(self.actor)
        return {}

    def is_allowed(self):
        return may_broadcast(self.actor)

    def pause(self, task):
        return min(LONGEST_PAUSE, seconds_until(task))

    # --- Sending

    @contextmanager
    def step(self, task):
        if not seconds_until(task):
            if any(not seconds_until(other) for other in self.before(task)):
                raise Waits
            # While there is no mail server, or it takes nothing from here, nobody's turn passes.
            self.post.open(envelope_sender())
        try:
            yield
        finally:
            self.post.close()

    def before(self, task):
        since = timezone.now() - QUIET
        running = Task.objects.filter(kind=self.kind, state=tasks.Running, changed__gte=since)
        return running.filter(pk__lt=task.pk).defer("keys", "options")

    def act(self, task, entry):
        self.post.check_open()
        stage, *at = entry.position
        again = stage == AGAIN
        if again:  # whether it is there still, the mail server says
            row = task.rows.filter(key=entry.key, changes__state=LATER)
            if not row.update(changes={"state": SENDING}):
                raise TaskRow.DoesNotExist
        else:
            self.rows(stage).only("pk").get(pk=entry.key)
        is_last = again and at[0] + 1 == len(PAUSES)
        transaction.on_commit(lambda: self.hand_over(task, entry.key, is_last), robust=True)
        return None if again else {"state": SENDING}

    def hand_over(self, task, key, is_last):
        began = monotonic()
        message = message_to(key, written_of(task), sender=task.options["sender"])
        note_reply(task, key, self.post.hand_over(message, key), is_last=is_last)
        with suppress(MailServerAway):  # act() raises it
            self.post.open(envelope_sender())  # here, where no row is locked
        sleep(max(0, began + 60 / settings.BROADCAST_RATE - monotonic()))

    def try_out(self, task):
        """Send it to the administrator alone, and return the Message that says so."""
        _check_right(self.actor)
        address = self.actor.pk
        _note_test(self.actor, address)
        message = message_to(address, written_of(task), sender=task.options["sender"])
        check_sent(sent(message, address))
        text = _("A test is sent to %(address)s.") % {"address": display_address(address)}
        return Message(messages.SUCCESS, text)

    # --- What is told

    def begun(self, task):
        self.note(task, "begin_broadcast", {})

    def ended(self, task):
        self.note(task, "end_broadcast", counts(task))

    def note(self, task, action, told):
        changes = {name: [None, n] for name, n in told.items() if n or name == SENT}
        names = task.options["domains"]
        if names is None or len(names) > MOST_DOMAINS:
            LogEntry.objects.record(self.actor, action, target=ALL, changes=changes)
            return
        several = len(names) > 1
        for name in names:  # who reads a domain's log need not know how many others have
            of_it = None if several else changes
            LogEntry.objects.record(self.actor, action, domain=name, target=name, changes=of_it)
        if several and changes:
            LogEntry.objects.record(self.actor, action, target=listed(names), changes=changes)

    def number_done(self, task):
        return task.done

    def result(self, task):
        n = counts(task)[SENT]
        text = ngettext(
            "%(n)s message is handed to the mail server.",
            "%(n)s messages are handed to the mail server.",
            n,
        )
        return text % {"n": number(n)}

    def refusals(self, task):
        return [(display_address(key), reason) for key, reason in task.refusals]

    def notes(self, task):
        told = counts(task) if task.state != tasks.Running else {LATER: 0, UNKNOWN: 0}
        notes = []
        if task.state in tasks.UNFINISHED and not self.is_allowed():
            notes.append(NO_RIGHT)
        if seconds_until(task):
            at = timezone.localtime() + timedelta(seconds=seconds_until(task))
            text = _("The mail server put some off. They are tried again at %(time)s.")
            notes.append(text % {"time": at.strftime("%H:%M")})
        if told[LATER]:
            text = ngettext(
                "The mail server put %(n)s recipient off, who has not got it.",
                "The mail server put %(n)s recipients off, who have not got it.",
                told[LATER],
            )
            notes.append(text % {"n": number(told[LATER])})
        if told[UNKNOWN]:
            text = ngettext(
                "Of %(n)s recipient nobody knows: the connection broke. It is not sent there again.",
                "Of %(n)s recipients nobody knows: the connection broke. It is not sent there again.",
                told[UNKNOWN],
            )
            notes.append(text % {"n": number(told[UNKNOWN])})
        return notes

    def file_of(self, task):
        if task.state == tasks.Running or not task.rows.exists():
            return None
        return reverse("broadcast-refused", args=[task.pk]), _("List of who has not got it")


def leading_elsewhere(keys):
    """Of keys of aliases those through which people are reached who have no mailbox here."""
    keys = [key for key in keys if not key.startswith("@")]
    here = Domain.objects.filter(pk=OuterRef("domain"))
    targets = AliasTarget.objects.filter(~Exists(here), alias__in=keys)
    return set(targets.values_list("alias", flat=True))


def listed(names):
    more = ", …" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def seconds_until(task):
    stage, *at = task.position or [MAILBOXES]
    return max(0, round(at[2] - time() + 0.5)) if stage == AGAIN else 0


@in_transaction
def _note_test(actor, address):
    LogEntry.objects.record(actor, "test_broadcast", target=address)

"""Make the rows be as a file says, by the services of the API: what differs is created or changed, and with ``prune`` deleted."""

from dataclasses import dataclass, field
from itertools import islice

import pydantic
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.passwords import stored_hash
from mailadmin.state.export import forwardings
from mailadmin.state.kinds import (
    ADMINISTRATORS,
    ALIAS_DOMAINS,
    DOMAINS,
    FORWARDING,
    MAILBOXES,
    OF_DOMAINS,
    PASSWORD_HASH,
    operator,
)
from mailboxes.forwarding_api import forwarding
from panel import helper
from panel.addresses import lookup_key
from panel.api.problems import Problem
from panel.api.schemas import settable, values_of
from panel.transactions import Unavailable, in_transaction

TOGETHER = 500  # rows compared at once
CREATE, CHANGE, DELETE = "+", "~", "-"


@dataclass(frozen=True)
class Step:
    """``changes`` are {member: (old, new)}; of a password both are None."""

    sign: str
    word: str
    key: str
    changes: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    word: str
    key: str
    text: str


@dataclass
class Outcome:
    steps: list = field(default_factory=list)
    refusals: list = field(default_factory=list)


@dataclass
class Everything:
    """A token that narrows nothing."""

    def has(self, right):
        return True


@dataclass
class Asking:
    """What the functions of the API want of a request."""

    auth: object = field(default_factory=operator)
    token: Everything = field(default_factory=Everything)
    is_dry: bool = False
    GET: dict = field(default_factory=dict)


class _Refused(Exception):
    """Carries the refusals of a domain out of its transaction, which so is rolled back."""


class _Undone(Exception):
    """Carries the outcome of a dry run out of its transaction."""


def plan(state, *, prune=False):
    """What ``apply`` would do: it does all of it, in one transaction that is rolled back."""

    @in_transaction
    def do_and_undo():
        raise _Undone(Application(prune).run(state))

    try:
        with helper.not_asked():
            do_and_undo()
    except _Undone as done:
        return done.args[0]


def apply(state, *, prune=False):
    """One transaction for each domain, and one for each administrator: where something is refused, nothing of it is saved."""
    return Application(prune).run(state)


class Application:
    def __init__(self, prune):
        self.prune = prune
        self.request = Asking()
        self.steps, self.refusals = [], []  # of the domain that is under way

    def run(self, state):
        outcome, left = Outcome(), sources_first(state.get(DOMAINS.list, []))
        while left:
            waiting, refusals = [], []
            for wanted in left:
                try:
                    outcome.steps += self._domain(wanted)
                except _Refused as refused:
                    waiting.append(wanted)
                    refusals += refused.args[0]
            # What one domain lacks, a mailbox in another one, may be there now.
            if len(waiting) == len(left):
                outcome.refusals += refusals
                break
            left = waiting
        for wanted in state.get(ADMINISTRATORS.list, []):
            try:
                outcome.steps += self._administrator(wanted)
            except _Refused as refused:
                outcome.refusals += refused.args[0]
        return outcome

    @in_transaction
    def _domain(self, wanted):
        self.steps, self.refusals = [], []
        lists = {kind: wanted[kind.list] for kind in OF_DOMAINS if kind.list in wanted}
        name = lookup_key(wanted[DOMAINS.key])
        own = {member: value for member, value in wanted.items() if member not in LISTS}
        self._make(DOMAINS, [own], DOMAINS.rows())
        if not self.refusals:  # or each of its addresses would be one more
            if self.prune:  # first: what is created may have the name of what goes
                for kind, items in reversed(lists.items()):
                    self._delete_others(kind, items, name)
            for kind, items in lists.items():
                self._make(kind, self._of_domain(kind, items, name), kind.rows(name))
            self._forward(lists.get(MAILBOXES, ()))
        return self._said()

    @in_transaction
    def _administrator(self, wanted):
        self.steps, self.refusals = [], []
        self._make(ADMINISTRATORS, [wanted], ADMINISTRATORS.rows())
        return self._said()

    def _said(self):
        if self.refusals:
            raise _Refused(self.refusals)
        return self.steps

    def _make(self, kind, items, rows):
        for batch in batches(items):
            keys = [key_of(kind, item) for item in batch]
            found = {row.pk: row for row in rows.filter(pk__in=keys)}
            for key, item in zip(keys, batch, strict=True):
                self._try(kind.word, key, self._as_wanted, kind, key, item, found.get(key))

    def _of_domain(self, kind, items, name):
        """``items`` with what their place in the file says."""
        if kind is ALIAS_DOMAINS:
            return [{"target_domain": name} | item for item in items]
        elsewhere = [key for item in items if not (key := key_of(kind, item)).endswith(f"@{name}")]
        for key in elsewhere:
            text = _("It is no address of the domain that it stands in.")
            self.refusals.append(Refusal(kind.word, key, text))
        return [item for item in items if key_of(kind, item) not in elsewhere]

    def _try(self, word, key, act, *arguments):
        try:
            self.steps += act(*arguments)
        except Unavailable:
            raise
        except (ValidationError, Problem, Http404, pydantic.ValidationError) as error:
            self.refusals.append(Refusal(word, key, _in_words(error)))

    def _as_wanted(self, kind, key, item, row):
        item = {member: value for member, value in item.items() if member != FORWARDING}
        given = item.pop(PASSWORD_HASH, None) if kind.has_password else None
        body = kind.resource.body.model_validate(item)
        if row is None:
            return [self._create(kind, key, body, given)]
        named = {name: getattr(body, name) for name in body.model_fields_set}
        before = kind.resource.record(row)
        values = {
            name: named[name]
            for name in settable(type(body))
            if name in named and before.get(name) != named[name]
        }
        given = None if given == getattr(row, "password", None) else given
        if not values and given is None:
            return []
        changes = self._change(kind, key, row, values, given)
        return [Step(CHANGE, kind.word, key, changes)] if changes else []

    @transaction.atomic
    def _create(self, kind, key, body, given):
        values = kind.resource.columns(values_of(body), None)
        if given is not None:
            values |= {"password": _checked(given), "hashed": True}
        kind.resource.create(self.request, key, values)
        named = {name: getattr(body, name) for name in settable(type(body))}
        told = {name: (None, named[name]) for name in body.model_fields_set & named.keys()}
        return Step(
            CREATE,
            kind.word,
            key,
            told | ({"password": (None, None)} if "password" in told else {}),
        )

    @transaction.atomic
    def _change(self, kind, key, row, values, given):
        """Change what the file names and is otherwise, and return what is another now: services may take it for the same."""
        resource, actor = kind.resource, self.request.auth
        before, password = resource.record(row), getattr(row, "password", None)
        if values:
            found = resource.find(actor, key)
            row = resource.change(self.request, found, resource.columns(values, found))
        if given is not None:
            kind.set_hash(actor, resource.find(actor, key), _checked(given))
        after = resource.record(row)
        changes = {
            name: (before[name], after[name])
            for name in settable(resource.body)
            if name in after and before[name] != after[name]
        }
        if given is not None or password != getattr(row, "password", None):
            changes["password"] = (None, None)
        return changes

    def _forward(self, items):
        for batch in batches(item for item in items if FORWARDING in item):
            found = forwardings([key_of(MAILBOXES, item) for item in batch])
            for item in batch:
                key = key_of(MAILBOXES, item)
                self._try(FORWARDING, key, self._forward_one, key, item[FORWARDING], found[key])

    def _forward_one(self, key, wanted, before):
        values = values_of(forwarding.body.model_validate(wanted))
        if values == before or values["targets"] == before["targets"] == []:
            return []
        mailbox = MAILBOXES.resource.find(self.request.auth, key)
        if mailbox is None:  # why is said already
            return []
        with transaction.atomic():
            forwarding.change(self.request, mailbox, values)
        after = forwardings([key])[key]
        changes = {
            name: (before[name], after[name]) for name in after if before[name] != after[name]
        }
        return [Step(CHANGE, FORWARDING, key, changes)] if changes else []

    def _delete_others(self, kind, items, name):
        named = {key_of(kind, item) for item in items}
        for key in list(kind.rows(name).values_list("pk", flat=True)):
            if key not in named:
                self._try(kind.word, key, self._delete, kind, key)

    def _delete(self, kind, key):
        row = kind.resource.find(self.request.auth, key)
        if row is None:
            return []
        with transaction.atomic():
            kind.resource.delete(self.request, row)
        return [Step(DELETE, kind.word, key)]


LISTS = {kind.list for kind in OF_DOMAINS}


def key_of(kind, item):
    return lookup_key(item[kind.key])


def sources_first(wanted):
    """Domains in an order in which an alias domain is there before it is one, as the file has it and not as a new one."""
    links = (link for domain in wanted for link in domain.get(ALIAS_DOMAINS.list, ()))
    sources = {key_of(ALIAS_DOMAINS, link) for link in links}
    return sorted(wanted, key=lambda domain: key_of(DOMAINS, domain) not in sources)


def batches(items):
    items = iter(items)
    while batch := list(islice(items, TOGETHER)):
        yield batch


def _checked(text):
    try:
        return stored_hash(text)
    except ValueError:
        raise ValidationError(
            _("This is no hash that Dovecot and the panel verify."), "not_a_hash"
        ) from None


def _in_words(error):
    if isinstance(error, Problem):
        return " ".join([error.detail, *(str(text) for _place, text in error.errors)])
    if isinstance(error, pydantic.ValidationError):
        told = ((one["loc"], one["msg"].removeprefix("Value error, ")) for one in error.errors())
        return " ".join(f"{'.'.join(map(str, place))}: {text}" for place, text in told)
    if isinstance(error, Http404):
        return _("There is nothing of this name.")
    return " ".join(error.messages)

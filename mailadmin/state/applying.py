"""Make the rows be as a file says, by the services of the API: what differs is created or changed, and with ``prune`` deleted."""

from dataclasses import dataclass, field
from itertools import islice

import pydantic
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _

from mailadmin.state import steps
from mailadmin.state.kinds import (
    ADMINISTRATORS,
    ALIAS_DOMAINS,
    DOMAINS,
    OF_DOMAINS,
    SERVER_RULES,
)
from panel import helper
from panel.api.problems import Problem
from panel.transactions import Unavailable, in_transaction

TOGETHER = 500  # rows compared at once


@dataclass(frozen=True)
class Refusal:
    """``domain`` is "" of what belongs to none."""

    word: str
    key: str
    text: str
    domain: str = ""


@dataclass
class Outcome:
    steps: list = field(default_factory=list)
    refusals: list = field(default_factory=list)


class _Refused(Exception):
    """Carries the refusals out of their transaction, which so is rolled back."""


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
    """One transaction for each domain, for each administrator and for the server's rules: where something is refused, nothing of it is saved."""
    return Application(prune).run(state)


class Application:
    def __init__(self, prune):
        self.prune = prune
        self.request = steps.Asking()
        self.steps, self.refusals = [], []  # of the transaction that is under way

    def run(self, state):
        outcome = Outcome()
        domains = sources_first(state.get(DOMAINS.list, []))
        self._in_turn(outcome, domains)
        if any(step.sign == steps.DELETE for step in outcome.steps):
            # With what was deleted went what other domains, whose turn was before, have about its name.
            refused = {refusal.domain for refusal in outcome.refusals}
            self._in_turn(outcome, [one for one in domains if _name(one) not in refused])
        if SERVER_RULES.list in state:
            rules = state[SERVER_RULES.list]
            outcome.refusals += self._tried(outcome, self._rules, rules)
        administrators = state.get(ADMINISTRATORS.list, [])
        outcome.refusals += self._one_by_one(outcome, self._administrator, administrators)[1]
        return outcome

    def _in_turn(self, outcome, domains):
        left, refusals = self._one_by_one(outcome, self._domain, domains)
        outcome.refusals += self._together(outcome, left) if left[1:] else refusals

    def _one_by_one(self, outcome, act, left):
        """Return those that are refused still when nothing else changes any more, and the refusals."""
        while left:
            waiting, refusals = [], []
            for wanted in left:
                if refused := self._tried(outcome, act, wanted):
                    waiting.append(wanted)
                    refusals += refused
            if len(waiting) == len(left):
                return left, refusals
            # What one lacks, a mailbox in another domain, may be there now; what counts for another reseller may be free.
            left = waiting
        return [], []

    def _tried(self, outcome, act, wanted):
        try:
            outcome.steps += act(wanted)
        except _Refused as refused:
            return refused.args[0]
        return []

    def _together(self, outcome, left):
        """Save domains that lack something of each other in one transaction, without those of which something is refused all the same."""
        told = []
        while left:
            refusals = self._tried(outcome, self._domains, left)
            told += refusals
            if not refusals:
                break
            refused = {refusal.domain for refusal in refusals}
            left = [wanted for wanted in left if _name(wanted) not in refused]
        return told

    def _domain(self, wanted):
        return self._domains([wanted])

    @in_transaction
    def _domains(self, group):
        self.steps, self.refusals = [], []
        for wanted in group:
            own = {member: value for member, value in wanted.items() if member not in LISTS}
            self._make(DOMAINS, _name(wanted), [own])
        refused = {refusal.domain for refusal in self.refusals}  # each address would be one more
        group = [wanted for wanted in group if _name(wanted) not in refused]
        if self.prune:  # first: what is created may have the name of what goes
            for wanted in group:
                for kind in reversed(OF_DOMAINS):
                    self._delete_others(kind, _name(wanted), wanted.get(kind.list))
        for kind in OF_DOMAINS:
            for wanted in group:
                items = self._of_domain(kind, _name(wanted), wanted.get(kind.list, []))
                self._make(kind, _name(wanted), items)
        for wanted in group:
            self._make_parts(DOMAINS, _name(wanted), [wanted])
            for kind in OF_DOMAINS:
                self._make_parts(kind, _name(wanted), wanted.get(kind.list, []))
        return self._said()

    @in_transaction
    def _rules(self, wanted):
        self.steps, self.refusals = [], []
        if self.prune:
            self._delete_others(SERVER_RULES, "", wanted)
        self._make(SERVER_RULES, "", wanted)
        return self._said()

    @in_transaction
    def _administrator(self, wanted):
        self.steps, self.refusals = [], []
        self._make(ADMINISTRATORS, "", [wanted])
        return self._said()

    def _said(self):
        if self.refusals:
            raise _Refused(self.refusals)
        return self.steps

    def _make(self, kind, domain, items):
        if items and not kind.is_offered:
            self._refuse_setting(kind, domain, domain)
            return
        for batch in batches(items):
            keys = [kind.key_of(item) for item in batch]
            found = kind.found(domain, keys)
            for key, item in zip(keys, batch, strict=True):
                row = found.get(key)
                self._try(kind, domain, kind.name_of(key), steps.make, kind, domain, item, row)

    def _of_domain(self, kind, domain, items):
        """``items`` with what their place in the file says."""
        if kind is ALIAS_DOMAINS:
            return [{"target_domain": domain} | item for item in items]
        if not kind.is_of_addresses:
            return items
        there = []
        for item in items:
            key = kind.key_of(item)
            if key[0].endswith(f"@{domain}"):
                there.append(item)
            else:
                text = _("It is no address of the domain that it stands in.")
                self.refusals.append(Refusal(kind.word, kind.name_of(key), text, domain))
        return there

    def _make_parts(self, kind, domain, items):
        refused = {(refusal.word, refusal.key) for refusal in self.refusals}
        items = [
            item for item in items if (kind.word, kind.name_of(kind.key_of(item))) not in refused
        ]
        for part in kind.parts:
            said = [item for item in items if part.member in item]
            if not part.is_offered and any(item[part.member] is not None for item in said):
                self._refuse_setting(part, domain, domain)
                continue
            for batch in batches(said):
                keys = [kind.key_of(item)[0] for item in batch]
                found = part.found(keys)
                for key, item in zip(keys, batch, strict=True):
                    wanted, before = item[part.member], found[key]
                    self._try(part, domain, key, steps.make_part, part, key, wanted, before)

    def _delete_others(self, kind, domain, items):
        if items is None:  # the file says nothing of them
            return
        named = {kind.key_of(item) for item in items}
        keyed = ((kind.key_of(kind.resource.record(row)), row) for row in kind.rows(domain))
        for key, row in [pair for pair in keyed if pair[0] not in named]:
            self._try(kind, domain, kind.name_of(key), steps.delete, kind, row)

    def _refuse_setting(self, kind, name, domain):
        text = _("This server has none of these (%(setting)s is not set). Take them out.")
        said = text % {"setting": kind.setting}
        self.refusals.append(Refusal(kind.word, name, said, domain))

    def _try(self, kind, domain, name, act, *arguments):
        try:
            self.steps += act(self.request, *arguments)
        except Unavailable:
            raise
        except (ValidationError, Problem, Http404, pydantic.ValidationError) as error:
            self.refusals.append(Refusal(kind.word, name, _in_words(error), domain))


LISTS = {kind.list for kind in OF_DOMAINS}


def _name(wanted):
    return DOMAINS.key_of(wanted)[0]


def sources_first(wanted):
    """Domains in an order in which an alias domain is there before it is one, as the file has it and not as a new one."""
    links = (link for domain in wanted for link in domain.get(ALIAS_DOMAINS.list, ()))
    sources = {ALIAS_DOMAINS.key_of(link) for link in links}
    return sorted(wanted, key=lambda domain: DOMAINS.key_of(domain) not in sources)


def batches(items):
    items = iter(items)
    while batch := list(islice(items, TOGETHER)):
        yield batch


def _in_words(error):
    if isinstance(error, Problem):
        return " ".join([error.detail, *(str(text) for _place, text in error.errors)])
    if isinstance(error, pydantic.ValidationError):
        told = ((one["loc"], one["msg"].removeprefix("Value error, ")) for one in error.errors())
        return " ".join(f"{'.'.join(map(str, place))}: {text}" for place, text in told)
    if isinstance(error, Http404):
        return _("There is nothing of this name.")
    return " ".join(error.messages)

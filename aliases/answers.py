"""Which targets of an alias Postfix is told (aliases/heard.py), and what they name, for pages."""

from dataclasses import dataclass

from django.db import connections
from django.db.models import Exists, OuterRef

from aliases import heard
from aliases.models import Alias
from domains.addresses import split_address, without_extension
from domains.models import Domain


@dataclass(frozen=True)
class Answer:
    """What becomes of one target.

    ``row``, of Alias, is what it names; ``active`` says so of that row. Nobody takes the mail of
    one that is ``unheard``; nothing of ours has the name of one that is ``missing`` too.
    """

    row: Alias | None
    active: bool
    missing: bool
    unheard: bool
    visible: bool


def answers_of(addresses, domains, stopping=()):
    """Return ``{address: {target: Answer}}`` of the alias rows ``addresses``, in two statements.

    ``visible`` are targets in ``domains``; what the rows of other domains do with the mail is not
    told. ``stopping`` are addresses taken as inactive. A row that leads to itself alone has no
    targets.
    """
    if not addresses:
        return {}
    ways = heard.walked(connections[Alias.objects.db], addresses, domains, stopping)
    if not ways:
        return {}
    named = {key for _alias, target in ways for key in _names(target)}
    mailbox = Domain.objects.filter(mailbox__pk=OuterRef("pk"), mailbox__active=True)
    rows = Alias.objects.only("of_mailbox", "active").annotate(has_mailbox=Exists(mailbox))
    rows = rows.in_bulk(named)
    found = {}
    for (alias, target), way in ways.items():
        found.setdefault(alias, {})[target] = _answer(target, way, rows)
    return found


def _names(target):
    return dict.fromkeys((target, without_extension(target)))


def _answer(target, way, rows):
    named = [rows[key] for key in _names(target) if key in rows]
    active = [row for row in named if (row.has_mailbox if row.of_mailbox else row.active)]
    row = next(iter([*active, *named]), None)
    # One that is written unusually stops in the domain that it names, or is nothing we know of.
    stopped = None if way.heard else next(iter(way.domains.values()))
    domain_active = way.domains.get(split_address(target)[1], stopped)
    unheard = not way.heard and None not in way.domains.values()
    return Answer(
        row=row,
        active=domain_active != 0 and bool(active or row is None),
        missing=unheard and domain_active != 0 and row is None,
        unheard=unheard,
        visible=domain_active is not None,
    )

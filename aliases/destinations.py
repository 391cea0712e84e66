"""Where an address's mail goes, in words for a page. The rules themselves are in aliases/routing.py."""

from collections import Counter
from dataclasses import dataclass

from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aliases.answers import answers_of
from aliases.models import Alias
from domains.addresses import display_address, split_address, without_extension
from domains.models import Domain

MAILBOX, ALIAS, ANSWERED, MISSING, OUTSIDE = "mailbox", "alias", "answered", "missing", "outside"
UNHEARD = "unheard"


@dataclass(frozen=True)
class Destination:
    """A target of an alias or a forwarding. ``key`` is the row of ours that it names, if any.

    No mail is led to one that is ``unheard`` (aliases/answers.py).
    """

    address: str
    kind: str
    key: str = ""
    active: bool = True
    unheard: bool = False

    def __str__(self):
        return display_address(self.address)


def destinations(actor, alias, targets, answers=None):
    """Return a Destination for each of ``targets`` of the row ``alias`` (its address), in order.

    What lies outside the actor's domains is ``outside``, whether it exists or not. Two
    statements whatever the number of targets; none if ``find_substitutes`` has the ``answers``.
    """
    if not targets:
        return []
    if answers is None:
        answers = answers_of([alias], Domain.objects.visible_to(actor)).get(alias, {})
    return [_destination(alias, target, answers.get(target.lower())) for target in targets]


def _destination(alias, address, answer):
    if answer is None:
        return Destination(address, OUTSIDE, unheard=address.lower() == alias)
    if not answer.visible:
        return Destination(address, OUTSIDE)
    if answer.row is None:
        kind = MISSING if answer.missing else ANSWERED
        return Destination(address, kind, "", answer.active, answer.unheard)
    kind = MAILBOX if answer.row.of_mailbox else ALIAS
    return Destination(address, kind, answer.row.pk, answer.active, answer.unheard)


def in_words(found):
    """Return "2 mailboxes and 1 outside address", or the address itself if it is the only one."""
    if len(found) == 1:
        return str(found[0])
    counts = Counter(UNHEARD if target.unheard else target.kind for target in found)
    words = {
        MAILBOX: ngettext("%(n)d mailbox", "%(n)d mailboxes", counts[MAILBOX]),
        ALIAS: ngettext("%(n)d alias", "%(n)d aliases", counts[ALIAS]),
        ANSWERED: ngettext(
            "%(n)d address of a catch-all or an alias domain",
            "%(n)d addresses of a catch-all or an alias domain",
            counts[ANSWERED],
        ),
        OUTSIDE: ngettext("%(n)d outside address", "%(n)d outside addresses", counts[OUTSIDE]),
        UNHEARD: ngettext(
            "%(n)d address that takes no mail",
            "%(n)d addresses that take no mail",
            counts[UNHEARD],
        ),
    }
    parts = [text % {"n": counts[kind]} for kind, text in words.items() if counts[kind]]
    return get_text_list(parts, _("and"))


def find_substitutes(actor, rows):
    """Set ``row.instead`` on mailboxes or aliases: the alias row that answers when they do not, or None.

    They stop answering together, or lead to nobody already. What answers in an alias domain's
    target that the actor does not see is left out, and that domain is ``row.elsewhere``, else "". Sets ``row.own_alias``, the row of its address, and for a
    single row ``row.answers``, for ``destinations()``. Fetch ``domain__alias_of__target_domain`` with
    the rows; then it is three statements for all of them.
    """
    ways = {}
    for row in rows:
        ways[row.pk], row.elsewhere = _ways_on(actor, row)
    aliases = Alias.objects.in_bulk({key for way in ways.values() for key in way} | ways.keys())
    found = {key: alias for key, alias in aliases.items() if alias.active and key not in ways}
    asked = [*found, *ways] if len(ways) == 1 else found
    answers = answers_of(asked, Domain.objects.visible_to(actor), stopping=ways)
    nowhere = {
        key
        for key, alias in found.items()
        if not alias.of_mailbox and _leads_nowhere(answers.get(key, {}))
    }
    for row in rows:
        row.own_alias = aliases.get(row.pk)
        if len(ways) == 1:
            row.answers = answers.get(row.pk, {})
        answering = (found[key] for key in ways[row.pk] if key in found and key not in nowhere)
        row.instead = next(answering, None)


def _ways_on(actor, row):
    """What Postfix asks for after ``row``, in turn.

    And the alias domain's target, if it is none of the actor's domains: of its addresses nothing is told.
    """
    local_part, domain = split_address(row.pk)
    link = getattr(row.domain, "alias_of", None)
    target = elsewhere = ""
    if link is not None and link.active and link.target_domain.active:
        target = link.target_domain_id
    if target and actor.limited_to and target not in actor.limited_to:
        target, elsewhere = "", target
    keys = []
    for name in dict.fromkeys((local_part, split_address(without_extension(row.pk))[0], "")):
        keys += [f"{name}@{host}" for host in (domain, target) if host]
    return keys, elsewhere


def _leads_nowhere(answers):
    """Whether nobody takes the mail of an alias; of targets in other people's domains nothing is told."""
    return all(answer.unheard and answer.visible for answer in answers.values())

"""Where an address's mail goes, in words for a page. The rules themselves are in aliases/routing.py."""

import re
from collections import Counter
from dataclasses import dataclass

from django.db.models import Exists, OuterRef
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aliases.models import Alias, AliasTarget
from domains.addresses import display_address, split_address, without_extension
from domains.models import AliasDomain, Domain

MAILBOX, ALIAS, ANSWERED, MISSING, OUTSIDE = "mailbox", "alias", "answered", "missing", "outside"
UNHEARD = "unheard"
# As in deploy/postfix/alias.cf: what is written in another way is not judged.
PLAIN = re.compile("[a-z0-9@._+=-]+")


@dataclass(frozen=True)
class Destination:
    """A target of an alias or a forwarding. ``key`` is the row of ours that it names, if any.

    No mail is led to a target where nobody would take it (``unheard``): it would be accepted
    and then bounced.
    """

    address: str
    kind: str
    key: str = ""
    active: bool = True
    unheard: bool = False

    def __str__(self):
        return display_address(self.address)


def destinations(actor, alias, targets):
    """Return a Destination for each of ``targets`` of the row ``alias`` (its address), in order.

    What lies outside the actor's domains is ``outside``, whether it exists or not. Two
    statements whatever the number of targets.
    """
    if not targets:
        return []
    domain = Domain.objects.filter(pk=OuterRef("domain"))
    link = AliasDomain.objects.filter(pk=OuterRef("domain"), active=True)
    mailbox = Domain.objects.filter(mailbox__pk=OuterRef("bare"), mailbox__active=True)
    rows = AliasTarget.objects.filter(alias=alias, domain__in=Domain.objects.visible_to(actor))
    rows = rows.annotate(
        closed=Exists(domain.filter(active=False)),
        ends_here=Exists(domain.filter(backupmx=False, transport__in=("", "virtual"))),
        linked=Exists(link),
        has_mailbox=Exists(mailbox),
    )
    ours = {row.target: row for row in rows}
    keys = {key for row in ours.values() for key in (row.target, row.bare, f"@{row.domain}")}
    answers = Alias.objects.only("goto", "of_mailbox", "active").in_bulk(keys)
    return [_destination(target, ours.get(target.lower()), answers) for target in targets]


def _destination(address, target, answers):
    if target is None:
        return Destination(address, OUTSIDE)
    unheard = target.closed or (
        target.ends_here and not target.linked and _is_unheard(target, answers)
    )
    key = next((key for key in (target.target, target.bare) if key in answers), None)
    if key is None:
        return Destination(address, MISSING if unheard else ANSWERED, unheard=unheard)
    row = answers[key]
    active = target.has_mailbox if row.of_mailbox else row.active
    return Destination(address, MAILBOX if row.of_mailbox else ALIAS, key, active, unheard)


def _is_unheard(target, answers):
    """Whether deploy/postfix/alias.cf leaves ``target``, an AliasTarget, out."""
    if target.target.startswith("@") or not PLAIN.fullmatch(target.target):
        return False
    keys = (target.target, target.bare, f"@{target.domain}")
    rows = (answers.get(key) for key in keys)
    exact, bare, catch_all = (
        row if row and row.active and row.pk != target.alias else None for row in rows
    )
    return not (
        target.has_mailbox
        or (bare and bare.goto != bare.pk)
        or (exact and target.target != target.bare)
        or (catch_all and catch_all.goto not in (target.target, target.bare))
    )


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


def find_substitutes(rows, *, refused=False):
    """Set ``row.instead`` on mailboxes or aliases: the alias row that answers when they do not, or None.

    One that leads to the row alone does not answer, nor does an alias of the alias domain's target
    for a row that is active and ``refused``. Fetch ``domain__alias_of`` with the rows; then it
    is one statement for all of them.
    """
    keys = {row.pk: _substitutes(row) for row in rows}
    wanted = {key for candidates in keys.values() for key in candidates}
    found = Alias.objects.filter(active=True).in_bulk(wanted)
    for row in rows:
        answering = [found[key] for key in keys[row.pk] if key in found]
        if refused:
            answering = [
                other
                for other in answering
                if other.is_catch_all or other.of_mailbox or other.domain_id == row.domain_id
            ]
        row.instead = next((other for other in answering if not _leads_to(other, row)), None)


def _leads_to(alias, row):
    """Whether ``row`` is all that ``alias`` leads to."""
    return {without_extension(target.lower()) for target in alias.targets} == {row.pk}


def _substitutes(row):
    """What Postfix asks for after ``row``: without the extension, at the alias domain's target, the catch-all."""
    local_part, domain = split_address(row.pk)
    domains = [domain]
    link = getattr(row.domain, "alias_of", None)
    if link is not None and link.active:
        domains.append(link.target_domain_id)
    bare = split_address(without_extension(row.pk))[0]
    keys = [f"{name}@{place}" for name in (local_part, bare, "") for place in domains]
    return [key for key in dict.fromkeys(keys) if key != row.pk]

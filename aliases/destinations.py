"""Where an address's mail goes, in words for a page. The rules themselves are in aliases/routing.py."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Exists, OuterRef
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aliases.models import Alias, AliasTarget
from domains.addresses import display_address, split_address, without_extension
from domains.models import Domain

MAILBOX, ALIAS, ANSWERED, MISSING, OUTSIDE = "mailbox", "alias", "answered", "missing", "outside"


@dataclass(frozen=True)
class Destination:
    """A target of an alias or a forwarding. ``key`` is the row of ours that answers it, if any.

    ``active`` is that row's. To a target where ``unheard`` no mail is led: it would be accepted
    and then bounced (deploy/postfix/alias.cf).
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
    rows = AliasTarget.objects.filter(alias=alias, domain__in=Domain.objects.visible_to(actor))
    rows = rows.annotate(
        closed=Exists(domain.filter(active=False)),
        delivered=Exists(domain.filter(backupmx=False, transport__in=("", "virtual"))),
    )
    ours = {row.target: row for row in rows}
    keys = {key for row in ours.values() for key in (row.target, row.bare, f"@{row.domain}")}
    answers = Alias.objects.only("of_mailbox", "active").in_bulk(keys)
    return [_destination(target, ours.get(target.lower()), answers) for target in targets]


def _destination(address, target, answers):
    if target is None:
        return Destination(address, OUTSIDE)
    names = dict.fromkeys((target.target, target.bare))
    rows = [answers[name] for name in names if name in answers]
    catch_all = answers.get(f"@{target.domain}")
    taken = any(row.active for row in (*rows, catch_all) if row)
    unheard = target.closed or target.dangling or (target.delivered and bool(rows) and not taken)
    if rows:
        row = next((row for row in rows if row.active), rows[0])
        kind = MAILBOX if row.of_mailbox else ALIAS
        return Destination(address, kind, row.pk, row.active, unheard)
    return Destination(address, MISSING if target.dangling else ANSWERED, unheard=unheard)


def in_words(found):
    """Return "2 mailboxes and 1 outside address", or the address itself if it is the only one."""
    if len(found) == 1:
        return str(found[0])
    counts = Counter(destination.kind for destination in found)
    words = {
        MAILBOX: ngettext("%(n)d mailbox", "%(n)d mailboxes", counts[MAILBOX]),
        ALIAS: ngettext("%(n)d alias", "%(n)d aliases", counts[ALIAS]),
        ANSWERED: ngettext(
            "%(n)d address of a catch-all or an alias domain",
            "%(n)d addresses of a catch-all or an alias domain",
            counts[ANSWERED],
        ),
        OUTSIDE: ngettext("%(n)d outside address", "%(n)d outside addresses", counts[OUTSIDE]),
        MISSING: ngettext(
            "%(n)d address that does not exist",
            "%(n)d addresses that do not exist",
            counts[MISSING],
        ),
    }
    parts = [text % {"n": counts[kind]} for kind, text in words.items() if counts[kind]]
    return get_text_list(parts, _("and"))


def find_substitutes(rows):
    """Set ``row.instead`` on mailboxes or aliases: the alias row that answers when they do not, or None.

    Fetch ``domain__alias_of`` with the rows; then it is one statement for all of them.
    """
    keys = {row.pk: _substitutes(row) for row in rows}
    wanted = {key for candidates in keys.values() for key in candidates}
    found = Alias.objects.filter(active=True).in_bulk(wanted)
    for row in rows:
        row.instead = next((found[key] for key in keys[row.pk] if key in found), None)


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

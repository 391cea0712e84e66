"""Which targets of an alias Postfix is told: the rules of deploy/postfix/alias.cf, for pages.

A target where nobody would take the mail is left out ("unheard"), or the mail would be
accepted and then bounced. Only plain addresses in domains that end here are judged.
"""

import re
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Concat, Left, StrIndex

from aliases.models import Alias, AliasTarget
from domains.addresses import PLAIN, split_address
from domains.models import LOCAL_TRANSPORTS, AliasDomain, Domain


@dataclass(frozen=True)
class Answer:
    """What becomes of one target.

    ``row``, of Alias, is what it names; ``active`` says so of that row. ``judged``: it stays
    only as long as something of ours answers to it.
    """

    row: Alias | None
    active: bool
    missing: bool
    judged: bool
    unheard: bool
    visible: bool


def answers_of(addresses, domains):
    """Return ``{address: {target: Answer}}`` of the alias rows ``addresses``, in two statements.

    ``visible`` are targets in ``domains``. A row that leads to itself alone has no targets.
    """
    domain = Domain.objects.filter(pk=OuterRef("domain"))
    links = AliasDomain.objects.filter(active=True, target_domain__active=True)
    link = links.filter(pk=OuterRef("domain"))
    at = Left(OuterRef("bare"), StrIndex(OuterRef("bare"), Value("@")))
    mailboxes = Domain.objects.filter(mailbox__pk=OuterRef("bare"), mailbox__active=True)
    targets = AliasTarget.objects.filter(alias__in=addresses).annotate(
        closed=Exists(domain.filter(active=False)),
        ends_here=Exists(domain.filter(backupmx=False, transport__in=LOCAL_TRANSPORTS)),
        linked=link.values("target_domain"),
        link_seen=Exists(link.filter(target_domain__in=domains)),
        linked_mailbox=Exists(
            link.filter(
                target_domain__mailbox__pk=Concat(at, F("target_domain")),
                target_domain__mailbox__active=True,
            )
        ),
        has_mailbox=Exists(mailboxes),
        visible=Exists(domains.filter(pk=OuterRef("domain"))),
    )
    targets = list(targets)
    keys = {key for target in targets for key in (*_keys(target), *_linked_keys(target))}
    rows = Alias.objects.only("goto", "of_mailbox", "active").in_bulk(keys)
    found = {}
    for target in targets:
        found.setdefault(target.alias, {})[target.target] = _answer(target, rows)
    return found


def _keys(target):
    return target.target, target.bare, f"@{target.domain}"


def _linked_keys(target):
    """The same name, and the catch-all, in the target of an alias domain."""
    if not target.linked:
        return ()
    return f"{split_address(target.bare)[0]}@{target.linked}", f"@{target.linked}"


def _answer(target, rows):
    plain = not target.target.startswith("@") and re.fullmatch(f"[{PLAIN}]+", target.target)
    judged = target.ends_here and bool(plain)
    missing = judged and not _is_heard(target, rows)
    named = [rows[key] for key in dict.fromkeys((target.target, target.bare)) if key in rows]
    active = [row for row in named if (target.has_mailbox if row.of_mailbox else row.active)]
    row = next(iter([*active, *named]), None)
    return Answer(
        row=row,
        active=not target.closed and bool(active or row is None),
        missing=missing and row is None,
        judged=judged and not target.linked,
        unheard=target.closed or missing,
        visible=target.visible,
    )


def _is_heard(target, rows):
    exact, bare, catch_all = _active(rows, _keys(target))
    if exact and target.target != target.bare:
        return True
    if target.has_mailbox or target.alias == target.bare:  # nothing else is asked about itself
        return target.has_mailbox
    return bool(
        (bare and bare.goto != bare.pk)
        or _catches(catch_all, target)
        or (target.linked and _is_heard_beyond(target, rows))
    )


def _is_heard_beyond(target, rows):
    """Whether the alias domain's target takes it; whoever does not see that domain is told it does."""
    row, catch_all = _active(rows, _linked_keys(target))
    return (
        not target.link_seen
        or target.target != target.bare
        or target.linked_mailbox
        or (row and row.pk != target.alias and row.goto != row.pk)
        or (target.alias != f"@{target.domain}" and _catches(catch_all, target))
    )


def _catches(catch_all, target):
    return (
        catch_all
        and catch_all.pk != target.alias
        and catch_all.goto not in (target.target, target.bare)
    )


def _active(rows, keys):
    return [row if row and row.active else None for row in map(rows.get, keys)]

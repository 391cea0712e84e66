"""An alias domain becomes a domain of its own, and mail goes on.

As domains/services.py: lock, check, save, log, in one transaction.
"""

import re
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import LogEntry
from aliases.access import CLOSED, CLOSED_TEXT, MEMBERS
from aliases.access_rules import list_number
from aliases.lookup import Lookup
from aliases.loops import MAX_UPSTREAM_OF_DOMAIN, refuse_loops
from aliases.models import Alias, Ending
from domains.models import UNLIMITED, AliasDomain, RoutingLock
from mailboxes.models import Mailbox, SendAs
from panel.addresses import MAX_ADDRESS, split_address
from panel.changes import created, insert, insert_many, refuse, removed
from panel.transactions import in_transaction

MOST = 1_000  # addresses in one transaction
NAMED = 10  # in an error
LOGGED = ("goto", "active", "access", "access_text")


@dataclass
class Parting:
    """What part_alias_domain() is about to write: ``aliases`` and ``endings`` without a row yet, ``senders`` as (who, as whom). ``own`` are rows that stay."""

    link: AliasDomain
    aliases: list = field(default_factory=list)
    senders: list = field(default_factory=list)
    endings: list = field(default_factory=list)  # of those with recipients of their own
    own: int = 0


@in_transaction
def part_alias_domain(*, actor, link, empty=False, in_steps=False):
    """Make the alias domain a domain of its own, and return the Domain.

    Each address that it answers for by its target gets an alias that leads there, unless it begins ``empty``. Of a list for its members,
    and of a catch-all, the alias has the same recipients: Postfix knows members, and names, by the row that it asks for. What is off
    there is off here. Who may send as a name of the alias domain may do so afterwards. ``in_steps``: after answer_by_aliases().
    """
    RoutingLock.hold()
    link = AliasDomain.objects.select_for_update().get(pk=link.pk)
    parting = check_parting(link=link, empty=empty, in_steps=in_steps)
    domain = link.alias_domain
    _write(actor, parting)
    AliasDomain.objects.filter(pk=link.pk).delete()
    refuse_loops(actor, [f"@{domain.pk}"], bound=MAX_UPSTREAM_OF_DOMAIN)
    changes = {
        "target_domain": [link.target_domain_id, None],
        **removed(link, "description", "active"),
        **({"alias_count": [None, len(parting.aliases)]} if parting.aliases else {}),
    }
    LogEntry.objects.record(
        actor, "part_alias_domain", domain=domain.pk, target=domain.pk, changes=changes
    )
    return domain


@in_transaction
def answer_by_aliases(*, actor, link, after=""):
    """Write those aliases for the addresses of the target that come ``after`` one, as many as one transaction takes: mail goes the same way by them.

    Return the last that was looked at, "" after all. For a domain with more addresses than part_alias_domain() takes at once; what
    speaks against the whole, check_parting() says before.
    """
    RoutingLock.hold()
    link = AliasDomain.objects.select_for_update().get(pk=link.pk)
    if not link.active:
        return ""
    rows, last = _rows_there(link, after=after, most=MOST)
    _write(actor, _checked(link, rows, _taken(link, rows)))
    return last


def check_parting(*, link, empty=False, in_steps=False):
    """Return the Parting. Raises all errors at once. ``in_steps``: however many addresses there are."""
    if empty or not link.active:  # nothing leads on by one that is off
        return Parting(link)
    usage = link.target_domain.fresh().usage
    there = max(usage.alias_rows, usage.mailboxes)
    if there > MOST and not in_steps:
        text = _("%(domain)s answers for %(n)d addresses. More than %(most)d at once take the command: manage.py aliasdomain own %(name)s")  # fmt: skip
        params = {"domain": link.alias_domain, "n": there, "most": MOST, "name": link.pk}
        refuse({"__all__": ValidationError(text, "too_many", params)})
    rows, _last = _rows_there(link)
    return _checked(link, rows, _taken(link))


def _checked(link, rows, taken):
    parting, domain, errors = Parting(link), link.alias_domain.fresh(), {}
    if not link.target_domain.active:
        text = _("%(domain)s is off, so no mail goes there now. Switch it on first, or let it begin empty.")  # fmt: skip
        errors["__all__"] = [ValidationError(text, "off", {"domain": link.target_domain})]
    stuck = _shadowed(link, rows.keys() & taken)
    parting.own = len(taken)
    found = [rows[name] for name in sorted(rows) if name not in taken]
    if stuck:
        text = _("%(addresses)s: off, or without a recipient who takes mail, so their mail goes on by the alias domain. Switch them on or delete them first.")  # fmt: skip
        errors.setdefault("__all__", []).append(
            ValidationError(text, "shadowed", {"addresses": _named(stuck)})
        )
    if long := [row.pk for row in found if len(row.pk) > MAX_ADDRESS]:
        text = _("%(addresses)s: longer than %(n)d characters, which no address is.")
        params = {"addresses": _named(long), "n": MAX_ADDRESS}
        errors.setdefault("__all__", []).append(ValidationError(text, "too_long", params))
    if limit := _limit_error(domain, len(found)):
        errors.setdefault("__all__", []).append(limit)
    refuse(errors)
    parting.aliases = found
    parting.senders = _senders(parting)
    parting.endings = _endings(parting)
    return parting


def _limit_error(domain, more):
    limit = domain.aliases
    if limit == UNLIMITED or not more or domain.alias_count + more <= limit:
        return None
    text = ngettext(
        "%(n)d alias is needed, so that all mail goes on, and %(domain)s may have %(limit)d in all. Raise its limit of aliases first, or let it begin empty.",
        "%(n)d aliases are needed, so that all mail goes on, and %(domain)s may have %(limit)d in all. Raise its limit of aliases first, or let it begin empty.",
        more,
    )
    params = {"n": more, "domain": domain, "limit": max(0, limit)}
    return ValidationError(text, "limit_reached", params)


def _rows_there(link, *, after="", most=None):
    """``{address in the alias domain: unsaved Alias}`` for all rows of the target, or the ``most`` that come ``after`` one; and the last of these, "" after all."""
    rows = Alias.objects.filter(domain=link.target_domain_id, pk__gt=after).order_by("pk")
    rows = [*rows[:most]]
    boxes = Mailbox.objects.filter(domain=link.target_domain_id, pk__gt=after)
    last = rows[-1].pk if rows and len(rows) == most else ""
    if last:
        boxes = boxes.filter(pk__lte=last)
    boxes = {pk: (active, takes) for pk, active, takes in boxes.values_list("pk", "active", "receives")}  # fmt: skip
    found, ends_here = {}, link.target_domain.ends_here
    for row in rows:
        if row.goto == row.pk and row.pk not in boxes and ends_here:
            continue  # as another program may leave it: nobody has this name
        has_mailbox = row.pk in boxes
        active, receives = boxes.pop(row.pk, (False, True))
        alias = _alias_for(link, row.pk, row.active or active)
        if not receives:
            alias.access, alias.access_text = CLOSED, CLOSED_TEXT
        elif not row.is_self_alias:
            alias.access, alias.access_text = row.access, row.access_text
        # Where mail is handed on, every name is taken, even one whose recipients nobody is.
        if row.is_catch_all or alias.access == MEMBERS or not (ends_here or has_mailbox):
            alias.goto = row.goto
        found[alias.pk] = alias
    for address, (active, receives) in boxes.items():  # without the row that each should have
        alias = _alias_for(link, address, active)
        if not receives:
            alias.access, alias.access_text = CLOSED, CLOSED_TEXT
        found[alias.pk] = alias
    return found, last


def _alias_for(link, address, active):
    name = f"{split_address(address)[0]}@{link.alias_domain_id}"
    return Alias(address=name, goto=address, domain=link.alias_domain, active=active)


def _taken(link, names=None):
    """The addresses of its own, or those of them that are among ``names``."""
    wanted = {"domain": link.pk} if names is None else {"pk__in": [*names]}
    own = Alias.objects.filter(**wanted).values_list("pk", flat=True)
    return {*own, *Mailbox.objects.filter(**wanted).values_list("pk", flat=True)}


def _shadowed(link, names):
    """Of rows of its own those that do not answer, while the same name in the target does."""
    lookup, there = Lookup(), {name: _in_target(link, name) for name in names}
    lookup.answers([*there, *there.values()])
    return [
        name
        for name, other in sorted(there.items())
        if lookup.row_match(name) is None and lookup.row_match(other) is not None
    ]


def _in_target(link, name):
    return f"{split_address(name)[0]}@{link.target_domain_id}"


def _named(names):
    more = _(" and %(n)d more") % {"n": len(names) - NAMED} if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _endings(parting):
    """The last days of lists and catch-alls, which would go on here: what leads to the others ends with them."""
    link, found = parting.link, []
    there = {_in_target(link, alias.pk): alias for alias in parting.aliases}
    copied = [name for name, alias in there.items() if alias.goto != name]
    for some in _batches(copied):
        for row in Ending.objects.filter(pk__in=some).order_by("pk"):
            new = Ending(address=there[row.pk].pk, domain=link.pk)
            for name in ("last_day", "action", "goto", "days"):
                setattr(new, name, getattr(row, name))
            found.append(new)
    return found


def _senders(parting):
    """Who may send as a name of the alias domain, but would not by an alias: it lets its recipients alone, and they are elsewhere."""
    link, wanted = parting.link, set()
    names = {_in_target(link, alias.pk): alias for alias in parting.aliases}
    for username, sender in SendAs.objects.filter(sender_domain=link.target_domain_id).values_list(
        "username", "sender"
    ):
        if sender in names:
            wanted.add((username, names[sender].pk))
        elif sender == f"@{link.target_domain_id}":
            wanted.add((username, f"@{link.pk}"))
    logins = {}
    for address, goto in _lists_among([*names]):
        if not address.startswith("@") and names[address].goto == address:
            # As Postfix reads an answer of deploy/postfix/sender_login.cf.
            logins[names[address].pk] = set(re.split(r"[\s,]+", goto.lower()))
    boxes = _mailboxes_among(sorted({name for found in logins.values() for name in found}))
    wanted |= {(name, sender) for sender, found in logins.items() for name in found & boxes}
    there = SendAs.objects.filter(sender_domain=link.pk).values_list("username", "sender")
    return sorted(pair for pair in wanted - {*there} if _in_target(link, pair[1]) != pair[0])


def _lists_among(names):
    for some in _batches(names):
        rows = Alias.objects.filter(pk__in=some, active=True, is_self_alias=False)
        yield from rows.values_list("pk", "goto")


def _mailboxes_among(names):
    found = set()
    for some in _batches(names):
        found |= set(Mailbox.objects.filter(pk__in=some).values_list("pk", flat=True))
    return found


def _batches(names):
    return (names[start : start + MOST] for start in range(0, len(names), MOST))


def _write(actor, parting):
    link, now = parting.link, timezone.now()
    lists = [alias for alias in parting.aliases if alias.access == MEMBERS]
    others = [alias for alias in parting.aliases if alias.access != MEMBERS]
    for alias in parting.aliases:
        alias.created = alias.modified = now
    for alias in lists:
        alias.access_list = list_number(alias)
        insert(alias)
    if others:
        insert_many(others)
    if parting.aliases:
        made = {alias.pk: created(alias, *LOGGED) for alias in parting.aliases}
        LogEntry.objects.record_many(actor, "create_alias", domain=link.pk, changes=made)
    for ending in parting.endings:
        insert(ending)
        changes = {"last_day": [None, ending.last_day.isoformat()], "at_end": [None, ending.action]}
        LogEntry.objects.record(
            actor, "set_ending", domain=link.pk, target=ending.pk, changes=changes
        )
    for username, sender in parting.senders:
        SendAs(username=username, sender=sender).save(force_insert=True)
        home = split_address(username)[1]
        changes = {"sender": [None, sender]}
        LogEntry.objects.record(
            actor, "edit_send_as", domain=home, target=username, changes=changes
        )


def will_bounce(link):
    """Addresses in the alias domain that are answered for by the target alone: what it loses if it begins empty. At most MOST + 1."""
    rows, _last = _rows_there(link)
    names = sorted(rows.keys() - _taken(link))
    names = [f"@{link.pk}"] * (f"@{link.pk}" in names) + names[: MOST + 1]
    found, lookup = [], Lookup()
    matches = lookup.answers(names)
    for name in dict.fromkeys(names):
        match = lookup.match(name) if matches[name] else None
        if match and match.row != name:
            found.append(name)
    return found

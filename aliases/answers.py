"""Where mail for any address goes, and why: what Postfix does, for people who type an address.

It asks aliases/lookup.py and aliases/effects.py, which follow Postfix's rules, and adds none. Of an address in
a domain that the actor does not see, nothing is told.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import CharField, Value
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.time_zones import zone_named
from aliases.access import CLOSED, INTERNAL, MEMBERS, MOVED, REFUSING, SENDS
from aliases.effects import ALIAS, EXTERNAL, MAILBOX, Destination, destinations, find_fallbacks
from aliases.ending_rows import DELETE, LEAD
from aliases.ending_rows import OFF as OFF_AFTER
from aliases.lookup import Lookup, keys_of
from aliases.loops import all_hops, find_loop
from aliases.models import Alias, Ending, is_role_address
from domains.models import Domain
from mailboxes.models import Mailbox, Vacation
from panel.addresses import (
    display_address,
    display_domain,
    lookup_key,
    normalise_local_part,
    normalise_mailbox_name,
    split_address,
    without_extension,
)
from panel.formats import date_words
from panel.scoping import domains_in_sight, may_change_role_addresses, sees_all_domains

# What becomes of the mail, as the outside world sees it.
ACCEPTED, PASSED_ON, REFUSED, OFF, ELSEWHERE = (
    *("accepted", "passed on", "refused", "off", "elsewhere"),
)
# What stands at the address itself, or at the address without its extension, and why it answers or does not.
NOTHING, MAILBOX_OFF, ALIAS_OFF, DEAD_ALIAS, LOOP = (
    *("nothing", "mailbox off", "alias off", "dead alias", "loop"),
)
ONLY_SENDS, ALIAS_CLOSED, ALIAS_MOVED = "only sends", "alias closed", "alias moved"
_REFUSED_AS = {SENDS: ONLY_SENDS, CLOSED: ALIAS_CLOSED, MOVED: ALIAS_MOVED}
_IN_BRACKETS = re.compile(r"<([^<>]+)>")
_PATH = 8  # addresses of a loop that are shown


@dataclass(frozen=True)
class Answer:
    """``row`` is the address of the row that answers, "" if none does; ``alias`` its Alias, None
    for a mailbox as itself.

    ``reached``: the addresses in Postfix's answer, for actors who see all domains.
    ``hidden_domain``: an alias domain leads to that domain, which the actor does not see: it
    answers first, if the name exists there. ``here``: what stands at the address itself (NOTHING,
    …) if it does not answer; ``loop`` is its path. ``may_create``: the kinds of row, ``mailbox`` and
    ``alias``, that could be created for this address. ``access``, ``access_text``: who may write to it, if not everybody
    (aliases/access.py). ``copy``: the address that gets a copy (BCC),
    where that was asked for (mailadmin/tracing). ``away``: (mailbox, the last day or None) of those that are reached and answer.
    """

    address: str
    kind: str
    domain: Domain | None = None
    row: str = ""
    alias: Alias | None = None
    targets: tuple = ()
    keeps_copy: bool = False
    reached: tuple = ()
    hidden_domain: str = ""
    here: str = ""
    here_row: str = ""
    loop: tuple = ()
    may_create: tuple = ()
    copy: str = ""
    away: tuple = ()
    ending: Ending | None = None
    access: str = ""
    access_text: str = ""

    @property
    def local_part(self):
        return split_address(self.address)[0]

    @property
    def tag(self):
        """The extension with its delimiter, if the row that answers does not have it."""
        own, row = self.local_part, split_address(self.row)[0]
        bare = split_address(without_extension(self.address))[0]
        return own[len(bare) :] if row and own != bare == row else ""

    @property
    def by_catch_all(self):
        return self.row.startswith("@")

    @property
    def by_alias_domain(self):
        host = split_address(self.row)[1]
        return host if host and host != self.domain.pk else ""


class Reason(NamedTuple):
    """A sentence, and the row that it is about: its kind (MAILBOX, ALIAS, "domain", or "") and its key."""

    text: str
    kind: str = ""
    key: str = ""
    is_verdict: bool = False


def because(card):
    domain, row, here = card.domain, display_address(card.row), display_address(card.here_row)
    if card.kind == OFF:
        off = _("%(domain)s is off: mail for its addresses is refused.") % {"domain": domain}
        return [Reason(off, "domain", domain.pk)]
    said = list(_about_what_is_here(card, here))
    if card.hidden_domain:
        target = {"domain": domain, "target": display_domain(card.hidden_domain)}
        same = _(
            "%(domain)s is an alias domain: mail goes to the same name in %(target)s, if it exists there."
        )
        said.append(Reason(f"{same % target} {_('If not:')}"))
    if card.tag:
        tagged = _("“%(tag)s” is a tag: the name before it counts. The tag stays on the address.")
        said.append(Reason(tagged % {"tag": card.tag}))
    if card.by_alias_domain:
        target = {"domain": domain, "target": display_domain(card.by_alias_domain)}
        same = _("%(domain)s is an alias domain of %(target)s: the same name there counts.")
        said.append(Reason(same % target))
    said += _about_the_row(card, row)
    said += about_away(card)
    said += about_ending(card)
    if card.access == INTERNAL:
        said.append(Reason(_("It takes mail only from those who sign in here."), is_verdict=True))
    if card.access == MEMBERS:
        said.append(Reason(_("It takes mail from its members only."), is_verdict=True))
    if card.copy not in {"", card.address}:
        copied = _("A copy goes to %(copy)s.")
        said.append(Reason(copied % {"copy": display_address(card.copy)}, "domain-flow", domain.pk))
    if card.kind == REFUSED or (card.hidden_domain and not card.row):
        said.append(Reason(_("Mail is refused."), is_verdict=True))
    if card.kind == PASSED_ON:
        passed_on = _(
            "This server is a backup MX of %(domain)s: mail is passed on to its primary mail server."
        )
        said.append(Reason(passed_on % {"domain": domain}, is_verdict=True))
        if domain.verify_recipients:
            said.append(
                Reason(_("Postfix asks that server first, and refuses what it does not know."))
            )
    return said


def _about_what_is_here(card, here):
    name = {"address": here}
    if card.here == NOTHING and card.local_part and not card.tag:
        yield Reason(_("No mailbox or alias has this name."))
    if card.here == MAILBOX_OFF:
        yield Reason(_("The mailbox %(address)s is off.") % name, MAILBOX, card.here_row)
    if card.here == ONLY_SENDS:
        only = _("The mailbox %(address)s only sends.")
        yield Reason(only % name, MAILBOX, card.here_row)
    if card.here == ALIAS_CLOSED:
        closed = _("The alias %(address)s is closed.")
        yield Reason(closed % name, ALIAS, card.here_row)
    if card.here == ALIAS_MOVED:
        moved = _("The alias %(address)s has moved to %(new)s.")
        new = {"new": display_address(card.access_text)}
        yield Reason(moved % (name | new), ALIAS, card.here_row)
    if card.here == ALIAS_OFF:
        yield Reason(_("The alias %(address)s is off.") % name, ALIAS, card.here_row)
    if card.here == DEAD_ALIAS:
        dead = _("The alias %(address)s leads to nobody who takes mail.")
        yield Reason(dead % name, ALIAS, card.here_row)
    if card.here == LOOP:
        path = " → ".join(map(display_address, card.loop))
        back = _("The alias %(address)s leads back to itself: %(path)s.")
        yield Reason(back % (name | {"path": path}), ALIAS, card.here_row)


def _about_the_row(card, row):
    name = {"address": row}
    if card.by_catch_all:
        caught = _("The catch-all of %(domain)s takes what has no mailbox or alias.")
        yield Reason(caught % {"domain": display_domain(card.row[1:])}, ALIAS, card.row)
    elif card.keeps_copy:
        copied = _("The mailbox %(address)s forwards its mail and keeps a copy.")
        yield Reason(copied % name, MAILBOX, card.row)
    elif card.alias and not card.alias.is_self_alias:
        yield Reason(_("There is an alias %(address)s.") % name, ALIAS, card.row)
    elif card.alias and card.targets and card.targets[0].key != card.row:
        yield Reason(_("The mailbox %(address)s forwards its mail.") % name, MAILBOX, card.row)


def about_away(card):
    for key, day in card.away:
        name = {"address": display_address(key)}
        if day is None:
            text = (
                _("%(address)s has an away message: whoever writes may get it as an answer.") % name
            )
        else:
            until = _("%(address)s is away until %(day)s: whoever writes may get an answer.")
            text = until % (name | {"day": date_words(day)})
        yield Reason(text, MAILBOX, key)


def about_ending(card):
    if card.ending is not None:
        texts = {
            OFF_AFTER: _("The last day of %(address)s is %(day)s; then it is switched off."),
            DELETE: _("The last day of %(address)s is %(day)s; then it is deleted."),
            LEAD: _("The last day of %(address)s is %(day)s; then its mail goes to %(goto)s."),
        }
        ending = card.ending
        words = {"address": display_address(ending.pk), "day": date_words(ending.last_day)}
        text = texts[ending.action] % (words | {"goto": display_address(ending.goto)})
        is_alias = card.alias is not None and not card.alias.is_self_alias
        yield Reason(text, ALIAS if is_alias else MAILBOX, ending.pk)


def address_in(text):
    """The address in what somebody typed or pasted, in stored form, or "" if it is none."""
    found = _IN_BRACKETS.search(text)
    key = lookup_key(found[1] if found else text)
    local_part, domain = split_address(key)
    odd = (
        "@" not in key
        or not domain
        or "@" in local_part
        or len(key) > 255
        or re.search(r"[\s,;\0]", key)
    )
    return "" if odd else key


def answer(actor, address):
    """The Answer for ``address``, as ``address_in()`` returned it. For ``actor`` None, the command
    line, nothing is hidden.
    """
    lookup, name = Lookup(), split_address(address)[1]
    lookup.prepare(keys_of(address), ())
    domain = lookup.domain(name)
    if domain is None or not domains_in_sight(actor, {name}):
        return Answer(address, ELSEWHERE)
    if not domain.active:
        return Answer(address, OFF, domain)
    access, kind, text = _access(actor, address, lookup)
    if kind in REFUSING:
        told = {"access": kind, "access_text": text}
        here = _REFUSED_AS[kind]
        return Answer(address, REFUSED, domain, here=here, here_row=access, **told)
    match = lookup.answers([address])[address]
    own = match is not None and match.row == address
    missed = Mailbox(username=address, domain=domain)
    leading_away = _leading_out_of_sight(actor, address, lookup)
    if leading_away or own:
        own, row, alias = True, address, leading_away or match.alias
    else:
        find_fallbacks(actor, [missed], lookup=lookup)
        fallback = missed.fallback
        row = fallback.address if fallback else ""
        # A mailbox without a row of its own comes as an alias to itself.
        alias = fallback if fallback and fallback.goto != fallback.address else None
    targets, keeps_copy = _targets(actor, row, alias, lookup)
    here, here_row, loop = ("", "", ()) if own else _why_not(actor, address, row, lookup)
    state = ACCEPTED if row or missed.hidden_domain else PASSED_ON if domain.backupmx else REFUSED
    return Answer(
        *(address, state, domain, row, alias, targets, keeps_copy),
        reached=match.targets if match else (),
        hidden_domain=missed.hidden_domain if not own else "",
        here=here,
        here_row=here_row,
        loop=loop,
        may_create=_creatable(actor, address, lookup) if not row or row.startswith("@") else (),
        access=kind,
        **_times(row, row if keeps_copy else "", targets),
    )


def _access(actor, address, lookup):
    found = lookup.access(address)
    if found is None or not domains_in_sight(actor, {split_address(found.row)[1]}):
        return "", "", ""
    return found


def role_answers(domain):
    """``(address, row, match)`` of each role address: the kind of row that it has itself, "" without one, and its Match or None.

    ``domain`` is a Domain that ends here and is no other name, read with ``alias_of__target_domain``.
    """
    lookup = Lookup([domain])
    addresses = [f"{role}@{domain.pk}" for role in settings.ROLE_ADDRESSES]
    found, rows = lookup.answers(addresses), lookup.rows(addresses)
    kinds = {
        address: ALIAS if alias and mailbox is None else MAILBOX if mailbox is not None else ""
        for address, (alias, mailbox) in rows.items()
    }
    return [(address, kinds[address], found[address]) for address in addresses]


def _times(row, kept_at, targets):
    """Who is away of those that are reached, and when ``row`` ends, in one statement."""
    taking = [
        t.key for t in targets if t.kind == MAILBOX and not (t.undeliverable or t.next_server)
    ]
    keys = [key for key in dict.fromkeys([kept_at, *taking]) if key][:_PATH]
    nothing = Value(None, CharField())
    away = Vacation.objects.answering().filter(pk__in=keys).order_by()
    until = Cast("activeuntil", CharField())
    away = away.values_list("pk", until, "email__time_zone", nothing, nothing, nothing)
    ends = Ending.objects.filter(pk=row).values_list(
        "pk", nothing, nothing, Cast("last_day", CharField()), "action", "goto"
    )
    found = {"away": [], "ending": None}
    for key, until, zone, last_day, action, goto in away.union(ends, all=True) if row else ():
        if until is None:
            day = date.fromisoformat(last_day)
            found["ending"] = Ending(address=key, last_day=day, action=action, goto=goto)
        else:
            # As the column has it, for Cast() leaves the time zone out.
            moment = timezone.make_aware(
                datetime.fromisoformat(until), timezone.get_default_timezone()
            )
            found["away"].append((key, Vacation(activeuntil=moment).last_day(zone_named(zone))))
    return found | {"away": tuple(sorted(found["away"]))}


def _leading_out_of_sight(actor, address, lookup):
    # Only an actor who sees all may learn whether an external address exists.
    alias = None if sees_all_domains(actor) else lookup.rows([address])[address][0]
    if alias is None or not alias.active:
        return None
    found = destinations(actor, alias, lookup=lookup)
    return alias if any(not target.undeliverable for target in found) else None


def _targets(actor, row, alias, lookup):
    if not row:
        return (), False
    if alias is not None:
        found = tuple(destinations(actor, alias, lookup=lookup))
        if any(not target.undeliverable for target in found):
            own = row in {target.lower() for target in alias.targets}
            return found, own and bool(lookup.rows([row])[row][1])
    domain = lookup.domain(split_address(row)[1])
    is_mailbox = lookup.rows([row])[row][1] is not None
    server = "" if domain.ends_here else domain.transport
    kind = MAILBOX if is_mailbox else ALIAS if alias else EXTERNAL
    return (Destination(row, kind, row if is_mailbox else "", next_server=server),), False


def _why_not(actor, address, answering, lookup):
    for name in dict.fromkeys((address, without_extension(address))):
        if name == answering:
            break
        alias, mailbox = lookup.rows([name])[name]
        if mailbox is False:
            return MAILBOX_OFF, name, ()
        if alias is not None and not alias.active:
            return ALIAS_OFF, name, ()
        if alias is not None:
            path = find_loop(name, all_hops([name])) or ()
            hosts = {split_address(step)[1] for step in path}
            if path and hosts == domains_in_sight(actor, hosts):
                return LOOP, name, tuple(path[:_PATH])
            return DEAD_ALIAS, name, ()
    return NOTHING, "", ()


def _creatable(actor, address, lookup):
    alias, mailbox = lookup.rows([address])[address]
    local_part = split_address(address)[0]
    if alias is not None or mailbox is not None:
        return ()
    kinds = []
    for kind, check in (("mailbox", normalise_mailbox_name), ("alias", normalise_local_part)):
        try:
            check(local_part)
        except ValidationError:
            continue
        if kind == "mailbox" or may_change_role_addresses(actor) or not is_role_address(address):
            kinds.append(kind)
    return tuple(kinds)

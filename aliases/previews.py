"""What a form would do to mail, before it is sent.

It assumes the row in a Lookup and asks aliases/effects.py and aliases/loops.py: these have the
rules, and what an actor may know.
"""

from dataclasses import dataclass
from itertools import islice

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aliases.answers import ACCEPTED, OFF, answer
from aliases.effects import (
    ALIAS,
    COVERED,
    EXTERNAL,
    MAILBOX,
    MISSING,
    destinations,
    in_words,
)
from aliases.lookup import Lookup
from aliases.loops import foreseen
from aliases.models import AliasTarget
from aliases.targets import each_target
from mailboxes.models import FullMailbox
from panel.addresses import display_address
from panel.prepared import in_scope, padded, prepared

MOST = 100  # recipients that are looked at
MAX_TEXT = 20_000  # characters
FULL_PERCENT = 100
NAMED = 3  # aliases that lead to a new address
WRONG, OUTSIDE, GONE, IS_OFF, IS_FULL, UNDELIVERABLE = (
    "wrong",
    "outside",
    "gone",
    "off",
    "full",
    "undeliverable",
)


@dataclass(frozen=True)
class Recipient:
    typed: str
    target: str
    kind: str
    word: str
    wrong: str = ""

    def __str__(self):
        return display_address(self.target or self.typed)


def words_of_kinds():
    return {
        MAILBOX: _("mailbox"),
        ALIAS: _("alias"),
        OUTSIDE: _("outside"),
        GONE: _("gone"),
        IS_OFF: _("off"),
        IS_FULL: _("full"),
        UNDELIVERABLE: _("takes no mail"),
        COVERED: _("taken here"),
        WRONG: _("no address"),
    }


def preview_of_targets(actor, alias, text):
    """(what is said about mail for ``alias``, the Recipients) if it led to ``text``.

    ``alias`` is an Alias, stored or not, whose ``goto`` is changed here; without an address nothing is said of its mail.
    """
    keep = alias.targets if alias.goto else ()
    typed = list(
        islice(each_target(text[:MAX_TEXT], catch_all=alias.is_catch_all, keep=keep), MOST)
    )
    goto = list(dict.fromkeys(target for _typed, target, _wrong in typed if target))
    own = [alias.address] if alias.is_self_alias and alias.address in keep else []
    alias.goto = ",".join([*own, *goto])
    lookup = Lookup()
    found = {each.address: each for each in destinations(actor, alias, lookup=lookup)}
    full = _full([each.key for each in found.values() if each.kind == MAILBOX and each.key])
    words = words_of_kinds()
    recipients = []
    for piece, target, wrong in typed:
        if wrong:
            recipients.append(Recipient(piece, "", WRONG, words[WRONG], wrong.messages[0]))
        elif target in found:
            kind = _kind(found[target], full)
            recipients.append(Recipient(piece, target, kind, words[kind]))
    known = bool(alias.address and goto)
    loop = foreseen(actor, alias.address, lookup) if known and alias.active else None
    if loop is not None:
        return loop.messages, recipients
    said = _said(alias, list(found.values())) if known else []
    problems = {
        GONE: _("%(address)s does not exist."),
        IS_OFF: _("%(address)s is off and gets no mail."),
        IS_FULL: _("%(address)s is full: new mail for it is refused."),
        UNDELIVERABLE: _("%(address)s takes no mail."),
    }
    said += [problems[one.kind] % {"address": one} for one in recipients if one.kind in problems]
    return said, recipients


def _kind(target, full):
    if target.kind == MISSING:
        return GONE
    if target.kind in {MAILBOX, ALIAS} and not target.active:
        return IS_OFF
    if target.undeliverable:
        return UNDELIVERABLE
    if target.key in full:
        return IS_FULL
    return OUTSIDE if target.kind == EXTERNAL else target.kind


def _full(mailboxes):
    return set(_full_of(*padded(mailboxes))) if mailboxes else set()


@prepared
def _full_of(*names):
    rows = FullMailbox.objects.filter(pk__in=names, percent__gte=FULL_PERCENT)
    return rows.values_list("pk", flat=True)


def _said(alias, found):
    domain = alias.domain
    address = display_address(alias.address)
    if not domain.active:
        return [_("%(domain)s is off: mail for its addresses is refused.") % {"domain": domain}]
    goes_to = in_words([target for target in found if not target.undeliverable])
    if not goes_to:
        return [
            _("Nobody would take mail for %(address)s: it would be refused.") % {"address": address}
        ]
    if alias.is_catch_all:
        text = _(
            "Mail for every name in %(domain)s that has no mailbox or alias of its own will go to %(targets)s."
        )
    elif alias.is_self_alias and alias.address in alias.targets:
        text = _("Mail for %(address)s will stay here and go to %(targets)s.")
    else:
        text = _("Mail for %(address)s will go to %(targets)s.")
    said = [text % {"address": address, "domain": domain, "targets": goes_to}]
    if not alias.active:
        said.append(_("But it is off: first switch it on."))
    return said


def preview_of_mailbox(actor, domain, address):
    said, name = [], display_address(address)
    before = answer(actor, address)
    if before.kind == OFF:
        return [_("%(domain)s is off: mail for its addresses is refused.") % {"domain": domain}]
    if domain.ends_here:
        said.append(_("Mail for %(address)s will be delivered here.") % {"address": name})
    else:
        said.append(
            _("Mail for %(address)s will be handed on to %(transport)s.")
            % {"address": name, "transport": domain.transport}
        )
    if before.kind == ACCEPTED and before.by_catch_all:
        goes_to = in_words([target for target in before.targets if not target.undeliverable])
        said.append(_("So far the catch-all sends it to %(targets)s.") % {"targets": goes_to})
    elif before.kind == ACCEPTED and before.by_alias_domain:
        said.append(_("So far it goes to %(address)s.") % {"address": display_address(before.row)})
    leading = [display_address(name) for name in _leading(actor, address) if name != address]
    if leading:
        shown = ", ".join(leading[:NAMED]) + (" …" if len(leading) > NAMED else "")
        said.append(
            ngettext(
                "%(names)s leads to it already.", "%(names)s lead to it already.", len(leading)
            )
            % {"names": shown}
        )
    return said


@in_scope(prepared)
def _leading(actor, address):
    rows = AliasTarget.objects.visible_to(actor).filter(bare=address).order_by("pk")
    return rows.values_list("alias", flat=True)[: NAMED + 1]

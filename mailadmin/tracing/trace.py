"""Where mail for an address goes, step by step, and what becomes of it.

Whoever sees all domains is answered by the shipped queries. Anybody else is answered by aliases/answers.py where an address leads, which follows the
same rules and tells nothing of domains that they do not see: an address there is another address, of which no map is asked.
"""

from dataclasses import dataclass, replace

from aliases.answers import ELSEWHERE as NOT_OURS
from aliases.answers import OFF, Answer, address_in, answer
from aliases.answers import REFUSED as NOT_TAKEN
from aliases.lookup import keys_of
from domains import main_cf
from mailadmin.tracing.maps import Maps
from mailadmin.tracing.postfix import (
    CIRCLE,
    PUT_OFF,
    REFUSED,
    UNTOLD,
    Endless,
    Postfix,
    Reply,
)
from panel.addresses import split_address
from panel.scoping import domains_in_sight, sees_all_domains

EMPTY = "<>"
# The block of main.cf without which a map is not asked.
BLOCK_OF = {
    "relay_domains": main_cf.BACKUP_MX,
    "relay_recipients": main_cf.VERIFY,
    "transport": main_cf.TRANSPORT,
    "relay_hosts": main_cf.RELAY_HOSTS,
    "recipient_bcc": main_cf.COPIES_TO,
    "sender_bcc": main_cf.COPIES_FROM,
    "sender_access": main_cf.SENDER_ACCESS,
    "domain_senders": main_cf.DOMAIN_SENDERS,
    "recipient_access": main_cf.RECIPIENT_ACCESS,
    "members": main_cf.MEMBERS,
}


@dataclass(frozen=True)
class Trace:
    """``card``: what stands at the address. ``reply``: what is said at RCPT TO. ``ends``: where the mail goes.

    ``due``: the blocks that main.cf, as it was written last, lacks of those that a step here needs. ``signed_in``: the message is sent by
    one of ours. ``everything``: the actor sees all domains.
    """

    address: str
    sender: str | None
    card: Answer
    reply: Reply
    steps: tuple = ()
    ends: tuple = ()
    due: tuple = ()
    signed_in: bool = False
    everything: bool = False

    @property
    def is_refused(self):
        return self.reply.state in {REFUSED, PUT_OFF}


def recipient_in(text):
    address = address_in(text)
    return "" if address.startswith("@") else address


def sender_in(text):
    """The address of a sender; "" for the empty one, <>, as in bounces, and None if there is none."""
    return "" if text.strip() == EMPTY else recipient_in(text) or None


def card_of(actor, address):
    """What the search says of ``address``: with what the Trace of it begins, and who gets a copy. It costs one statement more than that."""
    card = answer(actor, address)
    if card.kind in {NOT_OURS, OFF, NOT_TAKEN}:
        return card
    maps, keys = Maps(), keys_of(address)
    maps.learn(("recipient_bcc", key) for key in keys)
    found = maps.first("recipient_bcc", keys)
    return replace(card, copy=found[1] if found else "")


def trace(actor, address, sender=None):
    """The Trace of a message from ``sender`` ("": the empty one, None: any) for ``address``.

    ``actor`` None, the command line, may be told everything.
    """
    card = answer(actor, address)
    everything = sees_all_domains(actor)

    def sees(domain):
        return everything or bool(domains_in_sight(actor, {domain}))

    if card.kind == NOT_OURS and not everything and not (sender and sees(split_address(sender)[1])):
        return Trace(address, sender, card, Reply(UNTOLD, None))
    cards = {address: card}

    def told(asked):
        if asked not in cards:
            cards[asked] = answer(actor, asked)
        return _told(cards[asked])

    postfix = Postfix(Maps(), sender, targets_of=None if everything else told, sees=sees)
    if sees(split_address(address)[1]):
        postfix.prepare(address)
        reply = postfix.reply(address)
    else:  # our users may write to an address about which the actor is told nothing
        reply = postfix.sender_reply(address) or Reply(UNTOLD, None)
    ends = ()
    if reply.state not in {REFUSED, PUT_OFF}:
        try:
            recipients = postfix.expanded(address)
            if not any(sees(split_address(recipient)[1]) for recipient in recipients):
                reply = Reply(UNTOLD, None)  # whether anybody there takes it
            ends = tuple(postfix.ends(postfix.with_copies(address, recipients)))
        except Endless:
            reply = Reply(PUT_OFF, 451, "4.3.0 Temporary lookup failure", CIRCLE)
    needed = {BLOCK_OF[step.map] for step in postfix.steps if step.map in BLOCK_OF}
    due = tuple(sorted(main_cf.due(needed)))
    return Trace(
        *(address, sender, card, reply, tuple(postfix.steps), ends, due),
        *(postfix.signed_in, everything),
    )


def _told(card):
    if card.kind in {NOT_OURS, OFF}:
        return None
    if card.hidden_domain:  # whether the name exists there is not told
        return card.address, [f"{card.local_part}@{card.hidden_domain}"]
    if not card.row:
        return None
    key = f"{card.local_part.removesuffix(card.tag)}@{card.domain.pk}" if card.tag else card.address
    targets = [target.address.lower() for target in card.targets if not target.undeliverable]
    targets += [card.row] if card.keeps_copy else []
    return (f"@{card.domain.pk}" if card.by_catch_all else key), targets

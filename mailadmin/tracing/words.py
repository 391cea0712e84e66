from typing import NamedTuple

from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from aliases.answers import ELSEWHERE as NOT_OURS
from aliases.answers import OFF, PASSED_ON, about_away, about_ending, because
from aliases.away import away_targets
from mailadmin.tracing import postfix as p
from mailboxes.models import NEARLY_FULL
from panel.addresses import display_address, display_domain, split_address
from panel.formats import number

SHOWN = 50  # lines, and addresses that one mail goes to
NAMED = 3  # in the last sentence


class Line(NamedTuple):
    """A sentence, and the row that it is about: the name of its page and its key, if it has one.

    ``map`` was asked for ``asked`` and answered ``answer``: told to those only who see all domains.
    """

    text: str
    page: str = ""
    key: str = ""
    map: str = ""
    asked: str = ""
    answer: str = ""


def lines(trace):
    said = {}
    for step in trace.steps:
        said |= {line.text: line for line in _said(trace, step) if line.text not in said}
    if trace.reply.why == p.UNKNOWN:
        said |= {line.text: line for line in _why(trace)}
    found = list(said.values())
    if (more := len(found) - SHOWN) > 0:
        found[SHOWN:] = [Line(_("and %(n)s more") % {"n": number(more)})]
    return found


def _said(trace, step):
    name, of_map = step.name, _of_map(trace, step)
    domain = split_address(step.address)[1]
    words = {"address": display_address(step.address), "domain": display_domain(domain)}
    if name == "sender rule":
        page = "server-senders" if trace.everything else ""
        return [Line(_sender_rule(trace, step), page, "", *of_map)]
    if name == "domain's sender rule":
        # The answer is about the recipient's domain, which the actor sees.
        text = _domain_sender_rule(trace, step)
        return [Line(text, "domain-flow", split_address(trace.address)[1], *of_map)]
    if name == "owner":
        return [Line(_owner(step, words), "", "", *of_map)]
    if name == p.HERE:
        text = _("%(domain)s is a domain of this server.") % words
        return [Line(text, "domain", domain, *of_map)]
    if name == p.BACKUP:
        text = _("This server is a backup MX of %(domain)s.") % words
        return [Line(text, "domain", domain, *of_map)]
    if name == p.LOCAL:
        return [Line(_("%(domain)s is this mail server itself.") % words)]
    if name == p.ELSEWHERE:
        return [_elsewhere(trace, words)]
    if name == "alias":
        return _why(trace)
    if name == "only sends":
        text = _("The mailbox behind %(address)s only sends: mail to it is refused.") % words
        return [Line(text, "", "", *of_map)]
    if name in {p.CLOSED, p.MOVED, p.INTERNAL, p.MEMBERS}:
        text = {
            p.CLOSED: _("The alias behind %(address)s is closed."),
            p.MOVED: _("The alias behind %(address)s has moved."),
            p.INTERNAL: _("%(address)s takes mail only from those who sign in here."),
            p.MEMBERS: _("%(address)s takes mail from its members only."),
        }[name]
        return [Line(text % words, "", "", *of_map)]
    if name == "member":
        return [Line(_member(step), "", "", *of_map)]
    if name == "verify":
        text = _("Postfix asks that server first, and refuses what it does not know.")
        return [Line(text, "domain-flow", domain, *of_map)]
    if name == "room":
        full = trace.reply.why == p.FULL
        text = _("The mailbox %(address)s is full.") if full else _("There is room in the mailbox %(address)s.")  # fmt: skip
        return [Line(text % words, "mailbox", step.address)]
    if name in {"recipient_bcc", "sender_bcc"}:
        text = _("A copy goes to %(copy)s.") % {"copy": display_address(step.answer)}
        return [Line(text, "domain-flow", domain, *of_map)]
    if name == "leads":
        known = step.address == trace.address  # what the map answers for it was said before
        return _leads(step, words, ("", "", "") if known else of_map)
    if name == "transport":
        text = _("Mail for %(domain)s is handed on to %(transport)s.")
        return [Line(text % (words | {"transport": step.answer}), "domain-flow", domain, *of_map)]
    of_sender = split_address(step.key)[1]
    words = {"domain": display_domain(of_sender), "server": step.answer.partition(":")[2]}
    text = _("%(server)s is the relay host of %(domain)s: mail to the outside leaves through it.")
    return [Line(text % words, "domain-flow", of_sender, *of_map)]


def _sender_rule(trace, step):
    words = {"sender": display_address(step.address)}
    if step.answer.startswith("DUNNO"):
        return _("A rule of this server lets the sender %(sender)s in.") % words
    if trace.signed_in:
        return _("Without signing in, the sender %(sender)s is refused by a rule of this server.") % words  # fmt: skip
    return _("A rule of this server refuses the sender %(sender)s.") % words


def _domain_sender_rule(trace, step):
    domain = display_domain(split_address(trace.address)[1])
    words = {"sender": display_address(step.address), "domain": domain}
    if step.answer.startswith("DUNNO"):
        return _("A rule of %(domain)s lets the sender %(sender)s in.") % words
    if trace.signed_in:
        return _("Without signing in, the sender %(sender)s is refused by a rule of %(domain)s.") % words  # fmt: skip
    return _("A rule of %(domain)s refuses the sender %(sender)s.") % words


def _member(step):
    words = {"sender": display_address(step.address) or _("A sender without an address")}
    if step.answer.startswith("REJECT"):
        return _("%(sender)s is no member.") % words
    if step.answer == "DUNNO":
        return _("%(sender)s is a member.") % words
    return _("%(sender)s is a member here, who must sign in to write to it.") % words


def _owner(step, words):
    logins = [display_address(login) for login in step.answer.split(",") if login]
    if not logins:
        return _("Nobody who signs in may send as %(address)s.") % words
    text = _("Who signs in as %(logins)s may send as %(address)s.")
    return text % (words | {"logins": get_text_list(logins[:NAMED], _("or"))})


def _of_map(trace, step):
    return (step.map, step.key, step.answer) if trace.everything else ("", "", "")


def _elsewhere(trace, words):
    if trace.card.kind == OFF and not trace.signed_in:
        return Line(*because(trace.card)[0][:3])
    return Line(_("%(domain)s is not a domain of this server.") % words)


def _why(trace):
    card, asked = trace.card, any(step.name == "verify" for step in trace.steps)
    away = [*about_away(card), *about_ending(card)]
    reasons = [reason for reason in because(card) if not reason.is_verdict and reason not in away]
    if asked and card.kind == PASSED_ON:
        reasons.pop()  # that the primary server is asked
    said = [Line(reason.text, reason.kind, reason.key) for reason in reasons]
    if card.row == card.address and not said:
        text = _("There is a mailbox %(address)s.") % {"address": display_address(card.row)}
        said = [Line(text, "mailbox", card.row)]
    answered = next((step for step in trace.steps if step.name == "alias"), None)
    if answered and said:
        said[-1] = Line(*said[-1][:3], *_of_map(trace, answered))
    said += [Line(reason.text, reason.kind, reason.key) for reason in away]
    for target in card.targets:
        if target.undeliverable:
            text = _("Left out, because nobody takes mail for it: %(address)s.")
            said.append(Line(text % {"address": target}))
    return said


def _leads(step, words, of_map):
    away = away_targets(step.key, step.targets)
    shown = [display_address(target) for target in step.targets if target not in away]
    said = []
    if shown != [words["address"]]:
        more = len(shown) - SHOWN
        named = ", ".join(shown[:SHOWN]) + (f" … (+{number(more)})" if more > 0 else "")
        text = _("%(address)s leads to %(targets)s.") % (words | {"targets": named})
        said.append(Line(text, "", "", *of_map))
    if away:
        text = _("Away message of PostfixAdmin: its program gets this mail and answers it.")
        said.append(Line(text, "mailbox", step.key))
    return said


def about(end):
    if end.kind == p.NEXT:
        return _("handed on to %(transport)s") % {"transport": end.by}
    if end.kind == p.THROUGH:
        return _("another server, through %(server)s") % {"server": end.by}
    return {
        p.PRIMARY: _("the primary mail server"),
        p.OUTSIDE: _("another server"),
        p.MACHINE: _("this machine"),
        p.ANOTHER: _("another address"),
        p.AWAY: _("away message"),
        p.OVERFULL: _("full, returned to the sender"),
        p.NOBODY: _("nobody, returned to the sender after days"),
        p.BOUNCED: _("returned to the sender"),
        p.HELD: _("waits in the queue"),
        p.THROWN: _("thrown away"),
    }.get(end.kind, "")


def verdict(trace):
    reply, domain = trace.reply, display_domain(split_address(trace.address)[1])
    if reply.state in {p.REFUSED, p.PUT_OFF}:
        return _refused(trace, domain)
    if reply.state == p.UNTOLD:
        if any(step.name == p.LOCAL for step in trace.steps):
            return _("The accounts of this machine and its /etc/aliases decide: the panel does not know them.")  # fmt: skip
        if not trace.ends:
            return _("%(domain)s is not one of your domains.") % {"domain": domain}
        return _("Mail goes on to another address, of which you are told nothing.")
    parts = [_ends(kind, [end for end in trace.ends if end.kind == kind]) for kind in _KINDS]
    said = [part for part in parts if part]
    if reply.state == p.ASKED:
        said.insert(0, _("Taken if the primary mail server knows the address."))
    return " ".join([*said, *_nearly_full(trace.ends)])


def _refused(trace, domain):
    reply = trace.reply
    words = {"code": reply.code, "domain": domain, "text": reply.text}
    if reply.state == p.PUT_OFF:
        if reply.why == p.CIRCLE:
            return _("Put off, %(code)s: the aliases lead in a circle.") % words
        return _("Put off, %(code)s: a rule makes this sender wait. “%(text)s”") % words
    if reply.why == p.SENDER:
        return _("Refused at once, %(code)s: a rule refuses this sender. “%(text)s”") % words
    if reply.why == p.OWNER:
        return _("Refused at once, %(code)s: nobody may send with this sender.") % words
    if reply.why == p.ONLY_SENDS:
        return _("Refused at once, %(code)s: a mailbox that only sends. “%(text)s”") % words
    if reply.why == p.CLOSED:
        return _("Refused at once, %(code)s: the alias is closed. “%(text)s”") % words
    if reply.why == p.MOVED:
        return _("Refused at once, %(code)s: the alias has moved. “%(text)s”") % words
    if reply.why == p.INTERNAL:
        return _("Refused at once, %(code)s: it takes mail only from those who sign in here.") % words  # fmt: skip
    if reply.why == p.MEMBERS:
        return _("Refused at once, %(code)s: it takes mail from its members only.") % words
    if reply.why == p.UNKNOWN:
        return _("Refused at once, %(code)s: no such user.") % words
    if reply.why == p.FULL:
        return _("Refused at once, %(code)s: the mailbox is full.") % words
    if trace.card.kind == OFF:
        return _("Refused at once, %(code)s: %(domain)s is off.") % words
    if trace.card.kind == NOT_OURS:
        return _("Refused at once, %(code)s: not for this server. Who signs in may send there.") % words  # fmt: skip
    return _("Refused at once, %(code)s: it would be relayed to another server.") % words


_KINDS = (
    *(p.BOX, p.NEXT, p.PRIMARY, p.THROUGH, p.OUTSIDE, p.MACHINE, p.ANOTHER, p.AWAY),
    *(p.OVERFULL, p.NOBODY, p.BOUNCED, p.HELD, p.THROWN),
)


def _ends(kind, ends):
    if not ends or kind == p.AWAY:
        return ""
    sentences = {
        p.BOX: _("Delivered to %(names)s."),
        p.NEXT: _("Handed on to the next server: %(names)s."),
        p.PRIMARY: _("Passed on to the primary mail server: %(names)s."),
        p.THROUGH: _("Sent to another server, through the relay host: %(names)s."),
        p.OUTSIDE: _("Sent to another server: %(names)s."),
        p.MACHINE: _("Left to this machine’s own accounts: %(names)s."),
        p.ANOTHER: _("Goes on to another address: %(names)s."),
        p.OVERFULL: _("Taken and then returned to the sender, because the mailbox is full: %(names)s."),
        p.NOBODY: _("Taken, kept for days and then returned to the sender, because nobody has this address: %(names)s."),
        p.BOUNCED: _("Taken and then returned to the sender: %(names)s."),
        p.HELD: _("Waits in the queue: %(names)s."),
        p.THROWN: _("Taken and thrown away: %(names)s."),
    }  # fmt: skip
    names = [display_address(end.address) for end in ends[:NAMED]]
    if len(ends) > NAMED:
        names.append(_("%(n)d more") % {"n": len(ends) - NAMED})
    return sentences[kind] % {"names": get_text_list(names, _("and"))}


def _nearly_full(ends):
    full = [end for end in ends if end.quota and end.used * 100 >= end.quota * NEARLY_FULL]
    text = _("%(mailbox)s is at %(percent)s %% of its quota.")
    return [
        text % {"mailbox": display_address(end.by), "percent": end.used * 100 // end.quota}
        for end in full[:NAMED]
    ]

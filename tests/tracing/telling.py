from mailadmin.tracing.trace import trace
from mailadmin.tracing.words import lines, verdict


def said(address, sender=None, actor=None):
    found = trace(actor, address, sender)
    return [*(line.text for line in lines(found)), verdict(found)]


def ends(address, sender=None, actor=None):
    return [(end.address, end.kind) for end in trace(actor, address, sender).ends]


HERE = "example.org is a domain of this server."
ROOM = "There is room in the mailbox joe@example.org."

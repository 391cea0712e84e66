"""What lines of Postfix say, by regular expressions that nothing from outside can lead astray.

An address is read as Postfix writes it, with its quotes: `<"a>, relay=x"@example.org>` is one. Where what a stranger typed could be
read in two ways, the line is not read at all (Doubtful), and counted.
"""

import re
from typing import NamedTuple

ID = r"([0-9A-Za-z]{5,25})"
ADDRESS = r'<((?:"(?:[^"\\]|\\.)*"|[^">])*)>'
PEER = r"(\S{0,255}?\[[^\]\s]{0,255}\])(?::\d+)?"

CLIENT = re.compile(rf"{ID}: client={PEER}(?:, (.*))?$")
LOGIN = re.compile(r"(?:^|, )sasl_username=(.*?)(?:, sasl_sender=.*)?$")
PROGRAM = re.compile(rf"{ID}: uid=(\d+) from={ADDRESS}$")
MESSAGE_ID = re.compile(rf"{ID}: (?:resent-)?message-id=(.*)$")
QUEUED = re.compile(rf"{ID}: from={ADDRESS}, size=(\d{{1,18}}), nrcpt=\d+ ")
GIVEN_UP = re.compile(rf"{ID}: from={ADDRESS}, status=(?:force-)?expired, returned to sender$")
REMOVED = re.compile(rf"{ID}: removed$")
DELIVERY = re.compile(
    rf"{ID}: to={ADDRESS}, (?:orig_to={ADDRESS}, )?relay=([^,]*), (?:\w+=[^,]*, )*?dsn=([\d.]+), (?:\w+=[^,]*, )*?"
    r"status=(\w+)(?: \((.*)\)|, .*)?$"
)
TLS = re.compile(
    rf"\w+ TLS connection (?:established|reused) (?:from|to) {PEER}: (\S+) with cipher (\S+)"
)
REFUSAL = re.compile(
    rf"(?:NOQUEUE|{ID}): (?:milter-)?reject: (?:RCPT|DATA|END-OF-MESSAGE|BDAT) from {PEER}: "
    r"(?:(\d{3}) )?(?:(\d\.\d{1,3}\.\d{1,3}) )?"
)
OF_CONTENT = re.compile(rf"{ID}: reject: (?:header|body|mime|nested) ")
WHOSE = re.compile(rf"; from={ADDRESS} to={ADDRESS} proto=\w+(?: helo=<.*?>)?(?: sasl_\w+=.*)?$")
CONTENTS_REASON = re.compile(r" helo=<[^>]*>: (?:(\d\.\d{1,3}\.\d{1,3}) )?([^:]*)$")
SAVED = re.compile(r"250 2\.\d\.\d <.*> (\S{8,60}) Saved$")


class Doubtful(Exception):
    pass


class Refusal(NamedTuple):
    queue_id: str
    client: str
    dsn: str
    says: str
    sender: str
    recipient: str


def refusal(text):
    """The Refusal of one recipient that ``text`` tells of; None if it tells of none. Raises Doubtful."""
    found = REFUSAL.match(text)
    if not found:
        return content_refusal(text)
    rest = text[found.end() :]
    if "; from=<" not in rest or " to=<" not in rest:
        return None
    whose = WHOSE.search(rest)
    if rest.count("; from=<") > 1 or not whose:
        raise Doubtful
    queue_id, client, code, dsn = found.groups()
    says = f"{code or ''} {dsn or ''} {rest[: whose.start()]}".split()
    kind = dsn or (f"{code[0]}.0.0" if code else "")
    return Refusal(queue_id or "", client, kind, " ".join(says), whose[1], whose[2])


def content_refusal(text):
    """By header_checks or body_checks. The line quotes what was found: of the message nothing is kept."""
    found = OF_CONTENT.match(text)
    if not found or "; from=<" not in text:
        return None
    begin = text.rindex("; from=<")
    reason = CONTENTS_REASON.search(text, begin)
    whose = WHOSE.match(text[begin : reason.start()] + " helo=<>") if reason else None
    if not whose or text.count("; from=<") > 1:
        raise Doubtful
    says = " ".join(filter(None, reason.groups()))
    return Refusal(found[1], "", reason[1] or "5.0.0", says, whose[1], whose[2])

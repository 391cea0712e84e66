"""Whether the DNS has the public halves of a domain's keys. What a record says: RFC 6376, 3.6.1."""

from functools import partial

from domains.dkim_keys import NEXT, REPLACED, SIGNS
from domains.dns.asking import NotAsked
from domains.dns.findings import DIFFERS, MISSING, NOT_ASKED, OK, WRONG, quoted, tags

TOPICS = {SIGNS: "dkim", NEXT: "dkim next", REPLACED: "dkim old"}


def checks(keys):
    return [
        (TOPICS[key.role], str(key), "TXT", partial(published, record=key.record))
        for key in keys
        if key.record
    ]


def published(asking, host, name, made, *, record):
    made = partial(made, (quoted(record),))
    try:
        records = asking.texts(name)
    except NotAsked:
        return made(state=NOT_ASKED, reason="not asked")
    made = partial(made, tuple(map(quoted, records)))
    if not records:
        return made(MISSING, "missing")
    if len(records) > 1:
        return made(WRONG, "two records")
    [text] = records
    reason = _difference(tags(text), tags(record))
    if reason:
        return made(DIFFERS if reason == "testing" else WRONG, reason)
    return made(OK, "ok")._replace(wanted=(quoted(text),))


def _difference(found, wanted):
    if found is None or found.get("v", "DKIM1") != "DKIM1" or "p" not in found:
        return "syntax"
    key = "".join(found["p"].split())
    if not key:
        return "revoked"
    if key != wanted["p"] or found.get("k", "rsa") != wanted["k"]:
        return "another key"
    hashes, services = _list(found.get("h", "sha256")), _list(found.get("s", "*"))
    if "sha256" not in hashes or not services & {"*", "email"}:
        return "not for mail"
    return "testing" if "y" in _list(found.get("t", "")) else ""


def _list(text):
    return {one.strip().lower() for one in text.split(":")}

from collections.abc import Iterator

from aliases.models import Alias
from mailadmin.state.kinds import (
    ADMINISTRATORS,
    DOMAINS,
    FORWARDING,
    MAILBOXES,
    OF_DOMAINS,
)
from mailboxes.forwarding import forwarding_of

TOGETHER = 500  # rows read at once


def exported_domains(names=(), *, passwords=False) -> Iterator[dict]:
    """Each domain with what it holds; of all domains, or of ``names``. That it is another name of one stands there, in the one."""
    rows = DOMAINS.rows().filter(pk__in=names) if names else DOMAINS.rows()
    for domain in rows.iterator(TOGETHER):
        [told] = DOMAINS.bodies([domain])
        for kind in OF_DOMAINS:
            bodies = kind.bodies(kind.rows(domain.pk).iterator(TOGETHER), passwords=passwords)
            told[kind.list] = list(_with_forwarding(bodies) if kind is MAILBOXES else bodies)
        yield told


def exported_administrators(*, passwords=False):
    return ADMINISTRATORS.bodies(ADMINISTRATORS.rows().iterator(TOGETHER), passwords=passwords)


def _with_forwarding(bodies):
    batch = []
    for body in bodies:
        batch.append(body)
        if len(batch) == TOGETHER:
            yield from _forwarded(batch)
            batch = []
    yield from _forwarded(batch)


def _forwarded(bodies):
    found = forwardings([body[MAILBOXES.key] for body in bodies])
    for body in bodies:
        told = found[body[MAILBOXES.key]]
        yield body | ({FORWARDING: told} if told["targets"] else {})


def forwardings(addresses):
    """{address of a mailbox: where its mail is sent on to}, in one statement."""
    rows = Alias.objects.filter(pk__in=addresses).in_bulk()
    found = {address: forwarding_of(rows.get(address)) for address in addresses}
    return {
        address: {"targets": targets, "keep_copy": keep}
        for address, (targets, keep) in found.items()
    }

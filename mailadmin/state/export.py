from collections.abc import Iterator
from datetime import date
from itertools import islice

from mailadmin.state.kinds import ADMINISTRATORS, DOMAINS, OF_DOMAINS, SERVER_RULES

TOGETHER = 500  # rows read at once


def exported_domains(names=(), *, passwords=False, secrets=False) -> Iterator[dict]:
    """Each domain with what it holds; of all domains, or of ``names``. That it is another name of one stands there, in the one."""
    rows = DOMAINS.rows().filter(pk__in=names) if names else DOMAINS.rows()
    for told in _bodies(DOMAINS, rows, passwords, secrets):
        for kind in OF_DOMAINS:
            if kind.is_offered:
                rows = kind.rows(told["domain"])
                told[kind.list] = list(_bodies(kind, rows, passwords, secrets))
        yield told


def exported_rules():
    return _bodies(SERVER_RULES, SERVER_RULES.rows())


def exported_administrators(*, passwords=False):
    return _bodies(ADMINISTRATORS, ADMINISTRATORS.rows().without_idle_managers(), passwords)


def _bodies(kind, rows, passwords=False, secrets=False):
    bodies = kind.bodies(rows.iterator(TOGETHER), passwords=passwords, secrets=secrets)
    while batch := list(islice(bodies, TOGETHER)):
        keys = [kind.key_of(body)[0] for body in batch]
        for part in kind.parts:
            found = part.found(keys, secrets=secrets)
            for key, body in zip(keys, batch, strict=True):
                if found[key] != part.nothing:
                    body[part.member] = found[key]
        yield from map(_plain, batch)


def _plain(body):
    """Days as the API has them."""
    if isinstance(body, dict):
        return {name: _plain(value) for name, value in body.items()}
    return body.isoformat() if isinstance(body, date) else body

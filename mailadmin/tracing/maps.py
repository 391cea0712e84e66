"""The queries of deploy/postfix and deploy/dovecot, asked on the panel's own connection as Postfix and Dovecot ask them.

A map is asked as mysql_table(5) says: %s is the key, %u what stands before its @, %d what stands behind. A query that names one
which the key does not have is not run, and the map has no answer. Each quoted text with a variable becomes a parameter, which comes
to the same as Postfix's escaping.
"""

import re
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from aliases.lookup import Lookup
from mailadmin.shipped import DEPLOY, MARKER
from mailadmin.tracing import sqlite
from panel.addresses import split_address

# Not relay_login, whose answer is a password.
MAPS = (
    *("domains", "relay_domains", "alias", "mailbox", "transport", "relay_hosts"),
    *("sender_access", "sender_lists", "domain_senders", "recipient_access", "members"),
    *("relay_recipients", "recipient_bcc", "sender_bcc", "sender_login", "login"),
)
SEVERAL_ROWS = {"sender_login"}  # whose answers Postfix puts together, with commas
TOGETHER = 100
LMTP, QUOTA_STATUS = "lmtp", "quota-status"
_LITERAL = re.compile("'([^']*)'")
_VARIABLE = re.compile("%(.)")


class User(NamedTuple):
    """What Dovecot is told of a user. ``room`` is a quota rule."""

    name: str
    home: str
    room: str


class Query:
    def __init__(self, text):
        values = {
            "RECIPIENT_DELIMITER": settings.RECIPIENT_DELIMITER,
            "VMAIL_ROOT": settings.VMAIL_ROOT,
            "VMAIL_UID": str(settings.VMAIL_UID),
            "VMAIL_GID": str(settings.VMAIL_GID),
        }
        self.texts = []
        text = MARKER.sub(lambda marker: values[marker[1]], " ".join(text.split()))
        self.sql = _LITERAL.sub(self._place, text).replace("%", "%%").replace("\0", "%s")
        self.variables = {name for text in self.texts for name in _VARIABLE.findall(text)}

    def _place(self, literal):
        if "%" not in literal[1]:
            return literal[0]
        self.texts.append(literal[1])
        return "\0"

    def parameters(self, values):
        if not self.variables <= values.keys():
            return None
        return [_VARIABLE.sub(lambda found: values[found[1]], text) for text in self.texts]


@cache
def query_of(name):
    assert name in MAPS
    text = (DEPLOY / "postfix" / f"{name}.cf").read_text()
    return Query(sqlite.spelled(re.search(r"^query = (.*(?:\n\s+.*)*)", text, re.MULTILINE)[1]))


@cache
def user_query():
    text = (DEPLOY / "dovecot" / "2.3" / "mailadmin-sql.conf.ext").read_text()
    return Query(re.search(r"^user_query = (.*)", text.replace("\\\n", ""), re.MULTILINE)[1])


@cache
def always_reached():
    """The local parts that the list of main.cf lets in before it asks about the sender."""
    return frozenset(re.findall(r"\{(\S+)@ = OK\}", _main_cf()))


@cache
def internal_text():
    """What the class internal_only of main.cf tells who has not signed in."""
    return re.search(r"static:\{REJECT (.*)\}", _main_cf())[1]


def _main_cf():
    return (DEPLOY / "postfix" / "main.cf").read_text()


def _values(key):
    local_part, at, domain = key.rpartition("@")
    parts = {"u": local_part, "d": domain} if at else {"u": key}
    return {"s": key} | {name: part for name, part in parts.items() if part}


class Maps:
    """Answers from the tables as they are now; no key is asked twice."""

    def __init__(self):
        sqlite.prepare(connection)
        self._known = {}
        self._lookup = Lookup()

    def ask(self, name, key):
        """What ``postmap -q`` prints, or ""."""
        if (name, key) not in self._known:
            self.learn([(name, key)])
        return self._known[name, key]

    def first(self, name, keys):
        return next(((key, found) for key in keys if (found := self.ask(name, key))), None)

    def learn(self, asked):
        """Ask for several (map, key), all but the alias map in one statement, or in one for each TOGETHER."""
        places = []
        for name, key in dict.fromkeys(asked):
            if (name, key) in self._known:
                continue
            if name == "alias":
                self._known[name, key] = self._alias(key)
                continue
            query, self._known[name, key] = query_of(name), ""
            parameters = query.parameters(_values(key))
            if parameters is not None and name in SEVERAL_ROWS:
                rows = self._fetch_all(query.sql, parameters)
                self._known[name, key] = ",".join(row[0] for row in rows if row[0])
            elif parameters is not None:
                places.append((name, key, f"({query.sql})", parameters))
        for first in range(0, len(places), TOGETHER):
            self._ask_together(places[first : first + TOGETHER])

    def _ask_together(self, places):
        found = self._fetch(
            f"SELECT {', '.join(sql for _name, _key, sql, _parameters in places)}",
            [value for *_of, parameters in places for value in parameters],
        )
        for (name, key, *_of), answer in zip(places, found, strict=True):
            self._known[name, key] = answer or ""

    def user(self, address, service=LMTP):
        local_part, domain = split_address(address)
        query = user_query()
        values = {"u": address, "n": local_part, "d": domain, "s": service}
        found = self._fetch(query.sql, query.parameters(values))
        return User(*found[:3]) if found else None

    def _alias(self, key):
        if (
            connection.vendor != "mysql"
        ):  # it has no procedures; aliases/lookup.py follows the same rules
            match = self._lookup.match(key)
            return ",".join(match.targets) if match else ""
        query = query_of("alias")
        values = query.parameters(_values(key))
        found = values is not None and self._fetch(query.sql, values)
        return (found and found[0]) or ""

    def _fetch(self, sql, parameters):
        rows = self._fetch_all(sql, parameters)
        return rows[0] if rows else None

    def _fetch_all(self, sql, parameters):
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

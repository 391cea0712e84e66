"""PostfixAdmin's configuration, read as data: its PHP is never run."""

import re
from pathlib import Path

# Debian's places, each read after the one before, as PostfixAdmin includes them.
PLACES = [
    Path("/etc/postfixadmin/config.inc.php"),
    Path("/etc/postfixadmin/dbconfig.inc.php"),
    Path("/etc/postfixadmin/config.local.php"),
]
# What config.inc.php of release 3.3 says where a site says nothing.
DEFAULTS = {
    "encrypt": "md5crypt",
    "quota_multiplier": 1_024_000,
    "domain_path": "YES",
    "domain_in_mailbox": "NO",
    "vacation_domain": "autoreply.change-this-to-your.domain.tld",
    "new_quota_table": "YES",
    "database_prefix": "",
    "database_tables": {},
    "default_aliases": {},
}
TOKEN = re.compile(
    r"""
      (?P<skipped> \s+ | //[^\n]* | \#[^\n]* | /\*.*?\*/ | <\?php | \?> )
    | (?P<name> \$\w+ )
    | (?P<text> '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" )
    | (?P<number> -?\d+(?:\.\d+)? )
    | (?P<word> \w+ )
    | (?P<sign> => | . )
    """,
    re.VERBOSE | re.DOTALL,
)
WORDS = {"true": True, "false": False, "null": None}


class Unreadable(Exception):
    """An expression that would have to be run."""


def read(paths):
    """``{name: value}`` of ``$CONF`` in the files that are there, later ones first, and ``$dbname`` as ``database_name``."""
    found = dict(DEFAULTS)
    for path in paths:
        found |= parse(path.read_text(errors="replace"))
    return found


def parse(text):
    tokens = [token for token in _tokens(text) if token[0] != "skipped"]
    found = {}
    for place, (kind, word) in enumerate(tokens):
        if kind != "name":
            continue
        rest = tokens[place + 1 :][:8]
        signs = [sign for _kind, sign in rest]
        if word == "$CONF" and signs[:1] == ["["] and signs[2:4] == ["]", "="]:
            name, start = _text(signs[1]), place + 5
        elif word == "$dbname" and signs[:1] == ["="]:
            name, start = "database_name", place + 2
        else:
            continue
        try:
            found[name], _end = _value(tokens, start)
        except Unreadable:
            continue  # `$dbname`, a constant or a call: what follows from it is asked of the tables
    return found


def _tokens(text):
    return [(found.lastgroup, found[0]) for found in TOKEN.finditer(text)]


def _value(tokens, place):
    kind, word = tokens[place] if place < len(tokens) else ("end", "")
    if kind == "text":
        value, place = _text(word), place + 1
    elif kind == "number":
        value, place = float(word) if "." in word else int(word), place + 1
    elif word.lower() in WORDS:
        value, place = WORDS[word.lower()], place + 1
    elif word == "[" or word.lower() == "array":
        return _array(tokens, place + (1 if word == "[" else 2), "]" if word == "[" else ")")
    else:
        raise Unreadable
    # What goes on, as in 'a' . $b, would have to be run.
    if place >= len(tokens) or tokens[place][1] not in {";", ",", "]", ")", "=>"}:
        raise Unreadable
    return value, place


def _array(tokens, place, end):
    found, number = {}, 0
    while place < len(tokens) and tokens[place][1] != end:
        value, place = _value(tokens, place)
        if tokens[place][1] == "=>":
            key = value
            value, place = _value(tokens, place + 1)
        else:
            key, number = number, number + 1
        found[key] = value
        if place < len(tokens) and tokens[place][1] == ",":
            place += 1
    return found, place + 1


def _text(word):
    bare = word[1:-1]
    return re.sub(r"\\(['\"\\$])", r"\1", bare)

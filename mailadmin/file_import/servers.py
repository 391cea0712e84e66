"""Text files of other mail servers as tables: a row of headings, then a row for each mailbox, alias or domain of the wanted kind.

They are read as `manage.py import` reads them (mailadmin/importing/readers/).
"""

from dataclasses import replace

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.passwords import clear_text
from mailadmin.importing.reader import Unreadable
from mailadmin.importing.readers.ldif import Ldif
from mailadmin.importing.readers.passwd_file import PasswdFile
from mailadmin.importing.records import Alias, AliasDomain, Domain, Mailbox

NOWHERE = "-"  # stands for the domain of a name that has none in the file

# By kind: the names of the fields (kinds.py), and what a record has for them.
TABLES = {
    "mailbox": (
        Mailbox,
        (
            *("address", "name", "quota", "password", "hash", "active"),
            *("sign_in_active", "smtp_active"),
        ),
    ),
    "alias": (Alias, ("address", "targets", "description", "active")),
    "alias-domain": (AliasDomain, ("domain", "target", "active")),
    "domain": (Domain, ("domain", "description", "active")),
    "copy": (Alias, ("address", "copy_to")),
}


def passwd(lines, kind):
    yield from _table(kind, PasswdFile("").records_in(lines, NOWHERE))


def ldif(lines, kind):
    try:
        yield from _table(kind, _in_one(Ldif().records_in(lines)))
    except (ValueError, Unreadable) as error:  # of base64
        raise ValidationError(
            _("It cannot be read as LDIF: %(error)s."), "no_ldif", {"error": error}
        ) from error


def postfix_map(lines, kind):
    """Of a text that postmap compiles: keys, and behind white space their values; indented lines go on (postmap(1))."""
    records = (Alias(key, (value,)) for key, value in _pairs(lines))
    if kind == "mailbox":  # the value is a path
        records = (Mailbox(record.address) for record in records)
    elif kind == "domain":
        records = (Domain(record.address) for record in records)
    elif kind == "alias-domain":
        records = (
            AliasDomain(record.address[1:], record.targets[0].strip()[1:])
            for record in records
            if record.address.startswith("@") and record.targets[0].strip().startswith("@")
        )
    yield from _table(kind, records)


def _in_one(records):
    """The members of a group name it, each in its own entry: all are recipients of one alias."""
    targets, aliases = {}, {}
    for record in records:
        if not isinstance(record, Alias):
            yield record
            continue
        key = record.address.strip().lower()
        first = aliases.setdefault(key, record)
        targets.setdefault(key, {}).update(dict.fromkeys(record.targets))
        if first.active and not record.active:
            aliases[key] = record
    for key, record in aliases.items():
        yield replace(record, targets=tuple(targets[key]))


READERS = {"passwd": passwd, "map": postfix_map, "ldif": ldif}


def _pairs(lines):
    whole = ""
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and whole:
            whole += f" {line.strip()}"
            continue
        if whole:
            yield _pair(whole)
        whole = line.strip()
    if whole:
        yield _pair(whole)


def _pair(line):
    key, value, *_rest = [*line.split(None, 1), ""]
    return key, value


def _table(kind, records):
    wanted, names = TABLES[kind]
    yield 0, list(names)
    number = 0
    for record in records:
        if isinstance(record, wanted):
            number += 1
            yield number, [VALUES[name](record) for name in names]


VALUES = {
    "address": lambda record: record.address.removesuffix(f"@{NOWHERE}"),
    "name": lambda record: record.name,
    "quota": lambda record: f"{record.quota} bytes" if record.quota else "",
    "password": lambda record: clear_text(record.hash) or "",
    "hash": lambda record: "" if clear_text(record.hash) else record.hash,
    "active": lambda record: "1" if record.active else "0",
    "sign_in_active": lambda record: "1" if record.may_sign_in else "0",
    "smtp_active": lambda record: "1" if record.may_send and record.may_sign_in else "0",
    "targets": lambda record: ", ".join(record.targets),
    "copy_to": lambda record: ", ".join(record.targets),
    "description": lambda record: record.description,
    "domain": lambda record: record.name,
    "target": lambda record: record.target,
}

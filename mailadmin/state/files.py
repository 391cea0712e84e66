import json
from pathlib import Path

import yaml

from mailadmin.state.kinds import DOMAINS, OF_DOMAINS, OF_SERVER, VERSION

HEAD = {"mailadmin": VERSION}
DAYS = "tag:yaml.org,2002:timestamp"
# The one in C is ten times as fast; where it was not built, the other one reads the same.
Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Leaves a day as it is written: the API takes a text."""

    yaml_implicit_resolvers = {
        letter: [pair for pair in pairs if pair[0] != DAYS]
        for letter, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class Unreadable(Exception):
    """Says what is wrong with the file."""


def written(lists, *, as_yaml=False):
    """Yield the text of a file, a domain at a time. ``lists`` are {member: its bodies}."""
    yield from _yaml(lists) if as_yaml else _json(lists)


def _yaml(lists):
    yield _dumped(HEAD)
    for name, items in lists.items():
        empty = True
        for item in items:
            yield (f"{name}:\n" if empty else "") + _dumped([item])
            empty = False
        if empty:
            yield f"{name}: []\n"


def _dumped(value):
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True)


def _json(lists):
    yield f'{{"mailadmin": {VERSION}'
    for name, items in lists.items():
        yield f',\n"{name}": ['
        for number, item in enumerate(items):
            yield (",\n" if number else "\n") + json.dumps(item, ensure_ascii=False, indent=1)
        yield "\n]"
    yield "\n}\n"


def read(path, standard_input):
    """What the file says; ``-`` is standard input. Raises Unreadable."""
    try:
        text = standard_input.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        found = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, Loader)  # noqa: S506 -- a safe one
    except (OSError, UnicodeDecodeError, ValueError, yaml.YAMLError) as error:
        raise Unreadable(f"{path} cannot be read: {error}") from None
    _check(found)
    return found


def _check(found):
    if not isinstance(found, dict) or found.get("mailadmin") != VERSION:
        raise Unreadable(
            f"This is no file of mailadmin export: it begins with “mailadmin: {VERSION}”."
        )
    if unknown := sorted(
        map(str, found.keys() - {"mailadmin", *(kind.list for kind in OF_SERVER)})
    ):
        raise Unreadable(f"Unknown: {', '.join(unknown)}.")
    for kind in OF_SERVER:
        _check_list(found.get(kind.list, []), kind, kind.list)
    for domain in found.get(DOMAINS.list, []):
        for kind in OF_DOMAINS:
            _check_list(domain.get(kind.list, []), kind, f"{domain['domain']}, {kind.list}")


def _check_list(items, kind, place):
    if not isinstance(items, list):
        raise Unreadable(f"{place}: write a list.")
    seen = set()
    for number, item in enumerate(items, start=1):
        for name in kind.keys:
            if not _names(kind, name, item):
                raise Unreadable(f"{place}, number {number}: “{name}” is missing.")
        key = kind.key_of(item)
        if key in seen:
            raise Unreadable(f"{place}: {kind.name_of(key).strip()} is there twice.")
        seen.add(key)


def _names(kind, name, item):
    """Whether ``item`` has this member of its key, or may leave it out."""
    default = kind.resource.body.model_fields[name].default
    given = item.get(name, default) if isinstance(item, dict) else None
    return isinstance(given, str) and (given != "" or default == "")

from typing import NamedTuple

from aliases.models import Alias
from domains import words
from domains.models import Domain
from mailboxes.models import Mailbox
from panel.addresses import lookup_key, split_address
from panel.prepared import in_scope, padded, prepared
from panel.scoping import starts_with

MOST = 8


class Suggestion(NamedTuple):
    pk: str
    name: str
    is_mailbox: bool


@in_scope(prepared)
def _mailboxes(actor, *keys):
    rows = Mailbox.objects.visible_to(actor).filter(pk__in=keys)
    return rows.values_list("pk", "name")


@in_scope(prepared)
def _aliases(actor, *keys):
    rows = Alias.objects.visible_to(actor).filter(pk__in=keys)
    return rows.values_list("pk", "description")


def suggested(actor, text, domain=""):
    """At most MOST; those of ``domain``, if there is one, before all others."""
    key, own = lookup_key(text), lookup_key(domain)
    names = words.names_in_scope(actor)
    if not key or key.startswith("@") or names is None:
        return []
    if own and not Domain.objects.manageable_by(actor).filter(pk=own).exists():
        own = ""
    found = {"mailbox": [], "alias": []}
    for within in ((own,), names) if own else (names,):
        if sum(map(len, found.values())) < MOST:
            _look(actor, key, within, found)
    rows = [Suggestion(*row, True) for row in _in_order(_mailboxes, actor, found["mailbox"])]
    rows += [Suggestion(*row, False) for row in _in_order(_aliases, actor, found["alias"])]
    return rows[:MOST]


def _look(actor, key, names, found):
    if "@" in key:
        for kind, model, field in (("mailbox", Mailbox, "username"), ("alias", Alias, "address")):
            rows = model.objects.visible_to(actor).filter(starts_with(field, key))
            order = ["domain_id", "pk"] if actor.scope_domains else ["pk"]
            if len(names) == 1:
                rows, order = rows.filter(domain=names[0]), ["pk"]
            found[kind] += rows.order_by(*order).values_list("pk", flat=True)[:MOST]
        return
    asked = words.words_of(key)
    rows = words.find(["mailbox", "alias"], asked, names, MOST)[0] if asked else ()
    for row in rows:
        if split_address(row.row_key)[0]:  # a catch-all is no recipient
            found[row.kind].append(row.row_key)


def _in_order(ask, actor, keys):
    keys = list(dict.fromkeys(keys))
    rows = {row[0]: row for row in ask(actor, *padded(keys))} if keys else {}
    return [rows[key] for key in keys if key in rows]

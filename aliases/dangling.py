"""The first targets that nobody answers, for the dashboard: equally fast however large the tables
are.

A domain that has a catch-all may be the target of 100,000 aliases, which nobody needs to read. So
the domains of unmatched targets come first, out of an index; then what these domains do; then the
rows.
"""

from itertools import islice
from typing import NamedTuple

from django.db.models import BooleanField, Exists, OuterRef, Subquery, Value
from django.db.models.functions import Concat

from aliases.models import Alias, AliasTarget, domains_answering_by_name
from panel.prepared import in_scope, padded, prepared
from panel.scoping import sees_all_domains

MOST = 10
TOGETHER = 256  # domains


class Dangling(NamedTuple):
    domain: str
    alias: str
    target: str
    is_self_alias: bool


def first_dangling(actor):
    """Return at most MOST of the targets of ``AliasTargetQuerySet.dangling()``, by domain.

    For a domain admin those that lie in domains of their own, too: whether an address of another's
    domain exists is not theirs to know.
    """
    found = []
    for names in _domains(actor):
        answering = _answering(*padded(names)) if names else []
        rows = []
        if without := [name for name, has_catch_all in answering if not has_catch_all]:
            rows += _unmatched(actor, *padded(without))
        if within := [f"@{name}" for name, has_catch_all in answering if has_catch_all]:
            rows += _of_aliases(actor, *padded(within))
        found += sorted(map(Dangling._make, rows), key=lambda row: row.domain)
        if len(found) >= MOST:
            break
    return found[:MOST]


def _domains(actor):
    if not sees_all_domains(actor):
        names = iter(actor.scope_domains)
        while some := list(islice(names, TOGETHER)):
            yield some
        return
    some = [""]
    while some:
        some = _with_unmatched_targets(some[-1])
        yield some
        if len(some) < TOGETHER:
            return


@prepared
def _with_unmatched_targets(after):
    rows = AliasTarget.objects.filter(unmatched=True, domain__gt=after)
    return rows.order_by("domain").values_list("domain", flat=True).distinct()[:TOGETHER]


@prepared
def _answering(*names):
    """Pairs (name, whether it has a catch-all). A catch-all does not answer for its own targets."""
    unmatched = AliasTarget.objects.filter(domain=OuterRef("pk"), unmatched=True)
    catch_all = Concat(Value("@"), OuterRef("pk"))
    has_catch_all = Exists(Alias.objects.filter(pk=catch_all))
    domains = domains_answering_by_name().filter(Exists(unmatched), pk__in=names)
    domains = domains.filter(Exists(unmatched.filter(alias=catch_all)) | ~has_catch_all)
    return domains.order_by("pk").values_list("pk", has_catch_all)


@in_scope(prepared)
def _unmatched(actor, *domains):
    rows = AliasTarget.objects.visible_to(actor).filter(unmatched=True, domain__in=domains)
    # In the order of the index: nothing is sorted, however many there are.
    return _shown(rows.order_by("domain", "owner", "pk"))


@in_scope(prepared)
def _of_aliases(actor, *aliases):
    rows = AliasTarget.objects.visible_to(actor).filter(unmatched=True, alias__in=aliases)
    return _shown(rows.filter(alias=Concat(Value("@"), "domain")).order_by("domain", "pk"))


def _shown(rows):
    alias = Alias.objects.filter(pk=OuterRef("alias")).values("is_self_alias")
    return rows.values_list(
        "domain", "alias", "target", Subquery(alias, output_field=BooleanField())
    )[:MOST]

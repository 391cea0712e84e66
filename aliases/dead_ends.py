from aliases.models import AliasTarget
from panel.prepared import padded, prepared


def dead_ends(actor, keys):
    """``{address: its targets that nobody answers}`` of those of ``keys`` that have some.

    Of others' domains nobody is told which addresses exist.
    """
    found, own = {}, actor.scope_domains
    if not keys:
        return found
    for row in _dangling(*padded(keys)):
        if not own or row.domain in own:
            found.setdefault(row.alias, []).append(row.target)
    return found


@prepared
def _dangling(*keys):
    rows = AliasTarget.objects.dangling().filter(alias__in=keys)
    return rows.order_by("pk").values_list("alias", "target", "domain", named=True)

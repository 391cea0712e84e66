"""No mail loop may be stored: Postfix would expand it a thousand times and then defer the mail."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from aliases.lookup import Lookup
from aliases.models import AliasTarget
from domains.models import AliasDomain, Domain
from panel.addresses import (
    ANY_EXTENSION,
    display_address,
    split_address,
    with_any_extension,
    without_extension,
)

MAX_EXPANSION = 1_000  # Postfix: virtual_alias_expansion_limit
MAX_DEPTH = 50
# A loop through a changed row is found from the row itself. The aliases that lead to it are checked only for
# too large an expansion; a row may be the target of 100,000 aliases.
MAX_UPSTREAM = 100
# An alias domain may create a separate loop for each address that leads into it.
MAX_UPSTREAM_OF_DOMAIN = 5_000


def refuse_loops(actor, addresses, field=None, bound=MAX_UPSTREAM):
    """Raise ValidationError (``loop`` or ``expansion``) if a change creates a loop, or too large an expansion.

    ``addresses`` are those whose answer has changed; ``@example.org`` stands for all addresses of that domain. At most
    ``bound`` of the addresses that lead to them are checked. Call it after the change, in its transaction, under
    ``RoutingLock``. The path shown hides from ``actor`` (None: the command line) addresses of domains that they do not see,
    except those they wrote.
    """
    starts = [*addresses, *upstream_of(addresses, bound)]
    # And with an extension: Postfix adds it to the targets, so that it may grow without end.
    plain = [a for a in addresses if a == without_extension(a) and not a.startswith("@")]
    extended = [with_any_extension(address) for address in plain]
    hops = all_hops([*starts, *extended])
    if not _still_forwards(addresses, starts, hops):
        return
    error = _refusal(actor, addresses, [*starts, *extended], hops)
    if error:
        raise ValidationError({field: error}) if field else error


def foreseen(actor, address, lookup):
    starts = [address]
    if address == without_extension(address) and not address.startswith("@"):
        starts.append(with_any_extension(address))
    return _refusal(actor, [address], starts, all_hops(starts, lookup))


def _refusal(actor, addresses, starts, hops):
    for start in starts:
        path = find_loop(start, hops) or exceeds_expansion_limit(start, hops)
        if path is None:
            continue
        shown = path if len(path) <= 12 else [*path[:6], "…", *path[-5:]]
        code = "loop" if path[0] == path[-1] else "expansion"
        if grown := _grown(path):
            shown = path if path[0] == path[-1] else [*path[: grown + 2], "…"]
            message = _(
                "Postfix adds an extension, what stands from the “%(delimiter)s” on, to each recipient again. So this would"
                " grow without end: %(path)s."
            )
        elif code == "loop":
            message = _("This would create a mail loop: %(path)s.")
        else:
            message = _(
                "This would reach more than %(limit)d addresses, or pass through more than"
                " %(depth)d aliases, and Postfix would defer the mail: %(path)s. Use a mailing list."
            )
        written = {target for address in addresses for target in hops.get(address, ())}
        own = written.union(addresses)
        names = _redact_path(actor, shown, own.union(map(with_any_extension, own)))
        params = {
            "path": " → ".join(names),
            "limit": MAX_EXPANSION,
            "depth": MAX_DEPTH,
            "delimiter": settings.RECIPIENT_DELIMITER,
        }
        return ValidationError(message, code, params)
    return None


def _grown(path):
    first = {}
    for place, address in enumerate(path):
        before = first.setdefault(without_extension(address), address)
        if len(address) > len(before) or (place and before == address and ANY_EXTENSION in address):
            return place
    return 0


def all_hops(starts, lookup=None):
    """``{address: [next addresses]}`` of ``starts`` and all that they lead to.

    Beyond MAX_DEPTH, or many times MAX_EXPANSION, the rest is left out. ``lookup`` has read some of it, or supposes it.
    """
    lookup, hops, level = lookup or Lookup(), {}, list(dict.fromkeys(starts))
    for _level in range(MAX_DEPTH + 1):
        found = lookup.hops(level)
        hops |= found
        reached = (target for targets in found.values() for target in targets)
        level = [target for target in dict.fromkeys(reached) if target not in hops]
        if not level or len(hops) > 10 * MAX_EXPANSION:
            break
    return hops


def find_loop(start, hops):
    finished, path = set(), [start]
    stack = [iter(hops.get(start, ()))]
    while stack:
        target = next(stack[-1], None)
        if target is None:
            stack.pop()
            finished.add(path.pop())
        elif target in path:
            return [*path[path.index(target) :], target]
        elif target not in finished:
            path.append(target)
            stack.append(iter(hops.get(target, ())))
    return None


def loop_through(address, hops):
    """The way from ``address`` back to itself, which is its first and its last; None if mail for it never comes back."""
    path = find_loop(address, hops)
    if not path or address not in path:
        return None
    place = path.index(address)
    return [*path[place:-1], *path[: place + 1]]


def exceeds_expansion_limit(start, hops):
    """The path with the most copies if Postfix would not expand ``start``, or None. ``hops`` have no loop.

    Postfix counts a recipient once for each path that leads to it, and no alias in between.
    """
    copies, depths = {}, {}
    # Deepest first, without recursion: a chain may be as long as the hops are many.
    order, todo = {}, [start]
    while todo:
        address = todo[-1]
        following = [target for target in hops.get(address, ()) if target not in order]
        if following:
            todo += following
            continue
        order[todo.pop()] = None
    for address in order:
        targets = hops.get(address, ())
        copies[address] = sum(copies[target] for target in targets) or 1
        depths[address] = 1 + max((depths[target] for target in targets), default=0)
    if copies[start] <= MAX_EXPANSION and depths[start] <= MAX_DEPTH + 1:
        return None
    measure = copies if copies[start] > MAX_EXPANSION else depths
    path = [start]
    while hops.get(path[-1]):
        path.append(max(hops[path[-1]], key=measure.get))
    return path


def upstream_of(addresses, bound=MAX_UPSTREAM):
    """The addresses from which mail reaches one of ``addresses``, nearest first, at most ``bound``.

    Three statements for each level. ``@example.org`` stands for all addresses of that domain.
    """
    found, level = dict.fromkeys(addresses), list(addresses)
    for _level in range(MAX_DEPTH + 1):
        parts = [split_address(without_extension(address)) for address in level]
        sources = {}
        links = AliasDomain.objects.filter(
            target_domain__in={domain for _name, domain in parts}, active=True
        )
        for source, target in links.values_list("pk", "target_domain_id"):
            sources.setdefault(target, []).append(source)
        twins = [(name, domain) for name, target in parts for domain in sources.get(target, ())]
        names = [f"{name}@{domain}" for name, domain in parts + twins]
        whole = [domain for name, domain in parts + twins if not name]
        above = [f"{name}@{domain}" for name, domain in twins]
        # One index each, and each stops at the bound: joined by OR, all of a domain is read.
        for condition in ({"bare__in": names}, {"domain__in": whole}):
            rows = AliasTarget.objects.filter(**condition)
            above += rows.values_list("alias", flat=True)[:bound]
        level = [address for address in dict.fromkeys(above) if address not in found]
        found.update(dict.fromkeys(level))
        if not level or len(found) > bound:
            break
    return [address for address in found if address not in addresses][:bound]


def _still_forwards(addresses, starts, hops):
    """Whether mail is still forwarded from an address whose answer has changed: else no path is new.

    So a loop that another program stored does not block a change that removes a target.
    """
    names = {split_address(without_extension(address))[0] for address in addresses}
    changed = (s for s in starts if split_address(without_extension(s))[0] in names)
    return "" in names or any(hops[start] for start in changed)


def _redact_path(actor, path, own):
    hidden = set()
    if actor is not None:
        domains = {address: split_address(address)[1] for address in path if "@" in address}
        seen = Domain.objects.visible_to(actor).in_bulk(set(domains.values()))
        hidden = {address for address in domains if domains[address] not in seen} - own
    return [_("another address") if key in hidden else display_address(key) for key in path]

"""Where an address leads, by the same rules as deploy/postfix/alias.cf.

For ``user+tag@example.org`` Postfix asks for the whole address, then without the extension,
then ``@example.org``; each is answered by the alias row, else by the mailbox, else by the same
name in the target of an alias domain. A loop costs Postfix 1,000 look-ups and the mail is never
accepted, so none may be stored.
"""

from django.apps import apps
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from domains.addresses import display_address, split_address, without_extension
from domains.models import AliasDomain, Domain

MAX_EXPANSION = 1_000  # Postfix: virtual_alias_expansion_limit
MAX_DEPTH = 50
# A loop through a changed row is found from its address; those above it are only looked at for
# too deep nests, and a domain may be the target of 100,000 aliases.
MAX_ABOVE = 100
# What sends every name of a domain on as itself (an alias domain, a catch-all to @example.org) may
# close another loop for each name: these are found from the aliases that lead in.
MAX_LEADING_IN = 5_000


def next_hops(addresses):
    """Return ``{address: [targets]}``; an address where mail stays or leaves has no targets.

    At most three statements whatever the number of addresses. Domains count as active: what is
    switched on again must not loop either.
    """
    Alias = apps.get_model("aliases", "Alias")
    domains = {split_address(address)[1] for address in addresses}
    links = dict(
        AliasDomain.objects.filter(pk__in=domains, active=True).values_list(
            "pk", "target_domain_id"
        )
    )
    keys = {address: _keys(address, links) for address in addresses}
    wanted = {key for candidates in keys.values() for key in candidates}
    rows = {
        alias.address: [target.lower() for target in alias.targets]
        for alias in Alias.objects.filter(pk__in=wanted, active=True).only("address", "goto")
    }
    unanswered = {key for key in wanted if key not in rows and not key.startswith("@")}
    mailboxes = set()
    if unanswered and any(key.startswith("@") for key in rows):
        mailboxes = set(
            Domain.objects.filter(mailbox__pk__in=unanswered, mailbox__active=True).values_list(
                "mailbox__pk", flat=True
            )
        )
    answers = rows | dict.fromkeys(mailboxes, ())
    return {address: _targets(address, keys[address], answers) for address in addresses}


def _keys(address, links):
    local_part, domain = split_address(address)
    forms = [address] if not local_part else [address, without_extension(address)]
    keys = []
    for form in forms:
        keys.append(form)
        if domain in links:
            keys.append(f"{split_address(form)[0]}@{links[domain]}")
    if local_part:
        keys.append(f"@{domain}")
        if domain in links:
            keys.append(f"@{links[domain]}")
    return list(dict.fromkeys(keys))


def _targets(address, keys, answers):
    key = next((key for key in keys if key in answers), None)
    if key is None:
        return []
    local_part, domain = split_address(address)
    name, key_domain = split_address(key)
    if key_domain != domain:  # an alias domain: the same name in its target
        return [f"{local_part}@{key_domain}"]
    # Postfix adds an extension that the key lacks to each answer, and the name to "@domain".
    extension = local_part[len(name) :] if name else ""
    targets = []
    for target in answers[key]:
        if target.startswith("@"):
            target = f"{local_part}{target}"
        else:
            user, at, host = target.partition("@")
            target = f"{user}{extension}{at}{host}"
        targets.append(target)
    # What leads to itself is delivered there: Postfix stops.
    return [target for target in targets if target != address]


def all_hops(starts):
    """Return ``next_hops`` of ``starts`` and of everything they lead to, level by level.

    One walk for all starts; what lies beyond MAX_DEPTH or many times MAX_EXPANSION is left out.
    """
    hops, level = {}, list(dict.fromkeys(starts))
    for _level in range(MAX_DEPTH + 1):
        found = next_hops(level)
        hops.update(found)
        reached = (target for targets in found.values() for target in targets)
        level = [target for target in dict.fromkeys(reached) if target not in hops]
        if not level or len(hops) > 10 * MAX_EXPANSION:
            break
    return hops


def find_loop(start, hops=None):
    """Return the addresses of a loop (first and last alike) or of a too deep nest, or None.

    ``hops``: what is known of ``next_hops``, kept up to date for the next start.
    """
    hops = {} if hops is None else hops
    level, parents, depth = [start], {start: None}, 0
    while level:
        unknown = [address for address in level if address not in hops]
        if unknown:
            hops.update(next_hops(unknown))
        following = []
        for address in level:
            for target in hops[address]:
                if target not in parents:
                    parents[target] = address
                    following.append(target)
        depth += 1
        if following and (depth > MAX_DEPTH or len(parents) - 1 > MAX_EXPANSION):
            return _path(parents, following[-1])
        level = following
    return _cycle(start, hops) or _crowd(start, hops)


def addresses_above(addresses, bound=MAX_ABOVE):
    """Return the addresses from which mail reaches one of ``addresses``, nearest first.

    At most ``bound``, and three statements for each level. ``@example.org`` stands for
    every address of that domain.
    """
    AliasTarget = apps.get_model("aliases", "AliasTarget")
    found, level = dict.fromkeys(addresses), list(addresses)
    for _level in range(MAX_DEPTH + 1):
        parts = [split_address(without_extension(address)) for address in level]
        sources = {}
        domains = {domain for _name, domain in parts}
        links = AliasDomain.objects.filter(target_domain__in=domains, active=True)
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


def _path(parents, address):
    path = [address]
    while parents[path[-1]] is not None:
        path.append(parents[path[-1]])
    return path[::-1]


def _cycle(start, hops):
    """Walk depth first; an address met again on the way down closes a loop."""
    finished, path = set(), [start]
    stack = [iter(hops[start])]
    while stack:
        target = next(stack[-1], None)
        if target is None:
            stack.pop()
            finished.add(path.pop())
        elif target in path:
            return [*path[path.index(target) :], target]
        elif target not in finished:
            path.append(target)
            stack.append(iter(hops[target]))
    return None


def _crowd(start, hops):
    """Return the way to where most copies end, if there are more than Postfix expands.

    It counts an address once for each way that leads there.
    """
    copies = {}

    def count(address):
        if address not in copies:
            copies[address] = sum(map(count, hops[address])) or 1
        return copies[address]

    if count(start) <= MAX_EXPANSION:
        return None
    path = [start]
    while hops[path[-1]]:
        path.append(max(hops[path[-1]], key=count))
    return path


def refuse_loops(actor, addresses, field=None, bound=MAX_ABOVE):
    """Raise ValidationError (``loop``), with the path shown, if a change lets mail go on for ever.

    ``addresses`` are those whose answer has changed; the ones that lead to them are looked at
    too, at most ``bound``. Call it behind the change, in its transaction, under ``RoutingLock``.
    On the path ``actor`` (None: the command line) reads no address of a domain that they do not
    see, but what they wrote themselves.
    """
    starts = [*addresses, *addresses_above(addresses, bound)]
    hops = all_hops(starts)
    if not _lead_on(addresses, starts, hops):
        return
    for start in starts:
        path = find_loop(start, hops)
        if path is None:
            continue
        shown = path if len(path) <= 12 else [*path[:6], "…", *path[-5:]]
        if path[0] == path[-1]:
            message = _("This would send mail round in circles: %(path)s.")
        else:
            message = _("This leads on through too many aliases: %(path)s.")
        written = {target for address in addresses for target in hops.get(address, ())}
        names = _in_sight(actor, shown, written.union(addresses))
        error = ValidationError(message, "loop", {"path": " → ".join(names)})
        raise ValidationError({field: error}) if field else error


def _lead_on(addresses, starts, hops):
    """Say whether mail goes on from an address whose answer has changed: else no way is new.

    So a loop that another program stored does not stop what ends beside it.
    """
    names = {split_address(without_extension(address))[0] for address in addresses}
    changed = (s for s in starts if split_address(without_extension(s))[0] in names)
    return "" in names or any(hops[start] for start in changed)


def _in_sight(actor, path, own):
    """The addresses of ``path`` as ``actor`` may read them; ``own`` are named in any case."""
    hidden = set()
    if actor is not None:
        domains = {address: split_address(address)[1] for address in path if "@" in address}
        seen = Domain.objects.visible_to(actor).in_bulk(set(domains.values()))
        hidden = {address for address in domains if domains[address] not in seen} - own
    return [_("another address") if key in hidden else display_address(key) for key in path]

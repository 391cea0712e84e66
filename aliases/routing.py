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
        alias.address: alias.targets
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
    return {address: _targets(address, keys[address], rows, mailboxes) for address in addresses}


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


def _targets(address, keys, rows, mailboxes):
    for key in keys:
        if key in mailboxes:
            return []
        if key in rows:
            # A row that names its own key delivers there: Postfix stops at that target.
            return [target for target in rows[key] if target not in (key, address)]
    return []


def find_loop(start):
    """Return the addresses of a loop (first and last alike) or of a too deep nest, or None."""
    hops, level, parents, depth = {}, [start], {start: None}, 0
    while level:
        found = next_hops(level)
        hops.update(found)
        following = []
        for address in level:
            for target in found[address]:
                if target not in parents:
                    parents[target] = address
                    following.append(target)
        depth += 1
        if depth > MAX_DEPTH or len(parents) > MAX_EXPANSION:
            return _path(parents, following[-1])
        level = following
    return _cycle(start, hops)


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


def refuse_loops(starts, field=None):
    """Raise ValidationError (``loop``) with the path shown if mail to one of ``starts`` never ends."""
    for start in starts:
        path = find_loop(start)
        if path is None:
            continue
        shown = path if len(path) <= 12 else [*path[:6], "…", *path[-5:]]
        if path[0] == path[-1]:
            message = _("This would send mail round in circles: %(path)s.")
        else:
            message = _("This leads on through too many aliases: %(path)s.")
        error = ValidationError(
            message, "loop", {"path": " → ".join(display_address(address) for address in shown)}
        )
        raise ValidationError({field: error}) if field else error

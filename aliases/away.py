"""Away messages of PostfixAdmin: while one is on, the address of its vacation program is a target of the mailbox's self-alias.

For ann@example.org it is ann#example.org@ and a domain of its own, which Postfix hands to the program. Nobody types or reads it here.
"""


def answers(address, target):
    return target.lower().startswith(f"{address.replace('@', '#')}@")


def away_targets(address, targets):
    """Those of ``targets``, of the self-alias ``address``, that are the program's; none where nobody else would get the mail."""
    found = [target for target in targets if answers(address, target)]
    return found if len(found) < len(targets) else []


def without_away(address, targets):
    away = away_targets(address, targets)
    return [target for target in targets if target not in away]


def with_own(address, targets):
    """``targets`` of a self-alias, with the mailbox itself where nobody else but the program is left."""
    alone = all(answers(address, target) for target in targets)
    return [address, *targets] if alone else targets

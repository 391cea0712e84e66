"""Random set-ups beside each other in one database, and who writes to whom in each.

Each has domains of its own, so Postfix, which remembers for a while where an address led, is asked about each as if it were the only one.
"""

import random
from dataclasses import dataclass, field

from accounts.passwords import hash_password
from aliases.models import Alias
from domains.models import AliasDomain, Copy, Domain, RelayHost, SenderRule
from mailboxes.models import Mailbox
from panel.addresses import split_address
from tests.contract.world import PASSWORD

OUTSIDE = ["x@elsewhere.test", "y@other-server.test"]
LOGIN = "post@login.example"  # who may send as nobody else


@dataclass
class Rows:
    domains: list = field(default_factory=list)
    links: list = field(default_factory=list)
    mailboxes: list = field(default_factory=list)
    aliases: dict = field(default_factory=dict)
    copies: dict = field(default_factory=dict)
    rules: list = field(default_factory=list)
    relays: list = field(default_factory=list)

    def store(self):
        Domain.objects.bulk_create(self.domains)
        AliasDomain.objects.bulk_create(self.links)
        Alias.objects.bulk_create(self.aliases.values())
        Mailbox.objects.bulk_create(self.mailboxes)
        Copy.objects.bulk_create(self.copies.values())
        SenderRule.objects.bulk_create(self.rules)
        RelayHost.objects.bulk_create(self.relays)


def set_ups(number, each, outside_port):
    """(Rows, [(sender, recipient)]) of ``number`` set-ups with ``each`` letters; the next servers listen on ``outside_port``."""
    rows, letters, password = Rows(), [], hash_password(PASSWORD)
    rows.domains.append(Domain(pk="login.example"))
    rows.mailboxes.append(_mailbox(LOGIN, password))
    for place in range(number):
        chance = random.Random(place)
        letters += _set_up(rows, chance, place, each, outside_port, password)
    return rows, letters


def _mailbox(address, password, **fields):
    local_part, domain = split_address(address)
    home = {"local_part": local_part, "domain_id": domain, "maildir": f"{domain}/{local_part}/"}
    return Mailbox(username=address, password=password, **home, **fields)


def _set_up(rows, chance, place, each, port, password):
    names = [f"{letter}{place}.example" for letter in "abc"]
    next_servers = [
        f"smtp:[127.0.0.1]:{port}",
        f"relay:[127.0.0.1]:{port}",
        "error:closed",
        "discard:",
    ]
    gateway = chance.choice([None, None, None, *names[:2]])
    for name in names:
        handed_on = name == gateway
        backup = chance.random() < 0.1
        rows.domains.append(
            Domain(
                pk=name,
                active=chance.random() < 0.92,
                backupmx=backup,
                verify_recipients=backup and chance.random() < 0.2,
                transport=chance.choice(next_servers) if handed_on else "virtual",
            )
        )
    own = [f"{name}@{domain}" for name in ("joe", "ann", "o'b&c") for domain in names]
    tagged = [f"joe+tag@{domain}" for domain in names]
    pool = [
        *own,
        *OUTSIDE,
        *tagged,
        *(f"{name}@{domain}" for name in ("zoe", "ann+news") for domain in names),
    ]
    boxes = chance.sample(own, chance.randrange(1, 6))

    def on():
        return chance.random() < 0.85

    def alias(address, *targets):
        row = Alias(
            address=address,
            goto=",".join(targets),
            domain_id=split_address(address)[1],
            active=on(),
        )
        rows.aliases[address] = row

    for address in boxes:
        fields = {"active": on(), "smtp_active": on()}
        rows.mailboxes.append(_mailbox(address, password, **fields))
        goes_to = chance.choice(
            [[address]] * 4 + [[address, chance.choice(pool)], [chance.choice(pool)]]
        )
        if chance.random() < 0.95:
            alias(address, *dict.fromkeys(goes_to))
    free = [address for address in [*own, *tagged] if address not in boxes]
    for address in chance.sample(free, chance.randrange(5)):
        targets = [
            chance.choice([*boxes, *boxes, *pool]) for _number in range(chance.choice([1, 1, 2, 3]))
        ]
        alias(address, *dict.fromkeys(targets))
    for name in chance.sample(names, chance.choice([0, 1, 1])):
        alias(
            f"@{name}",
            *chance.choice(
                [
                    [chance.choice(pool)],
                    ["@elsewhere.test"],
                    [chance.choice(boxes)],
                    [f"@{names[0]}"],
                ]
            ),
        )
    if chance.random() < 0.5:
        source, target = chance.sample(names, 2)
        rows.links.append(AliasDomain(alias_domain_id=source, target_domain_id=target, active=on()))
    for direction in ("to", "to", "from"):
        if chance.random() < 0.3:
            address = chance.choice([*own, *(f"@{name}" for name in names)])
            copy = Copy(
                domain=split_address(address)[1],
                direction=direction,
                address=address,
                goto=chance.choice([*boxes, *OUTSIDE]),
            )
            rows.copies[address, direction] = copy
    for name in names:
        if chance.random() < 0.2:
            rows.relays.append(RelayHost(domain=name, next_hop=f"[127.0.0.1]:{port}"))
    bad = f"bad{place}.test"
    rows.rules.append(
        SenderRule(sender=bad, action=chance.choice(["REJECT", "DEFER"]), text="not from there")
    )
    rows.rules.append(SenderRule(sender=f"friend@{bad}", action="OK"))
    strangers = [
        f"x@s{place}.test",
        f"x@s{place}.test",
        "",
        f"x@{bad}",
        f"x@sub.{bad}",
        f"friend@{bad}",
        f"friend+tag@{bad}",
    ]
    senders = [
        *strangers,
        *strangers,
        *boxes,
        *boxes,
        *own[:3],
        f"{boxes[0].replace('@', '+tag@')}",
    ]
    asked = [
        *own,
        *own,
        *tagged,
        *boxes,
        *pool,
        *(f"nobody+x@{name}" for name in names),
        *(f"postmaster@{name}" for name in names),
    ]
    asked += [f"x%elsewhere.test@{names[0]}"]
    return [(chance.choice(senders), address) for address in chance.sample(asked, each)]

from itertools import count

from aliases.models import Alias
from aliases.services import create_alias
from domains.models import Domain
from domains.services import create_alias_domain, create_domain
from mailboxes.models import Mailbox
from mailboxes.services import create_mailbox

PASSWORD = "tangerine-7-bicycle"
fresh = count()
# Postfix reads eve@off.example in each of these targets.
NAMING_EVE = [
    "Eve <eve@off.example>",
    "<eve@off.example>",
    '"Eve" <eve@off.example>',
    '"eve"@off.example',
    "eve @ off.example",
    "eve@off.example (at home)",
    "eve@off.example (eve@home.example)",
    "(at home) eve@off.example",
    "eve@off.example.",
    "Eve <eve@off.example.>",
    "EVE <Eve@off.example>",
    "<@relay.example:eve@off.example>",
    "eve: eve@off.example;",
    "Eve <eve+home@off.example>",
    "eve%off.example",
    "off.example!eve",
]
# And in each of these both eve@off.example and ann@example.org: no comma needed.
NAMING_BOTH = [
    "eve@off.example ann@example.org",
    "eve@off.example\nann@example.org",
    "ann@example.org\r\n\r\neve@off.example\r\n",
    "eve@off.example;ann@example.org",
    "ann@example.org; Eve <eve@off.example>",
    "Eve <eve@off.example> ann@example.org",
    '"eve"@off.example\tann@example.org',
    "(at home) eve@off.example ann@example.org",
]


def numbers(last):
    return f"JSON_TABLE('{[*range(1, last + 1)]}', '$[*]' COLUMNS (seq INT PATH '$')) AS numbers"


class World:
    """Creates by address; what is written behind the panel's back goes through ``raw``."""

    def domain(self, name, **fields):
        unlimited = {"aliases": 0, "mailboxes": 0, "maxquota": 0, "quota": 0}
        return create_domain(actor=None, name=name, **unlimited | fields)

    def mailbox(self, address, **fields):
        local_part, _at, domain = address.rpartition("@")
        return create_mailbox(
            actor=None,
            domain=Domain.objects.get(pk=domain),
            local_part=local_part,
            password=fields.pop("password", PASSWORD),
            **fields,
        )

    def alias(self, address, *targets, **fields):
        local_part, _at, domain = address.rpartition("@")
        return create_alias(
            actor=None,
            domain=Domain.objects.get(pk=domain),
            local_part=local_part,
            targets=targets,
            **fields,
        )

    def alias_domain(self, source, target, **fields):
        source, target = Domain.objects.get(pk=source), Domain.objects.get(pk=target)
        return create_alias_domain(actor=None, alias_domain=source, target_domain=target, **fields)

    def raw(self, model, address, **fields):
        """Change columns of a row as another program would, with none of the services' rules."""
        changed = (
            {"alias": Alias, "mailbox": Mailbox, "domain": Domain}[model]
            .objects.filter(pk=address)
            .update(**fields)
        )
        assert changed == 1


def stranger():
    """A sender Postfix has never heard of, so that nothing is answered from memory."""
    return f"joe{next(fresh)}@outside{next(fresh)}.test"

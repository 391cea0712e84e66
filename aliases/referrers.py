from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Concat

from aliases.models import Alias, AliasTarget
from domains.models import AliasDomain
from mailboxes.models import Mailbox
from panel.addresses import split_address
from panel.fields import KeyField
from panel.prepared import prepared


def referrers_of(addresses):
    targets = AliasTarget.objects.referring_to(with_alias_domain_names(addresses))
    return set(targets.values_list("alias", flat=True))


def with_alias_domain_names(addresses):
    """``addresses`` and, in one statement, their names in alias domains.

    A name with a mailbox or an alias of its own there, even an inactive one, is left out. A catch-all has no other
    name: nobody asks an alias domain for it.
    """
    asked = []
    for address in addresses:
        local_part, domain = split_address(address)
        asked += [f"{local_part}@", domain] if local_part else []
    return [*addresses, *_names_in_alias_domains(*asked)] if asked else [*addresses]


@prepared
def _names_in_alias_domains(*asked):
    names = [
        _names_that_lead_to(local_part, domain)
        for local_part, domain in zip(asked[::2], asked[1::2], strict=True)
    ]
    return AliasDomain.objects.none().union(*names, all=True)


def _names_that_lead_to(local_part, domain):
    name = Concat(Value(local_part), "pk", output_field=KeyField())
    links = AliasDomain.objects.filter(target_domain=domain, active=True).annotate(name=name)
    alias = Alias.objects.filter(pk=OuterRef("name"))
    mailbox = Mailbox.objects.filter(pk=OuterRef("name"))
    return links.exclude(Exists(alias) | Exists(mailbox)).values_list("name", flat=True)

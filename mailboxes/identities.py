"""The addresses that a mailbox may send as: what deploy/postfix/sender_login.cf answers, asked from the other side."""

import re
from itertools import islice

from django.db.models import Exists, OuterRef, Q

from aliases.models import Alias, AliasTarget
from domains.models import AliasDomain
from mailboxes.models import Mailbox, SendAs
from panel.addresses import split_address

MOST = 200  # more than anybody chooses from


def identities_of(mailbox):
    """The mailbox's own address, then others in order, MOST at most; none if it may not send. Read with its domain."""
    if not (mailbox.active and mailbox.smtp_active and mailbox.domain.active):
        return []
    others = {*_aliases_to(mailbox), *_granted(mailbox)} - {mailbox.pk}
    names = sorted({*others, *_other_names([mailbox.pk, *sorted(others)])})
    return list(islice([mailbox.pk, *names], MOST))


def _granted(mailbox):
    """Addresses by the table send_as; a whole domain is not listed name by name."""
    rows = SendAs.objects.filter(username=mailbox.pk).exclude(sender__startswith="@")
    names = list(rows.order_by("sender").values_list("sender", flat=True)[:MOST])
    on = Q(active=True, domain__active=True)
    boxes = dict(Mailbox.objects.filter(pk__in=names).values_list("pk", "active"))
    found = set(Mailbox.objects.filter(on, pk__in=names).values_list("pk", flat=True))
    aliases = Alias.objects.filter(on, pk__in=[name for name in names if name not in boxes])
    return found | set(aliases.values_list("pk", flat=True))


def _aliases_to(mailbox):
    named = AliasTarget.objects.filter(bare=mailbox.pk).values("alias")
    rows = Alias.objects.filter(pk__in=named, active=True, domain__active=True)
    # Nobody may send as every name of a catch-all; and the mailbox answers where there is one.
    rows = rows.exclude(pk__startswith="@").exclude(
        Exists(Mailbox.objects.filter(pk=OuterRef("pk")))
    )
    found = rows.order_by("pk").values_list("pk", "goto")
    # Postfix compares the names between commas and blanks as they are.
    return [
        pk for pk, goto in found[: 2 * MOST] if mailbox.pk in re.split(r"[\s,]+", goto.lower())
    ][:MOST]


def _other_names(addresses):
    parts = [split_address(address) for address in addresses]
    links = AliasDomain.objects.filter(
        target_domain__in={domain for _name, domain in parts},
        target_domain__active=True,
        alias_domain__active=True,
        active=True,
    ).values_list("target_domain", "alias_domain")
    others = {}
    for target, name in links.order_by("pk")[:MOST]:
        others.setdefault(target, []).append(name)
    names = [f"{name}@{other}" for name, domain in parts for other in others.get(domain, [])]
    names = names[: 2 * MOST]
    taken = {
        *Mailbox.objects.filter(pk__in=names).values_list("pk", flat=True),
        *Alias.objects.filter(pk__in=names, active=True).values_list("pk", flat=True),
    }
    return [name for name in names if name not in taken]

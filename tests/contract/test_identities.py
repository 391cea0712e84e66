import re

import pytest

from aliases.models import Alias
from domains.models import AliasDomain
from mailboxes.identities import identities_of
from mailboxes.models import Mailbox
from mailboxes.services import update_mailbox
from panel.addresses import split_address
from tests.contract.tables import BLANK, fill


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    fill(empty_world)
    mute = empty_world.mailbox("mute@example.org")
    empty_world.alias("mute-too@example.org", mute.pk)
    update_mailbox(actor=None, mailbox=mute, smtp_active=False)
    return empty_world


def names():
    mailboxes = {*Mailbox.objects.values_list("pk", flat=True)}
    aliases = {*Alias.objects.values_list("pk", flat=True)}
    # The answer of an alias that leads nowhere is empty: postmap only complains of it.
    found = mailboxes | {alias for alias in aliases if split_address(alias)[0] not in BLANK}
    for link in AliasDomain.objects.all():
        for name, domain in map(split_address, tuple(found)):
            if domain == link.target_domain_id:
                found.add(f"{name}@{link.pk}")
    return sorted(found)


def test_a_mailbox_is_offered_each_address_that_postfix_lets_it_send_as(postfix):
    allowed = {}
    for address in names():
        for login in re.split(r"[,\s]+", postfix.lookup("sender_login", address) or ""):
            allowed.setdefault(login, set()).add(address)
    may_send = Mailbox.objects.filter(active=True, smtp_active=True, domain__active=True)

    for mailbox in may_send.select_related("domain"):
        assert set(identities_of(mailbox)) == allowed[mailbox.pk], mailbox.pk
    for mailbox in Mailbox.objects.exclude(pk__in=may_send.values("pk")).select_related("domain"):
        assert identities_of(mailbox) == []

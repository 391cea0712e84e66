from io import StringIO

import pytest
from django.core.management import call_command

from aliases.models import Alias
from domains.copies import FROM, TO
from domains.models import Copy
from mailadmin.mailconf import forwards_elsewhere
from mailboxes.forwarding import set_forwarding


@pytest.fixture
def domain(add_domain):
    add_domain("example.net")
    return add_domain("example.org")


@pytest.mark.parametrize(
    ("targets", "leaves"),
    [
        ([], False),
        (["ann@example.net", "ben@example.org"], False),
        (["ann@example.net", "ann@outside.test"], True),
        # Its own domain's name is the whole name.
        (["ann@sub.example.org"], True),
    ],
)
def test_by_an_alias(domain, add_alias, targets, leaves):
    if targets:
        add_alias("all@example.org", *targets)

    assert forwards_elsewhere() is leaves


def test_by_the_forwarding_of_a_mailbox(domain, add_mailbox):
    mailbox = add_mailbox("ann@example.org")
    stays = forwards_elsewhere()
    set_forwarding(actor=None, mailbox=mailbox, targets=["ann@outside.test"], keep_copy=True)

    assert (stays, forwards_elsewhere()) == (False, True)


@pytest.mark.parametrize(
    ("target", "leaves"),
    [
        ("ann_lee#example.org@autoreply.example.com", False),
        # Not hers, so no message of hers.
        ("annalee#example.org@autoreply.example.com", True),
    ],
)
def test_not_by_an_away_message_of_postfixadmin(target, leaves, domain, add_mailbox):
    add_mailbox("ann_lee@example.org")
    goto = f"ann_lee@example.org,{target}"
    Alias.objects.filter(pk="ann_lee@example.org").update(goto=goto)

    assert forwards_elsewhere() is leaves


def test_by_a_forwarding_beside_an_away_message(domain, add_mailbox):
    goto = "ann#example.org@autoreply.example.com,ann@outside.test"
    add_mailbox("ann@example.org")
    Alias.objects.filter(pk="ann@example.org").update(goto=goto)

    assert forwards_elsewhere() is True


@pytest.mark.parametrize(
    ("direction", "goto", "leaves"),
    [
        (TO, "ann@example.net", False),
        (TO, "ann@outside.test", True),
        # What people here send keeps its sender anyway.
        (FROM, "ann@outside.test", False),
    ],
)
def test_by_a_copy(domain, direction, goto, leaves):
    Copy.objects.create(
        domain="example.org", direction=direction, address="@example.org", goto=goto
    )

    assert forwards_elsewhere() is leaves


@pytest.mark.parametrize(
    ("srs", "target", "said"),
    [
        (None, "ann@outside.test", True),
        (None, "ben@example.org", False),
        (True, "ann@outside.test", False),
        (False, "ann@outside.test", False),
    ],
)
def test_the_daily_check_says_that_senders_are_not_rewritten_unless_somebody_decided(
    srs, target, said, domain, add_alias, settings
):
    settings.SRS = srs
    add_alias("all@example.org", target)
    warnings = StringIO()
    call_command("check", "--database", "default", stderr=warnings, stdout=StringIO())

    assert ("mailadmin.W009" in warnings.getvalue()) is said

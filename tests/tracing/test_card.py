"""The search's answer and the trace say the same of every kind of address."""

import pytest

from aliases import answers
from aliases.answers import because
from aliases.effects import MAILBOX
from aliases.models import Alias
from domains.copies import TO
from domains.models import Copy, Domain
from domains.services import create_alias_domain
from mailadmin.tracing import postfix as p
from mailadmin.tracing.trace import card_of, trace
from mailadmin.tracing.words import lines

COPIED = "boss@elsewhere.example"
SAYS = {  # of the card: what the trace may find at RCPT TO
    answers.ACCEPTED: {p.TAKEN},
    answers.PASSED_ON: {p.TAKEN, p.ASKED},
    answers.REFUSED: {p.REFUSED},
    answers.OFF: {p.REFUSED},
    answers.ELSEWHERE: {p.REFUSED, p.UNTOLD},
}
ADDRESSES = {
    "joe@example.org": answers.ACCEPTED,
    "joe+news@example.org": answers.ACCEPTED,
    "sales@example.org": answers.ACCEPTED,
    "away@example.org": answers.REFUSED,
    "zoe@example.org": answers.REFUSED,
    "joe@alias.example": answers.ACCEPTED,
    "zoe@alias.example": answers.REFUSED,
    "any@catch.example": answers.ACCEPTED,
    "any@backup.example": answers.PASSED_ON,
    "any@careful.example": answers.PASSED_ON,
    "joe@off.example": answers.OFF,
    "joe@outside.example": answers.ELSEWHERE,
}


@pytest.fixture
def site(joe, add_domain, add_mailbox, add_alias):
    target = Domain.objects.get(pk="example.org")
    create_alias_domain(actor=None, alias_domain=add_domain("alias.example"), target_domain=target)
    add_domain("catch.example")
    add_domain("backup.example", backupmx=True)
    add_domain("careful.example", backupmx=True, verify_recipients=True)
    add_domain("off.example")
    add_mailbox("joe@off.example")
    Domain.objects.filter(pk="off.example").update(active=False)
    add_alias("sales@example.org", "joe@example.org", "x@outside.example")
    add_alias("@catch.example", "joe@example.org")
    add_alias("away@example.org", "joe@example.org")
    Alias.objects.filter(pk="away@example.org").update(active=False)
    for address in ("joe@example.org", "@catch.example", "@backup.example", "@off.example"):
        domain = address.partition("@")[2]
        Copy.objects.create(domain=domain, direction=TO, address=address, goto=COPIED)


@pytest.fixture(params=["superadmin", "administrator"])
def actor(request, site, make_admin):
    if request.param == "superadmin":
        return make_admin("root@panel.example", superadmin=True)
    names = Domain.objects.values_list("pk", flat=True)
    return make_admin("it@panel.example", domains=[*names])


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_the_card_says_the_trace_says_too(address, actor):
    card, found = card_of(actor, address), trace(actor, address)

    assert card.kind == ADDRESSES[address]
    assert found.reply.state in SAYS[card.kind]
    told = {line.text for line in lines(found)}
    if (
        card.kind == answers.PASSED_ON
    ):  # the trace says that it is another server's, not that it is in no row
        told.add("No mailbox or alias has this name.")
    because_of = [] if card.kind == answers.ELSEWHERE else because(card)
    assert {one.text for one in because_of if not one.is_verdict} <= told
    shown = {one.key for one in card.targets if one.kind == MAILBOX and not one.undeliverable}
    assert shown == {end.by for end in found.ends if end.kind == p.BOX}


@pytest.mark.parametrize(
    ("address", "copy"),
    [
        ("joe@example.org", COPIED),
        ("joe+news@example.org", COPIED),
        ("sales@example.org", ""),
        ("any@catch.example", COPIED),
        ("any@backup.example", COPIED),
        ("joe@off.example", ""),
        ("zoe@example.org", ""),
    ],
)
def test_who_gets_a_copy_is_asked_of_the_shipped_map(address, copy, actor):
    assert card_of(actor, address).copy == copy


def test_a_copy_goes_to_no_mailbox_that_is_off(actor, add_mailbox):
    add_mailbox("archive@example.org", active=False)
    Copy.objects.filter(address="joe@example.org").update(goto="archive@example.org")

    assert card_of(actor, "joe@example.org").copy == ""


def test_the_card_costs_five_statements(actor, django_assert_num_queries):
    assert actor.is_superadmin or actor.domain_names  # read once for a page
    with django_assert_num_queries(5):
        card_of(actor, "joe+news@example.org")

import pytest
from django.urls import reverse

from aliases.answers import (
    ACCEPTED,
    ELSEWHERE,
    OFF,
    ONLY_SENDS,
    PASSED_ON,
    REFUSED,
    address_in,
    answer,
    because,
)
from aliases.models import Alias
from domains.models import Domain
from domains.services import create_alias_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.services import set_mailbox_active, update_mailbox
from tests.pages.reading import links, text


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        (" Ann@Example.ORG ", "ann@example.org"),
        ("Ann Lee <ann@example.org>", "ann@example.org"),
        ("ann@müller.example", "ann@xn--mller-kva.example"),
        ("@example.org", "@example.org"),
        ("ann@", ""),
        ("ann", ""),
        ("a b@example.org", ""),
        ("a@b@example.org", ""),
        ("ann@example.org, bob@example.org", ""),
    ],
)
def test_an_address_is_read_as_people_write_it(typed, address):
    assert address_in(typed) == address


@pytest.fixture
def card(sign_in, make_admin):
    """``card(address)``: the words of the answer that a superadmin reads."""
    client = sign_in(make_admin(superadmin=True))

    def read(address):
        page = client.get(reverse("search"), {"q": address})
        read.links = links(page)
        return text(page).partition("There is an answer for this address. ")[2]

    return read


def test_a_mailbox(card, example_org, add_mailbox):
    add_mailbox("ann@example.org", quota=100)

    assert card("ann@example.org").startswith("ann@example.org Mail goes to ann@example.org")
    assert reverse("mailbox", args=["ann@example.org"]) in card.links


def test_a_forwarding_with_and_without_a_copy(card, example_org, add_mailbox):
    ann = add_mailbox("ann@example.org")
    set_forwarding(actor=None, mailbox=ann, targets=["a@elsewhere.example"], keep_copy=False)
    assert "The mailbox ann@example.org forwards its mail. Open Mail goes to a@elsewhere.example another server" in card("ann@example.org")  # fmt: skip

    set_forwarding(actor=None, mailbox=ann, targets=["a@elsewhere.example"], keep_copy=True)
    assert "The mailbox ann@example.org forwards its mail and keeps a copy." in card("ann@example.org")  # fmt: skip


def test_an_alias_and_what_is_left_out_of_it(card, example_org, add_mailbox, add_alias):
    add_mailbox("ann@example.org")
    add_alias("sales@example.org", "ann@example.org", "gone@example.org")

    said = card("sales@example.org")

    assert "There is an alias sales@example.org. Open Mail goes to ann@example.org" in said
    assert "gone@example.org takes no mail, left out" in said
    assert "Create" not in said


def test_a_tag_a_catch_all_and_what_could_be_created_instead(
    card, example_org, add_mailbox, add_alias
):
    add_mailbox("ann@example.org")
    assert "“+x” is a tag" in card("ann+x@example.org")

    add_alias("@example.org", "ann@example.org")
    said = card("info@example.org")

    assert "No mailbox or alias has this name. The catch-all of example.org takes" in said
    assert "Mail goes to ann@example.org" in said
    new = reverse("domain-new-address", args=["example.org"])
    kinds = ("mailbox", "alias")
    assert {f"{new}?kind={kind}&local_part=info" for kind in kinds} <= set(card.links)


def test_an_alias_domain(card, example_org, other_net, add_mailbox):
    add_mailbox("ann@other.net")
    create_alias_domain(actor=None, alias_domain=example_org, target_domain=other_net)

    said = card("ann@example.org")

    assert "example.org is an alias domain of other.net: the same name there counts." in said
    assert "Mail goes to ann@other.net" in said


def test_what_is_refused_says_why(card, example_org, add_mailbox, add_alias):
    off = add_mailbox("off@example.org")
    set_mailbox_active(actor=None, mailbox=off, active=False)
    add_alias("to-off@example.org", "off@example.org")
    add_alias("one@example.org", "x@elsewhere.example")
    add_alias("two@example.org", "one@example.org")
    Alias.objects.filter(pk="one@example.org").update(goto="two@example.org")

    assert "The mailbox off@example.org is off. Open Mail is refused." in card("off@example.org")  # fmt: skip
    assert "leads to nobody who takes mail. Open Mail is refused." in card("to-off@example.org")
    assert "leads back to itself: one@example.org → two@example.org → one@example.org. Open Mail is refused." in card("one@example.org")  # fmt: skip
    assert "No mailbox or alias has this name. Mail is refused." in card("zoe@example.org")
    assert "Create mailbox zoe" in card("zoe@example.org")


def test_domains_that_take_no_mail_here(card, add_domain):
    add_domain("off.example")
    Domain.objects.filter(pk="off.example").update(active=False)
    add_domain("backup.example", backupmx=True)

    assert "off.example is off: mail for its addresses is refused." in card("a@off.example")
    assert "This server is a backup MX of backup.example" in card("a@backup.example")
    assert "elsewhere.example is not a domain of this server." in card("a@elsewhere.example")


def test_kinds(example_org, add_domain, add_mailbox):
    add_mailbox("ann@example.org")
    add_domain("backup.example", backupmx=True)
    add_domain("off.example")
    Domain.objects.filter(pk="off.example").update(active=False)

    kinds = {a: answer(None, a).kind for a in ("ann@example.org", "x@example.org", "a@backup.example", "a@off.example", "a@b.example")}  # fmt: skip

    assert list(kinds.values()) == [ACCEPTED, REFUSED, PASSED_ON, OFF, ELSEWHERE]


@pytest.fixture
def admin(make_admin, example_org):
    return make_admin("it@panel.example", domains=["example.org"])


@pytest.mark.parametrize("target", ["ann@other.net", "zoe@other.net"])
def test_whether_a_recipient_elsewhere_takes_mail_is_not_told(
    admin, example_org, other_net, add_mailbox, add_alias, target
):
    """Nor by a mailbox that gets its own mail because the forwarding leads to nobody."""
    add_mailbox("ann@other.net")
    add_alias("out@example.org", target)
    joe = add_mailbox("joe@example.org")
    set_forwarding(actor=None, mailbox=joe, targets=[target], keep_copy=False)

    for address in ("out@example.org", "joe@example.org", "out+x@example.org"):
        card = answer(admin, address)
        assert card.kind == ACCEPTED
        assert not [reason.text for reason in because(card) if "nobody" in reason.text]
        assert [(t.address, t.undeliverable) for t in card.targets] == [(target, False)]


def test_of_other_domains_an_administrator_is_told_nothing(
    admin, example_org, other_net, add_mailbox
):
    add_mailbox("ann@other.net")
    told = {answer(admin, a) for a in ("ann@other.net", "zoe@other.net")}

    assert {(card.kind, card.row, card.targets, card.may_create) for card in told} == {
        (ELSEWHERE, "", (), ())
    }
    assert answer(admin, "ann@nowhere.example").kind == ELSEWHERE


def test_who_is_in_the_target_of_an_alias_domain_is_not_told_to_whom_it_is_hidden(
    admin, example_org, other_net, add_mailbox, add_alias
):
    create_alias_domain(actor=None, alias_domain=example_org, target_domain=other_net)
    add_mailbox("ann@other.net")

    def told():
        cards = [answer(admin, f"{name}@example.org") for name in ("ann", "zoe")]
        return {(card.kind, card.hidden_domain, card.row) for card in cards}

    assert told() == {(ACCEPTED, "other.net", "")}
    add_alias("@example.org", "x@elsewhere.example")
    assert told() == {(ACCEPTED, "other.net", "@example.org")}


def test_where_a_target_in_another_domain_leads_is_not_told(
    admin, example_org, other_net, add_mailbox, add_alias
):
    add_mailbox("ann@other.net")
    add_alias("sales@example.org", "ann@other.net", "zoe@other.net")

    card = answer(admin, "sales@example.org")

    assert [(str(t), t.kind, t.undeliverable) for t in card.targets] == [
        ("ann@other.net", "external", False),
        ("zoe@other.net", "external", False),
    ]


def test_role_addresses_are_offered_only_to_whom_may_create_them(admin, example_org):
    Alias.objects.all().delete()

    assert answer(None, "postmaster@example.org").may_create == ("mailbox", "alias")
    assert "alias" not in answer(admin, "postmaster@example.org").may_create
    assert answer(admin, "a+b@example.org").may_create == ("alias",)
    assert answer(admin, "-@example.org").may_create == ()


def test_a_mailbox_that_only_sends_refuses_under_all_its_names(
    example_org, add_domain, add_mailbox, add_alias
):
    twin = add_domain("twin.example")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)
    mailbox = add_mailbox("robot@example.org")
    add_alias("@example.org", "robot@example.org")
    update_mailbox(actor=None, mailbox=mailbox, receives=False)

    for address in ("robot@example.org", "robot+x@example.org", "robot@twin.example"):
        card = answer(None, address)
        assert (card.kind, card.here, card.here_row) == (REFUSED, ONLY_SENDS, "robot@example.org")
    assert answer(None, "other@example.org").kind == ACCEPTED
    add_alias("robot@twin.example", "ann@elsewhere.example")
    assert answer(None, "robot@twin.example").kind == ACCEPTED


@pytest.mark.parametrize(
    ("access", "text", "here"),
    [("closed", "Gone fishing", "alias closed"), ("moved", "new@other.net", "alias moved")],
)
def test_an_alias_that_is_closed_or_has_moved_refuses_under_all_its_names(
    access, text, here, example_org, add_domain, add_alias
):
    twin = add_domain("twin.example")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)
    add_alias("@example.org", "ann@elsewhere.example")
    add_alias("sales@example.org", "ann@elsewhere.example", access=access, access_text=text)

    for address in ("sales@example.org", "sales+x@example.org", "sales@twin.example"):
        card = answer(None, address)
        assert (card.kind, card.here, card.here_row) == (REFUSED, here, "sales@example.org")
        assert card.access_text == text
    assert answer(None, "other@example.org").kind == ACCEPTED
    add_alias("sales+open@example.org", "ann@elsewhere.example")
    assert answer(None, "sales+open@example.org").kind == ACCEPTED


def test_who_may_write_to_an_alias_is_told_only_where_its_domain_is_seen(
    admin, example_org, add_domain, add_alias
):
    other = add_domain("hidden.example")
    create_alias_domain(actor=None, alias_domain=example_org, target_domain=other)
    add_alias("team@hidden.example", "ann@elsewhere.example", access="closed")

    assert answer(None, "team@example.org").kind == REFUSED
    assert answer(admin, "team@example.org").kind == ACCEPTED
    add_alias("list@example.org", "ann@elsewhere.example", access="internal")
    said = [reason.text for reason in because(answer(admin, "list@example.org"))]
    assert said == [
        "There is an alias list@example.org.",
        "It takes mail only from those who sign in here.",
    ]

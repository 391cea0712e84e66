import pytest

from domains.models import Copy, Domain, RelayHost
from domains.sender_services import set_domain_sender_rule
from domains.senders import REJECT
from domains.services import create_alias_domain
from mailadmin.tracing.trace import trace
from mailadmin.tracing.words import lines
from tests.tracing.telling import HERE, ends, said


@pytest.fixture
def admin(joe, other_net, make_admin):
    return make_admin("it@panel.example", domains=["example.org"])


def test_of_another_domain_an_administrator_is_told_nothing(admin, add_mailbox):
    add_mailbox("ann@other.net")

    for address in ("ann@other.net", "zoe@other.net", "a@elsewhere.example"):
        domain = address.partition("@")[2]
        assert said(address, actor=admin) == [f"{domain} is not one of your domains."]
        assert ends(address, actor=admin) == []


@pytest.mark.parametrize("target", ["ann@other.net", "zoe@other.net", "x@elsewhere.example"])
def test_what_an_alias_leads_to_outside_ones_domains_is_another_address(
    admin, add_mailbox, add_alias, target
):
    add_mailbox("ann@other.net")
    add_alias("out@example.org", target)
    add_alias("both@example.org", target, "joe@example.org")

    assert said("out@example.org", actor=admin) == [
        HERE,
        "There is an alias out@example.org.",
        f"out@example.org leads to {target}.",
        "Mail goes on to another address, of which you are told nothing.",
    ]
    assert ends("both@example.org", actor=admin) == [
        (target, "another address"),
        ("joe@example.org", "mailbox"),
    ]


def test_nothing_is_told_of_what_lies_behind_another_address(admin, add_mailbox, add_alias):
    add_alias("all@other.net", "joe@example.org", "secret@elsewhere.example")
    add_alias("out@example.org", "all@other.net")

    assert ends("out@example.org", actor=admin) == [("all@other.net", "another address")]


@pytest.mark.parametrize("name", ["ann", "zoe"])
def test_whether_a_name_exists_in_the_target_of_an_alias_domain_is_not_told(
    admin, add_mailbox, add_domain, make_admin, name
):
    add_mailbox("ann@other.net")
    source = add_domain("alias.example")
    create_alias_domain(
        actor=None, alias_domain=source, target_domain=Domain.objects.get(pk="other.net")
    )
    own = make_admin("own@panel.example", domains=["alias.example"])
    address = f"{name}@alias.example"

    assert ends(address, actor=own) == [(f"{name}@other.net", "another address")]
    assert said(address, actor=own)[-1].startswith("Mail goes on to another address")
    assert "Who signs in" not in said("x@elsewhere.example", address, own)[0]


def test_whoever_sees_not_all_is_not_told_what_the_maps_answer(admin, rules):
    found = trace(admin, "joe@example.org", "x@bad.example")

    assert [(line.map, line.page) for line in lines(found)] == [("", "")]


def test_copies_and_relay_hosts_of_another_domain_are_not_told(admin, add_mailbox):
    add_mailbox("ann@other.net")
    Copy.objects.create(domain="other.net", direction="from", address="@other.net", goto="ann@other.net")  # fmt: skip
    RelayHost.objects.create(domain="other.net", next_hop="[relay.example]")

    assert ends("joe@example.org", "ann@other.net", admin) == [("joe@example.org", "mailbox")]


def test_the_list_of_senders_of_another_domain_is_not_told(admin, joe, add_mailbox):
    add_mailbox("ann@other.net")
    other = Domain.objects.get(pk="other.net")
    set_domain_sender_rule(actor=None, domain=other, sender="joe@example.org", action=REJECT)

    told = said("ann@other.net", "joe@example.org", actor=admin)
    assert [text for text in told if "rule" in text] == []
    known = said("ann@other.net", "joe@example.org")
    assert known[0] == (
        "Without signing in, the sender joe@example.org is refused by a rule of other.net."
    )

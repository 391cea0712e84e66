from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import Phase, assume, given, settings

from accounts.models import LogEntry
from aliases.lookup import Lookup
from aliases.loops import all_hops, exceeds_expansion_limit, find_loop
from aliases.models import Alias, Ending
from aliases.services import create_alias, set_alias_active, update_alias
from domains import parting
from domains.models import AliasDomain, Copy, Domain
from domains.part_previews import preview
from domains.parting import answer_by_aliases, check_parting, part_alias_domain
from domains.services import (
    create_alias_domain,
    set_domain_active,
    update_alias_domain,
    update_domain,
)
from mailboxes.endings import end_due, set_ending, today
from mailboxes.forwarding import set_forwarding
from mailboxes.identities import identities_of
from mailboxes.models import Mailbox, SendAs
from mailboxes.send_as import let_send_as
from mailboxes.services import set_mailbox_active, update_mailbox
from tests.contract.test_nobody_is_bounced import RECIPIENTS, store, worlds
from tests.domains.ways import Ways, names, ways
from tests.refusals import refused

ANN, JOE, SALES = "ann@example.org", "joe@example.org", "sales@example.org"


@pytest.fixture
def twin(add_domain, example_org, add_mailbox, add_alias):
    domain = add_domain("twin.example")
    add_mailbox(ANN)
    add_mailbox(JOE)
    add_alias(SALES, ANN, JOE)
    return create_alias_domain(actor=None, alias_domain=domain, target_domain=example_org)


def own(**options):
    return part_alias_domain(actor=None, link=AliasDomain.objects.get(), **options)


def stored():
    rows = Alias.objects.filter(domain="twin.example").order_by("pk")
    return dict(rows.values_list("pk", "goto"))


def said(**options):
    link = AliasDomain.objects.get()
    return preview(check_parting(link=link, **options), **options)


# --- Mail goes on


def test_each_address_leads_to_the_same_name_and_it_is_no_alias_domain(twin):
    domain = own()

    assert domain == Domain.objects.get(pk="twin.example")
    assert AliasDomain.objects.count() == 0
    assert stored() == {
        "ann@twin.example": ANN,
        "joe@twin.example": JOE,
        "sales@twin.example": SALES,
    }


def test_mail_ends_where_it_ended_and_the_same_people_may_write(
    twin, add_mailbox, add_alias, other_net
):
    add_mailbox("eve@other.net")
    add_mailbox("robot@example.org", receives=False)
    add_alias("list@example.org", ANN, SALES, access="members")
    add_alias("closed@example.org", ANN, access="closed", access_text="Write to joe")
    add_alias("moved@example.org", ANN, access="moved", access_text="eve@other.net")
    add_alias("inside@example.org", ANN, access="internal")
    add_alias("off@example.org", JOE, active=False)
    add_alias("@example.org", "eve@other.net")
    add_alias("far@other.net", "sales@twin.example", "nobody@twin.example")
    add_alias("here@twin.example", "eve@other.net")
    set_mailbox_active(actor=None, mailbox=Mailbox.objects.get(pk=JOE), active=False)
    set_forwarding(
        actor=None, mailbox=Mailbox.objects.get(pk=ANN), targets="eve@other.net", keep_copy=True
    )
    asked = names("twin.example", "example.org", "other.net")
    before = ways(asked)

    own()

    assert ways(asked) == before
    assert before["nobody@twin.example"] == ({"eve@other.net"}, None)
    assert before["robot@twin.example"][1] == "refuses"
    assert stored()["list@twin.example"] == f"{ANN},{SALES}"
    rows = Alias.objects.filter(access="members").values_list("pk", "access_list")
    assert dict(rows) == {"list@example.org": 1, "list@twin.example": 2}
    assert Alias.objects.get(pk="closed@twin.example").access_text == "Write to joe"


@settings(max_examples=60, derandomize=True, phases=[Phase.generate])
@given(world=worlds)
def test_mail_ends_where_it_ended_whatever_the_tables_hold(db, world):
    world["twins"] -= {"a.example", "b.example"}
    # As the panel has them: no chains. Twins lead to gateways.
    world["gateways"] -= {"b.example"}
    links = {a: to for a, to in world["links"].items() if a != "a.example" and to[0] != "b.example"}
    world["links"] = links | {"b.example": ("a.example", True)}
    with transaction.atomic():
        store(world)
        hops = all_hops(RECIPIENTS)
        loops = any(find_loop(a, hops) or exceeds_expansion_limit(a, hops) for a in RECIPIENTS)
        asked = Ways()
        before, done = {address: asked(address) for address in RECIPIENTS}, False
        try:
            part_alias_domain(actor=None, link=AliasDomain.objects.get(pk="b.example"))
            done = True
        except ValidationError:
            pass
        asked = Ways()
        after = {address: asked(address) for address in RECIPIENTS}
        transaction.set_rollback(True)
    assume(done and not loops)
    assert after == before


def test_a_catch_all_of_its_own_stays_and_takes_what_it_took(twin, add_alias):
    add_alias("@twin.example", JOE)
    add_alias("@example.org", ANN)

    own()

    assert stored()["@twin.example"] == JOE


def test_what_is_switched_off_there_does_not_answer_here_until_both_are_on(twin):
    set_alias_active(actor=None, alias=Alias.objects.get(pk=SALES), active=False)
    own()
    assert Lookup().match("sales@twin.example") is None
    assert Alias.objects.get(pk="sales@twin.example").active is False


def test_a_name_that_another_program_left_to_nobody_gets_no_alias(twin):
    Alias.objects.create(address="x@example.org", goto="x@example.org", domain_id="example.org")

    own()

    assert "x@twin.example" not in stored()


def test_what_is_its_own_stays(twin, add_mailbox):
    Copy.objects.create(domain="twin.example", direction="to", address="@twin.example", goto=ANN)
    add_mailbox("eve@twin.example")

    own()

    assert Copy.objects.get().address == "@twin.example"
    assert Mailbox.objects.filter(pk="eve@twin.example").exists()
    assert stored()["eve@twin.example"] == "eve@twin.example"


def test_off_as_an_alias_domain_it_answers_nothing_and_begins_empty(twin):
    update_alias_domain(actor=None, link=twin, active=False)

    assert said().changes[0][0] == (
        "It is off as an alias domain: no mail leads on by it, so twin.example begins empty."
    )
    own()

    assert stored() == {}


def test_lists_and_catch_alls_have_the_last_day_of_those_that_they_are_like(twin, add_alias):
    day = today() + timedelta(days=2)
    members = add_alias("list@example.org", ANN, "x@elsewhere.test", access="members")
    catch_all = add_alias("@example.org", ANN)
    set_ending(actor=None, row=members, last_day=day, action="off")
    set_ending(actor=None, row=catch_all, last_day=day, action="delete")
    set_ending(actor=None, row=Alias.objects.get(pk=SALES), last_day=day, action="off")

    assert dict(said().changes)["Have the last day that the one in example.org has:"] == (
        "@twin.example",
        "list@twin.example",
    )
    own()

    found = Ending.objects.filter(domain="twin.example").order_by("pk")
    assert list(found.values_list("pk", "last_day", "action")) == [
        ("@twin.example", day, "delete"),
        ("list@twin.example", day, "off"),
    ]
    entry = LogEntry.objects.get(action="set_ending", data="list@twin.example")
    assert entry.changes == {"last_day": [None, day.isoformat()], "at_end": [None, "off"]}
    Ending.objects.update(last_day=today() - timedelta(days=1))
    end_due()
    asked = ["list@twin.example", "list@example.org", "nobody@twin.example", "sales@twin.example"]
    assert [Lookup().match(name) for name in asked] == [None, None, None, None]


# --- Who may send


def test_whoever_sends_as_a_name_goes_on_doing_so(twin, add_mailbox, add_alias):
    add_mailbox("eve@example.org")
    add_mailbox("sue@example.org")
    add_alias("off@example.org", "eve@example.org", active=False)
    add_alias("list@example.org", "sue@example.org", access="members")
    let_send_as(actor=None, mailbox="eve@example.org", sender=ANN)
    let_send_as(actor=None, mailbox="eve@example.org", sender="@example.org")
    boxes = {box.pk: set(identities_of(box)) for box in Mailbox.objects.select_related("domain")}

    own()

    found = {box.pk: set(identities_of(box)) for box in Mailbox.objects.select_related("domain")}
    assert found == boxes
    rows = SendAs.objects.filter(sender_domain="twin.example").values_list("username", "sender")
    assert sorted(rows) == [
        (ANN, "sales@twin.example"),
        ("eve@example.org", "@twin.example"),
        ("eve@example.org", "ann@twin.example"),
        (JOE, "sales@twin.example"),
    ]


# --- Empty


def test_empty_it_has_nothing_and_says_what_is_refused(twin, add_alias):
    add_alias("far@example.org", "sales@twin.example")

    told = said(empty=True)
    own(empty=True)

    assert told.changes[0] == (
        "Mail to 4 addresses of twin.example is refused from then on:",
        ("ann@twin.example", "far@twin.example", "joe@twin.example", "sales@twin.example"),
    )
    assert told.changes[1] == (
        "Aliases that lead to such an address reach nobody by it:",
        ("far@example.org",),
    )
    assert stored() == {}
    assert Lookup().match("ann@twin.example") is None


def test_empty_it_says_that_the_catch_all_no_longer_takes_the_rest(twin, add_alias):
    add_alias("@example.org", ANN)

    sentences = [text for text, _names in said(empty=True).changes]

    assert sentences[1] == (
        "So is all other mail to twin.example, which the catch-all of example.org takes now."
    )


# --- What is said before


def test_the_preview_says_what_is_made(twin, add_alias, make_admin):
    add_alias("@example.org", JOE)
    make_admin("tom@example.org", domains=[twin.alias_domain])
    told = said()

    assert (told.old, told.new) == ("twin.example", "a domain of its own")
    assert told.changes[0] == (
        "3 aliases are made, each of which leads to the same name in example.org. Mail goes on as it does now:",
        ("ann@twin.example", "joe@twin.example", "sales@twin.example"),
    )
    assert told.changes[1] == (
        "All other mail goes where the catch-all of example.org leads, by one of its own:",
        (JOE,),
    )
    assert (
        "It is managed by those who manage it now, and by superadmins:",
        ("tom@example.org",),
    ) in told.changes
    assert AliasDomain.objects.count() == 1


# --- Refused


def test_it_needs_room_for_the_aliases_or_begins_empty(twin):
    update_domain(actor=None, domain=twin.alias_domain, aliases=2)

    with refused("limit_reached"):
        own()
    assert stored() == {}
    own(empty=True)

    assert AliasDomain.objects.count() == 0


def test_as_many_as_the_limit_are_made(twin):
    update_domain(actor=None, domain=twin.alias_domain, aliases=3)

    own()

    assert len(stored()) == 3


def test_a_row_of_its_own_that_is_off_is_no_reason_to_lose_mail(twin, add_alias):
    alias = add_alias("ann@twin.example", JOE)
    set_alias_active(actor=None, alias=alias, active=False)
    before = ways(["ann@twin.example"])

    with refused("shadowed"):
        own()

    assert ways(["ann@twin.example"]) == before
    set_alias_active(actor=None, alias=alias, active=True)
    own()
    assert stored()["ann@twin.example"] == JOE


def test_while_the_other_domain_is_off_nobody_knows_what_is_to_go_on(twin, add_alias):
    add_alias("@example.org", "x@elsewhere.test")
    set_domain_active(actor=None, domain=twin.target_domain, active=False)

    with refused("off"):
        own()
    assert stored() == {}
    own(empty=True)

    assert AliasDomain.objects.count() == 0


def test_a_name_that_would_be_too_long_is_refused(twin):
    long = f"{'n' * 243}@example.org"
    Alias.objects.create(address=long, goto=ANN, domain_id="example.org")

    with refused("too_long"):
        own()


def test_lists_for_members_need_a_number(twin, monkeypatch):
    update_alias(actor=None, alias=Alias.objects.get(pk=SALES), access="members")
    monkeypatch.setattr("aliases.access_rules.MEMBER_LISTS", 1)

    with refused("no_list"):
        own()

    assert (stored(), AliasDomain.objects.count()) == ({}, 1)


def test_more_addresses_than_one_transaction_takes_are_made_in_steps(twin, monkeypatch):
    monkeypatch.setattr(parting, "MOST", 2)
    before = ways(names("twin.example"))
    with refused("too_many"):
        own()

    assert answer_by_aliases(actor=None, link=twin) == JOE
    assert sorted(stored()) == ["ann@twin.example", "joe@twin.example"]
    assert answer_by_aliases(actor=None, link=twin, after=JOE) == ""
    assert ways(names("twin.example")) == before
    own(in_steps=True)

    assert AliasDomain.objects.count() == 0
    assert ways(names("twin.example")) == before


def test_too_many_are_refused_before_they_are_read(
    twin, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(parting, "MOST", 2)
    link = AliasDomain.objects.select_related("alias_domain", "target_domain").get()

    with django_assert_max_num_queries(1), refused("too_many"):
        check_parting(link=link)


def test_a_step_does_not_look_at_names_that_come_before(twin, monkeypatch):
    monkeypatch.setattr(parting, "MOST", 2)

    answer_by_aliases(actor=None, link=twin, after=JOE)

    assert sorted(stored()) == ["sales@twin.example"]


# --- The log


def test_the_log_says_what_was_made(twin):
    own()

    entry = LogEntry.objects.get(action="part_alias_domain")
    assert (entry.domain, entry.data) == ("twin.example", "twin.example")
    assert entry.changes == {
        "target_domain": ["example.org", None],
        "active": [True, None],
        "alias_count": [None, 3],
    }
    made = LogEntry.objects.filter(action="create_alias", domain="twin.example")
    assert sorted(made.values_list("data", flat=True)) == sorted(stored())


def test_it_counts_its_aliases_and_new_ones_can_be_made(twin):
    domain = own().fresh()

    assert domain.alias_count == 3
    create_alias(actor=None, domain=domain, local_part="new", targets=[ANN])
    with refused("taken", field="local_part"):
        create_alias(actor=None, domain=domain, local_part="ann", targets=[JOE])


def test_a_mailbox_that_only_sends_takes_no_mail_under_its_name_there(twin):
    update_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=ANN), receives=False)

    own()

    assert Alias.objects.get(pk="ann@twin.example").access == "closed"

import pytest
from django.db import connection

from accounts.models import LetterText, LogEntry
from aliases.models import OwnAliasLimit
from domains.copy_services import add_copy
from domains.flow_services import set_relay_host
from domains.models import Copy, DomainDNS, DomainSenderRule, RelayHost
from domains.sender_services import set_domain_sender_rule
from domains.services import create_alias_domain, delete_domain
from mailboxes import triggers
from mailboxes.renaming import rename_mailbox
from tests.mailboxes.other_programs import OtherPrograms

pytestmark = pytest.mark.django_db


@pytest.fixture
def others(example_org, other_net, add_mailbox, add_alias):
    for name in ("ann", "boss"):
        add_mailbox(f"{name}@example.org")
    add_alias("sales@example.org", "ann@example.org")
    with connection.cursor() as cursor:
        yield OtherPrograms(cursor)


def copy(domain, local_part, goto="boss@example.org", direction="to"):
    add_copy(actor=None, domain=domain, direction=direction, local_part=local_part, goto=goto)


def copies():
    rows = Copy.objects.order_by("address", "direction")
    return [f"{row.direction} {row.address}: {row.goto}" for row in rows]


@pytest.mark.parametrize("with_alias", [True, False])
def test_who_has_the_name_of_a_deleted_mailbox_next_is_not_copied(
    others, with_alias, example_org, other_net, add_mailbox
):
    copy(example_org, "ann")
    copy(example_org, "ann", direction="from")
    copy(example_org, "boss", "joe@elsewhere.example")
    others.delete_mailbox("ann@example.org", with_alias=True)
    others.add_mailbox("ann@example.org", 0, alias_first=with_alias)

    assert copies() == ["to boss@example.org: joe@elsewhere.example"]


def test_copies_that_go_to_a_deleted_mailbox_end_whatever_has_its_name(
    others, example_org, other_net
):
    copy(example_org, "sales")
    copy(other_net, "ann")
    copy(example_org, "boss", "ann@example.org", direction="from")
    others.delete_mailbox("boss@example.org", with_alias=False)

    assert copies() == ["from boss@example.org: ann@example.org"]


def test_a_name_that_is_still_a_mailbox_or_an_alias_keeps_its_copies(others, example_org):
    copy(example_org, "ann")
    copy(example_org, "sales", "ann@example.org")
    others.delete_alias("ann@example.org")
    assert copies() == [
        "to ann@example.org: boss@example.org",
        "to sales@example.org: ann@example.org",
    ]

    others.delete_alias("sales@example.org")
    assert copies() == ["to ann@example.org: boss@example.org"]
    others.delete_mailbox("ann@example.org", with_alias=False)
    assert copies() == []


def test_a_catch_all_that_is_deleted_leaves_the_copies_of_its_domain(
    others, example_org, add_alias
):
    add_alias("@example.org", "ann@example.org")
    copy(example_org, "")
    others.delete_alias("@example.org")

    assert copies() == ["to @example.org: boss@example.org"]


@pytest.mark.parametrize("kind", ["alias", "mailbox"])
def test_names_in_alias_domains_lose_their_copies_but_those_of_their_own(
    others, kind, example_org, other_net, add_domain
):
    twin = add_domain("twin.example")
    for domain in (other_net, twin):
        create_alias_domain(actor=None, alias_domain=domain, target_domain=example_org)
    others.add_alias("sales@twin.example", "boss@example.org")
    others.add_mailbox("ann@twin.example", 0, alias_first=False)
    for domain in (other_net, twin):
        copy(domain, "sales")
        copy(domain, "ann")
    others.delete_alias("sales@example.org")
    others.delete_mailbox("ann@example.org", with_alias=True)

    assert copies() == [
        "to ann@twin.example: boss@example.org",
        "to sales@twin.example: boss@example.org",
    ]


@pytest.mark.parametrize("alias_first", [True, False])
def test_copies_go_along_with_a_mailbox_that_is_renamed_by_sql(
    others, alias_first, example_org, other_net
):
    copy(example_org, "ann")
    copy(example_org, "sales", "ann@example.org")
    moves = [
        lambda: others.move_alias("ann@example.org", "anna@other.net"),
        lambda: others.move_mailbox("ann@example.org", "anna@other.net", with_alias=False),
    ]
    for move in moves if alias_first else reversed(moves):
        move()

    assert copies() == [
        "to anna@other.net: boss@example.org",
        "to sales@example.org: anna@other.net",
    ]
    assert Copy.objects.get(address="anna@other.net").domain == "other.net"


def test_a_renamed_alias_takes_its_copy_along_unless_the_new_name_has_one(
    others, example_org, other_net
):
    copy(example_org, "sales", "ann@example.org")
    others.move_alias("sales@example.org", "info@example.org")
    assert copies() == ["to info@example.org: ann@example.org"]

    copy(example_org, "shop", "boss@example.org")
    others.move_alias("info@example.org", "shop@example.org")
    assert copies() == ["to shop@example.org: boss@example.org"]

    others.move_alias("shop@example.org", "@other.net")
    assert copies() == []


@pytest.mark.parametrize("name", ["sales", "ann"])
def test_old_names_in_alias_domains_lose_their_copies_when_a_name_is_changed_by_sql(
    others, name, example_org, other_net
):
    create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)
    copy(other_net, name)
    others.move_mailbox(f"{name}@example.org", "new@example.org", with_alias=False)
    others.move_alias(f"{name}@example.org", "new@example.org")

    assert copies() == []


def test_an_alias_that_is_changed_keeps_its_copy(others, example_org):
    copy(example_org, "sales", "ann@example.org")
    others.edit_alias("sales@example.org", "boss@example.org")
    others.toggle_alias("sales@example.org", False)

    assert copies() == ["to sales@example.org: ann@example.org"]


def test_the_panel_says_in_its_log_what_becomes_of_copies_whatever_the_triggers_did(
    others, example_org
):
    copy(example_org, "ann")
    copy(example_org, "sales", "ann@example.org")
    before = LogEntry.objects.count()
    mailbox = example_org.mailbox_set.get(pk="ann@example.org")
    rename_mailbox(actor=None, mailbox=mailbox, local_part="anna")

    assert copies() == [
        "to ann@example.org: boss@example.org",
        "to anna@example.org: boss@example.org",
        "to sales@example.org: anna@example.org",
    ]
    told = LogEntry.objects.order_by("pk")[before:]
    assert [(entry.action, entry.data) for entry in told] == [
        ("edit_copies_to", "sales@example.org"),
        ("edit_copies_to", "anna@example.org"),
        ("rename_mailbox", "anna@example.org"),
    ]


def test_a_mailbox_without_an_own_alias_keeps_its_copies_under_both_names(others, example_org):
    copy(example_org, "ann")
    others.delete_alias("ann@example.org")
    mailbox = example_org.mailbox_set.get(pk="ann@example.org")
    rename_mailbox(actor=None, mailbox=mailbox, local_part="anna")

    assert copies() == [
        "to ann@example.org: boss@example.org",
        "to anna@example.org: boss@example.org",
    ]


@pytest.mark.parametrize("has_alias", [True, False])
def test_where_the_old_name_is_given_up_its_copies_are_the_new_ones_alone(
    others, has_alias, example_org, other_net
):
    create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)
    copy(example_org, "ann")
    copy(other_net, "ann")
    if not has_alias:
        others.delete_alias("ann@example.org")
    mailbox = example_org.mailbox_set.get(pk="ann@example.org")
    before = LogEntry.objects.count()
    rename_mailbox(actor=None, mailbox=mailbox, local_part="anna", keep_alias=False)

    assert copies() == ["to anna@example.org: boss@example.org"]
    told = LogEntry.objects.order_by("pk")[before:]
    assert [(entry.data, entry.changes["copy"]) for entry in told if "copy" in entry.changes] == [
        ("ann@other.net", ["boss@example.org", None]),
        ("anna@example.org", [None, "boss@example.org"]),
        ("ann@example.org", ["boss@example.org", None]),
    ]


def add_left_overs(name, most=3, subject="Own subject"):
    """What the next owner of a domain's name shall not get."""
    OwnAliasLimit.objects.create(name=name, domain=name, most=most)
    LetterText.objects.create(
        kind="welcome", domain=name, language="en", subject=subject, body="Own words"
    )


def routes_of(domain, other):
    add_left_overs(domain.pk)
    copy(domain, "")
    copy(domain, "info", "joe@elsewhere.example")
    copy(other, "info")
    set_relay_host(actor=None, domain=domain, server="smtp.example.net:587")
    set_domain_sender_rule(actor=None, domain=domain, sender="spam.example", action="REJECT")
    DomainDNS.objects.create(domain=domain, problems="MX")


def held():
    return [
        *copies(),
        *RelayHost.objects.values_list("pk", flat=True),
        *DomainSenderRule.objects.values_list("domain", flat=True),
        *DomainDNS.objects.values_list("pk", flat=True),
        *OwnAliasLimit.objects.values_list("name", "domain"),
        *LetterText.objects.values_list("domain", flat=True),
    ]


def test_who_has_the_name_of_a_deleted_domain_next_finds_no_route_of_it(
    others, example_org, other_net
):
    routes_of(example_org, other_net)
    others.delete_domain("example.org")

    assert held() == []


def test_the_panel_leaves_nothing_of_a_domain_either(others, example_org, other_net):
    routes_of(example_org, other_net)
    delete_domain(actor=None, domain=example_org)

    assert held() == []


def test_routes_go_along_with_a_domain_that_is_renamed_by_sql(others, add_domain, other_net):
    old = add_domain("old.example")
    copy(old, "")
    copy(other_net, "info", "ann@example.org")
    set_relay_host(actor=None, domain=old, server="smtp.example.net:587")
    set_domain_sender_rule(actor=None, domain=old, sender="spam.example", action="REJECT")
    DomainDNS.objects.create(domain=old, problems="MX")
    add_left_overs("old.example")
    others.rename_domain("old.example", "new.example")

    assert held() == [
        "to @new.example: boss@example.org",
        "to info@other.net: ann@example.org",
        "new.example",
        "new.example",
        ("new.example", "new.example"),
        "new.example",
    ]


def test_left_overs_of_the_new_name_neither_refuse_a_rename_nor_come_to_life(others, add_domain):
    old = add_domain("old.example")
    set_relay_host(actor=None, domain=old, server="smtp.example.net:587")
    set_domain_sender_rule(actor=None, domain=old, sender="spam.example", action="REJECT")
    RelayHost.objects.create(domain="new.example", next_hop="[left.example]:25")
    for sender in ("spam.example", "left.example"):
        DomainSenderRule.objects.create(
            domain="new.example", list_number=7, sender=sender, action="OK"
        )
    add_left_overs("old.example")
    add_left_overs("new.example", most=9, subject="Left")
    others.rename_domain("old.example", "new.example")

    assert [*RelayHost.objects.values_list("domain", "next_hop")] == [
        ("new.example", "[smtp.example.net]:587")
    ]
    assert [*DomainSenderRule.objects.values_list("domain", "sender", "action")] == [
        ("new.example", "spam.example", "REJECT")
    ]
    assert [*OwnAliasLimit.objects.values_list("name", "most")] == [("new.example", 3)]
    assert [*LetterText.objects.values_list("domain", "subject")] == [
        ("new.example", "Own subject")
    ]


def test_copies_that_are_too_long_under_a_new_name_end_and_the_others_go_along(
    others, add_domain, other_net
):
    old, new = add_domain("old.example"), f"{'n' * 60}.{'e' * 60}.{'w' * 60}.example.org"
    long, short = 64 * "l", "s"
    for local_part in (long, short):
        copy(old, local_part, "boss@example.org")
        Copy.objects.create(
            domain="other.net",
            direction="to",
            address=f"{local_part}@other.net",
            goto=f"{local_part}@old.example",
        )
    others.rename_domain("old.example", new)

    assert copies() == [
        f"to {short}@{new}: boss@example.org",
        f"to {short}@other.net: {short}@{new}",
    ]


def test_what_is_left_of_domains_that_were_deleted_before_goes_with_a_recount(
    others, example_org, other_net
):
    routes_of(example_org, other_net)
    set_relay_host(actor=None, domain=other_net, server="smtp.example.net:587")
    set_domain_sender_rule(actor=None, domain=other_net, sender="spam.example", action="REJECT")
    Copy.objects.filter(domain="example.org").update(domain="gone.example")
    RelayHost.objects.filter(pk="example.org").update(domain="gone.example")
    DomainSenderRule.objects.filter(domain="example.org").update(domain="gone.example")
    for model in (OwnAliasLimit, LetterText):
        model.objects.filter(domain="example.org").update(domain="gone.example")
    add_left_overs("other.net")
    LetterText.objects.create(kind="welcome", language="en", subject="To all", body="x")
    triggers.rebuild(connection)

    assert sorted({*Copy.objects.values_list("domain", flat=True)}) == ["other.net"]
    assert [*RelayHost.objects.values_list("pk", flat=True)] == ["other.net"]
    assert [*DomainSenderRule.objects.values_list("domain", flat=True)] == ["other.net"]
    assert [*OwnAliasLimit.objects.values_list("domain", flat=True)] == ["other.net"]
    assert sorted(LetterText.objects.values_list("domain", flat=True)) == ["", "other.net"]

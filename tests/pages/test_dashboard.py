import re
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts.models import LogEntry
from domains.models import Domain
from domains.services import create_alias_domain, update_domain
from mailadmin.views import greeting
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox, QuotaUsage
from tests.pages.reading import links, text

MB = 1_024_000
WELL = "Nothing needs you."


@pytest.fixture
def as_superadmin(sign_in, make_admin):
    return sign_in(make_admin(superadmin=True))


@pytest.fixture
def fill(add_mailbox):
    """``fill("joe@example.org", 95)``: a mailbox of 100 MB, used to that percentage."""

    def make(address, percent):
        mailbox = add_mailbox(address, quota=100 * MB)
        QuotaUsage.objects.create(username=mailbox, bytes=percent * MB, messages=1)
        return mailbox

    return make


def dashboard(client):
    return client.get(reverse("dashboard"))


def test_on_the_first_day_it_offers_to_create_a_domain(as_superadmin):
    page = dashboard(as_superadmin)

    assert "Welcome. There is no domain yet" in text(page)
    assert "Create your first domain" in text(page)
    assert reverse("domain-create") in links(page)
    assert WELL not in text(page)


def test_an_admin_without_domains_is_told_whom_to_ask(sign_in, make_admin, example_org):
    page = dashboard(sign_in(make_admin()))

    assert "You manage no domain yet" in text(page)
    assert reverse("domain-create") not in links(page)


def test_a_box_asks_the_search_for_an_address(as_superadmin, example_org):
    box = re.search('<form class="address-box".*?</form>', dashboard(as_superadmin).text, re.DOTALL)

    assert f'action="{reverse("search")}"' in box[0]
    assert 'name="q"' in box[0]
    answer = as_superadmin.get(reverse("search"), {"q": "ann@example.org"})
    assert "Create mailbox ann" in text(answer)


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        ("Good morning", range(5, 12)),
        ("Good afternoon", range(12, 18)),
        ("Good evening", [*range(5), *range(18, 24)]),
    ],
)
def test_it_greets_by_the_time_of_day(words, hours):
    assert {greeting(hour) for hour in hours} == {words}


def test_of_one_there_is_no_plural_and_of_none_allowed_nothing(
    as_superadmin, add_domain, add_mailbox
):
    for name, limit in (("free.example", 0), ("one.example", 1), ("none.example", -1)):
        add_domain(name, mailboxes=limit)
    add_mailbox("ann@free.example")

    said = text(dashboard(as_superadmin))

    assert "free.example 1 mailbox " in said
    assert "one.example 0 of 1 mailbox " in said
    assert "1 mailboxes" not in said


def test_the_mailboxes_that_make_a_domain_one_of_the_fullest_are_marked(
    as_superadmin, add_domain, add_mailbox
):
    for name, limit in (("full.example", 1), ("half.example", 2), ("free.example", 0)):
        add_domain(name, mailboxes=limit)
        add_mailbox(f"ann@{name}")

    page = dashboard(as_superadmin).text

    assert '<span class="muted near">1 of 1 mailbox</span>' in page
    assert '<span class="muted">1 of 2 mailboxes</span>' in page
    assert '<span class="muted">1 mailbox</span>' in page


def test_all_is_well_when_nothing_needs_attention(as_superadmin, example_org, fill):
    fill("joe@example.org", 50)

    said = text(dashboard(as_superadmin))

    assert WELL in said
    assert "Domains, fullest first all 1 example.org" in said


def test_a_target_in_an_alias_domain_is_not_said_to_exist(
    as_superadmin, example_org, add_domain, add_alias
):
    twin = add_domain("twin.example")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)
    add_alias("sales@example.org", "gone@twin.example")

    assert "and no recipient of an alias is known to be missing." in text(dashboard(as_superadmin))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"mailboxes": 2}, "limited.example 2 of 2 mailboxes Raise"),
        ({"aliases": 1}, "limited.example 1 of 1 alias Raise"),
        ({"quota": 210}, "limited.example 200 of 210 MB promised Raise"),
        (
            {"mailboxes": 2, "aliases": 1, "quota": 200},
            "limited.example 2 of 2 mailboxes 1 of 1 alias 200 of 200 MB promised Raise",
        ),
    ],
)
def test_a_domain_near_a_limit_is_named_with_this_limit(
    limits, said, as_superadmin, add_domain, add_mailbox, add_alias
):
    domain = add_domain("limited.example")
    for name in ("ann", "joe"):
        add_mailbox(f"{name}@limited.example", quota=100 * MB)
    add_alias("sales@limited.example", "joe@limited.example")
    update_domain(actor=None, domain=domain, **limits)

    page = dashboard(as_superadmin)

    assert said in text(page)
    assert WELL not in text(page)


@pytest.mark.parametrize("limits", [{}, {"mailboxes": 3}, {"aliases": -1}, {"quota": -1}])
def test_a_domain_with_room_or_without_limits_is_not_named(
    limits, as_superadmin, example_org, add_mailbox
):
    for name in ("ann", "joe"):
        add_mailbox(f"{name}@example.org")
    update_domain(actor=None, domain=Domain.objects.get(), **limits)

    assert WELL in text(dashboard(as_superadmin))


def test_domains_that_only_seem_near_a_limit_hide_none_that_is(
    as_superadmin, add_domain, add_mailbox
):
    for number in range(10):
        domain = f"roomy{number}.example"
        add_domain(domain, quota=1_000)
        add_mailbox(f"ann@{domain}", quota=790 * MB)  # of 1,000,000 bytes it would be 80 %
    add_domain("limited.example", mailboxes=10)
    for number in range(8):
        add_mailbox(f"m{number}@limited.example")

    page = dashboard(as_superadmin)

    assert [row.domain for row in page.context["attention"]["near_limit"]] == ["limited.example"]


def test_nearly_full_mailboxes_come_fullest_first(as_superadmin, example_org, fill):
    fill("ann@example.org", 80)
    fill("joe@example.org", 99)
    fill("roomy@example.org", 79)

    said = text(dashboard(as_superadmin))

    assert (
        "Needs you 2 joe@example.org 99 % of 100 MB Raise… ann@example.org 80 % of 100 MB Raise…"
    ) in said
    assert "roomy@example.org" not in said.partition("Activity")[0]


def test_aliases_and_forwardings_that_lead_to_nobody_are_named(
    as_superadmin, example_org, add_mailbox, add_alias
):
    joe = add_mailbox("joe@example.org")
    add_alias("sales@example.org", "gone@example.org", "joe@example.org")
    set_forwarding(actor=None, mailbox=joe, targets=["lost@example.org"], keep_copy=True)

    page = dashboard(as_superadmin)

    said = text(page)
    assert "sales@example.org leads to gone@example.org, which does not exist" in said
    assert "joe@example.org leads to lost@example.org, which does not exist" in said
    assert reverse("alias", args=["sales@example.org"]) in links(page)
    assert reverse("mailbox", args=["joe@example.org"]) in links(page)


def test_a_mailbox_that_is_off_although_somebody_leads_there_is_named(
    as_superadmin, sign_in, make_admin, example_org, other_net, add_mailbox, add_alias
):
    for name in ("sam", "alone", "kept"):
        add_mailbox(f"{name}@example.org", active=False)
    joe = add_mailbox("joe@example.org")
    add_alias("team@example.org", "joe@example.org", "sam@example.org")
    add_alias("ended@example.org", "alone@example.org", active=False)
    set_forwarding(actor=None, mailbox=joe, targets=["kept@example.org"], keep_copy=True)
    add_mailbox("theirs@other.net", active=False)
    add_alias("sales@other.net", "theirs@other.net", "kept@example.org")
    owner = sign_in(make_admin(domains=["example.org", "other.net"]))

    for client in (as_superadmin, owner):
        page = dashboard(client)
        said = text(page)
        assert "sam@example.org is off, but team@example.org still leads there Show" in said
        assert [row.pk for row in page.context["attention"]["led_to_off"]] == [
            "kept@example.org",
            "sam@example.org",
            "theirs@other.net",
        ]


def test_of_others_domains_no_mailbox_that_is_off_is_named(
    sign_in, make_admin, add_domain, add_mailbox, add_alias
):
    for name in ("one.example", "two.example", "theirs.example"):
        add_domain(name)
        add_mailbox(f"off@{name}", active=False)
    add_alias("a@one.example", "off@theirs.example")
    add_alias("a@theirs.example", "off@one.example")
    client = sign_in(make_admin(domains=["one.example", "two.example"]))

    assert dashboard(client).context["attention"]["led_to_off"] == ()


def test_the_last_changes_are_shown(as_superadmin, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    assert "CLI created mailbox joe@example.org" in text(dashboard(as_superadmin))


@pytest.mark.parametrize("number", [0, 2, 12])
def test_an_admin_of_any_number_of_domains_sees_their_ten_newest_entries(
    number, sign_in, make_admin, add_domain
):
    names = [f"d{n}.example" for n in range(number)]
    for name in [*names, "foreign.example"]:
        add_domain(name)
    LogEntry.objects.all().delete()
    for minute in range(40):  # the first domain has more than one, long after most of the others
        domain = names[minute if minute < number else 0] if names else "foreign.example"
        write_at(minute, domain)
        write_at(minute, "foreign.example")

    page = dashboard(sign_in(make_admin(domains=names)))

    shown = [entry.data for entry in page.context["log_entries"]]
    last = range(39, 29, -1) if names else []
    assert shown == [f"{minute} {names[0]}" for minute in last]


def test_entries_of_many_domains_come_newest_first(sign_in, make_admin, add_domain):
    names = [f"d{n}.example" for n in range(12)]
    for name in names:
        add_domain(name)
    LogEntry.objects.all().delete()
    for minute in range(24):
        write_at(minute, names[minute % 12])

    page = dashboard(sign_in(make_admin(domains=names)))

    shown = [entry.data for entry in page.context["log_entries"]]
    assert shown == [f"{minute} {names[minute % 12]}" for minute in range(23, 13, -1)]


def test_what_happened_leads_to_what_it_happened_to(sign_in, make_admin, add_mailbox, example_org):
    add_mailbox("joe@example.org")

    page = dashboard(sign_in(make_admin(superadmin=True)))

    assert '<a href="/mailboxes/joe@example.org/">joe@<wbr>example.org</a>' in page.text


def write_at(minute, domain):
    LogEntry.objects.create(
        timestamp=datetime(2026, 1, 1, 12, minute, tzinfo=UTC),
        username="ann@example.org (192.0.2.7)",
        action="edit_mailbox",
        domain=domain,
        data=f"{minute} {domain}",
    )


def test_a_domain_admin_sees_only_what_is_in_the_own_domains(
    sign_in, make_admin, example_org, other_net, add_domain, fill, add_alias
):
    add_domain("foreign.example", mailboxes=1)
    fill("full@foreign.example", 99)
    add_alias("lost@foreign.example", "gone@foreign.example")

    page = dashboard(sign_in(make_admin(domains=["example.org", "other.net"])))

    assert WELL in text(page)
    assert b"foreign.example" not in page.content


def test_a_mailbox_user_is_led_to_the_own_page(sign_in, add_mailbox, example_org):
    response = dashboard(sign_in(add_mailbox("joe@example.org")))

    assert (response.status_code, response.url) == (302, reverse("account"))


def test_hostile_text_is_only_text(as_superadmin, example_org):
    LogEntry.objects.create(username="x", action="edit_x", data="<img src=x onerror=alert(1)>")

    page = dashboard(as_superadmin).content.decode()

    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


@pytest.mark.parametrize("number", [2, 4])
def test_the_dashboard_asks_as_often_for_any_number_of_troubles(
    number, sign_in, make_admin, add_domain, fill, add_alias, django_assert_num_queries
):
    names = [f"d{n}.example" for n in range(number)]
    for name in names:
        add_domain(name, mailboxes=1)
        fill(f"full@{name}", 95)
        add_alias(f"lost@{name}", f"gone@{name}")
    client = sign_in(make_admin(domains=names))

    with django_assert_num_queries(9):
        page = dashboard(client)

    assert Mailbox.objects.count() == number
    assert len(page.context["attention"]["near_limit"]) == number
    assert len(page.context["attention"]["full_mailboxes"]) == number
    assert len(page.context["attention"]["dangling"]) == number

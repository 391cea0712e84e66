import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mailboxes.models import Mailbox, QuotaUsage
from tests.pages.reading import rows, text


def test_a_domain_admin_sees_the_own_mailboxes_and_not_the_neighbours(admin, add_mailbox):
    for address in ("b@example.org", "a@example.org", "z@other.net"):
        add_mailbox(address)

    page = admin.get(reverse("mailbox-list"))

    assert rows(page) == ["a@example.org", "b@example.org"]
    assert page.context["count"] == 2
    assert rows(admin.get(reverse("mailbox-list"), {"domain": "other.net"})) == []
    assert rows(admin.get(reverse("mailbox-list"), {"q": "z"})) == []


def test_search_and_state_narrow_the_list(admin, add_mailbox):
    for address in ("anna@example.org", "andy@example.org", "bob@example.org"):
        add_mailbox(address)
    add_mailbox("ann@example.org", active=False)
    add_mailbox("full@example.org", quota=100)
    QuotaUsage.objects.create(pk="full@example.org", bytes=95, messages=1)

    def found(**query):
        return rows(admin.get(reverse("mailbox-list"), query))

    assert found(q="AN") == ["andy@example.org", "ann@example.org", "anna@example.org"]
    assert found(q="an", state="on") == ["andy@example.org", "anna@example.org"]
    assert found(state="off") == ["ann@example.org"]
    assert found(state="full") == ["full@example.org"]


def test_a_typed_unicode_domain_finds_its_mailboxes(superadmin, add_domain, add_mailbox):
    add_domain("müller.example")
    add_mailbox("joe@xn--mller-kva.example")

    page = superadmin.get(reverse("mailbox-list"), {"domain": "Müller.example"})

    assert rows(page) == ["joe@xn--mller-kva.example"]
    assert "joe@müller.example" in text(page)


def test_pages_lead_forwards_and_back_by_key(admin, add_mailbox):
    names = [f"m{number:02}@example.org" for number in range(60)]
    for name in names:
        add_mailbox(name)
    address = reverse("mailbox-list")

    first = admin.get(address, {"size": 25})
    second = admin.get(address + first.context["next_url"])
    third = admin.get(address + second.context["next_url"])
    again = admin.get(address + third.context["previous_url"])

    assert [rows(first), rows(second), rows(third)] == [names[:25], names[25:50], names[50:]]
    assert third.context["next_url"] is None
    assert first.context["previous_url"] is None
    assert rows(again) == names[25:50]
    assert len(rows(admin.get(address))) == 50
    assert len(rows(admin.get(address, {"size": "7"}))) == 50
    for jump in ("m58@example.org", "m58"):
        assert rows(admin.get(address, {"jump": jump})) == names[58:]
        assert rows(admin.get(address, {"jump": jump, "sort": "-address"}))[0] == names[58]
    assert rows(admin.get(address, {"sort": "-address", "size": 25})) == names[:-26:-1]
    assert len(admin.get(address).content) < 100_000


def test_the_page_after_a_form_costs_what_it_always_does(admin, add_mailbox):
    address = reverse("mailbox", args=[add_mailbox("joe@example.org").pk])
    admin.get(address)
    saved = admin.post(
        reverse("mailbox-edit", args=["joe@example.org"]),
        {"name": "Joe", "quota_mb": "0", "active": "on", "smtp_active": "on"},
    )

    with CaptureQueriesContext(connection) as first:
        page = admin.get(saved.url)
    with CaptureQueriesContext(connection) as second:
        admin.get(saved.url)

    assert "Mailbox joe@example.org saved." in text(page)
    assert (saved.url, len(first)) == (address, len(second))


def test_of_many_domains_one_jumps_to_a_domain_or_to_an_address(
    superadmin, example_org, other_net, add_mailbox
):
    for name in ("a@example.org", "b@example.org", "a@other.net", "b@other.net"):
        add_mailbox(name)
    address = reverse("mailbox-list")

    assert [
        rows(superadmin.get(address, {"jump": jump, "sort": sort}))[0]
        for jump, sort in [
            ("other.net", "address"),
            ("example.org", "-address"),
            ("exam", "-address"),
            ("b@example.org", "address"),
            ("b@example.org", "-address"),
        ]
    ] == ["a@other.net", *["b@example.org"] * 4]


def test_the_jump_is_offered_where_addresses_are_in_order(admin, add_mailbox):
    for number in range(26):
        add_mailbox(f"m{number}@example.org")

    assert [
        'name="jump"' in admin.get(reverse("mailbox-list"), {"sort": sort}).content.decode()
        for sort in ("address", "-address", "changed", "-changed")
    ] == [True, True, False, False]


def test_a_page_of_long_addresses_shows_all_rows_and_the_next_goes_on(
    superadmin, add_domain, add_mailbox
):
    domain = add_domain(f"{'d' * 63}.{'e' * 63}.{'f' * 40}.example")
    names = [f"{'m' * 60}{number:02}@{domain.pk}" for number in range(60)]
    Mailbox.objects.bulk_create(
        Mailbox(username=name, domain=domain, local_part="m", maildir=f"{name}/", password="x")
        for name in names
    )
    address = reverse("mailbox-list")

    first = superadmin.get(address, {"size": 50})
    second = superadmin.get(address + first.context["next_url"])
    again = superadmin.get(address + second.context["previous_url"])

    assert (rows(first), rows(second)) == (names[:50], names[50:])
    assert second.context["next_url"] is None
    assert rows(again) == rows(first)
    assert len(first.content) <= 180_000


@pytest.mark.parametrize("number", [1, 3])
def test_more_rows_cost_no_more_statements(
    number, admin, add_mailbox, django_assert_max_num_queries
):
    for index in range(number):
        add_mailbox(f"m{index}@example.org", quota=100)
        QuotaUsage.objects.create(pk=f"m{index}@example.org", bytes=95, messages=1)

    with django_assert_max_num_queries(6):
        page = admin.get(reverse("mailbox-list"))

    assert len(rows(page)) == number


def test_an_empty_list_says_what_it_is_for_and_an_empty_search_what_was_searched(
    admin, add_mailbox
):
    assert "No mailboxes yet" in text(admin.get(reverse("mailbox-list")))

    add_mailbox("joe@example.org")

    page = admin.get(reverse("mailbox-list"), {"q": "zz"})
    assert "Nothing found for “zz”" in text(page)
    assert "Clear search and filters" in text(page)


@pytest.mark.parametrize("parameter", ["after", "before"])
def test_a_cursor_before_all_time_starts_at_the_beginning(parameter, superadmin, add_mailbox):
    add_mailbox("joe@example.org")
    cursor = {parameter: ["0001-01-01T00:00:00+14:00", "x"], "sort": "changed"}

    page = superadmin.get(reverse("mailbox-list"), cursor)

    assert page.status_code == 200
    assert rows(page) == ["joe@example.org"]


def test_rows_of_other_programs_show_and_open_whatever_they_hold(superadmin, example_org):
    hostile = '"><script>alert(1)</script>'
    Mailbox.objects.create(
        pk="a/b@example.org", local_part="a/b", domain=example_org, name=hostile, maildir=hostile
    )
    Mailbox.objects.create(pk="<script>@example.org", local_part="<script>", domain=example_org)

    page = superadmin.get(reverse("mailbox-list"))
    of_one = superadmin.get(reverse("mailbox", args=["a/b@example.org"]))
    deleting = superadmin.get(reverse("mailbox-delete", args=["a/b@example.org"]))

    assert rows(page) == ["<script>@example.org", "a/b@example.org"]
    for response in (page, of_one, deleting):
        assert response.status_code == 200
        assert b"<script>alert" not in response.content
        assert b"<script>@" not in response.content
    assert hostile in text(page)

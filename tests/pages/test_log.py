import html
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import LogEntry
from mailadmin import log_words
from tests.pages.reading import log, text

LONG = ",".join(f"m{number}@one.example" for number in range(1_000))


@pytest.fixture
def write(db):
    """Write an entry; ``when`` is a moment or the time that has passed since."""

    def entry(
        action, target, domain="", who="root@example.org (192.0.2.7)", when=None, changes=None
    ):
        if not isinstance(when, datetime):
            when = timezone.now() - (when or timedelta())
        return LogEntry.objects.create(
            action=action,
            data=target,
            domain=domain,
            username=who,
            timestamp=when,
            changes=changes,
        )

    return entry


def shown(page):
    return [entry.data for entry in page.context["object_list"]]


def test_an_entry_says_who_when_and_what(sign_in, root, write):
    write(
        "edit_domain",
        "example.org",
        domain="example.org",
        when=datetime(2025, 3, 9, 14, 5, 6, tzinfo=UTC),
        changes={"mailboxes": [10, 0], "description": ["", "Ours"]},
    )

    said = text(log(sign_in(root), domain="example.org"))

    assert (
        "March 9, 2025 14:05 root changed domain example.org"
        " Details Description: Ours Mailboxes: 10 → unlimited 192.0.2.7"
    ) in said


def test_the_exact_time_is_there_on_hover(sign_in, root, write):
    write("create_alias", "a@example.org", when=datetime(2025, 3, 9, 14, 5, 6, tzinfo=UTC))

    page = log(sign_in(root)).content.decode()

    assert 'datetime="2025-03-09T14:05:06+00:00" title="March 9, 2025, 14:05:06"' in page


def test_fields_come_in_one_order_however_the_database_keeps_them(write):
    shortest_first = {
        "new": [1, 2],
        "name": ["", "Joe"],
        "active": [True, False],
        "smtp_active": [True, False],
    }

    entry = write("edit_mailbox", "joe@example.org", changes=shortest_first)

    found = [str(field) for field, _old, _new in log_words.changes(entry)]

    assert found == ["Name", "May send", "On", "new"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "a@one.example,b@one.example",
            "b@one.example",
            ("a@one.example", ""),
        ),
        (LONG, LONG.replace("m7@", "new@"), ("m7@one.example", "new@one.example")),
        (LONG, LONG.partition(",")[2], ("m0@one.example", "")),
        (None, LONG, ("", f"{', '.join(LONG.split(',')[:11])} and 989 more")),
        (LONG, None, (f"{', '.join(LONG.split(',')[:11])} and 989 more", "")),
    ],
    ids=["short", "replaced", "removed", "created", "deleted"],
)
def test_of_a_long_list_the_log_shows_what_left_and_what_came(old, new, said, write):
    entry = write("edit_alias", "all@example.org", changes={"goto": [old, new]})

    assert log_words.changes(entry) == [("Recipients", *said)]


def test_a_page_of_the_log_stays_small_whatever_changed(sign_in, root, write):
    for _entry in range(75):
        write("edit_alias", "all@example.org", changes={"goto": [LONG, LONG.replace("m", "n")]})
        write("edit_admin", "it@example.org", changes={"domains": [[], LONG.split(",")]})

    page = log(sign_in(root), size=75)

    assert len(page.context["object_list"]) == 75
    assert len(page.content) <= 100_000


def test_an_entry_that_fills_a_page_of_its_own_does_not_hide_the_next(sign_in, root, write):
    for data in ("older@example.org", "x" * 60_000, "newer@example.org"):
        write("edit_vacation", data)

    client, url, seen = sign_in(root), "?sort=-when", []
    while url:
        page = client.get("/log/" + url)
        seen += [entry.data for entry in page.context["object_list"]]
        url = page.context["next_url"]

    assert seen[:3] == ["newer@example.org", "x" * 60_000, "older@example.org"]


@pytest.mark.parametrize("letter", ["é", "<", "漢"])
def test_long_texts_are_cut_and_a_page_of_them_shows_all_rows(sign_in, root, write, letter):
    for number in range(75):
        pair = [f"{number} {letter * 250}", f"{number} {letter * 249}"]
        write("edit_mailbox", f"m{number}@example.org", changes={"name": pair, "description": pair})

    page = sign_in(root).get("/log/?size=75&sort=-when")

    assert [entry.data for entry in page.context["object_list"]] == [
        f"m{number}@example.org" for number in reversed(range(75))
    ]
    assert f"74 {letter * 156}…" in html.unescape(page.content.decode())
    assert len(page.content) <= 300_000


def test_the_newest_entry_is_first_and_the_order_turns(sign_in, root, write):
    LogEntry.objects.all().delete()
    for n in range(3):
        write("create_alias", f"a{n}@example.org", when=timedelta(hours=3 - n))
    client = sign_in(root)

    assert shown(log(client)) == ["a2@example.org", "a1@example.org", "a0@example.org"]
    assert shown(log(client, sort="when")) == ["a0@example.org", "a1@example.org", "a2@example.org"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"domain": "one.example"}, ["1"]),
        ({"domain": "ONE.example"}, ["1"]),
        ({"person": "ann"}, ["2"]),
        ({"person": "Ann@other.net"}, ["2"]),
        ({"person": "cli"}, ["3"]),
        ({"person": "nn@"}, []),
        ({"action": "create_alias"}, ["2"]),
        ({"action": "nonsense"}, []),
        ({"kind": "mailbox"}, ["1"]),
        ({"kind": "alias"}, ["2"]),
        ({"kind": "admin"}, ["3"]),
        ({"kind": "sign-in"}, []),
        ({"kind": "nonsense"}, ["3", "2", "1"]),
        ({"kind": "alias", "person": "ann"}, ["2"]),
        ({"kind": "mailbox", "person": "ann"}, []),
        ({"person": "ann", "domain": "two.example"}, ["2"]),
        ({"person": "ann", "domain": "one.example"}, []),
        ({"from": "2025-03-09", "to": "2025-03-09"}, ["1"]),
        ({"from": "2025-03-10"}, ["3", "2"]),
        ({"to": "2025-03-10"}, ["2", "1"]),
        ({"from": "2025-03-10", "to": "2025-03-10", "kind": "alias"}, ["2"]),
        ({"from": "2025-03-11", "to": "2025-03-10"}, []),
        ({"to": "2025-03-09", "person": "ann"}, []),
        ({"from": "not a day"}, ["3", "2", "1"]),
        ({"from": "2025-02-31"}, ["3", "2", "1"]),
        ({"from": "0001-01-01", "to": "9999-12-31"}, ["3", "2", "1"]),
        ({"to": "0001-01-01"}, []),
        ({"from": "", "to": ""}, ["3", "2", "1"]),
    ],
)
def test_the_log_filters_by_domain_person_kind_and_days(query, found, sign_in, root, write):
    LogEntry.objects.all().delete()
    write(
        "create_mailbox",
        "1",
        domain="one.example",
        when=datetime(2025, 3, 9, 23, 59, 59, tzinfo=UTC),
    )
    write(
        "create_alias",
        "2",
        domain="two.example",
        who="ann@other.net (::1)",
        when=datetime(2025, 3, 10, tzinfo=UTC),
    )
    write("edit_admin", "3", who="CLI (localhost)", when=datetime(2025, 3, 11, tzinfo=UTC))

    assert shown(log(sign_in(root), **query)) == found


def test_a_unicode_domain_filters_too(sign_in, root, write):
    write("create_alias", "a@xn--mller-kva.example", domain="xn--mller-kva.example")

    assert shown(log(sign_in(root), domain="Müller.example")) == ["a@xn--mller-kva.example"]


@pytest.mark.parametrize("typed", ["Ann@Müller.example", "ann@xn--mller-kva.example"])
def test_a_unicode_person_filters_too(typed, sign_in, root, write):
    LogEntry.objects.all().delete()
    write("create_alias", "a@example.org", who="ann@xn--mller-kva.example (::1)")
    write("create_alias", "b@example.org", who="ann@müller.example (::1)")
    write("create_alias", "c@example.org", who="ann@other.example (::1)")

    assert set(shown(log(sign_in(root), person=typed))) == {"a@example.org", "b@example.org"}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
@pytest.mark.parametrize("parameter", ["after", "before"])
def test_a_cursor_beyond_all_time_starts_at_the_beginning(parameter, moment, sign_in, root, write):
    LogEntry.objects.all().delete()
    write("create_alias", "a@example.org")

    page = log(sign_in(root), **{parameter: [moment, "1"]})

    assert page.status_code == 200
    assert shown(page) == ["a@example.org"]


def test_above_the_log_of_a_domain_stands_its_name(sign_in, root, example_org):
    page = log(sign_in(root), domain="example.org")

    assert text(page).startswith("Domains example.org Activity")
    assert 'aria-current="page"' in page.content.decode().partition("/log/?domain=example.org")[2]


def test_a_domain_admin_sees_the_own_domains_entries_only(
    sign_in, make_admin, example_org, other_net, add_mailbox, root
):
    add_mailbox("joe@example.org")
    add_mailbox("ann@other.net")
    client = sign_in(make_admin(domains=["example.org"]))

    assert {entry.domain for entry in log(client).context["object_list"]} == {"example.org"}
    foreign = log(client, domain="other.net")
    assert shown(foreign) == []
    assert b"ann@other.net" not in foreign.content


def test_nothing_found_offers_to_clear_the_filters(sign_in, root, example_org):
    assert "No row fits these filters. Clear search and filters" in text(
        log(sign_in(root), person="zz")
    )


def test_the_empty_log_says_what_it_is_for(sign_in, root):
    LogEntry.objects.all().delete()

    assert "Nothing happened yet Every change to a domain" in text(log(sign_in(root)))


def test_an_old_panels_entry_without_values_is_shown_as_it_is(sign_in, root, write):
    write("edit_vacation", "joe@example.org", who="joe@example.org (10.0.0.1)")

    assert "Edit vacation by joe@example.org: joe@example.org Details 10.0.0.1" in text(
        log(sign_in(root))
    )


def test_hostile_text_is_only_text(sign_in, root, write):
    hostile = "<script>alert(1)</script>"
    write(hostile, hostile, domain=hostile, who=hostile, changes={hostile: [hostile, hostile]})

    page = log(sign_in(root)).content.decode()

    assert hostile not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_pages_follow_each_other_without_gap_even_at_the_same_second(sign_in, root, write):
    LogEntry.objects.all().delete()
    moment = timezone.now().replace(microsecond=0)
    for n in range(60):
        write("create_alias", f"{n}", when=moment)
    client = sign_in(root)

    first = log(client, size="25")
    second = client.get(reverse("log") + first.context["next_url"])
    third = client.get(reverse("log") + second.context["next_url"])

    assert shown(first) + shown(second) + shown(third) == [f"{n}" for n in range(59, -1, -1)]
    assert third.context["next_url"] is None


def test_each_admin_pages_through_the_own_domains_entries_there_and_back(
    sign_in, make_admin, example_org, other_net, write
):
    LogEntry.objects.all().delete()
    for n in range(60):
        domain = "other.net" if n % 2 else "example.org"
        write("create_alias", f"{n}", domain=domain, when=timedelta(hours=n))

    for domain, own in (("example.org", range(0, 60, 2)), ("other.net", range(1, 60, 2))):
        client = sign_in(make_admin(f"ann@{domain}", domains=[domain]))
        first = log(client, size="25")
        second = client.get(reverse("log") + first.context["next_url"])
        again = client.get(reverse("log") + second.context["previous_url"])

        names = [f"{n}" for n in own]
        assert (shown(first), shown(second), shown(again)) == (names[:25], names[25:], names[:25])


@pytest.mark.parametrize(
    "position", [["x", "1"], ["2026-01-01T00:00:00+00:00", "x"], ["0001-01-01T00:00:00+14:00", "1"]]
)
def test_a_place_that_no_page_of_the_log_has_leads_to_its_beginning(sign_in, root, write, position):
    LogEntry.objects.all().delete()
    write("create_alias", "joe@example.org")

    assert shown(log(sign_in(root), after=position)) == ["joe@example.org"]


@pytest.mark.parametrize("number", [1, 3])
def test_the_log_asks_as_often_for_any_number_of_entries(
    number, sign_in, root, example_org, write, django_assert_num_queries
):
    LogEntry.objects.all().delete()
    for n in range(number):
        write("create_alias", f"a{n}@example.org", domain="example.org")
    client = sign_in(root)

    with django_assert_num_queries(6):  # session, account, keys, rows, domain, days
        page = log(client, domain="example.org")

    assert len(shown(page)) == number

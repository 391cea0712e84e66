import re
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import entries
from accounts.models import LogEntry
from aliases.models import Alias
from mailadmin import log_words
from mailboxes.forwarding import set_forwarding
from tests.pages.conftest import NOON
from tests.pages.reading import table, text


def said(client, **query):
    return text(client.get(reverse("log"), query))


def shown(page):
    return [entry.data for entry in page.context["object_list"]]


def test_days_have_headings(reader, write):
    now = timezone.now()
    write("create_alias", "a@example.org", when=now)
    write("create_alias", "b@example.org", when=now - timedelta(days=1))
    write("create_alias", "c@example.org")

    html = reader.get(reverse("log")).text

    assert re.findall('<h2 class="day">(.*?)</h2>', html) == ["Today", "Yesterday", "March 9, 2025"]


def test_of_recipients_only_what_changed_is_told(reader, write):
    pair = ["luc@example.org,a@x.example", "luc@example.org,a@x.example,b@x.example"]
    write("edit_alias", "all@example.org", changes={"goto": pair})

    page = reader.get(reverse("log"))

    assert "ann@example.org changed alias all@example.org b@x.example Details" in text(page)
    assert "<ins>b@x.example</ins>" in page.text
    assert "luc@example.org" not in page.text


def test_a_forwarding_is_told_as_what_it_is(reader, example_org, add_mailbox):
    mailbox = add_mailbox("luc@example.org")

    def forward(*targets):
        set_forwarding(actor=mailbox, mailbox=mailbox, targets=list(targets))
        return log_words.sentence(LogEntry.objects.order_by("-pk")[0])

    began = forward("luc@moreau-family.example")
    changed = forward("luc@moreau-family.example", "luc@work.example")
    ended = forward()
    Alias.objects.filter(pk=mailbox.pk).update(
        goto="luc@example.org,x@elsewhere.example", active=False
    )
    switched_on = forward("x@elsewhere.example")

    who = "luc@example.org"
    assert began == f"{who} forwarded {who}"
    assert changed == f"{who} changed the forwarding of {who}"
    assert ended == f"{who} ended the forwarding of {who}"
    assert switched_on == f"{who} switched on the forwarding of {who}"
    page = reader.get(reverse("log"))
    assert "luc forwarded luc@example.org luc@moreau-family.example Details" in text(page)
    assert "<ins>luc@moreau-family.example</ins>" in page.text
    assert "alias" not in {entry.action.split("_")[1] for entry in page.context["object_list"]}


def test_a_self_alias_that_another_program_left_out_is_a_forwarding_too(example_org, add_mailbox):
    mailbox = add_mailbox("luc@example.org")
    Alias.objects.filter(pk=mailbox.pk).delete()

    set_forwarding(actor=None, mailbox=mailbox, targets=["luc@moreau-family.example"])

    newest = LogEntry.objects.order_by("-pk")[0]
    assert log_words.sentence(newest) == "CLI forwarded luc@example.org"


@pytest.mark.parametrize("pair", [None, "x", [], [["a"], "b"], [None, "a@x.example"]])
def test_a_forwarding_that_another_program_wrote_in_its_own_way_is_told(pair, write):
    entry = write("edit_forwarding", "luc@example.org", changes={"goto": pair})

    assert "luc@example.org" in log_words.sentence(entry)


@pytest.mark.parametrize(
    ("who", "domain", "told"),
    [
        ("ole@example.org", "example.org", "ole"),
        ("ole@example.org", "other.net", "ole@example.org"),
        ("ole@example.org", "", "ole@example.org"),
        ("ole@müller.example", "xn--mller-kva.example", "ole@müller.example"),
        ("CLI", "example.org", "CLI"),
        ("", "example.org", "—"),
        ("<b>@example.org", "example.org", "&lt;b&gt;"),
    ],
)
def test_a_colleague_is_named_by_the_local_part(who, domain, told, reader, write):
    write("edit_mailbox", f"sam@{domain}", domain=domain, who=f"{who} (192.0.2.7)")

    page = reader.get(reverse("log"))

    assert f"<p>{told} changed mailbox <a" in page.text


def test_one_thing_done_to_several_is_one_line_that_unfolds(reader, write):
    for number in range(15):
        write("create_mailbox", f"m{number:02}@example.org")

    page = reader.get(reverse("log"))

    assert "ann@example.org created 15 mailboxes Details" in text(page)
    assert page.text.count('<a href="/mailboxes/m') == 15


@pytest.mark.parametrize(
    "second",
    [
        {"who": "bob@example.org (192.0.2.7)"},
        {"action": "delete_mailbox"},
        {"when": NOON - timedelta(days=1)},
    ],
)
def test_another_person_kind_or_day_ends_the_run(second, reader, write):
    for moment in range(4):
        more = {"action": "create_mailbox", "when": NOON - timedelta(minutes=moment)}
        write(**more | (second if moment > 1 else {}))

    assert "mailboxes Details" not in said(reader)


def test_what_is_gone_is_no_link(reader, write):
    write("create_mailbox", "here@example.org", domain="example.org")
    write("delete_alias", "gone@example.org", domain="example.org")
    write("edit_vacation", "x@example.org", domain="example.org")

    links = re.findall('<p>[^<]*<a href="([^"]*)"', reader.get(reverse("log")).text)

    assert links == ["/mailboxes/here@example.org/"]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("size", [1, 7])
def test_pages_by_index_are_what_sorting_everything_would_be(newest_first, size, write):
    """Many domains, people and entries of one second, with every filter."""
    for number in range(240):
        write(
            ["create_alias", "edit_alias", "create_mailbox"][number % 3],
            str(number % 40),
            domain=f"d{number * 7 % 29}.example",
            who=f"{'ab'[number % 2]}nn@example.org (192.0.2.{number % 9})",
            when=NOON + timedelta(seconds=number // 8 * (number % 5)),
        )
    domains = tuple(f"d{number}.example" for number in range(20))
    begin, end = NOON + timedelta(seconds=10), NOON + timedelta(seconds=60)

    for wanted in (
        entries.Wanted(),
        entries.Wanted(domains),
        entries.Wanted(domains, ("edit_alias", "create_alias")),
        entries.Wanted(None, ("edit_alias",)),
        entries.Wanted(domains, begin=begin, end=end),
        entries.Wanted(people=("ann@",)),
        entries.Wanted(domains, ("edit_alias",), ("ann@",), begin, end),
        entries.Wanted(()),
        entries.Wanted(about="5"),
        entries.Wanted(domains, ("edit_alias",), about="7"),
        entries.Wanted(people=("ann@",), begin=begin, about="8"),
        entries.Wanted((), about="9"),
    ):
        rows = LogEntry.objects.order_by("timestamp", "pk")
        if wanted.domains is not None:
            rows = rows.filter(domain__in=wanted.domains)
        if wanted.actions:
            rows = rows.filter(action__in=wanted.actions)
        if wanted.people:
            rows = rows.filter(username__startswith="ann@")
        if wanted.begin:
            rows = rows.filter(timestamp__gte=begin, timestamp__lt=wanted.end or timezone.now())
        if wanted.about:
            rows = rows.filter(data=wanted.about)
        expected = list(rows.values_list("pk", flat=True))

        assert all_keys(wanted, size, newest_first) == (
            expected[::-1] if newest_first else expected
        )


def all_keys(wanted, size, newest_first=True):
    keys, edge = [], ()
    while True:
        found = entries.page(wanted, size, edge, newest_first=newest_first)
        keys += found.keys
        if found.rest:
            edge = found.rest
        elif found.keys:
            last = LogEntry.objects.get(pk=found.keys[-1])
            edge = (f"{last.timestamp:%Y-%m-%d %H:%M:%S}", last.pk)
        else:
            return keys


@pytest.mark.parametrize("kind", ["mailbox", "alias"])
def test_activity_of_a_page_is_that_of_its_address(
    kind, reader, example_org, add_mailbox, add_alias
):
    add_mailbox("luc@example.org")
    add_alias("team@example.org", "luc@example.org")
    add_mailbox("other@example.org")
    address = {"mailbox": "luc@example.org", "alias": "team@example.org"}[kind]
    own = reader.get(reverse(kind, args=[address])).text

    [link] = set(re.findall('href="(/log/[^"]*about=[^"]*)"', own))
    page = reader.get(unescape(link))

    assert shown(page) == [address]
    assert f"{address}: show all again" in page.text
    assert f'name="about" value="{address}"' in page.text
    assert page.context["days"] == ()
    assert [row[5] for row in table(reader, about=address.upper())[1:]] == [address]


def test_the_activity_of_an_address_of_another_domain_is_nobodys_business(
    make_admin, sign_in, example_org, other_net, add_mailbox
):
    client = sign_in(make_admin(domains=["example.org"]))
    add_mailbox("luc@other.net")

    assert shown(client.get(reverse("log"), {"about": "luc@other.net"})) == []


def test_the_activity_of_a_very_long_name_is_found(reader, write):
    write("edit_vacation", "x" * 300)

    assert shown(reader.get(reverse("log"), {"about": "x" * 300})) == ["x" * 300]


def test_where_much_is_passed_over_the_page_says_how_far_it_looked(reader, write, monkeypatch):
    monkeypatch.setattr(entries, "SCAN", 60)
    write("create_alias", "found", domain="one.example", when=NOON - timedelta(days=1))
    for number in range(150):
        when = NOON + timedelta(seconds=number)
        write("create_alias", "x", domain="two.example", when=when)

    page = reader.get(reverse("log"), {"person": "ann@example.org", "domain": "one.example"})
    assert shown(page) == []
    assert "Only entries back to March 9, 2025 were looked at." in text(page)
    for _further in range(3):
        page = reader.get(reverse("log") + page.context["next_url"])
        if shown(page):
            break

    assert shown(page) == ["found"]
    assert page.context["next_url"] is None


def test_a_domain_admin_has_no_chip_and_no_entries_of_administrators(
    make_admin, sign_in, example_org, write
):
    client = sign_in(make_admin(domains=["example.org"]))
    write("create_admin", "boss@example.org")

    page = client.get(reverse("log"), {"kind": "admin"})

    assert shown(page) == []
    assert "?kind=admin" not in client.get(reverse("log")).text


def test_a_line_ends_behind_the_at_of_an_address_and_not_of_a_catch_all(reader, write):
    write("create_alias", target="sales@example.org", domain="example.org")
    write("create_alias", target="@example.org", domain="other.net")

    page = reader.get(reverse("log")).text

    assert "sales@<wbr>example.org" in page
    assert ">@example.org<" in page

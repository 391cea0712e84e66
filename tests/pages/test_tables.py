import csv
import io
import json

import pytest
from django.urls import reverse

from mailboxes.models import LastLogin, QuotaUsage
from panel import paging
from tests.pages.reading import links

MB = 1_024_000


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    for module in ("panel.paging", "domains.lists"):
        monkeypatch.setattr(f"{module}.TOGETHER", 3)
    monkeypatch.setattr("domains.words.TOGETHER", 2)


def table(client, name, *key, **query):
    answer = client.get(reverse(name, args=key), {"as": "csv"} | query)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="')
    text = answer.getvalue().decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:])))


def json_lines(client, name, *key, **query):
    answer = client.get(reverse(name, args=key), {"as": "jsonl"} | query)
    assert answer["Content-Type"] == "application/jsonl; charset=utf-8"
    assert answer["Content-Disposition"].endswith('.jsonl"')
    return [json.loads(line) for line in answer.getvalue().decode().splitlines()]


def keys(found):
    return [row[0] for row in found[1:]]


def test_the_table_has_all_rows_of_the_filter_in_the_order_of_the_page(admin, add_mailbox):
    names = [f"m{number}@example.org" for number in range(10)]
    for number, name in enumerate(names):
        add_mailbox(name, name=f"Ann Becker {number}", active=number != 4, quota=10 * MB)
    QuotaUsage.objects.create(pk=names[7], bytes=9 * MB, messages=1)
    LastLogin.objects.create(username=names[7], protocol="imap", at=1_700_000_000)

    found = table(admin, "mailbox-list", size=25)

    assert found[0] == [
        *("Address", "Name", "Quota, MB", "Used, MB", "Active", "May send", "Last sign-in")
    ]
    assert found[8] == [names[7], "Ann Becker 7", "10.0", "9.0", "1", "1", "2023-11-14 22:13:20"]
    assert keys(found) == names
    assert keys(table(admin, "mailbox-list", sort="-address")) == names[::-1]
    assert keys(table(admin, "mailbox-list", state="off")) == [names[4]]
    assert keys(table(admin, "mailbox-list", state="full")) == [names[7]]
    assert keys(table(admin, "mailbox-list", q="ann beck")) == names
    assert keys(table(admin, "mailbox-list", q="m3")) == [names[3]]
    fullest = keys(table(admin, "mailbox-list", domain="example.org", sort="-storage"))
    assert fullest == [names[7], *(names[:7] + names[8:])[::-1]]


def test_json_lines_have_the_same_rows_with_values_of_their_own_kind(admin, add_mailbox, add_alias):
    add_mailbox("ann@example.org", name="Änn, =1+1", quota=10 * MB)
    add_mailbox("bob@example.org", name="Bob", active=False)
    add_alias("info@example.org", "ann@example.org", "b@elsewhere.example", description="Desk")
    LastLogin.objects.create(username="ann@example.org", protocol="imap", at=1_700_000_000)

    assert json_lines(admin, "mailbox-list", state="on") == [
        {
            "address": "ann@example.org",
            "name": "Änn, =1+1",
            "quota_mb": 10.0,
            "used_mb": 0.0,
            "active": True,
            "may_send": True,
            "last_sign_in": "2023-11-14T22:13:20+00:00",
        }
    ]
    assert json_lines(admin, "alias-list") == [
        {
            "address": "info@example.org",
            "recipients": ["ann@example.org", "b@elsewhere.example"],
            "description": "Desk",
            "active": True,
        }
    ]
    rows = json_lines(admin, "domain", "example.org")
    assert [row["last_sign_in"] is None for row in rows] == [False, True, True]
    assert json_lines(admin, "mailbox-list", q="nobody") == []


def test_a_list_as_something_else_is_the_page(admin, add_mailbox):
    add_mailbox("ann@example.org")

    answer = admin.get(reverse("mailbox-list"), {"as": "xml"})

    assert answer["Content-Type"].startswith("text/html")


def test_a_table_ends_at_the_own_domains(admin, add_mailbox, add_alias):
    for domain in ("example.org", "other.net"):
        add_mailbox(f"ann@{domain}", name="Ann")
        add_alias(f"info@{domain}", f"ann@{domain}", description="Ann's")

    assert keys(table(admin, "mailbox-list")) == ["ann@example.org"]
    assert keys(table(admin, "mailbox-list", q="ann")) == ["ann@example.org"]
    assert keys(table(admin, "mailbox-list", domain="other.net")) == []
    assert keys(table(admin, "alias-list", q="info")) == ["info@example.org"]
    assert keys(table(admin, "domain-list")) == ["example.org"]
    assert keys(table(admin, "domain", "example.org")) == ["ann@example.org", "info@example.org"]
    assert admin.get(reverse("domain", args=["other.net"]), {"as": "csv"}).status_code == 404
    assert admin.get(reverse("admin-list"), {"as": "csv"}).status_code == 404


def test_a_mailbox_user_gets_no_table(sign_in, add_mailbox, example_org):
    client = sign_in(add_mailbox("ann@example.org"))

    assert client.get(reverse("mailbox-list"), {"as": "csv"}).status_code == 404


def test_the_tables_of_domains_and_their_addresses_say_what_the_pages_say(
    as_superadmin, twin, add_mailbox, add_alias, add_domain
):
    box = add_mailbox("ann@example.org", name="Ann", quota=10 * MB)
    QuotaUsage.objects.create(pk=box.pk, bytes=MB, messages=1)
    add_alias("info@example.org", "ann@example.org", "b@elsewhere.example", description="Desk")
    add_domain("backup.example", backupmx=True, description="Spare")

    found = table(as_superadmin, "domain", "example.org")
    assert found[0] == [
        *("Address", "Mailbox", "Person", "Recipients", "Description"),
        *("Quota, MB", "Used, MB", "Active", "Last sign-in"),
    ]
    assert found[1:] == [
        ["ann@example.org", "1", "Ann", "ann@example.org", "", "10.0", "1.0", "1", ""],
        [
            *("info@example.org", "0", "", "ann@example.org, b@elsewhere.example", "Desk"),
            *("", "", "1", ""),
        ],
    ]
    rows = {row[0]: row[1:] for row in table(as_superadmin, "domain-list")}
    assert rows["backup.example"] == ["Spare", "0", "0", "0.0", "", "1", "", "1"]
    assert rows["example.org"][1:3] == ["1", "1"]
    assert rows["twin.example"][6] == "example.org"
    assert table(as_superadmin, "aliasdomain-list")[1] == ["twin.example", "example.org", "", "1"]


def test_the_table_of_administrators_has_all_their_domains(as_superadmin, make_admin, add_domain):
    names = [add_domain(f"d{number}.example").pk for number in range(5)]
    make_admin("five@example.org", domains=names)

    rows = {row[0]: row[1:] for row in table(as_superadmin, "admin-list")}

    assert rows["five@example.org"] == ["0", ", ".join(names), "1", ""]
    assert {row[1] for row in rows.values() if row[0] == "1"} == {""}


def test_no_cell_is_a_formula(admin, add_mailbox):
    for number, begin in enumerate(("=", "+", "-", "@", "\t")):
        add_mailbox(f"m{number}@example.org", name=f"{begin}cmd|' /C calc'!A0")

    found = table(admin, "mailbox-list")

    assert {cell[:1] for row in found for cell in row if cell} & set("=+-@\t") == set()
    assert found[1][1] == "'=cmd|' /C calc'!A0"


def test_the_headings_are_in_the_language_of_the_account(admin, add_mailbox):
    add_mailbox("ann@example.org")

    answer = admin.get(reverse("mailbox-list"), {"as": "csv"}, headers={"Accept-Language": "fr"})

    assert answer.getvalue().decode().startswith("\ufeffAdresse,Nom,")


def test_the_page_links_to_its_table_without_its_place(admin, add_mailbox):
    for number in range(30):
        add_mailbox(f"m{number:02}@example.org")

    page = admin.get(reverse("mailbox-list"), {"domain": "example.org", "size": 25, "q": "m"})

    assert "?domain=example.org&q=m&as=csv" in links(page)
    assert "?domain=example.org&q=m&as=jsonl" in links(page)
    assert paging.PAGE_SIZES == (25, 50, 75)

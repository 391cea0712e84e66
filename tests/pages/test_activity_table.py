import json
from datetime import timedelta

from django.urls import reverse

from accounts import activity
from accounts.models import LogEntry
from tests.pages.conftest import NOON
from tests.pages.reading import table


def test_the_table_has_all_that_the_filters_let_through(reader, write, monkeypatch):
    monkeypatch.setattr(activity, "TOGETHER", 7)
    for number in range(20):
        write("create_alias", str(number), when=NOON + timedelta(seconds=number // 3))
    write("create_mailbox", "other")

    head, *rows = table(reader, kind="alias")

    assert head == [*("Time", "Person", "Network address", "Domain", "Action", "About", "Changes")]
    assert [row[5] for row in rows] == [str(number) for number in range(19, -1, -1)]
    assert rows[0][:3] == ["2025-03-09 12:00:06", "ann@example.org", "192.0.2.7"]


def test_json_lines_have_the_zone_and_the_changes_as_they_are(reader, write):
    write("create_alias", "info@example.org")

    answer = reader.get(reverse("log-table"), {"as": "jsonl"})

    assert [json.loads(line) for line in answer.getvalue().splitlines()] == [
        {
            "at": "2025-03-09T12:00:00+00:00",
            "person": "ann@example.org",
            "client": "192.0.2.7",
            "domain": "",
            "action": "create_alias",
            "about": "info@example.org",
            "changes": None,
        }
    ]
    assert reader.get(reverse("log-table"), {"as": "xml"}).status_code == 404


def test_the_table_begins_as_a_spreadsheet_wants_it(reader, write):
    write("create_alias", "müller@example.org")

    answer = reader.get(reverse("log-table")).getvalue()

    assert answer.startswith(b"\xef\xbb\xbfTime,")
    assert "müller@example.org" in answer.decode()


def test_no_cell_of_the_table_is_a_formula(reader, write):
    for begin in ("=", "+", "-", "@", "\t"):
        write("edit_vacation", f"{begin}cmd", who=f"{begin}x (192.0.2.7)")

    rows = table(reader)[1:]

    assert {cell[:1] for row in rows for cell in row if cell} & set("=+-@\t") == set()
    assert sorted(row[5] for row in rows) == ["'\tcmd", "'+cmd", "'-cmd", "'=cmd", "'@cmd"]


def test_the_table_of_a_domain_admin_is_that_of_the_own_domains(
    make_admin, sign_in, example_org, other_net, write
):
    client = sign_in(make_admin(domains=["example.org"]))
    LogEntry.objects.all().delete()
    for domain in ("example.org", "other.net", ""):
        write("create_alias", f"a@{domain}", domain=domain)

    assert [row[3] for row in table(client)[1:]] == ["example.org"]
    assert table(client, domain="other.net")[1:] == []
    assert table(client, person="ann")[1:] == table(client)[1:]

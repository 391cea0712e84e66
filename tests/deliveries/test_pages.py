"""Who sees which rows on the page "Was it delivered?", and what finds them."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from domains.deliveries import Delivery, DeliveryDay, DeliveryKey, LogPosition, SenderDay
from domains.models import Domain
from domains.services import delete_domain
from mailadmin.deliveries import finding, keeping
from mailadmin.deliveries.finding import Asked, find
from mailadmin.deliveries.keeping import forget_some
from mailboxes.models import Mailbox


@pytest.fixture
def ours(example_org, other_net, add_mailbox, log, follow):
    """Rows of both domains, one between them, and one of neither."""
    add_mailbox("ann@example.org")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    Domain.objects.update(created=long_ago)
    Mailbox.objects.update(created=long_ago)
    log.delivers("ann@example.org", message_id="in@x")
    log.delivers("eve@other.net", message_id="foreign@x")
    queue_id = log.comes_in("ann@example.org", login="ann@example.org", message_id="between@x")
    log.saved(queue_id, "eve@other.net")
    log.refuses("nobody@example.org")
    log.refuses("victim@elsewhere.test", code="554 5.7.1")
    follow()


@pytest.fixture
def roles(make_admin, ours):
    return {
        "root": make_admin("root@example.org", superadmin=True),
        "admin": make_admin("admin@example.org", domains=["example.org"]),
        "other": make_admin("admin@other.net", domains=["other.net"]),
        "nobody": make_admin("new@example.org", domains=[]),
    }


def recipients(page):
    return re.findall(r"→ <b>(.*?)</b>", page.content.decode())


SEEN = {
    "root": ["victim@elsewhere.test", "nobody@example.org", "eve@other.net", "eve@other.net", "ann@example.org"],
    "admin": ["nobody@example.org", "eve@other.net", "ann@example.org"],
    "other": ["eve@other.net", "eve@other.net"],
    "nobody": [],
}  # fmt: skip


@pytest.mark.parametrize("role", SEEN)
def test_each_role_sees_the_rows_of_its_domains(role, roles, sign_in):
    assert recipients(sign_in(roles[role]).get("/deliveries/")) == SEEN[role]


@pytest.mark.parametrize("role", SEEN)
def test_each_role_takes_along_the_rows_that_it_sees(role, roles, sign_in, monkeypatch):
    monkeypatch.setattr("mailadmin.deliveries.pages.TOGETHER", 2)
    client = sign_in(roles[role])

    lines = client.get("/deliveries/", {"as": "jsonl"}).getvalue().decode().splitlines()
    table = client.get("/deliveries/", {"as": "csv", "result": "refused"}).getvalue().decode()

    assert [json.loads(line)["recipient"] for line in lines] == SEEN[role]
    refused = [name for name in SEEN[role] if name.startswith(("victim", "nobody"))]
    rows = csv.DictReader(io.StringIO(table.removeprefix("\ufeff")))
    assert [row["Recipient"] for row in rows] == refused


@pytest.mark.parametrize(
    "asked",
    [
        {"address": "ann@example.org"},
        {"address": "joe@outside.test"},
        {"domain": "example.org"},
        {"id": "in@x"},
        {"id": "<in@x>"},
        {"result": "refused"},
        {"day": "2026-11-28"},
    ],
)
def test_no_search_shows_rows_of_foreign_domains(asked, roles, sign_in):
    page = sign_in(roles["other"]).get("/deliveries/", asked)

    assert page.status_code == 200
    assert {"ann@example.org", "nobody@example.org"} & set(recipients(page)) == set()
    assert "in@x" not in page.content.decode().replace('value="in@x"', "").replace(
        'value="&lt;in@x&gt;"', ""
    )


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"address": "ann@example.org"}, ["eve@other.net", "ann@example.org"]),
        ({"address": "ANN@EXAMPLE.ORG"}, ["eve@other.net", "ann@example.org"]),
        ({"address": "joe@outside.test"}, ["victim@elsewhere.test", "nobody@example.org", "eve@other.net", "ann@example.org"]),
        ({"id": "between@x"}, ["eve@other.net"]),
        ({"result": "refused"}, ["victim@elsewhere.test", "nobody@example.org"]),
        ({"result": "bounced"}, []),
        ({"day": "2026-11-28", "address": "ann@example.org"}, ["eve@other.net", "ann@example.org"]),
        ({"day": "2026-11-27"}, []),
        ({"day": "2026-11-29"}, []),
        ({"day": "none"}, SEEN["root"]),
        ({"domain": "other.net", "result": "delivered"}, ["eve@other.net", "eve@other.net"]),
        ({"after": "x"}, SEEN["root"]),
        ({"after": "9" * 30}, SEEN["root"]),
    ],
)  # fmt: skip
def test_a_search_finds(asked, found, roles, sign_in):
    assert recipients(sign_in(roles["root"]).get("/deliveries/", asked)) == found


def test_pages_follow_each_other_without_gap_or_double(roles, log, follow, sign_in):
    for number in range(finding.SHOWN * 2):
        log.refuses(f"n{number}@example.org")
    follow()
    client, seen, address = sign_in(roles["admin"]), [], "/deliveries/"
    while address:
        page = client.get(address)
        seen += recipients(page)
        more = re.search(r'rel="next" href="(.*?)"', page.content.decode())
        address = more and f"/deliveries/{more[1]}"

    assert seen == [f"n{n}@example.org" for n in reversed(range(finding.SHOWN * 2))] + SEEN["admin"]


def test_where_few_of_many_rows_fit_a_page_ends_and_the_next_goes_on(
    roles, log, follow, monkeypatch
):
    monkeypatch.setattr(finding, "LOOKED_AT", 4)
    for number in range(6):
        log.refuses(f"n{number}@example.org")
    follow()
    asked = Asked(("example.org",), result="delivered")
    pages = [find(roles["admin"], asked)]
    while pages[-1].rest:
        pages.append(find(roles["admin"], asked, pages[-1].rest))

    assert [[row.recipient for row in page.rows] for page in pages] == [
        [],
        ["eve@other.net"],
        ["ann@example.org"],
    ]


def test_a_mailbox_user_sees_nothing_before_it_is_switched_on(roles, sign_in):
    ann = Mailbox.objects.get(pk="ann@example.org")
    assert sign_in(ann).get("/account/deliveries/").status_code == 404
    assert list(Delivery.objects.visible_to(ann)) == []


def test_a_mailbox_user_sees_their_own_mail_alone(roles, sign_in, settings):
    settings.DELIVERIES_FOR_USERS = True
    ann = Mailbox.objects.get(pk="ann@example.org")
    client = sign_in(ann)

    for asked in (
        {},
        {"address": "nobody@example.org"},
        {"id": "foreign@x"},
        {"domain": "other.net"},
    ):
        page = client.get("/account/deliveries/", asked)
        assert recipients(page) == ["eve@other.net", "ann@example.org"]
        lines = client.get("/account/deliveries/", asked | {"as": "jsonl"}).getvalue().splitlines()
        assert [json.loads(line)["recipient"] for line in lines] == recipients(page)
    assert client.get("/deliveries/").status_code == 404
    assert client.get("/deliveries/", {"as": "csv"}).status_code == 404
    assert "/account/deliveries/" in client.get("/account/").content.decode()


def test_nobody_sees_mail_of_those_who_had_the_domain_or_the_mailbox_before(roles, settings):
    settings.DELIVERIES_FOR_USERS = True
    Domain.objects.filter(pk="example.org").update(created=timezone.now())
    ann = Mailbox.objects.get(pk="ann@example.org")
    ann.created = timezone.now()

    assert list(Delivery.objects.visible_to(roles["admin"])) == []
    assert list(Delivery.objects.visible_to(ann)) == []
    assert Delivery.objects.visible_to(roles["other"]).count() == 2


def test_an_administrator_who_is_off_sees_nothing(roles):
    roles["admin"].active = False
    assert list(Delivery.objects.visible_to(roles["admin"])) == []


def test_a_page_takes_few_statements(roles, sign_in):
    client = sign_in(roles["admin"])
    client.get("/deliveries/")
    for asked in (
        {},
        {"address": "ann@example.org", "day": "2026-11-28", "result": "delivered"},
        {"id": "in@x"},
    ):
        with CaptureQueriesContext(connection) as captured:
            page = client.get("/deliveries/", asked)
        assert len(captured) <= 10, [query["sql"] for query in captured]
        assert len(page.content) < 100_000


def test_hostile_text_is_shown_as_text(roles, log, follow, sign_in):
    queue_id = log.comes_in('"<script>"@outside.test')
    log.ends(queue_id, "ann@example.org", "bounced", "<img src=x>", dsn="5.1.1")
    follow()

    page = sign_in(roles["root"]).get("/deliveries/").content.decode()

    assert "&lt;img src=x&gt;" in page
    assert "<script>&quot;" not in page
    assert "<img" not in page


def test_that_nobody_follows_is_said(roles, sign_in, settings):
    said = "Nobody follows the log"
    assert said not in sign_in(roles["root"]).get("/deliveries/").content.decode()
    LogPosition.objects.all().delete()
    assert said in sign_in(roles["root"]).get("/deliveries/").content.decode()
    settings.DELIVERY_LOGS = []
    assert "The delivery log is off" in sign_in(roles["root"]).get("/deliveries/").content.decode()


def test_the_pages_of_an_address_lead_to_its_deliveries(roles, add_alias, sign_in, settings):
    add_alias("sales@example.org", "ann@example.org")
    client = sign_in(roles["root"])
    places = ["/mailboxes/ann@example.org/", "/aliases/sales@example.org/", "/search/?q=ann@example.org", "/trace/?address=ann@example.org"]  # fmt: skip
    for place in places:
        assert "/deliveries/?address=" in client.get(place).content.decode(), place
    settings.DELIVERY_LOGS = []
    for place in places:
        assert "/deliveries/" not in client.get(place).content.decode(), place


def test_the_domains_page_shows_what_came_and_went(roles, sign_in):
    today = timezone.localdate()
    for days in (1, 2):
        day = today - timedelta(days=days)
        DeliveryDay.objects.update_or_create(
            domain="example.org", day=day, defaults={"incoming": 4, "outgoing": days}
        )
        DeliveryDay.objects.filter(domain="example.org").exclude(
            day__gte=today - timedelta(2)
        ).delete()

    page = sign_in(roles["admin"]).get("/domains/example.org/").content.decode()

    assert "Received, 30 days" in page
    assert '<a href="/deliveries/?domain=example.org"><b>8</b></a>' in page


def test_keys_go_with_their_rows(roles, settings):
    settings.DELIVERIES_DAYS = 1
    assert forget_some(now=Delivery.objects.latest("at").at.replace(year=2027)) is False
    assert not Delivery.objects.exists()
    assert not DeliveryKey.objects.exists()


def test_the_oldest_rows_go_when_there_are_too_many(roles, settings):
    settings.DELIVERIES_MOST = 3
    now = Delivery.objects.latest("at").at
    forget_some(now=now)
    forget_some(now=now)

    assert Delivery.objects.count() == 3
    assert set(DeliveryKey.objects.values_list("delivery", flat=True)) == set(
        Delivery.objects.values_list("pk", flat=True)
    )


def test_a_follower_that_reads_to_the_end_forgets_all_that_is_too_much(
    roles, log, follow, settings, monkeypatch
):
    monkeypatch.setattr(keeping, "TOGETHER", 1)
    settings.DELIVERIES_MOST = 2
    settings.DELIVERIES_DAYS = 400
    follow()

    assert Delivery.objects.count() == 2


def test_rows_of_a_day_are_found_among_later_ones_of_a_follower_that_paused(roles):
    day = datetime(2026, 11, 28, 12, tzinfo=UTC)
    moments = [day, *[day + timedelta(days=1)] * 150, day]
    for number, at in enumerate(moments):
        Delivery.objects.create(at=at, changed=at, recipient=f"n{number}@elsewhere.test")

    found = find(roles["root"], Asked(None, day=day.date())).rows

    assert [row.recipient for row in found[:2]] == ["n151@elsewhere.test", "n0@elsewhere.test"]


def test_an_id_is_found_behind_many_rows_of_others_with_it(roles, log, follow):
    log.delivers("ann@example.org", message_id="same@x")
    for number in range(finding.SHOWN + 1):
        log.delivers(f"e{number}@other.net", message_id="same@x")
    follow()

    found = find(roles["admin"], Asked(("example.org",), name="same@x")).rows

    assert [row.recipient for row in found] == ["ann@example.org"]


def test_the_figures_of_a_domain_go_with_it(roles):
    day = timezone.localdate()
    for name in ("example.org", "other.net"):
        DeliveryDay.objects.update_or_create(domain=name, day=day)
        for unusual in (True, False):
            SenderDay.objects.create(
                sender=f"{unusual}@{name}", domain=name, day=day, unusual=unusual
            )
    delete_domain(actor=None, domain=Domain.objects.get(pk="example.org"))

    left = [set(m.objects.values_list("domain", flat=True)) for m in (DeliveryDay, SenderDay)]
    assert left == [{"", "other.net"}, {"other.net"}]

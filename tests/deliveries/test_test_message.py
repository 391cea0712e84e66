"""The page "Where mail goes" shows what becomes of a test message, and looks again while nobody knows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext


@pytest.fixture
def page(example_org, add_mailbox, make_admin, sign_in):
    add_mailbox("ann@example.org")
    return sign_in(make_admin("root@example.org", superadmin=True))


ASKED = {"address": "ann@example.org", "test": "t1@mail.example.org"}


def test_before_the_log_has_it_the_page_looks_again_by_itself(page):
    said = page.get("/trace/", ASKED).content.decode()

    assert "The delivery log does not have it yet." in said
    assert 'hx-trigger="load delay:3s"' in said
    assert "looks=1" in said


def test_a_page_that_is_left_open_stops(page):
    said = page.get("/trace/", ASKED | {"looks": "40"}).content.decode()

    assert 'hx-trigger="load delay:3s"' not in said
    assert "Look again" in said


def test_at_the_end_it_is_shown_and_not_looked_for_any_more(page, log, follow):
    queue_id = log.comes_in("root@example.org", message_id="t1@mail.example.org")
    log.saved(queue_id, "ann@example.org")
    log.removed(queue_id)
    follow()

    said = page.get("/trace/", ASKED).content.decode()

    assert "Delivered</span>" in said
    assert "in INBOX" in said
    assert "Look again" not in said


def test_while_it_waits_it_is_looked_for(page, log, follow):
    queue_id = log.comes_in("root@example.org", message_id="t1@mail.example.org")
    log.ends(queue_id, "ann@example.org", "deferred", "no answer", dsn="4.4.1")
    follow()

    said = page.get("/trace/", ASKED).content.decode()

    assert "Waiting</span>" in said
    assert "Look again" in said


def test_to_an_alias_of_several_it_is_looked_for_until_each_has_its_row(page, log, follow):
    asked = ASKED | {"address": "sales@example.org"}
    queue_id = log.comes_in("root@example.org", message_id=asked["test"])
    log.saved(queue_id, "ann@example.org", asked="sales@example.org")
    follow()
    first = page.get("/trace/", asked).content.decode()
    unknown = {"dsn": "5.1.1", "asked": asked["address"]}
    log.ends(queue_id, "joe@outside.test", "bounced", "no such user", **unknown)
    log.removed(queue_id)
    follow()
    last = page.get("/trace/", asked).content.decode()

    assert ("Delivered</span>" in first, "Returned</span>" in first) == (True, False)
    assert "Look again" in first
    assert ("Delivered</span>" in last, "Returned</span>" in last) == (True, True)
    assert "Look again" not in last


def test_what_another_server_took_is_the_end(page, log, follow):
    queue_id = log.comes_in("root@example.org", message_id=ASKED["test"])
    log.ends(queue_id, "joe@outside.test", "sent", "250 2.0.0 queued as 4F", asked=ASKED["address"])
    log.removed(queue_id)
    follow()

    said = page.get("/trace/", ASKED).content.decode()

    assert "Delivered</span>" in said
    assert "queued as 4F" in said
    assert "Look again" not in said


def test_it_costs_the_same_for_each_number_of_rows(
    page, log, follow, django_assert_max_num_queries
):
    queue_ids = [log.comes_in("root@example.org", message_id=ASKED["test"]) for _each in range(3)]
    for queue_id in queue_ids:
        log.saved(queue_id, "ann@example.org")
    follow()
    with CaptureQueriesContext(connection) as without:
        page.get("/trace/", {"address": ASKED["address"]})

    with django_assert_max_num_queries(len(without) + 4):
        said = page.get("/trace/", ASKED).content.decode()

    assert said.count("Delivered</span>") == 3


def test_without_a_delivery_log_nothing_is_followed(page, settings):
    settings.DELIVERY_LOGS = []
    assert "The test message" not in page.get("/trace/", ASKED).content.decode()


def test_of_a_foreign_domain_nothing_is_shown(page, log, follow, make_admin, other_net, sign_in):
    queue_id = log.comes_in("root@example.org", message_id="t1@mail.example.org")
    log.saved(queue_id, "ann@example.org")
    follow()
    client = sign_in(make_admin("x@other.net", domains=["other.net"]))

    said = client.get("/trace/", {"address": "a@other.net", "test": "t1@mail.example.org"})

    assert "ann@example.org" not in said.content.decode()

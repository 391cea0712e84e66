"""The page "Where mail goes" shows what becomes of a test message, and looks again while nobody knows."""

import pytest


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

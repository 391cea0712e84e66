"""Several who number and send at once: threads with connections of their own. And what commits late is not lost."""

import threading

import pytest
from django.db import connection, transaction

from accounts import events, webhook_runner, webhooks
from accounts.models import Event, EventLock, Webhook, WebhookAnswer
from tests.test_concurrency_on_mariadb import ROUNDS, at_once
from tests.webhooks.conftest import receiver as receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def domain(add_domain):
    return add_domain("example.org")


@pytest.fixture
def hook(domain, make_admin, receiver):
    admin = make_admin("it@example.org", domains=["example.org"])
    return webhooks.create_webhook(actor=admin, url=receiver.url, events=["mailbox"])


def test_two_runners_at_once_send_nothing_twice(hook, receiver, add_mailbox):
    names = []
    for number in range(ROUNDS):
        for letter in "abc":
            add_mailbox(f"{letter}{number}@example.org")
            names.append(f"{letter}{number}@example.org")

        assert at_once(*[webhook_runner.run] * 4) == ["done"] * 4
        webhook_runner.run()  # what was committed while another had it

        assert receiver.objects == names
    assert WebhookAnswer.objects.count() == min(len(names), webhook_runner.ANSWERS)


def test_several_who_give_numbers_give_each_event_one(domain, add_mailbox):
    for number in range(ROUNDS):
        for letter in "abcd":
            add_mailbox(f"{letter}{number}@example.org")

        assert at_once(*[events.number] * 4) == ["done"] * 4

        found = list(Event.objects.order_by("pk").values_list("number", flat=True))
        assert sorted(found) == list(range(1, len(found) + 1))
        assert EventLock.objects.get().last == len(found)


def test_what_is_committed_late_comes_later_and_is_not_lost(domain, add_mailbox):
    written, go_on = threading.Event(), threading.Event()

    def slowly():
        try:
            with transaction.atomic():
                Event.objects.create(
                    name="evt_late", at="2030-01-01T00:00:00Z", username="x", action="login", data="late"
                )  # fmt: skip
                written.set()
                assert go_on.wait(60)
        finally:
            connection.close()

    thread = threading.Thread(target=slowly)
    thread.start()
    assert written.wait(60)
    add_mailbox("ann@example.org")  # a higher id, committed before
    events.number()
    seen = events.after(0)
    assert [event.data for event in seen] == ["example.org", "ann@example.org"]
    go_on.set()
    thread.join()

    events.number()

    assert [event.data for event in events.after(seen[-1].number)] == ["late"]
    assert Event.objects.get(name="evt_late").pk < Event.objects.get(data="ann@example.org").pk


def test_giving_numbers_keeps_nobody_waiting(domain, add_mailbox):
    add_mailbox("ann@example.org")
    with transaction.atomic():
        events._under_lock()
        # The lock is held: changes go on.
        assert at_once(lambda: add_mailbox("joe@example.org")) == ["done"]
    events.number()

    assert Event.objects.filter(number=None).count() == 0


def test_a_webhook_that_is_deleted_while_it_is_sent_is_no_error(hook, receiver, add_mailbox):
    add_mailbox("ann@example.org")

    def gone(handler):
        Webhook.objects.all().delete()
        connection.close()
        handler.send_response(204)
        handler.end_headers()

    receiver.answers = [gone]

    assert webhook_runner.run() == 1
    assert not WebhookAnswer.objects.exists()

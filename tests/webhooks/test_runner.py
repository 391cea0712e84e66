"""What receivers get: all that is due, in order, again until they take it, and nothing that is not their owner's to see."""

import base64
import hashlib
import hmac
import threading
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import totp, webhook_runner, webhook_sending, webhooks
from accounts.models import Event, Webhook, WebhookAnswer
from accounts.services import update_admin
from tests.webhooks.conftest import BAD, GOOD, anew, is_signed, run, soon


def test_it_is_told_in_order_what_happens_from_now_on(hook, receiver, add_mailbox, add_alias):
    for name in ("a", "b", "c"):
        add_mailbox(f"{name}@example.org")
    add_alias("sales@example.org", "a@example.org")

    assert run() == 4
    assert receiver.types == ["create_mailbox"] * 3 + ["create_alias"]
    assert receiver.objects == [f"{name}@example.org" for name in ("a", "b", "c", "sales")]
    assert run() == 0


def test_each_request_is_signed_as_standard_webhooks_says(hook, receiver, add_mailbox):
    add_mailbox("ann@example.org")
    run()

    [(path, headers, body)] = receiver.got
    secret = webhooks.secret_of(hook)
    assert path == "/told?by=us"
    assert headers["Content-Type"] == "application/json"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["webhook-id"] == receiver.told[0]["id"]
    # Computed here once more, from the words of the specification.
    assert secret.startswith("whsec_")
    key = base64.b64decode(secret[len("whsec_") :])
    assert 24 <= len(key) <= 64
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    made = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{made}"


def test_a_known_message_has_its_known_signature():
    # From the specification's own libraries.
    assert (
        webhook_sending.signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_the_secret_is_stored_encrypted(hook):
    assert "whsec_" not in anew(hook).secret
    assert webhooks.secret_of(hook).startswith("whsec_")


def test_a_secret_under_a_former_key_is_stored_under_the_first_one(
    hook, receiver, add_mailbox, settings
):
    stored, secret = hook.secret, webhooks.secret_of(hook)
    settings.FACTOR_KEYS = ["another-key-" * 6 + "0123456789"]
    add_mailbox("ann@example.org")

    run()

    assert anew(hook).secret != stored
    assert totp.is_under_first_key(anew(hook).secret)
    assert webhooks.secret_of(anew(hook)) == secret
    assert is_signed(anew(hook), receiver.got[0])


def test_secrets_are_stored_anew_after_a_change_of_the_key(hook, settings):
    secret = webhooks.secret_of(hook)
    assert webhooks.store_secrets_as_now() == 0
    settings.FACTOR_KEYS = ["another-key-" * 6 + "0123456789"]

    assert webhooks.store_secrets_as_now() == 1

    settings.SECRET_KEY = "a-new-one-" * 6
    assert webhooks.secret_of(anew(hook)) == secret


def test_a_secret_that_no_key_opens_sends_nothing(hook, receiver, add_mailbox):
    Webhook.objects.update(secret="gAAAA-of-another-server")
    add_mailbox("ann@example.org")

    run()

    assert receiver.got == []
    assert "secret" in WebhookAnswer.objects.get().text


def test_what_fails_is_sent_again_before_all_that_comes_later(hook, receiver, add_mailbox):
    receiver.answers = [BAD, BAD, GOOD]
    add_mailbox("a@example.org")
    assert run() == 1
    add_mailbox("b@example.org")
    assert run() == 0  # it waits

    soon(hook)
    assert run() == 1
    soon(hook)
    assert run() == 2

    assert receiver.objects == ["a@example.org"] * 3 + ["b@example.org"]
    assert len({headers["webhook-id"] for _path, headers, _body in receiver.got}) == 2
    assert all(is_signed(hook, got) for got in receiver.got)
    assert [a.status for a in WebhookAnswer.objects.order_by("pk")] == [500, 500, 200, 200]
    assert (anew(hook).failures, anew(hook).failing_since, anew(hook).next_try) == (0, None, None)


def test_pauses_grow(hook, receiver, add_mailbox):
    receiver.answers = [BAD]
    add_mailbox("a@example.org")
    pauses = []
    for _n in range(len(webhook_runner.PAUSES) + 2):
        before = timezone.now()
        assert run() == 1
        pauses.append(round((anew(hook).next_try - before).total_seconds()))
        soon(hook)

    expected = [*webhook_runner.PAUSES, *webhook_runner.PAUSES[-1:] * 2]
    assert all(abs(one - other) <= 2 for one, other in zip(pauses, expected, strict=True))
    assert expected == sorted(expected)


@pytest.mark.parametrize(
    "answer", [(301, {"Location": "http://127.0.0.1:1/x"}, b""), (307, {}, b""), (404, {}, b"")]
)
def test_no_redirect_is_followed(hook, receiver, make_receiver, add_mailbox, answer):
    other = make_receiver()
    status, headers, body = answer
    receiver.answers = [(status, {**headers, "Location": other.url}, body)]
    add_mailbox("a@example.org")

    assert run() == 1
    assert other.got == []
    assert anew(hook).failures == 1
    assert WebhookAnswer.objects.get().status == status


def test_a_receiver_that_takes_too_long_is_cut_off(hook, receiver, add_mailbox, monkeypatch):
    monkeypatch.setattr(webhook_sending, "SECONDS", 1)
    over = threading.Event()

    def drip(handler):
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for n in range(100):  # each byte in time, and no end
                handler.wfile.write(f"X-{n}: y\r\n".encode())
                handler.wfile.flush()
                if over.wait(0.1):
                    break
        except OSError:
            pass

    receiver.answers = [drip]
    add_mailbox("a@example.org")
    began = time.monotonic()

    assert run() == 1

    over.set()
    assert 0.5 < time.monotonic() - began < 4
    answer = WebhookAnswer.objects.get()
    assert (answer.status, answer.text) == (None, "It did not answer within 1 seconds.")
    assert anew(hook).failures == 1


def test_a_receiver_that_says_nothing_is_cut_off_too(hook, receiver, add_mailbox, monkeypatch):
    monkeypatch.setattr(webhook_sending, "SECONDS", 1)
    over = threading.Event()
    receiver.answers = [lambda handler: over.wait(5)]
    add_mailbox("a@example.org")
    began = time.monotonic()

    assert run() == 1

    over.set()
    assert time.monotonic() - began < 4
    assert WebhookAnswer.objects.get().status is None


def test_of_a_long_answer_the_beginning_is_kept(hook, receiver, add_mailbox):
    receiver.answers = [(200, {}, b"<b>ok\x00\r\n</b>" + b"x" * 5_000_000)]
    add_mailbox("a@example.org")

    assert run() == 1

    answer = WebhookAnswer.objects.get()
    assert answer.text.startswith("<b>ok </b>xxx")
    assert len(answer.text) <= webhook_sending.KEPT


def test_nobody_listening_is_a_failure(hook, receiver, add_mailbox):
    add_mailbox("a@example.org")
    receiver.close()
    try:
        assert run() == 1
    finally:
        receiver.close = lambda: None
    assert anew(hook).failures == 1
    assert "ConnectionRefused" in WebhookAnswer.objects.get().text


def test_a_host_that_is_allowed_no_more_gets_nothing(hook, receiver, add_mailbox, settings):
    add_mailbox("a@example.org")
    settings.WEBHOOK_HOSTS = ["hooks.example.net"]

    run()

    assert receiver.got == []
    assert anew(hook).failures == 1


def test_a_network_that_is_allowed_no_more_gets_nothing(hook, receiver, add_mailbox, settings):
    add_mailbox("a@example.org")
    settings.WEBHOOK_NETWORKS = ["127.0.0.2"]

    run()

    assert receiver.got == []
    assert "127.0.0.1" in WebhookAnswer.objects.get().text


# --- Several, and several at once


def test_one_that_fails_stops_no_other(root, make_receiver, example_org, add_mailbox):
    broken, works = make_receiver(), make_receiver()
    broken.answers = [BAD]
    for one in (broken, works):
        webhooks.create_webhook(actor=root, url=one.url, events=["mailbox"])
    add_mailbox("a@example.org")
    add_mailbox("b@example.org")

    assert run() == 3
    assert works.objects == ["a@example.org", "b@example.org"]
    assert broken.objects == ["a@example.org"]


def test_a_second_runner_leaves_alone_what_the_first_one_has(hook, receiver, add_mailbox):
    add_mailbox("a@example.org")
    Webhook.objects.update(runner="another", busy_until=timezone.now() + timedelta(minutes=1))

    assert run() == 0
    # Not even where both saw it free before.
    assert webhook_runner._turn(hook.pk, lambda: False) == 0
    assert receiver.got == []

    # It was killed: after a while somebody else goes on.
    Webhook.objects.update(busy_until=timezone.now() - timedelta(seconds=1))
    assert run() == 1
    assert (anew(hook).runner, anew(hook).busy_until) == ("", None)


def test_who_lost_the_webhook_meanwhile_writes_nothing_of_it(hook, receiver, add_mailbox, monkeypatch):  # fmt: skip
    add_mailbox("a@example.org")
    position = anew(hook).position
    sent = webhook_sending.send

    def slowly(*args, **kwargs):
        answer = sent(*args, **kwargs)
        Webhook.objects.update(runner="another", busy_until=timezone.now() + timedelta(minutes=1))
        return answer

    monkeypatch.setattr(webhook_sending, "send", slowly)

    assert run() == 1
    assert anew(hook).runner == "another"
    assert anew(hook).position == position


def test_it_stops_after_the_request_under_way(hook, receiver, add_mailbox):
    for name in ("a", "b", "c"):
        add_mailbox(f"{name}@example.org")

    assert webhook_runner.run(lambda: len(receiver.got) > 0) == 1
    assert receiver.objects == ["a@example.org"]
    assert anew(hook).busy_until is None


# --- Tests, and events that are sent again


def test_a_test_is_sent_though_it_is_off(hook, admin, receiver):
    webhooks.update_webhook(actor=admin, webhook=hook, active=False)
    webhooks.ask_for_test(webhook=hook)

    assert run() == 1
    [event] = receiver.told
    assert (event["type"], event["data"]) == ("test", {})
    assert is_signed(hook, receiver.got[0])
    assert WebhookAnswer.objects.get().status == 200
    assert run() == 0


def test_a_test_that_fails_stops_nothing(hook, receiver, add_mailbox):
    receiver.answers = [BAD, GOOD]
    webhooks.ask_for_test(webhook=hook)
    add_mailbox("a@example.org")

    assert run() == 2
    assert receiver.types == ["test", "create_mailbox"]
    assert anew(hook).failures == 0


def test_an_event_is_sent_again_as_it_was(hook, admin, receiver, add_mailbox):
    add_mailbox("a@example.org")
    run()
    webhooks.ask_again(actor=admin, webhook=hook, answer=WebhookAnswer.objects.get())

    assert run() == 1
    assert receiver.told[0] == receiver.told[1]
    assert run() == 0


def test_what_is_not_the_owners_any_more_is_not_sent_again(hook, admin, receiver, add_mailbox):
    add_mailbox("a@example.org")
    run()
    webhooks.ask_again(actor=admin, webhook=hook, answer=WebhookAnswer.objects.get())
    update_admin(actor=None, admin=admin, domains=[])

    run()

    assert len(receiver.got) == 1
    assert "not yours" in WebhookAnswer.objects.order_by("pk").last().text


def test_what_was_forgotten_is_not_sent_again(hook, admin, receiver, add_mailbox):
    add_mailbox("a@example.org")
    run()
    webhooks.ask_again(actor=admin, webhook=hook, answer=WebhookAnswer.objects.get())
    Event.objects.all().delete()

    run()

    assert len(receiver.got) == 1


def test_the_last_answers_are_kept(hook, receiver, add_mailbox, monkeypatch):
    monkeypatch.setattr(webhook_runner, "ANSWERS", 2)
    for name in ("a", "b", "c", "d"):
        add_mailbox(f"{name}@example.org")

    run()

    rows = WebhookAnswer.objects.order_by("pk").values_list("about", flat=True)
    assert list(rows) == ["c@example.org", "d@example.org"]

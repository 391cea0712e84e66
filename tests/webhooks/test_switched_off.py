"""Webhooks that were switched off by themselves, and in a restored copy."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from accounts import webhooks
from accounts.models import LogEntry, Webhook, WebhookAnswer
from tests.webhooks.conftest import BAD, GOOD, anew, run, soon


def test_after_some_days_it_is_switched_off_and_the_owner_is_told(
    hook, receiver, add_mailbox, settings, mailoutbox, django_capture_on_commit_callbacks
):
    receiver.answers = [BAD]
    add_mailbox("a@example.org")
    run()
    assert anew(hook).active
    soon(hook)
    since = timezone.now() - timedelta(days=settings.WEBHOOK_DAYS, minutes=1)
    Webhook.objects.update(failing_since=since)

    with django_capture_on_commit_callbacks(execute=True):
        run()

    assert (anew(hook).active, anew(hook).ended) == (False, "failed")
    [letter] = [one for one in mailoutbox if "webhook" in one.subject]
    assert letter.to == ["it@example.org"]
    assert "HTTP 500" in letter.body
    assert "broken" not in letter.body  # no words of others
    entry = LogEntry.objects.order_by("pk").last()
    assert (entry.action, entry.data) == ("edit_webhook", "it@example.org")
    soon(hook)
    assert run() == 0


def test_switched_on_again_it_goes_on_where_it_was(hook, admin, receiver, add_mailbox):
    receiver.answers = [BAD, GOOD]
    add_mailbox("a@example.org")
    run()
    Webhook.objects.update(active=False, ended="failed")
    add_mailbox("b@example.org")

    webhooks.update_webhook(actor=admin, webhook=hook, active=True)

    assert anew(hook).ended == ""
    assert run() == 2
    assert receiver.objects == ["a@example.org", "a@example.org", "b@example.org"]


def test_a_receiver_that_is_gone_is_asked_no_more(hook, receiver, add_mailbox):
    receiver.answers = [(410, {}, b"")]
    add_mailbox("a@example.org")

    run()

    assert (anew(hook).active, anew(hook).ended) == (False, "gone")


# --- A copy that was restored from a backup


@pytest.fixture
def panel(capsys):
    """What `manage.py webhooks` prints, to both."""

    def call(*options):
        call_command("webhooks", *options)
        return capsys.readouterr()

    return call


def test_a_restored_copy_sends_nothing_that_waited(hook, admin, receiver, add_mailbox, panel):
    add_mailbox("a@example.org")
    webhooks.ask_for_test(webhook=hook)

    assert panel("--pause").out == "Webhooks switched off: 1.\n"

    add_mailbox("b@example.org")
    assert run() == 0
    assert (anew(hook).active, anew(hook).ended) == (False, "restored")
    assert not WebhookAnswer.objects.filter(sent=None).exists()
    entry = LogEntry.objects.order_by("pk").filter(action="edit_webhook").last()
    assert (entry.username, entry.changes["active"]) == ("CLI (localhost)", [True, False])


def test_once_somebody_says_so_it_goes_on_where_it_was(hook, receiver, add_mailbox, panel):
    add_mailbox("a@example.org")
    panel("--pause")
    add_mailbox("b@example.org")

    assert panel("--resume").out == "Webhooks switched on: 1.\n"

    assert (anew(hook).active, anew(hook).ended) == (True, "")
    assert run() == 2
    assert receiver.objects == ["a@example.org", "b@example.org"]


def test_one_whose_url_somebody_changes_meanwhile_goes_on_too(hook, admin, panel):
    Webhook.objects.update(failures=3)
    panel("--pause")

    webhooks.update_webhook(actor=admin, webhook=hook, url=f"{hook.url}&more")

    assert (anew(hook).ended, anew(hook).failures) == ("restored", 0)
    assert panel("--resume").out == "Webhooks switched on: 1.\n"


def test_what_somebody_had_switched_off_stays_off(hook, admin, panel):
    webhooks.update_webhook(actor=admin, webhook=hook, active=False)

    assert panel("--pause").out == "Webhooks switched off: 0.\n"
    assert panel("--resume").out == "Webhooks switched on: 0.\n"
    assert anew(hook).active is False


def test_what_the_settings_of_this_server_do_not_allow_stays_off(hook, root, panel, capsys):
    other = webhooks.create_webhook(actor=root, url=hook.url, events=["mailbox"])
    Webhook.objects.filter(pk=hook.pk).update(url="https://elsewhere.example/")
    panel("--pause")

    with pytest.raises(CommandError, match=r"^Webhooks that stay off: 1\.$"):
        panel("--resume")

    said = capsys.readouterr()
    assert said.out == "Webhooks switched on: 1.\n"
    assert said.err.startswith("it@example.org, elsewhere.example: Nothing is sent to")
    assert (anew(hook).ended, anew(other).active) == ("restored", True)

"""What becomes an event: every entry of the log that we write, with it, and nothing that is secret."""

import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import events, tokens
from accounts.models import Event, EventLock, LogEntry, WebhookAnswer
from accounts.password_links import invite
from accounts.services import set_admin_password
from aliases.services import create_alias
from mailboxes.app_passwords import drawn, make_app_password
from mailboxes.services import create_mailboxes, delete_mailbox, set_mailbox_password
from panel.scoping import rights_of


def told():
    events.number()
    return [events.told(event) for event in events.after(0)]


def test_each_entry_of_the_log_is_an_event(root, example_org, add_mailbox):
    mailbox = add_mailbox("ann@example.org", name="Ann")
    delete_mailbox(actor=root, mailbox=mailbox)

    of_log = [(e.action, e.domain, e.data, e.changes) for e in LogEntry.objects.order_by("pk")]
    assert [
        (e["type"], e["data"]["domain"], e["data"]["object"], e["data"]["changes"]) for e in told()
    ] == of_log
    assert len(of_log) == 4


def test_so_are_sign_ins_and_links(root, admin, add_mailbox, client, settings, password):
    settings.PANEL_URL = "https://panel.example.org/"
    mailbox = add_mailbox("ann@example.org", email_other="ann@elsewhere.example")
    for typed in (password, "wrong"):
        client.post("/login/", {"username": "ann@example.org", "password": typed}, secure=True)
    link = invite(actor=root, account=mailbox)

    assert [e["type"] for e in told()][-3:] == ["login", "login_failed", "invite"]
    assert len(told()) == LogEntry.objects.count()
    assert str(link).rpartition("/")[2] not in json.dumps(told())


def test_what_is_made_by_the_thousand_is_too(example_org):
    rows = [{"local_part": f"m{n}", "password_hash": "{CRYPT}!"} for n in range(3)]
    create_mailboxes(actor=None, domain=example_org, mailboxes=rows)

    assert [e["data"]["object"] for e in told()][1:] == [f"m{n}@example.org" for n in range(3)]
    assert len({e["id"] for e in told()}) == 4


def test_an_event_says_who_when_and_what(example_org, root, add_mailbox):
    root.client_ip = "192.0.2.7"
    domain = example_org
    create_alias(actor=root, domain=domain, local_part="sales", targets=["ann@elsewhere.example"])

    event = told()[-1]

    assert event["timestamp"].endswith("Z")
    assert event["id"].startswith("evt_")
    assert event["number"] == EventLock.objects.get().last
    assert event["data"] == {
        "kind": "alias",
        "person": "root@example.org",
        "client": "192.0.2.7",
        "domain": "example.org",
        "object": "sales@example.org",
        "changes": {"goto": [None, "ann@elsewhere.example"], "active": [None, True]},
    }


def test_what_is_not_done_is_no_event(example_org, add_mailbox):
    add_mailbox("ann@example.org")
    before = Event.objects.count()

    with pytest.raises(ValidationError):
        add_mailbox("ann@example.org")
    with transaction.atomic():
        add_mailbox("joe@example.org")
        transaction.set_rollback(True)

    assert Event.objects.count() == before == LogEntry.objects.count()


def test_no_secret_is_in_an_event(root, admin, add_mailbox, password):
    secret, made, token = "marmalade-9-tricycle", drawn(), tokens.drawn()
    mailbox = add_mailbox("ann@example.org")
    set_mailbox_password(actor=root, mailbox=mailbox, password=secret)
    set_admin_password(actor=root, admin=admin, password=secret)
    make_app_password(actor=mailbox, password=made, name="Phone", protocols=["imap"])
    tokens.make_token(actor=root, token=token, name="Billing", rights=sorted(rights_of(root)))

    text = json.dumps(told())

    assert "Phone" in text
    assert "Billing" in text
    hidden = [secret, password, made, token, tokens.digest(token)]
    hidden += [type(row).objects.get(pk=row.pk).password for row in (mailbox, admin, root)]
    assert [one for one in hidden if one in text] == []


def test_numbers_follow_the_order_of_commits_and_never_change(example_org, add_mailbox):
    for name in ("a", "b"):
        add_mailbox(f"{name}@example.org")
    late = Event.objects.order_by("pk").last()
    Event.objects.filter(pk=late.pk).delete()  # as if its transaction took longer
    first = told()
    late.save(force_insert=True)
    add_mailbox("c@example.org")

    second = told()

    assert second[: len(first)] == first
    assert [e["number"] for e in second] == list(range(1, len(second) + 1))
    assert [e["data"]["object"] for e in second[-2:]] == ["b@example.org", "c@example.org"]


def test_numbers_go_on_after_all_is_forgotten(example_org, add_mailbox, settings):
    add_mailbox("a@example.org")
    Event.objects.update(at=timezone.now() - timedelta(days=settings.EVENTS_DAYS, minutes=1))

    assert events.forget() == 2
    add_mailbox("b@example.org")

    assert [(e["number"], e["data"]["object"]) for e in told()] == [(3, "b@example.org")]


def test_what_is_not_old_is_kept(example_org, add_mailbox, hook):
    old = WebhookAnswer.objects.create(webhook=hook, asked=timezone.now() - timedelta(days=31))
    new = WebhookAnswer.objects.create(webhook=hook)
    kept = Event.objects.count()

    assert events.forget() == 1
    assert Event.objects.count() == kept
    assert list(WebhookAnswer.objects.all()) == [new]
    assert old not in WebhookAnswer.objects.all()


@pytest.mark.parametrize(
    ("names", "domains", "wanted"),
    [
        ((), (), True),
        (("mailbox",), (), True),
        (("create_mailbox",), (), True),
        (("delete_mailbox", "alias"), (), False),
        (("mailbox",), ("example.org",), True),
        (("mailbox",), ("other.net",), False),
    ],
)
def test_an_event_is_chosen_by_kind_action_and_domain(names, domains, wanted):
    event = Event(action="create_mailbox", domain="example.org", data="ann@example.org")

    assert events.is_wanted(event, names=names, domains=domains) is wanted


def test_what_is_done_to_an_administrator_is_of_that_kind():
    assert Event(action="edit_password", domain="").kind == "admin"
    assert Event(action="edit_password", domain="example.org").kind == "mailbox"

"""One's own webhooks: the list, making one, changing it, its buttons, and whose they are."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import webhook_runner, webhooks
from accounts.models import LogEntry, Webhook, WebhookAnswer
from tests.pages.reading import error_codes

LIST, NEW = reverse("own-webhooks"), reverse("own-webhook-new")
URL = "https://hooks.example.net/mail?key=s3cret"


@pytest.fixture(autouse=True)
def hosts(settings):
    settings.WEBHOOK_HOSTS = ["hooks.example.net", "*.example.com"]


@pytest.fixture
def admin(example_org, make_admin):
    return make_admin("it@example.org", domains=["example.org"])


@pytest.fixture
def root(make_admin):
    return make_admin("root@example.org", superadmin=True)


@pytest.fixture
def hook(admin):
    return webhooks.create_webhook(actor=admin, url=URL, events=["mailbox"])


def page_of(hook):
    return reverse("own-webhook", args=[hook.pk])


def secret_in(response):
    found = re.search(r'id="secret">(.*?)</code>', response.content.decode())
    return found and re.sub(r"<wbr>|\u200b", "", found[1])


def codes(response, field="__all__"):
    return error_codes(response)[field]


def make(client, **fields):
    return client.post(NEW, {"url": URL, "of_mailbox": "on"} | fields)


def do(client, hook, what, **more):
    return client.post(page_of(hook), {"do": what} | more)


def words(response):
    return re.sub(r"<[^>]*>", "", response.content.decode())


# --- Making and changing


def test_a_webhook_is_made_and_its_secret_shown_once(sign_in, admin):
    client = sign_in(admin)

    response = make(client, actions="create_alias\ndelete_alias", domains="Example.org")

    row = Webhook.objects.get()
    assert secret_in(response) == webhooks.secret_of(row)
    assert (row.owner, row.url, row.events, row.domains) == (
        "it@example.org",
        URL,
        "mailbox,create_alias,delete_alias",
        "example.org",
    )
    for place in (LIST, page_of(row), reverse("own-webhook-edit", args=[row.pk])):
        assert "whsec_" not in client.get(place).content.decode()
    assert "hooks.example.net" in client.get(LIST).content.decode()


def test_the_second_of_two_clicks_makes_no_second_one(sign_in, admin):
    client = Client(enforce_csrf_checks=True)
    client.cookies = sign_in(admin).cookies
    token = re.search(r'csrfmiddlewaretoken" value="(.*?)"', client.get(NEW).content.decode())[1]
    fields = {"csrfmiddlewaretoken": token}

    answers = [make(client, **fields) for _n in range(2)]

    assert secret_in(answers[0]) == secret_in(answers[1]) is not None
    assert Webhook.objects.count() == 1


def test_the_log_says_it_without_what_may_be_a_secret(sign_in, admin):
    client = sign_in(admin)
    make(client)
    row = Webhook.objects.get()
    client.post(
        reverse("own-webhook-edit", args=[row.pk]),
        {"url": "https://a.example.com/t0ken", "of_alias": "on"},
    )
    do(client, row, "secret")
    do(client, row, "off")
    do(client, row, "delete")

    entries = LogEntry.objects.filter(action__contains="webhook").order_by("pk")
    assert [entry.action for entry in entries] == [
        "create_webhook",
        *["edit_webhook"] * 3,
        "delete_webhook",
    ]
    text = " ".join(str((e.data, e.changes)) for e in entries)
    assert "a.example.com" in text
    assert "s3cret" not in text
    assert "t0ken" not in text
    assert "whsec" not in text


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"url": ""}, "url", "required"),
        ({"url": "https://evil.example/"}, "url", "not_allowed"),
        ({"url": "http://hooks.example.net/"}, "url", "not_encrypted"),
        ({"url": "javascript:alert(1)"}, "url", "no_url"),
        ({"of_mailbox": ""}, "actions", "no_event"),
        ({"actions": "create_mailbox, become_root"}, "actions", "no_event"),
        ({"domains": "other.net"}, "domains", "not_yours"),
        ({"domains": "no-such.example"}, "domains", "not_yours"),
    ],
)
def test_what_cannot_be_is_refused(sign_in, admin, other_net, fields, field, code):
    response = make(sign_in(admin), **fields)

    assert response.status_code == 422
    assert codes(response, field) == [code]
    assert not Webhook.objects.exists()


def test_nobody_has_more_than_some(sign_in, admin, monkeypatch):
    monkeypatch.setattr(webhooks, "MOST", 1)
    client = sign_in(admin)
    make(client)

    assert codes(make(client, url="https://a.example.com/"), "url") == ["too_many"]


def test_a_webhook_is_changed(sign_in, admin, hook):
    client = sign_in(admin)
    place = reverse("own-webhook-edit", args=[hook.pk])
    page = client.get(place)
    assert page.context["form"]["url"].value() == URL
    Webhook.objects.update(failures=3, failing_since=timezone.now(), next_try=timezone.now())

    response = client.post(
        place, {"url": "https://a.example.com/", "of_alias": "on", "actions": "delete_mailbox"}
    )

    assert (response.status_code, response.url) == (302, page_of(hook))
    row = Webhook.objects.get()
    assert (row.url, row.events) == ("https://a.example.com/", "alias,delete_mailbox")
    assert (row.failures, row.next_try) == (0, None)


def test_a_wrong_change_changes_nothing(sign_in, admin, hook):
    place = reverse("own-webhook-edit", args=[hook.pk])

    response = sign_in(admin).post(place, {"url": "https://evil.example/", "of_alias": "on"})

    assert codes(response, "url") == ["not_allowed"]
    assert Webhook.objects.get().url == URL


def test_what_is_not_changed_stays_though_it_is_allowed_no_more(sign_in, admin, hook, settings):
    settings.WEBHOOK_HOSTS = ["hooks.elsewhere.example"]
    place = reverse("own-webhook-edit", args=[hook.pk])

    response = sign_in(admin).post(place, {"url": URL, "of_alias": "on"})

    assert response.status_code == 302
    assert Webhook.objects.get().events == "alias"


def test_two_who_change_it_at_once_are_told(sign_in, admin, hook):
    client = sign_in(admin)
    place = reverse("own-webhook-edit", args=[hook.pk])
    html = client.get(place).content.decode()
    digests = re.search(r'name="initial_digests" value="(.*?)"', html)[1]
    webhooks.update_webhook(actor=admin, webhook=hook, url="https://a.example.com/")

    fields = {"initial_digests": digests, "of_mailbox": "on"}
    kept = client.post(place, {"url": URL, **fields})
    clash = client.post(place, {"url": "https://b.example.com/", **fields})

    assert kept.status_code == 302
    assert codes(clash, "url") == ["edit_conflict"]
    assert Webhook.objects.get().url == "https://a.example.com/"


# --- Its buttons


def test_a_test_is_asked_for(sign_in, admin, hook):
    response = do(sign_in(admin), hook, "test")

    assert response.status_code == 302
    row = WebhookAnswer.objects.get()
    assert (row.action, row.event, row.sent) == ("test", "", None)


def test_where_nobody_sends_the_page_says_so(sign_in, admin, hook):
    client = sign_in(admin)
    do(client, hook, "test")
    assert "Nobody sends" not in words(client.get(page_of(hook)))

    WebhookAnswer.objects.update(asked=timezone.now() - timedelta(minutes=2))

    assert "Nobody sends" in words(client.get(page_of(hook)))


def test_too_many_tests_wait(sign_in, admin, hook, monkeypatch):
    monkeypatch.setattr(webhooks, "WAITING", 1)
    client = sign_in(admin)
    do(client, hook, "test")

    response = do(client, hook, "test")

    assert response.status_code == 422
    assert "Too many wait already" in words(response)
    assert WebhookAnswer.objects.count() == 1


def test_answers_are_shown_and_an_event_is_asked_for_again(sign_in, admin, hook, add_mailbox):
    add_mailbox("ann@example.org")
    webhook_runner.run()  # nobody is there
    client = sign_in(admin)

    shown = words(client.get(page_of(hook)))
    assert "create_mailbox ann@example.org" in shown
    assert "It fails since" in shown

    first = WebhookAnswer.objects.get()
    assert do(client, hook, "again", answer=first.pk).status_code == 302

    assert [a.sent for a in WebhookAnswer.objects.filter(event=first.event).order_by("pk")][1:] == [
        None
    ]
    assert "waits, and is sent" in words(client.get(page_of(hook)))


def test_an_event_that_is_kept_no_more_is_refused(sign_in, admin, hook):
    answer = WebhookAnswer.objects.create(webhook=hook, event="evt_x", sent=timezone.now())

    response = do(sign_in(admin), hook, "again", answer=answer.pk)

    assert response.status_code == 422
    assert WebhookAnswer.objects.count() == 1


def test_another_webhooks_answer_is_not_sent_again(sign_in, admin, root, hook):
    other = webhooks.create_webhook(actor=root, url=URL, events=["admin"])
    answer = WebhookAnswer.objects.create(webhook=other, event="evt_x", sent=timezone.now())

    assert do(sign_in(admin), hook, "again", answer=answer.pk).status_code == 404
    assert do(sign_in(admin), hook, "again", answer="x").status_code == 404


def test_it_is_switched_off_and_on(sign_in, admin, hook):
    client = sign_in(admin)

    do(client, hook, "off")
    assert not Webhook.objects.get().active
    Webhook.objects.update(ended="failed", failures=9, failing_since=timezone.now() - timedelta(9))
    assert "switched off by itself" in words(client.get(page_of(hook)))
    do(client, hook, "on")

    row = Webhook.objects.get()
    assert (row.active, row.ended, row.failures, row.failing_since) == (True, "", 0, None)


def test_a_host_that_is_allowed_no_more_is_not_switched_on(sign_in, admin, hook, settings):
    client = sign_in(admin)
    do(client, hook, "off")
    settings.WEBHOOK_HOSTS = []

    response = do(client, hook, "on")

    assert response.status_code == 422
    assert not Webhook.objects.get().active


def test_a_new_secret_takes_the_place_of_the_former_one(sign_in, admin, hook):
    before = webhooks.secret_of(hook)

    shown = secret_in(do(sign_in(admin), hook, "secret"))

    assert shown == webhooks.secret_of(Webhook.objects.get()) != before


def test_it_is_deleted_with_its_answers(sign_in, admin, hook):
    WebhookAnswer.objects.create(webhook=hook)

    response = do(sign_in(admin), hook, "delete")

    assert (response.status_code, response.url) == (302, LIST)
    assert not Webhook.objects.exists()
    assert not WebhookAnswer.objects.exists()


def test_another_button_does_not_exist(sign_in, admin, hook):
    assert do(sign_in(admin), hook, "answer").status_code == 404


# --- Whose they are


@pytest.mark.parametrize("role", ["superadmin", "another", "mailbox"])
def test_another_persons_does_not_exist(sign_in, hook, root, make_admin, add_mailbox, role):
    account = {
        "superadmin": lambda: root,
        "another": lambda: make_admin("second@example.org", domains=["example.org"]),
        "mailbox": lambda: add_mailbox("it@example.org"),  # of the owner's name
    }[role]()
    client = sign_in(account)
    edit = reverse("own-webhook-edit", args=[hook.pk])

    for place in (page_of(hook), edit):
        assert client.get(place).status_code == 404
        assert client.post(place, {"do": "delete", "url": "https://a.example.com/"}).status_code == 404  # fmt: skip
    if role != "mailbox":
        assert "hooks.example.net" not in re.sub(
            r"(?s)<form.*", "", client.get(LIST).content.decode()
        )
    row = Webhook.objects.get()
    assert (row.url, row.active) == (URL, True)


@pytest.mark.parametrize("place", [LIST, NEW])
def test_there_are_none_for_mailbox_users(sign_in, example_org, add_mailbox, place):
    client = sign_in(add_mailbox("ann@example.org"))

    assert client.get(place).status_code == 404
    assert client.post(place, {"url": URL, "of_mailbox": "on"}).status_code in {404, 405}
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("key", ["0", "x", "²", "9" * 30, "-1"])
def test_a_webhook_that_is_not_there(sign_in, admin, key):
    assert sign_in(admin).get(reverse("own-webhook", args=[key])).status_code == 404


def test_kinds_that_a_domain_admin_never_sees_are_not_offered(sign_in, admin, root):
    assert "of_admin" not in sign_in(admin).get(NEW).context["form"].fields
    assert "of_admin" in sign_in(root).get(NEW).context["form"].fields


def test_where_nothing_is_allowed_none_is_offered(sign_in, admin, settings):
    settings.WEBHOOK_HOSTS = []

    page = sign_in(admin).get(LIST).content.decode()

    assert "WEBHOOK_HOSTS" in page
    assert NEW not in page

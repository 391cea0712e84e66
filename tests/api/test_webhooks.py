"""An administrator's own webhooks."""

import pytest

from accounts import webhook_runner, webhooks
from accounts.models import Admin, Event, LogEntry, Webhook
from accounts.services import update_admin
from panel.models import ApiAnswer

URL = "https://hooks.example.net/s3cret"
BODY = {"url": URL, "events": ["create_alias", "mailbox"]}


@pytest.fixture(autouse=True)
def hosts(settings):
    settings.WEBHOOK_HOSTS = ["hooks.example.net", "10.0.0.1"]


@pytest.fixture
def hook(theirs):
    """The path of one of the domain admin's."""
    return f"/webhooks/{theirs.post('/webhooks', BODY).json()['id']}"


@pytest.fixture
def limited(make_admin, make_token, program, example_org, other_net):
    """A program with a token of a superadmin that is limited to example.org."""
    boss = make_admin("boss@example.net", superadmin=True)
    return program(make_token(boss)), program(make_token(boss, domains="example.org", name="One"))


def stored(path):
    return Webhook.objects.get(pk=path.rpartition("/")[2])


def pointers(response):
    return [one["pointer"] for one in response.json()["errors"]]


# --- Making and changing


def test_one_is_made_and_its_secret_told_once(theirs):
    made = theirs.post("/webhooks", BODY)

    row = Webhook.objects.get()
    assert made.status_code == 201
    told = made.json()
    assert told.pop("secret") == webhooks.secret_of(row)
    assert told == {
        "id": row.pk,
        "url": URL,
        "events": ["mailbox", "create_alias"],
        "domains": None,
        "active": True,
        "ended": None,
        "failing_since": None,
        "created": told["created"],
    }
    assert theirs.get(f"/webhooks/{row.pk}").json() == told
    assert theirs.get("/webhooks").json() == {"items": [told], "next": None}
    assert row.owner == "theirs@example.org"


def test_the_same_request_makes_one_and_tells_no_secret_again(theirs):
    first, second = (theirs.post("/webhooks", BODY, **{"Idempotency-Key": "1"}) for _n in range(2))

    assert second.json() == first.json() | {"secret": None}
    assert first.json()["secret"] not in str(ApiAnswer.objects.values())
    assert Webhook.objects.count() == 1


def test_a_dry_run_makes_none_and_has_no_secret(theirs):
    told = theirs.post("/webhooks?dry_run=true", BODY).json()

    assert (told["status"], told["result"]["secret"]) == (201, None)
    assert [change["action"] for change in told["changes"]] == ["create_webhook"]
    assert not Webhook.objects.exists()


def test_one_is_made_that_is_off(theirs):
    assert theirs.post("/webhooks", BODY | {"active": False}).json()["active"] is False


def test_what_is_named_is_changed(theirs, hook):
    before = stored(hook)

    told = theirs.patch(hook, {"events": ["alias"], "domains": ["example.org"]}).json()

    assert (told["url"], told["events"], told["domains"]) == (URL, ["alias"], ["example.org"])
    assert stored(hook).secret == before.secret
    assert theirs.patch(hook, {"domains": None}).json()["domains"] is None


def test_the_same_twice_is_logged_once(theirs, hook):
    theirs.patch(hook, {"active": False})
    entries = LogEntry.objects.count()

    assert theirs.patch(hook, {"active": False}).status_code == 200
    assert LogEntry.objects.count() == entries


def test_what_somebody_changed_meanwhile_is_not_changed(theirs, hook):
    etag = theirs.get(hook).headers["ETag"]
    theirs.patch(hook, {"events": ["alias"]})

    answer = theirs.patch(hook, {"active": False}, **{"If-Match": etag})

    assert answer.status_code == 412
    assert stored(hook).active is True


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"url": "https://evil.example/"}, "/url"),
        ({"url": "https://127.0.0.1/"}, "/url"),
        ({"url": "https://[::1]/"}, "/url"),
        ({"url": "http://hooks.example.net/"}, "/url"),
        ({"url": None}, "/url"),
        ({"events": []}, "/events"),
        ({"events": ["become_root"]}, "/events"),
        ({"domains": ["other.net"]}, "/domains"),
        ({"secret": "whsec_x"}, "/secret"),
    ],
)
def test_what_cannot_be_is_told_where(theirs, hook, other_net, wrong, where):
    made, changed = theirs.post("/webhooks", BODY | wrong), theirs.patch(hook, wrong)

    assert (made.status_code, changed.status_code) == (422, 422)
    assert (pointers(made), pointers(changed)) == ([where], [where])
    assert Webhook.objects.count() == 1


def test_an_address_that_is_not_public_is_told_nothing(theirs):
    made = theirs.post("/webhooks", BODY | {"url": "https://10.0.0.1/"}).json()
    theirs.post(f"/webhooks/{made['id']}/test")

    webhook_runner.run()

    [answer] = theirs.get(f"/webhooks/{made['id']}/answers").json()["items"]
    assert answer["status"] is None
    assert "10.0.0.1" in answer["text"]


def test_a_new_secret_takes_the_place_of_the_former_one(theirs, hook):
    former = webhooks.secret_of(stored(hook))

    told = theirs.post(f"{hook}/secret").json()["secret"]

    assert told == webhooks.secret_of(stored(hook)) != former


def test_one_is_deleted(theirs, hook):
    assert [theirs.delete(hook).status_code for _n in range(2)] == [204, 404]
    assert not Webhook.objects.exists()


# --- Answers


def test_a_test_waits_and_is_among_the_answers(theirs, hook):
    assert theirs.post(f"{hook}/test").status_code == 204

    [told] = theirs.get(f"{hook}/answers").json()["items"]
    assert (told["type"], told["event"], told["sent"], told["status"]) == ("test", None, None, None)


def test_too_many_do_not_wait(theirs, hook, monkeypatch):
    monkeypatch.setattr(webhooks, "WAITING", 1)

    assert [theirs.post(f"{hook}/test").status_code for _n in range(2)] == [204, 422]


def test_answers_are_listed_the_last_one_first(theirs, hook):
    answers = stored(hook).answers
    rows = [answers.create(event="", action="test", status=code) for code in (200, 500, 204)]

    first = theirs.get(f"{hook}/answers?limit=2").json()
    second = theirs.get(f"{hook}/answers?limit=2&after={rows[1].pk}").json()

    assert [one["status"] for one in first["items"]] == [204, 500]
    assert first["next"].endswith(f"after={rows[1].pk}")
    assert ([one["status"] for one in second["items"]], second["next"]) == ([200], None)
    assert theirs.get(f"{hook}/answers?after=x").status_code == 422


def test_an_event_is_sent_again(theirs, hook, add_mailbox):
    add_mailbox("ann@example.org")
    event = Event.objects.get(action="create_mailbox")
    row = stored(hook).answers.create(event=event.name, action=event.action, about=event.data)

    assert theirs.post(f"{hook}/answers/{row.pk}/again").status_code == 204

    again = stored(hook).answers.exclude(pk=row.pk).get()
    assert (again.event, again.about, again.sent) == (event.name, "ann@example.org", None)


def test_an_event_that_is_kept_no_more_is_not(theirs, hook):
    row = stored(hook).answers.create(event="evt_gone", action="create_mailbox")

    assert theirs.post(f"{hook}/answers/{row.pk}/again").status_code == 422
    assert stored(hook).answers.count() == 1


def test_the_answer_of_another_webhook_is_not_there(theirs, hook):
    other = theirs.post("/webhooks", BODY).json()["id"]
    row = stored(hook).answers.create(event="", action="test")

    assert theirs.post(f"/webhooks/{other}/answers/{row.pk}/again").status_code == 404


# --- Whose they are


def test_another_persons_is_not_there(theirs, hook, root):
    answers = [
        root.get(hook),
        root.patch(hook, {"active": False}),
        root.delete(hook),
        root.post(f"{hook}/secret"),
        root.post(f"{hook}/test"),
        root.get(f"{hook}/answers"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert root.get("/webhooks").json()["items"] == []
    assert stored(hook).active is True


def test_a_mailboxs_user_has_none(example_org, add_mailbox, make_token, program):
    asked = program(make_token(add_mailbox("ann@example.org")))

    assert asked.get("/webhooks").status_code == 403
    assert asked.post("/webhooks", BODY).status_code == 403


def test_reading_is_not_writing(theirs, hook, make_token, program):
    owner = Admin.objects.get(pk="theirs@example.org")
    asked = program(make_token(owner, rights=["webhooks:read"], name="Reading"))

    assert asked.get(hook).status_code == 200
    assert asked.patch(hook, {"active": False}).status_code == 403
    assert asked.post(f"{hook}/secret").status_code == 403


def test_a_limited_token_makes_none_beyond_its_domains(limited):
    _whole, one = limited

    made = one.post("/webhooks", BODY).json()
    beyond = one.post("/webhooks", BODY | {"domains": ["other.net"]})

    assert made["domains"] == ["example.org"]
    assert (beyond.status_code, pointers(beyond)) == (422, ["/domains"])
    path = f"/webhooks/{made['id']}"
    assert one.patch(path, {"domains": None}).json()["domains"] == ["example.org"]
    assert one.patch(path, {"domains": ["other.net"]}).status_code == 422


def test_a_limited_token_sees_none_beyond_its_domains(limited):
    whole, one = limited
    paths = [
        f"/webhooks/{whole.post('/webhooks', BODY | {'domains': names}).json()['id']}"
        for names in ([], ["example.org", "other.net"], ["example.org"])
    ]

    assert [whole.get(path).status_code for path in paths] == [200] * 3
    assert [one.get(path).status_code for path in paths] == [404, 404, 200]
    assert len(one.get("/webhooks").json()["items"]) == 1


def test_a_limited_token_sees_no_answers_about_other_domains(limited, add_mailbox):
    whole, one = limited
    path = f"/webhooks/{whole.post('/webhooks', BODY).json()['id']}"
    answers, made = stored(path).answers, {}
    for name in ("ann@example.org", "eve@other.net"):
        add_mailbox(name)
        event = Event.objects.get(action="create_mailbox", data=name)
        made[name] = answers.create(event=event.name, action=event.action, about=name)
    made["test"] = answers.create(event="", action="test")
    made["forgotten"] = answers.create(event="evt_gone", action="create_mailbox", about="gone")
    whole.patch(path, {"domains": ["example.org"]})

    def seen(program):
        return [row["id"] for row in program.get(f"{path}/answers").json()["items"]]

    def again(name):
        return one.post(f"{path}/answers/{made[name].pk}/again").status_code

    assert seen(whole) == [row.pk for row in reversed(made.values())]
    assert seen(one) == [made["test"].pk, made["ann@example.org"].pk]
    assert [again(name) for name in made] == [204, 404, 204, 404]


def test_a_limited_token_whose_domains_are_gone_has_and_makes_none(
    make_admin, make_token, program, example_org, other_net
):
    admin = make_admin("it@example.org", domains=["example.org", "other.net"])
    whole, asked = program(make_token(admin)), program(make_token(admin, domains="other.net"))
    whole.post("/webhooks", BODY)
    asked.post("/webhooks", BODY)
    update_admin(actor=None, admin=admin, domains=["example.org"])

    assert asked.get("/webhooks").json()["items"] == []
    assert asked.post("/webhooks", BODY).status_code == 422
    assert Webhook.objects.count() == 2


def test_what_a_token_does_not_see_counts_too(limited, monkeypatch):
    whole, one = limited
    monkeypatch.setattr(webhooks, "MOST", 1)
    whole.post("/webhooks", BODY)

    assert pointers(one.post("/webhooks", BODY)) == ["/url"]

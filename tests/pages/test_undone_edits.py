import pytest
from django.urls import reverse

from accounts.models import LogEntry
from aliases.models import Alias
from aliases.services import update_alias
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox
from panel.models import Task
from tests.pages.reading import text, told

FIELDS = ("goto", "description", "active", "is_self_alias", "domain")


@pytest.fixture
def world(example_org, add_mailbox, add_alias):
    add_mailbox("ann@example.org")
    add_mailbox("sam@example.org")
    add_alias("sales@example.org", "sam@example.org", "x@else.example", description="Shop")


def row(key):
    return Alias.objects.values(*FIELDS).get(pk=key)


def save_alias(client, targets="ann@example.org", **values):
    address = reverse("alias-edit", args=["sales@example.org"])
    return client.post(address, {"targets": targets, "description": "Shop", **values})


def forward(client, targets, **values):
    address = reverse("mailbox-forwarding", args=["sam@example.org"])
    return client.post(address, {"targets": targets, **values})


def undo(client, done):
    address = reverse("task-undo", args=[Task.objects.latest("pk").pk])
    assert f'action="{address}"' in client.get(done.url).text
    return client.post(address)


def test_recipients_of_an_alias_are_given_back_with_what_was_saved_beside_them(admin, world):
    before = row("sales@example.org")
    done = save_alias(admin, description="Office")
    assert told(done) == ["Alias sales@example.org saved."]

    undone = undo(admin, done)

    assert undone.url == done.url
    assert told(undone) == [
        "sales@example.org is as it was: mail goes to 1 mailbox and 1 external address."
    ]
    assert row("sales@example.org") == before
    entry = LogEntry.objects.filter(data="sales@example.org").latest("id")
    assert (entry.username, entry.action) == ("theirs@example.org (127.0.0.1)", "edit_alias")
    assert entry.changes == {
        "goto": ["ann@example.org", "sam@example.org,x@else.example"],
        "description": ["Office", "Shop"],
    }


def test_a_forwarding_is_given_back(admin, world):
    sam = "sam@example.org"
    forward(admin, "x@else.example", keep_copy="on")
    before = row(sam)
    done = forward(admin, "")
    assert row(sam)["goto"] == sam

    undone = undo(admin, done)

    assert told(undone)[-1] == "sam@example.org is as it was: mail goes to x@else.example."
    assert row(sam) == before
    assert LogEntry.objects.filter(data=sam).latest("id").action == "edit_forwarding"


def test_what_another_program_wrote_comes_back_as_it_was_written(admin, world):
    Alias.objects.filter(pk="sales@example.org").update(goto="Sam@Example.org,sam@example.org")
    sam = Alias.objects.filter(pk="sam@example.org")
    sam.update(goto="X@else.example,sam@example.org", active=False)
    rows = [row("sales@example.org"), row("sam@example.org")]

    undo(admin, save_alias(admin))
    undo(admin, forward(admin, "ann@example.org"))

    assert [row("sales@example.org"), row("sam@example.org")] == rows


def test_what_somebody_changed_since_stays_and_is_said(admin, world):
    save_alias(admin)
    sales = Alias.objects.get(pk="sales@example.org")
    update_alias(actor=None, alias=sales, targets=["y@else.example"])

    undone = admin.post(reverse("task-undo", args=[Task.objects.get().pk]))

    assert told(undone)[-1] == "sales@example.org: Somebody changed it since. It stays as it is."
    assert row("sales@example.org")["goto"] == "y@else.example"


def test_a_forwarding_that_somebody_changed_since_stays(admin, world, add_mailbox):
    done = forward(admin, "x@else.example")
    sam = Alias.objects.get(pk="sam@example.org").pk
    set_forwarding(actor=None, mailbox=add_mailbox("joe@example.org"), targets="y@else.example")
    Alias.objects.filter(pk=sam).delete()

    undone = undo(admin, done)

    assert told(undone)[-1] == "sam@example.org: Somebody changed it since. It stays as it is."
    assert not Alias.objects.filter(pk=sam).exists()


def test_what_would_close_a_loop_by_now_is_refused(admin, world, add_alias):
    save_alias(admin)
    add_alias("b@example.org", "sales@example.org")
    Task.objects.get().rows.update(
        changes={"goto": ["b@example.org", "ann@example.org"]},
    )

    undone = admin.post(reverse("task-undo", args=[Task.objects.get().pk]))

    assert "loop" in told(undone)[-1]
    assert row("sales@example.org")["goto"] == "ann@example.org"


def test_only_a_change_of_recipients_has_undo(admin, world):
    save_alias(admin, "sam@example.org\nx@else.example", description="Office")
    forward(admin, "")

    assert Task.objects.count() == 0


def test_nobody_else_undoes_it_and_nobody_twice(admin, world, sign_in, make_admin):
    save_alias(admin)
    address = reverse("task-undo", args=[Task.objects.get().pk])
    admin.post(address)
    again = admin.post(address)

    assert told(again)[-1] == "This has been undone already."
    assert row("sales@example.org")["goto"] == "sam@example.org,x@else.example"
    assert sign_in(make_admin(superadmin=True)).post(address).status_code == 404
    assert sign_in(make_admin("b@x.example")).post(address).status_code == 404


def test_an_alias_that_is_gone_is_not_made_again(admin, world):
    save_alias(admin)
    Alias.objects.filter(pk="sales@example.org").delete()

    undone = admin.post(reverse("task-undo", args=[Task.objects.get().pk]))

    assert told(undone)[-1] == "There was nothing left to do."
    assert not Alias.objects.filter(pk="sales@example.org").exists()


def test_its_page_says_what_it_was(admin, world):
    forward(admin, "x@else.example")

    assert "Forwarding of a mailbox" in text(admin.get(f"/tasks/{Task.objects.get().pk}/"))


def test_a_second_click_on_save_offers_the_same_undo(admin, world):
    sent = {"csrfmiddlewaretoken": "x" * 64}

    answers = [save_alias(admin, **sent) for _click in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert admin.get(answers[1].url).text.count('class="undo"') == 2
    assert Task.objects.count() == 1


# --- The user of a mailbox


@pytest.fixture
def sam(sign_in, world):
    return sign_in(Mailbox.objects.get(pk="sam@example.org"))


def forward_own(client, *targets, keep_copy="1"):
    address = reverse("own-forwarding")
    return client.post(address, {"targets": targets, "keep_copy": keep_copy})


def test_a_user_takes_back_the_own_forwarding(sam, world):
    before = row("sam@example.org")
    done = forward_own(sam, "ann@example.org", keep_copy="0")

    undone = undo(sam, done)

    assert undone.url == "/account/"
    assert "Forwarding Off As it was before" in text(sam.get(undone.url))
    assert row("sam@example.org") == before
    entry = LogEntry.objects.filter(data="sam@example.org").latest("id")
    assert (entry.username, entry.action) == ("sam@example.org (127.0.0.1)", "edit_forwarding")
    assert "Undo" not in text(sam.get("/account/"))


def test_what_an_administrator_changed_since_the_user_does_not_take_back(sam, world):
    forward_own(sam, "ann@example.org")
    mailbox = Mailbox.objects.get(pk="sam@example.org")
    set_forwarding(actor=None, mailbox=mailbox, targets=["x@else.example"], keep_copy=False)

    undone = sam.post(reverse("task-undo", args=[Task.objects.get().pk]))

    assert "Somebody changed it since. It stays as it is." in text(sam.get(undone.url))
    assert row("sam@example.org")["goto"] == "x@else.example"


def test_nobody_else_takes_it_back_not_even_an_administrator_of_the_same_address(
    sam, world, sign_in, make_admin
):
    forward_own(sam, "ann@example.org")
    task = Task.objects.get()
    others = [
        Mailbox.objects.get(pk="ann@example.org"),
        make_admin("sam@example.org", domains=["example.org"]),
        make_admin(superadmin=True),
    ]

    for other in others:
        client = sign_in(other)
        assert client.post(reverse("task-undo", args=[task.pk])).status_code == 404
        assert client.get(reverse("task", args=[task.pk])).status_code == 404
    assert row("sam@example.org")["goto"] == "sam@example.org,ann@example.org"


def test_a_user_does_not_take_back_what_an_administrator_of_the_same_address_did(
    world, sign_in, make_admin
):
    admin = sign_in(make_admin("sam@example.org", domains=["example.org"]))
    forward(admin, "ann@example.org", keep_copy="on")
    task = Task.objects.get()

    user = sign_in(Mailbox.objects.get(pk="sam@example.org"))

    assert user.post(reverse("task-undo", args=[task.pk])).status_code == 404

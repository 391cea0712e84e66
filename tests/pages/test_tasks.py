import csv
import io

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Admin
from accounts.services import update_admin
from aliases.models import Alias
from mailboxes.bulk import MailboxWork
from mailboxes.models import Mailbox
from mailboxes.services import create_mailboxes, set_mailbox_active
from panel import tasks
from panel.models import Task
from tests.pages.reading import links, text, told

HASH = "{PLAIN}x"
MB = settings.QUOTA_MULTIPLIER
MANY = 120  # three steps


@pytest.fixture(autouse=True)
def a_step_is_as_long_as_it_takes(monkeypatch):
    monkeypatch.setattr(tasks, "STEP_SECONDS", 3600)


@pytest.fixture
def many(example_org):
    rows = [{"local_part": f"m{n:03}", "password_hash": HASH} for n in range(MANY)]
    return create_mailboxes(actor=None, domain=example_org, mailboxes=rows)


def ask(client, action="deactivate", page="mailbox-bulk", listed="", **values):
    """Ask for all that match; return the address of the task."""
    sent = {"action": action, "all": "1", "listed": listed, **values}
    response = client.post(reverse(page), sent)
    assert response.status_code == 302
    return response.url


def begin(client, url, **values):
    return client.post(url, {"do": "begin", "confirm": str(MANY), **values})


def step(client, url):
    return client.post(url, {"do": "step"}, headers={"HX-Request": "true"})


def off():
    return Mailbox.objects.filter(active=False).count()


def test_all_that_match_are_switched_off_in_steps_after_the_number_was_typed(admin, many):
    url = ask(admin)

    page = text(admin.get(url))
    assert "Switch off 120 mailboxes?" in page
    assert "m000@example.org m001@example.org m002@example.org m003@example.org m004@" in page
    assert "and 115 more" in page
    assert begin(admin, url, confirm="119").status_code == 422
    assert off() == 0

    begun = begin(admin, url)
    assert (begun.status_code, begun.url) == (302, f"{url}?go=1")
    counts = [("data-goes-on" in step(admin, url).text, off()) for _step in range(3)]
    assert counts == [(True, 50), (True, 100), (False, 120)]
    assert "120 mailboxes are off" in text(admin.get(url))


def test_only_what_the_list_shows_is_meant(admin, many, add_mailbox):
    add_mailbox("zoe@example.org", name="Zoë Maria")
    url = ask(admin, listed="domain=example.org&q=m0&sort=-changed&size=25&after=x")

    assert Task.objects.get().total == 100
    begin(admin, url, confirm="100")
    for _step in range(3):
        step(admin, url)

    assert set(Mailbox.objects.filter(active=True).values_list("pk", flat=True)) == {
        *(f"m{n}@example.org" for n in range(100, MANY)),
        "zoe@example.org",
    }


def test_what_another_admin_manages_is_not_touched(admin, many, other_net, add_mailbox):
    add_mailbox("m000@other.net")
    url = ask(admin)
    begin(admin, url)
    for _step in range(3):
        step(admin, url)

    assert Mailbox.objects.get(pk="m000@other.net").active
    assert off() == MANY


def test_a_task_is_its_own_admins_alone(admin, many, sign_in, make_admin):
    url = ask(admin)
    others = [sign_in(make_admin(superadmin=True)), sign_in(make_admin("b@x.example")), Client()]

    answers = [client.post(url, {"do": "begin", "confirm": "120"}) for client in others]

    assert [answer.status_code for answer in answers] == [404, 404, 302]
    assert Task.objects.get().state == "asked"
    assert admin.get(reverse("task", args=["x"])).status_code == 404
    assert admin.get(reverse("task", args=["99999999999999999999"])).status_code == 404


def test_it_stops_between_rows_and_goes_on_where_it_was(admin, many):
    url = ask(admin)
    begin(admin, url)
    step(admin, url)

    admin.post(url, {"do": "stop"})
    stopped = step(admin, url).text
    assert ("data-goes-on" in stopped, off()) == (False, 50)

    gone_on = admin.post(url, {"do": "go"})
    assert (gone_on.url, off()) == (f"{url}?go=1", 100)


def test_who_opens_the_page_again_decides_whether_it_goes_on(admin, many):
    url = ask(admin)
    begin(admin, url)

    assert "data-goes-on" in admin.get(f"{url}?go=1").text
    page = admin.get(url)
    assert "data-goes-on" not in page.text
    assert "Not finished: its page was closed." in text(page)
    assert step(admin, url).headers["HX-Replace-Url"] == url


NOT_FINISHED = "What you began on many rows is not finished."


def test_other_pages_link_to_it_until_it_is_finished(admin, many):
    url = ask(admin)
    assert NOT_FINISHED not in text(admin.get("/mailboxes/"))
    admin.get(begin(admin, url).url)

    home = admin.get("/mailboxes/")
    assert NOT_FINISHED in text(home)
    assert url in links(home)
    assert NOT_FINISHED not in text(admin.get(url))
    for _step in range(3):
        step(admin, url)

    assert NOT_FINISHED not in text(admin.get("/mailboxes/"))


def test_who_signs_in_again_finds_what_was_not_finished(admin, many, password, client):
    url = ask(admin)
    begin(admin, url)
    sent = {"username": "theirs@example.org", "password": password}
    Client().post(reverse("login"), sent)
    again, other = Client(), Client()
    again.post(reverse("login"), sent)
    other.post(reverse("login"), sent | {"username": "neighbour@other.net"})

    assert url in links(again.get("/mailboxes/"))
    assert NOT_FINISHED not in text(other.get("/mailboxes/"))


def test_what_is_left_so_is_spoken_of_no_more_and_can_be_undone(admin, many):
    url = ask(admin)
    admin.get(begin(admin, url).url)
    step(admin, url)
    admin.post(url, {"do": "stop"})

    left = admin.post(url, {"do": "end"}, follow=True)

    assert "50 mailboxes are off" in text(left)
    assert "Undo" in left.text
    assert NOT_FINISHED not in text(admin.get("/mailboxes/"))
    admin.post(url, {"do": "go"})
    assert (Task.objects.get().state, off()) == ("done", 50)


def test_two_windows_do_no_row_twice_and_leave_none_out(admin, many):
    url = ask(admin)
    begin(admin, url)
    task = Task.objects.get()
    actor = Admin.objects.get(pk=task.admin)
    work = MailboxWork(actor)
    stale, _rest = tasks.entries_of(task, work, [], tasks.STEP)
    step(admin, url)

    assert tasks._do(task, work, stale[0]) is None
    for _step in range(2):
        step(admin, url)
    task.refresh_from_db()
    assert (task.state, task.done, task.rows.count(), off()) == ("done", 120, 120, 120)


def test_rights_that_are_taken_away_end_it(admin, many, other_net):
    url = ask(admin)
    begin(admin, url)
    step(admin, url)
    theirs = Admin.objects.get(pk="theirs@example.org")
    update_admin(actor=None, admin=theirs, domains=["other.net"])

    page = step(admin, url).text

    assert "What you manage has changed since this was begun" in page
    assert (Task.objects.get().state, off()) == ("stopped", 50)
    admin.post(url, {"do": "go"})
    assert off() == 50


def test_a_step_costs_a_bounded_number_of_statements(admin, many):
    url = ask(admin)
    begin(admin, url)

    with CaptureQueriesContext(connection) as captured:
        step(admin, url)

    assert len(captured) <= tasks.STEP * 30 + 30


def test_ticked_rows_beyond_a_step_are_a_task_too(admin, many):
    keys = [mailbox.pk for mailbox in many[:60]]
    sent = {"action": "deactivate", "selected": keys[:20], "also": "\n".join(keys[20:])}

    response = admin.post(reverse("mailbox-bulk"), sent)

    begin(admin, response.url, confirm="60")
    step(admin, response.url)
    step(admin, response.url)
    assert set(Mailbox.objects.filter(active=False).values_list("pk", flat=True)) == set(keys)


def test_refusals_are_told_with_their_reasons(admin, example_org, many):
    example_org.maxquota = 100
    example_org.save()
    url = ask(admin, "quota")

    assert begin(admin, url, quota="many").status_code == 422
    begin(admin, url, quota="2 GB")
    for _step in range(3):
        page = step(admin, url)

    task = Task.objects.get()
    assert (task.done, task.refused, len(task.refusals)) == (0, 120, tasks.REFUSALS)
    assert "Refused: 120" in page.text
    assert "and 20 more" in page.text


def test_a_quota_is_set_and_put_back_where_nobody_changed_it_since(admin, many):
    url = ask(admin, "quota")
    begin(admin, url, quota="500 MB")
    for _step in range(3):
        step(admin, url)
    assert set(Mailbox.objects.values_list("quota", flat=True)) == {500 * MB}
    Mailbox.objects.filter(pk="m000@example.org").update(quota=MB)

    undo = admin.post(f"{url}undo/").url.removesuffix("?go=1")
    for _step in range(3):
        page = step(admin, undo)

    assert "m000@example.org" in page.text
    assert "Somebody changed it since. It stays as it is." in page.text
    quotas = dict(Mailbox.objects.values_list("pk", "quota"))
    assert quotas.pop("m000@example.org") == MB
    assert set(quotas.values()) == {0}


def test_deleted_rows_are_treated_in_aliases_over_all_steps(admin, many, add_alias):
    add_alias("both@example.org", "m000@example.org", "m119@example.org")
    add_alias("some@example.org", "m001@example.org", "x@else.example")
    url = ask(admin, "delete")

    itself = begin(admin, url, emptied="send", emptied_to="m003@example.org")
    assert "m003@example.org itself is being deleted." in text(itself)
    begin(admin, url, emptied="delete")
    for _step in range(3):
        step(admin, url)

    assert Mailbox.objects.count() == 0
    assert dict(Alias.objects.values_list("pk", "goto")) == {
        "some@example.org": "m001@example.org,x@else.example"
    }


def test_it_is_said_for_how_many_mail_is_refused(superadmin, many, add_mailbox, link):
    link("example.org", "other.net")
    add_mailbox(many[0].pk.replace("example.org", "other.net"))  # which takes the mail then
    keys = [mailbox.pk for mailbox in many[:2]]

    done = superadmin.post(reverse("mailbox-bulk"), {"action": "deactivate", "selected": keys})

    assert told(done) == ["2 mailboxes are off: mail for 1 of them is refused."]


def test_few_are_switched_off_at_once_and_undone_from_the_message(admin, many):
    set_mailbox_active(actor=None, mailbox=many[2], active=False)
    keys = [mailbox.pk for mailbox in many[:3]]

    done = admin.post(reverse("mailbox-bulk"), {"action": "deactivate", "selected": keys})
    assert told(done) == ["3 mailboxes are off."]
    page = admin.get(done.url).text
    undo = reverse("task-undo", args=[Task.objects.get().pk])
    assert f'action="{undo}"' in page

    admin.post(undo)
    assert off() == 1
    again = admin.post(undo)
    assert told(again)[-1] == "This has been undone already."


def test_one_that_is_switched_off_says_what_happens_and_is_undone(admin, add_mailbox, add_alias):
    add_mailbox("sam@example.org")
    add_mailbox("ann@example.org")
    add_alias("team@example.org", "sam@example.org", "ann@example.org")
    add_alias("info@example.org", "sam@example.org")

    done = admin.post(reverse("mailbox-state", args=["sam@example.org"]))
    assert told(done) == [
        "sam@example.org is off: mail is refused, team@example.org loses a recipient,"
        " info@example.org has no other recipient."
    ]
    undone = admin.post(reverse("task-undo", args=[Task.objects.get().pk]), {"next": "/mailboxes/"})

    assert (undone.url, told(undone)[-1]) == (
        "/mailboxes/",
        "sam@example.org is on: mail is delivered.",
    )
    assert Mailbox.objects.get(pk="sam@example.org").active


def test_an_undo_leaves_alone_what_somebody_changed_since(admin, add_mailbox):
    joe = add_mailbox("joe@example.org")
    admin.post(reverse("mailbox-state", args=[joe.pk]))
    set_mailbox_active(actor=None, mailbox=joe, active=True)

    undone = admin.post(reverse("task-undo", args=[Task.objects.get().pk]))

    assert told(undone)[-1] == "joe@example.org: Somebody changed it since. It stays as it is."


def test_many_deletions_ask_for_their_number(admin, many):
    keys = [mailbox.pk for mailbox in many[: tasks.TYPED_FROM]]
    chosen = {"action": "delete", "selected": keys}
    assert "Type 25 to confirm" in text(admin.post(reverse("mailbox-bulk"), chosen))

    refused = admin.post(reverse("mailbox-bulk"), chosen | {"confirmed": "1", "confirm": "24"})
    assert (refused.status_code, Mailbox.objects.count()) == (422, MANY)

    admin.post(reverse("mailbox-bulk"), chosen | {"confirmed": "1", "confirm": "25"})
    assert Mailbox.objects.count() == MANY - 25


def test_old_tasks_are_forgotten(admin, many):
    ask(admin)
    Task.objects.update(changed="2020-01-01T00:00:00Z")

    ask(admin)

    assert Task.objects.count() == 1


def read(response):
    lines = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(lines)))


def test_an_export_holds_what_the_list_shows_and_no_formula(admin, add_mailbox, other_net):
    add_mailbox("ann@example.org", name="=1+1")
    add_mailbox("joe@example.org", quota=MB)
    add_mailbox("ann@other.net")

    everything = admin.post(reverse("mailbox-bulk"), {"action": "export", "all": "1"})
    one = admin.post(reverse("mailbox-bulk"), {"action": "export", "selected": "joe@example.org"})

    assert everything.headers["Content-Disposition"] == 'attachment; filename="mailboxes.csv"'
    assert read(everything)[1:] == [
        ["ann@example.org", "'=1+1", "0.0", "0.0", "1", "1", ""],
        ["joe@example.org", "", "1.0", "0.0", "1", "1", ""],
    ]
    assert [row[0] for row in read(one)[1:]] == ["joe@example.org"]


def test_a_catch_all_in_an_export_is_a_text(admin, add_alias):
    add_alias("@example.org", "x@else.example")

    found = read(admin.post(reverse("alias-bulk"), {"action": "export", "all": "1"}))

    assert found[1:] == [["'@example.org", "x@else.example", "", "1"]]

import pytest
from django.urls import reverse

from accounts.models import LogEntry
from aliases.models import Alias
from mailboxes.models import Mailbox
from panel.models import Task
from tests.pages.reading import FormReader, told

LISTS = ("/mailboxes/?domain=example.org", "/domains/example.org/", "/mailboxes/sam@example.org/")
OF_ALIASES = ("/aliases/?domain=example.org", "/domains/example.org/", "/aliases/team@example.org/")


@pytest.fixture
def world(example_org, add_mailbox, add_alias):
    add_mailbox("ann@example.org")
    add_mailbox("sam@example.org")
    add_alias("team@example.org", "sam@example.org", "ann@example.org")


def switch_form(page):
    return FormReader(page.partition('<form id="switch"')[2].partition("</form>")[0]).forms[0]


def switch(client, page, button):
    opened = client.get(page).text
    assert button in opened
    form = switch_form(opened)
    if 'name="active"' in button:
        form["active"] = "1"
    return client.post(button.partition('formaction="')[2].partition('"')[0], form)


@pytest.mark.parametrize("page", LISTS)
def test_a_mailbox_is_off_at_once_and_on_again_where_one_was(page, admin, world):
    off = '<button form="switch" formaction="/mailboxes/sam@example.org/state/">Switch off</button>'

    done = switch(admin, page, off)

    assert (done.status_code, done.url) == (302, page)
    assert told(done) == [
        "sam@example.org is off: mail is refused, team@example.org loses a recipient."
    ]
    assert not Mailbox.objects.get(pk="sam@example.org").active
    undo = reverse("task-undo", args=[Task.objects.get().pk])
    assert f'action="{undo}"' in admin.get(page).text

    undone = admin.post(undo)
    assert (undone.url, told(undone)) == (page, ["sam@example.org is on: mail is delivered."])


@pytest.mark.parametrize("page", OF_ALIASES)
def test_an_alias_is_off_and_on_at_once(page, admin, world):
    button = '<button form="switch" formaction="/aliases/team@example.org/state/"'

    done = switch(admin, page, f"{button}>Switch off</button>")
    assert (done.url, told(done)) == (page, ["team@example.org is off: mail is refused."])
    done = switch(admin, page, f'{button} name="active" value="1">Switch on</button>')

    assert told(done)[-1] == "team@example.org is on: mail goes to 2 mailboxes."
    assert Alias.objects.get(pk="team@example.org").active
    entries = LogEntry.objects.filter(data="team@example.org", action="edit_alias_state")
    assert entries.count() == 2


def test_a_second_click_is_answered_as_the_first_with_its_undo(admin, world):
    address = reverse("mailbox-state", args=["sam@example.org"])
    form = switch_form(admin.get(LISTS[0]).text)

    answers = [admin.post(address, form, follow=True).text for _click in range(2)]

    [task] = Task.objects.all()
    assert [reverse("task-undo", args=[task.pk]) in answer for answer in answers] == [True, True]


def test_what_is_refused_stays_as_it_was_and_says_why(admin, world, add_alias):
    add_alias("a@example.org", "b@example.org")
    add_alias("b@example.org", "a@example.org", active=False)

    refused = admin.post(reverse("alias-state", args=["b@example.org"]), {"active": "1"})

    assert refused.status_code == 422
    assert "loop" in refused.text
    assert (Alias.objects.get(pk="b@example.org").active, Task.objects.count()) == (False, 0)


def test_nobody_switches_what_somebody_else_manages(admin, add_mailbox, add_alias, other_net):
    add_mailbox("joe@other.net")
    add_alias("all@other.net", "joe@other.net")
    add_alias("postmaster@example.org", "joe@other.net")

    answers = [
        admin.post(reverse(page, args=[key])).status_code
        for page, key in (
            ("mailbox-state", "joe@other.net"),
            ("alias-state", "all@other.net"),
            ("alias-state", "postmaster@example.org"),
        )
    ]

    assert answers == [404, 404, 404]
    assert Alias.objects.filter(active=False).count() == 0

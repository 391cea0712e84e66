"""What many mailboxes may be used for, at once."""

import pytest
from django.urls import reverse

from accounts.models import LogEntry
from mailboxes.models import Mailbox
from panel.models import Task
from tests.pages.reading import text

NAMES = ["ann@example.org", "bob@example.org", "joe@example.org"]


@pytest.fixture
def three(admin, add_mailbox):
    for name in NAMES:
        add_mailbox(name)


def ask(client, *names, **more):
    sent = {"action": "switches", "selected": names} | more
    return client.post(reverse("mailbox-bulk"), sent)


def begin(client, url, **chosen):
    return client.post(url, {"do": "begin"} | chosen)


def do(client, url, **chosen):
    begin(client, url, **chosen)
    return client.post(url, {"do": "step"}, follow=True)


def kept(name):
    return dict(Mailbox.objects.order_by("pk").values_list("pk", name))


def test_the_page_asks_for_each_switch_of_one_mailbox_too(admin, three):
    page = admin.get(ask(admin, NAMES[0]).url)

    assert "What 1 mailbox may be used for" in text(page)
    for words in ("Receives mail", "People sign in", "By IMAP", "By POP3", "May send"):
        assert f"{words} As it is On Off" in text(page)
    assert "By ManageSieve As it is On Off App passwords only As it is On Off" in text(page)


def test_those_that_are_chosen_are_set_and_the_others_stay(admin, three):
    Mailbox.objects.filter(pk=NAMES[2]).update(smtp_active=False)

    page = do(admin, ask(admin, *NAMES[:2]).url, pop3_active="off", app_only="on", imap_active="")

    assert kept("pop3_active") == dict(zip(NAMES, (False, False, True), strict=True))
    assert kept("app_only") == dict(zip(NAMES, (True, True, False), strict=True))
    assert kept("imap_active") == dict.fromkeys(NAMES, True)
    assert "2 mailboxes: By POP3 off, App passwords only on." in text(page)
    assert LogEntry.objects.filter(action="edit_mailbox").count() == 2


def test_all_that_match_are_set_and_what_was_before_is_put_back(admin, three):
    Mailbox.objects.filter(pk=NAMES[0]).update(smtp_active=False)
    url = ask(admin, *NAMES).url
    do(admin, url, smtp_active="off", receives="off")
    assert kept("smtp_active") == kept("receives") == dict.fromkeys(NAMES, False)

    admin.post(f"{url}undo/", follow=True)

    assert kept("receives") == dict.fromkeys(NAMES, True)
    assert kept("smtp_active") == dict(zip(NAMES, (False, True, True), strict=True))


def test_one_that_somebody_changed_since_stays(admin, three):
    url = ask(admin, *NAMES).url
    do(admin, url, imap_active="off", sieve_active="off")
    Mailbox.objects.filter(pk=NAMES[1]).update(sieve_active=True)

    page = admin.post(f"{url}undo/", follow=True)

    assert kept("imap_active") == dict(zip(NAMES, (True, False, True), strict=True))
    assert "Somebody changed it since. It stays as it is." in text(page)


@pytest.mark.parametrize(
    "chosen", [{}, {"imap_active": ""}, {"imap_active": "yes"}, {"active": "off"}, {"quota": "1"}]
)
def test_nothing_or_nonsense_chosen_is_an_error_and_changes_nothing(admin, three, chosen):
    response = begin(admin, ask(admin, *NAMES).url, **chosen)

    assert response.status_code == 422
    assert "Choose what shall be on or off." in text(response)
    assert Task.objects.get().state == Task.State.ASKED
    assert not LogEntry.objects.filter(action="edit_mailbox").exists()


def test_another_domains_mailbox_makes_the_whole_request_a_404(admin, three, add_mailbox):
    add_mailbox("eve@other.net")

    assert ask(admin, NAMES[0], "eve@other.net").status_code == 404
    assert not Task.objects.exists()


def test_aliases_have_no_switches(admin, add_alias):
    add_alias("sales@example.org", "x@else.example")
    sent = {"action": "switches", "selected": "sales@example.org"}

    assert admin.post(reverse("alias-bulk"), sent).status_code == 404

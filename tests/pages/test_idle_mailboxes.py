"""The list of mailboxes to which nobody signed in for IDLE_DAYS."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mailboxes import snapshots
from mailboxes.models import IDLE_DAYS, SERVER, IdleMailbox, LastLogin, Mailbox, UsageDay
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox
from tests.pages.reading import rows, text

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SINCE = timezone.now() - timedelta(days=IDLE_DAYS)
BEFORE, AFTER = int(SINCE.timestamp()) - 90_000, int(SINCE.timestamp()) + 90_000


@pytest.fixture
def filled(example_org, other_net, add_mailbox):
    """Of example.org never, old and twice are idle; of other.net old."""
    for name in ("never", "old", "twice", "lately", "new"):
        add_mailbox(f"{name}@example.org")
    add_mailbox("old@other.net")
    Mailbox.objects.exclude(pk="new@example.org").update(created=LONG_AGO)
    for name, protocol, at in [
        ("old@example.org", "imap", BEFORE),
        ("twice@example.org", "imap", BEFORE),
        ("twice@example.org", "smtp", BEFORE - 5),
        ("lately@example.org", "imap", BEFORE),
        ("lately@example.org", "smtp", AFTER),
        ("old@other.net", "pop3", BEFORE),
    ]:
        LastLogin.objects.create(username=name, protocol=protocol, at=at)
    UsageDay.objects.create(domain=SERVER, day=SINCE.date() - timedelta(days=2))
    snapshots.note_idle(timezone.localdate())


def found(client, **query):
    return rows(client.get(reverse("mailbox-list"), {"state": "idle"} | query))


def test_a_domains_are_listed(admin, filled):
    wanted = ["never@example.org", "old@example.org", "twice@example.org"]

    assert found(admin) == found(admin, domain="example.org") == wanted
    assert found(admin, sort="-address") == wanted[::-1]
    assert found(admin, domain="other.net") == []


def test_a_superadmin_sees_those_of_all_domains(as_superadmin, filled):
    assert found(as_superadmin)[-1] == "old@other.net"
    assert len(found(as_superadmin)) == 4
    assert found(as_superadmin, domain="other.net") == ["old@other.net"]


def test_an_administrator_of_several_sees_those_of_each(as_admin, filled):
    assert len(found(as_admin("example.org", "other.net"))) == 4


def test_a_search_finds_among_them(admin, filled):
    assert found(admin, q="old@example.org") == ["old@example.org"]
    assert found(admin, q="twice") == ["twice@example.org"]
    assert found(admin, q="lately") == []


def test_who_signed_in_since_the_last_look_is_none_of_them(admin, filled):
    LastLogin.objects.filter(username="old@example.org").update(at=AFTER)

    assert found(admin) == ["never@example.org", "twice@example.org"]


def test_pages_lead_on(admin, filled, monkeypatch):
    monkeypatch.setattr("panel.paging.PAGE_SIZES", (2, 50))
    page = admin.get(reverse("mailbox-list"), {"state": "idle", "size": 2})
    following = admin.get(reverse("mailbox-list") + page.context["next_url"])

    assert (rows(page), rows(following)) == (
        ["never@example.org", "old@example.org"],
        ["twice@example.org"],
    )
    back = admin.get(reverse("mailbox-list") + following.context["previous_url"])
    assert rows(back) == rows(page)


def test_the_list_of_mailboxes_leads_there(as_superadmin, filled):
    page = as_superadmin.get(reverse("mailbox-list"))

    assert f"No sign-in for {IDLE_DAYS} days" in text(page)
    assert "state=idle" in page.text


def test_the_next_look_finds_what_changed(admin, filled):
    LastLogin.objects.filter(username="lately@example.org").delete()
    LastLogin.objects.filter(username="old@example.org").update(at=AFTER)
    snapshots.note_idle(timezone.localdate())

    names = IdleMailbox.objects.filter(domain="example.org").values_list("pk", flat=True)
    assert set(names) == {"never@example.org", "twice@example.org", "lately@example.org"}


def test_a_mailbox_that_is_deleted_or_renamed_is_none_of_them(filled):
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk="old@example.org"))
    rename_mailbox(
        actor=None, mailbox=Mailbox.objects.get(pk="twice@example.org"), local_part="thrice"
    )

    names = IdleMailbox.objects.filter(domain="example.org").values_list("pk", flat=True)
    assert list(names) == ["never@example.org"]


def test_before_sign_ins_were_written_down_for_so_long_nobody_is_idle(filled):
    UsageDay.objects.all().delete()
    snapshots.note_idle(timezone.localdate())

    assert not IdleMailbox.objects.exists()


def test_where_no_sign_in_is_known_at_all_nobody_is_idle(filled):
    LastLogin.objects.all().delete()
    snapshots.note_idle(timezone.localdate())

    assert not IdleMailbox.objects.exists()


def test_all_of_them_are_switched_off_at_once(admin, filled):
    listed = {"action": "deactivate", "all": "1", "listed": "state=idle"}
    admin.post(reverse("mailbox-bulk"), listed)

    off = Mailbox.objects.filter(active=False).values_list("pk", flat=True)
    assert set(off) == {"never@example.org", "old@example.org", "twice@example.org"}

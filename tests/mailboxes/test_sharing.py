import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import LogEntry
from mailboxes.models import Mailbox, SendAs, Share
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox
from mailboxes.sharing import MOST, end_share, share_mailbox
from panel import helper
from tests.refusals import refused

ANN, INFO = "ann@example.org", "info@example.org"


@pytest.fixture
def info(example_org, add_domain, add_mailbox):
    add_domain("other.net")
    add_mailbox(ANN)
    add_mailbox("eve@other.net")
    return add_mailbox(INFO)


@pytest.fixture
def asked(monkeypatch, settings):
    """What the helper is asked, which does all of it."""
    settings.HELPER_SOCKET = "/run/helper.sock"
    lines = []
    monkeypatch.setattr(
        helper, "ask", lambda verb, argument="", **_seconds: lines.append((verb, argument))
    )
    return lines


def stored():
    return sorted(Share.objects.values_list("owner", "person", "may_write", "applied"))


def test_one_step_opens_it_and_lets_send_as_it(info):
    row = share_mailbox(actor=None, mailbox=info, person=" Ann@Example.ORG ")

    assert stored() == [(INFO, ANN, True, False)]
    assert list(SendAs.objects.values_list("username", "sender")) == [(ANN, INFO)]
    assert row.command == (
        f"doveadm acl set -u {INFO} INBOX group=share-{row.pk}"
        " lookup read write write-seen write-deleted insert post expunge create"
    )
    entry = LogEntry.objects.get(action="edit_share")
    assert (entry.domain, entry.data) == ("example.org", INFO)
    assert entry.changes == {"share": [None, f"{ANN}: write"]}


def test_the_helper_does_it_as_the_last_step(info, asked, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        row = share_mailbox(actor=None, mailbox=info, person=ANN)
    assert asked == [("share", f"{INFO} {row.pk} write"), ("kick", ANN)]
    assert stored() == [(INFO, ANN, True, True)]

    asked.clear()
    with django_capture_on_commit_callbacks(execute=True):
        share_mailbox(actor=None, mailbox=info, person=ANN, may_write=False, send_as=False)
    assert asked == [("share", f"{INFO} {row.pk} read"), ("kick", ANN)]
    assert (stored(), SendAs.objects.count()) == ([(INFO, ANN, False, True)], 0)

    asked.clear()
    with django_capture_on_commit_callbacks(execute=True):
        end_share(actor=None, row=row)
        end_share(actor=None, row=row)
    assert asked == [("unshare", f"{INFO} {row.pk}"), ("kick", ANN)]
    assert (stored(), SendAs.objects.count()) == ([], 0)


def test_if_the_helper_refuses_nothing_is_saved(info, settings, monkeypatch):
    settings.HELPER_SOCKET = "/run/helper.sock"

    def refuse(verb, argument="", **_seconds):
        raise ValidationError("away", "helper")

    monkeypatch.setattr(helper, "ask", refuse)

    with refused("helper"):
        share_mailbox(actor=None, mailbox=info, person=ANN)
    assert (stored(), SendAs.objects.count()) == ([], 0)


@pytest.mark.parametrize(
    ("person", "code"),
    [
        ("nobody@example.org", "no_mailbox"),
        ("nowhere", "invalid_address"),
        (INFO, "itself"),
        ("eve@other.net", "no_mailbox"),
    ],
)
def test_what_cannot_be_is_refused(info, make_admin, person, code):
    admin = make_admin("admin@example.org", domains=["example.org"])

    with refused(code, field="person"):
        share_mailbox(actor=admin, mailbox=info, person=person)
    assert (stored(), SendAs.objects.count()) == ([], 0)


def test_there_is_a_limit(info):
    for number in range(MOST):
        Share.objects.create(owner=INFO, person=f"x{number}@example.org")
    with refused("too_many", field="person"):
        share_mailbox(actor=None, mailbox=info, person=ANN)


@pytest.mark.parametrize("gone", [INFO, ANN])
def test_it_ends_with_either_end(info, gone):
    share_mailbox(actor=None, mailbox=info, person=ANN)

    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=gone))

    assert (stored(), SendAs.objects.count()) == ([], 0)


@pytest.mark.parametrize("gone", [INFO, ANN])
def test_it_ends_with_either_end_that_another_program_deletes(info, gone):
    share_mailbox(actor=None, mailbox=info, person=ANN)

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM alias WHERE address = %s", [gone])
        cursor.execute("DELETE FROM mailbox WHERE username = %s", [gone])

    assert (stored(), SendAs.objects.count()) == ([], 0)


def test_no_number_is_given_twice(info):
    first = share_mailbox(actor=None, mailbox=info, person=ANN)
    end_share(actor=None, row=first)

    assert share_mailbox(actor=None, mailbox=info, person=ANN).pk > first.pk


def test_it_goes_along_with_a_new_name(info):
    row = share_mailbox(actor=None, mailbox=info, person=ANN)

    rename_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=ANN), local_part="anna")
    rename_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=INFO), local_part="desk")

    assert stored() == [("desk@example.org", "anna@example.org", True, False)]
    assert Share.objects.get().pk == row.pk

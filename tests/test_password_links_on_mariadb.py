"""A link that is followed several times at once sets one password: threads with connections of their own."""

import pytest
from django.core import mail

from accounts.models import LogEntry, PasswordLink
from accounts.password_links import invite, send_reset, use
from mailboxes.models import Mailbox
from tests.test_concurrency_on_mariadb import ROUNDS, at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def joe(add_mailbox, add_domain, settings):
    settings.PANEL_URL = "https://panel.example.org/"
    settings.FORGOTTEN_PASSWORDS = {"mailbox": True, "admin": True}
    add_domain("example.org")
    return add_mailbox("joe@example.org", email_other="joe@elsewhere.test")


def test_one_link_sets_one_password(joe):
    for number in range(ROUNDS):
        token = invite(actor=None, account=joe)
        LogEntry.objects.all().delete()
        words = [f"quiet-otters-{number}-{letter}" for letter in "abcd"]

        outcome = at_once(
            *[lambda t=token, w=word: use(token=t, password=w, ip="192.0.2.7") for word in words]
        )

        assert outcome == ["done", "gone", "gone", "gone"]
        assert LogEntry.objects.filter(action="edit_password").count() == 1
        joe = Mailbox.objects.get()
        assert [joe.check_password(word) for word in words].count(True) == 1
    assert PasswordLink.objects.count() == 0


def test_links_asked_for_at_once_are_one(joe):
    for number in range(ROUNDS):
        PasswordLink.objects.all().delete()
        LogEntry.objects.all().delete()  # a person is sent a few an hour

        outcome = at_once(*[lambda: send_reset("joe@example.org", "192.0.2.7")] * 4)

        assert outcome == ["done"] * 4
        assert PasswordLink.objects.count() == 1
        assert len(mail.outbox) == number + 1

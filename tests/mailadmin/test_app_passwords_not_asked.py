import pytest

from mailadmin.doctor import dovecot
from mailboxes.models import AppPassword, Mailbox
from tests.doctor.test_machine import host_with


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ("passdb {\n  args = /etc/dovecot/mailadmin-sql.conf.ext\n  driver = sql\n}\n", 1),
        ("passdb {\n  args = /etc/dovecot/mailadmin-sql-app.conf.ext\n  driver = sql\n}\n", 0),
        ("passdb sql {\n  query = SELECT 1 FROM mailbox\n}\n", 1),
        ("passdb sql-app {\n  driver = sql\n  sql_query = FROM mailbox_app_password p\n}\n", 0),
    ],
    ids=["2.3 without", "2.3", "2.4 without", "2.4"],
)
@pytest.mark.django_db
def test_app_passwords_that_dovecot_does_not_ask_about_are_told_once_somebody_has_one(
    settings, found, example_org, add_mailbox
):
    ill = host_with(dovecot={"version": "2.4.1-4", "settings": settings})
    joe = add_mailbox("joe@example.org")
    AppPassword.objects.create(username=joe, password_hash="$2y$10$x")  # PostfixAdmin's
    assert list(dovecot.app_passwords_not_asked(ill)) == []

    AppPassword.objects.create(username=joe, protocols="imap")
    assert len(list(dovecot.app_passwords_not_asked(ill))) == found
    AppPassword.objects.all().delete()
    Mailbox.objects.update(app_only=True)
    assert len(list(dovecot.app_passwords_not_asked(ill))) == found

import pytest

from mailadmin.doctor import dovecot
from mailboxes.models import Vacation
from mailboxes.vacations import end_vacation, set_vacation
from tests.doctor.test_machine import host_with

SQL = "passdb {\n  driver = sql\n}\n"


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (SQL, 1),
        (SQL + "plugin {\n  sieve_before2 = dict:proxy::sieve_vacation;name=vacation\n}\n", 0),
        (SQL + "sieve_script vacation {\n  dict proxy {\n    name = sieve_vacation\n  }\n}\n", 0),
        ("passdb {\n  driver = pam\n}\n", 0),  # which is another finding
    ],
    ids=["without", "2.3", "2.4", "not of the panel"],
)
@pytest.mark.django_db
def test_it_is_told_once_somebody_is_away_and_dovecot_would_not_answer(
    settings, found, example_org, add_mailbox
):
    host = host_with(dovecot={"version": "2.4.1-4", "settings": settings})
    joe = add_mailbox("joe@example.org")
    assert list(dovecot.away_messages_not_sent(host)) == []

    set_vacation(actor=None, mailbox=joe, subject="Away", body="x")
    assert len(list(dovecot.away_messages_not_sent(host))) == found
    end_vacation(actor=None, mailbox=joe)
    assert list(dovecot.away_messages_not_sent(host)) == []


@pytest.mark.django_db
def test_where_the_site_wants_none_it_is_not_told(settings, example_org, add_mailbox):
    settings.AWAY_MESSAGES = False
    Vacation.objects.create(email=add_mailbox("joe@example.org"), subject="x")

    host = host_with(dovecot={"version": "2.4.1-4", "settings": SQL})

    assert list(dovecot.away_messages_not_sent(host)) == []

import pytest
from django.db import connection

from aliases.models import Alias
from mailboxes.forwarding import end_away_message

pytestmark = pytest.mark.django_db(transaction=True)
GRACE = "grace@example.org"


@pytest.fixture(params=["", "pfa_"])
def vacation(request):
    name = f"{request.param}vacation"
    key = "varchar(255) CHARACTER SET latin1 COLLATE latin1_general_ci NOT NULL"
    run(
        f"CREATE TABLE {name} (email {key} PRIMARY KEY, active tinyint(1) NOT NULL DEFAULT 1)",
        f"CREATE TABLE {name}_notification (on_vacation {key}, notified {key}, PRIMARY KEY (on_vacation, notified),"
        f" FOREIGN KEY (on_vacation) REFERENCES {name} (email) ON DELETE CASCADE)",
        f"INSERT INTO {name} (email) VALUES ('Grace@example.org'), ('joe@example.org')",
        f"INSERT INTO {name}_notification VALUES ('grace@example.org', 'x@elsewhere.example'), ('joe@example.org', 'x@y.example')",
    )
    yield name
    run(f"DROP TABLE {name}_notification", f"DROP TABLE {name}")


def run(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else ()


def test_its_message_is_off_and_whom_it_answered_is_forgotten(vacation, example_org, add_mailbox):
    mailbox = add_mailbox(GRACE)
    Alias.objects.filter(pk=GRACE).update(goto=f"{GRACE},grace#example.org@autoreply.example.com")

    assert end_away_message(actor=None, mailbox=mailbox) is True

    assert Alias.objects.get(pk=GRACE).goto == GRACE
    assert run(f"SELECT email, active FROM {vacation} ORDER BY email") == (
        ("Grace@example.org", 0),
        ("joe@example.org", 1),
    )
    assert run(f"SELECT on_vacation FROM {vacation}_notification") == (("joe@example.org",),)

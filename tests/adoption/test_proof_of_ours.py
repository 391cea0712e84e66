"""This panel's own maps have a part in the proof: a copy in which they would refuse mail is not switched to."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.adoption import postfixadmin
from tests.adoption.tables import everything, rows

pytestmark = pytest.mark.django_db(transaction=True)


class Saboteur(StringIO):
    """Spoils the copy once it is made: a row counts to a domain that takes mail, though its own takes none, and that lasts.

    PostfixAdmin's maps ask for addresses alone, and Dovecot's queries too: both answer as before.
    """

    def __init__(self, copy, table, key, address):
        super().__init__()
        spoilt = f"IF(NEW.{key} = '{address}', 'example.org', NEW.domain)"
        self.statements = [
            f"CREATE TRIGGER {copy}.spoil_{event} BEFORE {event} ON {copy}.{table}"
            f" FOR EACH ROW SET NEW.domain = {spoilt}"
            for event in ("INSERT", "UPDATE")
        ]
        self.statements.append(
            f"UPDATE {copy}.{table} SET domain = 'example.org' WHERE {key} = '{address}'"
        )

    def write(self, text):
        if text.startswith("Proving."):
            postfixadmin.run(";\n".join(self.statements))
        return super().write(text)


@pytest.fixture(autouse=True)
def _dropped(elsewhere):
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {elsewhere}_adopt")


def adopt(said):
    call_command(
        *("adopt", "--apply", "--no-dump", "--config", "/dev/null", "--report", "/dev/null"),
        stdout=said,
        stderr=StringIO(),
    )
    return said.getvalue()


@pytest.mark.parametrize(
    ("table", "key", "address"),
    [("mailbox", "username", "lost@gone.example"), ("alias", "address", "away@gone.example")],
)
def test_what_ours_would_refuse_is_named_and_nothing_is_switched(site, table, key, address):
    postfixadmin.add_mailbox("lost@gone.example")
    postfixadmin.add_alias("away@gone.example", "x@elsewhere.example")
    before, said = everything(site), Saboteur(f"{site}_adopt", table, key, address)

    with pytest.raises(CommandError, match="does not answer as the original does"):
        adopt(said)

    assert (
        f"  alias.cf of this panel: {address}: delivered before, nothing now\n" in said.getvalue()
    )
    assert everything(site) == before
    assert rows(f"SHOW TABLES FROM {site} LIKE 'adoption%'") == ()


def test_the_same_rows_unspoilt_are_no_difference(site):
    postfixadmin.add_mailbox("lost@gone.example")
    postfixadmin.add_alias("away@gone.example", "x@elsewhere.example")

    assert "Adopted." in adopt(StringIO())

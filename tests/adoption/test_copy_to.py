from contextlib import closing

import MySQLdb
import pytest
from django.core.management import CommandError
from django.db import connection

from tests.adoption import postfixadmin
from tests.adoption.command import adopt
from tests.adoption.tables import everything
from tests.mariadb import NAME, MariaDB

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("copy-to")]


@pytest.fixture(scope="module")
def server():
    with MariaDB() as server:
        yield server


@pytest.fixture
def ask(server):
    with closing(
        MySQLdb.connect(
            host="127.0.0.1", port=server.port, user=NAME, password=server.password, autocommit=True
        )
    ) as there:

        def ask(query):
            cursor = there.cursor()
            cursor.execute(query)
            return cursor.fetchall()

        for statement in (
            "SET foreign_key_checks = 0",
            f"DROP DATABASE IF EXISTS {NAME}_adopt",
            f"CREATE OR REPLACE DATABASE {NAME}",
            f"USE {NAME}",
        ):
            ask(statement)
        yield ask


def test_the_tables_are_adopted_there_and_left_alone_here(site, server, ask):
    before = everything(site)

    assert "Adopted." in adopt("--copy-to", server.url)

    assert everything(site) == before
    assert connection.settings_dict["NAME"] == site
    assert ask("SELECT username, domain FROM mailbox") == (("joe@example.org", "example.org"),)
    assert ask("SELECT mailboxes FROM domain_usage WHERE domain = 'example.org'") == ((1,),)
    assert ask(f"SELECT COUNT(*) FROM {NAME}_adopt.before_mailbox") == ((1,),)
    assert ask("SELECT value FROM config WHERE name = 'version'") == (("1847",),)


def test_a_database_that_is_not_empty_is_left_alone(site, server, ask):
    ask("CREATE TABLE mine (id int)")

    with pytest.raises(CommandError, match="is not empty"):
        adopt("--copy-to", server.url)

    assert ask("SHOW TABLES") == (("mine",),)


def test_it_is_copied_anew_where_the_first_copy_could_not_be_adopted(site, server, ask):
    postfixadmin.add_mailbox("joe+list@example.org")
    with pytest.raises(SystemExit):
        adopt("--copy-to", server.url)
    postfixadmin.run("DELETE FROM mailbox WHERE username = 'joe+list@example.org'")
    postfixadmin.add_mailbox("ann@example.org")

    adopt("--copy-to", server.url)

    assert ask("SELECT username FROM mailbox ORDER BY 1") == (
        ("ann@example.org",),
        ("joe@example.org",),
    )


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///there.sqlite3", "takes a URL"),
        ("nonsense", "takes a URL"),
        ("mysql://nobody:wrong@127.0.0.1:{port}/mail", "cannot be opened"),
    ],
)
def test_a_url_that_leads_nowhere_is_named(site, server, url, said):
    with pytest.raises(CommandError, match=said):
        adopt("--copy-to", url.format(port=server.port))

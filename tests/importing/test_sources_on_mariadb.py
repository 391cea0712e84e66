import secrets

import pytest
from django.db import connection

from accounts.passwords import hash_password
from tests.importing import databases, iredmail, mailcow, modoboa, stored, tutorial, vimbadmin
from tests.strangers import connect

PLACE = ["--home", "/var/vmail/%d/%n"]


@pytest.fixture
def database(db, tmp_path):
    name, stranger = f"source_{secrets.token_hex(4)}", connect()
    stranger.query(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    stranger.select_db(name)
    own = connection.settings_dict
    url = f"mysql://{own['USER']}:{own['PASSWORD']}@{own['HOST']}:{own['PORT']}/{name}"
    yield databases.on_mariadb(tmp_path, stranger, url)
    stranger.query(f"DROP DATABASE {name}")
    stranger.close()


@pytest.mark.parametrize(
    ("source", "module", "options"),
    [
        ("iredmail", iredmail, []),
        ("vimbadmin", vimbadmin, []),
        ("mailcow", mailcow, ["--accept", "administrators-refused-here"]),
        ("tutorial", tutorial, PLACE),
        ("modoboa", modoboa, PLACE),
    ],
)
def test_it_is_read_and_proved_and_dovecot_reads_what_was_there(
    run, database, password, source, module, options
):
    secret = () if module in (vimbadmin, mailcow) else (hash_password(password),)
    site = module.Site(database, *secret)
    status, report = run(source, *site.arguments, *options)

    assert (status, report["written"], report["proof"]["differences"]) == (0, True, [])
    assert report["proof"]["mailboxes"] == len(stored.mailboxes("name")) == 2


def test_a_hash_that_is_not_what_was_there_would_be_noticed(run, database, password, monkeypatch):
    site = iredmail.Site(database, hash_password(password))
    monkeypatch.setattr(
        "mailadmin.importing.writing.Writer._mailbox",
        lambda writer, row: {
            "local_part": row["address"].partition("@")[0],
            "password_hash": writer.unknown,
            "maildir": row["maildir"],
            "quota": row["quota"] + 1,
        },
    )
    status, report = run("iredmail", *site.arguments)

    asked = {(found["asked"], found["address"]) for found in report["proof"]["differences"]}
    assert (status, report["written"]) == (1, False)
    assert ("password_query", "ann@example.org") in asked
    assert stored.mailboxes("name") == {}

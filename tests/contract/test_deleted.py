"""What is deleted is gone for Postfix and Dovecot, what is restored is there as before, and mail that nobody can restore is removed by its owner."""

import os
import subprocess
import sys

import MySQLdb
import pytest
from django.conf import settings
from django.db import connection

from aliases.models import Alias
from mailboxes import purging, restoring
from mailboxes.models import Deleted, Mailbox, RetiredMaildir
from mailboxes.services import delete_mailbox
from tests.contract.world import PASSWORD, stranger
from tests.servers import clients
from tests.servers.mail import MailServer
from tests.servers.processes import ROOT, run_sql

ANN = "ann@example.org"
REFUSED = {1142, 1143, 1044}


@pytest.fixture(scope="module")
def server(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        database = connection.settings_dict
    name = f"{os.getpid()}purge{os.environ.get('PYTEST_XDIST_WORKER', '')}"
    with MailServer(
        database, worker=name, blocks=["sieve", "purge"], PURGE_SQL_USER=f"purge_{name}"
    ) as server:
        run_sql(database, server.files.path / "mariadb/purge.sql")
        yield server


@pytest.fixture(scope="module")
def url(server):
    text = (server.files.path / "purge/purge.env").read_text()
    gate = f":{server.gate.port}/"  # past it: the daemons' way to the database may be shut
    return text.rpartition("DATABASE_URL=")[2].strip().replace(gate, f":{server.database['PORT']}/")


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.mailbox(ANN)
    empty_world.alias("sales@example.org", ANN, "x@elsewhere.test")
    return empty_world


def asked(server):
    """What Dovecot and Postfix say of it."""
    maps = ("alias", "mailbox")
    return [
        server.dovecot.may_log_in(ANN, PASSWORD),
        server.dovecot.user(ANN),
        *(server.postfix.lookup(name, ANN) or "" for name in maps),
        server.postfix.lookup("alias", "sales@example.org"),
    ]


def test_restored_it_is_as_it_was(server):
    subject = clients.send(server, stranger(), ANN)
    clients.wait_for(server, ANN, PASSWORD, subject)
    before = asked(server)
    assert before[0] is True

    mailbox = Mailbox.objects.get(pk=ANN)
    delete_mailbox(actor=None, mailbox=mailbox, clean=Alias.objects.all())
    assert asked(server) == [False, None, "", "", "x@elsewhere.test"]
    restoring.restore(actor=None, deletion=Deleted.objects.get(name=ANN))

    assert asked(server) == before
    assert clients.subjects(server, ANN, PASSWORD) == [subject]
    again = clients.send(server, stranger(), ANN)
    clients.wait_for(server, ANN, PASSWORD, again)


def purge(server, url, *options):
    environment = os.environ | {
        "DATABASE_URL": url,
        "SECRET_KEY": settings.SECRET_KEY,
        "ENV_FILE": "/dev/null",
        "DJANGO_SETTINGS_MODULE": "mailadmin.settings",
    }
    command = [sys.executable, "manage.py", "purge", "--mail-root", str(server.mail_root)]
    return subprocess.run(
        [*command, *options], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_its_sql_user_removes_what_is_due_and_can_do_nothing_else(server, url, world):
    world.mailbox("joe@example.org")
    subject = clients.send(server, stranger(), "joe@example.org")
    clients.wait_for(server, "joe@example.org", PASSWORD, subject)
    place = server.mail_root / "example.org/joe"
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk="joe@example.org"))

    assert purge(server, url, "--remove").stdout == "Directories removed: 0.\n"
    restoring.remove(actor=None, deletion=Deleted.objects.get(name="joe@example.org"))
    listed = purge(server, url)
    assert (listed.stderr, listed.stdout.splitlines()[-1]) == ("", "Directories due: 1.")
    assert place.is_dir()
    done = purge(server, url, "--remove")

    assert (done.returncode, done.stderr) == (0, "")
    assert not place.exists()
    assert (server.mail_root / "example.org/ann").is_dir()
    assert RetiredMaildir.objects.count() == 0
    user, password = url.partition("://")[2].partition("@")[0].split(":")
    for statement in (
        "SELECT data FROM deleted_row",
        "SELECT password FROM mailbox",
        "UPDATE mailbox SET maildir = 'x/'",
        "DELETE FROM mailbox",
        "INSERT INTO retired_maildir (maildir, username) VALUES ('example.org/ann/', 'x')",
        "UPDATE retired_maildir SET retired = '2000-01-01'",
        "SELECT goto FROM alias",
    ):
        with pytest.raises(MySQLdb.Error) as error:
            server.execute(statement, connection=server.connect(user=user, password=password))
        assert error.value.args[0] in REFUSED, statement


def test_another_program_that_makes_the_mailbox_again_at_that_moment_waits(
    server, world, monkeypatch, tmp_path
):
    world.mailbox("sue@example.org")
    (tmp_path / "example.org/sue/Maildir").mkdir(parents=True)
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk="sue@example.org"))
    restoring.remove(actor=None, deletion=Deleted.objects.get(name="sue@example.org"))
    other, codes, rename = server.connect(), [], os.rename
    other.query("SET innodb_lock_wait_timeout = 1")

    def renamed(*names, **folders):
        try:
            server.execute(
                "INSERT INTO mailbox (username, password, name, maildir, local_part, domain)"
                " VALUES ('sue@example.org', '', '', 'example.org/sue/', 'sue', 'example.org')",
                connection=other,
            )
        except MySQLdb.Error as error:
            codes.append(error.args[0])
        rename(*names, **folders)

    monkeypatch.setattr(purging.os, "rename", renamed)
    purging.remove(tmp_path, "example.org/sue/")

    assert codes == [1205]  # it had to wait, and would have gone on after the commit
    assert list((tmp_path / "example.org").iterdir()) == []

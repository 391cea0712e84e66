"""Mail that lies in another mailbox's directory is moved while mail comes and is read: what is under way waits, and none is lost."""

import contextlib
import importlib.util
import smtplib
import sys
from functools import partial
from itertools import count

import pytest

from domains.models import RoutingLock
from mailadmin.findings import directories
from mailboxes.models import Mailbox, RetiredMaildir
from panel.transactions import in_transaction
from tests.contract.world import PASSWORD, stranger
from tests.servers import clients
from tests.servers.processes import ROOT, find, wait_until

NUMBERS = count(1)


class Deep:
    """A mailbox whose mail lies in another's directory: each test has one of its own, for files stay."""

    def __init__(self, world, server):
        number = next(NUMBERS)
        self.server, self.address = server, f"deep{number}@example.org"
        self.old, self.new = f"example.org/ann{number}/deep/", f"example.org/deep{number}/"
        world.mailbox(f"ann{number}@example.org")
        world.mailbox(self.address)
        world.raw("mailbox", self.address, maildir=self.old)
        RetiredMaildir.objects.all().delete()
        self.first = self.send()
        clients.wait_for(server, self.address, PASSWORD, self.first)

    @property
    def row(self):
        return Mailbox.objects.get(pk=self.address)

    def send(self):
        return clients.send(self.server, stranger(), self.address)

    def subjects(self):
        return clients.subjects(self.server, self.address, PASSWORD)

    @in_transaction
    def keep_place(self):
        RoutingLock.hold()
        return directories.keep_place(self.row)

    def write_down(self):
        directories.write_down(actor=None, mailbox=self.row, old=self.old, new=self.new)

    def is_nowhere_but_in_the_new_place(self):
        root = self.server.mail_root
        return (root / self.old.rstrip("/")).is_file() and (root / self.new).is_dir()


@pytest.fixture(scope="module")
def world(empty_world):
    empty_world.domain("example.org")
    return empty_world


@pytest.fixture
def deep(world, mail_server):
    return Deep(world, mail_server)


@pytest.fixture
def helper(mail_server, tmp_path, monkeypatch):
    """Its word, with the programs and the files of the private server."""
    for name, own in (
        ("doveadm", f"-c {mail_server.dovecot.conf}/dovecot.conf"),
        ("postmap", f"-c {mail_server.postfix.conf}"),
    ):
        wrapper = tmp_path / name
        wrapper.write_text(f'#!/bin/sh\nexec {find(name)} {own} "$@"\n')
        wrapper.chmod(0o755)
    monkeypatch.syspath_prepend(ROOT / "deploy/helper")  # what it imports
    spec = importlib.util.spec_from_file_location("helper_verbs", ROOT / "deploy/helper/verbs.py")
    verbs = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, verbs)
    spec.loader.exec_module(verbs)
    verbs.PROGRAMS = f"{tmp_path}:{verbs.PROGRAMS}"
    shipped = (ROOT / "deploy/helper/directories.cf").read_text()
    login = (mail_server.postfix.maps / "mailbox.cf").read_text().partition("query =")[0]
    (tmp_path / "directories.cf").write_text(f"{login}query ={shipped.partition('query =')[2]}")
    settings = verbs.Settings(
        mail_server.mail_root, "", None, directories=f"mysql:{tmp_path}/directories.cf"
    )
    return partial(verbs.move_directory, settings)


def test_mail_that_comes_before_the_database_knows_the_new_place_waits_and_arrives_there(
    deep, helper, mail_server
):
    deep.keep_place()

    assert helper(deep.address) == {"from": deep.old, "to": deep.new, "says": "moved"}
    late = deep.send()
    wait_until(lambda: "dovecot-lmtp" in mail_server.postfix.listing(), "it is deferred")
    deep.write_down()
    mail_server.postfix.wait_until_delivered()

    assert deep.subjects() == [deep.first, late]
    assert deep.is_nowhere_but_in_the_new_place()


def test_a_message_whose_recipient_was_accepted_before_is_not_stored_in_the_old_place(
    deep, helper, mail_server
):
    deep.keep_place()
    _subject, text = clients.message("joe@outside.test", deep.address)
    with smtplib.LMTP(str(mail_server.postfix.queue / "private/dovecot-lmtp")) as session:
        session.ehlo("mail.example.com")
        session.mail("joe@outside.test")
        assert session.rcpt(deep.address)[0] == 250

        helper(deep.address)
        deep.write_down()

        code, _said = session.data(text)
    assert 400 <= code < 500
    assert deep.subjects() == [deep.first]
    assert deep.is_nowhere_but_in_the_new_place()


def test_an_open_session_stores_nothing_in_the_old_place_and_finds_all_once_it_signed_in_again(
    deep, helper, mail_server
):
    deep.keep_place()
    with clients.imap(mail_server, deep.address, PASSWORD) as session:
        session.select()

        helper(deep.address)

        with contextlib.suppress(session.abort, OSError):
            assert session.append("INBOX", "", None, b"Subject: mine\r\n\r\nx")[0] != "OK"
        deep.write_down()
    assert deep.subjects() == [deep.first]
    assert deep.is_nowhere_but_in_the_new_place()


def test_stopped_in_between_it_is_finished_the_next_time(deep, helper):
    deep.keep_place()
    helper(deep.address)

    assert deep.keep_place() == deep.new
    assert helper(deep.address) == {"from": deep.old, "to": deep.new, "says": "moved before"}
    deep.write_down()

    assert deep.subjects() == [deep.first]


def test_where_no_place_is_kept_nothing_is_moved(deep, helper):
    with pytest.raises(Exception, match="no directory is kept for it"):
        helper(deep.address)

    assert deep.subjects() == [deep.first]

"""A mailbox that somebody else opens, by IMAP."""

import imaplib

import pytest

from mailboxes.models import Mailbox, SendAs, Share
from mailboxes.services import delete_mailbox
from mailboxes.sharing import end_share, share_mailbox
from tests.contract.world import PASSWORD, stranger
from tests.servers import clients

ANN, BOB, INFO = "ann@example.org", "bob@example.org", "info@example.org"
INBOX, OLD, NEW = f"shared/{INFO}", f"shared/{INFO}/Old", f"shared/{INFO}/New"


@pytest.fixture(scope="module")
def server(mail_server):
    return mail_server


@pytest.fixture(scope="module", autouse=True)
def logged(server):
    """What Dovecot logs meanwhile: other modules ask the same one, and some cut its connections, which it tells later."""
    server.dovecot.stop()
    server.dovecot.start()
    before = server.dovecot.log.stat().st_size
    return lambda: server.dovecot.log.read_bytes()[before:].decode().splitlines()


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    for address in (ANN, BOB, INFO):
        empty_world.mailbox(address)
    return empty_world


@pytest.fixture
def share(server):
    """``share(person, …)`` shares INFO and types what its page says, as without a helper."""

    def share(person=ANN, **rights):
        mailbox = Mailbox.objects.get(pk=INFO)
        row = share_mailbox(actor=None, mailbox=mailbox, person=person, **rights)
        program, *arguments = row.command.split()
        assert program == "doveadm"
        server.dovecot.doveadm(*arguments)
        return row

    yield share
    for row in Share.objects.all():
        end_share(actor=None, row=row)


def make_folder(server, name):
    with clients.imap(server, INFO, PASSWORD) as session:
        assert session.create(name)[0] == "OK"


def folders(server, person):
    with clients.imap(server, person, PASSWORD) as session:
        _ok, lines = session.list('""', "shared/*")
        return sorted(line.decode().rpartition(' "/" ')[2].strip('"') for line in lines if line)


def opens(server, person, folder=INBOX):
    with clients.imap(server, person, PASSWORD) as session:
        return session.select(f'"{folder}"')[0] == "OK"


def append(server, person, folder=INBOX):
    with clients.imap(server, person, PASSWORD) as session:
        return session.append(f'"{folder}"', "", None, b"Subject: written\r\n\r\nHello\r\n")[0]


def test_nobody_sees_or_opens_what_is_not_shared(server):
    assert folders(server, ANN) == []
    assert opens(server, ANN) is False
    assert append(server, ANN) == "NO"


def test_who_is_let_sees_reads_and_writes_all_folders_and_sends_as_it(server, share):
    make_folder(server, "Old")
    share(ANN)
    make_folder(server, "New")
    subject = clients.send(server, stranger(), INFO)
    clients.wait_for(server, INFO, PASSWORD, subject)

    assert folders(server, ANN) == [INBOX, NEW, OLD]
    assert subject in clients.subjects(server, ANN, PASSWORD, f'"{INBOX}"')
    assert append(server, ANN) == "OK"
    for folder in (OLD, NEW):
        assert append(server, ANN, folder) == "OK"
    with clients.imap(server, ANN, PASSWORD) as session:
        session.select(f'"{INBOX}"')
        assert session.store("1", "+FLAGS", r"(\Deleted)")[0] == "OK"
        assert session.expunge()[0] == "OK"
    assert "written" in clients.subjects(server, INFO, PASSWORD)
    assert clients.refusal(server, INFO, BOB, login=(ANN, PASSWORD)) is None


def test_nobody_else_sees_or_opens_it(server, share):
    share(ANN)

    assert folders(server, BOB) == []
    assert opens(server, BOB) is False
    assert append(server, BOB) == "NO"
    assert clients.refusal(server, INFO, BOB, login=(BOB, PASSWORD))[0] == 553


def test_who_may_read_changes_nothing(server, share):
    share(ANN, may_write=False, send_as=False)
    clients.wait_for(server, INFO, PASSWORD, clients.send(server, stranger(), INFO))

    assert opens(server, ANN) is True
    assert append(server, ANN) == "NO"
    with clients.imap(server, ANN, PASSWORD) as session:
        session.select(f'"{INBOX}"')
        before = session.search(None, "ALL")
        session.store("1", "+FLAGS", r"(\Deleted)")
        session.expunge()
        session.noop()
        assert session.search(None, "ALL") == before
    assert clients.refusal(server, INFO, BOB, login=(ANN, PASSWORD))[0] == 553


def test_rights_are_changed_by_sharing_again(server, share):
    share(ANN, may_write=False, send_as=False)
    share(ANN)
    assert append(server, ANN) == "OK"

    share(ANN, may_write=False)
    assert append(server, ANN) == "NO"
    assert Share.objects.count() == 1


def test_it_is_undone_completely_although_the_right_stays_in_the_file(server, share):
    row = share(ANN)
    end_share(actor=None, row=row)

    assert row.group in server.dovecot.doveadm("acl", "get", "-u", INFO, "INBOX")
    assert folders(server, ANN) == []
    assert opens(server, ANN) is False
    assert append(server, ANN) == "NO"
    assert clients.refusal(server, INFO, BOB, login=(ANN, PASSWORD))[0] == 553
    assert (Share.objects.count(), SendAs.objects.count()) == (0, 0)

    again = share(BOB)  # another number: the old right opens nothing
    assert again.pk != row.pk
    assert opens(server, ANN) is False


def test_whoever_has_the_name_next_opens_nothing(server, share, world):
    share(BOB)
    assert opens(server, BOB) is True
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=BOB))
    world.mailbox(BOB)

    assert folders(server, BOB) == []
    assert opens(server, BOB) is False


def test_people_share_nothing_themselves(server):
    with clients.imap(server, INFO, PASSWORD) as session, pytest.raises(imaplib.IMAP4.error):
        session.setacl("INBOX", BOB, "lr")


def test_a_mailbox_that_is_off_is_open_to_nobody(server, share, world):
    share(ANN)
    world.raw("mailbox", INFO, active=False)
    try:
        assert opens(server, ANN) is False
    finally:
        world.raw("mailbox", INFO, active=True)


def test_a_filter_files_nothing_into_somebody_elses_mailbox(server, share):
    """Who delivers is in no group."""
    share(ANN)

    user = server.dovecot.user(ANN)
    assert "acl_groups" not in user


def test_dovecot_complains_of_nothing(logged):
    # Of whoever asks for the mailbox that is off, as for one that is not there; and of a start, where one process is sooner there than the other.
    harmless = ("user-not-found", "net_connect_unix(anvil-auth-penalty)")
    errors = [line for line in logged() if "rror: " in line]
    errors = [line for line in errors if not any(words in line for words in harmless)]
    assert errors == []

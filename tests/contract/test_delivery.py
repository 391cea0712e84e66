import contextlib
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from mailboxes.models import Mailbox, QuotaUsage
from mailboxes.services import set_mailbox_active, set_mailbox_password
from tests.contract.world import NAMING_BOTH, NAMING_EVE, PASSWORD, stranger
from tests.servers import clients
from tests.servers.postfix import STOCK_MASTER_CF, Postfix
from tests.servers.processes import find, wait_until

ANN = ("ann@example.org", PASSWORD)
BOB = ("bob@example.org", PASSWORD)
GONE = ("gone@example.org", PASSWORD)
PAT = ("pat.o'brien@example.org", PASSWORD)
CAT = ("cat@catch.example", PASSWORD)


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    world = empty_world
    world.domain("example.org")
    world.mailbox("ann@example.org", quota=50_000_000)
    world.mailbox("bob@example.org")
    world.mailbox("small@example.org", quota=20_000)
    world.mailbox("closed@example.org", active=False)
    world.mailbox("reader@example.org", smtp_active=False)
    world.mailbox("away@example.org")
    world.raw("alias", "away@example.org", goto="away@elsewhere.test")
    world.alias("sales@example.org", "ann@example.org", "bob@example.org")
    world.mailbox("eve@example.org")
    world.mailbox("pat.o'brien@example.org")
    world.alias("o'toole@example.org", "pat.o'brien@example.org", "o'gone@example.org")
    world.alias("odd@example.org", "eve@example.org")
    world.alias("tiny@example.org", "small@example.org")
    world.alias("to-closed@example.org", "closed@example.org")
    world.alias("to-former@example.org", "former@example.org")
    world.alias("open-and-closed@example.org", "closed@example.org", "ann@example.org")
    world.domain("catch.example")
    world.mailbox("cat@catch.example")
    world.mailbox("dog@catch.example")
    world.alias("@catch.example", "cat@catch.example")
    world.domain("alias.example")
    world.alias_domain("alias.example", "example.org")
    world.domain("catch-alias.example")
    world.alias_domain("catch-alias.example", "catch.example")
    world.domain("off.example")
    world.mailbox("eve@off.example")
    world.domain("off-alias.example")
    world.alias_domain("off-alias.example", "off.example")
    world.alias("leak@example.org", "eve@off.example")
    world.alias("half@example.org", "eve@off.example", "ann@example.org")
    world.raw("domain", "off.example", active=False)
    return world


@pytest.mark.parametrize(
    ("recipient", "mailbox"),
    [
        ("ann@example.org", ANN),
        ("ANN@Example.Org", ANN),
        ("ann+list@example.org", ANN),
        ("ann@alias.example", ANN),
        ("ann+list@alias.example", ANN),
        ("half@example.org", ANN),
        ("open-and-closed@example.org", ANN),
        ("pat.o'brien@example.org", PAT),
        ("Pat.O'Brien+list@alias.example", PAT),
        ("o'toole@example.org", PAT),
        ("whatever@catch.example", CAT),
        ("whatever+tag@catch.example", CAT),
        ("dog@catch.example", ("dog@catch.example", PASSWORD)),
        ("whatever@catch-alias.example", CAT),
        # PostfixAdmin's own maps give this one to the catch-all.
        ("dog+tag@catch-alias.example", ("dog@catch.example", PASSWORD)),
    ],
)
def test_mail_arrives_in_the_right_mailbox(mail_server, recipient, mailbox):
    subject = clients.send(mail_server, stranger(), recipient)

    clients.wait_for(mail_server, *mailbox, subject)


@pytest.mark.parametrize("target", NAMING_EVE)
def test_postfix_reads_the_address_that_the_map_judges_a_target_by(mail_server, world, target):
    world.raw("alias", "odd@example.org", goto=target.replace("off.example", "example.org"))

    subject = clients.send(mail_server, stranger(), "odd@example.org")

    clients.wait_for(mail_server, "eve@example.org", PASSWORD, subject)


@pytest.mark.parametrize("goto", NAMING_BOTH)
def test_postfix_reads_both_addresses_where_the_map_does(mail_server, world, goto):
    world.raw("alias", "odd@example.org", goto=goto.replace("off.example", "example.org"))

    subject = clients.send(mail_server, stranger(), "odd@example.org")

    for mailbox in ("ann@example.org", "eve@example.org"):
        clients.wait_for(mail_server, mailbox, PASSWORD, subject)


def test_an_alias_reaches_each_target_once_and_nobody_else(mail_server):
    subject = clients.send(mail_server, stranger(), "sales@example.org")

    clients.wait_for(mail_server, *ANN, subject)
    clients.wait_for(mail_server, *BOB, subject)
    assert clients.subjects(mail_server, *ANN).count(subject) == 1
    assert subject not in clients.subjects(mail_server, *CAT)


def test_a_list_of_four_hundred_reaches_each_member_once(mail_server, world):
    members = [f"member{number}@elsewhere.test" for number in range(397)]
    world.alias("everyone@example.org", *members, "ann@example.org", "bob@example.org")

    subject = clients.send(mail_server, stranger(), "everyone@example.org")

    for mailbox in (ANN, BOB):
        clients.wait_for(mail_server, *mailbox, subject)
    mail_server.postfix.wait_until_delivered()
    mails = [mail for mail in mail_server.outside.received if subject in mail.text]
    assert sorted(who for mail in mails for who in mail.recipients) == sorted(members)
    assert clients.subjects(mail_server, *ANN).count(subject) == 1


def test_a_forward_goes_outside(mail_server):
    subject = clients.send(mail_server, stranger(), "away@example.org")

    mail = wait_until(
        lambda: [m for m in mail_server.outside.received if subject in m.text], "forward"
    )
    assert mail[0].recipients == ["away@elsewhere.test"]


@pytest.mark.parametrize(
    ("recipient", "code", "text"),
    [
        ("nobody@example.org", 550, "5.1.1"),
        ("nobody@alias.example", 550, "5.1.1"),
        ("closed@example.org", 550, "5.1.1"),
        ("leak@example.org", 550, "5.1.1"),
        ("to-closed@example.org", 550, "5.1.1"),
        ("to-former@example.org", 550, "5.1.1"),
        ("eve@off-alias.example", 550, "5.1.1"),
        ("eve@off.example", 554, "5.7.1"),
        ("someone@elsewhere.test", 554, "Relay access denied"),
        ("someone%elsewhere.test@example.org", 554, "Relay access denied"),
        ('"someone@elsewhere.test"@example.org', 554, "Relay access denied"),
    ],
)
def test_strangers_are_refused_while_they_are_still_there(mail_server, recipient, code, text):
    refused = clients.refusal(mail_server, stranger(), recipient)

    assert refused is not None
    assert refused[0] == code
    assert text in refused[1]


@pytest.mark.parametrize(
    "recipient",
    [
        b"@example.org:someone@elsewhere.test",
        b"elsewhere.test!someone@example.org",
        b"someone@elsewhere.test@example.org",
        b"someone@[192.0.2.7]",
        "поль@example.org".encode(),
        b"\xff\xfe@example.org",
        b"ann@example.org' OR 'a'='a",
        b"\\'; DROP TABLE alias; -- @example.org",
    ],
)
def test_odd_recipients_are_refused_for_good_and_disturb_nobody(mail_server, recipient):
    with clients.smtp(mail_server, mail_server.smtp_port) as session:
        assert session.mail(stranger())[0] == 250
        session.send(b"RCPT TO:<" + recipient + b">\r\n")
        code, text = session.getreply()
        assert 500 <= code < 560, text
        # In PostfixAdmin's set-up such a name makes every look-up fail for a minute.
        assert session.rcpt("ann@example.org")[0] == 250


@pytest.mark.parametrize("sender", ["x@пример.рф".encode(), b"\xff@outside.test"])
def test_odd_senders_disturb_nobody(mail_server, sender):
    with clients.smtp(mail_server, mail_server.smtp_port) as session:
        assert not session.has_extn("smtputf8")
        session.send(b"MAIL FROM:<" + sender + b">\r\n")
        session.getreply()
        session.rcpt("ann@example.org")
        session.rset()
        session.mail(stranger())
        assert session.rcpt("bob@example.org")[0] == 250


def test_programs_on_this_machine_may_send_anywhere(mail_server):
    subject = clients.send(mail_server, "cron@example.org", "me@elsewhere.test", source="127.0.0.2")

    wait_until(lambda: any(subject in m.text for m in mail_server.outside.received), "mail")


def test_port_25_offers_no_login(mail_server):
    with clients.smtp(mail_server, mail_server.smtp_port, starttls=True) as session:
        assert not session.has_extn("auth")


@pytest.mark.parametrize("port", ["submission_port", "submissions_port"])
def test_a_user_sends_after_login(mail_server, port):
    port = getattr(mail_server, port)

    inside = clients.send(mail_server, ANN[0], "bob@example.org", port=port, login=ANN)
    outside = clients.send(mail_server, ANN[0], "joe@elsewhere.test", port=port, login=ANN)

    clients.wait_for(mail_server, *BOB, inside)
    wait_until(lambda: any(outside in m.text for m in mail_server.outside.received), "mail")


def test_587_wants_tls_before_a_login(mail_server):
    with clients.smtp(mail_server, mail_server.submission_port, starttls=False) as session:
        assert not session.has_extn("auth")
        code, text = session.mail(ANN[0])

    assert (code, b"STARTTLS" in text) == (530, True)


@pytest.mark.parametrize("port", ["submission_port", "submissions_port"])
def test_nobody_sends_there_without_a_login(mail_server, port):
    refused = clients.refusal(
        mail_server, stranger(), "ann@example.org", port=getattr(mail_server, port)
    )

    assert refused[0] == 554


@pytest.mark.parametrize(
    ("sender", "allowed"),
    [
        ("ann@example.org", True),
        ("ann+shop@example.org", True),
        ("sales@example.org", True),
        ("ann@alias.example", True),
        ("sales@alias.example", True),
        ("bob@example.org", False),
        ("tiny@example.org", False),
        ("bob@alias.example", False),
        ("nobody@example.org", False),
        ("someone@elsewhere.test", False),
    ],
)
def test_a_sender_may_use_own_addresses_only(mail_server, sender, allowed):
    refused = clients.refusal(mail_server, sender, "bob@example.org", login=ANN)

    assert refused is None if allowed else refused[0] == 553


def test_the_owner_of_a_catch_all_may_not_send_as_every_name(mail_server):
    refused = clients.refusal(mail_server, "any@catch.example", "bob@example.org", login=CAT)

    assert refused[0] == 553


def test_logins(mail_server):
    logins = {
        ANN: True,
        (ANN[0].upper(), ANN[1]): True,
        (ANN[0], "wrong"): False,
        (ANN[0], ""): False,
        (ANN[0], "' OR '1'='1"): False,
        ("nobody@example.org", PASSWORD): False,
        ("closed@example.org", PASSWORD): False,
        ("eve@off.example", PASSWORD): False,
        ("ann@alias.example", PASSWORD): False,
        ("sales@example.org", PASSWORD): False,
    }
    protocols = [clients.may_imap, clients.may_pop, clients.may_submit]

    # Together: Dovecot takes half a second for each "no".
    with ThreadPoolExecutor(len(logins) * 3) as people:
        asked = {
            (may.__name__, *login): people.submit(may, mail_server, *login)
            for may in protocols
            for login in logins
        }
        found = {key: answer.result() for key, answer in asked.items()}

    assert found == {(may.__name__, *login): logins[login] for may in protocols for login in logins}


def test_who_may_not_send_may_still_read(mail_server):
    assert clients.may_imap(mail_server, "reader@example.org", PASSWORD)
    assert not clients.may_submit(mail_server, "reader@example.org", PASSWORD)


def test_a_new_password_counts_at_once(mail_server, world):
    mailbox = world.mailbox("changing@example.org")
    assert clients.may_imap(mail_server, mailbox.pk, PASSWORD)
    assert clients.may_submit(mail_server, mailbox.pk, PASSWORD)

    set_mailbox_password(actor=None, mailbox=mailbox, password="quite-another-9")

    for may in (clients.may_imap, clients.may_submit):
        assert not may(mail_server, mailbox.pk, PASSWORD)
        assert may(mail_server, mailbox.pk, "quite-another-9")


def test_a_deactivated_mailbox_is_out_at_once(mail_server, world):
    mailbox = world.mailbox("leaving@example.org")
    assert clients.may_imap(mail_server, mailbox.pk, PASSWORD)

    set_mailbox_active(actor=None, mailbox=mailbox, active=False)

    assert not clients.may_imap(mail_server, mailbox.pk, PASSWORD)
    assert clients.refusal(mail_server, stranger(), mailbox.pk)[0] == 550


def test_used_quota_is_written_for_the_panel(mail_server, world):
    """Dovecot does not repeat a write that was lost: the next delivery writes the whole sum."""
    mailbox = world.mailbox("counted@example.org")
    # Dovecot writes bytes and messages one after the other.
    rows = QuotaUsage.objects.filter(pk=mailbox.pk, bytes__gt=0, messages__gt=0)
    usage, sent = None, 0
    while usage is None and sent < 3:
        subject = clients.send(mail_server, stranger(), mailbox.pk, size=5000)
        clients.wait_for(mail_server, mailbox.pk, PASSWORD, subject)
        sent += 1
        with contextlib.suppress(TimeoutError):
            usage = wait_until(rows.first, "quota2", seconds=15)

    assert usage.messages == sent
    assert 5000 * sent < usage.bytes < 7000 * sent


def test_a_full_mailbox_is_refused_before_the_message_is_taken(mail_server):
    subject = clients.send(mail_server, stranger(), "small@example.org", size=15_000)
    clients.wait_for(mail_server, "small@example.org", PASSWORD, subject)

    # Announced as too large: refused although there is some room left.
    for address in ["small@example.org", "tiny@example.org", "small@alias.example"]:
        refused = clients.refusal(mail_server, stranger(), address, size=40_000)
        assert refused == (552, f"5.2.2 <{address}>: Recipient address rejected: Mailbox is full")
    plus = clients.refusal(mail_server, stranger(), "small+list@example.org", size=40_000)
    assert plus[0] == 552
    assert clients.refusal(mail_server, stranger(), "small@example.org", size=1_000) is None


def test_mail_for_a_mailbox_that_dovecot_knows_no_more_waits_for_it(mail_server):
    gone = Mailbox.objects.get(pk=BOB[0])
    gone.pk, gone.local_part, gone.maildir = GONE[0], "gone", "example.org/gone/"
    gone.save(force_insert=True)
    mail_server.dovecot.stop()
    subject = clients.send(mail_server, stranger(), GONE[0])
    mail_server.postfix.wait_for_log(f"to=<{GONE[0]}>.*status=deferred")
    Mailbox.objects.filter(pk=GONE[0]).delete()
    mail_server.dovecot.start()

    mail_server.postfix.flush()
    mail_server.postfix.wait_for_log(f"to=<{GONE[0]}>.* dsn=4.1.1, status=deferred .*doesn't exist")
    gone.save(force_insert=True)

    mail_server.postfix.wait_until_delivered()
    assert clients.subjects(mail_server, *GONE) == [subject]
    gone.delete()


def test_the_shipped_files_are_complained_about_by_nobody(mail_server):
    programs = {
        "postfix": ["-c", mail_server.postfix.conf, "check"],
        "postconf": ["-c", mail_server.postfix.conf, "-n"],
        "doveconf": ["-c", mail_server.dovecot.conf / "dovecot.conf", "-n"],
    }
    for program, arguments in programs.items():
        run = subprocess.run([find(program), *arguments], capture_output=True, text=True)
        assert (program, run.returncode, run.stderr) == (program, 0, "")


def test_an_upgrade_leaves_one_service_on_each_port(mail_server, tmp_path):
    """The commands for master.cf may be repeated, also over services that were there before."""
    again = Postfix(tmp_path, mail_server.postfix.files, outside_port=0)
    again.install()
    master = again.conf / "master.cf"
    old = "submission inet n - y - - smtpd\n  -o syslog_name=old\n"
    master.write_text(STOCK_MASTER_CF.read_text() + old)

    written = []
    for _time in range(2):
        again.add_services()
        written.append(master.read_text())

    assert written[0] == written[1]
    services = re.findall(r"(?m)^(submissions?) +inet ", written[1])
    assert sorted(services) == ["submission", "submissions"]
    assert "syslog_name=old" not in written[1]

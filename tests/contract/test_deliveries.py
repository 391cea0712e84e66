"""The delivery log of mail that the real Postfix and Dovecot delivered, sent, refused, filed and gave up."""

import re
import smtplib
import subprocess

import pytest

from domains.copies import TO, Copy
from domains.deliveries import WROTE, Delivery, DeliveryDay, LogPosition, OpenMail
from mailadmin.deliveries.files import FileLog
from mailadmin.deliveries.follower import Follower
from tests.contract.world import PASSWORD
from tests.servers.clients import smtp
from tests.servers.processes import find, wait_until

SCRIPT = """require ["fileinto", "mailbox", "copy", "reject", "vacation"];
if header :is "subject" "sent on" { redirect "joe@outside.test"; }
elsif header :is "subject" "thrown away" { discard; }
elsif header :is "subject" "both" { redirect :copy "joe@outside.test"; fileinto :create "Work"; }
elsif header :is "subject" "returned" { reject "no, thanks"; }
elsif header :is "subject" "answered" { vacation "I am away"; }
"""
LOGIN = ("ann@example.org", PASSWORD)


@pytest.fixture(scope="module")
def server(server_with):
    yield from server_with("sieve", "copies-to")


@pytest.fixture(scope="module")
def site(server, empty_world):
    empty_world.domain("example.org")
    empty_world.domain("other.test")
    for address in ("ann@example.org", "bob@example.org", "eve@other.test"):
        empty_world.mailbox(address)
    empty_world.alias("sales@example.org", "ann@example.org", "joe@outside.test", "eve@other.test")
    Copy.objects.create(
        domain="other.test", direction=TO, address="eve@other.test", goto="boss@outside.test"
    )
    script = server.directory / "bob.sieve"
    script.write_text(SCRIPT)
    server.dovecot.doveadm("sieve", "put", "-u", "bob@example.org", "-a", "main", script)
    server.outside.unknown.add("gone@outside.test")
    yield server
    Copy.objects.all().delete()
    Delivery.objects.all().delete()
    LogPosition.objects.all().delete()
    OpenMail.objects.all().delete()


@pytest.fixture
def logged(site):
    """``logged(message_id, wanted)``: the rows of a message once ``wanted(rows)``, by recipient."""
    follower = Follower([FileLog(site.postfix.log), FileLog(site.dovecot.log)], "contract")

    def look(message_id, wanted=bool):
        def rows():
            follower.step()
            found = {row.recipient: row for row in Delivery.objects.filter(message_id=message_id)}
            return found if found and wanted(list(found.values())) else None

        return wait_until(rows, f"rows of {message_id}")

    return look


def send(server, name, sender, *recipients, head="", login=None, subject="x"):
    text = f"Message-ID: <{name}>\r\nFrom: <{sender}>\r\nTo: <{recipients[0]}>\r\nSubject: {subject}\r\n{head}\r\nHello\r\n"
    port = server.submission_port if login else server.smtp_port
    with smtp(server, port, login=login, starttls=True) as session:
        return session.sendmail(sender, recipients, text)


def ended(rows):
    return all(row.result != "deferred" and (row.place or "lmtp" not in row.relay) for row in rows)


def test_two_mailboxes_of_one_message(site, logged):
    send(site, "two@x", "joe@outside.test", "ann@example.org", "bob+tag@example.org")

    rows = logged("two@x", lambda rows: len(rows) == 2 and ended(rows))

    ann, bob = rows["ann@example.org"], rows["bob+tag@example.org"]
    for row in (ann, bob):
        assert (row.result, row.direction, row.dsn) == ("delivered", "in", "2.0.0")
        assert (row.place, row.sender) == ("in INBOX", "joe@outside.test")
        assert re.fullmatch(r"TLSv1\.\d \S+", row.tls)
        assert row.client == "unknown[127.0.0.1]"
        assert row.size > 100
    assert ann.queue_id == bob.queue_id


def test_an_alias_with_targets_everywhere(site, logged):
    send(site, "alias@x", "joe@outside.test", "sales@example.org")

    rows = logged("alias@x", lambda rows: len(rows) == 3 and ended(rows))

    assert {row.asked for row in rows.values()} == {"sales@example.org"}
    assert {name: row.direction for name, row in rows.items()} == {
        "ann@example.org": "in",
        "eve@other.test": "in",
        "joe@outside.test": "out",
    }


def test_what_is_marked_as_spam_is_in_junk(site, logged):
    send(site, "junk@x", "joe@outside.test", "ann@example.org", head="X-Spam: Yes\r\n")

    assert logged("junk@x", ended)["ann@example.org"].place == "in Junk"


@pytest.mark.parametrize(
    ("subject", "place"),
    [
        ("sent on", "to joe@outside.test"),
        ("thrown away", "discarded"),
        ("both", "to joe@outside.test\tin Work"),
        ("answered", "answered\tin INBOX"),
    ],
)
def test_what_a_filter_did_is_told(subject, place, site, logged):
    name = f"{subject.replace(' ', '-')}@x"
    send(site, name, "joe@outside.test", "bob@example.org", subject=subject)

    row = logged(
        name, lambda rows: any(row.recipient == "bob@example.org" and row.place for row in rows)
    )

    assert set(row["bob@example.org"].place.split("\t")) == set(place.split("\t"))


def test_mail_of_a_login_goes_out_and_stays_here(site, logged):
    send(site, "login@x", "ann@example.org", "joe@outside.test", "bob@example.org", login=LOGIN)

    rows = logged("login@x", lambda rows: len(rows) == 2 and ended(rows))

    assert {name: row.direction for name, row in rows.items()} == {
        "joe@outside.test": "out",
        "bob@example.org": "local",
    }
    assert {row.login for row in rows.values()} == {"ann@example.org"}
    assert rows["joe@outside.test"].says == "250 ok"


@pytest.mark.parametrize(
    ("name", "recipient", "subject", "of_rows"),
    [
        ("copied@x", "eve@other.test", "x", {"eve@other.test", "boss@outside.test"}),
        ("redirected@x", "bob@example.org", "sent on", {"bob@example.org", "joe@outside.test"}),
        ("alias@y", "sales@example.org", "x", {"ann@example.org", "eve@other.test", "joe@outside.test"}),
    ],
)  # fmt: skip
def test_who_signed_in_wrote_to_nobody_where_the_recipients_side_sent_it_on(
    name, recipient, subject, of_rows, site, logged
):
    send(site, name, "ann@example.org", recipient, login=LOGIN, subject=subject)

    rows = logged(name, lambda rows: of_rows <= {row.recipient for row in rows} and ended(rows))

    assert {who for who, row in rows.items() if row.ours & WROTE} == {recipient} - {
        "sales@example.org"
    }


def test_another_server_does_not_know_the_recipient(site, logged):
    send(site, "gone@x", "ann@example.org", "gone@outside.test", login=LOGIN)

    row = logged("gone@x", ended)["gone@outside.test"]

    assert (row.result, row.dsn) == ("bounced", "5.1.1")
    assert "550 5.1.1 no such user" in row.says
    [notice] = wait_until(
        lambda: (logged("gone@x"), list(Delivery.objects.filter(recipient="ann@example.org", sender="", login="")))[1],
        "the notice",
    )  # fmt: skip
    assert (notice.direction, notice.client) == ("local", "")


@pytest.mark.parametrize(
    ("recipient", "says"),
    [
        (
            "nobody@example.org",
            "550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown",
        ),
        ("who@relay.test", "554 5.7.1 <who@relay.test>: Relay access denied"),
    ],
)
def test_a_refusal_has_a_row(recipient, says, site, logged):
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(site, "refused@x", "joe@outside.test", recipient)
    send(site, f"after-{recipient}", "joe@outside.test", "ann@example.org")
    logged(f"after-{recipient}")

    row = Delivery.objects.get(recipient=recipient)

    assert (row.result, row.sender, row.message_id) == ("refused", "joe@outside.test", "")
    assert row.says.startswith(says)
    assert row.tls.startswith("TLSv1.")


def test_a_hostile_message_id_changes_nothing(site, logged):
    name = "x>: stored mail into mailbox 'Nowhere'"
    send(site, name, "joe@outside.test", "ann@example.org")

    rows = wait_until(
        lambda: (logged_any(logged), Delivery.objects.filter(message_id__startswith="x>", place__gt=""))[1],
        "the row",
    )  # fmt: skip

    assert rows[0].place == "in INBOX"


def logged_any(logged):
    logged("two@x")
    return True


def test_what_waits_is_tried_again_and_given_up_in_one_row(site, logged):
    site.outside.stop()
    send(site, "waits@x", "ann@example.org", "late@outside.test", login=LOGIN)
    row = logged("waits@x", lambda rows: rows[0].tries > 1)["late@outside.test"]
    assert (row.result, row.dsn[:2]) == ("deferred", "4.")

    site.postfix.set(maximal_queue_lifetime="1s", bounce_queue_lifetime="1s")
    site.postfix.reload()
    site.postfix.flush()
    row = logged("waits@x", lambda rows: rows[0].result != "deferred")["late@outside.test"]

    assert row.result == "expired"
    assert Delivery.objects.filter(message_id="waits@x").count() == 1
    assert DeliveryDay.objects.get(domain="example.org").bounced >= 1


def test_mail_of_a_program_on_this_machine(site, logged):
    text = "Message-ID: <program@x>\nSubject: x\n\nx\n"
    command = [
        find("sendmail"),
        "-C",
        site.postfix.conf,
        "-f",
        "root@example.org",
        "bob@example.org",
    ]
    subprocess.run(command, input=text, text=True, check=True)

    row = logged("program@x", ended)["bob@example.org"]

    assert (row.login, row.direction) == ("uid 0", "local")

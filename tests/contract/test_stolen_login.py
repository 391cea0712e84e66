import contextlib
import smtplib
from itertools import count

import pytest

from domains.models import Domain
from domains.services import delete_alias_domain, delete_domain, set_domain_active
from mailboxes.models import Mailbox
from mailboxes.services import (
    delete_mailbox,
    set_mailbox_active,
    set_mailbox_password,
    update_mailbox,
)
from tests.contract.world import PASSWORD
from tests.servers import clients

fresh = count()


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.mailbox("bob@example.org")
    return empty_world


@pytest.fixture
def victim(world):
    """A mailbox in a domain of its own, which may send as all of senders()."""
    domain = f"stolen{next(fresh)}.example"
    for name in (domain, f"alias-of-{domain}"):
        world.domain(name)
    world.alias_domain(f"alias-of-{domain}", domain)
    address = world.mailbox(f"victim@{domain}").pk
    world.alias(f"sales@{domain}", address)
    world.alias(f"{domain}@example.org", address)
    return address


def senders(victim):
    domain = victim.partition("@")[2]
    return [
        victim,
        f"victim+shop@{domain}",
        f"sales@{domain}",
        f"{domain}@example.org",
        f"victim@alias-of-{domain}",
        "",
    ]


def recipients(victim):
    return ["bob@example.org", "joe@elsewhere.test", victim]


@contextlib.contextmanager
def open_session(server, victim, port="submission_port"):
    with clients.smtp(server, getattr(server, port), login=(victim, PASSWORD)) as session:
        for sender in senders(victim):
            assert (sender, answers(session, sender, "bob@example.org")) == (sender, [250])
        subject, text = clients.message(victim, "bob@example.org")
        session.sendmail(victim, ["bob@example.org"], text)
        clients.wait_for(server, "bob@example.org", PASSWORD, subject)
        yield session


def answers(session, sender, *recipients):
    """Announce a message and take it back; return the codes its recipients got."""
    code, _text = session.mail(sender)
    if code != 250:
        return [code] * len(recipients)
    codes = [session.rcpt(recipient)[0] for recipient in recipients]
    session.rset()
    return codes


def forbid_sending(victim):
    update_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=victim), smtp_active=False)


def deactivate_mailbox(victim):
    set_mailbox_active(actor=None, mailbox=Mailbox.objects.get(pk=victim), active=False)


def remove_mailbox(victim):
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=victim))


def deactivate_domain(victim):
    domain = Domain.objects.get(pk=victim.partition("@")[2])
    set_domain_active(actor=None, domain=domain, active=False)


def remove_domain(victim):
    domain = Domain.objects.get(pk=victim.partition("@")[2])
    for link in domain.alias_domains.all():
        delete_alias_domain(actor=None, link=link)
    delete_domain(actor=None, domain=domain)


ENDS = [forbid_sending, deactivate_mailbox, remove_mailbox, deactivate_domain, remove_domain]


@pytest.mark.parametrize("port", ["submission_port", "submissions_port"])
@pytest.mark.parametrize("end", ENDS)
def test_an_open_session_sends_nothing_more(mail_server, victim, end, port):
    with open_session(mail_server, victim, port) as session:
        end(victim)

        refused = {
            sender: answers(session, sender, *recipients(victim)) for sender in senders(victim)
        }

    assert refused == {sender: [554] * len(recipients(victim)) for sender in senders(victim)}


@pytest.mark.parametrize("end", ENDS)
def test_a_message_that_is_announced_already_is_not_taken(mail_server, victim, end):
    with open_session(mail_server, victim) as session:
        session.mail(victim)
        assert session.rcpt("joe@elsewhere.test")[0] == 250
        end(victim)

        code, _text = session.docmd("DATA")

    assert code == 554


def test_recipients_in_the_middle_of_a_message_are_refused(mail_server, victim):
    with open_session(mail_server, victim) as session:
        session.mail(victim)
        before = session.rcpt("joe@elsewhere.test")[0]
        forbid_sending(victim)
        after = session.rcpt("jane@elsewhere.test")[0]

    assert (before, after) == (250, 554)


def test_others_go_on_sending(mail_server, victim):
    login = ("bob@example.org", PASSWORD)
    with clients.smtp(mail_server, mail_server.submission_port, login=login) as session:
        for end in (forbid_sending, remove_mailbox):
            end(victim)
            assert answers(session, login[0], "joe@elsewhere.test", login[0]) == [250, 250]


def test_a_session_goes_on_when_sending_is_allowed_again(mail_server, victim):
    with open_session(mail_server, victim) as session:
        forbid_sending(victim)
        assert answers(session, victim, "bob@example.org") == [554]
        update_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=victim), smtp_active=True)
        assert answers(session, victim, "bob@example.org") == [250]


def test_after_a_new_password_a_restart_of_postfix_ends_open_sessions(mail_server, victim):
    """A map sees the login's name only: docs/operations.md says so, and what to do."""
    with open_session(mail_server, victim) as session:
        set_mailbox_password(
            actor=None, mailbox=Mailbox.objects.get(pk=victim), password="quite-another-9"
        )
        assert answers(session, victim, "bob@example.org") == [250]

        mail_server.postfix.stop()
        mail_server.postfix.start()

        with pytest.raises(smtplib.SMTPServerDisconnected):
            session.noop()
    assert not clients.may_submit(mail_server, victim, PASSWORD)
    assert clients.may_submit(mail_server, victim, "quite-another-9")


def test_while_the_database_is_away_an_open_session_sends_nothing(mail_server, victim):
    with open_session(mail_server, victim) as session:
        mail_server.gate.shut()
        try:
            codes = answers(session, victim, *recipients(victim))
        finally:
            mail_server.gate.open()
            mail_server.postfix.reload()

    assert {code // 100 for code in codes} == {4}

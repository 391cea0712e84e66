"""PASSWORD_LIFETIME_IN_MAIL: Dovecot refuses a password whose lifetime is over, until its owner sets another."""

import imaplib
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from domains.models import Domain
from domains.services import update_domain
from mailboxes.models import Mailbox
from mailboxes.services import set_mailbox_password
from panel.fields import UNKNOWN_MOMENT
from tests.contract.world import PASSWORD, stranger
from tests.servers import clients
from tests.servers.processes import ROOT

NEW = "quiet-otters-seven-8"
DAY = timedelta(days=1)
NAMES = ("over", "good", "unknown", "warned")


@pytest.fixture(scope="module")
def server(server_with, world):
    yield from server_with("password-lifetime")


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    world, now = empty_world, timezone.now()
    for domain in ("ages.example", "free.example"):
        world.domain(domain)
        for name in NAMES:
            world.mailbox(f"{name}@{domain}")
    update_domain(actor=None, domain=Domain.objects.get(pk="ages.example"), password_expiry=90)
    world.raw("domain", "free.example", password_expiry=None)
    for domain in ("ages.example", "free.example"):
        world.raw("mailbox", f"over@{domain}", password_expiry=now - DAY)
        world.raw("mailbox", f"warned@{domain}", password_expiry=now + DAY)
        world.raw("mailbox", f"unknown@{domain}", password_expiry=UNKNOWN_MOMENT)
    return world


@pytest.mark.parametrize("service", ["imap", "pop3", "smtp"])
@pytest.mark.parametrize("domain", ["ages.example", "free.example"])
def test_only_a_password_that_is_over_is_refused(domain, service, server):
    opens = {
        name: server.dovecot.may_log_in(f"{name}@{domain}", PASSWORD, service) for name in NAMES
    }

    assert opens == dict.fromkeys(NAMES, True) | {"over": domain == "free.example"}


def test_dovecot_and_the_panel_agree(server):
    for mailbox in Mailbox.objects.all():
        over = not server.dovecot.may_log_in(mailbox.pk, PASSWORD)
        assert (mailbox.pk, mailbox.must_set_password) == (mailbox.pk, over)


def test_without_the_setting_it_opens_mail_all_the_same(dovecot):
    assert dovecot.may_log_in("over@ages.example", PASSWORD) is True


def test_mail_still_arrives_and_after_a_change_it_is_read(server, world):
    world.mailbox("late@ages.example")
    world.raw("mailbox", "late@ages.example", password_expiry=timezone.now() - DAY)
    late = ("late@ages.example", PASSWORD)
    assert not clients.may_imap(server, *late)
    assert not clients.may_submit(server, *late)
    subject = clients.send(server, stranger(), late[0])

    mailbox = Mailbox.objects.get(pk=late[0])
    set_mailbox_password(actor=mailbox, mailbox=mailbox, password=NEW)

    assert clients.may_imap(server, late[0], NEW)
    assert clients.may_submit(server, late[0], NEW)
    clients.wait_for(server, late[0], NEW, subject)
    assert not clients.may_imap(server, *late)


def test_while_the_database_is_away_nobody_is_told_that_a_password_is_wrong(server):
    """Last: Dovecot finds its way back only by a new start."""
    server.gate.shut()
    try:
        with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
            clients.may_imap(server, "good@ages.example", PASSWORD)
    finally:
        server.gate.open()


def test_the_query_of_2_4_has_the_same_rule(server):
    folder = server.files.path / "dovecot"
    rules = [
        [line.strip() for line in (folder / name).read_text().splitlines() if "NOW()" in line]
        for name in ("2.3/mailadmin-sql.conf.ext", "2.4/dovecot.conf")
    ]

    assert len(rules[0]) == 1
    assert rules[0] == rules[1]


@pytest.mark.parametrize("file", ["2.3/mailadmin-sql.conf.ext", "2.4/dovecot.conf"])
def test_the_query_with_the_lifetime_is_the_other_one_and_one_condition_more(file):
    text = (ROOT / "deploy" / "dovecot" / file).read_text()
    without, with_it = (
        re.search(rf"(?s)# BEGIN {name}\n(.+?)# END {name}\n", text)[1]
        for name in ("no-password-lifetime", "password-lifetime")
    )
    lines = [
        line.rstrip("\\ ") for line in with_it.splitlines() if not line.lstrip().startswith("#")
    ]

    assert lines[:-1] == [line.rstrip("\\ ") for line in without.splitlines()]
    assert lines[-1].lstrip().startswith("AND (COALESCE(d.password_expiry, 0) = 0 OR")

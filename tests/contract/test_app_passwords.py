import time

import pytest
from django.utils import timezone

from domains.models import Domain
from domains.services import set_domain_active
from mailboxes import app_passwords
from mailboxes.models import AppPassword, Mailbox
from mailboxes.renaming import rename_mailbox
from mailboxes.services import (
    delete_mailbox,
    set_mailbox_active,
    set_mailbox_password,
    update_mailbox,
)
from tests.contract.world import PASSWORD
from tests.servers import clients

ANN, BOB = "ann@example.org", "bob@example.org"
WAYS = {
    "imap": clients.may_imap,
    "pop3": clients.may_pop,
    "smtp": clients.may_submit,
    "sieve": clients.may_sieve,
}
ALL = set(WAYS)


@pytest.fixture(scope="module")
def server(server_with):
    yield from server_with("sieve")


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.mailbox(ANN)
    empty_world.mailbox(BOB)
    return empty_world


@pytest.fixture
def ann(world):
    """Her mailbox as it is usually, without app passwords."""
    yield Mailbox.objects.get(pk=ANN)
    AppPassword.objects.all().delete()
    Mailbox.objects.filter(pk=ANN).update(
        **dict.fromkeys(("imap_active", "pop3_active", "smtp_active", "sieve_active"), True),
        **dict.fromkeys(("active", "sign_in_active", "receives"), True),
        app_only=False,
    )


def made(mailbox, **fields):
    fields = {"name": "Phone", "protocols": WAYS} | fields
    password = app_passwords.drawn()
    app_passwords.make_app_password(actor=mailbox, password=password, **fields)
    return password


def change(mailbox, **fields):
    update_mailbox(actor=None, mailbox=mailbox, **fields)


def ways_in(server, password, address=ANN):
    return {name for name, may in WAYS.items() if may(server, address, password)}


def test_an_app_password_lets_in_by_what_it_is_for(server, ann):
    for protocols in (ALL, {"imap"}, {"pop3"}, {"smtp"}, {"sieve"}, {"imap", "smtp"}):
        assert ways_in(server, made(ann, protocols=protocols)) == protocols
    assert ways_in(server, PASSWORD) == ALL


def test_it_is_typed_with_or_without_its_hyphens(server, ann):
    password = made(ann)

    assert clients.may_imap(server, ANN.upper(), password.replace("-", ""))
    assert clients.may_imap(server, ANN, password.replace("-", " "))
    assert not clients.may_imap(server, ANN, password[:-1])


@pytest.mark.parametrize("switch", WAYS)
def test_a_protocol_that_is_off_lets_in_neither_password(server, ann, switch):
    app = made(ann)
    change(ann, **{f"{switch}_active": False})
    assert ways_in(server, PASSWORD) == ways_in(server, app) == ALL - {switch}

    change(ann, **{f"{switch}_active": True})
    assert ways_in(server, PASSWORD) == ways_in(server, app) == ALL


def test_where_nobody_signs_in_no_password_does_and_mail_is_delivered(server, ann):
    app = made(ann)
    change(ann, sign_in_active=False)
    assert ways_in(server, PASSWORD) == ways_in(server, app) == set()

    subject = clients.send(server, "joe@outside.test", ANN)
    change(ann, sign_in_active=True)
    clients.wait_for(server, ANN, app, subject)


def test_where_app_passwords_alone_are_let_in_the_main_one_is_not(server, ann):
    app = made(ann)
    change(ann, app_only=True)

    assert ways_in(server, PASSWORD) == set()
    assert ways_in(server, "!") == ways_in(server, "{CRYPT}!") == set()
    assert ways_in(server, app) == ALL
    assert Mailbox.objects.get(pk=ANN).check_password(PASSWORD)


def test_one_that_is_over_lets_nobody_in(server, ann):
    app, row = made(ann, until=timezone.localdate()), AppPassword.objects.get()
    assert ways_in(server, app) == ALL

    AppPassword.objects.update(expires=int(time.time()) - 1)
    assert ways_in(server, app) == set()

    assert row.last_day == timezone.localdate()


@pytest.mark.parametrize(
    ("networks", "let_in"),
    [
        ("127.0.0.1", True),
        ("192.0.2.0/24 127.0.0.0/8", True),
        ("192.0.2.0/24, 2001:db8::/48", False),
    ],
)
def test_it_lets_in_from_its_networks_alone(server, ann, networks, let_in):
    app = made(ann, networks=networks)

    assert ways_in(server, app) == (ALL if let_in else set())
    assert ways_in(server, PASSWORD) == ALL


def test_one_that_is_revoked_lets_nobody_in_any_more(server, ann):
    app, other = made(ann), made(ann, name="Laptop")
    assert ways_in(server, app) == ALL

    row = AppPassword.objects.get(description="Phone")
    app_passwords.revoke_app_password(actor=None, app_password=row)

    assert (ways_in(server, app), ways_in(server, other)) == (set(), ALL)


def test_it_opens_no_other_mailbox_and_nothing_that_is_off(server, world, ann):
    app = made(ann)
    assert ways_in(server, app, BOB) == set()
    assert ways_in(server, app, "nobody@example.org") == set()

    set_mailbox_active(actor=None, mailbox=ann, active=False)
    assert ways_in(server, app) == set()
    set_mailbox_active(actor=None, mailbox=ann, active=True)
    domain = Domain.objects.get(pk="example.org")
    set_domain_active(actor=None, domain=domain, active=False)
    assert ways_in(server, app) == set()
    set_domain_active(actor=None, domain=domain, active=True)
    assert ways_in(server, app) == ALL


def test_it_goes_on_with_a_new_password_and_goes_along_with_a_new_name(server, world):
    new = world.mailbox("new@example.org")
    app = made(new)

    set_mailbox_password(actor=None, mailbox=new, password="quite-another-9")
    assert ways_in(server, app, new.pk) == ALL
    renamed = rename_mailbox(actor=None, mailbox=new, local_part="other")
    assert (ways_in(server, app, "other@example.org"), ways_in(server, app, new.pk)) == (ALL, set())

    delete_mailbox(actor=None, mailbox=renamed)
    world.mailbox("other@example.org")
    assert ways_in(server, app, "other@example.org") == set()


@pytest.mark.parametrize(
    "stored",
    [
        "$2y$10$abcdefghijklmnopqrstuuWzPJhd8zI3nEHZFnh1GSQ0dtvyPZ0hq",
        "{PLAIN}open-sesame",
        "open-sesame",
        app_passwords.digest("open-sesame"),
        "",
        None,
    ],
)
def test_a_row_of_postfixadmins_opens_nothing(server, ann, stored):
    server.execute(
        "INSERT INTO mailbox_app_password (username, description, password_hash) VALUES (%s, 'old', %s)",
        [ANN, stored],
    )

    assert ways_in(server, "open-sesame") == ways_in(server, stored or "x") == set()
    assert ways_in(server, PASSWORD) == ALL


@pytest.mark.parametrize(
    "password",
    ["' OR '1'='1", "x\\", '"', "' UNION SELECT 1 -- ", "пароль", "%u%w", "{PLAIN}x", "-", " "],
)
def test_an_odd_password_is_a_wrong_one_and_no_sql_error(server, ann, password):
    made(ann)
    before = len(server.dovecot.log.read_text())

    assert server.dovecot.may_log_in(ANN, password) is False
    assert "rror: " not in server.dovecot.log.read_text()[before:]


def test_bytes_that_are_not_utf_8_are_a_wrong_password(server, ann):
    made(ann)

    assert server.dovecot.may_log_in(ANN, b"pass\xff\xfeword") is False


def test_a_sender_address_is_held_to_its_mailbox_whatever_the_password(server, ann):
    login = (ANN, made(ann))

    assert clients.refusal(server, ANN, "joe@elsewhere.test", login=login) is None
    assert clients.refusal(server, BOB, "joe@elsewhere.test", login=login)[0] == 553


def test_with_the_database_away_nobody_is_told_that_a_password_is_wrong(server, ann):
    app = made(ann)
    change(ann, app_only=True)
    server.gate.shut()
    try:
        for password in (app, PASSWORD):
            with pytest.raises(Exception, match="UNAVAILABLE"):
                clients.may_imap(server, ANN, password)
    finally:
        server.gate.open()
        server.dovecot.stop()
        server.dovecot.start()
        server.postfix.reload()

    assert ways_in(server, app) == ALL


def test_a_right_app_password_is_no_guess_and_a_wrong_one_is_one(server, ann, tmp_path):
    app = made(ann)
    before = len(server.dovecot.log.read_text())

    def lines():
        said = server.dovecot.log.read_text()[before:]
        return said.count("Password mismatch"), said.count("unknown user")

    assert ways_in(server, app) == ALL
    assert lines() == (0, 0)
    assert not clients.may_imap(server, ANN, "wrong")
    assert lines() == (1, 0)
    assert not clients.may_imap(server, "nobody@example.org", app)
    assert lines() == (1, 1)


def test_who_may_not_sign_in_any_more_sends_nothing_in_an_open_session(server, ann):
    with clients.smtp(server, server.submission_port, login=(ANN, made(ann))) as session:
        assert session.mail(ANN)[0] == 250
        assert session.rcpt(BOB)[0] == 250
        session.rset()
        change(ann, sign_in_active=False)
        assert session.mail(ANN)[0] == 554

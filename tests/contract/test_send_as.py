import pytest

from mailadmin.tracing.trace import trace
from mailadmin.tracing.words import lines
from mailboxes.models import Mailbox, SendAs
from mailboxes.send_as import end_send_as, let_send_as
from mailboxes.services import update_mailbox
from tests.contract.world import PASSWORD
from tests.servers import clients

ANN, BOB, INFO = "ann@example.org", "bob@example.org", "info@example.org"


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    world = empty_world
    for name in ("example.org", "alias.example", "other.example"):
        world.domain(name)
    world.alias_domain("alias.example", "example.org")
    for address in (ANN, BOB, INFO, "eve@other.example"):
        world.mailbox(address)
    world.alias("sales@example.org", BOB)
    return world


@pytest.fixture
def let():
    """``let(mailbox, sender)``; all of it is ended afterwards."""
    yield lambda mailbox, sender: let_send_as(actor=None, mailbox=mailbox, sender=sender)
    for row in SendAs.objects.all():
        end_send_as(actor=None, row=row)


def refusal(server, login, sender):
    found = clients.refusal(server, sender, BOB, login=(login, PASSWORD))
    return found and found[0]


def said_by_trace(sender):
    return [line.text for line in lines(trace(None, BOB, sender)) if "may send as" in line.text]


def test_nobody_sends_as_somebody_else(mail_server):
    for sender in (INFO, "sales@example.org", "eve@other.example"):
        assert refusal(mail_server, ANN, sender) == 553


@pytest.mark.parametrize(
    "sender", [INFO, "info+tag@example.org", "Info@Example.ORG", "info@alias.example"]
)
def test_who_is_let_sends_as_a_mailbox_under_all_its_names(mail_server, let, sender):
    let(ANN, INFO)

    assert refusal(mail_server, ANN, sender) is None
    assert refusal(mail_server, BOB, sender) == 553
    assert refusal(mail_server, INFO, INFO) is None  # its own login as before


def test_and_as_an_alias_besides_those_whom_it_leads_to(mail_server, let):
    let(ANN, "sales@example.org")

    for login in (ANN, BOB):
        assert refusal(mail_server, login, "sales@example.org") is None
    assert refusal(mail_server, INFO, "sales@example.org") == 553


@pytest.mark.parametrize(
    "sender", [INFO, "sales@example.org", "whoever@example.org", "whoever@alias.example"]
)
def test_and_as_every_name_of_a_domain(mail_server, let, sender):
    let("eve@other.example", "example.org")

    assert refusal(mail_server, "eve@other.example", sender) is None
    assert refusal(mail_server, "eve@other.example", "who@elsewhere.test") == 553


def test_it_ends_in_an_open_session_at_once(mail_server, let):
    row = let(ANN, INFO)
    with clients.smtp(mail_server, mail_server.submission_port, login=(ANN, PASSWORD)) as session:
        assert session.mail(INFO)[0] == 250
        assert session.rcpt(BOB)[0] == 250
        session.rset()
        end_send_as(actor=None, row=row)
        assert session.mail(INFO)[0] == 553


def test_a_login_that_is_off_sends_as_nobody_and_as_what_is_off_nobody_sends(
    mail_server, let, world
):
    let(ANN, INFO)
    for address, columns in ((ANN, {"smtp_active": False}), (INFO, {"active": False})):
        mailbox = update_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=address), **columns)
        try:
            if address == INFO:
                assert refusal(mail_server, ANN, INFO) == 553
            else:
                assert mail_server.postfix.lookup("login", ANN).startswith("554")
            assert said_by_trace(INFO) != [f"Who signs in as {ANN} may send as {INFO}."]
        finally:
            update_mailbox(actor=None, mailbox=mailbox, **dict.fromkeys(columns, True))


def test_as_a_mailbox_to_which_nobody_signs_in_others_send(mail_server, let):
    """A shared mailbox."""
    let(ANN, INFO)
    info = Mailbox.objects.get(pk=INFO)
    update_mailbox(actor=None, mailbox=info, sign_in_active=False, smtp_active=False)
    try:
        assert refusal(mail_server, ANN, INFO) is None
        assert said_by_trace(INFO) == [f"Who signs in as {ANN} may send as {INFO}."]
    finally:
        update_mailbox(actor=None, mailbox=info, sign_in_active=True, smtp_active=True)


def test_the_trace_names_who_is_let(let):
    assert said_by_trace(INFO) == [f"Who signs in as {INFO} may send as {INFO}."]
    let(ANN, INFO)
    assert said_by_trace(INFO) == [f"Who signs in as {INFO} or {ANN} may send as {INFO}."]


def test_with_the_database_away_mail_waits(mail_server, let):
    let(ANN, INFO)
    with clients.smtp(mail_server, mail_server.submission_port, login=(ANN, PASSWORD)) as session:
        mail_server.gate.shut()
        try:
            code, _text = session.mail(INFO)
            code = code if code != 250 else session.rcpt(BOB)[0]
        finally:
            mail_server.gate.open()
            mail_server.postfix.reload()

    assert code // 100 == 4

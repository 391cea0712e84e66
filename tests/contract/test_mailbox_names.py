import string

import pytest
from django.core.exceptions import ValidationError

from aliases.lookup import Lookup
from mailboxes.models import Mailbox
from panel.addresses import normalise_mailbox_name
from tests.contract.world import PASSWORD
from tests.servers import clients

PLAIN = string.ascii_lowercase + string.digits


def may_be_in_a_name(character):
    try:
        normalise_mailbox_name(f"a{character}b")
    except ValidationError:
        return False
    return True


# The apostrophe also comes with rows of PostfixAdmin's.
SIGNS = [sign for sign in string.punctuation if sign == "'" or may_be_in_a_name(sign)]


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.mailbox("ann@example.org")
    return empty_world


@pytest.mark.parametrize("name", [PLAIN, *(f"a{sign}b" for sign in SIGNS)])
def test_whoever_has_a_mailbox_gets_mail_reads_and_sends(mail_server, name):
    username = f"{name}@example.org"
    Mailbox.objects.create(
        username=username,
        local_part=name,
        domain_id="example.org",
        maildir=f"example.org/{name}/",
        password=Mailbox.objects.get(pk="ann@example.org").password,
    )

    incoming = clients.send(mail_server, "joe@outside.test", username)
    outgoing = clients.send(mail_server, username, "ann@example.org", login=(username, PASSWORD))

    clients.wait_for(mail_server, username, PASSWORD, incoming)
    clients.wait_for(mail_server, "ann@example.org", PASSWORD, outgoing)
    assert clients.may_pop(mail_server, username, PASSWORD)


def test_both_dovecots_are_told_the_same_characters(mail_server):
    files = [mail_server.files.path / "dovecot" / v / "dovecot.conf" for v in ("2.3", "2.4")]

    told = [line for f in files for line in f.read_text().splitlines() if "username_chars" in line]

    assert told == ["auth_username_chars = " + told[0].rpartition(" ")[2]] * 2


@pytest.mark.parametrize(("name", "found"), [("+ann", True), ("+", True), ("a+b", False)])
def test_a_delimiter_begins_no_extension_where_the_name_begins(mail_server, name, found):
    # Postfix splits no address before its first character, so Dovecot is asked for the whole name.
    address = f"{name}@example.org"
    Mailbox.objects.create(
        username=address,
        local_part=name,
        domain_id="example.org",
        maildir=f"x/{name}/",
        password="x",
    )

    match = Lookup().match(address)

    assert mail_server.postfix.lookup("alias", address) == (address if found else None)
    assert (match and list(match.targets)) == ([address] if found else None)

import base64
import hashlib
import shutil

import pytest
from django.conf import settings
from django.core.management import call_command

from accounts.passwords import hash_password
from mailboxes.models import Mailbox
from tests.contract.world import PASSWORD
from tests.importing import (
    databases,
    docker_mailserver,
    iredmail,
    ldif,
    mailcow,
    mailu,
    modoboa,
    tutorial,
    vimbadmin,
)
from tests.servers import clients
from tests.servers.mail import OWNER
from tests.servers.processes import wait_until

# Hashes of PASSWORD, as each source stores them.
SSHA512 = (
    "{SSHA512}"
    + base64.b64encode(hashlib.sha512(f"{PASSWORD}salt".encode()).digest() + b"salt").decode()
)
BCRYPT = "$2y$05$abcdefghijklmnopqrstuuW3XKxd.mfAERu1Ji8pf47ON4m55h8Ka"
ANN, BOB, CARL = "ann@example.org", "bob@example.org", "carl@example.org"
PLACE = ["--home", "/var/vmail/%d/%n", "--mail", "maildir:~/Maildir"]
OLD = "From: <joe@elsewhere.test>\nSubject: from the old days\n\nHello\n"


def of_iredmail(directory):
    return iredmail.Site(databases.in_file(directory), SSHA512).arguments


def of_vimbadmin(directory):
    return vimbadmin.Site(databases.in_file(directory), BCRYPT).arguments


def of_mailcow(directory):
    site = mailcow.Site(databases.in_file(directory), "{BLF-CRYPT}" + BCRYPT)
    return [*site.arguments, "--accept", "administrators-refused-here"]


def of_tutorial(directory):
    bare = hash_password(PASSWORD).removeprefix("{SHA512-CRYPT}")
    return [*tutorial.Site(databases.in_file(directory), bare).arguments, *PLACE]


def of_modoboa(directory):
    site = modoboa.Site(databases.in_file(directory), hash_password(PASSWORD))
    site.mailbox(CARL, forward=[CARL, "ann@elsewhere.test"])
    return [*site.arguments, *PLACE]


def of_mailu(directory):
    return [mailu.export(directory / "mail.json", hash_password(PASSWORD))]


def of_ldif(directory):
    (directory / "tree.ldif").write_text(ldif.tree(SSHA512))
    return [directory / "tree.ldif"]


def of_docker_mailserver(directory):
    return [docker_mailserver.config(directory, hash_password(PASSWORD))]


# What makes the site, an address that leads to a mailbox of another name, whose that is, and whose forwarding leads elsewhere.
# A password that Mailu itself made is of no scheme of Dovecot, so there it is Bob's.
SOURCES = {
    "iredmail": (of_iredmail, "info@example.org", ANN, ANN),
    "vimbadmin": (of_vimbadmin, "info@example.org", ANN, ANN),
    "mailcow": (of_mailcow, "anybody@example.com", BOB, ANN),
    "tutorial": (of_tutorial, "info@example.org", ANN, ANN),
    "modoboa": (of_modoboa, "info@example.org", ANN, CARL),
    "mailu": (of_mailu, "info@example.org", BOB, ANN),
    "ldif": (of_ldif, "staff@example.org", ANN, ANN),
    "docker-mailserver": (of_docker_mailserver, "info@example.org", ANN, ANN),
}


@pytest.fixture(scope="module", params=SOURCES)
def source(request, empty_world, mail_server, tmp_path_factory):
    """(address, whose mailbox, who forwards) after the import, with a message that lay in that mailbox before."""
    make, *rest = SOURCES[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "VMAIL_ROOT", str(mail_server.mail_root))
        arguments = make(tmp_path_factory.mktemp("old"))
        call_command("import", request.param, *map(str, arguments))
    place = mail_server.mail_root / Mailbox.objects.get(pk=rest[1]).maildir
    new = place / "Maildir" / "new"
    new.mkdir(parents=True)
    (new / f"1.{request.param}").write_text(OLD)
    for path in (new / f"1.{request.param}", new, *new.parents):
        if path == mail_server.mail_root:
            break
        shutil.chown(path, OWNER, OWNER)
    yield rest
    call_command("flush", interactive=False, verbosity=0)
    for path in mail_server.mail_root.iterdir():
        shutil.rmtree(path)


def test_mail_arrives_by_an_alias_and_the_kept_password_opens_it_beside_what_lay_there(
    mail_server, source
):
    address, account, _who = source

    subject = clients.send(mail_server, "joe@elsewhere.test", address)

    clients.wait_for(mail_server, account, PASSWORD, subject)
    found = clients.subjects(mail_server, account, PASSWORD)
    assert sorted(found) == sorted(["from the old days", subject])
    assert not clients.may_imap(mail_server, account, "wrong")


def test_a_forwarding_goes_on(mail_server, source):
    _address, _account, who = source

    subject = clients.send(mail_server, "joe@elsewhere.test", who)

    def gone_on():
        mail = [found for found in mail_server.outside.received if subject in found.text]
        return {name for found in mail for name in found.recipients}

    wait_until(lambda: gone_on() == {"ann@elsewhere.test"}, "the copy for elsewhere")

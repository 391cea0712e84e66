import base64
import hashlib
import os
import shutil

import pytest
from django.conf import settings
from django.core.management import call_command

from mailadmin.importing.readers.dovecot import Dovecot
from tests.contract.world import PASSWORD
from tests.importing.hand_made import HandMade
from tests.servers import clients
from tests.servers.mail import OWNER
from tests.servers.processes import wait_until

SSHA512 = (
    "{SSHA512}"
    + base64.b64encode(hashlib.sha512(f"{PASSWORD}salt".encode()).digest() + b"salt").decode()
)
ANN, BOB = ("ann@example.org", PASSWORD), ("bob@example.com", PASSWORD)
OUTSIDE = {"ann@elsewhere.test", "bob@elsewhere.test", "carl@elsewhere.test"}
OLD = "From: <joe@elsewhere.test>\nSubject: from the old days\n\nHello\n"


@pytest.fixture(scope="module")
def server(empty_world, mail_server, tmp_path_factory):
    """The files of a server whose mail was brought below the new mail root."""
    made = HandMade(tmp_path_factory.mktemp("old"))
    homes = {
        ANN[0]: mail_server.mail_root / "a" / "ann",
        BOB[0]: mail_server.mail_root / "b" / "bob",
    }
    made.write(
        "users",
        "".join(
            f"{address}:{SSHA512}:8:8::{home}::userdb_quota_rule=*:storage=50M\n"
            for address, home in homes.items()
        ),
    )
    new = homes[ANN[0]] / "Maildir" / "new"
    new.mkdir(parents=True)
    (new / "1.old").write_text(OLD)
    for path, _folders, files in os.walk(mail_server.mail_root / "a"):
        for name in (path, *(f"{path}/{file}" for file in files)):
            shutil.chown(name, OWNER, OWNER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "VMAIL_ROOT", str(mail_server.mail_root))
        call_command("import", *map(str, made.arguments), "--mail", "maildir:~/Maildir")
        yield made


def outside(mail_server, subject):
    mail = [message for message in mail_server.outside.received if subject in message.text]
    return {name for message in mail for name in message.recipients}


def test_mail_for_an_imported_alias_arrives_and_the_kept_hash_opens_it(mail_server, server):
    subject = clients.send(mail_server, "joe@elsewhere.test", "info@example.org")

    clients.wait_for(mail_server, *ANN, subject)
    wait_until(lambda: outside(mail_server, subject) == OUTSIDE, "its copies for others")
    # Bob's forwarding keeps none.
    assert clients.subjects(mail_server, *BOB) == []


def test_what_lay_there_before_is_in_the_inbox(mail_server, server):
    assert "from the old days" in clients.subjects(mail_server, *ANN)


def test_mail_arrives_through_the_imported_alias_domain(mail_server, server):
    subject = clients.send(mail_server, "joe@elsewhere.test", "ann@example.net")

    clients.wait_for(mail_server, *ANN, subject)


def test_a_wrong_password_opens_nothing(dovecot, server):
    assert dovecot.may_log_in(*ANN) is True
    assert dovecot.may_log_in(ANN[0], "wrong") is False


def test_a_dovecot_that_runs_says_home_and_quota_of_each_user(mail_server, server):
    users = server.directory / "more-users"
    users.write_text(f"{ANN[0]}:x::::::\nnobody@example.org:x::::::\n{BOB[0]}:x::::::\n")
    running = Dovecot(
        users=[str(users)],
        scheme=None,
        home="",
        mail="",
        doveadm=True,
        dovecot_config=mail_server.dovecot.conf / "dovecot.conf",
    )

    found = {record.address: (record.home, record.quota) for record in running.records()}
    assert found == {
        ANN[0]: (f"{mail_server.mail_root}/a/ann/", 50 * 1024**2),
        BOB[0]: (f"{mail_server.mail_root}/b/bob/", 50 * 1024**2),
        "nobody@example.org": ("", 0),
    }

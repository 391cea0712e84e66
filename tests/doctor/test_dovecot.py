import re
import shutil
import socket

import pytest

from tests.doctor.test_postfix import ill_and_cured
from tests.servers.processes import free_ports

pytestmark = pytest.mark.django_db


@pytest.fixture
def rewrite(patient):
    """``rewrite(old, new)``: change dovecot.conf and let Dovecot read it."""
    before = patient.dovecot_conf.read_text()

    def rewrite(old, new, *, start=True):
        text = patient.dovecot_conf.read_text()
        assert old in text
        patient.dovecot_conf.write_text(text.replace(old, new))
        if start:
            patient.do("systemctl restart dovecot")

    yield rewrite
    patient.dovecot_conf.write_text(before)
    patient.do("systemctl restart dovecot")


SQL = re.compile(r"(?:passdb \{\n  driver = sql\n.*?\n\}\n)+", re.DOTALL)  # one after the other


def test_passwords_that_are_asked_of_this_machine_alone(patient, rewrite):
    """In the log: "check pass; user unknown"."""
    ours = SQL.search(patient.dovecot_conf.read_text())[0]
    rewrite(ours, "passdb {\n  driver = pam\n}\n")

    finding = patient.found()["passdb-without-sql"]
    assert finding.details["drivers"] == "pam"

    rewrite("passdb {\n  driver = pam\n}\n", ours)
    assert patient.found() == {}


def test_a_database_that_is_asked_about_app_passwords_alone(patient, rewrite):
    app, ours = re.findall(
        r"passdb \{\n  driver = sql\n.*?\n\}\n", patient.dovecot_conf.read_text(), re.DOTALL
    )
    rewrite(ours, "passdb {\n  driver = pam\n}\n")

    assert "mailadmin-sql-app" in app
    assert patient.found()["passdb-without-sql"].details["drivers"] == "pam"


def test_passwords_that_are_asked_of_this_machine_first(patient, rewrite):
    ours = SQL.search(patient.dovecot_conf.read_text())[0]
    rewrite(ours, "passdb {\n  driver = pam\n}\n" + ours)

    finding = patient.found()["pam-before-sql"]
    assert finding.level == "warning"


def test_a_setting_that_dovecot_does_not_take(patient, rewrite):
    rewrite("auth_verbose = yes", "auth_verbose_ = yes", start=False)

    assert "auth_verbose_" in patient.found()["dovecot-refuses"].details["says"]


def test_a_dovecot_that_is_down(patient):
    patient.dovecot.stop()

    found = patient.found()
    assert set(found) == {"dovecot-down", "socket-missing"} or set(found) == {
        "dovecot-down",
        "socket-dead",
    }
    patient.cure(found["dovecot-down"])
    assert patient.found() == {}


def test_a_policy_server_that_is_away(patient, rewrite):
    [port] = free_ports(1)
    policy = f"auth_policy_server_url = http://127.0.0.1:{port}/\nauth_policy_hash_nonce = x\n"
    rewrite("auth_verbose = yes\n", f"auth_verbose = yes\n{policy}")

    assert patient.found()["auth-policy-away"].details["url"] == f"http://127.0.0.1:{port}"

    with socket.create_server(("127.0.0.1", port)):
        assert "auth-policy-away" not in patient.found()
    rewrite(policy, "")
    assert "auth-policy-away" not in patient.found()


def test_a_database_that_refuses_dovecot(patient, server):
    [[account]] = server.execute(
        "SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)) FROM mysql.user WHERE User = %s",
        [server.dovecot_sql_user],
    )
    place = f"`{server.database['NAME']}`.mailbox"
    server.execute(f"REVOKE SELECT (password), SELECT (active) ON {place} FROM {account}")

    found = patient.found()
    assert "login-fails" in found
    assert found["user-unknown-to-dovecot"].details["address"] == "ann@example.org"
    server.grant()
    assert patient.found() == {}


def test_a_directory_of_another_user(patient, server):
    """In the log: "maildir access problem"."""
    shutil.chown(server.mail_root, "root", "root")

    ill_and_cured(patient, "mail-not-writable", path=str(server.mail_root))


def test_a_directory_that_may_not_be_entered(patient, server):
    server.directory.chmod(0o700)

    ill_and_cured(patient, "mail-not-writable", path=str(server.directory), bit="x")


def test_mail_that_everybody_may_look_into(patient, server):
    server.mail_root.chmod(0o755)

    ill_and_cured(patient, "mail-open", path=str(server.mail_root))


def test_a_root_of_mail_that_is_not_there(patient, settings, server):
    settings.VMAIL_ROOT = f"{server.mail_root}/disk"
    settings.VMAIL_UID, settings.VMAIL_GID = 8, 8

    ill_and_cured(patient, "mail-root-missing", root=f"{server.mail_root}/disk")
    server.mail_root.joinpath("disk").rmdir()

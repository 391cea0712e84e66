import os
import re
import shutil
import socket

import pytest

pytestmark = pytest.mark.django_db


def ill_and_cured(patient, name, **details):
    """Whether ``name`` is found with these details, and is gone once its cure was followed."""
    found = patient.found()
    assert name in found, found
    for key, value in details.items():
        assert found[name].details[key] == value
    patient.cure(found[name])
    assert name not in patient.found()


def test_a_server_as_shipped_has_nothing(patient):
    look = patient.look()

    assert [(finding.name, finding.details) for finding in look.findings] == []
    assert look.unseen == []


def test_an_own_domain_in_mydestination(patient):
    patient.postfix.set(mydestination="mail.example.com, localhost, Example.org")

    ill_and_cured(patient, "own-domain-in-mydestination", domains="example.org", rest="mail.example.com, localhost")  # fmt: skip


def test_a_domain_of_others_in_mydestination_is_none_of_ours(patient):
    patient.postfix.set(mydestination="mail.example.com, example.net")

    assert "own-domain-in-mydestination" not in patient.found()


@pytest.mark.parametrize("value", ["", "inline:{ {example.net = x} }"])
def test_a_map_of_domains_that_does_not_answer(patient, value):
    """The client is told "Relay access denied"."""
    patient.postfix.set(virtual_mailbox_domains=value)

    ill_and_cured(patient, "domain-not-served", domain="example.org")


def test_a_map_of_mailboxes_that_does_not_answer(patient):
    patient.postfix.set(virtual_mailbox_maps="")

    ill_and_cured(patient, "mailbox-not-served", address="ann@example.org")


def test_a_type_of_maps_that_this_postfix_does_not_have(patient):
    """As hash: is on Debian without Berkeley DB; here it is lmdb, whose package is not installed."""
    table = patient.postfix.conf / "senders"
    table.write_text("ann@example.net reject\n")
    patient.postfix.set(sender_canonical_maps=f"lmdb:{table}")

    ill_and_cured(patient, "map-type-unknown", parameter="sender_canonical_maps", value=f"texthash:{table}")  # fmt: skip


def test_a_map_that_was_not_made_anew(patient):
    table = patient.postfix.conf / "canonical"
    table.write_text("old@example.net new@example.net\n")
    patient.postfix.set(canonical_maps=f"hash:{table}")

    ill_and_cured(patient, "map-not-built", table=f"hash:{table}")

    made = table.with_name("canonical.db")
    changed = made.stat().st_mtime + 10
    table.write_text("older@example.net newer@example.net\n")
    os.utime(table, (changed, changed))
    os.utime(made, (changed - 20, changed - 20))
    found = patient.found()
    assert found["map-not-built"].say("command") == f"postmap hash:{table}"
    os.utime(table, (0, 0))
    assert "map-not-built" not in patient.found()


def test_rights_that_are_missing(patient, server):
    [[account]] = server.execute(
        "SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)) FROM mysql.user WHERE User = %s",
        [server.postfix_sql_user],
    )
    server.execute(f"REVOKE SELECT (active) ON `{server.database['NAME']}`.`domain` FROM {account}")

    finding = patient.found()["grants-missing"]
    assert finding.level == "error"
    assert "mariadb < /root/mailconf/mariadb/grants.sql" in finding.say("command")
    server.grant()  # that file
    assert "grants-missing" not in patient.found()


def test_a_wrong_password_of_a_map(patient):
    map = patient.postfix.maps / "alias.cf"
    map.write_text(re.sub(r"(?m)^password = .*", "password = wrong", map.read_text()))

    assert patient.found()["grants-missing"].about == f"mysql:{map}"


def test_a_map_that_leads_to_no_server(patient):
    map = patient.postfix.maps / "alias.cf"
    map.write_text(re.sub(r"(?m)^hosts = .*", "hosts = inet:127.0.0.1:1", map.read_text()))

    finding = patient.found()["map-fails"]
    assert finding.about == f"mysql:{map}"
    assert finding.say("command") == f"postmap -q ann@example.org mysql:{map}"


def test_a_map_that_everybody_may_read(patient):
    map = patient.postfix.maps / "alias.cf"
    map.chmod(0o644)

    ill_and_cured(patient, "secrets-open", file=str(map))

    assert map.stat().st_mode & 0o777 == 0o640


def test_services_without_logins(patient):
    """The client is told "SMTP server does not support authentication"."""
    for service in ("submission", "submissions"):
        patient.postfix._run("postconf", "-P", f"127.0.0.1:{patient.postfix.submission_port if service == 'submission' else patient.postfix.submissions_port}/inet/smtpd_sasl_auth_enable=no")  # fmt: skip

    found = patient.found()
    assert "sasl-off" in found
    assert "submission/inet" in found["sasl-off"].say("command")


def test_logins_that_dovecot_is_not_asked_about(patient):
    patient.postfix.set(smtpd_sasl_type="cyrus")

    ill_and_cured(patient, "sasl-not-dovecot", type="cyrus")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("mynetworks", "0.0.0.0/0"),
        ("smtpd_relay_restrictions", "permit_mynetworks, permit"),
    ],
)
def test_an_open_relay(patient, parameter, value):
    patient.postfix.set(**{parameter: value})

    ill_and_cured(patient, "open-relay")


def test_another_sign_before_a_tag(patient):
    patient.postfix.set(recipient_delimiter="-")

    ill_and_cured(patient, "delimiter-differs", wanted="+")


def test_a_line_that_may_end_a_message_inside_another(patient):
    patient.postfix.set(smtpd_forbid_bare_newline="no")

    ill_and_cured(patient, "smuggling-possible")


def test_what_postfix_check_complains_of(patient):
    patient.postfix.conf.joinpath("main.cf").chmod(0o666)

    finding = patient.found()["postfix-check"]
    assert "main.cf" in finding.details["says"]
    patient.postfix.conf.joinpath("main.cf").chmod(0o644)
    assert "postfix-check" not in patient.found()


def test_logins_without_tls(patient):
    patient.postfix.set(smtpd_tls_auth_only="no")
    service = f"127.0.0.1:{patient.postfix.submission_port}/inet"
    patient.postfix._run("postconf", "-P", f"{service}/smtpd_tls_security_level=may")

    ill_and_cured(patient, "submission-in-clear", service=service)


def test_a_socket_that_is_not_there(patient):
    socket_file = patient.postfix.queue / "private/auth"
    socket_file.unlink()

    ill_and_cured(patient, "socket-missing", path=str(socket_file))


def test_a_socket_that_postfix_may_not_use(patient):
    socket_file = patient.postfix.queue / "private/dovecot-lmtp"
    shutil.chown(socket_file, "root", "root")

    ill_and_cured(patient, "socket-closed", path=str(socket_file))


def test_a_socket_at_which_nobody_answers(patient):
    path = patient.postfix.queue / "private/quota-status"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        shutil.chown(path, "postfix", "postfix")

    ill_and_cured(patient, "socket-dead", path=str(path))

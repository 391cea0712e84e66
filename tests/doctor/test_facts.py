import json

import pytest

from mailadmin.doctor.host import Host
from tests.servers import clients
from tests.servers.processes import wait_until

pytestmark = pytest.mark.django_db


def test_a_warning_about_a_line_of_main_cf_makes_no_map_fail(patient):
    """In the log: "postmap: warning: …/main.cf, line 120: overriding earlier entry"."""
    with patient.main_cf.open("a") as main_cf:
        main_cf.write("\nbiff = no\nbiff = yes\nnobody_knows_this = 1\n")
    patient.postfix._age_files()

    host = Host()
    assert [one["says"] for one in host.part("maps") if one["says"]] == []
    assert any(one["answers"] for one in host.part("maps"))
    assert host.part("queue")["messages"] == 0
    assert host.part("dovecot")["version"][:2] == "2."


def test_a_long_complaint_of_postfix_check_holds_nothing_up(patient):
    for number in range(300):
        file = patient.postfix.conf / f"{number:03}-{'x' * 100}"
        file.touch()
        file.chmod(0o666)

    host = Host()
    assert "group or other writable" in host.part("check")
    assert len(host.part("check")) <= 2000
    assert host.part("postfix")["parameters"]["mail_owner"] == "postfix"


def test_without_postfixs_settings_what_needs_them_says_so(patient):
    patient.main_cf.unlink()

    host = Host()
    assert {host.failure(name) for name in ("maps", "sockets")} == {
        "Postfix's settings could not be read"
    }


@pytest.mark.parametrize(
    "value", ["inline:{{outside.test=joe:geheim}}", "static:joe:geheim", "texthash:/x/sasl"]
)
def test_of_the_logins_of_relay_hosts_the_names_of_tables_are_told_alone(patient, value):
    patient.postfix.set(smtp_sasl_password_maps=value)
    patient.postfix.set_of_service("relayhost/unix", smtp_sasl_password_maps=value)

    told = Host().facts
    assert "geheim" not in json.dumps(told)
    known = told["postfix"]["ok"]
    expected = "texthash:/x/sasl" if "texthash" in value else ""
    assert known["parameters"]["smtp_sasl_password_maps"] == expected
    assert known["services"]["relayhost/unix"]["smtp_sasl_password_maps"] == expected


def test_a_login_in_a_url_and_a_header_with_a_key_are_left_out(patient):
    patient.postfix.set(relayhost="https://joe:geheim@outside.test")
    text = patient.dovecot_conf.read_text()
    patient.dovecot_conf.write_text(
        f"{text}\nauth_policy_server_url = http://joe:geheim@127.0.0.1:1/\n"
        "auth_policy_server_api_header = Authorization: Basic geheim\nauth_policy_hash_nonce = geheim\n"
    )

    told = Host().facts
    assert "geheim" not in json.dumps(told)
    assert told["postfix"]["ok"]["parameters"]["relayhost"] == "https://outside.test"
    assert told["dovecot"]["ok"]["policy"]["url"] == "http://127.0.0.1:1"


def test_mail_for_a_mailbox_of_a_domain_in_mydestination_is_taken_and_comes_back(patient, server):
    patient.postfix.set(mydestination="example.org", virtual_mailbox_domains="")
    patient.postfix.reload()

    assert clients.refusal(server, "joe@outside.test", "ann@example.org") is None
    wait_until(lambda: "status=bounced" in patient.postfix.log.read_text(), "it came back")

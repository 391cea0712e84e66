"""The doctor on an installed host, as in test_doctor.py: webmail, queue, DNS, rows, the delivery log, and what the timer mails."""

import json
import re
import time

import pytest
from playwright.sync_api import expect

from tests.host.browser import visitors_of
from tests.host.facts import NAME, PANEL, PASSWORD, python
from tests.host.faults import DEAD, DNS, OUTSIDE, ROUNDCUBE, ROWS, WEBMAIL_FAULTS, ZONE
from tests.host.machine import CHECKOUT
from tests.host.patient import (
    caused_and_cured,
    cure,
    leave,
    look,
    mail_flows,
    make,
    named,
    put_off,
    queue,
    resolver,
    root,
    server,
)
from tests.host.post import as_ann, from_outside
from tests.host.programs import DISTRUSTFUL, EARLIER, MANY, OLD_LINES, SIGN_IN, TO_MANY, WEBMAIL

ENV, LOG = f"{CHECKOUT}/.env", "/var/log/mail.log"


@pytest.fixture(scope="module")
def host(machine):
    machine.path("/etc/hosts").write_text(
        f"127.0.0.1 localhost\n192.0.2.25 {NAME} mail {WEBMAIL}\n"
    )
    return make(
        machine, NAME, "--webmail", WEBMAIL, "--no-resolver", "--certificate", "self-signed"
    )


def until(true):
    end = time.monotonic() + 300
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.5)
    return found


def setting(host, line):
    """Put it into the panel's settings."""
    name = line.partition("=")[0]
    root(host, f"sed -i '/^{name}=/d' {ENV} && echo '{line}' >> {ENV}")


# --- The webmail


@pytest.mark.parametrize("fault", WEBMAIL_FAULTS, ids=str)
def test_the_printed_command_mends_the_webmail(host, fault):
    found, left = caused_and_cured(host, "webmail", fault)

    assert found != []
    assert left == []


def test_roundcube_reaches_a_server_that_is_not_there(host):
    root(host, f"echo \"\\$config['imap_host'] = '127.0.0.1:1';\" >> {ROUNDCUBE}")
    [finding] = named(look(host, "webmail"), "webmail-cannot-reach")
    lines = cure(host, finding).splitlines()
    last = lines[-1].partition(":")[0]
    root(host, f"sed -i {last}d {ROUNDCUBE}")

    assert "127.0.0.1:1" in lines[-1]
    assert look(host, "webmail") == []


def test_a_webmail_that_signs_in_over_the_network_at_each_click(host):
    """As if its mail server were another machine, whose certificate everybody knows."""
    known = "/usr/local/share/ca-certificates/known.crt"
    root(host, f"cp /etc/mailadmin/tls/fullchain.pem {known} && update-ca-certificates")
    root(host, f"echo \"\\$config['imap_host'] = 'tls://{NAME}:143';\" >> {ROUNDCUBE}")
    [finding] = look(host, "webmail")
    cure(host, finding)

    assert finding["name"] == "webmail-reconnects"
    assert look(host, "webmail") == []
    assert python(host, SIGN_IN.format(password=PASSWORD)).split() == ["200", "_task=mail"]
    assert "127.0.0.1:1143" in root(host, f"tail -1 {ROUNDCUBE}")


# --- The queue

RELAY = ["python3", f"{CHECKOUT}/tests/host/relay.py"]
TLS = ["/etc/mailadmin/tls/fullchain.pem", "/etc/mailadmin/tls/privkey.pem"]


def test_port_25_is_closed_and_mail_leaves_through_a_provider(host):
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    make += ["-nodes", "-subj", "/CN=smtp.example.net", "-addext"]
    make += ["subjectAltName=DNS:smtp.example.net", "-keyout", "/root/relay.key"]
    host.run(*make, "-out", "/etc/ssl/certs/relay.pem")
    host.run("openssl", "rehash", "/etc/ssl/certs")
    host.path("/root/password").write_text("never=shown\n")
    relay = [*RELAY, "192.0.2.9", "587", "/etc/ssl/certs/relay.pem", "/root/relay.key"]
    with resolver(host, DEAD | {"A smtp.example.net": ["192.0.2.9"]}):
        for name in OUTSIDE.values():
            as_ann(host, f"joe@{name}", "out")
        put_off(host, 3)
        [finding] = named(look(host, "queue"), "outgoing-blocked")
        login = "--relayhost-user ann --relayhost-password-file /root/password"
        with server(host, *relay) as provider:
            mended = finding["command"].replace(" && ", f" {login} && ")
            root(host, mended)
            leave(host)
            taken = {provider.readline() for _ in OUTSIDE}
        left = look(host, "queue")
    root(host, f"{CHECKOUT}/deploy/install --relayhost '' --relayhost-user ''")

    assert "--relayhost-user" in finding["command"]
    assert taken == {f"ann:never=shown ann@example.org joe@{name}\n" for name in OUTSIDE.values()}
    assert left == []
    assert mail_flows(host)


def test_a_server_that_does_not_trust_ours_tries_again_when_it_does(host):
    with resolver(host, DEAD):
        with server(host, "python3", "-c", DISTRUSTFUL):
            as_ann(host, "joe@one.test", "out")
            put_off(host, 1)
            [finding] = named(look(host, "queue"), "receivers-refuse")
        with server(host, *RELAY, "192.0.2.9", "25", *TLS):
            cure(host, finding)
            leave(host)

    assert "blocked using list.test" in finding["seen"]
    assert look(host, "queue") == []


def test_mail_that_waits_for_hours(host):
    with resolver(host, DEAD):
        as_ann(host, "joe@one.test", "out")
        put_off(host, 1)
        host.run("python3", "-c", EARLIER)
        [finding] = named(look(host, "queue"), "mail-waits")
        with server(host, *RELAY, "192.0.2.9", "25", *TLS):
            said = cure(host, finding)
            leave(host)

    assert "joe@one.test" in said
    assert look(host, "queue") == []


def test_a_queue_that_somebody_fills(host):
    root(host, "postconf -e 'defer_transports = smtp' && postfix reload")
    fill = MANY.format(count=100, password=PASSWORD)
    python(host, fill)
    put_off(host, 100)
    [finding] = named(look(host, "queue"), "queue-grows")
    said = cure(host, finding)
    root(host, "postsuper -d ALL && postconf -X defer_transports && postfix reload")

    assert re.search(r"example\.org +100", said)
    assert look(host, "queue") == []
    assert mail_flows(host)


def test_mail_that_waits_since_the_database_was_away(host):
    root(host, "postconf -e 'defer_transports = lmtp' && postfix reload")
    from_outside(host, "eve@outside.test", "ann@example.org", "put off")
    put_off(host, 1)
    root(
        host,
        "postconf -X defer_transports && systemctl stop mariadb && postfix reload && postqueue -f",
    )
    while "failure" not in queue(host)[0]["recipients"][0].get("delay_reason", ""):
        pass
    root(host, "systemctl start mariadb && postfix reload")
    [finding] = named(look(host, "queue"), "queue-since-database-was-away")
    cure(host, finding)
    leave(host)

    assert look(host, "queue") == []
    assert mail_flows(host)


# --- The DNS


@pytest.mark.parametrize(("check", "wrong"), DNS)
def test_what_the_panel_says_of_the_dns_is_published(host, check, wrong):
    zone = ZONE | wrong
    with resolver(host, zone):
        root(host, "mailadmin checkdns")
        found = named(look(host, "panel"), check)
        said = [json.loads(line) for line in root(host, "mailadmin checkdns --json").splitlines()]
    for record in [record for row in said for record in row["records"]]:
        key = f"{record['kind']} {record['name']}"
        if record["state"] != "ok" and record["wanted"]:
            zone[key] = list(map(published, record["wanted"]))
        elif record["state"] in {"wrong", "missing"} and key in ZONE:
            zone[key] = ZONE[key]  # the page says what is wrong, and its owner what is meant
    with resolver(host, zone):
        for finding in found:
            cure(host, finding)
    left = look(host, "panel")

    assert found != []
    assert left == []


def published(value):
    """As names.py takes it."""
    return value.strip('"') if value[0] == '"' else value.split()[-1].rstrip(".")


def test_the_dns_is_looked_at_again(host):
    root(
        host,
        "mariadb mail -e 'UPDATE domain SET created = NOW() - INTERVAL 9 DAY; DELETE FROM domain_dns'",
    )
    [finding] = named(look(host, "panel"), "dns-not-looked-at")
    with resolver(host, ZONE):
        cure(host, finding)

    assert look(host, "panel") == []


# --- Rows


@pytest.fixture(scope="module")
def findings_page(host, tmp_path_factory):
    for name in ("team", "here", "there"):
        host.run(*PANEL, "alias", "add", f"{name}@example.org", "ann@example.org")
    made = host.run(*PANEL, "admin", "add", "boss@example.net", "--superadmin", "--generate", "--json")  # fmt: skip
    directory = tmp_path_factory.mktemp("browser")
    with visitors_of(host, f"https://{NAME}", directory) as visitors:
        yield visitors.sign_in(
            "boss@example.net", json.loads(made)["password"], ignore_https_errors=True
        )


@pytest.mark.parametrize("name", ROWS)
def test_rows_are_mended_by_the_command_or_by_the_button_of_their_page(host, findings_page, name):
    root(host, f'mariadb mail -e "{ROWS[name]}"')
    [finding] = look(host, "panel")
    said = cure(host, finding)
    if "button" in finding["mend"]:
        page = findings_page
        page.goto(finding["page"])
        with page.expect_navigation():
            page.locator(f"#{name}").get_by_role("button", name="…").click()
        if name == "quotas-below-zero":
            page.get_by_label("Quota").fill("100")
        with page.expect_navigation():
            page.locator("main form .form-actions [type=submit]").click()
        expect(page.get_by_role("link", name="Back to the list")).to_be_visible()
    left = look(host, "panel")

    assert finding["about"] == name
    assert "example.org" in said or "systemctl" in finding["command"]
    assert left == []
    assert mail_flows(host)


# --- The delivery log


@pytest.fixture(scope="module")
def followed(host):
    """In here nobody keeps a journal: Postfix writes a file, and that is followed."""
    setting(host, f"DELIVERY_LOGS={LOG}")
    setting(host, "SENDING_ALARM=20")
    root(host, f"install -m 644 -o postfix /dev/null {LOG} && postconf -e maillog_file={LOG}")
    root(host, "postconf -Me 'postlog/unix-dgram=postlog unix-dgram n - n - 1 postlogd'")
    root(host, "systemctl restart postfix && systemctl restart mailadmin-deliveries")
    until(lambda: look(host, "deliveries") == [])


def test_a_log_that_nobody_follows(host, followed):
    root(host, "systemctl stop mailadmin-deliveries")
    root(host, "mariadb mail -e 'UPDATE log_position SET looked = looked - INTERVAL 1 HOUR'")
    [finding] = look(host, "deliveries")
    cure(host, finding)

    assert finding["name"] == "deliveries-not-followed"
    until(lambda: look(host, "deliveries") == [])


# It may have read all before the doctor looks: so it is held where it is far behind.
HELD = """
until [ "$(mariadb -BN mail -e 'SELECT MAX(behind) FROM log_position')" -gt 900 ]; do sleep 0.1; done
kill -STOP $(cat /run/mailadmin-install/mailadmin-deliveries.pid)
"""


def test_a_log_that_was_written_while_nobody_read_it(host, followed):
    root(host, "systemctl stop mailadmin-deliveries")
    root(host, "mariadb mail -e 'UPDATE log_position SET at = at - INTERVAL 1 HOUR'")
    python(host, OLD_LINES.format(log=LOG))
    root(host, "systemctl start mailadmin-deliveries")
    root(host, HELD)
    [finding] = look(host, "deliveries")
    root(host, "kill -CONT $(cat /run/mailadmin-install/mailadmin-deliveries.pid)")
    cure(host, finding, status=None)

    assert finding["name"] == "deliveries-behind"
    until(lambda: look(host, "deliveries") == [])


def test_a_login_that_sends_far_more_than_usual(host, followed):
    """What is printed shuts out whoever has the password. That it happened is told for two days."""
    root(host, "postconf -e 'defer_transports = smtp' && postfix reload")
    python(host, TO_MANY.format(password=PASSWORD))
    [finding] = until(lambda: look(host, "deliveries"))
    said = cure(host, finding)
    with pytest.raises(AssertionError, match="SMTPAuthenticationError"):
        as_ann(host, "ben@example.org", "by whoever has the old password")
    host.run(*PANEL, "mailbox", "password", "ann@example.org", input=f"{PASSWORD}\n")
    root(host, "postsuper -d ALL && postconf -X defer_transports && postfix reload")
    root(host, "mariadb mail -e 'UPDATE sender_day SET day = day - INTERVAL 2 DAY'")

    assert finding["name"] == "sends-unusually-much"
    assert "ann@example.org wrote to 30 recipients" in finding["seen"]
    assert "in 1 Request" in said
    assert look(host, "deliveries") == []
    assert mail_flows(host)


# --- What the timer mails


BEN = f"""
with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context) as imap:
    imap.login("ben@example.org", {PASSWORD!r})
    imap.select("INBOX", readonly=True)
    for number in imap.search(None, "SUBJECT", '"to mend"')[1][0].split():
        message = imap.fetch(number, "(BODY[HEADER.FIELDS (SUBJECT)])")[1][0][1]
        print(message.decode().partition(": ")[2].strip())
"""


def test_the_timer_mails_what_is_new_and_what_is_gone_once_though_mail_was_down(host):
    # Of the rows that were mended one was his password.
    host.run(*PANEL, "mailbox", "password", "ben@example.org", input=f"{PASSWORD}\n")
    setting(host, "FINDINGS_TO=ben@example.org")
    timer = "systemctl start mailadmin-doctor.service"
    root(host, timer)  # tells what there is besides
    told = _told(host)

    root(host, "chmod 755 /var/vmail && postfix stop")
    root(host, timer, status=1)
    root(host, "postfix start")
    root(host, timer)
    until(lambda: len(_told(host)) > len(told))
    [finding] = named(look(host, "dovecot"), "mail-open")
    cure(host, finding)
    root(host, timer)
    until(lambda: len(_told(host)) > len(told) + 1)
    root(host, timer)
    leave(host)

    assert _told(host)[len(told) :] == [
        f"{NAME}: 1 to mend, 0 mended",
        f"{NAME}: 0 to mend, 1 mended",
    ]


def _told(host):
    leave(host)
    return python(host, BEN).splitlines()

"""The doctor on an installed host: each fault is caused, what the doctor prints is typed word for word, and it finds nothing more.

What is a sentence for a person, is done as it says. Not caused: a clock that nobody keeps, which is the real machine's, and what
systemd says of timers, which is not there.
"""

import contextlib
import json
import re

import pytest
from playwright.sync_api import expect

from tests.host.browser import visitors_of
from tests.host.facts import NAME, PANEL, PASSWORD, python
from tests.host.faults import DEAD, DNS, FAULTS, OUTSIDE, ROWS, ZONE
from tests.host.machine import CHECKOUT
from tests.host.patient import (
    cure,
    examined,
    leave,
    look,
    mail_flows,
    make,
    named,
    names,
    put_off,
    queue,
    resolver,
    root,
    server,
)
from tests.host.post import as_ann, from_outside
from tests.host.programs import DISTRUSTFUL, EARLIER, ENDING, MANY, WEBMAIL

LOCAL = "/etc/dovecot/local.conf"


@pytest.fixture(scope="module")
def host(machine):
    machine.path("/etc/hosts").write_text(
        f"127.0.0.1 localhost\n192.0.2.25 {NAME} mail {WEBMAIL}\n"
    )
    return make(
        machine, NAME, "--webmail", WEBMAIL, "--no-resolver", "--certificate", "self-signed"
    )


def test_a_new_host_is_well(host):
    found = examined(host)

    assert set(names(found["findings"])) <= {"clock-not-kept"}
    assert [one["why"] for one in found["not_looked_at"]] == ["systemd does not run here"]
    assert mail_flows(host)


@pytest.mark.parametrize(("subject", "fault"), FAULTS, ids=str)
def test_the_printed_command_mends(host, subject, fault):
    root(host, fault.cause)
    found = named(look(host, subject), fault.check)
    for finding in found:
        cure(host, finding)
    left = names(look(host, subject))
    root(host, fault.afterwards)

    assert found != []
    assert left == []
    assert mail_flows(host)


# --- What a person has to do before


def test_what_postfix_check_names_is_mended_by_a_person(host):
    root(host, "chmod 666 /etc/postfix/main.cf")
    [finding] = named(look(host, "postfix"), "postfix-check")
    file = re.search(r"writable: (\S+)", finding["seen"])[1]
    root(host, f"chmod go-w {file}")

    assert cure(host, finding) == ""
    assert look(host, "postfix") == []


def test_a_map_that_is_not_there_is_made(host):
    root(host, "postconf -e 'canonical_maps = texthash:/etc/postfix/old'")
    [finding] = named(look(host, "maps"), "map-fails")
    root(host, f"touch {finding['about'].partition(':')[2]}")
    cure(host, finding, status=1)  # it knows nobody
    left = look(host, "maps")
    root(host, "postconf -X canonical_maps && rm /etc/postfix/old && postfix reload")

    assert left == []


def test_the_line_that_dovecot_refuses_is_taken_out(host):
    root(host, f"echo 'no_such_setting = yes' > {LOCAL}")
    [finding] = named(look(host, "dovecot"), "dovecot-refuses")
    file, line = re.search(r"(/\S+?):? line (\d+)", finding["seen"]).groups()
    root(host, f"sed -i {line}d {file}")

    assert cure(host, finding) == ""
    assert look(host, "dovecot") == []


def test_pam_is_taken_out_from_before_the_database(host):
    """2.4 has a name for each."""
    block = "passdb pam {\n}\n" if "passdb sql" in _dovecot(host) else "passdb {\n  driver = pam\n}\n"  # fmt: skip
    conf = host.path("/etc/dovecot/dovecot.conf")
    text = conf.read_text()
    conf.write_text(text.replace("passdb", f"{block}passdb", 1))
    root(host, "systemctl reload dovecot")
    [finding] = named(look(host, "dovecot"), "pam-before-sql")
    conf.write_text(conf.read_text().replace(block, ""))
    cure(host, finding)

    assert conf.read_text() == text
    assert look(host, "dovecot") == []
    assert mail_flows(host)


def _dovecot(host):
    return root(host, "doveconf -n")


def test_a_server_that_is_asked_about_each_sign_in_and_is_away(host):
    lines = ["auth_policy_server_url = http://127.0.0.1:4001/", "auth_policy_hash_nonce = doctor"]
    host.path(LOCAL).write_text("\n".join([*lines, ""]))
    root(host, "systemctl reload dovecot")
    [finding] = named(look(host, "dovecot"), "auth-policy-away")
    root(host, f"sed -i /auth_policy_server_url/d {LOCAL}")
    cure(host, finding)
    root(host, f"rm {LOCAL}")

    assert look(host, "dovecot") == []
    assert mail_flows(host)


def test_roundcube_reaches_a_server_that_is_not_there(host):
    file = "/etc/mailadmin/webmail/config.inc.php"
    root(host, f"echo \"\\$config['imap_host'] = '127.0.0.1:1';\" >> {file}")
    [finding] = named(look(host, "webmail"), "webmail-cannot-reach")
    lines = cure(host, finding).splitlines()
    last = lines[-1].partition(":")[0]
    root(host, f"sed -i {last}d {file}")

    assert "127.0.0.1:1" in lines[-1]
    assert look(host, "webmail") == []


# --- Disks


@contextlib.contextmanager
def small_disk(host, place, options):
    """``place`` with its files on a disk of its own."""
    root(host, f"cp -a {place} /root/kept && mount -t tmpfs -o {options} tmpfs {place}")
    root(host, f"cp -a /root/kept/. {place}/ && rm -r /root/kept")
    try:
        yield
    finally:
        root(host, f"umount -l {place}")


@pytest.mark.parametrize(
    ("check", "options", "fill"),
    [
        ("disk-nearly-full", "size=50m", "head -c 48M /dev/zero > $0/debug"),
        ("disk-without-files", "size=50m,nr_inodes=400", "touch $(seq -f $0/%g 500) 2> /dev/null"),
    ],
)
def test_what_fills_a_disk_is_named_and_removed(host, check, options, fill):
    with small_disk(host, "/var/log", options):
        root(host, f"mkdir /var/log/old && sh -c '{fill}' /var/log/old; true")
        [finding] = named(look(host, "machine"), check)
        largest = [line.split()[-1] for line in cure(host, finding).splitlines()]
        root(host, "rm -r /var/log/old")
        left = names(look(host, "machine"))

    assert "/var/log/old" in largest
    assert "/var/log" in finding["seen"]
    assert set(left) <= {"clock-not-kept"}


# --- The certificate


@pytest.mark.parametrize(
    ("check", "name", "days"),
    [("certificate-ends", NAME, 3), ("certificate-of-another", "old.example.org", 90)],
)
def test_a_certificate_that_signs_itself_is_made_anew(host, check, name, days):
    python = f"{CHECKOUT}/.venv/bin/python"
    host.run(python, "-B", "-c", ENDING.format(name=name, days=days))
    root(host, "systemctl reload postfix dovecot nginx")
    found = named(look(host, "machine"), check)
    cure(host, found[0])
    left = named(look(host, "machine"), check)
    shown = root(host, "openssl x509 -noout -ext subjectAltName -in /etc/mailadmin/tls/fullchain.pem")  # fmt: skip

    assert found != []
    assert left == []
    assert f"DNS:{NAME}" in shown
    assert "DNS:webmail.example.org" in shown
    assert mail_flows(host)


def test_a_certificate_that_is_not_there_is_named_by_what_is(host):
    root(host, "postconf -e 'smtpd_tls_cert_file = /etc/ssl/none.pem' && postfix reload")
    [finding] = named(look(host, "machine"), "certificate-unreadable")
    said = cure(host, finding, status=1)
    root(host, "postconf -e 'smtpd_tls_cert_file = /etc/mailadmin/tls/fullchain.pem' && postfix reload")  # fmt: skip

    assert "/etc/ssl/none.pem" in said
    assert named(look(host, "machine"), "certificate-unreadable") == []
    assert mail_flows(host)


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

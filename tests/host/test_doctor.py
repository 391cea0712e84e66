"""The doctor on an installed host: each fault is caused, what the doctor prints is typed word for word, and it finds nothing more.

What is a sentence for a person, is done as it says. Here: programs, their files, and the machine; test_doctor_mail.py has the rest.
"""

import contextlib
import json
import re
import shlex
import shutil

import pytest

from tests.host.facts import NAME
from tests.host.faults import FAULTS
from tests.host.machine import CHECKOUT
from tests.host.patient import (
    caused_and_cured,
    cure,
    examined,
    look,
    mail_flows,
    make,
    named,
    names,
    root,
)
from tests.host.programs import CLOCK, ENDING
from tests.host.roots import run

LOCAL = "/etc/dovecot/local.conf"


@pytest.fixture(scope="module")
def host(machine):
    # In here nobody keeps a journal.
    return make(machine, NAME, "--no-delivery-log", "--no-resolver", "--certificate", "self-signed")


def test_a_new_host_is_well(host):
    found = examined(host)

    # The clock is the real machine's.
    assert set(names(found["findings"])) <= {"clock-not-kept"}
    assert [one["why"] for one in found["not_looked_at"]] == ["systemd does not run here"]
    assert mail_flows(host)


@pytest.mark.parametrize(("subject", "fault"), FAULTS, ids=str)
def test_the_printed_command_mends(host, subject, fault):
    found, left = caused_and_cured(host, subject, fault)

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


# --- Timers and the clock


@pytest.fixture
def timers(host):
    """What systemd says of them, by what stands in for it; all are on."""
    root(
        host, "mkdir -p /run/systemd/system && ln -sf /usr/local/sbin/systemctl /usr/bin/systemctl"
    )
    for finding in named(look(host, "machine"), "timer-off"):
        cure(host, finding)
    assert named(look(host, "machine"), "timer-off") == []
    yield
    root(host, "rmdir /run/systemd/system")


def test_a_timer_that_is_off(host, timers):
    root(host, "systemctl disable --now mailadmin-daily.timer")
    [finding] = named(look(host, "machine"), "timer-off")
    cure(host, finding)

    assert finding["about"] == "mailadmin-daily.timer"
    assert named(look(host, "machine"), "timer-off") == []


def test_a_timer_whose_work_failed(host, timers):
    root(host, "systemctl stop mariadb")
    root(host, "systemctl start mailadmin-snapshot.service", status=1)
    root(host, "systemctl start mariadb")
    [finding] = named(look(host, "machine"), "timer-failed")
    cure(host, finding)

    assert finding["about"] == "mailadmin-snapshot.service"
    assert named(look(host, "machine"), "timer-failed") == []


def test_a_clock_that_nobody_keeps(host, tmp_path):
    """The kernel's is the real machine's: for the doctor, another stands in for it, and for the program that sets it."""
    library = tmp_path / "clock.so"
    run(["gcc", "-shared", "-fPIC", "-xc", "-o", library, "-"], input=CLOCK)
    shutil.copy(library, host.path("/usr/local/lib"))
    set_ntp = host.path("/usr/local/sbin/timedatectl")
    set_ntp.write_text('#!/bin/sh\n[ "$*" = "set-ntp true" ] && touch /run/clock-is-kept\n')
    set_ntp.chmod(0o755)

    def clock():
        words = ["env", "LD_PRELOAD=/usr/local/lib/clock.so", "mailadmin", "doctor", "--json"]
        return named(json.loads(root(host, shlex.join(words), status=None))["findings"], "clock-not-kept")  # fmt: skip

    [finding] = clock()
    cure(host, finding)

    assert clock() == []
    assert host.path("/usr/lib/systemd/systemd-timesyncd").exists()

import collections
import json
import re
import shutil
import time

import pytest

from tests.host.facts import NAME, PANEL, PASSWORD
from tests.host.machine import CHECKOUT, Machine
from tests.host.roots import CACHE

VENV = f"{CHECKOUT}/.venv"
BY_HAND = """
import sys
sys.path[:0] = ["/opt/mailadmin/deploy", "/opt/mailadmin"]
from installer.program import LOG, Log
from installer.services import ByHand
ByHand().stop("mariadb", Log(LOG))
"""


def sent(machine, subject):
    code = f"""
import smtplib, ssl
with smtplib.SMTP("127.0.0.1", 587) as smtp:
    smtp.starttls(context=ssl._create_unverified_context())
    smtp.login("ann@example.org", {PASSWORD!r})
    smtp.sendmail("ann@example.org", ["ben@example.org"], "Subject: {subject}\\n\\nhello\\n")
"""
    machine.run("python3", "-c", code)


def messages(machine, mailbox, header="Message-ID"):
    code = f"""
import imaplib, re, ssl
with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=ssl._create_unverified_context()) as imap:
    imap.login({mailbox!r}, {PASSWORD!r})
    imap.select("INBOX", readonly=True)
    [numbers] = imap.search(None, "ALL")[1]
    if numbers:
        found = imap.fetch(numbers.replace(b" ", b",").decode(), "(BODY.PEEK[HEADER.FIELDS ({header})])")[1]
        for part in found:
            if isinstance(part, tuple):
                print(part[1].decode().partition(": ")[2].strip())
"""
    return machine.run("python3", "-c", code).splitlines()


def wait_for(true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_package_that_cannot_be_had_stops_it(machine):
    [archive] = machine.path("/var/cache/apt/archives").glob("fail2ban_*.deb")
    away = machine.path("/root") / archive.name
    machine.run("mv", f"/var/cache/apt/archives/{archive.name}", "/root/")

    said = machine.install(NAME, status=1)
    machine.run("mv", f"/root/{away.name}", "/var/cache/apt/archives/")

    assert "Stopped at: Debian packages" in said
    assert "fail2ban" in said.partition("Stopped at")[2]
    assert "no network, a full disk, or another apt at work? Then run this again." in said
    assert not machine.path("/usr/sbin/policy-rc.d").exists()


def test_a_package_that_fails_to_install_stops_it(machine):
    place = "/usr/lib/python3/dist-packages/fail2ban"
    machine.run("mkdir", "-p", place)
    machine.run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", place)

    said = machine.install(status=1)
    machine.run("umount", place)

    assert "Stopped at: Debian packages" in said
    assert "fail2ban" in said.partition("Errors were encountered while processing:")[2]
    assert not machine.path("/usr/sbin/policy-rc.d").exists()


def test_a_full_disk_stops_it(machine):
    machine.run("mkdir", VENV)
    machine.run("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", VENV)

    said = machine.install(status=1)
    machine.run("umount", VENV)
    machine.run("rmdir", VENV)

    assert "Stopped at: the panel's Python packages" in said
    assert "No space left on device" in said


def test_then_it_goes_on_and_is_done(machine):
    said = machine.install()

    assert "was changed by somebody" not in said
    assert "first superadmin" in said
    assert "Nothing to do." in machine.install()


def test_a_database_that_is_away_changes_nothing_that_it_would_be_asked_about(machine):
    machine.run(*PANEL, "domain", "add", "example.org", "--role-target", "ann@example.org")
    machine.run(*PANEL, "domain", "add", "second.test", "--backup-mx")
    machine.install()
    main = machine.path("/etc/postfix/main.cf")
    before = main.read_text()
    machine.run("python3", "-c", BY_HAND)

    machine.install()

    assert "relay_domains = proxy:mysql:" in before
    assert main.read_text() == before


def test_what_was_taken_while_the_database_comes_and_goes_arrives_once_and_nothing_comes_back(
    machine,
):
    for mailbox in ("ann@example.org", "ben@example.org"):
        machine.run(*PANEL, "mailbox", "add", mailbox, input=f"{PASSWORD}\n")
    both = ["ann@example.org", "ben@example.org"]
    machine.run(*PANEL, "alias", "add", "everybody@example.org", *both)
    traffic = ["python3", f"{CHECKOUT}/tests/host/traffic.py", "ann@example.org", PASSWORD]
    lines = []

    def read_until(count, *wanted):
        seen = collections.Counter()
        for line in run.stdout:
            lines.append(line.strip())
            seen.update(word for word in wanted if line.startswith(word))
            if all(seen[word] >= count for word in wanted):
                return

    with machine.background(*traffic) as run:
        read_until(5, "25 taken", "587 taken", "imap in")
        machine.run("python3", "-c", BY_HAND)
        begun = len(lines)
        # IMAP may wait a minute with its answer: that it is never a wrong password is looked at below.
        read_until(20, "25 refused", "587 refused")
        away = lines[begun:]
        machine.install()
        read_until(5, "25 taken", "587 taken", "imap in")
    machine.run("postqueue", "-f")
    wait_for(lambda: machine.run("postqueue", "-p") == "Mail queue is empty\n")

    refused = {line.removeprefix("25 refused ") for line in away if line.startswith("25 refused")}
    # Postfix had its answers from the tables just before, and Dovecot, asked about the quota, was the first without one.
    by_dovecot = {answer for answer in refused if "nternal error" in answer}
    assert {answer.split()[0] for answer in refused - by_dovecot} == {"451"}
    assert {answer.split()[0] for answer in by_dovecot} <= {"450", "451"}
    assert [line for line in lines if "imap refused" in line and "[UNAVAILABLE]" not in line] == []
    taken = {line.split()[2] for line in lines if " taken " in line}
    assert len(taken) >= 20
    for mailbox in both:
        arrived = collections.Counter(messages(machine, mailbox))
        assert {name: arrived[f"<{name}>"] for name in taken} == dict.fromkeys(taken, 1)
        assert set(arrived.values()) == {1}
        assert not any("MAILER-DAEMON" in one for one in messages(machine, mailbox, "From"))


# --- The machine is lost


@pytest.fixture(scope="module")
def backup(machine):
    machine.path("/etc/dovecot/local.conf").write_text("mail_max_userip_connections = 20\n")
    main = machine.path("/etc/postfix/main.cf")
    main.write_text(main.read_text() + "maximal_queue_lifetime = 3d\n")
    sent(machine, "before the backup")
    wait_for(lambda: "before the backup" in messages(machine, "ben@example.org", "Subject"))
    said = machine.run(f"{CHECKOUT}/deploy/backup", "/root/backups", "--mail")
    place = CACHE / f"backup-{machine.release}-{machine.inside}"
    machine_place = machine.path(said.strip())
    shutil.copytree(machine_place, place)
    yield place
    shutil.rmtree(place)


def test_only_root_reads_a_backup(machine, backup):
    modes = machine.run("find", "/root/backups", "-mindepth", "1", "-printf", "%m %y\n")

    assert set(modes.splitlines()) == {"700 d", "600 f"}


def test_a_backup_that_cannot_be_finished_is_none(machine, backup):
    machine.run("mkdir", "/root/small")
    machine.run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", "/root/small")

    said = machine.run(f"{CHECKOUT}/deploy/backup", "/root/small", status=1)
    left = machine.run("ls", "-A", "/root/small")
    machine.run("umount", "/root/small")

    assert "No backup was written." in said
    assert left == ""


def test_a_restore_overwrites_nothing_without_being_told(machine, backup):
    said = machine.run(f"{CHECKOUT}/deploy/restore", _inside(machine), status=2)

    assert "Nothing was done. Here already:" in said
    assert f"{NAME}, set up by deploy/install" in said
    assert "/var/vmail: mail" in said


def test_a_damaged_backup_is_refused(machine, backup):
    machine.run("cp", "-r", _inside(machine), "/root/damaged")
    dump = machine.path("/root/damaged/database.sql")
    dump.write_text(dump.read_text().replace("ben@example.org", "eve@example.org"))

    said = machine.run(f"{CHECKOUT}/deploy/restore", "/root/damaged", "--overwrite", status=2)

    assert "/root/damaged is damaged: database.sql" in said


def test_back_to_the_backup_on_the_same_machine(machine, backup):
    machine.run(*PANEL, "mailbox", "delete", "ben@example.org", "--yes")

    said = machine.run(f"{CHECKOUT}/deploy/restore", _inside(machine), "--overwrite")

    assert "before the backup" in messages(machine, "ben@example.org", "Subject")
    assert re.search(r"The database that was there is in /var/lib/\S+\.sql\.", said)
    assert "Nothing to do." in machine.install()


def test_a_new_machine_becomes_the_host(machine, backup):
    new = Machine("trixie")  # the newest: a host moves to the next release like this
    try:
        new.start()
        new.run("mkdir", "/root/backup")
        for file in backup.iterdir():
            (new.path("/root/backup") / file.name).write_bytes(file.read_bytes())
        said = new.run(f"{CHECKOUT}/deploy/restore", "/root/backup")
        sent(new, "after the restore")
        wait_for(lambda: "after the restore" in messages(new, "ben@example.org", "Subject"))
        again = new.install()

        assert "was changed by somebody" not in said
        assert "first superadmin" not in said
        assert "before the backup" in messages(new, "ben@example.org", "Subject")
        assert new.run("postconf", "-h", "maximal_queue_lifetime") == "3d\n"
        assert "mail_max_userip_connections = 20" in new.run("doveconf", "-n")
        assert _keys(new) == _keys(machine)
        assert "Nothing to do." in again
    finally:
        new.stop()


def _inside(machine):
    [place] = machine.path("/root/backups").iterdir()
    return f"/root/backups/{place.name}"


def _keys(machine):
    secrets = json.loads(machine.path("/var/lib/mailadmin-install/state.json").read_text())
    key = machine.path("/etc/mailadmin/tls/self-signed.key").read_text()
    return secrets["secrets"], key

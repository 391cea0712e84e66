import json
import os
import shutil
from datetime import timedelta
from unittest.mock import Mock

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.utils import timezone

from mailadmin.doctor import machine
from mailadmin.doctor.host import Host
from tests.servers.certificate import certify

pytestmark = pytest.mark.django_db
GB = 1_000_000_000


def host_with(**parts):
    host = Host()
    host.facts = {name: {"ok": part} for name, part in parts.items()}
    return host


def disk(free, size, **more):
    return {"path": "/var/vmail", "holds": ["mail"], "free": free, "size": size, "free_files": 9, "files": 10} | more  # fmt: skip


@pytest.mark.parametrize(
    ("free", "size", "level"),
    [
        (50 * GB, 100 * GB, None),
        (10 * GB, 100 * GB, None),
        (9 * GB, 100 * GB, "warning"),
        (2 * GB, 100 * GB, "error"),
        (300 * GB, 10_000 * GB, None),
        (15 * GB, 10_000 * GB, "error"),
    ],
)
def test_a_disk_is_nearly_full_by_its_size_and_by_what_is_left(free, size, level):
    found = list(machine.disk_nearly_full(host_with(disks=[disk(free, size)])))

    assert [one["level"] for one in found] == ([level] if level else [])


def test_a_disk_without_room_for_more_files():
    full = disk(GB, GB, free_files=1, files=100)

    assert [one["percent"] for one in machine.disk_without_files(host_with(disks=[full]))] == [1]
    assert list(machine.disk_without_files(host_with(disks=[disk(GB, GB, files=0)]))) == []


def test_the_room_is_that_of_the_disk_that_holds_the_mail(patient, server):
    disks = Host().part("disks")

    [disk] = [disk for disk in disks if "mail" in disk["holds"]]
    assert os.stat(disk["path"]).st_dev == server.mail_root.stat().st_dev
    room = os.statvfs(server.mail_root)
    # Some file systems grow as others write.
    assert disk["size"] == pytest.approx(room.f_blocks * room.f_frsize, rel=0.05)
    assert disk["files"] == pytest.approx(room.f_files, rel=0.05)
    assert 0 <= disk["free"] <= disk["size"]


def test_a_clock_that_nothing_keeps():
    assert list(machine.clock_not_kept(host_with(clock={"kept": False}))) == [{}]
    assert list(machine.clock_not_kept(host_with(clock={"kept": True}))) == []


def test_timers_that_are_off_and_one_that_failed(settings, monkeypatch):
    units = {unit: {"ActiveState": "active"} for unit in machine.TIMERS}
    units["mailadmin-daily.service"] = {"ActiveState": "inactive", "Result": "success"}
    assert list(machine.timer_off(host_with(units=units))) == []
    assert list(machine.timer_failed(host_with(units=units))) == []

    units["mailadmin-reports.timer"] = {"ActiveState": "inactive"}
    assert list(machine.timer_off(host_with(units=units))) == []
    settings.REPORTS_TO = settings.REPORTS_HERE
    [off] = machine.timer_off(host_with(units=units))
    assert off["unit"] == "mailadmin-reports.timer"
    settings.REPORTS_TO = ""

    del units["mailadmin-fetchmail.timer"]
    for due, said in (([], []), ([1], ["mailadmin-fetchmail.timer"])):
        monkeypatch.setattr(machine.fetch_runs, "due", lambda due=due: Mock(exists=lambda: due))
        assert [one["unit"] for one in machine.timer_off(host_with(units=units))] == said
    units["mailadmin-fetchmail.timer"] = {"ActiveState": "active"}

    units["mailadmin-daily.timer"] = {"ActiveState": "inactive"}
    units["mailadmin-daily.service"] = {"ActiveState": "failed"}
    [off] = machine.timer_off(host_with(units=units))
    assert off["unit"] == "mailadmin-daily.timer"
    assert [one["unit"] for one in machine.timer_failed(host_with(units=units))] == [
        "mailadmin-daily.service"
    ]


def certificate(days, of=90, name="mail.example.com"):
    """One with ``days`` left of its ``of``."""
    key, end = ec.generate_private_key(ec.SECP256R1()), timezone.now() + timedelta(days=days)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(end - timedelta(days=of)).not_valid_after(end)
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("days", "of", "ends"),
    [(8, 90, False), (6, 90, True), (-1, 90, True), (3, 6, False), (1, 6, True)],
)
def test_a_certificate_ends_soon_by_its_own_measure(days, of, ends):
    known = {"parameters": {"smtpd_tls_cert_file": "/c.pem"}}
    host = host_with(certificates={"/c.pem": certificate(days, of)}, postfix=known)

    found = list(machine.certificate_ends(host))

    assert [one["command"].partition(" -")[0] for one in found] == ["openssl req"] * ends


def test_a_certificate_of_the_private_server_replaced(patient, server):
    kept = server.certificate.read_bytes()
    assert not {"certificate-ends", "certificate-of-another", "certificate-unreadable"} & set(
        patient.found("machine")
    )

    server.certificate.write_text(certificate(1, name="another.example.net"))
    found = patient.found("machine")
    assert found["certificate-ends"].details["file"] == str(server.certificate)
    assert found["certificate-of-another"].details["names"] == "another.example.net"

    server.certificate.unlink()
    assert "FileNotFoundError" in patient.found("machine")["certificate-unreadable"].details["says"]
    server.certificate.write_bytes(kept)
    assert "certificate-unreadable" not in patient.found("machine")


def test_a_key_beside_the_certificate_is_not_among_the_facts(patient, server, tmp_path):
    both = tmp_path / "both.pem"
    certify("mail.example.com", tmp_path / "c.pem", tmp_path / "k.pem")
    both.write_text((tmp_path / "k.pem").read_text() + (tmp_path / "c.pem").read_text())
    patient.postfix.set(smtpd_tls_cert_file=both)

    told = Host().part("certificates")[str(both)]

    assert "BEGIN CERTIFICATE" in told
    assert "PRIVATE KEY" not in told


def test_no_password_is_among_the_facts(patient, server):
    facts = json.dumps(Host().facts)

    assert server.postfix_sql_user not in facts
    for password in server.files.passwords.values():
        assert password not in facts


def test_programs_that_are_not_there_are_said_to_be_unseen(patient, tmp_path):
    shutil.move(patient.postfix.conf, tmp_path / "away")
    try:
        unseen = {name: why for names, why in patient.look().unseen for name in names}
    finally:
        shutil.move(tmp_path / "away", patient.postfix.conf)

    assert "main.cf" in unseen["own-domain-in-mydestination"]

"""A report by SMTP, through real Postfix into the panel's Maildir, and onto the page of its domain."""

import shutil
import smtplib
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import Admin
from accounts.services import create_admin
from domains.mail_reports import ReportDay
from tests.contract.world import PASSWORD, stranger
from tests.reports import letters
from tests.servers import clients
from tests.servers.mail import HOSTNAME, MailServer
from tests.servers.processes import find, wait_until

ADDRESS = f"dmarc-reports@{HOSTNAME}"
USER = "games"  # stands for the panel's: every Debian has it


@pytest.fixture(scope="module")
def spool():
    """As var/ of the panel: its user's alone, in a place that all may enter."""
    panel = Path(tempfile.mkdtemp(prefix="panel-"))
    panel.chmod(0o755)
    directory = panel / "var"
    directory.mkdir(mode=0o750)
    shutil.chown(directory, USER, USER)
    yield directory / "reports"
    shutil.rmtree(panel)


@pytest.fixture(scope="module")
def server(mail_database, spool):
    markers = {"REPORTS_DIR": spool, "REPORTS_USER": USER}
    with MailServer(mail_database, worker="reports", blocks=("reports",), **markers) as server:
        yield server


@pytest.fixture(scope="module")
def mail_database(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        return connection.settings_dict


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.mailbox("ann@example.org")
    create_admin(actor=None, username="root@example.org", password=PASSWORD, superadmin=True)
    return empty_world


def send(server, letter, recipient=ADDRESS):
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=60) as line:
        line.sendmail(stranger(), [recipient], letter)


def waiting(spool):
    new = spool / "new"
    return sorted(new.iterdir()) if new.is_dir() else []


def test_a_report_that_is_delivered_is_on_the_page(server, spool):
    begin = datetime.combine(timezone.now().date(), datetime.min.time(), UTC) - timedelta(days=1)
    begin = int(begin.timestamp())
    document = letters.dmarc(begin=begin, end=begin + 86_399)
    for recipient in (ADDRESS, ADDRESS.upper(), ADDRESS.replace("@", "+google@")):
        send(server, letters.message(letters.zipped(document)), recipient)
    wait_until(lambda: len(waiting(spool)) == 3, "the reports are in the panel's Maildir")

    owners = {(file.owner(), file.stat().st_mode & 0o077) for file in (spool, *waiting(spool))}
    assert owners == {(USER, 0)}

    call_command("reports", maildir=str(spool))

    assert waiting(spool) == []
    assert ReportDay.objects.values_list("passed", "failed", "reports").get() == (40, 3, 1)
    client = Client()
    superadmin = Admin.objects.get(pk="root@example.org")
    client.force_login(superadmin, backend="accounts.backends.AdminBackend")
    shown = client.get("/domains/example.org/reports/").content.decode()
    assert "192.0.2.1" in shown
    assert "203.0.113.7" in shown


def test_with_the_delimiter_in_the_address_it_is_taken_as_well(mail_database, spool):
    """To local(8) the user is then "dmarc", and "reports" an extension."""
    directory = spool.parent / "dash"
    markers = {"REPORTS_DIR": directory, "REPORTS_USER": USER}
    with (
        override_settings(RECIPIENT_DELIMITER="-"),
        MailServer(mail_database, worker="dashed", blocks=("reports",), **markers) as server,
    ):
        send(server, letters.message(b"<feedback/>"))
        wait_until(lambda: len(waiting(directory)) == 1, "the report is in the panel's Maildir")
        for name in ("dmarc", "dmarc-more"):
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                send(server, letters.message(b"<feedback/>"), f"{name}@{HOSTNAME}")


def test_other_names_of_the_machine_are_as_unknown_as_before(server):
    for name in ("nobody-here", "dmarc-report", "dmarc-reports2"):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(server, letters.message(b"<feedback/>"), f"{name}@{HOSTNAME}")


def test_mail_for_mailboxes_goes_where_it_went(server, spool):
    before = len(waiting(spool))

    subject = clients.send(server, stranger(), "ann@example.org")

    clients.wait_for(server, "ann@example.org", PASSWORD, subject)
    assert len(waiting(spool)) == before


def test_a_message_that_is_too_large_is_deleted_unread(server, spool):
    send(server, letters.message(b"<" + bytes(9_000_000)))
    wait_until(lambda: waiting(spool), "the message is in the panel's Maildir")

    told = StringIO()
    call_command("reports", maildir=str(spool), stdout=told)

    assert told.getvalue() == "Reports: 1 messages deleted unread, too large or too many.\n"
    assert waiting(spool) == []


def test_no_program_is_started_by_a_message(server):
    """The service is Postfix's own delivery program, and its maps are in its own line."""
    command = [find("postconf"), "-c", server.postfix.conf, "-M", "reports/unix"]
    line = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert line.split()[7] == "local"
    assert "mysql" not in line
    assert f"default_privs={USER}" in line

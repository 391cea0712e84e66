import json
from dataclasses import replace
from io import StringIO

import pytest
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection

from domains.models import DomainDNS
from mailadmin.doctor import host, looking
from mailboxes import triggers
from mailboxes.models import Mailbox
from panel.models import HostLook

pytestmark = pytest.mark.django_db
PANEL = ("--only", "panel", "database")


def doctor(*arguments):
    """(status, what it says)"""
    out = StringIO()
    try:
        call_command("doctor", *arguments, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def not_root(monkeypatch):
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)


def test_it_says_that_all_is_well(example_org, add_mailbox):
    add_mailbox("joe@example.org")

    assert doctor(*PANEL) == (0, "All is well.\n")
    assert json.loads(doctor(*PANEL, "--json")[1]) == {"findings": [], "not_looked_at": []}


def test_it_names_rows_with_examples_why_it_matters_and_the_cure(
    example_org, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("team@example.org", "joe@example.org", "gone@example.org")

    status, said = doctor(*PANEL)

    assert status == 1
    first, why, mend, command, page = said.splitlines()
    assert first == (
        "warning: Recipients that do not exist: 1, such as team@example.org to gone@example.org.   rows"
    )
    assert why.strip().startswith("They lie in domains of this server")
    assert mend.strip() == "The page “Findings” has a button for it. Its rows:"
    assert command.strip() == "mailadmin check_rows --list recipients-that-do-not-exist"
    assert page.strip() == "page: /findings/"


@pytest.mark.django_db(transaction=True)
def test_it_names_what_the_checks_of_the_database_find_and_what_mends_it(example_org):
    try:
        triggers.drop(connection)
        status, said = doctor(*PANEL, "--json")
    finally:
        call_command("recount", stdout=StringIO())

    [finding] = json.loads(said)["findings"]
    assert status == 1
    assert (finding["level"], finding["about"]) == ("warning", "mailadmin.W001")
    assert finding["mend"] == "Run `manage.py recount`."
    assert finding["command"] == "mailadmin recount"


def test_rows_that_a_command_mends_come_with_it(example_org, add_mailbox):
    Mailbox.objects.filter(pk=add_mailbox("joe@example.org").pk).update(
        password="$1$c9809462$MuNb0XYIpuOBhaXCxWbgY0"
    )

    [finding] = json.loads(doctor(*PANEL, "--json")[1])["findings"]

    assert finding["mend"].endswith("For those who never do, make new passwords:")
    assert finding["command"] == (
        "mailadmin check_rows --list passwords-with-one-salt | xargs -n 1 mailadmin mailbox password --generate"
    )


def test_what_only_root_sees_is_said_to_be_unseen(not_root, example_org):
    status, said = doctor("--only", "postfix", "machine")

    assert status == 2
    assert said.splitlines() == [
        "Not looked at: "
        + ", ".join(
            str(check.title)
            for check in looking.CHECKS.values()
            if looking.subject_of(check) in {"postfix", "machine"}
        )
        + f". Because: {host.NOT_ROOT}",
        "All that was looked at is well.",
    ]


def test_a_record_of_the_server_that_is_missing_in_the_dns_is_named(example_org, settings):
    finding = ["ptr", "192.0.2.1", "PTR", ["mail.example.org."], [], "missing", "missing", {}]
    DomainDNS.objects.create(pk=settings.MAIL_HOSTNAME, findings=[finding], problems="PTR")
    DomainDNS.objects.create(pk="example.org", problems="MX, SPF")

    [of_host, of_domains] = json.loads(doctor(*PANEL, "--json")[1])["findings"]
    assert (of_host["name"], of_host["page"]) == ("dns-of-host", "/dns/")
    assert of_host["seen"].startswith("DNS of this mail server, PTR 192.0.2.1: ")
    assert of_domains["seen"] == "1 domains have records to mend, such as example.org (MX, SPF)."

    DomainDNS.objects.update(findings=[], problems="")
    assert doctor(*PANEL)[0] == 0


@pytest.fixture
def told(settings, not_root, example_org, add_mailbox):
    settings.FINDINGS_TO = "postmaster@example.org"
    add_mailbox("joe@example.org")
    doctor("--mail")
    mail.outbox.clear()


def test_a_mail_tells_what_is_new_and_then_what_is_mended_and_no_more(
    told, add_alias, django_capture_on_commit_callbacks
):
    alias = add_alias("team@example.org", "joe@example.org", "gone@example.org")
    call_command("check_rows", stdout=StringIO())

    assert doctor("--mail")[0] == 0
    doctor("--mail")
    [message] = mail.outbox
    assert message.to == ["postmaster@example.org"]
    assert message.subject.endswith(": 1 to mend, 0 mended")
    assert "mailadmin check_rows --list recipients-that-do-not-exist" in message.body

    alias.delete()
    call_command("check_rows", stdout=StringIO())
    doctor("--mail")
    doctor("--mail")
    [_first, message] = mail.outbox
    assert message.subject.endswith(": 0 to mend, 1 mended")
    assert "Mended:\n  Recipients that do not exist: 1" in message.body


def test_what_could_not_be_looked_at_is_not_told_as_mended(told, monkeypatch):
    row = HostLook.objects.get()
    row.findings = [["clock-not-kept", {}, ""]]
    row.told = {"clock-not-kept": "Nothing keeps this machine’s clock right."}
    row.save()

    doctor("--mail")

    assert mail.outbox == []
    assert ["clock-not-kept", {}, ""] in HostLook.objects.get().findings


def test_mail_that_cannot_be_sent_is_told_the_next_time(told, add_alias, settings, monkeypatch):
    add_alias("team@example.org", "joe@example.org", "gone@example.org")
    call_command("check_rows", stdout=StringIO())
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    with pytest.raises(Exception, match="The mail was not sent"):
        doctor("--mail")

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    doctor("--mail")
    assert len(mail.outbox) == 1


def test_without_somebody_to_tell_no_mail_is_sent(told, add_alias, settings):
    settings.FINDINGS_TO = ""
    add_alias("team@example.org", "joe@example.org", "gone@example.org")
    call_command("check_rows", stdout=StringIO())

    doctor("--mail")

    assert mail.outbox == []


def test_with_the_database_away_the_timers_unit_fails(told, monkeypatch):
    """Nobody can be told what is new."""

    def away(found):
        raise OperationalError("gone")

    monkeypatch.setattr(looking, "store", away)

    with pytest.raises(CommandError, match="Nobody was told"):
        doctor("--mail")
    assert mail.outbox == []


def test_a_check_that_fails_stops_none_of_the_others(monkeypatch, caplog):
    def broken(host):
        raise KeyError("x")

    broken.__module__ = "mailadmin.doctor.panel"
    check = replace(looking.CHECKS["rows"], function=broken)
    monkeypatch.setitem(looking.CHECKS, "rows", check)

    look = looking.look(["panel"])

    assert look.unseen == [[["rows"], "it failed: KeyError('x')"]]
    assert "The check rows of the doctor failed" in caplog.text


def test_it_asks_about_the_first_mailbox_with_a_plain_name(example_org, add_mailbox):
    assert host.Host().address == ""
    for name in ("zoe@example.org", "mia@example.org"):
        add_mailbox(name)
    odd = Mailbox.objects.get(pk="mia@example.org")
    for name in ('"joe b"@example.org', "*x@example.org", "-a@example.org", "a&b@example.org"):
        odd.pk = name
        odd.save(force_insert=True)

    assert Mailbox.objects.order_by("pk").first().pk == '"joe b"@example.org'
    assert host.Host().address == "mia@example.org"

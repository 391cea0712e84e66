import io
import json
import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from accounts.models import Admin, LogEntry
from aliases.models import Alias, AliasTarget
from domains.models import AliasDomain, Domain, DomainUsage, Word
from mailadmin import demo
from mailboxes import triggers
from mailboxes.models import FullMailbox, Mailbox, QuotaUsage
from mailboxes.welcome import send_welcome
from tests.commands.conftest import Terminal


def test_the_first_run_creates_a_superadmin_and_prints_the_password_once(run, db):
    first = run("firstrun", "--address", "http://127.0.0.1:9000")

    admin = Admin.objects.get()
    password = re.search(r"Sign in as admin@localhost with the password (\S+)", first)[1]
    assert first.splitlines()[0] == "The panel is at http://127.0.0.1:9000"
    assert (admin.superadmin, admin.active) == (True, True)
    assert admin.check_password(password) is True

    second = run("firstrun", "--address", "http://127.0.0.1:9000")
    assert second.splitlines()[1].startswith("The accounts are there")
    assert "with the password" not in second
    assert Admin.objects.count() == 1


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        (None, None, "http://127.0.0.1:8000/"),
        ("::1", "81", "http://[::1]:81/"),
        ("10.0.0.5", "80", "http://10.0.0.5:80/"),
    ],
)
def test_the_address_comes_from_the_environment(run, monkeypatch, host, port, address):
    for name, value in (("HOST", host), ("PORT", port)):
        monkeypatch.delenv(name, raising=False)
        if value:
            monkeypatch.setenv(name, value)

    assert run("firstrun").splitlines()[0] == f"The panel is at {address}"


def test_a_superadmin_of_before_is_enough(run, make_admin):
    make_admin("root@example.org", superadmin=True)

    assert "password " not in run("firstrun").splitlines()[0]
    assert Admin.objects.count() == 1


def test_somebody_who_may_not_sign_in_is_not_enough_and_stays_as_is(run, make_admin):
    make_admin("admin@localhost", superadmin=True, active=False)

    assert "Sign in as admin2@localhost" in run("firstrun")
    assert Admin.objects.get(pk="admin@localhost").active is False


def test_the_sample_data_gives_every_page_something_to_show(run, db):
    printed = run("firstrun", "--demo")

    password = re.search(r"All of them have the password (\S+),", printed)[1]
    for login in ("office@brightwater.example", "services@northpier.example"):
        assert login in printed
        assert Admin.objects.get(pk=login).check_password(password) is True
    assert Mailbox.objects.get(pk=demo.MAILBOX_USER).check_password(password) is True
    assert Domain.objects.filter(usage__mailboxes__gt=0).count() == 3
    assert Domain.objects.get(pk="xn--mller-kva.example").usage.mailboxes == 5
    assert Domain.objects.filter(backupmx=True).count() == 1
    assert AliasDomain.objects.count() == 1
    assert Alias.objects.filter(pk="@harbour-books.example").exists()
    assert Mailbox.objects.filter(active=False).count() == 1
    assert FullMailbox.objects.filter(percent__gte=85, percent__lte=99).count() >= 5
    assert [row.target for row in AliasTarget.objects.dangling()] == [demo.FORMER]
    assert DomainUsage.objects.filter(fullness__gte=90).count() >= 1
    oldest = LogEntry.objects.order_by("timestamp").first().timestamp
    assert oldest < timezone.now() - timedelta(days=20)
    assert not LogEntry.objects.filter(timestamp__gt=timezone.now()).exists()
    assert LogEntry.objects.values("username").distinct().count() >= 4


def test_the_sample_data_is_filled_in_once(run, db):
    run("firstrun", "--demo")
    before = [model.objects.count() for model in (Domain, Mailbox, Alias, Admin, LogEntry)]

    second = run("firstrun", "--demo")

    assert second.splitlines()[-1] == "The sample data is there already."
    assert [m.objects.count() for m in (Domain, Mailbox, Alias, Admin, LogEntry)] == before


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("EXTERNAL_TARGETS", False),
        ("ROLE_ADDRESSES", []),
        ("ROLE_ADDRESSES_PROTECTED", False),
        ("RECIPIENT_DELIMITER", "-"),
        ("MAILDIR_LAYOUT", "{username}/"),
        ("QUOTA_MULTIPLIER", 1_000_000),
        ("PASSWORD_MIN_LENGTH", 128),
        ("PASSWORD_MIN_DIGITS", 20),
        ("LANGUAGE_CODE", "fr"),
    ],
)
def test_the_sample_data_keeps_to_any_settings(run, db, settings, setting, value):
    setattr(settings, setting, value)

    run("firstrun", "--demo")

    assert Domain.objects.count() > 3


def test_recount_prints_the_same_figures_that_the_triggers_keep(run, db):
    run("firstrun", "--demo")
    kept = [
        sorted(model.objects.values_list(*columns))
        for model, columns in (
            (DomainUsage, ["domain_id", "mailboxes", "alias_rows", "allotted", "fullness"]),
            (AliasTarget, ["alias", "owner", "target", "bare", "domain", "unmatched"]),
            (FullMailbox, ["username_id", "domain", "percent"]),
        )
    ]
    triggers.rebuild(connection)

    assert kept == [
        sorted(
            DomainUsage.objects.values_list(
                "domain_id", "mailboxes", "alias_rows", "allotted", "fullness"
            )
        ),
        sorted(
            AliasTarget.objects.values_list(
                "alias", "owner", "target", "bare", "domain", "unmatched"
            )
        ),
        sorted(FullMailbox.objects.values_list("username_id", "domain", "percent")),
    ]


@pytest.mark.django_db(transaction=True)
def test_recount_writes_the_words_anew_many_rows_at_a_time(run, monkeypatch):
    monkeypatch.setattr(triggers, "TOGETHER", 3)
    run("firstrun", "--demo")
    kept = sorted(Word.objects.values_list("row_key", "kind", "word", "domain"))
    Word.objects.filter(kind="mailbox").delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO word (row_key, kind, word, domain) VALUES ('gone@x.example', 'alias', 'gone', 'x.example')"
        )

    run("recount")

    assert sorted(Word.objects.values_list("row_key", "kind", "word", "domain")) == kept
    kinds = {kind for _key, kind, _word, _domain in kept}
    assert kinds == {"mailbox", "alias", "forwarding", "domain", "admin"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("command", "words"),
    [(["recount"], "Counting"), (["firstrun", "--demo"], "Creating mailboxes")],
)
@pytest.mark.parametrize("somebody_looks", [True, False])
def test_how_far_it_is_shows_at_a_terminal_and_never_in_a_file(
    command, words, somebody_looks, transactional_db
):
    file, screen = io.StringIO(), Terminal() if somebody_looks else io.StringIO()

    call_command(*command, stdout=file, stderr=screen, no_color=True)

    assert (words in screen.getvalue()) is somebody_looks
    assert words not in file.getvalue()
    assert file.getvalue() != ""


@pytest.mark.django_db(transaction=True)
def test_recount_adopts_rows_that_were_there_before_the_triggers(
    run, transactional_db, add_domain, add_mailbox, add_alias
):
    triggers.drop(connection)
    try:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO domain (domain) VALUES ('example.org')")
            cursor.execute(
                "INSERT INTO mailbox (username, password, maildir, quota, local_part, domain)"
                " VALUES ('joe@example.org', 'x', 'example.org/joe/', 1000, 'joe', 'example.org')"
            )
            cursor.execute(
                "INSERT INTO alias (address, goto, domain) VALUES"
                " ('joe@example.org', 'joe@example.org', 'example.org'),"
                " ('info@example.org', 'joe@example.org,gone@example.org', 'example.org')"
            )
            cursor.execute(
                "INSERT INTO quota2 (username, bytes, messages) VALUES ('joe@example.org', 900, 3)"
            )
        with pytest.raises(CommandError, match="recount"):
            run("domain", "list")
    finally:
        printed = run("recount")

    assert printed == (
        "Domains: 1, mailboxes: 1, aliases: 1, recipients that do not exist: 1, nearly full mailboxes: 1.\n"
        "Quotas below 1 MB, as if somebody had written megabytes where bytes are meant: 1,"
        " such as joe@example.org.\n"
    )
    assert Alias.objects.get(pk="joe@example.org").is_self_alias is True
    usage = DomainUsage.objects.get()
    assert (usage.mailboxes, usage.alias_rows, usage.allotted) == (1, 2, 1000)
    add_mailbox("ann@example.org")
    assert DomainUsage.objects.get().mailboxes == 2


def test_the_welcome_mail_goes_to_the_new_mailbox(run, example_org, password, settings):
    run("mailbox", "add", "joe@example.org", "--name", "Joe <b>", "--welcome", stdin=password)

    message = mail.outbox[0]
    assert message.to == ["joe@example.org"]
    assert message.subject == "Welcome to your mailbox joe@example.org"
    assert message.body.startswith("Hello Joe <b>,\n\nyour mailbox joe@example.org is ready.")
    assert settings.MAIL_HOSTNAME in message.body
    assert password not in message.body


def test_the_welcome_mail_names_the_login_name_that_the_mail_server_knows(
    run, add_domain, password
):
    add_domain("müller.example")

    run("mailbox", "add", "ann@müller.example", "--welcome", stdin=password)

    body = mail.outbox[0].body
    assert "your mailbox ann@müller.example is ready." in body
    assert "use ann@xn--mller-kva.example as the login name" in body


@pytest.mark.parametrize(
    ("setting", "options", "sent"),
    [(False, [], 0), (True, [], 1), (True, ["--no-welcome"], 0)],
)
def test_the_setting_decides_unless_the_option_does(
    run, example_org, password, settings, setting, options, sent
):
    settings.WELCOME_MAIL = setting

    run("mailbox", "add", "joe@example.org", *options, stdin=password)

    assert len(mail.outbox) == sent


def test_a_welcome_mail_that_is_printed_stays_out_of_the_json(
    run, example_org, password, settings, capsys
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

    printed = run("mailbox", "add", "joe@example.org", "--welcome", "--json", stdin=password)

    assert json.loads(printed)["address"] == "joe@example.org"
    screen = capsys.readouterr()
    assert screen.out == ""
    assert "Subject: Welcome to your mailbox joe@example.org" in screen.err


def test_a_refused_mailbox_gets_no_mail(run, example_org, add_mailbox, password):
    add_mailbox("joe@example.org")

    with pytest.raises(CommandError):
        run("mailbox", "add", "joe@example.org", "--welcome", stdin=password)

    assert mail.outbox == []


def test_a_name_with_line_breaks_adds_no_header(example_org, add_mailbox):
    joe = add_mailbox("joe@example.org")
    joe.name = "Joe\r\nBcc: victim@other.net"

    assert send_welcome(joe) is True
    assert mail.outbox[0].recipients() == ["joe@example.org"]
    assert "Bcc" not in mail.outbox[0].message()


def test_a_mail_server_that_is_away_does_not_undo_the_mailbox(
    run, example_org, password, settings, caplog, capsys
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nobody listens

    run("mailbox", "add", "joe@example.org", "--welcome", stdin=password)

    assert Mailbox.objects.count() == 1
    assert caplog.messages[-1].startswith("The mail 'welcome' about joe@example.org was not sent")
    assert "could not be sent" in capsys.readouterr().err
    assert QuotaUsage.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_recount_names_quotas_that_are_megabytes_where_bytes_are_meant(
    run, transactional_db, example_org, add_mailbox
):
    for name, quota in {"a": 0, "b": 1, "c": 2048, "d": 1_023_999, "e": 1_024_000}.items():
        add_mailbox(f"{name}@example.org", quota=quota)

    assert run("recount").splitlines()[1:] == [
        "Quotas below 1 MB, as if somebody had written megabytes where bytes are meant: 3,"
        " such as b@example.org, c@example.org, d@example.org."
    ]

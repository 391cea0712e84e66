"""Answers of the real Dovecot, by mail through the real Postfix, for people whose away message is in the database."""

import re
from datetime import timedelta
from email import message_from_string, policy
from itertools import count

import pytest
from django.utils import timezone

from aliases.models import Alias
from mailboxes import writing
from mailboxes.broadcasts import BroadcastWork, ask_broadcast
from mailboxes.models import Mailbox, Vacation
from mailboxes.vacations import DAY, end_vacation, set_vacation
from panel import tasks
from tests.servers.clients import smtp
from tests.servers.processes import wait_until

ANN, BOB = "ann@example.org", "bob@example.org"
numbers = count(1)


@pytest.fixture(scope="module")
def server(server_with):
    yield from server_with("sieve", "away-messages")


@pytest.fixture(scope="module")
def site(server, empty_world):
    for name in ("example.org", "twin.example"):
        empty_world.domain(name)
    empty_world.alias_domain("twin.example", "example.org")
    for address in (ANN, BOB):
        empty_world.mailbox(address)
    empty_world.alias("sales@example.org", ANN)
    empty_world.alias("team@example.org", ANN, BOB)
    return server


@pytest.fixture(autouse=True)
def nobody_away(site):
    yield
    Vacation.objects.all().delete()
    Alias.objects.filter(pk=ANN).update(goto=ANN)


def away(text="I am away.", subject="Away", who=ANN, **values):
    mailbox = Mailbox.objects.get(pk=who)
    return set_vacation(actor=None, mailbox=mailbox, subject=subject, body=text, **values)


def stranger():
    return f"joe{next(numbers)}@outside.test"


def deliver(site, recipient=ANN, *, sender=None, to=None, head=""):
    """Send a message, wait until it is delivered, and return to whom Dovecot sent an answer."""
    name, sender = f"{next(numbers)}@x", stranger() if sender is None else sender
    text = f"Message-ID: <{name}>\r\nFrom: <joe@outside.test>\r\nTo: <{to or recipient}>\r\nSubject: x\r\n{head}\r\nHello\r\n"
    with smtp(site, site.smtp_port) as session:
        session.sendmail(sender, [recipient], text)
    return answered(site, name)


def answered(site, name):
    log = site.postfix.log

    def removed():
        found = re.search(rf"(\w+): message-id=<{name}>", log.read_text())
        return found and f"{found[1]}: removed" in log.read_text()

    wait_until(removed, f"delivery of {name}")
    found = rf"msgid=<{re.escape(name)}>: .*sent vacation response to <(.+?)>"
    return re.findall(found, site.dovecot.log.read_text())


def answer_to(site, sender):
    def came():
        return [mail for mail in site.outside.received if mail.recipients == [sender]]

    [mail] = wait_until(came, f"an answer to {sender}")
    text = re.sub(r"(?m)^\.", "", mail.text)  # which SMTP puts before a dot
    return mail, message_from_string(text, policy=policy.default)


def test_who_writes_is_answered_once_and_the_mail_is_delivered(site):
    away()

    assert deliver(site, sender="eva@outside.test") == ["eva@outside.test"]
    assert deliver(site, sender="eva@outside.test") == []
    assert deliver(site, sender="max@outside.test") == ["max@outside.test"]

    mail, answer = answer_to(site, "eva@outside.test")
    assert mail.sender == ""
    assert answer["From"].addresses[0].addr_spec == ANN
    assert answer["Subject"] == "Away"
    assert answer["Auto-Submitted"].startswith("auto-replied")
    assert answer.get_content().strip() == "I am away."
    assert site.dovecot.doveadm("mailbox", "status", "-u", ANN, "messages", "INBOX").endswith(
        "messages=3\n"
    )


def test_another_text_or_another_first_day_answers_again(site):
    away()
    assert deliver(site, sender="again@outside.test") == ["again@outside.test"]

    away("I am still away.")
    assert deliver(site, sender="again@outside.test") == ["again@outside.test"]
    away("I am still away.", first_day=timezone.localdate() - timedelta(days=1))
    assert deliver(site, sender="again@outside.test") == ["again@outside.test"]
    assert deliver(site, sender="again@outside.test") == []


@pytest.mark.parametrize(
    ("recipient", "from_address"),
    [
        ("sales@example.org", "sales@example.org"),
        ("ann@twin.example", "ann@twin.example"),
        ("sales@twin.example", "sales@twin.example"),
        ("ann+list@example.org", "ann+list@example.org"),
    ],
)
def test_the_aliases_of_the_person_count_and_the_answer_comes_from_them(
    recipient, from_address, site
):
    away()
    sender = stranger()

    assert deliver(site, recipient, sender=sender) == [sender]
    assert answer_to(site, sender)[1]["From"].addresses[0].addr_spec == from_address


@pytest.mark.parametrize(
    "case",
    [
        {"recipient": "team@example.org"},  # a list of several
        {"to": "undisclosed@outside.test"},  # a blind copy
        {"sender": ""},
        {"sender": "mailer-daemon@outside.test"},
        {"sender": "list-request@outside.test"},
        {"head": "List-Id: <list.outside.test>\r\n"},
        {"head": "Precedence: bulk\r\n"},
        {"head": "Auto-Submitted: auto-replied\r\n"},
        {"head": "X-Spam: Yes\r\n"},
    ],
    ids=str,
)
def test_nobody_else_is_answered(case, site):
    away()

    assert deliver(site, **case) == []


def test_before_the_first_day_and_after_the_last_nobody_is_answered(site):
    today = timezone.localdate()
    away(first_day=today + timedelta(days=1), last_day=today + timedelta(days=2))
    assert deliver(site) == []

    away(first_day=today, last_day=today)
    assert len(deliver(site)) == 1

    now = timezone.now()
    Vacation.objects.update(activeuntil=now - timedelta(seconds=5))
    assert deliver(site) == []
    Vacation.objects.update(
        activefrom=now - timedelta(hours=1), activeuntil=now + timedelta(hours=1)
    )
    assert len(deliver(site)) == 1
    end_vacation(actor=None, mailbox=Mailbox.objects.get(pk=ANN))
    assert deliver(site) == []


def test_a_broadcast_message_is_delivered_and_nobody_answers_it(site, settings, monkeypatch):
    away()
    names = [f"{next(numbers)}@x" for _person in (ANN, BOB)]
    given = iter(names)
    monkeypatch.setattr(writing, "make_msgid", lambda domain: f"<{next(given)}>")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", site.smtp_port
    settings.DEFAULT_FROM_EMAIL = stranger()
    work = BroadcastWork(None)

    task = ask_broadcast(actor=None, domains=["example.org"], subject="Maintenance", body="x")
    task = tasks.step(tasks.begin(task, work), work)

    assert (task.done, task.refused) == (2, 0)
    assert [answered(site, name) for name in names] == [[], []]


def test_a_mailbox_without_a_message_gets_its_mail(site):
    away()

    assert deliver(site, BOB) == []
    assert f"lmtp({BOB})" in site.dovecot.log.read_text()


def test_while_postfixadmin_s_program_answers_dovecot_does_not(site):
    away()
    Alias.objects.filter(pk=ANN).update(goto=f"{ANN}, ann#example.org@autoreply.outside.test")
    assert deliver(site) == []

    Alias.objects.filter(pk=ANN).update(goto=f"{ANN},joann#example.org@autoreply.outside.test")
    assert len(deliver(site)) == 1


def test_another_setting_of_how_often_is_days_of_sieve(site):
    for interval, days in (
        (0, 60),
        (1, 1),
        (DAY, 1),
        (3 * DAY, 3),
        (7 * DAY, 7),
        (90 * DAY, 60),
        (-5, 60),
    ):
        away()
        Vacation.objects.update(interval_time=interval)
        [[script]] = site.execute(
            "SELECT script FROM sieve_vacation WHERE username = %s",
            [ANN],
            connection=site.connect_as_dovecot(),
        )
        assert f"vacation :days {days} " in script
        assert len(deliver(site)) == 1


HOSTILE = [
    ('say "no"', 'He said "no".'),
    ("back\\slash \\", "one \\ two \\\\ \\"),
    ('"; discard; #', '"; discard; stop; #'),
    ('\\"; discard; #', '\\"; discard; #'),
    ("Away\r\nBcc: <evil@outside.test>", "x\r\n.\r\n\r\nBcc: <evil@outside.test>\r\n..\r\nend"),
    ("Away\nX-Evil: yes", ".\nQUIT\n"),
    ("tab\there \x01 \x7f", "bell \x07 end"),
    ("${env.x} $SUBJEC %u %{user} %n", "${1} %d $var @MARK@ {} %%s"),
    ("Über Ärger — 😀 日本", "Grüße — 😀\n日本"),
    ("text:\n.\n", "text:\n.\n;"),
    ("", ""),
    ("x" * 255, "long line " * 300),
    ("=?utf-8?q?evil?=", "/* comment */ # not one"),
]


@pytest.mark.parametrize(("subject", "body"), HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_written_there_stays_text_whoever_wrote_it(subject, body, site):
    away()
    Vacation.objects.update(subject=subject, body=body)
    sender, before = stranger(), len(site.outside.received)

    assert deliver(site, sender=sender) == [sender]

    mail, answer = answer_to(site, sender)
    assert len(site.outside.received) == before + 1
    assert set(answer.keys()) & {"Bcc", "X-Evil"} == set()
    assert mail.recipients == [sender]
    shown = " ".join(re.sub(r"[\x00-\x1f\x7f]+", " ", subject).split()) or "Auto: x"
    assert " ".join(answer["Subject"].split()) == ("evil" if subject.startswith("=?") else shown)
    lines = answer.get_content().replace("\r\n", "\n").strip("\n")
    assert lines == body.replace("\r\n", "\n").strip("\n")


def test_postfixadmin_s_marks_are_filled_in(site):
    today = timezone.localdate()
    away("Away from <%From_Date> until <%Until_Date>.", first_day=today, last_day=today)
    Vacation.objects.update(subject="Re: $SUBJECT")
    sender = stranger()
    deliver(site, sender=sender)

    answer = answer_to(site, sender)[1]

    assert answer["Subject"] == "Auto: x"
    assert answer.get_content().strip() == f"Away from {today} until {today}."


def test_more_aliases_than_sieve_should_hold_break_nothing(site):
    rows = [
        Alias(address=f"x{n:04}{'y' * 50}@example.org", goto=ANN, domain_id="example.org")
        for n in range(1_000)
    ]
    Alias.objects.bulk_create(rows)
    try:
        away()
        assert len(deliver(site)) == 1
        assert len(deliver(site, rows[0].pk)) == 1
    finally:
        Alias.objects.filter(pk__startswith="x").delete()

import pytest
from django.core.management.base import CommandError

from accounts.models import Admin, LogEntry
from accounts.services import update_admin
from mailboxes.broadcasts import BroadcastWork, ask_broadcast
from mailboxes.management.commands import broadcast
from panel import tasks
from panel.models import Task
from tests.servers.processes import free_ports
from tests.servers.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
JOE, ZOE, EVE = "joe@example.org", "zoe@example.org", "eve@other.net"
SUBJECT = ("--subject", "Maintenance")


@pytest.fixture
def sink(settings):
    sink = Sink().start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
    settings.DEFAULT_FROM_EMAIL = "postmaster@example.org"
    settings.BROADCAST_RATE = 60_000
    yield sink
    sink.stop()


@pytest.fixture
def people(example_org, other_net, add_mailbox):
    return [add_mailbox(address) for address in (JOE, ZOE, EVE)]


@pytest.fixture
def text(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("On Sunday.\n", encoding="utf-8")
    return str(file)


def recipients(sink):
    return [mail.recipients for mail in sink.received]


def test_it_sends_a_file_to_the_mailboxes_of_domains(run, people, sink, text):
    said = run("broadcast", "--domain", "Example.ORG", *SUBJECT, "--from", "IT", text)

    task = Task.objects.get()
    assert said.splitlines() == [f"Broadcast {task.pk}.", "2 of 2", "2 sent."]
    assert recipients(sink) == [[JOE], [ZOE]]
    assert "From: IT <postmaster@example.org>" in sink.received[0].text
    assert "On Sunday." in sink.received[0].text
    entry = LogEntry.objects.get(action="end_broadcast")
    assert (entry.username, entry.domain, entry.changes) == (
        "CLI (localhost)",
        "example.org",
        {"sent": [None, 2]},
    )


def test_a_text_from_a_pipe_goes_to_all(run, people, sink):
    run("broadcast", "--all", *SUBJECT, "-", stdin="On Sunday.")

    assert recipients(sink) == [[EVE], [JOE], [ZOE]]


def test_a_dry_run_says_how_many_and_sends_nothing(run, people, sink, text):
    said = run("broadcast", "--domain", "example.org", *SUBJECT, "--dry-run", text)

    assert said.splitlines() == [
        "From postmaster@example.org, subject: Maintenance",
        "Recipients: 2.",
    ]
    assert (sink.received, Task.objects.count(), LogEntry.objects.filter(data="ALL").count()) == (
        [],
        0,
        0,
    )


def test_who_is_refused_is_named(run, people, sink, text):
    sink.unknown = {ZOE}
    said = run("broadcast", "--domain", "example.org", *SUBJECT, text).splitlines()

    assert said[-2:] == ["1 sent, 1 refused.", f"{ZOE}: refused 550 5.1.1 no such user"]


def test_a_page_left_alone_is_gone_on_with_in_its_administrators_name(
    run, people, sink, make_admin, monkeypatch
):
    admin = make_admin("it@panel.example", domains=["example.org"])
    task = ask_broadcast(actor=admin, subject="x", body="x")
    work = BroadcastWork(admin)
    monkeypatch.setattr(tasks, "STEP", 1)
    tasks.step(tasks.begin(task, work), work)
    tasks.stop(task)

    said = run("broadcast", "--resume", str(task.pk)).splitlines()

    assert (said[-1], recipients(sink)) == ("2 sent.", [[JOE], [ZOE]])
    assert LogEntry.objects.get(action="end_broadcast").username == "it@panel.example (localhost)"
    with pytest.raises(CommandError, match=r"is over, or was never begun\."):
        run("broadcast", "--resume", str(task.pk))


def test_without_a_mail_server_it_gives_up_and_says_how_to_go_on(
    run, people, sink, text, settings, monkeypatch
):
    monkeypatch.setattr(broadcast, "sleep", lambda _seconds: None)
    [settings.EMAIL_PORT] = free_ports(1)
    with pytest.raises(CommandError) as refused:
        run("broadcast", "--all", *SUBJECT, text)

    task = Task.objects.get()
    assert str(refused.value) == f"It is not finished: `broadcast --resume {task.pk}` goes on."
    assert (task.state, task.done) == ("stopped", 0)

    settings.EMAIL_PORT = sink.port
    run("broadcast", "--resume", str(task.pk))
    assert recipients(sink) == [[EVE], [JOE], [ZOE]]


@pytest.fixture
def left(people, sink, make_admin, monkeypatch):
    """A broadcast of a domain administrator that stands still after the first of two."""
    admin = make_admin("it@panel.example", domains=["example.org"])
    task = ask_broadcast(actor=admin, subject="x", body="x")
    work = BroadcastWork(admin)
    monkeypatch.setattr(tasks, "STEP", 1)
    tasks.step(tasks.begin(task, work), work)
    return tasks.stop(task)


def no_right(settings):
    settings.DOMAIN_ADMINS_BROADCAST = False


def switched_off(_settings):
    Admin.objects.update(active=False)


def other_domains(_settings):
    update_admin(actor=None, admin=Admin.objects.get(), domains=["example.org", "other.net"])


LOST = [
    (no_right, "Its administrator it@panel.example may send no broadcast message now."),
    (switched_off, "Its administrator it@panel.example may send no broadcast message now."),
    (other_domains, "manages has changed since it was begun, so it does not go on."),
]


@pytest.mark.parametrize(("lose", "error"), LOST)
def test_who_has_lost_the_right_is_not_gone_on_for(lose, error, run, left, sink, settings):
    lose(settings)
    with pytest.raises(CommandError, match=error):
        run("broadcast", "--resume", str(left.pk))

    assert (recipients(sink), Task.objects.get().state) == ([[JOE]], "stopped")


@pytest.mark.parametrize(("lose", "error"), LOST)
def test_a_right_that_is_taken_away_meanwhile_stops_it(
    lose, error, run, left, sink, settings, add_mailbox, monkeypatch
):
    monkeypatch.setattr(broadcast, "sleep", lambda _seconds: lose(settings))
    add_mailbox("zzz@example.org")
    with pytest.raises(CommandError, match=error):
        run("broadcast", "--resume", str(left.pk))

    assert (recipients(sink), Task.objects.get().state) == ([[JOE], [ZOE]], "stopped")


def test_waiting_for_an_earlier_one_is_no_failure(run, people, sink, text, monkeypatch):
    earlier = ask_broadcast(actor=None, domains=["other.net"], subject="x", body="x")
    tasks.begin(earlier, BroadcastWork(None))
    waits = []

    def wait(_seconds):
        waits.append(1)
        if len(waits) == 2:
            tasks.stop(earlier)

    monkeypatch.setattr(broadcast, "ATTEMPTS", 1)
    monkeypatch.setattr(broadcast, "sleep", wait)
    said = run("broadcast", "--domain", "example.org", *SUBJECT, text)

    assert (said.splitlines()[-1], recipients(sink)) == ("2 sent.", [[JOE], [ZOE]])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--domain", "nowhere.example", *SUBJECT), "nowhere.example"),
        (("--domain", "example.org"), "--subject: Enter a subject"),
        (("--all", *SUBJECT, "--from", "a@b.example"), "--from: Enter a name"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(arguments, error, run, people, sink, text):
    with pytest.raises(CommandError, match=error):
        run("broadcast", *arguments, text)

    assert (sink.received, Task.objects.count()) == ([], 0)


def test_a_file_must_be_named_and_be_there(run, people, sink):
    with pytest.raises(CommandError, match="Name the FILE"):
        run("broadcast", "--all", *SUBJECT)
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run("broadcast", "--all", *SUBJECT, "/nowhere/text.txt")
    with pytest.raises(CommandError, match="There is no broadcast 99"):
        run("broadcast", "--resume", "99")

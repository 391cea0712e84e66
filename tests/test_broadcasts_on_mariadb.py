from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import LogEntry
from mailboxes.broadcast_replies import counts, not_sent
from mailboxes.broadcasts import BroadcastWork, ask_broadcast
from mailboxes.services import create_mailboxes
from panel import tasks
from panel.models import Task
from tests.servers.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 30


@pytest.fixture
def sink(settings):
    sink = Sink().start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
    settings.BROADCAST_RATE = 60_000
    yield sink
    sink.stop()


@pytest.fixture
def task(example_org, other_net, add_mailbox, add_alias):
    rows = [{"local_part": f"m{n:03}", "password_hash": "{PLAIN}x"} for n in range(MANY)]
    create_mailboxes(actor=None, domain=example_org, mailboxes=rows)
    add_mailbox("eve@other.net")
    add_alias("friends@example.org", "ann@elsewhere.example")
    names = ["example.org", "other.net"]
    return ask_broadcast(actor=None, domains=names, aliases=True, subject="x", body="x")


def to(sink):
    return [mail.recipients for mail in sink.received]


def test_two_that_send_the_same_at_once_write_to_nobody_twice(task, sink):
    tasks.begin(task, BroadcastWork(None))
    start = Barrier(2)

    def send(_number):
        work = BroadcastWork(None)
        try:
            connection.ensure_connection()
            start.wait(timeout=120)
            for _step in range(2 * MANY):
                if tasks.step(Task.objects.get(), work).state == "done":
                    break
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(send, range(2)))

    names = [f"m{n:03}@example.org" for n in range(MANY)]
    expected = [[name] for name in ["eve@other.net", "friends@example.org", *names]]
    assert sorted(to(sink)) == expected
    assert Task.objects.get().state == "done"
    assert LogEntry.objects.filter(action="end_broadcast").count() == 2 + 1


def test_who_has_not_got_it_is_found_by_what_is_noted(task, sink):
    sink.unknown = {"m001@example.org"}
    sink.answers = ["250 ok", "451 4.7.1 later"]
    work = BroadcastWork(None)
    tasks.step(tasks.begin(task, work), work)

    task = Task.objects.get()
    assert counts(task) == {"sent": MANY - 2 + 1, "refused": 1, "later": 1, "unknown": 0}
    assert [(key, str(state)) for key, state, _said in not_sent(task)] == [
        ("m001@example.org", "refused"),
        ("m002@example.org", "put off"),
    ]

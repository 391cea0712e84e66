"""The follower as a process of its own: killed at any moment, with its own SQL user, and on a real journal of systemd."""

import contextlib
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import MySQLdb
import pytest
from django.db import connection

from domains.deliveries import Delivery, DeliveryDay, DeliveryKey, OpenMail
from domains.models import Domain
from mailadmin import mailconf, shipped
from mailadmin.deliveries.follower import Follower
from mailadmin.deliveries.journal import Journal
from tests.bench.cost import measured
from tests.contract.world import numbers
from tests.deliveries.lines import Log
from tests.mailadmin.written import PASSWORDS
from tests.servers.processes import ROOT, run_sql, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

# A line of "manage.py deliveries" with small transactions, so that a kill comes often between two of them, or within one.
RUN = """
import sys, django
django.setup()
from mailadmin.deliveries import follower
from mailadmin.deliveries.files import FileLog
from mailadmin.deliveries import files
files.CHUNK = 2048
follower.TOGETHER = 5
follower.IDLE_SECONDS = 0.01
follower.Follower([FileLog(sys.argv[1])], "here").run(follow=True)
"""


def url(user=None, password=None):
    own = connection.settings_dict
    return f"mysql://{user or own['USER']}:{password or own['PASSWORD']}@{own['HOST']}:{own['PORT']}/{own['NAME']}"


@contextlib.contextmanager
def follower(*arguments, database=None):
    environment = os.environ | {
        "DATABASE_URL": database or url(),
        "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests-only-for-tests",
        "DJANGO_SETTINGS_MODULE": "mailadmin.settings",
    }
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)], cwd=ROOT, env=environment, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def kept():
    return list(Delivery.objects.order_by("pk").values_list("queue_id", flat=True))


def test_a_follower_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(
    tmp_path, example_org
):
    log = Log(tmp_path / "mail.log")
    written = [log.delivers() for _ in range(40)]
    for number in range(6):
        begun = len(kept())
        with follower("-c", RUN, log.path) as process:
            # It has stored something in this life, and goes on: where it is struck differs from run to run.
            wait_until(lambda: len(kept()) > begun, "the next rows")  # noqa: B023
            process.send_signal(signal.SIGKILL)
            process.wait()
        written += [log.delivers() for _ in range(10)]
        if number == 2:
            log.path.rename(log.path.with_name("mail.log.1"))
            log.path.touch()
            written += [log.delivers() for _ in range(10)]
    with follower("-c", RUN, log.path):
        wait_until(lambda: len(kept()) >= len(written), "the last rows")

    assert kept() == written
    assert DeliveryDay.objects.get(domain="example.org").incoming == len(written)
    assert DeliveryKey.objects.filter(domain="example.org", address="").count() == len(written)
    assert not OpenMail.objects.exists()


@pytest.fixture
def own_user(tmp_path):
    """(name, password) of the SQL user that deliveries.sql makes."""
    name = f"log_{os.getpid()}"
    own = connection.settings_dict
    passwords = PASSWORDS | {"deliveries": "deliveries-secret"}
    values = mailconf.marker_values(own, passwords, DELIVERIES_SQL_USER=name)
    sql = tmp_path / "deliveries.sql"
    sql.write_text(shipped.render(values, {"deliveries"})["mariadb/deliveries.sql"])
    run_sql(own, sql)
    return name, passwords["deliveries"]


def test_its_sql_user_may_do_all_that_the_follower_does_and_read_no_mailbox(
    tmp_path, own_user, example_org, add_mailbox, monkeypatch
):
    add_mailbox("ann@example.org")
    log = Log(tmp_path / "mail.log")
    queue_id = log.comes_in("ann@example.org", login="ann@example.org")
    log.ends(queue_id, "joe@outside.test", "deferred", "no answer", dsn="4.4.1")
    log.delivers()
    command = ["manage.py", "deliveries"]
    monkeypatch.setenv("DELIVERY_LOGS", str(log.path))
    monkeypatch.setenv("SENDING_ALARM", "1")
    for _ in range(2):
        with follower(*command, database=url(*own_user)) as process:
            _out, err = process.communicate(timeout=120)
            assert (process.returncode, err) == (0, b"")
        log.ends(queue_id, "joe@outside.test", "sent", "250 ok")
        log.removed(queue_id)
        for _ in range(3):
            other = log.comes_in("ann@example.org", login="ann@example.org")
            log.ends(other, "joe@outside.test", "sent", "250 ok")

    assert {row.result for row in Delivery.objects.all()} == {"delivered"}
    own = connection.settings_dict
    with contextlib.closing(
        MySQLdb.connect(
            host=own["HOST"], port=int(own["PORT"]), user=own_user[0], password=own_user[1],
            database=own["NAME"],
        )
    ) as line:  # fmt: skip
        for statement in ("SELECT username FROM mailbox", "SELECT * FROM log", "SELECT description FROM domain", "SELECT address FROM mail_copy", "UPDATE domain SET domain = 'x'"):  # fmt: skip
            with pytest.raises(MySQLdb.OperationalError, match="denied"), line.cursor() as cursor:
                cursor.execute(statement)


JOURNALD = Path("/lib/systemd/systemd-journald")
# In namespaces of its own, where the machine's journal is not.
PRIVATE = """
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
mount --bind "$1" /run/log/journal
exec /lib/systemd/systemd-journald
"""


@pytest.fixture
def journal(tmp_path):
    """``journal(text, program)`` writes to a private journald, whose files are in ``journal.directory``."""
    directory = tmp_path / "journal"
    directory.mkdir()
    process = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", PRIVATE, "sh", directory]
    )
    inside = ["nsenter", "--target", str(process.pid), "--mount"]

    def write(text, program="postfix/smtpd", user="root"):
        command = ["logger", "--socket", "/run/systemd/journal/dev-log", "-p", "mail.info", "-t", program, "-i", text]  # fmt: skip
        subprocess.run(
            [*inside, "setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups", *command],
            check=True,
        )

    socket = f"/proc/{process.pid}/root/run/systemd/journal/dev-log"
    try:
        wait_until(lambda: os.path.exists(socket), "journald listens")
        write.directory = directory
        yield write
    finally:
        process.terminate()
        process.wait()


def read_all(directory, wanted):
    """Follow the journal until ``wanted()``."""
    one = Follower([Journal(directory=directory)], "here")
    try:
        wait_until(lambda: (one.step(), wanted())[1], "rows of the journal")
    finally:
        one.close()


def test_the_journal_is_followed_from_where_it_was_left(journal, example_org):
    refused = "NOQUEUE: reject: RCPT from x[192.0.2.7]: 550 5.1.1 <{0}@example.org>: Recipient address rejected: User unknown; from=<joe@outside.test> to=<{0}@example.org> proto=ESMTP helo=<x>"  # fmt: skip
    recipients = lambda: list(Delivery.objects.order_by("pk").values_list("recipient", flat=True))  # noqa: E731

    journal(refused.format("one"))
    journal(refused.format("forged"), user="nobody")  # whoever calls himself Postfix
    journal(refused.format("forged"), program="sshd")
    read_all(journal.directory, lambda: len(recipients()) == 1)
    journal(refused.format("two"))
    journal(refused.format("three"))
    read_all(journal.directory, lambda: len(recipients()) == 3)

    assert recipients() == [f"{name}@example.org" for name in ("one", "two", "three")]


def test_the_journal_is_read_to_its_end_where_nobody_follows(journal, example_org):
    journal("NOQUEUE: reject: RCPT from x[192.0.2.7]: 550 5.1.1 <a@example.org>: no; from=<b@c> to=<a@example.org> proto=ESMTP helo=<x>")  # fmt: skip
    wait_until(
        lambda: (
            b"NOQUEUE"
            in subprocess.run(
                ["journalctl", "-q", f"--directory={journal.directory}"], capture_output=True
            ).stdout
        ),
        "the line is in the journal",
    )
    one = Follower([Journal(follow=False, directory=journal.directory)], "here")
    one.run(follow=False)
    one.close()

    assert Delivery.objects.count() == 1


NUMBER = 20_000
FILL = f"""
INSERT INTO delivery (id, at, changed, queue_id, message_id, sender, recipient, result, direction, ours)
  SELECT seq, '2026-11-01' + INTERVAL seq MINUTE, '2026-11-01' + INTERVAL seq MINUTE, CONCAT('Q', seq), CONCAT('m', seq, '@x'),
    'joe@outside.test', CONCAT('user', seq % 100, '@example.org'), IF(seq % 5000 = 0, 'bounced', 'delivered'), 'in', 4
  FROM {numbers(NUMBER)};
"""
KEYS = """
INSERT INTO delivery_key (domain, address, delivery)
  SELECT 'example.org', '', id FROM delivery UNION ALL SELECT 'example.org', recipient, id FROM delivery
  UNION ALL SELECT 'example.org', sender, id FROM delivery UNION ALL SELECT '', sender, id FROM delivery
"""


@pytest.mark.parametrize(
    ("query", "most", "shown"),
    [
        ({}, 500, 50),
        ({"address": "user7@example.org"}, 500, 50),
        ({"address": "joe@outside.test"}, 500, 50),
        ({"domain": "example.org", "after": "10000"}, 500, 50),
        ({"id": "m77@x"}, 100, 1),
        ({"day": "2026-11-05"}, 4_000, 50),
        ({"day": "2026-11-05", "address": "joe@outside.test"}, 4_000, 50),
        ({"result": "bounced"}, 4_000, 1),
        ({"address": "nobody@example.org"}, 100, 0),
    ],
)
@pytest.mark.parametrize("role", ["root", "admin"])
def test_a_search_among_many_rows_reads_few_of_them(
    role, query, most, shown, example_org, add_domain, make_admin, sign_in
):
    add_domain("second.example")
    Domain.objects.update(created=datetime(2020, 1, 1, tzinfo=UTC))
    with connection.cursor() as cursor:
        cursor.execute(FILL)
        cursor.execute(KEYS)
        cursor.execute("ANALYZE TABLE delivery, delivery_key")
        cursor.fetchall()
    account = {
        "root": lambda: make_admin("root@example.org", superadmin=True),
        "admin": lambda: make_admin("a@example.org", domains=["example.org", "second.example"]),
    }[role]()
    client = sign_in(account)
    client.get("/deliveries/", query)

    with measured() as cost:
        page = client.get("/deliveries/", query)

    assert page.status_code == 200
    assert (cost.rows <= most, cost.statements <= 10) == (True, True), (cost, most)
    assert page.content.count(b"<li><time") == shown

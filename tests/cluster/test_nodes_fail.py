"""A database server dies while people save and mail comes in, and comes back."""

import re
import smtplib
import threading
from concurrent.futures import ThreadPoolExecutor

import environ
import pytest

from tests.servers.clients import send
from tests.servers.mail import MailServer
from tests.servers.processes import wait_until

DONE, UNAVAILABLE = 302, 503
UNSURE = b"Look whether the change is there"


class Load:
    """People who make aliases one after the other, and a stranger who writes to a mailbox and an alias."""

    def __init__(self, people, server, prefix):
        self.people, self.server, self.prefix = people, server, prefix
        self.answers = {}  # address: status
        self.unsure = set()
        self.mail = []  # subjects taken
        self.refusals = []
        self._over = threading.Event()

    def __enter__(self):
        self._threads = ThreadPoolExecutor(len(self.people) + 1)
        self._work = [self._threads.submit(self._save, n) for n in range(len(self.people))]
        self._work.append(self._threads.submit(self._send))
        return self

    def __exit__(self, *exception):
        self._over.set()
        self._threads.shutdown()
        for part in self._work:
            part.result()

    def _save(self, number):
        turn = 0
        while not self._over.is_set():
            name = f"{self.prefix}-{number}-{turn}"
            values = {"local_part": name, "domain": "load.test", "targets": "x@other.test"}
            answer = self.people[number].post("/aliases/new/", values | {"active": "on"})
            self.answers[f"{name}@load.test"] = answer.status
            if UNSURE in answer.body:
                self.unsure.add(f"{name}@load.test")
            turn += 1

    def _send(self):
        while not self._over.is_set():
            for recipient in ("ann@load.test", "both@load.test"):
                try:
                    subject = send(self.server, "joe@elsewhere.test", recipient)
                except smtplib.SMTPException as refusal:
                    self.refusals.append(repr(refusal))
                else:
                    self.mail.append((recipient, subject))

    def saved(self):
        return {address for address, status in self.answers.items() if status == DONE}

    def go_on(self, number):
        """Wait for ``number`` more rows that are saved, and as many messages that are taken."""
        rows, mail = len(self.saved()) + number, len(self.mail) + number
        wait_until(lambda: len(self.saved()) >= rows, "people save", seconds=60)
        wait_until(lambda: len(self.mail) >= mail, "mail is taken", seconds=60)


@pytest.fixture(scope="module")
def mail_server(site):
    """Postfix and Dovecot that know all three servers."""
    database = environ.Env.db_url_config(site.nodes[0].database_url)
    keeper = {"USER": "keeper", "PASSWORD": site.cluster.passwords["keeper"]}
    hosts = ",".join(f"{node.host}:{node.port}" for node in site.nodes)
    with MailServer(database | keeper, SQL_HOSTS=hosts, SQL_CLIENT="127.0.0.%") as server:
        yield server


@pytest.fixture(scope="module")
def crowd(site, mail_server):
    site.execute("INSERT INTO domain (domain) VALUES ('load.test')")
    for name in ("ann", "ben"):
        site.execute(
            "INSERT INTO mailbox (username, password, maildir, local_part, domain)"
            " VALUES (%s, '{PLAIN}tangerine-7-bicycle', %s, %s, 'load.test')",
            [f"{name}@load.test", f"load.test/{name}/", name],
        )
        site.execute(
            "INSERT INTO alias (address, goto, domain) VALUES (%s, %s, 'load.test')",
            [f"{name}@load.test"] * 2,
        )
    site.execute(
        "INSERT INTO alias (address, goto, domain)"
        " VALUES ('both@load.test', 'ann@load.test,ben@load.test', 'load.test')"
    )
    return [site.sign_in(panel) for panel in site.panels * 2]


def copies(server):
    """Return every subject in a mailbox, as often as it is there."""
    files = [path for path in server.mail_root.rglob("*") if path.parent.name in {"new", "cur"}]
    found = (re.search(r"^Subject: (.*)$", path.read_text(), re.MULTILINE) for path in files)
    return sorted(match[1] for match in found)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_nothing_is_lost_or_doubled_when_a_node_dies(site, mail_server, crowd, number):
    node = site.nodes[number]
    before = copies(mail_server)
    # Postfix before 3.10 leaves a server alone for a minute that did not answer once.
    mail_server.postfix.reload()

    with Load(crowd, mail_server, f"node{number}") as load:
        load.go_on(10)
        node.kill()
        load.go_on(20)
        node.start(site.nodes)
        load.go_on(10)

    # What was said to be saved is there once, and nothing else is, but for what nobody could know.
    assert {*load.answers.values()} <= {DONE, UNAVAILABLE}
    rows = site.everywhere(
        "SELECT address FROM alias WHERE address LIKE %s ORDER BY address", [f"node{number}-%"]
    )
    stored = {address for (address,) in rows}
    assert stored - load.unsure == load.saved()
    logged = site.everywhere(
        "SELECT data FROM log WHERE action = 'create_alias' AND data LIKE %s ORDER BY data",
        [f"node{number}-%"],
    )
    assert logged == rows
    # Mail: all was taken at once, and each message is there as often as it has recipients.
    assert load.refusals == []
    wait_until(lambda: mail_server.postfix.queue_ids() == [], "the queue is empty")
    sent = [
        subject
        for recipient, subject in load.mail
        for _copy in range(1 + recipient.startswith("both"))
    ]
    assert copies(mail_server) == sorted(before + sent)
    assert "status=bounced" not in mail_server.postfix.log.read_text()


def test_a_node_that_lost_the_others_neither_saves_nor_bounces(site, mail_server, crowd):
    first, *others = site.nodes
    for node in others:
        node.kill()
    wait_until(lambda: first.status("wsrep_cluster_status") == "non-Primary", "the node is alone")

    health = site.stranger(site.panels[0])
    wait_until(lambda: health.get("/healthz").body == b"database away\n", "the balancer is told")
    assert crowd[0].get("/mailboxes/").status == UNAVAILABLE
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(mail_server, "joe@elsewhere.test", "ann@load.test")
    assert [code for code, _text in refusal.value.recipients.values()] == [451]

    # Somebody has to say that this one is the cluster now (docs/cluster.md).
    first.execute("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'")
    for node in others:
        node.start(site.nodes)
    for person in crowd:
        wait_until(lambda: person.get("/mailboxes/").status == 200, "the panel is back")  # noqa: B023

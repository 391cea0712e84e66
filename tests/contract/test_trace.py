import re
import subprocess
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from django.conf import settings

from mailadmin.tracing import postfix as p
from mailadmin.tracing.maps import Maps
from mailadmin.tracing.trace import Trace, trace
from mailboxes.models import QuotaUsage
from tests.contract.random_mail import LOGIN, set_ups
from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.processes import find, wait_until

SET_UPS, EACH = 510, 2
LETTERS = 1_000
CIRCLES = 10  # which take a second each
AROUND = (
    100  # times that Postfix goes through a circle; its own limit of 1,000 takes it half a minute
)
ASKED = 20  # of the primary server, which takes a second
VERIFIED = 200
USERS = 40
SESSIONS = 8
BLOCKS = (
    *("sender-access", "backup-mx", "transport", "verify-recipients", "relay-hosts"),
    *("copies-to", "copies-from"),
)
# In Postfix's log: the service that an End of each kind is handed to, and what comes of it.
LOGGED = {
    p.BOX: ("lmtp", "sent"),
    p.OVERFULL: ("lmtp", "bounced"),
    p.NOBODY: ("lmtp", "deferred"),
    p.PRIMARY: ("relay/smtp", "sent"),
    p.OUTSIDE: ("smtp", "sent"),
    p.THROUGH: ("relayhost/smtp", "deferred"),  # the server here has no TLS
    p.BOUNCED: ("error", "bounced"),
    p.THROWN: ("discard", "sent"),
}
SERVICES = {"smtp": "smtp", "relay": "relay/smtp"}  # of a transport
DELIVERY = re.compile(r"postfix/(\S+)\[[0-9]+\]: (\w+): to=<([^>]*)>.*? status=(\w+) \(")
QUEUED = re.compile(r"qmgr\[[0-9]+\]: (\w+): from=<[^>]*>, size=[0-9]+, nrcpt=([0-9]+) ")
WAIT = 90


class Letter(NamedTuple):
    sender: str
    recipient: str
    trace: Trace

    @property
    def login(self):
        """As whom it is sent: one who may, or else one who may not; None: nobody signs in."""
        owners = next((step.answer for step in self.trace.steps if step.name == "owner"), "")
        return (owners.partition(",")[0] or LOGIN) if self.trace.signed_in else None

    @property
    def ways(self):
        return {_way(end) for end in self.trace.ends}


def _way(end):
    if end.kind == p.NEXT:
        return end.address, SERVICES[end.by.partition(":")[0]], "sent"
    return end.address, *LOGGED[end.kind]


@pytest.fixture(scope="module")
def server(server_with, empty_world):
    for server in server_with(*BLOCKS):
        # What waits is not tried again.
        times = ["minimal_backoff_time", "maximal_backoff_time", "queue_run_delay"]
        limits = ["virtual_alias_recursion_limit", "virtual_alias_expansion_limit"]
        changed = dict.fromkeys(times, "1h") | dict.fromkeys(limits, AROUND)
        server.postfix.set(address_verify_poll_delay="1s", **changed)
        server.postfix.reload()
        yield server
        server.postfix.drop_queue()


@pytest.fixture(scope="module")
def letters(server):
    rows, pairs = set_ups(SET_UPS, EACH, server.outside.port)
    rows.store()
    found = [Letter(*pair, trace(None, pair[1], pair[0])) for pair in pairs]
    circles = [letter for letter in found if letter.trace.reply.why == p.CIRCLE]
    asked = [letter for letter in found if letter.trace.reply.state == p.ASKED]
    left_out = {id(letter) for letter in (*circles[CIRCLES:], *asked[ASKED:])}
    return [letter for letter in found if id(letter) not in left_out][:LETTERS]


def send(server, letter, size=0):
    """(code, queue id or "") of a letter."""
    port = server.submission_port if letter.login else server.smtp_port
    login = (letter.login, PASSWORD) if letter.login else None
    with clients.smtp(server, port, login=login) as session:
        for code, _text in (session.mail(letter.sender), session.rcpt(letter.recipient)):
            if code != 250:
                return code, ""
        code, text = session.data(clients.message(letter.sender, letter.recipient, size)[1])
        return code, text.decode().rpartition(" ")[2] if code == 250 else ""


def deliveries(postfix, queue_ids):
    """``{queue id: {(address, service, status)}}``, once each recipient of each has been tried."""

    def tried():
        log = postfix.log.read_text(errors="replace")
        found = defaultdict(list)
        for service, queue_id, address, status in DELIVERY.findall(log):
            found[queue_id].append((address.lower(), service, status))
        numbers = {queue_id: int(number) for queue_id, number in QUEUED.findall(log)}
        done = all(q in numbers and len(found[q]) >= numbers[q] for q in queue_ids)
        return {q: set(found[q]) for q in queue_ids} if done else None

    return wait_until(tried, "every recipient was tried", seconds=WAIT)


def test_a_thousand_letters_go_where_the_trace_says(server, letters):
    assert len(letters) == LETTERS
    with ThreadPoolExecutor(SESSIONS) as people:
        sent = list(people.map(lambda letter: send(server, letter), letters))
    wrong = []
    for letter, (code, _queue_id) in zip(letters, sent, strict=True):
        reply = letter.trace.reply
        if code not in ({250, 450, 550} if reply.state == p.ASKED else {reply.code}):
            wrong.append((letter.sender, letter.recipient, code, reply))
    assert wrong == []

    found = deliveries(server.postfix, [queue_id for _code, queue_id in sent if queue_id])
    for letter, (_code, queue_id) in zip(letters, sent, strict=True):
        if queue_id and found[queue_id] != letter.ways:
            wrong.append((letter.sender, letter.recipient, found[queue_id], letter.ways))
    assert wrong == []


def test_among_the_letters_is_everything_that_can_happen(letters):
    replies = Counter(
        (letter.trace.reply.state, letter.trace.reply.code, letter.trace.reply.why)
        for letter in letters
    )
    ends = Counter(end.kind for letter in letters for end in letter.trace.ends)

    assert set(replies) == {
        (p.TAKEN, 250, ""),
        (p.ASKED, None, ""),
        (p.REFUSED, 550, p.UNKNOWN),
        (p.REFUSED, 553, p.OWNER),
        (p.REFUSED, 554, p.RELAY),
        (p.REFUSED, 554, p.SENDER),
        (p.PUT_OFF, 450, p.SENDER),
        (p.PUT_OFF, 451, p.CIRCLE),
    }
    assert set(ends) == {*LOGGED, p.NEXT} - {p.OVERFULL}
    assert replies[p.TAKEN, 250, ""] >= LETTERS / 4


def test_sendmail_bv_says_the_same(server, letters):
    """Asked for many at once, without a message and without the rules for strangers."""
    sender = "x@verify.test"
    traced = {
        letter.recipient: trace(None, letter.recipient, sender) for letter in letters[:VERIFIED]
    }
    traced = {address: found for address, found in traced.items() if found.reply.state == p.TAKEN}
    ways = {_way(end) for found in traced.values() for end in found.ends}
    before = len(server.postfix.log.read_text(errors="replace"))
    command = [find("sendmail"), "-C", server.postfix.conf, "-f", sender, "-bv", *traced]
    subprocess.run(command, check=True)

    logged = server.postfix.wait_for_log(rf"qmgr\[[0-9]+\]: (\w+): from=<{sender}>", after=before)
    found = deliveries(server.postfix, [logged[1]])[logged[1]]
    fine = {"sent": "deliverable", "bounced": "undeliverable", "deferred": "undeliverable"}
    assert found == {(address, service, fine[status]) for address, service, status in ways}


def test_dovecot_knows_who_the_trace_says_it_knows(server, letters):
    ends = [end for letter in letters for end in letter.trace.ends]
    boxes = list(dict.fromkeys(end.by for end in ends if end.kind == p.BOX))[:USERS]
    nobody = [end.address for end in ends if end.kind == p.NOBODY][:USERS]
    maps = Maps()
    with ThreadPoolExecutor(SESSIONS) as people:
        users = list(people.map(server.dovecot.user, [*boxes, *nobody]))

    assert nobody
    assert users[len(boxes) :] == [None] * len(nobody)
    for name, user in zip(boxes, users, strict=False):
        told = maps.user(name)
        home = f"{server.mail_root}{told.home.removeprefix(settings.VMAIL_ROOT)}"
        assert (told.name, user["home"], user["quota_rule"]) == (name, home, told.room)


def test_a_full_mailbox(server, empty_world):
    """One message may cross the quota; then the next is refused, or returned if it comes by a detour."""
    empty_world.domain("full.example")
    empty_world.mailbox("ann@full.example")
    joe = empty_world.mailbox("joe@full.example", quota=100_000)
    empty_world.alias("to-joe@full.example", joe.pk)
    empty_world.alias("both@full.example", joe.pk, "ann@full.example")
    names = [f"{name}@full.example" for name in ("joe", "joe+tag", "to-joe", "both")]
    sender = "x@outside.test"

    def codes():
        told = {name: trace(None, name, sender).reply.code for name in names}
        answered = {}
        for name in names:
            with clients.smtp(server, server.smtp_port) as session:
                session.mail(sender)
                answered[name] = session.rcpt(name)[0]
        assert answered == told
        return answered

    assert codes() == dict.fromkeys(names, 250)
    for size in (60_000, 43_000):
        _code, queue_id = send(server, Letter(sender, names[0], trace(None, names[0])), size)
        deliveries(server.postfix, [queue_id])
    counted = QuotaUsage.objects.filter(pk=joe.pk, bytes__gt=joe.quota)
    wait_until(counted.exists, "both messages are counted")
    assert codes() == {name: 250 if name.startswith("both") else 552 for name in names}

    letter = Letter(sender, names[-1], trace(None, names[-1], sender))
    _code, queue_id = send(server, letter)
    assert deliveries(server.postfix, [queue_id])[queue_id] == letter.ways
    assert (joe.pk, "lmtp", "bounced") in letter.ways

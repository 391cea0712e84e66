"""Puts together what lines of several programs say of one message, until there is a row for each of its recipients."""

import json
from collections import Counter, OrderedDict

from django.conf import settings

from domains.deliveries import (
    BOUNCED,
    DEFERRED,
    DELIVERED,
    EXPIRED,
    REFUSED,
    UNKNOWN,
    WORDS,
)
from mailadmin.deliveries import dovecot, postfix
from mailadmin.deliveries.entries import A_DAY, clean
from mailadmin.deliveries.row import Row

RESULTS = {"sent": DELIVERED, "deferred": DEFERRED, "bounced": BOUNCED, "expired": EXPIRED}
MOST_OPEN = 50_000  # messages that are known at once; what is beyond is forgotten, the oldest first
MOST_WAITING = 1_000  # recipients of one message, of which a later try finds the row
MOST_SESSIONS = 20_000
LONGEST_OPEN = 10 * 86_400  # seconds; Postfix gives up after five days
LONGEST_PLACE = 600
REFUSED_A_MINUTE = (
    2_000  # rows; whoever tries many names may not push mail that was delivered out of the log
)
PLACE = "place "
SEPARATOR = "\t"  # between places; no text that is stored has it


class Mail:
    """What is known of a message in the queue. ``waiting``: rows by (recipient, address asked) that are to be tried again."""

    facts = ("sender", "message_id", "size", "client", "login", "tls", "origin")

    def __init__(self, at, **known):
        self.at = at
        self.sender, self.message_id, self.size = UNKNOWN, "", None
        self.client = self.login = self.tls = self.origin = ""
        self.waiting = {}
        self.__dict__.update(known)

    def stored(self):
        kept = {name: value for name in self.facts if (value := getattr(self, name))}
        waiting = [[*key, row.pk] for key, row in self.waiting.items() if row.pk]
        return json.dumps({**kept, "sender": self.sender, "waiting": waiting})

    @classmethod
    def read(cls, at, text):
        kept = json.loads(text)
        waiting = kept.pop("waiting")
        mail = cls(at, **kept)
        mail.waiting = {(to, asked): Row(pk=pk) for to, asked, pk in waiting}
        return mail


class Bounded(OrderedDict):
    def __init__(self, most):
        super().__init__()
        self.most = most

    def put(self, key, value):
        self[key] = value
        if len(self) > self.most:
            self.popitem(last=False)


class Budget:
    """So many in each period of ``seconds`` of the log."""

    def __init__(self, seconds):
        self.seconds, self.period, self.used = seconds, 0, 0

    def allows(self, at, most):
        if at // self.seconds != self.period:
            self.period, self.used = at // self.seconds, 0
        self.used += 1
        return self.used <= most


class Joiner:
    """``take()`` entries in order; then ``rows``, ``again``, ``places`` and ``counts`` hold what is to be stored.

    ``again`` are (row that is stored, row as it is now); ``places`` what Dovecot did to messages whose row is stored; ``counts`` how
    many lines of each kind were left out, by time.
    """

    def __init__(self):
        self.mails = Bounded(MOST_OPEN)
        self.sessions = Bounded(MOST_SESSIONS)  # of LMTP: the row
        self.placed = Bounded(
            MOST_SESSIONS
        )  # of LMTP: (time, place) of a row that is still to come
        self.tls = Bounded(MOST_SESSIONS)  # by process
        self.touched = set()
        self.latest = 0
        self.delivered, self.refused, self.refused_of_day = map(Budget, (60, 60, A_DAY))
        self.begin()

    def begin(self):
        self.rows, self.again, self.places, self.counts = [], [], [], Counter()

    def take(self, entry):
        self.latest = max(self.latest, entry.at)
        program = entry.program.rpartition("/")[2]
        read = READERS.get(program, Joiner._delivery)
        try:
            read(self, entry, entry.text)
        except postfix.Doubtful:
            self.counts[entry.at, "unread"] += 1

    # --- Dovecot

    def _dovecot(self, entry, text):
        found = dovecot.placed(text) if text.startswith("lmtp(") else None
        if not found:
            return
        place = clean(found.place, 200)
        row = self.sessions.get(found.session)
        if row is None:
            _at, before = self.placed.get(found.session, (0, ""))
            self.placed.put(found.session, (entry.at, joined(before, place)))
            self.touched.add(PLACE + found.session)
        elif row.pk:
            self.places.append((row, place))
        else:
            row.place = joined(row.place, place)

    # --- Postfix: the message

    def _smtpd(self, entry, text):
        if found := postfix.CLIENT.match(text):
            login = postfix.LOGIN.search(found[3] or "")
            mail = self._new(entry, found[1])
            mail.client = clean(found[2], 150)
            mail.login = address(login[1]) if login else ""
            mail.tls = self.tls.get((entry.program, entry.pid), "")
            here = mail.client.endswith(("[127.0.0.1]", "[::1]"))
            mail.origin = "login" if login else "loopback" if here else ""
        elif found := postfix.TLS.match(text):
            words = clean(f"{found[2]} {found[3]}", 100)
            self.tls.put((entry.program, entry.pid), words)
        elif text.startswith(("connect from ", "disconnect from ")):
            self.tls.pop((entry.program, entry.pid), None)
        else:
            self._refusal(entry, text)

    def _pickup(self, entry, text):
        if found := postfix.PROGRAM.match(text):
            mail = self._new(entry, found[1])
            mail.login, mail.origin = f"uid {found[2]}", "program"

    def _cleanup(self, entry, text):
        if found := postfix.MESSAGE_ID.match(text):
            mail = self.mails.get(found[1]) or self._new(entry, found[1], origin="here")
            mail.message_id = clean(found[2].strip().strip("<>"), 255)
            self.touched.add(found[1])
        else:
            self._refusal(entry, text)

    def _qmgr(self, entry, text):
        if found := postfix.QUEUED.match(text):
            mail = self.mails.get(found[1]) or self._new(entry, found[1])
            mail.sender, mail.size = address(found[2]), int(found[3])
            self.touched.add(found[1])
        elif found := postfix.REMOVED.match(text):
            if self.mails.pop(found[1], None):
                self.touched.add(found[1])
        elif found := postfix.GIVEN_UP.match(text):
            mail = self.mails.get(found[1])
            for (recipient, asked), row in [*mail.waiting.items()] if mail else ():
                now = self._row(entry, found[1], mail, recipient, asked)
                now.result, now.dsn, now.says = EXPIRED, "", ""
                self._store_again(mail, (recipient, asked), row, now)

    # --- Postfix: what became of it

    def _delivery(self, entry, text):
        if found := postfix.TLS.match(text):
            words = clean(f"{found[2]} {found[3]}", 100)
            self.tls.put((entry.program, entry.pid), (found[1], words))
            return
        found = postfix.DELIVERY.match(text)
        if not found:
            if ": to=<" in text[:40] and " status=" in text:
                raise postfix.Doubtful
            return
        queue_id, recipient, asked, relay, dsn, status, says = found.groups()
        if status not in RESULTS:  # deliverable: only asked
            return
        mail = self.mails.get(queue_id) or Mail(entry.at)
        recipient, asked = address(recipient), address(asked or "")
        row = self._row(entry, queue_id, mail, recipient, "" if asked == recipient else asked)
        row.result, row.dsn = RESULTS[status], dsn[:11]
        row.says, row.relay = clean(says or "", WORDS), clean(relay, 150)
        peer, words = self.tls.get((entry.program, entry.pid), ("", ""))
        if peer and relay.startswith(peer.partition("]")[0]):
            row.tls = words
        self._find_place(row)
        before = mail.waiting.get((recipient, row.asked))
        if before is not None:
            self._store_again(mail, (recipient, row.asked), before, row)
        elif self.delivered.allows(entry.at, settings.DELIVERIES_A_MINUTE):
            self.rows.append(row)
            self._wait(mail, (recipient, row.asked), row)
        else:
            row.left_out = True
            self.rows.append(row)
        self.touched.add(queue_id)

    def _refusal(self, entry, text):
        found = postfix.refusal(text)
        if not found:
            return
        mail = self.mails.get(found.queue_id) or Mail(entry.at)
        recipient = address(found.recipient)
        row = self._row(entry, found.queue_id, mail, recipient, "")
        row.sender, row.result = address(found.sender), REFUSED
        row.client = row.client or clean(found.client, 150)
        row.dsn, row.says = found.dsn, clean(found.says, WORDS)
        row.tls = row.tls or self._tls_in(entry)
        row.left_out = not self._may_store_refusal(entry.at)
        self.rows.append(row)

    def _tls_in(self, entry):
        words = self.tls.get((entry.program, entry.pid), "")
        return words if isinstance(words, str) else ""

    def _row(self, entry, queue_id, mail, recipient, asked):
        return Row(
            at=entry.at,
            changed=entry.at,
            queue_id=queue_id,
            message_id=mail.message_id,
            sender=mail.sender,
            asked=asked,
            recipient=recipient,
            login=mail.login,
            client=mail.client,
            tls=mail.tls,
            size=mail.size,
            origin=mail.origin,
        )

    def _find_place(self, row):
        saved = postfix.SAVED.match(row.says)
        if not saved:
            return
        _at, row.place = self.placed.pop(saved[1], (0, ""))
        if row.place:
            self.touched.add(PLACE + saved[1])
        self.sessions.put(saved[1], row)

    def _wait(self, mail, key, row):
        if row.result == DEFERRED and len(mail.waiting) < MOST_WAITING:
            mail.waiting[key] = row

    def _store_again(self, mail, key, before, now):
        if now.result != DEFERRED:
            del mail.waiting[key]
        self.again.append((before, now))

    def _may_store_refusal(self, at):
        # Within a minute's bound of their own, and half of the table in all the days rows are kept.
        if not self.refused.allows(at, min(REFUSED_A_MINUTE, settings.DELIVERIES_A_MINUTE)):
            return False
        most = settings.DELIVERIES_MOST // settings.DELIVERIES_DAYS // 2
        return self.refused_of_day.allows(at, most)

    def _new(self, entry, queue_id, **known):
        mail = Mail(entry.at, **known)
        self.mails.put(queue_id, mail)
        self.touched.add(queue_id)
        return mail

    # --- What is stored of it, so that the follower may stop here

    def open_mails(self):
        """{key: (time, facts) or None} of all that changed since the last call: what is done is None."""
        now = {}
        for key in self.touched:
            if key.startswith(PLACE):
                found = self.placed.get(key.removeprefix(PLACE))
                now[key] = (found[0], json.dumps(found[1])) if found else None
            else:
                mail = self.mails.get(key)
                now[key] = (mail.at, mail.stored()) if mail else None
        self.touched.clear()
        return now

    def restore(self, key, at, facts):
        if key.startswith(PLACE):
            self.placed.put(key.removeprefix(PLACE), (at, json.loads(facts)))
        else:
            self.mails.put(key, Mail.read(at, facts))

    def forget_old(self):
        """Drop what will never be done, by the time of the log: its last line was lost."""
        now = self.latest
        for key, mail in [*self.mails.items()]:
            if mail.at < now - LONGEST_OPEN:
                del self.mails[key]
                self.touched.add(key)
        for session, (at, _place) in [*self.placed.items()]:
            if at < now - LONGEST_PLACE:
                del self.placed[session]
                self.touched.add(PLACE + session)


def address(text):
    """As it is stored and searched. MariaDB takes no notice of blanks at the end of a key."""
    return clean(text.lower(), 255).strip()


def joined(before, place):
    places = before.split(SEPARATOR) if before else []
    return SEPARATOR.join([*places, *([] if place in places else [place])])[:200]


READERS = {
    "dovecot": Joiner._dovecot,
    "smtpd": Joiner._smtpd,
    "pickup": Joiner._pickup,
    "cleanup": Joiner._cleanup,
    "qmgr": Joiner._qmgr,
}

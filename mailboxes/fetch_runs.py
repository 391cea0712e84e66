"""Fetch mail from the mailboxes elsewhere: `manage.py fetchmail`, and "Try it now" of a page.

Each message is handed to the local server first, then remembered, and only then removed there. So a run that is stopped anywhere loses
nothing, and the next one doubles nothing: it finds what was taken by its name there, or by its content.
"""

import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, time

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone
from django.utils.http import http_date
from django.utils.translation import override

from mailboxes import local_delivery, remote_sessions
from mailboxes.fetch_rows import IMAP, PLAIN, POP3
from mailboxes.fetching import FINE, OURS, SIGN_INS, in_words, secret_of
from mailboxes.local_delivery import NotTaken
from mailboxes.models import FetchedMessage, RemoteMailbox
from mailboxes.remote_sessions import Limits, RemoteError
from panel.transactions import in_transaction

RUN_SECONDS = 600  # with one other server; after half of it no other message is begun
TRY_SECONDS = 15
# Longer than a run with its last message may take: who died with a row has it no longer.
CLAIM_SECONDS = RUN_SECONDS + 5 * local_delivery.SECONDS + 60
MOST_MESSAGES = 1_000  # of a run
DAY = 86_400
HOPS = 50  # as Postfix counts them
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass
class Result:
    outcome: str = "fetched"
    said: str = ""
    taken: int = 0


def due():
    """Rows to fetch now, the longest waiting first: and those that were changed, here or by PostfixAdmin, since they ran."""
    rows = RemoteMailbox.objects.filter(
        Q(next_run__lte=int(time())) | Q(modified__gt=F("date")),
        active=True,
        mailbox__active=True,
        mailbox__domain__active=True,
    )
    return rows.order_by("next_run", "pk")


def run(row):
    """Fetch from one RemoteMailbox and return it as it is then, or None if another run has it."""
    with _claimed(row, CLAIM_SECONDS) as mine:
        if mine is None:
            return None
        result = Result()
        try:
            _fetch(mine, result)
        except (RemoteError, NotTaken) as error:
            result.outcome, result.said = error.code, error.said
        _store(mine, result)
        return mine


def try_now(row):
    """Sign in and count what waits there, and fetch nothing: the next run does, if it can. None if another run has it."""
    with _claimed(row, TRY_SECONDS + 60) as mine:
        if mine is None:
            return None
        result = Result("ready")
        try:
            local_delivery.check()
            session = _open(mine, TRY_SECONDS)
            try:
                known = _remembered(mine)
                found = session.messages()
                result.taken = sum(one.wanted and _key(one) not in known for one in found)
                session.finish()
            finally:
                session.close()
            values = {"next_run": 0}
        except (RemoteError, NotTaken) as error:
            result.outcome, result.said, values = error.code, error.said, {}
        _write(mine, result, **values)
        return mine


@contextmanager
def _claimed(row, seconds):
    now = int(time())
    rows = RemoteMailbox.objects.filter(pk=row.pk)
    until = now + seconds
    if not rows.filter(busy_until__lt=now).update(busy_until=until):
        yield None
        return
    try:
        yield rows.get()
    finally:
        rows.filter(busy_until=until).update(busy_until=0)


def _fetch(row, result):
    local_delivery.check()
    session = _open(row, RUN_SECONDS)
    try:
        _fetch_all(row, session, result)
        session.finish()
    finally:
        session.close()


def _open(row, seconds):
    if row.protocol not in (IMAP, POP3) or row.src_auth not in SIGN_INS:
        raise RemoteError("unsupported")
    password = secret_of(row)
    if not password or any(map(_CONTROL.search, (password, row.src_user, row.src_folder))):
        raise RemoteError("unreadable")
    if row.tls == PLAIN and not settings.FETCHMAIL_PLAIN:
        raise RemoteError("plain_refused")
    return remote_sessions.open_session(row, password, Limits(monotonic() + seconds))


def _fetch_all(row, session, result):
    found, known = session.messages(), _remembered(row)
    keys = [_key(message) for message in found]
    if len(set(keys)) < len(keys) or not all(message.name for message in found):
        raise RemoteError("no_names")
    digests = {one.digest for one in known.values() if not one.refused}
    until, now = session.limits.until - RUN_SECONDS / 2, int(time())
    for key, message in zip(keys, found, strict=True):
        before = known.get(key)
        if before and not before.refused:
            if not row.keep:  # a run was stopped before it removed it
                session.remove(message)
            continue
        if before and before.at > now - DAY:
            result.outcome, result.said = "refused", result.said or row.said
            continue
        if not message.wanted:
            continue
        if message.size > remote_sessions.largest():
            result.outcome = "too_large" if result.outcome == "fetched" else result.outcome
            continue
        if result.taken >= MOST_MESSAGES or monotonic() > until:
            result.outcome = "more"
            return
        _take(row, session, message, key, digests, result)
    _forget(row, known.keys() - set(keys))


def _take(row, session, message, key, digests, result):
    try:
        content = session.fetch(message)
        if content is None:
            return
        digest = hashlib.sha256(content).hexdigest()
        if digest not in digests:
            _refuse_a_loop(content)
            local_delivery.hand_over(_traced(row, content), row.mailbox_id)
            result.taken += 1
    except (RemoteError, NotTaken) as error:
        if error.code not in {"refused", "too_much"}:
            raise
        _remember(row, key, refused=True)
        result.outcome, result.said = error.code, error.said
        if error.code == "too_much":  # the session is of no use any more
            raise
        return
    _remember(row, key, digest=digest)
    digests.add(digest)
    if not row.keep:
        session.remove(message)


def _refuse_a_loop(content):
    head = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
    if len(re.findall(rb"(?im)^received:", head)) > HOPS:
        raise NotTaken("refused", "too many Received: lines, which looks like a loop")


def _traced(row, content):
    line = (
        f"Received: from {row.src_server} by {settings.MAIL_HOSTNAME} with {row.protocol} (mailadmin);"
        f" {http_date().replace('GMT', '+0000')}\r\n"
    )
    return line.encode() + content


def _key(message):
    return hashlib.sha256(message.name.encode()).hexdigest()


def _remembered(row):
    return {one.key: one for one in FetchedMessage.objects.filter(remote=row.pk)}


@in_transaction
def _remember(row, key, *, digest="", refused=False):
    values = {"digest": digest, "refused": refused, "at": int(time())}
    FetchedMessage.objects.update_or_create(remote=row.pk, key=key, defaults=values)


def _forget(row, keys):
    """Those that are gone there; after a run to the end, for until then a server may have named them all anew."""
    keys = sorted(keys)
    for first in range(0, len(keys), 500):
        FetchedMessage.objects.filter(remote=row.pk, key__in=keys[first : first + 500]).delete()


def forget_deleted():
    """What belongs to rows that another program deleted."""
    there = RemoteMailbox.objects.values("pk")
    FetchedMessage.objects.exclude(remote__in=there).delete()


def _store(row, result):
    now, pause = int(time()), max(1, row.poll_time) * 60
    if result.outcome in FINE or result.outcome in OURS:
        failures = 0 if result.outcome in FINE else row.failures
        pause = 0 if result.outcome == "more" else pause
    else:
        failures = row.failures + 1
        pause = min(DAY, pause * 2 ** min(failures, 10))
    if result.outcome in {"refused", "too_large"}:  # about one message: the others go on coming
        failures, pause = 0, max(1, row.poll_time) * 60
    moment = timezone.now()
    _write(row, result, date=moment, failures=failures, next_run=now + pause)


def _write(row, result, **values):
    row.outcome, row.said, row.taken = result.outcome, result.said, result.taken
    with override("en"):  # PostfixAdmin shows it, too
        text = f"{in_words(row)} {row.said}".strip()
    values |= {"outcome": row.outcome, "said": row.said, "taken": row.taken}
    values |= {"returned_text": text}
    for name, value in values.items():
        setattr(row, name, value)
    RemoteMailbox.objects.filter(pk=row.pk).update(**values)

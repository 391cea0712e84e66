"""Reports wait here until they are written, many together; and which networks are refused. Requests touch memory alone: one thread asks the database."""

import ipaddress
import logging
import threading
import time
from datetime import UTC, datetime

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from mailadmin.sign_ins import keeping
from mailadmin.sign_ins.guesses import Guesses, is_trusted, network_of
from mailadmin.sign_ins.report import NO_GUESS
from mailadmin.sign_ins.writing import mailboxes_of, write
from mailboxes.models import RefusedNetwork

log = logging.getLogger(__name__)
MOST_WAITING = 20_000  # reports
MOST_REFUSED = 50_000  # networks
PAUSE_SECONDS = 0.5
AFTER_ERROR_SECONDS = 5
REFUSED_SECONDS = 2  # how old the knowledge of refused networks is
FORGET_SECONDS = 60
COUNT_SECONDS = 3_600


class Store:
    def __init__(self):
        self.lock = threading.Lock()
        self.waiting, self.left_out = [], 0
        self.guesses, self.refused = Guesses(), {}
        self.says = ""  # what the database said last, if it failed
        self.minute, self.new_rows = 0, set()
        self.looked_at = self.cleaned_at = self.counted_at = float("-inf")

    # --- Requests

    def add(self, report):
        with self.lock:
            if len(self.waiting) < MOST_WAITING:
                self.waiting.append(report)
            else:
                self.left_out += 1

    def answer(self, address, now=None):
        """What Dovecot shall do with who signs in from ``address``: 0 go on, -1 refuse, else wait so many seconds."""
        if address is None or is_trusted(address):
            return 0
        until = self.refused.get(str(network_of(address)), 0)
        if until <= (time.time() if now is None else now):
            return 0
        return settings.SIGN_INS_SLOWED_SECONDS or -1

    # --- The thread that writes

    def run(self, stopped):
        while not stopped.wait(AFTER_ERROR_SECONDS if self.says else PAUSE_SECONDS):
            self.step()
        self.step()
        connection.close()

    def step(self):
        """Write what waits, and do what is due. What the database refuses waits on, up to MOST_WAITING."""
        with self.lock:
            reports, self.waiting = self.waiting, []
            left_out, self.left_out = self.left_out, 0
        try:
            known = self._store(reports)
            written, reports = reports, []
            self._refuse(written, known)
            self._do_what_is_due()
        except Error as error:
            if str(error) != self.says:  # not every few seconds
                log.error("Sign-ins wait: %s", error)
            self.says = str(error) or type(error).__name__
            with self.lock:
                self.waiting = (reports + self.waiting)[:MOST_WAITING]
            connection.close()
        except (
            Exception
        ) as error:  # without this thread nothing is written any more, and nobody would notice
            log.exception("%s sign-ins were left out", len(reports))
            self.says = str(error) or type(error).__name__
        else:
            self.says = ""
        if left_out:
            log.warning(
                "%s sign-ins were left out: they came faster than they are written", left_out
            )

    def _store(self, reports):
        """Write ``reports``, and return which of their logins are mailboxes."""
        if not reports:
            return set()
        known = mailboxes_of({report.login for report in reports})
        rows = {}
        for report in reports:
            key = self._key(report, known)
            if self._has_room(key, report):
                row = rows.setdefault(key, [0, 0])
                row[0], row[1] = max(row[0], report.at), row[1] + 1
        write(rows)
        return known

    def _key(self, report, known):
        day = timezone.localdate(datetime.fromtimestamp(report.at, UTC))
        return (
            report.login if report.login in known else "",
            *(day, report.protocol, report.address, report.success),
            *(report.reason, report.app_password),
        )

    def _has_room(self, key, report):
        minute = report.at // 60
        if minute != self.minute:
            self.minute, self.new_rows = minute, set()
        if key in self.new_rows or len(self.new_rows) < settings.SIGN_INS_A_MINUTE:
            self.new_rows.add(key)
            return True
        # Which app password was used, and when somebody signed in last, is kept all the same.
        return report.success and key[0] != ""

    def _refuse(self, reports, known):
        most, made = settings.SIGN_INS_FAILURES, {}
        for report in reports:
            if not most or report.success or report.from_here or report.reason in NO_GUESS:
                continue
            address = ipaddress.ip_address(report.address)
            network = network_of(address)
            if not is_trusted(address) and str(network) not in self.refused:
                made[network] = self.guesses.add(network, report, report.login in known)
        for network, number in made.items():
            if number >= most:
                self._refuse_network(network, number)

    def _refuse_network(self, network, number):
        now = int(time.time())
        until = now + 60 * settings.SIGN_INS_REFUSED_MINUTES
        RefusedNetwork.objects.update_or_create(
            pk=str(network), defaults={"since": now, "until": until, "failures": number}
        )
        self.refused[str(network)] = until
        self.guesses.forget(network)
        log.warning("%s is refused: %s wrong passwords", network, number)

    def _do_what_is_due(self):
        now = time.monotonic()
        if now - self.looked_at > REFUSED_SECONDS:
            rows = RefusedNetwork.objects.filter(until__gt=int(time.time()))
            found = dict(rows.values_list("pk", "until").order_by("-until")[:MOST_REFUSED])
            self.refused, self.looked_at = found, now
        if now - self.cleaned_at > FORGET_SECONDS:
            self._forget(now)

    def _forget(self, now):
        many = 0
        if now - self.counted_at > COUNT_SECONDS:
            many, self.counted_at = keeping.too_many(), now
        until = time.monotonic() + PAUSE_SECONDS
        while many > 0 and time.monotonic() < until:
            many -= keeping.forget_some(many) or many
        if many > 0:
            self.counted_at = float("-inf")  # go on soon
        elif keeping.forget_some() == keeping.TOGETHER:
            return
        self.cleaned_at = now

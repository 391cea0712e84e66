import re
import smtplib
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.servers.clients import send
from tests.servers.processes import wait_until

DONE, UNAVAILABLE = 302, 503
UNSURE = b"whether the change was saved before you repeat it"


def copies(server):
    """Return every subject in a mailbox, as often as it is there."""
    files = [path for path in server.mail_root.rglob("*") if path.parent.name in {"new", "cur"}]
    found = (re.search(r"^Subject: (.*)$", path.read_text(), re.MULTILINE) for path in files)
    return sorted(match[1] for match in found)


class Load:
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
            if answer.status == UNAVAILABLE:  # they read what it says
                self._over.wait(0.5)

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
        return {address for address, status in [*self.answers.items()] if status == DONE}

    def copies(self):
        return [
            subject
            for recipient, subject in self.mail
            for _copy in range(1 + recipient.startswith("both"))
        ]

    def go_on(self, number):
        rows, mail = len(self.saved()) + number, len(self.mail) + number
        if self.people:
            wait_until(lambda: len(self.saved()) >= rows, "people save", seconds=180)
        wait_until(lambda: len(self.mail) >= mail, "mail is taken", seconds=180)

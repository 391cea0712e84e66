import re

from installer.mail import MAPS
from installer.part import NAME, Answer, Part
from installer.steps import File, Gone

LOGIN = MAPS / "relayhost_login"


class Relay(Part):
    answers = {
        "relayhost": Answer(
            "A server that takes what leaves, e.g. smtp.example.net:587 (587 by default).",
            shape=re.compile(rf"{NAME.pattern}(:[0-9]{{1,5}})?"),
        ),
        "relayhost_user": Answer("The login there, if it wants one.", shape=re.compile(r"[!-~]+")),
        "relayhost_password": Answer(
            "A file with the password of this login in its first line.",
            secret=True,
            needed=lambda options: bool(options.relayhost and options.relayhost_user),
        ),
    }
    purposes = ["relay"]

    @classmethod
    def wanted(cls, options):
        return bool(options.relayhost)

    @classmethod
    def without(cls):
        return [Gone(LOGIN)]

    def blocks(self):
        return {"relayhost", "relayhost-login"} if self.options.relayhost_user else {"relayhost"}

    def values(self):
        return {"RELAYHOST": self._nexthop(), "RELAYHOST_NAME": self._name()}

    def steps(self):
        if not self.options.relayhost_user:
            yield Gone(LOGIN)
        else:
            login = f"{self.options.relayhost_user}:{self.journal.secrets['relayhost_password']}"
            text = f"# Written by deploy/install.\n{self._nexthop()} {login}\n"
            yield File(LOGIN, text, 0o640, "root", "postfix", stale=["postfix"], secret=True)

    def _name(self):
        return self.options.relayhost.partition(":")[0]

    def _nexthop(self):
        return f"[{self._name()}]:{self.options.relayhost.partition(':')[2] or '587'}"

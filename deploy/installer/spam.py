"""rspamd, which marks spam, limits what is sent and signs in OpenDKIM's place; it remembers in redis."""

import grp
import re
import secrets
import socket
from pathlib import Path

from installer.part import Answer, Part
from installer.services import Service, Stopped, answers_on
from installer.steps import Command, Directory, File, Sql
from installer.world import stop

LOCAL, REDIS = Path("/etc/rspamd/local.d"), Path("/etc/redis/redis.conf")
LIMIT = re.compile(r"[1-9][0-9]{0,6}")


class Spam(Part):
    answers = {
        "spam": Answer(
            "rspamd: spam to Junk, limits for what is sent, and signing instead of OpenDKIM (no).",
            "no",
            switch=True,
        ),
        "mailbox_limit": Answer(
            "With --spam: recipients that one login may write to in an hour (300).", "300", LIMIT
        ),
        "domain_limit": Answer(
            "With --spam: recipients that all logins of a domain may write to in an hour (3000).",
            "3000",
            LIMIT,
        ),
    }
    secrets = {"signer": lambda: secrets.token_hex(20)}
    purposes = ["spam"]
    places = [
        *("/etc/rspamd", "/usr/share/rspamd/www", "/var/lib/rspamd"),
        *("/etc/redis", "/var/lib/redis"),
    ]
    configurations = [REDIS]

    @classmethod
    def wanted(cls, options):
        return options.spam

    @classmethod
    def without(cls):
        return [Stopped("rspamd"), Stopped("redis-server")]

    @classmethod
    def findings(cls, options):
        if not options.helper:
            yield stop(
                "spam",
                "rspamd gets its keys from the helper.",
                "Say --helper too, or leave out --spam.",
            )

    def blocks(self):
        return {"rspamd"}

    def values(self):
        limits = self.options.mailbox_limit, self.options.domain_limit
        return dict(zip(("MAILBOX_LIMIT", "DOMAIN_LIMIT"), limits, strict=True))

    def steps(self):
        files = self.plan.files
        yield Sql("what rspamd may sign with", "signer.sql", files["mariadb/signer.sql"])
        client = files["helper/signer.cnf"]
        stale = ["mailadmin-helper"]
        yield File(Path("/etc/mailadmin/signer.cnf"), client, 0o600, stale=stale, secret=True)
        # Its group is that of the file which the helper writes there.
        folder = Path(self.plan.values["SIGNING_KEYS"]).parent
        yield Directory(folder, 0o2750, "root", "_rspamd", kind="tree")
        yield File(
            REDIS, files["redis/redis.conf"], 0o640, "redis", "redis", stale=["redis-server"]
        )
        yield Command(
            "rspamd may ask redis",
            ["usermod", "--append", "--groups", "redis", "_rspamd"],
            lambda: "_rspamd" in _members("redis"),
        )
        for name in self.files_in("rspamd/"):
            path = LOCAL / Path(name).name
            yield File(path, files[name], 0o640, "root", "_rspamd", stale=["rspamd"])

    def services(self):
        place, port = self.plan.values["REDIS_SOCKET"], int(self.plan.values["SPAM_PORT"])
        yield Service("redis-server", ready=lambda: _listens(place))
        yield Service(
            "rspamd",
            check=["rspamadm", "configtest", "-q"],
            ready=lambda: answers_on(port),
            seconds=300,  # it compiles ten thousand patterns first
        )

    def closing(self):
        limits = f"{self.options.mailbox_limit}, all of a domain {self.options.domain_limit}"
        return [f"Spam: /etc/rspamd. A login may write to so many recipients an hour: {limits}."]


def _members(group):
    try:
        return grp.getgrnam(group).gr_mem
    except KeyError:
        return []


def _listens(place):
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex(place) == 0

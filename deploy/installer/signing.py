"""OpenDKIM, which signs what is sent with the keys that the panel keeps; where rspamd is wanted, that does it (spam.py)."""

import secrets
from pathlib import Path

from installer.part import Answer, Part
from installer.services import Service, Stopped, answers_on
from installer.steps import Directory, File, Sql

FILE, PLACE = Path("/etc/opendkim.conf"), Path("/etc/opendkim")


class Signing(Part):
    answers = {
        "sign": Answer("Sign what is sent (DKIM), with keys made in the panel.", "yes", switch=True)
    }
    secrets = {"signer": lambda: secrets.token_hex(20)}
    purposes = ["signing"]
    places = ["/etc/dkimkeys"]
    configurations = [FILE]

    @classmethod
    def wanted(cls, options):
        return options.sign and not options.spam

    @classmethod
    def without(cls):
        return [Stopped("opendkim")]

    def blocks(self):
        return {"opendkim"}

    def steps(self):
        files = self.plan.files
        yield Sql("what OpenDKIM may read", "signer.sql", files["mariadb/signer.sql"])
        yield Directory(PLACE, 0o750, "root", "opendkim")
        for name, path in [("opendkim.conf", FILE), ("setup.lua", PLACE / "setup.lua")]:
            text = files[f"opendkim/{name}"]
            yield File(path, text, 0o640, "root", "opendkim", stale=["opendkim"])

    def services(self):
        port = int(self.plan.values["SIGNER_PORT"])
        yield Service(
            "opendkim",
            check=["opendkim", "-n", "-x", FILE],
            ready=lambda: answers_on(port),
        )

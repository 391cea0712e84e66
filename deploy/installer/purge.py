import secrets
from pathlib import Path

from installer.part import Answer, Part
from installer.services import Service, Stopped
from installer.steps import File, Sql

UNIT = "mailadmin-purge"


class Purge(Part):
    """Off unless it is wanted: what it removes nobody brings back."""

    answers = {
        "purge": Answer(
            "Remove the mail of deleted mailboxes when nobody can restore them any more (no).",
            "no",
            switch=True,
        )
    }
    secrets = {"purge": lambda: secrets.token_hex(20)}

    @classmethod
    def wanted(cls, options):
        return options.purge

    @classmethod
    def without(cls):
        return [Stopped(f"{UNIT}.timer")]

    def blocks(self):
        return {"purge"}

    def steps(self):
        files = self.plan.files
        yield Sql("what the removal of mail may do", "purge.sql", files["mariadb/purge.sql"])
        place, text = Path("/etc/mailadmin/purge.env"), files["purge/purge.env"]
        yield File(place, text, 0o600, secret=True)

    def services(self):
        yield Service(f"{UNIT}.timer")

import secrets
from pathlib import Path

from installer.part import Answer, Part
from installer.services import Service, Stopped, answers_on
from installer.steps import Changed, File, Sql
from installer.texts import mark_of_code

UNIT = "mailadmin-signins"
PORT = 8011


class SignIns(Part):
    answers = {
        "sign_ins": Answer(
            "Keep who signs in to mail, for 90 days, and refuse networks that guess passwords.",
            "yes",
            switch=True,
        )
    }
    secrets = {"signins": lambda: secrets.token_hex(20)}

    @classmethod
    def wanted(cls, options):
        return options.sign_ins

    @classmethod
    def without(cls):
        return [Stopped(UNIT)]

    def blocks(self):
        return {"sign-ins"}

    def values(self):
        return {"SIGN_INS": f"127.0.0.1:{PORT}"}

    def steps(self):
        files = self.plan.files
        yield Sql("what sign-ins may write", "signins.sql", files["mariadb/signins.sql"])
        place, text = Path("/etc/mailadmin/signins.env"), files["signins/signins.env"]
        yield File(place, text, 0o600, stale=[UNIT], secret=True)
        code = mark_of_code(self.checkout)
        yield Changed("the code that keeps sign-ins", "signins", code, stale=[UNIT])

    def services(self):
        yield Service(UNIT, ready=lambda: answers_on(PORT))

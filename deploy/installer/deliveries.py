import secrets
from pathlib import Path

from installer.part import Answer, Part
from installer.services import Service, Stopped
from installer.steps import Changed, File, Sql
from installer.texts import mark_of_code

UNIT = "mailadmin-deliveries"


class Deliveries(Part):
    answers = {
        "delivery_log": Answer(
            "Keep a log of what became of each message, for 30 days.", "yes", switch=True
        )
    }
    secrets = {"deliveries": lambda: secrets.token_hex(20)}

    @classmethod
    def wanted(cls, options):
        return options.delivery_log

    @classmethod
    def without(cls):
        return [Stopped(UNIT)]

    def blocks(self):
        return {"deliveries"}

    def steps(self):
        files = self.plan.files
        yield Sql(
            "what the delivery log may write", "deliveries.sql", files["mariadb/deliveries.sql"]
        )
        place, text = Path("/etc/mailadmin/deliveries.env"), files["deliveries/deliveries.env"]
        yield File(place, text, 0o600, stale=[UNIT], secret=True)
        code = mark_of_code(self.checkout)
        yield Changed("the code that follows the log", "deliveries", code, stale=[UNIT])

    def services(self):
        yield Service(UNIT)

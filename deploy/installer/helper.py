from pathlib import Path

from installer.part import Answer, Part
from installer.services import Service, Stopped
from installer.steps import Changed, File
from installer.texts import mark_of_code
from mailadmin import shipped


class Helper(Part):
    answers = {
        "helper": Answer("Let the panel reload Postfix and end sessions.", "yes", switch=True)
    }

    @classmethod
    def wanted(cls, options):
        return options.helper

    @classmethod
    def without(cls):
        return [Stopped("mailadmin-helper.socket"), Stopped("mailadmin-helper")]

    def blocks(self):
        return {"helper"}

    def steps(self):
        for name in ("mailbox.cf", "directories.cf"):
            text = self.plan.files[f"helper/{name}"]
            yield File(Path("/etc/mailadmin") / name, text, 0o640)
        code = mark_of_code(shipped.DEPLOY / "helper")
        yield Changed("the helper's code", "helper", code, stale=["mailadmin-helper"])

    def services(self):
        yield Service("mailadmin-helper.socket")
        yield Service("mailadmin-helper")

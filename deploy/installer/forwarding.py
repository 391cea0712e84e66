"""postsrsd, which gives mail that is forwarded to other servers a sender of this one (SRS)."""

from pathlib import Path

from installer.part import Answer, Part
from installer.services import Service, Stopped, answers_on
from installer.steps import File

FILE = Path("/etc/default/postsrsd")


class Forwarding(Part):
    answers = {
        "srs": Answer(
            "Rewrite the senders of mail that is forwarded to other servers, SRS (if any is).",
            "auto",
            switch=True,
        )
    }
    purposes = ["srs"]
    places = keeps = ["/etc/postsrsd.secret"]
    configurations = [FILE]

    @classmethod
    def decided(cls, options, rows, environment):
        """By the panel's rows; while these cannot be read, it stays as it is."""
        if options.srs == "auto":
            return {"srs": rows.get("forwards", environment.get("SRS") == "True"), "no_srs": False}
        return {"no_srs": not options.srs}

    @classmethod
    def wanted(cls, options):
        return options.srs is True

    @classmethod
    def without(cls):
        return [Stopped("postsrsd")]

    def blocks(self):
        return {"srs"}

    def steps(self):
        yield File(FILE, self.plan.files["postsrsd/postsrsd"], stale=["postsrsd"])

    def services(self):
        ports = [int(self.plan.values[name]) for name in ("SRS_PORT", "SRS_BACK_PORT")]
        yield Service("postsrsd", ready=lambda: all(map(answers_on, ports)))

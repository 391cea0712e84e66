"""What became of each line, as a file: passwords and links that were made stand in it for some minutes."""

from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import totp
from mailadmin.file_import import judging
from mailadmin.file_import.work import State
from panel import file_imports
from panel.addresses import display_address
from panel.export import table
from panel.transactions import in_transaction

TOGETHER = 1_000
COLUMNS = {
    "line": gettext_lazy("Line"),
    "address": gettext_lazy("Address"),
    "imported": gettext_lazy("Imported"),
    "password": gettext_lazy("Password"),
    "link": gettext_lazy("Link to set a password"),
    "problem": gettext_lazy("Why not"),
}


class Outcome(NamedTuple):
    """What became of a line. ``kind`` is what was made for the person: "password", "link", "sent", or "" if nothing is handed out."""

    line: int
    address: str
    imported: bool
    kind: str
    secret: str
    problem: str


def download(file, link_of):
    """The response. Raises ValidationError while the lines are made."""
    return table("csv", "import", COLUMNS, rows(file, link_of))


def rows(file, link_of):
    """Hand out what was made, and return the values of COLUMNS for each line, to be read one after the other."""
    sent = _("sent to the other address")
    return (_values(outcome, link_of, sent) for outcome in outcomes(file))


def outcomes(file):
    """Hand out what was made, and return the Outcome of each line, to be read one after the other. Raises ValidationError."""
    return _outcomes(file, _hand_out(file))


@in_transaction
def _hand_out(file):
    file = judging.locked(file)
    if found := file_imports.has_secrets(file):
        file_imports.hand_out(file)
    return found


def _values(outcome, link_of, sent):
    link = link_of(outcome.secret) if outcome.kind == "link" else ""
    return (
        outcome.line,
        display_address(outcome.address),
        outcome.imported,
        outcome.secret if outcome.kind == "password" else "",
        sent if outcome.kind == "sent" else link,
        outcome.problem,
    )


def _outcomes(file, handed):
    last = -1
    while lines := list(file.lines.filter(number__gt=last).order_by("number")[:TOGETHER]):
        for line in lines:
            kind, value = "", ""
            if handed and line.secret and file_imports.is_handed_out(line):
                kind, _blank, value = (totp.unsealed(line.secret) or "").partition(" ")
            problem = " ".join(text for _field, text in line.problems)
            imported = line.state == State.MADE
            yield Outcome(line.number, line.address, imported, kind, value, problem)
        last = lines[-1].number

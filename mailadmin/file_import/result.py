"""What became of each line, as a file: passwords and links that were made stand in it for some minutes."""

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


def download(file, link_of):
    """The response. Raises ValidationError while the lines are made."""
    handed, sent = _hand_out(file), _("sent to the other address")
    return table("csv", "import", COLUMNS, _rows(file, link_of, sent, handed))


@in_transaction
def _hand_out(file):
    file = judging.locked(file)
    if found := file_imports.has_secrets(file):
        file_imports.hand_out(file)
    return found


def _rows(file, link_of, sent, handed):
    last = -1
    while lines := list(file.lines.filter(number__gt=last).order_by("number")[:TOGETHER]):
        for line in lines:
            kind, value = "", ""
            if handed and line.secret and file_imports.is_handed_out(line):
                kind, _blank, value = (totp.unsealed(line.secret) or "").partition(" ")
            yield (
                line.number,
                display_address(line.address),
                line.state == State.MADE,
                value if kind == "password" else "",
                link_of(value) if kind == "link" else sent if kind == "sent" else "",
                " ".join(text for _field, text in line.problems),
            )
        last = lines[-1].number

from django.core.management.base import CommandError
from rich.text import Text

from mailadmin.tracing.postfix import BOX, OVERFULL
from mailadmin.tracing.record import record
from mailadmin.tracing.trace import recipient_in, sender_in, trace
from mailadmin.tracing.words import SHOWN, about, lines, verdict
from mailboxes import storage
from panel import output
from panel.addresses import display_address
from panel.commands import PanelCommand


class Command(PanelCommand):
    help = (
        "Say where mail for an address goes, step by step, by asking what Postfix and Dovecot ask."
    )
    noun, nouns = "address", "addresses"
    key = ("ADDRESS", "info@example.org")

    def add_arguments(self, parser):
        self.names_option(parser)
        parser.add_argument(
            "--from",
            dest="sender",
            metavar="SENDER",
            help="the sender on the envelope, or <> for a bounce",
        )
        self.json_option(parser)

    def act(self, *, names, sender, json, **options):
        asked = None if sender is None else sender_in(sender)
        if sender is not None and asked is None:
            raise CommandError(_no_address(sender))
        self.each(
            names, lambda name, say: self._trace(name, asked, say, json), done="traced", json=json
        )

    def _trace(self, text, sender, say, json):
        address = recipient_in(text)
        if not address:
            raise CommandError(_no_address(text))
        found = trace(None, address, sender)
        for line in [output.as_json(record(found))] if json else self._lines(found):
            say(line)

    def _lines(self, found):
        yield display_address(found.address)
        for line in lines(found):
            yield f"  {output.plain(line.text)}"
            if line.map:
                answer = f" → {output.plain(line.answer)}" if line.answer else ""
                yield f"      {line.map}.cf: {output.plain(line.asked)}{answer}"
        if found.ends:
            yield "  Mail goes to"
            yield from (f"    → {self._end(end)}" for end in found.ends[:SHOWN])
            if (more := len(found.ends) - SHOWN) > 0:
                yield f"    and {more:,} more"
        if found.due:
            yield f"  main.cf, as mailconf wrote it last, does not have this yet: {', '.join(found.due)}"
        yield f"  {output.plain(verdict(found))}"
        for kind in found.card.may_create:
            recipient = " RECIPIENT" if kind == "alias" else ""
            yield f"  mailadmin {kind} add {found.address}{recipient}"

    def _end(self, end):
        said = [about(end)] if about(end) else []
        if end.kind in {BOX, OVERFULL} and end.quota:
            said.append(self._fill(end.used, end.quota))
        return "  ".join(filter(None, [display_address(end.address), ", ".join(said)]))

    def _fill(self, used, quota):
        text = f"{storage.of(used, quota)}, {storage.percent(used, quota)} %"
        style = storage.style(used, quota)
        if not style or not self.stdout.isatty():
            return text
        with self.console.capture() as capture:
            self.console.print(Text(text, style), end="")
        return capture.get()


def _no_address(text):
    return f"“{text}” is no address. Write it like name@example.org."

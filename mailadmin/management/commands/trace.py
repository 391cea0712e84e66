from django.core.management.base import CommandError
from rich.text import Text

from aliases.answers import ELSEWHERE, address_in, answer, because
from aliases.effects import ALIAS, EXTERNAL, MAILBOX
from mailboxes import storage
from mailboxes.models import Mailbox
from panel import output
from panel.addresses import display_address, display_domain
from panel.commands import PanelCommand

SHOWN = 50


class Command(PanelCommand):
    help = "Say where mail for an address goes, and why, as Postfix decides it: the answer of the search box."
    noun, nouns = "address", "addresses"
    key = ("ADDRESS", "info@example.org")

    def add_arguments(self, parser):
        self.names_option(parser)
        self.json_option(parser)

    def act(self, *, names, json, **options):
        self.each(names, lambda name, say: self._trace(name, say, json), done="traced", json=json)

    def _trace(self, text, say, json):
        address = address_in(text)
        if not address:
            raise CommandError(f"“{text}” is no address. Write it like name@example.org.")
        card = answer(None, address)
        for line in [output.as_json(record(card))] if json else self._lines(card):
            say(line)

    def _lines(self, card):
        yield display_address(card.address)
        yield from (f"  {text}" for text in reasons(card))
        if card.row:
            yield "  Mail goes to"
            fill = fill_of(card)
            for target in card.targets[:SHOWN]:
                yield f"    → {target}{self._about(target, fill.get(target.key))}"
            if (more := len(card.targets) - SHOWN) > 0:
                yield f"    and {more:,} more"
        for kind in card.may_create:
            recipient = " RECIPIENT" if kind == "alias" else ""
            yield f"  mailadmin {kind} add {card.address}{recipient}"

    def _about(self, target, used_and_quota):
        said = []
        if target.kind == ALIAS:
            said.append("alias")
        if target.kind == EXTERNAL and not target.next_server:
            said.append("another server")
        if used_and_quota and used_and_quota[1] > 0:
            said.append(self._fill(*used_and_quota))
        if target.undeliverable:
            said.append(self._coloured("takes no mail, left out", "red"))
        if target.next_server:
            said.append(f"handed on to {target.next_server}")
        return "  " + ", ".join(said) if said else ""

    def _fill(self, used, quota):
        text = f"{storage.of(used, quota)}, {storage.percent(used, quota)} %"
        return self._coloured(text, storage.style(used, quota))

    def _coloured(self, text, style):
        if not style or not self.stdout.isatty():
            return text
        with self.console.capture() as capture:
            self.console.print(Text(text, style), end="")
        return capture.get()


def reasons(card):
    if card.kind == ELSEWHERE:
        name = display_domain(card.address.rpartition("@")[2])
        return [f"{name} is not a domain of this server."]
    return [output.plain(reason.text) for reason in because(card)]


def fill_of(card):
    """``{mailbox: (bytes used, quota)}``"""
    keys = [target.key for target in card.targets[:SHOWN] if target.kind == MAILBOX]
    rows = Mailbox.objects.filter(pk__in=keys).values_list("pk", "usage__bytes", "quota")
    return {key: (used or 0, quota) for key, used, quota in rows}


def record(card):
    return {
        "address": card.address,
        "answer": card.kind,
        "because": reasons(card),
        "row": card.row or None,
        "mail_goes_to": [
            {
                "address": target.address,
                "kind": target.kind,
                "takes_mail": not target.undeliverable,
                "next_server": target.next_server or None,
            }
            for target in card.targets
        ],
        "keeps_copy": card.keeps_copy,
    }

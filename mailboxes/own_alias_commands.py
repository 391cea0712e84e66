"""Addresses that users make, and how many they may, at the command line: for `manage.py mailbox`."""

from django.core.management.base import CommandError

from mailboxes import own_aliases


class OwnAliasMixin:
    own_alias_verbs = {
        "own-addresses": "List the aliases that a mailbox's user made, or set how many a user may make.",
    }

    def options_for_own_addresses(self, parser):
        parser.add_argument(
            "name_given",
            metavar="NAME",
            help="A mailbox; with --most a domain, too, for each of its mailboxes.",
        )
        parser.add_argument(
            "--most",
            metavar="N",
            help="How many a user may make; “usual”: none, or for a mailbox as its domain has it.",
        )

    def own_addresses(self, *, name_given, most, **options):
        if "@" not in name_given and most is None:
            raise CommandError("Say a mailbox, or --most.")
        row = self.named(name_given) if "@" in name_given else self.domain(name_given)
        if most is None:
            for alias in own_aliases.aliases_of(row):
                state = "on" if alias.active else "off"
                self.stdout.write("\t".join([alias.pk, state, alias.description]))
            return
        if most != "usual" and not (most.isascii() and most.isdigit()):
            raise CommandError(f"{most!r} is no number.")
        number = None if most == "usual" else int(most)
        own_aliases.set_limit(actor=None, row=row, most=number)
        self.stdout.write(f"Changed {row}.")

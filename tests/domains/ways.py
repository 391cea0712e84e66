"""Where mail ends, asked of aliases/lookup.py as Postfix would ask its map: before and after an operation."""

from aliases.lookup import Lookup
from aliases.models import Alias
from mailboxes.models import Mailbox
from panel.addresses import split_address, without_extension
from tests.contract.test_nobody_is_bounced import Postfix


class Ways(Postfix):
    def __init__(self):
        self.known, self.lookup = {}, Lookup()

    def ask(self, key):
        if key not in self.known:
            match = self.lookup.match(key)
            self.known[key] = match and ",".join(match.targets)
        return self.known[key]

    def __call__(self, address):
        """The addresses at which it ends; None if it goes on for ever, empty if it is an unknown user."""
        if self.targets(address) is None:
            return set()
        return self.ends(address)


def ways(addresses):
    """Where each ends now, and who may write to it."""
    asked, lookup = Ways(), Lookup()
    return {address: (asked(address), _access(lookup, address)) for address in addresses}


def _access(lookup, address):
    found = lookup.access(address)
    # A mailbox that only sends, and the alias that stands for it, refuse alike.
    return found and ("refuses" if found.kind in {"sends", "closed"} else found.kind)


def names(*domains):
    """Every name that any row has, with an extension too, in each of ``domains``, and one that nobody has."""
    rows = [
        *Alias.objects.values_list("pk", flat=True),
        *Mailbox.objects.values_list("pk", flat=True),
    ]
    parts = {split_address(row)[0] for row in rows} - {""}
    parts |= {f"{split_address(without_extension(row))[0]}+list" for row in rows if row[0] != "@"}
    return sorted(f"{part}@{domain}" for part in parts | {"nobody"} for domain in domains)

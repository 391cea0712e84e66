"""What is read of a domain that joins another one, and of that."""

from aliases.models import Alias, Ending
from mailboxes.models import Mailbox
from panel.addresses import split_address, without_extension

TOGETHER = 1_000  # names in one statement


class Rows:
    """The addresses of ``domain``, and what has their names in ``target``. ``lock``: other programs wait, too."""

    def __init__(self, domain, target, *, lock=False):
        aliases, mailboxes = (
            model.objects.select_for_update() if lock else model.objects.all()
            for model in (Alias, Mailbox)
        )
        rows = [*aliases.filter(domain=domain.pk).order_by("pk")]
        self.mailboxes = [*mailboxes.filter(domain=domain.pk).order_by("pk")]
        boxes = {row.pk for row in self.mailboxes}
        self.own = {row.pk: row for row in rows if row.pk in boxes}
        self.aliases = [row for row in rows if row.pk not in boxes]
        for row in [*rows, *self.mailboxes]:
            row.domain = domain
        names = {row.pk for row in [*rows, *self.mailboxes]}
        names |= {without_extension(name) for name in names}
        names = sorted(f"{split_address(name)[0]}@{target.pk}" for name in names)
        self.found = _in_batches(aliases, names) | _in_batches(mailboxes, names)
        self.ending = {*_in_batches(Ending.objects, sorted({*names, *(row.pk for row in rows)}))}

    def there(self, address):
        return self.found.get(address)

    def ends(self, *rows):
        """Whether one of them has a last day: as one address they would end together."""
        return any(row.pk in self.ending for row in rows)


def _in_batches(rows, names):
    found = {}
    for start in range(0, len(names), TOGETHER):
        found |= rows.in_bulk(names[start : start + TOGETHER])
    return found

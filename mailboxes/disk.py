from mailboxes.models import Mailbox
from panel import helper
from panel.scoping import starts_with

SHOWN = 200


def on_disk(domain):
    """The largest directories of the domain as (name, the mailbox whose mail it holds or None, bytes), how many there are, and their sum."""
    sizes = helper.ask("mailbox-sizes", domain.pk)
    whose = _whose(domain)
    largest = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    return {
        "directories": [(name, whose.get(name), size) for name, size in largest[:SHOWN]],
        "count": len(sizes),
        "total": sum(sizes.values()),
    }


def _whose(domain):
    mailboxes = Mailbox.objects.filter(starts_with("maildir", f"{domain.pk}/"))
    rows = mailboxes.order_by().values_list("maildir", "pk")
    return {maildir.split("/")[1]: address for maildir, address in rows}

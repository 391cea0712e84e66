from django.core.management.base import BaseCommand, CommandError

from mailboxes.quota_warnings import LEVELS, is_below, warn

ABOVE = {str(level): level for level in LEVELS}
BELOW = {f"below-{level}": level for level in LEVELS}


class Command(BaseCommand):
    help = (
        "Write to a mailbox's user that it gets full, once at each level until it was below again. Dovecot calls it when a mailbox"
        " crosses a level (deploy/dovecot, service quota-warning). Prints nothing: Dovecot does not read it."
    )

    def add_arguments(self, parser):
        parser.add_argument("level", choices=[*ABOVE, *BELOW], help="What was crossed, in percent.")
        parser.add_argument("address", metavar="ADDRESS", help="The mailbox.")

    def handle(self, *, level, address, **options):
        address = address.lower()
        if "@" not in address or len(address) > 255:
            raise CommandError(f"“{address[:80]}” is not an address.")
        if level in ABOVE:
            warn(address=address, percent=ABOVE[level])
        else:
            is_below(address=address, percent=BELOW[level])

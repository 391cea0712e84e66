class Unreadable(Exception):
    """The source cannot be read; the text is a sentence for the operator."""


class Reader:
    """``kinds`` are what it alone may leave behind, as in kinds.py. ``asked``: what the proof asks, in words; "" for nothing."""

    name = ""
    help = ""
    kinds = {}
    asked = ""
    # Whether an administrator without a password of their own signs in with their mailbox's.
    mailbox_passwords_open_panel = False

    @classmethod
    def options(cls, parser):
        """Add what the command line says of the source."""

    def __init__(self, **options):
        self.options_given = options

    def records(self):
        """Yield the records of records.py, in any order and without keeping them all."""
        raise NotImplementedError

    def answers(self, keys):
        """``{key: its targets}`` of those that the source's own alias maps answer: addresses, ``@domain`` for catch-alls."""
        return {}

    def mailboxes(self, keys):
        """Those of ``keys`` for which it delivers into a mailbox; None if it has no map of them."""
        return set()

    def is_here(self, domain):
        return False

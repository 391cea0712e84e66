"""What a task does to its rows, whatever they are. How it goes from row to row: tasks.py."""

from contextlib import nullcontext
from typing import NamedTuple

from panel.addresses import display_address
from panel.scoping import acting


class Entry(NamedTuple):
    """A row to act on, and the position after it. ``changes`` are those to undo."""

    key: str
    position: list
    changes: dict | None = None


class Work:
    """``right`` is what its actor must be allowed to do (panel/rights.py); None is a domain admin."""

    right = None
    kind = None
    actions = ()
    undoable = ()
    submits = {}  # by action: the words on the button of the page that asks, where that has none
    asking = "tasks/ask.html"  # that page
    tries = False  # whether it is offered there to try it out first
    back_words = ""  # on the link to where it was asked, if that is no list

    def __init__(self, actor):
        self.actor = acting(actor, self.right)

    def matching(self, task, position, size):
        """Return at most ``size`` entries that the list of ``task`` shows beyond ``position``, and where to go on, or None."""
        raise NotImplementedError

    def count(self, task):
        """How many entries match, if that is known without reading them."""
        return None

    def names(self, entries):
        return [display_address(entry.key) for entry in entries]

    def choices(self, action):
        """[(name, words)] of what the page that asks offers to leave as it is, or to set on or off."""
        return []

    def check_options(self, task, post):
        return {}

    def size(self):
        """Rows of one step, if they are not as many as usual."""
        return None

    def groups(self, task, entries):
        """Lists of entries, each of one transaction."""
        return [[entry] for entry in entries]

    def act_together(self, task, entries):
        """Do several rows, in the transaction that is open; none can be undone. What it raises as ``act()`` does lets them be done one by one."""
        raise NotImplementedError

    def act(self, task, entry):
        """Do one row, in the transaction that is open, and return its changes.

        Raises ValidationError, or DoesNotExist for a row that is gone or out of scope.
        """
        raise NotImplementedError

    def refused(self, task, entry, error):
        """Note that a row was refused, in the transaction that says so; what ``act()`` did is rolled back."""

    def settle(self, task, keys):
        """Do what follows from the rows that were done, once for many of them, in the transaction that is open."""

    def is_allowed(self):
        """Whether the actor may still do it. Each step asks anew."""
        return True

    def step(self, task):
        """A context for the rows of one step. Unavailable says why there can be none now."""
        return nullcontext()

    def begun(self, task):
        """Called once, in the transaction that begins it."""

    def ended(self, task):
        """Called once, in the transaction that ends it, whatever is left."""

    def pause(self, task):
        """Seconds until there is something to do."""
        return 0

    def notes(self, task):
        """Sentences for the page that says how far it is."""
        return []

    def file_of(self, task):
        """(URL, words) of a file about what was refused, or None."""
        return None

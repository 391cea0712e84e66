"""What every kind of line has in common: how its texts are understood, and what it is asked."""

from aliases.models import Alias
from mailboxes.models import Mailbox
from panel.changes import collected


class Reading:
    """A line as it was understood. ``key`` and ``domain`` are stored names, or "" where the text is none."""

    def __init__(self):
        self.key = self.domain = self.local_part = self.domain_text = ""
        self.domain_field = ""  # where the domain stands, if not where the kind has it
        self.values, self.notes, self.errors = {}, [], {}
        self.size = 0  # bytes of the quota, after check()

    @property
    def name_to_check(self):
        return None if "address" in self.errors else self.local_part

    def take(self, name, text, understood):
        """Let ``understood(text)`` be the value, if there is a text; what it refuses is an error of the line."""
        if text:
            with collected(self.errors, name):
                self.values[name] = understood(text)


class Kind:
    superadmins_only = False
    create_many = None
    domain_field = "domain"

    def required(self, reading):
        """Names of the domains that must be there, and the account's own."""
        return [reading.domain]

    def domains(self, reading):
        """Names of all domains that ``check()`` and ``create()`` ask for."""
        return self.required(reading)

    def in_use(self, keys):
        return set()

    def count(self, domain, lines, size):
        """Count good lines, of ``size`` bytes together, as the triggers will, for the next one's limits."""


class OfAddresses(Kind):
    def in_use(self, keys):
        return {
            *Alias.objects.filter(pk__in=keys).values_list("pk", flat=True),
            *Mailbox.objects.filter(pk__in=keys).values_list("pk", flat=True),
        }


class MadeTogether(OfAddresses):
    """Kinds of which many lines are made together."""

    def prepared(self, actor, reading, domain, options):
        """The fields of a row, and whatever takes time, before any lock is taken."""
        raise NotImplementedError

    def create_of_one(self, actor, domain, rows, options):
        """Make ``rows``, pairs of Reading and what was prepared, of one domain; return what is handed out of each."""
        raise NotImplementedError

    def create_many(self, actor, readings, domains, options):
        """Make all or none, and return what is handed out of each."""
        rows = {}
        for reading in readings:
            made_ready = self.prepared(actor, reading, domains[reading.domain], options)
            rows.setdefault(reading.domain, []).append((reading, made_ready))
        handed = {}
        for name in sorted(rows):
            made = self.create_of_one(actor, domains[name], rows[name], options)
            handed |= {reading.key: one for (reading, _), one in zip(rows[name], made, strict=True)}
        return [handed[reading.key] for reading in readings]

"""What an alias or a mailbox comes to after its last day, and which aliases are somebody's own."""

from django.db import models
from django.utils import timezone

from panel.fields import KeyField, SecondsField
from panel.scoping import ScopedQuerySet

OFF, DELETE, LEAD = "off", "delete", "lead"


class EndingQuerySet(ScopedQuerySet):
    def due(self):
        return self.filter(
            last_day__lt=timezone.localdate(timezone=timezone.get_default_timezone())
        )


class Ending(models.Model):
    """``last_day`` is a day of TIME_ZONE; after it ``action`` happens to the alias or mailbox ``address`` (mailboxes/endings.py).

    LEAD, of a mailbox: it is switched off, its mail goes to ``goto`` for ``days`` days, and then it is deleted. Triggers keep the
    row with the mailbox or alias, whoever renames or deletes that.
    """

    address = KeyField(primary_key=True)
    domain = KeyField()
    last_day = models.DateField()
    action = KeyField(max_length=10)
    goto = KeyField(default="", db_default="")
    days = models.IntegerField(default=0, db_default=0)

    objects = EndingQuerySet.as_manager()

    class Meta:
        db_table = "ending"
        default_permissions = ()
        indexes = [
            models.Index(fields=["last_day", "address"], name="ending_due"),
            models.Index(fields=["domain", "last_day", "address"], name="ending_domain_due"),
        ]

    def __str__(self):
        return f"{self.address} until {self.last_day}"


FIELDS = ("last_day", "action", "goto", "days")


def with_ending(rows):
    """Mailboxes or aliases, each with its Ending for ending_of(), in the same statement."""
    found = Ending.objects.filter(pk=models.OuterRef("pk"))
    return rows.annotate(**{f"end_{name}": models.Subquery(found.values(name)) for name in FIELDS})


def ending_of(row):
    if row.end_last_day is None:
        return None
    values = {name: getattr(row, f"end_{name}") for name in FIELDS}
    return Ending(address=row.pk, domain=row.domain_id, **values)


class OwnAliasQuerySet(ScopedQuerySet):
    owner_lookup = "username"


class OwnAlias(models.Model):
    """The alias ``address`` was made by the user of the mailbox ``username``, who may change and delete it.

    ``held``: somebody else switched it off, as triggers note, and its user may not switch it on.
    """

    address = KeyField(primary_key=True)
    username = KeyField()
    domain = KeyField()
    made = SecondsField(default=timezone.now)
    held = models.BooleanField(db_default=False)

    objects = OwnAliasQuerySet.as_manager()

    class Meta:
        db_table = "own_alias"
        default_permissions = ()
        indexes = [
            models.Index(fields=["username", "address"], name="own_alias_username"),
            models.Index(fields=["domain"], name="own_alias_domain"),
        ]

    def __str__(self):
        return f"{self.address} of {self.username}"


def let_go(alias):
    """After a change by its user, or after its last day: who switched ``alias`` off, as it was before, was no administrator."""
    if alias.active:
        OwnAlias.objects.filter(pk=alias.pk, held=True).update(held=False)


class OwnAliasLimit(models.Model):
    """How many aliases of their own users may have: each mailbox of a domain, or one mailbox (``name`` is its address). No row: none."""

    name = KeyField(primary_key=True)
    domain = KeyField()
    most = models.IntegerField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "own_alias_limit"
        default_permissions = ()
        indexes = [models.Index(fields=["domain"], name="own_alias_limit_domain")]

    def __str__(self):
        return f"{self.name}: {self.most}"

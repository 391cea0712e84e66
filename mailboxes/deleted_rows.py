"""The bin: what was deleted here and can still be restored. Postfix, Dovecot and PostfixAdmin look at none of it."""

from django.db import models
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone

from domains.models import Domain
from panel.addresses import display_address, display_domain
from panel.fields import KeyField, SecondsField
from panel.scoping import ScopedQuerySet, starts_with

MAILBOX, ALIAS, DOMAIN = "mailbox", "alias", "domain"
TARGETS = "targets"  # as DeletedRow.kind: what an alias lost


class DeletedQuerySet(ScopedQuerySet):
    """Whoever manages a domain sees what was deleted in it while it was there: the next domain of its name has nothing to do with that."""

    def in_domains(self, account, names):
        rows = super().in_domains(account, names)
        if account.is_superadmin:
            return rows
        domain = Domain.objects.filter(pk=OuterRef("domain"), created__lte=OuterRef("at"))
        return rows.exclude(kind=DOMAIN).filter(Exists(domain))

    def search(self, text):
        return self.filter(starts_with("name", text))


class Deleted(models.Model):
    """A deletion. Its rows are kept until ``until``, then they are forgotten (``mailboxes/restoring.py``).

    ``note`` says what it was: a person's name, the recipients of an alias, the description of a domain. The numbers are a domain's.
    """

    id = models.BigAutoField(primary_key=True)
    kind = KeyField(max_length=7)
    name = KeyField()
    domain = KeyField()
    at = SecondsField()
    until = SecondsField()
    who = KeyField()
    note = models.CharField(max_length=255, default="", db_default="")
    mailboxes = models.IntegerField(default=0, db_default=0)
    aliases = models.IntegerField(default=0, db_default=0)

    objects = DeletedQuerySet.as_manager()

    class Meta:
        db_table = "deleted"
        default_permissions = ()
        indexes = [
            models.Index(fields=["domain", "id"], name="deleted_domain"),
            models.Index(fields=["name"], name="deleted_name"),
            models.Index(fields=["until"], name="deleted_until"),
        ]

    def __str__(self):
        return display_domain(self.name) if self.kind == DOMAIN else display_address(self.name)

    def get_absolute_url(self):
        return reverse("deleted-restore", args=[self.pk])

    @property
    def is_over(self):
        return self.until <= timezone.now()


class DeletedRow(models.Model):
    """A row that went with a deletion. ``kind`` is its table, ``data`` its columns as the database had them.

    Of TARGETS, ``data`` says of an alias that is there still what it lost: ``gone``, of its recipients ``before``. ``others``, of one that several
    deletions emptied: {target: address} of what went with the others. ``maildir`` is that of a mailbox: while the row is there, nobody removes the directory.
    """

    id = models.BigAutoField(primary_key=True)
    deletion = models.ForeignKey(
        Deleted, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="rows"
    )
    kind = KeyField(max_length=64)
    maildir = KeyField(default="", db_default="")
    data = models.JSONField()

    class Meta:
        db_table = "deleted_row"
        default_permissions = ()
        indexes = [
            models.Index(fields=["deletion", "kind"], name="deleted_row_deletion"),
            models.Index(fields=["maildir"], name="deleted_row_maildir"),
        ]

    def __str__(self):
        return f"{self.deletion_id}: {self.kind}"

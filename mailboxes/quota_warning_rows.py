from django.db import models
from django.db.models.functions import StrIndex, Substr

from panel.fields import UNKNOWN_MOMENT, KeyField, SecondsField
from panel.scoping import ScopedQuerySet


class QuotaWarningQuerySet(ScopedQuerySet):
    owner_lookup = "username"


class QuotaWarning(models.Model):
    """The person was written to when the mailbox got fuller than ``percent``; gone when it is below NEARLY_FULL again."""

    username = models.OneToOneField(
        "mailboxes.Mailbox",
        models.DO_NOTHING,
        primary_key=True,
        db_column="username",
        db_constraint=False,
        related_name="warning",
    )
    percent = models.SmallIntegerField()
    at = SecondsField(auto_now=True, db_default=UNKNOWN_MOMENT)

    domain = models.GeneratedField(
        expression=Substr("username", StrIndex("username", models.Value("@")) + 1),
        output_field=KeyField(),
        db_persist=True,
    )

    objects = QuotaWarningQuerySet.as_manager()

    class Meta:
        db_table = "quota_warning"
        default_permissions = ()
        indexes = [models.Index(fields=["domain", "username"], name="quota_warning_domain")]

    def __str__(self):
        return f"{self.pk}: {self.percent} %"

"""Passwords for one mail program each, in PostfixAdmin's table, which Dovecot asks."""

from datetime import UTC, datetime

from django.db import models
from django.utils import timezone

from panel.fields import UNKNOWN_MOMENT, KeyField, SecondsField
from panel.scoping import ScopedQuerySet


class AppPasswordQuerySet(ScopedQuerySet):
    domain_lookup = "username__domain"
    owner_lookup = "username"


class AppPassword(models.Model):
    """``password_hash`` is the SHA-256 of a password of ours, in hexadecimal digits: random enough that nobody guesses it from that.

    A row that PostfixAdmin wrote has another hash there and no ``protocols``, so it opens nothing by our queries.
    """

    id = models.AutoField(primary_key=True)
    username = models.ForeignKey(
        "mailboxes.Mailbox",
        models.DO_NOTHING,
        null=True,
        db_column="username",
        db_constraint=False,
        db_index=False,
        related_name="app_passwords",
    )
    description = models.CharField(max_length=255, null=True)
    password_hash = KeyField(null=True)
    # Ours. What it opens, as Dovecot names it, and from where (allow_nets): with commas between. No networks: from everywhere.
    protocols = KeyField(max_length=40, default="", db_default="")
    networks = KeyField(max_length=1_000, default="", db_default="")
    expires = models.BigIntegerField(
        null=True
    )  # seconds since 1970, as the database's clock has them in whatever time zone
    created = SecondsField(default=UNKNOWN_MOMENT, db_default=UNKNOWN_MOMENT)
    # When it was used last, in seconds since 1970, and from where and by what: written by mailadmin/sign_ins/.
    used = models.BigIntegerField(null=True)
    used_address = KeyField(max_length=45, default="", db_default="")
    used_protocol = KeyField(max_length=20, default="", db_default="")

    objects = AppPasswordQuerySet.as_manager()

    class Meta:
        db_table = "mailbox_app_password"
        default_permissions = ()
        indexes = [models.Index(fields=["username", "password_hash"], name="app_password_sign_in")]

    def __str__(self):
        return self.description or f"#{self.pk}"

    @property
    def is_ours(self):
        return bool(self.protocols)

    @property
    def last_day(self):
        """The last day on which it opens anything, or None. It ends with that day."""
        if self.expires is None:
            return None
        return timezone.localdate(datetime.fromtimestamp(self.expires - 1, tz=UTC))

    @property
    def is_over(self):
        return self.expires is not None and self.expires <= timezone.now().timestamp()

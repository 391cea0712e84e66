"""Who signed in to mail, from where and by what, and who failed to: told by Dovecot's auth policy, written by `manage.py signins` (mailadmin/sign_ins/)."""

from django.db import models
from django.db.models.functions import StrIndex, Substr

from panel.fields import KeyField
from panel.scoping import ScopedQuerySet, SuperadminQuerySet


class LastLogin(models.Model):
    """When a mailbox's password last opened something by ``imap``, ``pop3``, ``smtp`` or ``sieve``, in seconds since 1970.

    Without sign-ins (SIGN_INS) Dovecot writes it, for IMAP and POP3, and knows no address.
    """

    pk = models.CompositePrimaryKey("username", "protocol")
    username = KeyField()
    protocol = KeyField(max_length=20)
    at = models.BigIntegerField()
    address = KeyField(max_length=45, default="", db_default="")
    domain = models.GeneratedField(
        expression=Substr("username", StrIndex("username", models.Value("@")) + 1),
        output_field=KeyField(),
        db_persist=True,
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "last_login"
        default_permissions = ()
        indexes = [models.Index(fields=["domain", "at", "username"], name="last_login_list")]

    def __str__(self):
        return f"{self.username} by {self.protocol}"


class SignInQuerySet(ScopedQuerySet):
    owner_lookup = "username"


class SignIn(models.Model):
    """All sign-ins of one day that are alike: ``number`` of them, the last one ``at``, in seconds since 1970.

    ``username`` is "" for names that no mailbox has: they may be passwords typed into the wrong field. ``reason`` is Dovecot's word for
    a failure, where it has one (2.4), or "policy": refused with its network. ``app_password`` is the key of its row, or 0.
    """

    id = models.BigAutoField(primary_key=True)
    username = KeyField()
    day = models.DateField()
    protocol = KeyField(max_length=20)
    address = KeyField(max_length=45)
    success = models.BooleanField()
    reason = KeyField(max_length=20)
    app_password = models.BigIntegerField()
    at = models.BigIntegerField()
    number = models.IntegerField(default=1)
    domain = models.GeneratedField(
        expression=Substr("username", StrIndex("username", models.Value("@")) + 1),
        output_field=KeyField(),
        db_persist=True,
    )

    objects = SignInQuerySet.as_manager()

    class Meta:
        db_table = "sign_in"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("username", "day", "protocol", "address", "success", "reason"),
                    "app_password",
                ],
                name="sign_in_alike",
            )
        ]
        indexes = [
            models.Index(fields=["username", "at", "id"], name="sign_in_list"),
            models.Index(fields=["day"], name="sign_in_day"),
        ]

    def __str__(self):
        return f"{self.username} by {self.protocol} from {self.address}"


class RefusedNetwork(models.Model):
    """A network from which nobody signs in to mail ``until`` then, after too many ``failures``. In seconds since 1970."""

    network = KeyField(max_length=49, primary_key=True)
    since = models.BigIntegerField()
    until = models.BigIntegerField()
    failures = models.IntegerField()

    objects = SuperadminQuerySet.as_manager()

    class Meta:
        db_table = "refused_network"
        default_permissions = ()
        indexes = [models.Index(fields=["until"], name="refused_network_until")]

    def __str__(self):
        return self.network


class IdleMailbox(models.Model):
    """A mailbox whose password has opened nothing for IDLE_DAYS, found by the last snapshot. ``at`` is its last sign-in, 0 if there was none."""

    username = models.OneToOneField(
        "mailboxes.Mailbox",
        models.DO_NOTHING,
        primary_key=True,
        db_column="username",
        db_constraint=False,
        related_name="idle",
    )
    domain = KeyField()
    at = models.BigIntegerField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "idle_mailbox"
        default_permissions = ()
        indexes = [models.Index(fields=["domain", "username"], name="idle_mailbox_domain")]

    def __str__(self):
        return self.pk

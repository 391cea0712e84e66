"""What belongs to a second factor besides its secret, which is ``totp_secret`` of the account, as PostfixAdmin has it.

An account is named by its kind, ``admin`` or ``mailbox``, and its login name: both may have the same one.
"""

from django.db import models
from django.db.models.functions import StrIndex, Substr
from django.utils import timezone

from panel.fields import KeyField, SecondsField, ShortTextField
from panel.scoping import ScopedQuerySet


class OfAccountQuerySet(models.QuerySet):
    def of(self, account):
        return self.filter(kind=account.account_kind, username=account.pk)


class SecondFactor(models.Model):
    """The last step of an account whose code was taken: none counts twice, on whichever server."""

    kind = KeyField(max_length=7)
    username = KeyField()
    last_step = models.BigIntegerField(default=0, db_default=0)
    since = SecondsField(default=timezone.now)

    objects = OfAccountQuerySet.as_manager()

    class Meta:
        db_table = "second_factor"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["username", "kind"], name="second_factor_account")
        ]

    def __str__(self):
        return f"{self.kind} {self.username}"


class RecoveryCode(models.Model):
    """A code that was not used yet, as its SHA-256: it has 79 random bits, so nobody guesses it from that."""

    kind = KeyField(max_length=7)
    username = KeyField()
    digest = KeyField(max_length=64)
    made = SecondsField(default=timezone.now)

    objects = OfAccountQuerySet.as_manager()

    class Meta:
        db_table = "recovery_code"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["username", "kind", "digest"], name="recovery_code_account"
            )
        ]

    def __str__(self):
        return f"{self.kind} {self.username}"


class Passkey(models.Model):
    """A key pair of which a person's device has the private half (WebAuthn). Several belong to one account.

    The account's ``passkey_handle`` is what its passkeys know it by: random, and empty while it has none.
    """

    kind = KeyField(max_length=7)
    username = KeyField()
    # Its id has up to 1,023 bytes, more than an index takes: this is the SHA-256.
    digest = KeyField(max_length=64, unique=True)
    # As base64url, both.
    credential = ShortTextField()
    public_key = ShortTextField()
    name = models.CharField(max_length=60)
    # How often it says that it was used; many say 0 each time.
    sign_count = models.BigIntegerField(default=0)
    # When the last challenge that it answered was made, in microseconds: no older one is taken any more.
    last_challenge = models.BigIntegerField(default=0)
    transports = models.CharField(max_length=100, default="")
    backed_up = models.BooleanField(default=False)
    created = SecondsField(default=timezone.now)
    last_used = SecondsField(null=True)

    objects = OfAccountQuerySet.as_manager()

    class Meta:
        db_table = "passkey"
        default_permissions = ()
        indexes = [models.Index(fields=["username", "kind"], name="passkey_account")]

    def __str__(self):
        return self.name


class FactorExceptionQuerySet(ScopedQuerySet):
    """Rows about an address that is an administrator's are for superadmins alone, and so are those about everybody."""

    def in_domains(self, account, names):
        rows = super().in_domains(account, names)
        if account.is_superadmin:
            return rows
        # By its name: models of administrators come after these.
        admins = self.model._meta.apps.get_model("accounts", "Admin").objects
        return rows.exclude(
            models.Exists(admins.filter(pk=models.OuterRef("username")).values("pk"))
        )


class FactorException(models.Model):
    """An address or a network from which no second factor is asked, in PostfixAdmin's table.

    Of ``username``: an address, a bare domain, or NULL for everybody. PostfixAdmin compares addresses alone.
    """

    id = models.AutoField(primary_key=True)
    ip = KeyField(max_length=46)
    username = KeyField(null=True, blank=True)
    description = models.CharField(max_length=255, null=True, blank=True, default="")
    # Ours: whether it is for the administrator of this name, too, which superadmins alone decide.
    for_admin = models.BooleanField(default=False, db_default=False, editable=False)
    # Ours: whose domain it is.
    domain = models.GeneratedField(
        expression=Substr("username", StrIndex("username", models.Value("@")) + 1),
        output_field=KeyField(null=True),
        db_persist=True,
    )

    objects = FactorExceptionQuerySet.as_manager()

    class Meta:
        db_table = "totp_exception_address"
        default_permissions = ()
        # PostfixAdmin 4.0 lets a row be twice there: nothing here needs them to be unique.
        indexes = [
            models.Index(fields=["username"], name="totp_exception_username"),
            models.Index(fields=["domain"], name="totp_exception_domain"),
        ]

    def __str__(self):
        return self.ip

from datetime import UTC, datetime
from itertools import islice

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import (
    Account,
    Admin,
    ApiToken,
    PanelSession,
    Passkey,
    PasswordLink,
    RecoveryCode,
    SecondFactor,
    SignInLink,
)
from aliases.models import Alias
from domains.models import Domain
from mailboxes.app_password_rows import AppPassword as AppPassword
from mailboxes.deleted_rows import Deleted as Deleted
from mailboxes.deleted_rows import DeletedRow as DeletedRow
from mailboxes.fetch_rows import FetchedMessage as FetchedMessage
from mailboxes.fetch_rows import RemoteMailbox as RemoteMailbox
from mailboxes.quota_warning_rows import QuotaWarning as QuotaWarning
from mailboxes.sharing_rows import SendAs as SendAs
from mailboxes.sharing_rows import Share as Share
from mailboxes.sharing_rows import ShareIndex as ShareIndex
from mailboxes.sign_in_rows import IdleMailbox as IdleMailbox
from mailboxes.sign_in_rows import LastLogin as LastLogin
from mailboxes.sign_in_rows import RefusedNetwork as RefusedNetwork
from mailboxes.sign_in_rows import SignIn as SignIn
from mailboxes.vacation_rows import Vacation as Vacation
from panel.fields import UNKNOWN_MOMENT, KeyField, RecipientsField, SecondsField
from panel.formats import exact_mb
from panel.scoping import ScopedQuerySet, starts_with

NEARLY_FULL, FULL = 80, 95  # percent: pages warn, and alarm
# How people sign in, by Dovecot's name of each, and the column that lets them.
PROTOCOLS = {name: f"{name}_active" for name in ("imap", "pop3", "smtp", "sieve")}
SWITCHES = ("receives", "sign_in_active", *PROTOCOLS.values())  # usually on
KEPT_DAYS = 400  # of figures
IDLE_DAYS = 180  # without a sign-in
SERVER = ""  # as UsageDay.domain: all domains together
# Before: PostfixAdmin's 2000-01-01, of rows that are older than the column.
FIRST_EXPIRY = datetime(2001, 1, 1, tzinfo=UTC)
# What goes with a mailbox, as factors.forget() has it.
OF_AN_ACCOUNT = (
    *(SecondFactor, RecoveryCode, PasswordLink, SignInLink),
    *(Passkey, ApiToken, PanelSession),
)
MAX_QUOTA = 10**8  # MB, 100 TB: thousands of them still add up to a BIGINT of bytes


def megabytes(size):
    """``size`` bytes in MB of this installation (QUOTA_MULTIPLIER), rounded to two digits.

    Never 0, which means no limit, for a few bytes: below 0.01 it has up to six digits.
    """
    exact = size / settings.QUOTA_MULTIPLIER
    return round(exact, 2) if not 0 < exact < 0.01 else max(0.000001, round(exact, 6))


class MailboxQuerySet(ScopedQuerySet):
    domain_first = True
    owner_lookup = "username"

    def search(self, text):
        return self.filter(starts_with("username", text.strip().lower()))

    def may_sign_in(self):
        return self.filter(active=True, sign_in_active=True, domain__active=True)

    def with_tiny_quota(self):
        # Below 1 MB: most likely MB, stored where bytes are meant.
        return self.filter(quota__gt=0, quota__lt=settings.QUOTA_MULTIPLIER)

    def with_self_alias(self):
        row = Alias.objects.filter(pk=OuterRef("pk"))
        return self.annotate(
            goto=Subquery(row.values("goto")), forwarding_active=Subquery(row.values("active"))
        )

    def with_manager(self):
        """Adds ``manages``: the administrator, if its user is one, of the domain, who is on (accounts/managers.py)."""
        rows = Admin.objects.filter(mailbox=OuterRef("pk"), active=True)
        of_domain = {"domainadmin__domain": OuterRef("domain"), "domainadmin__active": True}
        return self.annotate(manages=Subquery(rows.filter(**of_domain).values("pk")[:1]))

    def with_app_passwords(self):
        rows = AppPassword.objects.filter(username=OuterRef("pk")).order_by().values("username")
        return self.annotate(app_password_count=Subquery(rows.values(n=models.Count("pk"))))

    def delete_all(self):
        rows = self.order_by()
        places = rows.values_list("username", flat=True).iterator()
        # By keys: for a subquery MariaDB would scan the whole table quota2.
        while names := list(islice(places, 1_000)):
            QuotaUsage.objects.filter(pk__in=names).delete()
            AppPassword.objects.filter(username__in=names).delete()
            QuotaWarning.objects.filter(pk__in=names).delete()
            SendAs.objects.filter(username__in=names).delete()
            Share.objects.filter(owner__in=names).delete()
            Share.objects.filter(person__in=names).delete()
            for model in OF_AN_ACCOUNT:
                model.objects.filter(kind=Mailbox.account_kind, username__in=names).delete()
        rows.delete()


class Mailbox(Account):
    """A mailbox and the account of its user. ``quota`` is in bytes; 0 means no limit.

    ``maildir`` is set once, relative to Dovecot's mail root, and ends with a slash.
    """

    name = models.CharField(_("name"), max_length=255, blank=True, default="", db_default="")
    maildir = KeyField(_("maildir"), editable=False)
    quota = models.BigIntegerField(
        _("quota, bytes"),
        default=0,
        db_default=0,
        validators=[MinValueValidator(0, _("Use 0 for no limit."))],
    )
    local_part = KeyField(_("mailbox name"))
    domain = models.ForeignKey(Domain, models.PROTECT, db_column="domain", verbose_name=_("domain"))
    password_expiry = SecondsField(
        db_default=UNKNOWN_MOMENT, default=UNKNOWN_MOMENT, editable=False
    )
    smtp_active = models.BooleanField(
        _("may send"),
        default=True,
        db_default=True,
        help_text=_("Off: may read mail, but not send through this server."),
    )
    sending_limit = RecipientsField(_("recipients an hour"))
    # Ours: what it may be used for. Defaults of the database, for rows of other programs.
    imap_active = models.BooleanField(default=True, db_default=True)
    pop3_active = models.BooleanField(default=True, db_default=True)
    sieve_active = models.BooleanField(default=True, db_default=True)
    sign_in_active = models.BooleanField(default=True, db_default=True)
    app_only = models.BooleanField(default=False, db_default=False)
    receives = models.BooleanField(default=True, db_default=True)

    objects = MailboxQuerySet.as_manager()

    is_mailbox_user = True
    account_kind = "mailbox"

    class Meta:
        db_table = "mailbox"
        default_permissions = ()
        verbose_name = _("mailbox")
        verbose_name_plural = _("mailboxes")
        indexes = [
            models.Index(fields=["domain", "username"], name="mailbox_list"),
            models.Index(fields=["active", "domain", "username"], name="mailbox_state"),
            models.Index(fields=["domain", "modified"], name="mailbox_domain_modified"),
            models.Index(fields=["modified"], name="mailbox_modified"),
            models.Index(fields=["name"], name="mailbox_name"),
            models.Index(fields=["maildir"], name="mailbox_maildir"),
            models.Index(fields=["quota"], name="mailbox_quota"),
            models.Index(fields=["sending_limit"], name="mailbox_sending_limit"),
        ]

    def get_absolute_url(self):
        return reverse("mailbox", args=[self.pk])

    def clean(self):
        """PostfixAdmin's quota rules of the domain, without its exception for -1."""
        if not self.domain_id or self.quota is None:
            return
        stored = 0
        if not self._state.adding:
            stored = type(self).objects.values_list("quota", flat=True).get(pk=self.pk)
            if stored == self.quota:  # a limit that was lowered since blocks no other change
                return
        others = self.domain.usage.allotted - max(0, stored)
        error = quota_error(self.domain, self.quota, others=others)
        if error:
            raise ValidationError({"quota": error})

    @property
    def refuses(self):
        return not self.receives

    @property
    def may_not(self):
        """Sentences about what it may not be used for, but for sending."""
        if not self.sign_in_active:
            return [_("Nobody signs in.")]
        said = {
            "imap_active": _("Not by IMAP."),
            "pop3_active": _("Not by POP3."),
            "sieve_active": _("Not by ManageSieve."),
        }
        return [words for name, words in said.items() if not getattr(self, name)]

    @property
    def password_until(self):
        # The query of deploy/dovecot has the same rule.
        known = self.password_expiry >= FIRST_EXPIRY
        return self.password_expiry if known and self.domain.password_expiry else None

    @property
    def quota_mb(self):
        return megabytes(self.quota)

    @property
    def used(self):
        try:
            return self.usage.bytes
        except QuotaUsage.DoesNotExist:
            return 0

    @property
    def message_count(self):
        try:
            return self.usage.messages
        except QuotaUsage.DoesNotExist:
            return 0


def quota_error(domain, quota, *, others):
    """The ValidationError if a mailbox of ``quota`` bytes breaks a rule of ``domain``, or None.

    ``others``: bytes allotted to the domain's other mailboxes. Domain limits are in MB; 0 is no
    limit and -1 says that the domain does not use quotas, unless it has a domain quota.
    """
    mb = settings.QUOTA_MULTIPLIER
    if quota < 0:
        return ValidationError(_("Use 0 for no limit."), "negative")
    if quota > MAX_QUOTA * mb:
        return ValidationError(
            _("A mailbox may have at most %(limit)s. Use 0 for no limit."),
            "too_large",
            {"limit": exact_mb(MAX_QUOTA)},
        )
    if not domain.uses_quotas:
        if quota == 0:
            return None
        return ValidationError(
            _("%(domain)s does not use mailbox quotas. Use 0."), "unused", {"domain": domain}
        )
    rest = max(0, domain.quota * mb - others) if domain.quota > 0 else None
    # Quota 0 where nothing is left: the error is the domain quota, not the largest mailbox.
    used_up = rest is not None and rest < mb and quota == 0
    if domain.maxquota > 0 and not 0 < quota <= domain.maxquota * mb and not used_up:
        return ValidationError(
            _("A mailbox of %(domain)s needs a limit of at most %(limit)s."),
            "above_maxquota",
            {"domain": domain, "limit": exact_mb(domain.maxquota)},
        )
    if rest is not None:
        if quota == 0 and not used_up:
            return ValidationError(
                _(
                    "%(domain)s has a domain quota, so every mailbox needs a limit. %(rest)s are left."
                ),
                "unlimited",
                {"domain": domain, "rest": exact_mb(rest // mb)},
            )
        if quota > rest or used_up:
            return ValidationError(
                _(
                    "%(domain)s has %(rest)s of its %(limit)s left. Give less, or ask for a larger domain quota."
                ),
                "above_domain_quota",
                {
                    "domain": domain,
                    "rest": exact_mb(rest // mb),
                    "limit": exact_mb(domain.quota),
                },
            )
    return None


def first_quota(domain):
    """The default quota of a new mailbox, in MB.

    The largest that the domain allows, but no more than leaves the same for each mailbox it may still have.
    """
    maxquota = domain.maxquota if domain else settings.DOMAIN_DEFAULTS["maxquota"]
    if domain is None or domain.quota <= 0:
        return max(0, maxquota)
    left = max(0, int(domain.quota - domain.allotted_mb))
    if domain.mailboxes > 0:
        still_allowed = max(1, domain.mailboxes - domain.usage.mailboxes)
        left = max(min(1, left), left // still_allowed)
    return min(maxquota, left) if maxquota > 0 else left


class UsageQuerySet(ScopedQuerySet):
    domain_lookup = "username__domain"


class QuotaUsage(models.Model):
    username = models.OneToOneField(
        Mailbox,
        models.DO_NOTHING,
        primary_key=True,
        db_column="username",
        db_constraint=False,
        related_name="usage",
    )
    bytes = models.BigIntegerField(default=0, db_default=0)
    messages = models.IntegerField(default=0, db_default=0)

    objects = UsageQuerySet.as_manager()

    class Meta:
        db_table = "quota2"
        default_permissions = ()

    def __str__(self):
        return f"{self.pk}: {self.bytes}"


class FullMailboxQuerySet(ScopedQuerySet):
    domain_lookup = "domain"

    def search(self, text):
        return self.filter(starts_with("pk", text))


class FullMailbox(models.Model):
    username = models.OneToOneField(
        Mailbox,
        models.DO_NOTHING,
        primary_key=True,
        db_column="username",
        db_constraint=False,
        related_name="full",
    )
    domain = KeyField()
    percent = models.BigIntegerField()

    objects = FullMailboxQuerySet.as_manager()

    class Meta:
        db_table = "full_mailbox"
        default_permissions = ()
        indexes = [
            models.Index(fields=["domain", "percent"], name="full_mailbox_domain"),
            models.Index(fields=["percent"], name="full_mailbox_percent"),
        ]

    def __str__(self):
        return f"{self.pk}: {self.percent} %"


class RetiredMaildir(models.Model):
    """The directory of a deleted mailbox, never given to another one: it may still hold mail.

    Written by a trigger, whoever deletes the mailbox. Or one that is kept for a mailbox whose mail is about to be moved there (``awaited``).
    """

    maildir = KeyField(primary_key=True)
    username = KeyField()
    retired = SecondsField(db_default=models.functions.Now())
    awaited = models.BooleanField(null=True)

    class Meta:
        db_table = "retired_maildir"
        default_permissions = ()
        indexes = [models.Index(fields=["username"], name="retired_maildir_username")]

    def __str__(self):
        return self.maildir


class UsageDay(models.Model):
    """The figures of a domain, or of the whole server, on one day: written by snapshots.take()."""

    pk = models.CompositePrimaryKey("domain", "day")
    domain = KeyField()
    day = models.DateField()
    bytes = models.BigIntegerField(default=0, db_default=0)
    messages = models.BigIntegerField(default=0, db_default=0)
    mailboxes = models.IntegerField(default=0, db_default=0)
    aliases = models.IntegerField(default=0, db_default=0)
    changes = models.IntegerField(default=0, db_default=0)
    domains = models.IntegerField(null=True)  # of days before they were counted: None

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "usage_day"
        default_permissions = ()
        indexes = [models.Index(fields=["day"], name="usage_day_day")]

    def __str__(self):
        return f"{self.domain or 'all domains'} on {self.day}"


class MailboxDay(models.Model):
    pk = models.CompositePrimaryKey("username", "day")
    username = KeyField()
    day = models.DateField()
    bytes = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "mailbox_day"
        default_permissions = ()
        indexes = [models.Index(fields=["day"], name="mailbox_day_day")]

    def __str__(self):
        return f"{self.username} on {self.day}"

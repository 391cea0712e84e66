from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from domains.copies import Copy as Copy
from domains.deliveries import Delivery as Delivery
from domains.dkim_keys import DKIMKey as DKIMKey
from domains.dns_state import DomainDNS as DomainDNS
from domains.mail_reports import MailReport as MailReport
from domains.main_cf import WrittenBlock as WrittenBlock
from domains.relay_hosts import RelayHost as RelayHost
from domains.routing_lock import RoutingLock as RoutingLock
from domains.senders import DomainSenderRule as DomainSenderRule
from domains.senders import SenderRule as SenderRule
from domains.transports import LOCAL_TRANSPORTS, check_transport, warning_about
from panel.addresses import display_domain, normalise_domain
from panel.changes import collected, is_unchanged, refuse
from panel.fields import UNKNOWN_MOMENT, KeyField, RecipientsField, SecondsField, WordField
from panel.scoping import ScopedQuerySet, resellable_names, starts_with

NONE_ALLOWED, UNLIMITED = -1, 0
# Beyond these, sums of bytes and dates would exceed the columns.
MAX_QUOTA = 10**12  # MB
MAX_DAYS = 10**6


class DomainQuerySet(ScopedQuerySet):
    domain_lookup = "pk"

    def resold_by(self, account):
        """Those whose limits ``account`` may change, which it may switch and delete: a superadmin all, a reseller its own."""
        if account.is_superadmin:
            return self.manageable_by(account)
        if not account.is_reseller:
            return self.none()
        return self.in_domains(account, resellable_names(account)).filter(reseller=account.username)

    def search(self, text):
        return self.filter(starts_with("name", text.strip().lower()))


class DomainManager(models.Manager.from_queryset(DomainQuerySet)):
    def get_queryset(self):
        return super().get_queryset().exclude(name="ALL")


class Domain(models.Model):
    """A mail domain. Limits: 0 is unlimited, -1 allows none. ``quota`` and ``maxquota`` are in MB."""

    name = KeyField(_("domain"), primary_key=True, db_column="domain")
    description = models.CharField(
        _("description"), max_length=255, blank=True, default="", db_default=""
    )
    aliases = models.IntegerField(
        _("alias limit"), default=0, db_default=0, validators=[MinValueValidator(NONE_ALLOWED)]
    )
    mailboxes = models.IntegerField(
        _("mailbox limit"), default=0, db_default=0, validators=[MinValueValidator(NONE_ALLOWED)]
    )
    maxquota = models.BigIntegerField(
        _("largest mailbox quota, MB"),
        default=0,
        db_default=0,
        validators=[MinValueValidator(NONE_ALLOWED), MaxValueValidator(MAX_QUOTA)],
    )
    quota = models.BigIntegerField(
        _("domain quota, MB"),
        default=0,
        db_default=0,
        validators=[MinValueValidator(NONE_ALLOWED), MaxValueValidator(MAX_QUOTA)],
    )
    transport = KeyField(
        _("transport"),
        blank=True,
        default="virtual",
        db_default="virtual",
        validators=[check_transport],
    )
    backupmx = models.BooleanField(_("backup MX"), default=False, db_default=False)
    # Of a backup MX: the primary server is asked whether it knows a recipient (deploy/postfix/relay_recipients.cf).
    verify_recipients = models.BooleanField(
        _("ask the primary server"), default=False, db_default=False
    )
    created = SecondsField(_("created"), default=timezone.now, db_default=UNKNOWN_MOMENT)
    modified = SecondsField(_("changed"), default=timezone.now, db_default=UNKNOWN_MOMENT)
    active = models.BooleanField(_("active"), default=True, db_default=True)
    password_expiry = models.IntegerField(
        _("password lifetime, days"),
        null=True,
        default=0,
        db_default=0,
        validators=[MinValueValidator(0), MaxValueValidator(MAX_DAYS)],
    )
    # Of all its logins together.
    sending_limit = RecipientsField(_("recipients an hour"))
    # Ours: the login name of the administrator against whose budget it counts (domains/resellers.py).
    reseller = KeyField(_("reseller"), blank=True, default="", db_default="", editable=False)
    admins = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        through="DomainAdmin",
        related_name="domains",
        verbose_name=_("administrators"),
    )

    objects = DomainManager()

    class Meta:
        db_table = "domain"
        base_manager_name = "objects"
        default_permissions = ()
        verbose_name = _("domain")
        verbose_name_plural = _("domains")
        indexes = [
            models.Index(fields=["active"], name="domain_active"),
            models.Index(fields=["reseller"], name="domain_reseller"),
        ]

    def __str__(self):
        return display_domain(self.name)

    def get_absolute_url(self):
        return reverse("domain", args=[self.pk])

    def fresh(self):
        """This row with its counters as they are now. Read under RoutingLock, its limits hold."""
        return Domain.objects.select_related("usage").get(pk=self.pk)

    def clean(self):
        errors = {}
        if self._state.adding and self.name is not None:
            with collected(errors, "name"):
                self._clean_name()
        unused = self.maxquota == NONE_ALLOWED and self.quota > 0
        if unused and not is_unchanged(self, "maxquota", "quota"):
            errors["maxquota"] = ValidationError(
                _(
                    "A domain quota adds up the mailboxes’ quotas, so they are needed."
                    " Choose “Unlimited” or a number here, or give the domain no quota."
                ),
                "unused",
            )
        refuse(errors)

    def _clean_name(self):
        self.name = normalise_domain(self.name)
        if self.name == settings.MAIL_HOSTNAME.lower():
            raise ValidationError(
                _(
                    "%(name)s is this mail server’s own host name; Postfix delivers its mail locally."
                ),
                "own_host",
                {"name": self.name},
            )

    @property
    def hands_on(self):
        """Whether a transport of its own takes its mail to another server or program."""
        return self.transport not in LOCAL_TRANSPORTS

    @property
    def ends_here(self):
        """Whether mail is delivered on this server; otherwise the next server knows the addresses."""
        return not self.backupmx and not self.hands_on

    @property
    def transport_warning(self):
        return warning_about(self.transport)

    @property
    def uses_quotas(self):
        # PostfixAdmin stores -1 for the largest mailbox even beside a domain quota.
        return self.maxquota >= 0 or self.quota > 0

    @property
    def allotted_mb(self):
        return self.usage.allotted / settings.QUOTA_MULTIPLIER

    @property
    def alias_count(self):
        return max(0, self.usage.alias_rows - self.usage.mailboxes)

    def limit_error(self, kind):
        """The ValidationError if one more of ``kind`` (mailboxes, aliases) is too many, or None.

        Reads the stored counters: true under concurrency only under RoutingLock.
        """
        limit = getattr(self, kind)
        count = self.usage.mailboxes if kind == "mailboxes" else self.alias_count
        if limit == UNLIMITED or count < limit:
            return None
        if kind == "mailboxes":
            none = _("%(domain)s may have no mailboxes. Ask a superadmin to raise the limit.")
            reached = ngettext(
                "%(domain)s already has its %(limit)d mailbox."
                " Ask a superadmin to raise the limit, or delete one.",
                "%(domain)s already has its %(limit)d mailboxes."
                " Ask a superadmin to raise the limit, or delete one.",
                limit,
            )
        else:
            none = _("%(domain)s may have no aliases. Ask a superadmin to raise the limit.")
            reached = ngettext(
                "%(domain)s already has its %(limit)d alias."
                " Ask a superadmin to raise the limit, or delete one.",
                "%(domain)s already has its %(limit)d aliases."
                " Ask a superadmin to raise the limit, or delete one.",
                limit,
            )
        message = none if limit < 0 else reached
        return ValidationError(message, "limit_reached", {"domain": self, "limit": limit})


class DomainUsage(models.Model):
    """Counters of a domain, kept by database triggers whoever writes (mailboxes/sql/).

    ``alias_rows`` includes the self-aliases; ``allotted`` is in bytes. ``fullness`` is the percentage of
    the tightest limit, never too low and at most 5 % too high: it finds candidates. ``used``, bytes too, is what
    the last snapshot counted: Dovecot writes what each mailbox holds with each message.
    """

    domain = models.OneToOneField(
        Domain,
        models.DO_NOTHING,
        primary_key=True,
        db_column="domain",
        db_constraint=False,
        related_name="usage",
    )
    mailboxes = models.IntegerField(default=0, db_default=0)
    alias_rows = models.IntegerField(default=0, db_default=0)
    allotted = models.BigIntegerField(default=0, db_default=0)
    fullness = models.BigIntegerField(default=0, db_default=0)
    used = models.BigIntegerField(default=0, db_default=0)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "domain_usage"
        default_permissions = ()
        indexes = [
            models.Index(fields=["fullness"], name="domain_usage_fullness"),
            models.Index(fields=["mailboxes", "domain"], name="domain_usage_mailboxes"),
            models.Index(fields=["used", "domain"], name="domain_usage_used"),
        ]

    def __str__(self):
        return f"{self.pk}: {self.mailboxes}, {self.alias_rows}"


class DomainAdmin(models.Model):
    """Who manages a domain. A superadmin has PostfixAdmin's ``ALL`` here, hence no foreign key constraint."""

    id = models.AutoField(primary_key=True)
    username = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_column="username")
    domain = models.ForeignKey(Domain, models.CASCADE, db_column="domain", db_constraint=False)
    created = SecondsField(default=timezone.now, db_default=UNKNOWN_MOMENT)
    active = models.BooleanField(default=True, db_default=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "domain_admins"
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["username", "domain", "active"], name="idx_domadm_user_domain_active"
            )
        ]

    def __str__(self):
        return f"{self.username_id}: {self.domain_id}"


class AliasDomainQuerySet(ScopedQuerySet):
    domain_lookup = "pk"

    def manageable_by(self, account):
        rows = super().manageable_by(account)
        if account.is_active and account.is_domain_admin:
            rows = rows.filter(target_domain__in=account.managed_names)
        return rows

    def search(self, text):
        return self.filter(starts_with("pk", text.strip().lower()))


class AliasDomain(models.Model):
    """Each address of ``alias_domain`` without a row of its own is the same name in ``target_domain``."""

    alias_domain = models.OneToOneField(
        Domain,
        models.PROTECT,
        primary_key=True,
        db_column="alias_domain",
        related_name="alias_of",
        verbose_name=_("alias domain"),
    )
    target_domain = models.ForeignKey(
        Domain,
        models.PROTECT,
        db_column="target_domain",
        related_name="alias_domains",
        verbose_name=_("target domain"),
    )
    created = SecondsField(_("created"), default=timezone.now, db_default=UNKNOWN_MOMENT)
    modified = SecondsField(_("changed"), default=timezone.now, db_default=UNKNOWN_MOMENT)
    active = models.BooleanField(_("active"), default=True, db_default=True)
    description = models.CharField(
        _("description"), max_length=255, blank=True, default="", db_default=""
    )

    objects = AliasDomainQuerySet.as_manager()

    class Meta:
        db_table = "alias_domain"
        default_permissions = ()
        verbose_name = _("alias domain")
        verbose_name_plural = _("alias domains")
        indexes = [models.Index(fields=["active"], name="active")]

    def __str__(self):
        return display_domain(self.alias_domain_id)

    def clean(self):
        source, target = self.alias_domain_id, self.target_domain_id
        if not source or not target:
            return
        # A chain that another program stored may stay, or be deactivated.
        if is_unchanged(self, "target_domain_id", *(["active"] if self.active else [])):
            return
        errors = {}
        if source == target:
            errors["target_domain"] = ValidationError(
                _("A domain cannot be its own target."), "itself"
            )
        elif AliasDomain.objects.filter(pk=target).exists():
            errors["target_domain"] = ValidationError(
                _("%(domain)s is itself an alias domain. Choose the domain it leads to."),
                "chain",
                {"domain": self.target_domain},
            )
        if source != target and AliasDomain.objects.filter(target_domain=source).exists():
            errors["alias_domain"] = ValidationError(
                _("Other alias domains lead to %(domain)s, so it cannot lead elsewhere."),
                "chain",
                {"domain": self.alias_domain},
            )
        refuse(errors)


class Word(models.Model):
    """A word by which a search finds a row, kept by database triggers whoever writes (mailboxes/sql/).

    ``row_key`` is the row's primary key. ``kind``: ``mailbox`` (the words of local part and name), ``alias`` (local
    part, description, targets), ``forwarding`` (the targets of a mailbox's own alias), ``domain`` (name, description,
    administrators) or ``admin``. ``domain`` is the row's, empty for an administrator. On MariaDB a word is compared without capitals and accents.
    """

    pk = models.CompositePrimaryKey("row_key", "kind", "word")
    row_key = KeyField()
    kind = KeyField(max_length=12)
    word = WordField(max_length=64)
    domain = KeyField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "word"
        default_permissions = ()
        indexes = [
            models.Index(fields=["kind", "word", "row_key"], name="word_found"),
            models.Index(fields=["kind", "domain", "word", "row_key"], name="word_in_domain"),
        ]

    def __str__(self):
        return f"{self.word}: {self.row_key}"

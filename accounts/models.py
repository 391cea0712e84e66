from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Value
from django.db.models.functions import Cast, Now, Substr
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts import passwords
from accounts.event_rows import Event as Event
from accounts.event_rows import EventLock as EventLock
from accounts.event_rows import Webhook as Webhook
from accounts.event_rows import WebhookAnswer as WebhookAnswer
from accounts.factor_rows import FactorException as FactorException
from accounts.factor_rows import Passkey as Passkey
from accounts.factor_rows import RecoveryCode as RecoveryCode
from accounts.factor_rows import SecondFactor as SecondFactor
from accounts.letter_rows import LetterText as LetterText
from accounts.link_rows import PasswordLink as PasswordLink
from accounts.link_rows import SignInLink as SignInLink
from accounts.role_rows import DomainRole as DomainRole
from accounts.session_rows import PanelSession as PanelSession
from accounts.time_zones import zone_named
from accounts.token_rows import ApiToken as ApiToken
from panel.addresses import display_address
from panel.changes import insert_many
from panel.fields import UNKNOWN_MOMENT, KeyField, SecondsField, ShortTextField
from panel.locks import CountedLock
from panel.log_actions import WRITTEN, name_and_client
from panel.prepared import prepared_union
from panel.scoping import (
    ScopedQuerySet,
    SuperadminQuerySet,
    managed_by,
    refuse_beyond_role,
)

NAMED = 3  # of an administrator's domains, in a list


class Account(AbstractBaseUser):
    """What administrators and mailbox users have in common: a name, a password, a state.

    Two tables and two passwords: a mailbox password never opens an administrator's account.
    """

    username = KeyField(_("login name"), primary_key=True)
    password = KeyField(_("password"))
    last_login = None
    created = SecondsField(_("created"), default=timezone.now, db_default=UNKNOWN_MOMENT)
    modified = SecondsField(_("changed"), default=timezone.now, db_default=UNKNOWN_MOMENT)
    active = models.BooleanField(_("active"), default=True, db_default=True)
    phone = models.CharField(_("phone"), max_length=30, blank=True, default="", db_default="")
    email_other = models.CharField(
        _("other e-mail address"), max_length=255, blank=True, default="", db_default=""
    )
    token = models.CharField(max_length=255, default="", db_default="", editable=False)
    token_validity = SecondsField(default=timezone.now, db_default=UNKNOWN_MOMENT, editable=False)
    totp_secret = models.CharField(max_length=255, null=True, blank=True, editable=False)
    # Ours: how the person likes the pages. Nothing chosen: the browser's, the system's and the list's own.
    language = models.CharField(
        max_length=10, blank=True, default="", db_default="", editable=False
    )
    theme = models.CharField(max_length=6, blank=True, default="", db_default="", editable=False)
    page_size = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    time_zone = models.CharField(
        max_length=40, blank=True, default="", db_default="", editable=False
    )
    must_change = models.BooleanField(
        _("must change the password"), default=False, db_default=False
    )
    # Ours: what the account's passkeys know it by, 64 random bytes as hexadecimal digits. Empty: it has no passkey.
    passkey_handle = KeyField(max_length=128, blank=True, default="", db_default="", editable=False)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = []

    is_superadmin = False
    is_domain_admin = False
    is_mailbox_user = False
    is_reseller = False
    account_kind = "admin"
    has_own_sign_in = True
    domain_names = ()
    scope_domains = ()
    domain_roles = {}  # what may be done there, where it is less than a domain admin may
    right = None  # what the page or the operation needs that is being done: panel/rights.py
    client_ip = None
    by_token = ""  # the name of the API token by which it acts
    token_rights = None  # those of that token
    token_domains = None  # those to which that token is limited; None: to none
    recorded = None  # a list that gets what is written to the log for it: panel/api/writing.py
    proofs = {}  # of this request, what the DNS said of domains that it makes: domains/resellers.py
    challenges_of = ""  # the browser that challenges are made for: accounts/challenges.py

    class Meta:
        abstract = True

    def __str__(self):
        return display_address(self.username)

    def clean(self):
        # The name stays as stored: Django would normalise it to NFKC, which is another primary key.
        pass

    @property
    def is_active(self):
        return self.active

    @property
    def managed_names(self):
        return managed_by(self)

    @property
    def zone(self):
        """The time zone that the person's days are meant in: TIME_ZONE where none is chosen."""
        return zone_named(self.time_zone)

    @property
    def password_until(self):
        """When the lifetime of the password ends; None: never."""
        return None

    @property
    def must_set_password(self):
        """Whether the account can do nothing here but set another password."""
        until = self.password_until
        return self.must_change or (until is not None and until <= timezone.now())

    @property
    def person(self):
        """The account whose password and second factor are asked for, where a page asks for them."""
        return self

    @property
    def has_second_factor(self):
        return bool(self.totp_secret or self.passkey_handle)

    def set_password(self, raw_password):
        self.password = passwords.hash_password(raw_password)

    def check_password(self, raw_password):
        return passwords.verify_password(raw_password, self.password, self.username)[0]

    def _get_session_auth_hash(self, secret=None):
        """Sessions end with a new password, as Django's do, and with a second factor that is new or taken away.

        Once it is off, the hash is that of before it was on: a session that is older, and asked for nothing meanwhile, goes on.
        """
        shown = [*filter(None, [self.totp_secret, self.passkey_handle])]
        if not shown:
            return super()._get_session_auth_hash(secret)
        value = "\n".join([self.password, *shown])
        return salted_hmac("second factor", value, secret=secret, algorithm="sha256").hexdigest()


class AdminQuerySet(SuperadminQuerySet):
    def with_own_sign_in(self):
        """Those that may sign in by a password, or what stands for one; the others sign in with their mailbox."""
        return self.filter(active=True, mailbox=None)

    def without_idle_managers(self):
        """Without those whose mailbox is not there any more, or is in a domain that they do not manage."""
        links = Admin.domains.through.objects.filter(username=models.OuterRef("pk"), active=True)
        managed = links.filter(domain__mailbox=models.OuterRef("mailbox"))
        return self.filter(models.Q(mailbox=None) | models.Exists(managed))

    def superadmins(self, wanted=True):
        """Whoever signs in with a mailbox is none, whatever another program stored."""
        rows = models.Q(superadmin=True, mailbox=None)
        return self.filter(rows if wanted else ~rows)

    def with_domain_count(self):
        return self.annotate(domain_count=models.Count("domainadmin__domain", distinct=True))

    def with_domains(self):
        """Adds ``domain_count``, and the first NAMED names of them as ``domain_0`` and so on."""
        links = Admin.domains.through.objects.filter(username=models.OuterRef("pk"))
        names = links.order_by("domain").values("domain").distinct()
        first = {f"domain_{n}": models.Subquery(names[n : n + 1]) for n in range(NAMED)}
        return self.with_domain_count().annotate(**first)

    def names_at(self, *domains):
        names = self.filter(domains__in=domains).order_by("pk").values_list("pk", flat=True)
        return names.distinct()


class AdminManager(models.Manager.from_queryset(AdminQuerySet)):
    def get_by_natural_key(self, username):
        return self.get(username=username.lower())


class Admin(Account):
    superadmin = models.BooleanField(
        _("superadmin"),
        default=False,
        db_default=False,
        help_text=_("May do everything, in every domain."),
    )
    # Ours: may create domains, whose limits together are at most these; None is unlimited (domains/resellers.py).
    reseller = models.BooleanField(_("reseller"), default=False, db_default=False)
    max_domains = models.PositiveIntegerField(_("domains"), null=True, blank=True)
    max_mailboxes = models.PositiveIntegerField(_("mailboxes"), null=True, blank=True)
    max_storage = models.PositiveBigIntegerField(_("storage, MB"), null=True, blank=True)
    # Ours: the address of the mailbox whose user this is, who signs in there and manages only its domain (accounts/managers.py). None: has a
    # sign-in of its own.
    mailbox = KeyField(_("mailbox"), null=True, blank=True)

    objects = AdminManager()

    signed_in_by = None  # the mailbox with which the session of whoever has no other sign-in began

    class Meta:
        db_table = "admin"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["mailbox"], name="admin_mailbox")]
        verbose_name = _("administrator")
        verbose_name_plural = _("administrators")

    def get_absolute_url(self):
        return reverse("admin", args=[self.pk])

    @property
    def has_own_sign_in(self):
        return self.mailbox is None

    @property
    def is_superadmin(self):
        return self.superadmin and self.has_own_sign_in

    @property
    def is_domain_admin(self):
        return not self.is_superadmin

    @property
    def is_reseller(self):
        return self.reseller and self.has_own_sign_in and not self.superadmin

    @property
    def scope_domains(self):
        return () if self.is_superadmin else self.domain_names

    @property
    def own_domain(self):
        """Of whoever signs in with a mailbox, the only domain that it can manage."""
        return (self.mailbox or "").rpartition("@")[2]

    @property
    def person(self):
        mailbox = self.signed_in_by
        if mailbox is None:
            return self
        mailbox.client_ip, mailbox.challenges_of = self.client_ip, self.challenges_of
        return mailbox

    @property
    def has_second_factor(self):
        if self.has_own_sign_in:
            return super().has_second_factor
        return self.signed_in_by is not None and self.signed_in_by.has_second_factor

    @property
    def must_set_password(self):
        return self.has_own_sign_in and super().must_set_password

    @property
    def assigned(self):
        return self.domains.order_by("pk").values_list("pk", flat=True).distinct()

    @cached_property
    def domain_names(self):
        names = {domain for domain, role in self._links if not role}
        return tuple(sorted(names if self.has_own_sign_in else names & {self.own_domain}))

    @cached_property
    def domain_roles(self):
        names = set(self.domain_names)
        return {domain: role for domain, role in self._links if role and domain in names}

    @cached_property
    def _links(self):
        return _links_of(self.pk)

    def forget_domains(self):
        """Let them be read anew: there are others since."""
        for name in ("domain_names", "domain_roles", "_links"):
            self.__dict__.pop(name, None)


@prepared_union
def _links_of(admin):
    """(domain, "") of each that is assigned, and (domain, role) of the roles: of domains that are not assigned, too."""
    links = Admin(pk=admin).domainadmin_set.filter(active=True).exclude(domain="ALL")
    return [
        links.annotate(nothing=Value("")).values_list("domain", "nothing"),
        DomainRole.objects.filter(username=admin).values_list("domain", "role"),
    ]


class LogQuerySet(ScopedQuerySet):
    def stored(self):
        """The columns that pages show, without model instances; ``stored`` is the JSON text of the
        changes, or None."""
        rows = self.annotate(stored=Cast("changes", models.TextField()))
        columns = ("pk", "timestamp", "username", "domain", "action", "data", "stored")
        return rows.values_list(*columns, named=True)

    def record(self, actor, action, *, domain="", target, changes=None):
        """Write what ``actor`` did, in the caller's transaction: the entry exists if the change does.

        ``actor`` is an Admin, a Mailbox, or None for the command line. ``action`` is one of
        panel/log_actions.py (``create_mailbox``); ``changes`` maps a field to ``[old, new]`` and
        never holds a secret. Names are copied, so that the entry outlives the rows.
        """
        entry = self.entry(actor, action, domain=domain, target=target, changes=changes)
        entry.save(force_insert=True)
        return entry

    def record_many(self, actor, action, *, domain, changes):
        entries = [
            self.entry(actor, action, domain=domain, target=target, changes=changed)
            for target, changed in changes.items()
        ]
        for entry in entries:
            entry.timestamp = entries[0].timestamp
        insert_many(entries)
        insert_many([*map(Event.of, entries)])

    def entry(self, actor, action, *, domain="", target, changes=None):
        if action not in WRITTEN:
            raise ValueError(f"{action} is no action of panel/log_actions.py")
        refuse_beyond_role(actor, action, domain)
        if actor is None:
            who = "CLI (localhost)"
        else:
            token = f", token {actor.by_token}" if actor.by_token else ""
            who = f"{actor.username} ({actor.client_ip or 'localhost'}{token})"
        entry = self.model(
            timestamp=timezone.now(),
            username=who[:255],
            domain=domain,
            action=action,
            data=target,
            changes=changes or None,
        )
        if actor is not None and actor.recorded is not None:
            actor.recorded.append(entry)
        return entry

    def visible_to(self, account):
        return self.in_domains(account, account.scope_domains)


class LogEntry(models.Model):
    id = models.AutoField(primary_key=True)
    timestamp = SecondsField(_("when"), default=timezone.now, db_default=UNKNOWN_MOMENT)
    username = KeyField(_("who"))
    domain = KeyField(_("domain"), blank=True)
    action = KeyField(_("action"))
    data = ShortTextField(_("object"))
    changes = models.JSONField(_("changes"), null=True, blank=True)
    # What an index can hold of ``data``: all of an address.
    about = models.GeneratedField(
        expression=Substr("data", 1, 255), output_field=KeyField(), db_persist=True
    )

    objects = LogQuerySet.as_manager()

    class Meta:
        db_table = "log"
        default_permissions = ()
        verbose_name = _("log entry")
        verbose_name_plural = _("log")
        indexes = [
            models.Index(fields=["timestamp"], name="timestamp"),
            models.Index(fields=["domain", "timestamp"], name="domain_timestamp"),
            models.Index(fields=["username", "timestamp"], name="log_username_timestamp"),
            models.Index(fields=["action", "timestamp"], name="log_action_timestamp"),
            models.Index(fields=["domain", "action", "timestamp"], name="log_domain_action"),
            models.Index(fields=["about", "timestamp"], name="log_about"),
        ]

    def __str__(self):
        return f"{self.timestamp:%Y-%m-%d %H:%M:%S} {self.username}: {self.action} {self.data}"

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise ValidationError("Log entries are never changed.", code="immutable")
        with transaction.atomic(savepoint=False):
            super().save(*args, **kwargs)
            Event.of(self).save(force_insert=True)

    @property
    def actor(self):
        return name_and_client(self.username)[0]

    @property
    def address(self):
        return name_and_client(self.username)[1]


class LoginAttempt(models.Model):
    source = KeyField(primary_key=True)
    failures = models.PositiveIntegerField(default=0, db_default=0)
    since = SecondsField(default=timezone.now)

    class Meta:
        db_table = "login_attempt"
        default_permissions = ()
        indexes = [models.Index(fields=["since"], name="login_attempt_since")]

    def __str__(self):
        return f"{self.source}: {self.failures}"


class SuperadminLock(CountedLock):
    """Taken first by every change that may remove a superadmin: one must remain."""

    class Meta:
        db_table = "superadmin_lock"
        default_permissions = ()


class Adoption(models.Model):
    """A row while PostfixAdmin works on the same tables, from `manage.py adopt --apply` to `--finish`.

    ``old_tables`` names the database that keeps its own tables of before.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    old_tables = models.CharField(max_length=64)
    since = SecondsField(db_default=Now())

    class Meta:
        db_table = "adoption"
        default_permissions = ()

    def __str__(self):
        return self.old_tables

"""The delivery log: what became of each message, by recipient. Written by `manage.py deliveries` (mailadmin/deliveries/), read by pages."""

from datetime import timedelta

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from panel.addresses import without_extension
from panel.fields import ByteForByteMixin, KeyField, SecondsField, ShortTextField
from panel.scoping import ScopedQuerySet, starts_with

ALL = ""  # as a domain: rows of the whole server; as an address: all rows of the domain
UNKNOWN = "?"  # as a sender: its line was written before the log was followed
IN, OUT, LOCAL = "in", "out", "local"
DELIVERED, DEFERRED, REFUSED, BOUNCED, EXPIRED = (
    *("delivered", "deferred", "refused"),
    *("bounced", "expired"),
)
RESULTS = {
    DELIVERED: _("Delivered"),
    DEFERRED: _("Waiting"),
    REFUSED: _("Refused"),
    BOUNCED: _("Returned"),
    EXPIRED: _("Given up"),
}
# Whose domain is one of ours, for Delivery.ours; WROTE: the login wrote to this very address, so its side may see the row.
SENDER, ASKED, RECIPIENT, WROTE = 1, 2, 4, 8
WORDS = 500  # characters of what the other side said


class OutsideText(ByteForByteMixin, models.CharField):
    """A short text from outside, that the writer cuts."""

    def __init__(self, *args, max_length, **kwargs):
        super().__init__(*args, max_length=max_length, **kwargs | {"default": "", "db_default": ""})


class DeliveryQuerySet(ScopedQuerySet):
    """An administrator sees what their domains sent, signed in, or received; a mailbox user, where that is on, what they did themselves.

    Of a domain or a mailbox that had other people before, the mail of these is not shown. What of a row its side is told:
    mailadmin/deliveries/sides.py.
    """

    def in_domains(self, account, names):
        if account.is_active and account.is_domain_admin and not account.is_superadmin:
            made = apps.get_model("domains", "Domain").objects.filter(
                pk=OuterRef("domain"), created__lte=OuterRef(OuterRef("at"))
            )
            return self._with_key(Exists(made), domain__in=names, address=ALL)
        return super().in_domains(account, names)

    def visible_to(self, account):
        if not account.is_mailbox_user:
            return super().visible_to(account)
        if not (account.is_active and settings.DELIVERIES_FOR_USERS):
            return self.none()
        own = account.username
        rows = self.filter(_received(own) | _wrote(own), at__gte=account.created)
        return rows._with_key(domain=account.domain_id, address=own)

    def _with_key(self, *conditions, **asked):
        keys = DeliveryKey.objects.filter(*conditions, delivery=OuterRef("pk"), **asked)
        return self.filter(Exists(keys))


def _received(own):
    local_part, _at, domain = own.rpartition("@")
    with_tag = starts_with("recipient", local_part + settings.RECIPIENT_DELIMITER)
    # ann-mary@ is no tag of ann@ if there is such a mailbox.
    others = apps.get_model("mailboxes", "Mailbox").objects.filter(pk=OuterRef("recipient"))
    tagged = with_tag & Q(recipient__endswith=f"@{domain}") & ~Exists(others)
    return Q(recipient=own) | Q(asked=own) | tagged


def _wrote(own):
    return Q(login=own, ours__gte=WROTE)  # the highest of its bits


class Delivery(models.Model):
    """One recipient of one message, or one recipient that was refused.

    ``at`` is when it was tried first, ``changed`` when it was tried last. ``asked`` is the address that was written to, if aliases led
    elsewhere from there. ``login`` is who signed in to send it, ``place`` where Dovecot put it. ``ours`` says which of its
    addresses had a domain of ours (SENDER, ASKED, RECIPIENT), and WROTE: by it the keys are found again that belong to a row.
    """

    at = SecondsField()
    changed = SecondsField()
    queue_id = OutsideText(max_length=30)
    message_id = OutsideText(max_length=255)
    sender = OutsideText(max_length=255)
    asked = OutsideText(max_length=255)
    recipient = OutsideText(max_length=255)
    login = OutsideText(max_length=255)
    direction = OutsideText(max_length=5)
    result = OutsideText(max_length=9)
    dsn = OutsideText(max_length=11)
    says = OutsideText(max_length=WORDS)
    relay = OutsideText(max_length=150)
    client = OutsideText(max_length=150)
    tls = OutsideText(max_length=100)
    place = OutsideText(max_length=200)
    size = models.BigIntegerField(null=True)
    tries = models.IntegerField(default=1, db_default=1)
    ours = models.PositiveSmallIntegerField(default=0, db_default=0)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        db_table = "delivery"
        default_permissions = ()
        indexes = [
            models.Index(fields=["at"], name="delivery_at"),
            models.Index(fields=["message_id"], name="delivery_message_id"),
            models.Index(fields=["queue_id"], name="delivery_queue_id"),
        ]

    def __str__(self):
        return f"{self.queue_id}: {self.recipient} {self.result}"


def found_under(row):
    """{(domain, address)} under which it is found: of each side all rows, and each address that this side may know.

    Who only wrote a domain of ours as the sender has no side: anybody may.
    """
    sides = {}
    for part, own, known in (
        (RECIPIENT, row.recipient, {row.sender, row.asked, row.recipient}),
        (ASKED, row.asked, {row.sender, row.asked}),
        (WROTE, row.login, {row.sender, row.login, row.recipient}),
    ):
        if row.ours & part:
            sides.setdefault(own.rpartition("@")[2], set()).update(known)
    found = set()
    for domain, known in sides.items():
        found |= {(domain, text) for text in (ALL, *_with_bare(known, sides))}
    everything = _with_bare({row.sender, row.asked, row.recipient, row.login}, sides)
    # Under ALL superadmins find what is not found under its own domain.
    return found | {
        (ALL, text) for text in everything if (text.rpartition("@")[2], text) not in found
    }


def _with_bare(addresses, domains):
    """Mail for ann+lists@ is found as Ann's, too."""
    known = addresses - {"", UNKNOWN}
    ours = {text for text in known if "@" in text and text.rpartition("@")[2] in domains}
    return known | set(map(without_extension, ours))


class DeliveryKey(models.Model):
    """A row of the delivery log under a domain of ours (or ALL) and an address in it (or ALL), so that each search is one range."""

    pk = models.CompositePrimaryKey("domain", "address", "delivery")
    domain = KeyField()
    address = KeyField()
    delivery = models.BigIntegerField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "delivery_key"
        default_permissions = ()

    def __str__(self):
        return f"{self.domain} {self.address} {self.delivery}"


class DeliveryDay(models.Model):
    """What a domain, or with ALL the whole server, received and sent on a day, by recipient.

    ``left_out`` were too many to be kept, ``unread`` are lines that could not be understood: of the whole server alone.
    """

    pk = models.CompositePrimaryKey("domain", "day")
    domain = KeyField()
    day = models.DateField()
    incoming = models.IntegerField(default=0, db_default=0)
    outgoing = models.IntegerField(default=0, db_default=0)
    refused = models.IntegerField(default=0, db_default=0)
    deferred = models.IntegerField(default=0, db_default=0)
    bounced = models.IntegerField(default=0, db_default=0)
    left_out = models.IntegerField(default=0, db_default=0)
    unread = models.IntegerField(default=0, db_default=0)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "delivery_day"
        default_permissions = ()
        indexes = [models.Index(fields=["day"], name="delivery_day_day")]

    def __str__(self):
        return f"{self.domain or 'all domains'} on {self.day}"


class SenderDay(models.Model):
    """To how many recipients a login, or a local program's user as ``uid 33``, sent on a day.

    ``unusual``: that was far more than on any day before (mailadmin/deliveries/senders.py), of which ``most`` had the most.
    """

    pk = models.CompositePrimaryKey("sender", "day")
    sender = KeyField()
    day = models.DateField()
    domain = KeyField()
    recipients = models.IntegerField(default=0, db_default=0)
    unusual = models.BooleanField(default=False, db_default=False)
    most = models.IntegerField(default=0, db_default=0)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "sender_day"
        default_permissions = ()
        indexes = [models.Index(fields=["unusual", "day", "domain"], name="sender_day_unusual")]

    def __str__(self):
        return f"{self.sender} on {self.day}: {self.recipients}"


def forget_figures(domain):
    """What pages show, and the alarm compares with, of the people who had ``domain``."""
    DeliveryDay.objects.filter(domain=domain).delete()
    lately = timezone.localdate() - timedelta(days=31)
    # Both of ``unusual``: its index has the day and the domain.
    SenderDay.objects.filter(unusual__in=(False, True), day__gte=lately, domain=domain).delete()


class OpenMail(models.Model):
    """What the follower of ``host`` knows of a message that is not done yet, so that it may stop at any line."""

    pk = models.CompositePrimaryKey("host", "key")
    host = KeyField(max_length=64)
    key = KeyField(max_length=100)
    at = SecondsField()
    facts = ShortTextField()

    class Meta:
        db_table = "open_mail"
        default_permissions = ()

    def __str__(self):
        return f"{self.host} {self.key}"


class LogPosition(models.Model):
    """How far a log is followed: stored with the rows of its lines, so that none is missing and none is there twice.

    ``looked`` is when its end was looked at last, ``behind`` how many seconds ago the line was written that was read then.
    """

    pk = models.CompositePrimaryKey("host", "source")
    host = KeyField(max_length=64)
    source = KeyField()
    place = models.JSONField(default=dict)
    at = SecondsField(null=True)
    looked = SecondsField()
    behind = models.IntegerField(default=0, db_default=0)
    stored = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "log_position"
        default_permissions = ()

    def __str__(self):
        return f"{self.host} {self.source}"

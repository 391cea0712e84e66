"""The delivery log: what became of each message, by recipient. Written by `manage.py deliveries` (mailadmin/deliveries/), read by pages."""

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from panel.addresses import without_extension
from panel.fields import ByteForByteMixin, KeyField, SecondsField, ShortTextField
from panel.scoping import ScopedQuerySet

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
# Whose domain is one of ours, for Delivery.ours.
SENDER, ASKED, RECIPIENT = 1, 2, 4
WORDS = 500  # characters of what the other side said


class OutsideText(ByteForByteMixin, models.CharField):
    """A short text from outside, that the writer cuts."""

    def __init__(self, *args, max_length, **kwargs):
        super().__init__(*args, max_length=max_length, **kwargs | {"default": "", "db_default": ""})


class DeliveryQuerySet(ScopedQuerySet):
    """An administrator sees what has one of their domains in it; a mailbox user, where that is on, what has their address.

    Of a domain or a mailbox that had other people before, the mail of these is not shown.
    """

    def manageable_by(self, account):
        if account.is_active and account.is_domain_admin and not account.is_superadmin:
            made = apps.get_model("domains", "Domain").objects.filter(
                pk=OuterRef("domain"), created__lte=OuterRef(OuterRef("at"))
            )
            return self._with_key(Exists(made), domain__in=account.domain_names, address=ALL)
        return super().manageable_by(account)

    def visible_to(self, account):
        if not account.is_mailbox_user:
            return self.manageable_by(account)
        if not (account.is_active and settings.DELIVERIES_FOR_USERS):
            return self.none()
        rows = self.filter(at__gte=account.created)
        return rows._with_key(domain=account.domain_id, address=account.username)

    def _with_key(self, *conditions, **asked):
        keys = DeliveryKey.objects.filter(*conditions, delivery=OuterRef("pk"), **asked)
        return self.filter(Exists(keys))


class Delivery(models.Model):
    """One recipient of one message, or one recipient that was refused.

    ``at`` is when it was tried first, ``changed`` when it was tried last. ``asked`` is the address that was written to, if aliases led
    elsewhere from there. ``login`` is who signed in to send it, ``place`` where Dovecot put it. ``ours`` says which of its
    addresses had a domain of ours (SENDER, ASKED, RECIPIENT): by it the keys are found again that belong to a row.
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

    def found_under(self):
        """{(domain, address)} under which it is found: of each domain of ours in it, all rows and each of its addresses."""
        parts = {SENDER: self.sender, ASKED: self.asked, RECIPIENT: self.recipient}
        addresses = {text for text in (*parts.values(), self.login) if text and text != UNKNOWN}
        domains = {text.rpartition("@")[2] for part, text in parts.items() if self.ours & part}
        if "@" in self.login and self.ours & SENDER:
            domains.add(self.login.rpartition("@")[2])
        # Mail for ann+lists@ is Ann's, too.
        ours = [text for text in addresses if "@" in text and text.rpartition("@")[2] in domains]
        addresses |= set(map(without_extension, ours))
        found = {(domain, address) for domain in domains for address in (ALL, *addresses)}
        # An address of ours is asked for in its own domain, others in all.
        return found | {(ALL, text) for text in addresses if text.rpartition("@")[2] not in domains}


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

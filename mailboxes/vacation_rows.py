"""Away messages, in PostfixAdmin's table: sql/sieve.sql makes of each the Sieve script by which Dovecot answers."""

from datetime import UTC, datetime, timedelta

from django.db import models
from django.utils import timezone

from panel.fields import UNKNOWN_MOMENT, KeyField, SecondsField, ShortTextField
from panel.scoping import ScopedQuerySet

NO_END = datetime(2038, 1, 18, tzinfo=UTC)  # PostfixAdmin's, whatever the time zone
OFF, COMING, ON, OVER = "off", "coming", "on", "over"


class VacationQuerySet(ScopedQuerySet):
    domain_lookup = "email__domain"
    owner_lookup = "email"

    def answering(self):
        now = timezone.now()
        return self.filter(active=True, activefrom__lte=now, activeuntil__gte=now)


class Vacation(models.Model):
    """``interval_time`` is in seconds: how long who was answered gets no other answer. 0: as long as possible.

    ``activefrom`` and ``activeuntil`` are the first and the last second; UNKNOWN_MOMENT and NO_END are no limit.
    """

    email = models.OneToOneField(
        "mailboxes.Mailbox",
        models.DO_NOTHING,
        primary_key=True,
        db_column="email",
        db_constraint=False,
        related_name="vacation",
    )
    subject = models.CharField(max_length=255, default="", db_default="")
    body = ShortTextField(default="", db_default="")
    cache = ShortTextField(default="", db_default="", editable=False)  # nobody reads it
    domain = KeyField(default="", db_default="")
    created = SecondsField(default=timezone.now, db_default=UNKNOWN_MOMENT)
    active = models.BooleanField(default=True, db_default=True)
    modified = SecondsField(default=timezone.now, db_default=UNKNOWN_MOMENT)
    activefrom = SecondsField(default=UNKNOWN_MOMENT, db_default=UNKNOWN_MOMENT)
    activeuntil = SecondsField(default=NO_END, db_default=NO_END)
    interval_time = models.IntegerField(default=0, db_default=0)

    objects = VacationQuerySet.as_manager()

    class Meta:
        db_table = "vacation"
        default_permissions = ()

    def __str__(self):
        return f"{self.pk}: {self.subject}"

    @property
    def state(self):
        now = timezone.now()
        if not self.active:
            return OFF
        if now < self.activefrom:
            return COMING
        return ON if now <= self.activeuntil else OVER

    @property
    def begins(self):
        return self.activefrom > UNKNOWN_MOMENT + timedelta(days=1)

    @property
    def ends(self):
        return self.activeuntil < NO_END - timedelta(days=1)

    def first_day(self, zone):
        return timezone.localdate(self.activefrom, zone) if self.begins else None

    def last_day(self, zone):
        return timezone.localdate(self.activeuntil, zone) if self.ends else None

    def filled(self, text, zone):
        """``text``, of the subject or the body, with the days where PostfixAdmin's marks for them stand."""
        for mark, day in (
            ("<%From_Date>", self.first_day(zone)),
            ("<%Until_Date>", self.last_day(zone)),
        ):
            text = text.replace(mark, day.isoformat() if day else "")
        return text

"""Events, for programs that follow what happens here: `manage.py events`, and webhooks, which are told by https (docs/webhooks.md)."""

from datetime import timedelta
from uuid import uuid4

from django.db import models
from django.utils import timezone

from panel.fields import KeyField, SecondsField, ShortTextField
from panel.locks import CountedLock
from panel.log_actions import kind_of

LATE = timedelta(minutes=1)  # after which nobody seems to send what was asked for


class Event(models.Model):
    """What an entry of the log says, written in its transaction, and kept for EVENTS_DAYS.

    ``number`` is given after the commit (events.number()), in an order in which none appears later below another: an ``id`` may, for
    its transaction may take longer. ``name`` is what receivers know it by.
    """

    # Not unique: MariaDB would let no new row in while others get their numbers.
    number = models.BigIntegerField(null=True, db_index=True)
    name = KeyField(max_length=36)
    at = SecondsField()
    username = KeyField()
    domain = KeyField(blank=True)
    action = KeyField()
    data = ShortTextField()
    changes = models.JSONField(null=True)

    class Meta:
        db_table = "event"
        default_permissions = ()
        indexes = [
            models.Index(fields=["at"], name="event_at"),
            models.Index(fields=["name"], name="event_name"),
        ]

    def __str__(self):
        return f"{self.action} {self.data}"

    @classmethod
    def of(cls, entry):
        return cls(
            name=new_name(),
            at=entry.timestamp,
            username=entry.username,
            domain=entry.domain,
            action=entry.action,
            data=entry.data,
            changes=entry.changes,
        )

    @property
    def kind(self):
        return kind_of(self.action, self.domain)


def new_name():
    return f"evt_{uuid4().hex}"


class EventLock(CountedLock):
    """Taken by whoever gives numbers. ``last`` is the highest that was given: its event may be forgotten by now."""

    last = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "event_lock"
        default_permissions = ()


class WebhookQuerySet(models.QuerySet):
    def owned_by(self, account):
        # A mailbox of the same name is somebody else; so is an account that another program made after it deleted this one.
        owner = "" if account.is_mailbox_user else account.pk
        return self.filter(owner=owner, made__gte=account.created - timedelta(days=1))

    def of(self, account):
        """Those of ``account``; by a token that is limited to domains, those that are told of nothing beyond these."""
        rows, limit = self.owned_by(account), account.token_domains
        if limit is None:
            return rows
        within = [row.pk for row in rows if row.domain_names and {*row.domain_names} <= {*limit}]
        return rows.filter(pk__in=within)


class Webhook(models.Model):
    """Where an administrator's events are sent. ``events`` are kinds and actions, ``domains`` names, with commas between; no domains: all of
    the owner's. ``secret`` is encrypted (totp.sealed).

    ``position`` is the number of the last event that was sent or left out. While ``failures`` go on, since ``failing_since``, nothing is
    tried before ``next_try``. ``ended``: why it was switched off by itself. ``runner`` has it until ``busy_until``, and nobody else
    sends meanwhile.
    """

    owner = KeyField()
    url = ShortTextField()
    secret = models.CharField(max_length=255)
    events = ShortTextField()
    domains = ShortTextField(default="")
    active = models.BooleanField(default=True)
    made = SecondsField(default=timezone.now)
    position = models.BigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    failing_since = SecondsField(null=True)
    next_try = SecondsField(null=True)
    ended = KeyField(max_length=10, default="")
    runner = KeyField(max_length=32, default="")
    busy_until = SecondsField(null=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        db_table = "webhook"
        default_permissions = ()
        indexes = [models.Index(fields=["owner"], name="webhook_owner")]

    def __str__(self):
        return self.host

    @property
    def host(self):
        """All of the URL that others are told: the rest of it may be a secret of the receiver."""
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def event_names(self):
        return tuple(filter(None, self.events.split(",")))

    @property
    def domain_names(self):
        return tuple(filter(None, self.domains.split(",")))


class WebhookAnswer(models.Model):
    """One attempt to send ``event``, the name of one ("" for a test), and what came of it; ``sent`` None: somebody asked for it, it waits.

    ``status`` None: there was no answer, ``text`` says why. Else ``text`` is the beginning of the answer.
    """

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="answers")
    event = KeyField(max_length=36, default="")
    action = KeyField(default="")
    about = ShortTextField(default="")
    asked = SecondsField(default=timezone.now)
    sent = SecondsField(null=True)
    milliseconds = models.PositiveIntegerField(default=0)
    status = models.PositiveSmallIntegerField(null=True)
    text = ShortTextField(default="")

    class Meta:
        db_table = "webhook_answer"
        default_permissions = ()
        indexes = [
            models.Index(fields=["webhook", "sent"], name="webhook_answer_sent"),
            models.Index(fields=["asked"], name="webhook_answer_asked"),
        ]

    def __str__(self):
        return f"{self.webhook_id}: {self.action} {self.status}"

    @property
    def is_late(self):
        return self.sent is None and self.asked < timezone.now() - LATE

    @property
    def is_good(self):
        return self.status is not None and 200 <= self.status < 300

"""What other servers report: who sends in a domain's name (DMARC), and whether mail to it came encrypted (TLSRPT)."""

from django.db import models
from django.utils import timezone

from panel.fields import KeyField, SecondsField
from panel.scoping import ScopedQuerySet

DMARC, TLS = "dmarc", "tls"
# What a receiver did with mail that failed; as the reports call it.
LET_THROUGH, QUARANTINED, REJECTED = "none", "quarantine", "reject"


class MailReport(models.Model):
    """A report that was counted. ``digest`` is of reporter, its report's name and the domain, so that none counts twice.

    ``messages`` and ``failed`` are messages in a report of DMARC, and sessions in one of TLS.
    """

    digest = KeyField(max_length=64, primary_key=True)
    domain = KeyField()
    day = models.DateField()
    kind = KeyField(max_length=5)
    reporter = models.CharField(max_length=255)
    policy = models.CharField(max_length=255, default="")
    messages = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    received = SecondsField(default=timezone.now)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "mail_report"
        default_permissions = ()
        indexes = [
            models.Index(fields=["domain", "day", "messages"], name="mail_report_most"),
            models.Index(fields=["day"], name="mail_report_day"),
        ]

    def __str__(self):
        return f"{self.domain} on {self.day}, by {self.reporter}"


class ReportDay(models.Model):
    """All reports of a domain about one day together. ``let_through``, ``quarantined`` and ``rejected`` are what became of ``failed``.

    Whoever adds a report holds this row; ``reports`` and ``senders`` count the rows beside it, which are bounded.
    """

    pk = models.CompositePrimaryKey("domain", "day")
    domain = KeyField()
    day = models.DateField()
    passed = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    let_through = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    sessions = models.BigIntegerField(default=0)
    failed_sessions = models.BigIntegerField(default=0)
    reports = models.IntegerField(default=0)
    senders = models.IntegerField(default=0)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "report_day"
        default_permissions = ()
        indexes = [models.Index(fields=["day"], name="report_day_day")]

    def __str__(self):
        return f"{self.domain} on {self.day}"


class ReportedSender(models.Model):
    """Messages in the name of a domain from one address on one day. ``source`` is empty for all beyond what a day keeps.

    ``spf`` and ``dkim``: whether each passed for the domain itself. ``vouched`` is a domain for which one of them passed, or was tried.
    """

    domain = KeyField()
    day = models.DateField()
    source = KeyField(max_length=45)
    spf = models.BooleanField()
    dkim = models.BooleanField()
    failed = models.BooleanField()
    disposition = KeyField(max_length=10)
    vouched = models.CharField(max_length=255, default="")
    messages = models.BigIntegerField(default=0)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "reported_sender"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["domain", "day", "source", "spf", "dkim", "disposition"],
                name="reported_sender_key",
            )
        ]
        indexes = [
            models.Index(fields=["domain", "day", "messages"], name="reported_sender_most"),
            models.Index(
                fields=["domain", "day", "failed", "messages"], name="reported_sender_failed"
            ),
            models.Index(fields=["day"], name="reported_sender_day"),
        ]

    def __str__(self):
        return f"{self.source} as {self.domain} on {self.day}"


class TLSFailure(models.Model):
    """Sessions to a domain's server that failed for one reason (RFC 8460, result-type) on one day."""

    domain = KeyField()
    day = models.DateField()
    reason = KeyField(max_length=64)
    server = KeyField()
    sessions = models.BigIntegerField(default=0)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "tls_failure"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["domain", "day", "reason", "server"], name="tls_failure_key"
            )
        ]
        indexes = [
            models.Index(fields=["domain", "day", "sessions"], name="tls_failure_most"),
            models.Index(fields=["day"], name="tls_failure_day"),
        ]

    def __str__(self):
        return f"{self.server}: {self.reason} on {self.day}"


OF_A_DAY = (MailReport, ReportedSender, TLSFailure)
MODELS = (ReportDay, *OF_A_DAY)


def forget_reports(domain):
    # Without a row of a day there is none of the others.
    if ReportDay.objects.filter(domain=domain).delete()[0]:
        for model in OF_A_DAY:
            model.objects.filter(domain=domain).delete()

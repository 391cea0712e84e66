"""What the last check of a domain's DNS found. Read by pages, so that none of them waits for a resolver."""

from django.db import models
from django.utils import timezone

from panel.fields import SecondsField
from panel.scoping import ScopedQuerySet


class DomainDNSQuerySet(ScopedQuerySet):
    domain_lookup = "pk"

    def with_problems(self):
        return self.filter(problems__gt="")


class DomainDNS(models.Model):
    """One row a domain, and one under MAIL_HOSTNAME, which no domain can have, for this mail server itself.

    ``findings`` are stored domains.dns.findings.Finding; ``problems`` names those that need somebody, such as "MX, SPF".
    ``meant`` are the MX records of which somebody said that they shall lead elsewhere, as a Finding has them.
    ``told`` is what the last mail about changes knew, by Finding.key.
    """

    domain = models.OneToOneField(
        "domains.Domain",
        models.DO_NOTHING,
        primary_key=True,
        db_column="domain",
        db_constraint=False,
        related_name="dns",
    )
    checked = SecondsField(default=timezone.now)
    problems = models.CharField(max_length=100, default="", db_default="")
    findings = models.JSONField(default=list)
    meant = models.JSONField(default=list)
    told = models.JSONField(default=dict)

    objects = DomainDNSQuerySet.as_manager()

    class Meta:
        db_table = "domain_dns"
        default_permissions = ()
        indexes = [models.Index(fields=["problems", "domain"], name="domain_dns_problems")]

    def __str__(self):
        return f"{self.pk}: {self.problems}"

"""Senders that are refused, made to wait or let in: for all mail from outside, or for that to one domain. Read by Postfix:
deploy/postfix/sender_access.cf, sender_lists.cf, domain_senders.cf.

A rule is about an address or about a domain with those below it; the most exact one of a list counts. It is asked on port 25 alone,
and only says whether a sender is refused: what else Postfix asks of a recipient, it asks all the same.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from panel.fields import KeyField
from panel.scoping import ScopedQuerySet, SuperadminQuerySet

REJECT, DEFER, OK = "REJECT", "DEFER", "OK"
MOST = 500  # which one page shows
MOST_OF_DOMAIN = 100

ACTIONS = [
    (REJECT, _("Refuse")),
    (DEFER, _("Refuse for now; the other server tries again")),
    (OK, _("Let in, though a wider rule refuses it")),
]


class SenderRule(models.Model):
    sender = KeyField(primary_key=True)
    action = KeyField(max_length=10, choices=ACTIONS)
    text = models.CharField(max_length=200, blank=True, default="", db_default="")

    objects = SuperadminQuerySet.as_manager()

    class Meta:
        db_table = "sender_rule"
        default_permissions = ()

    def __str__(self):
        return self.sender


class DomainSenderRule(models.Model):
    """A rule for mail to addresses in ``domain``.

    A table of Postfix is asked for the sender or for the recipient, never for both. So the recipient's domain is answered with
    the name of a restriction class, which asks for the sender with its number in front: ``list_number``, the same in all rules
    of a domain, and free again when the last one is gone.
    """

    id = models.AutoField(primary_key=True)
    domain = KeyField()
    list_number = models.SmallIntegerField()
    sender = KeyField()
    action = KeyField(max_length=10, choices=ACTIONS)
    text = models.CharField(max_length=200, blank=True, default="", db_default="")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "domain_sender_rule"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["list_number", "sender"], name="domain_sender_rule_sender"
            )
        ]
        indexes = [models.Index(fields=["domain", "sender"], name="domain_sender_rule_list")]

    def __str__(self):
        return self.sender

"""Senders that are refused, made to wait or let in, for all mail from outside. Read by Postfix: deploy/postfix/sender_access.cf.

A rule is about an address or about a domain with those below it; the most exact one counts. It is asked on port 25 alone,
and only says whether a sender is refused: what else Postfix asks of a recipient, it asks all the same.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from panel.fields import KeyField
from panel.scoping import SuperadminQuerySet

REJECT, DEFER, OK = "REJECT", "DEFER", "OK"
MOST = 500  # which one page shows


class SenderRule(models.Model):
    ACTIONS = [
        (REJECT, _("Refuse")),
        (DEFER, _("Refuse for now; the other server tries again")),
        (OK, _("Let in, though a wider rule refuses it")),
    ]
    sender = KeyField(primary_key=True)
    action = KeyField(max_length=10, choices=ACTIONS)
    text = models.CharField(max_length=200, blank=True, default="", db_default="")

    objects = SuperadminQuerySet.as_manager()

    class Meta:
        db_table = "sender_rule"
        default_permissions = ()

    def __str__(self):
        return self.sender

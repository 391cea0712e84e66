"""Copies of mail (BCC), by the address on the envelope. Read by Postfix: deploy/postfix/recipient_bcc.cf, sender_bcc.cf.

Postfix looks for a copy of each address that mail comes in with, before it expands aliases, and of no copy again: copies
make no loop. Mail that reaches a mailbox by an alias is copied under the alias's address, not the mailbox's.
"""

from django.db import models

from panel.fields import KeyField
from panel.scoping import ScopedQuerySet

TO, FROM = "to", "from"
MOST = 100  # of a domain


class Copy(models.Model):
    """Mail to (or from) ``address``, which is ``@example.org`` for a whole domain, goes to ``goto`` too.

    The answer of Postfix's map only while ``goto`` is a mailbox that is on, or an address elsewhere: a copy that nobody
    takes would be returned to the sender.
    """

    id = models.AutoField(primary_key=True)
    domain = KeyField()
    direction = KeyField(max_length=4, choices=[(TO, TO), (FROM, FROM)])
    address = KeyField()
    goto = KeyField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "mail_copy"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["address", "direction"], name="mail_copy_address")
        ]
        indexes = [models.Index(fields=["domain", "direction", "address"], name="mail_copy_list")]

    def __str__(self):
        return f"{self.direction} {self.address}: {self.goto}"

    @property
    def is_of_domain(self):
        return self.address.startswith("@")

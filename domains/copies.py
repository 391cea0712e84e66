"""Copies of mail (BCC), by the address on the envelope. Read by Postfix: deploy/postfix/recipient_bcc.cf, sender_bcc.cf.

Postfix looks for a copy of each address that mail comes in with, before it expands aliases, and of no copy again: copies
make no loop. Mail that reaches a mailbox by an alias is copied under the alias's address, not the mailbox's.
"""

from django.db import models
from django.db.models.functions import StrIndex, Substr

from panel.addresses import display_address
from panel.fields import KeyField
from panel.paging import COUNT_BOUND
from panel.prepared import padded, prepared
from panel.scoping import ScopedQuerySet, domains_in_sight

TO, FROM = "to", "from"
MOST = 100  # of a domain


class CopyQuerySet(ScopedQuerySet):
    def about(self, addresses, hosts):
        """Of mail to or from ``addresses``, whose domains are ``hosts``, and those that go there. A union: one index for each half."""
        of_them = self.filter(address__in=addresses)
        return of_them.union(self.filter(goto_domain__in=hosts, goto__in=addresses))

    def about_domains(self, names):
        return self.filter(domain__in=names).union(self.filter(goto_domain__in=names))


class Copy(models.Model):
    """Mail to (or from) ``address``, which is ``@example.org`` for a whole domain, goes to ``goto`` too.

    The answer of Postfix's map only while ``goto`` is a mailbox that is on, or an external address: a copy that nobody
    takes would be returned to the sender. It goes with either end: who has that name next has nothing to do with it.
    """

    id = models.AutoField(primary_key=True)
    domain = KeyField()
    direction = KeyField(max_length=4, choices=[(TO, TO), (FROM, FROM)])
    address = KeyField()
    goto = KeyField()
    goto_domain = models.GeneratedField(
        expression=Substr("goto", StrIndex("goto", models.Value("@")) + 1),
        output_field=KeyField(),
        db_persist=True,
    )

    objects = CopyQuerySet.as_manager()

    class Meta:
        db_table = "mail_copy"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["address", "direction"], name="mail_copy_address")
        ]
        indexes = [
            models.Index(fields=["domain", "direction", "address"], name="mail_copy_list"),
            models.Index(fields=["goto_domain", "goto"], name="mail_copy_goto"),
        ]

    def __str__(self):
        return f"mail {self.direction} {self.whose} to {display_address(self.goto)}"

    @property
    def is_of_domain(self):
        return self.address.startswith("@")

    @property
    def whose(self):
        return display_address(self.address).removeprefix("@")


def copies_about(names):
    """The copies that end with mailboxes or aliases, of which ``names`` are all, those in alias domains too.

    A catch-all has the name of the whole domain, whose copies stay.
    """
    names = padded([name for name in names if not name.startswith("@")])
    return _about(*names, *(name.rpartition("@")[2] for name in names)) if names else []


@prepared
def _about(*values):
    half = len(values) // 2
    return Copy.objects.about(values[:half], values[half:])[: COUNT_BOUND + 1]


def ending(actor, copies):
    seen = domains_in_sight(actor, {copy.domain for copy in copies})
    shown = [copy for copy in copies if copy.domain in seen]
    return {"copies_ending": shown, "copies_elsewhere": len(shown) < len(copies)}

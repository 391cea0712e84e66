"""The parts of Postfix's main.cf that are there only while a row needs them, each a block in deploy/postfix/main.cf.

A map that nobody needs would cost every recipient a statement. A row that needs a block has no effect before the file
with it is installed and Postfix reloaded; `manage.py mailconf` writes down which blocks it has written last.
"""

from django.db import models
from django.utils import timezone

from domains.copies import FROM, TO
from panel.fields import KeyField, SecondsField

BACKUP_MX, TRANSPORT, VERIFY = "backup-mx", "transport", "verify-recipients"
RELAY_HOSTS, COPIES_TO, COPIES_FROM = "relay-hosts", "copies-to", "copies-from"
SENDER_ACCESS, DOMAIN_SENDERS = "sender-access", "domain-senders"
RECIPIENT_ACCESS, MEMBERS = "recipient-access", "members"
BLOCKS = (
    *(BACKUP_MX, TRANSPORT, VERIFY, RELAY_HOSTS, COPIES_TO, COPIES_FROM),
    *(SENDER_ACCESS, DOMAIN_SENDERS, RECIPIENT_ACCESS, MEMBERS),
)
OF_COPIES = {TO: COPIES_TO, FROM: COPIES_FROM}


class WrittenBlock(models.Model):
    name = KeyField(max_length=40, primary_key=True)
    written = SecondsField(default=timezone.now)

    class Meta:
        db_table = "written_block"
        default_permissions = ()

    def __str__(self):
        return self.name


def remember(names):
    names = {name for name in BLOCKS if name in names}
    WrittenBlock.objects.exclude(name__in=names).delete()
    known = set(WrittenBlock.objects.values_list("name", flat=True))
    WrittenBlock.objects.bulk_create(WrittenBlock(name=name) for name in sorted(names - known))


def due(names):
    names = set(names)
    if names:
        names -= set(WrittenBlock.objects.filter(name__in=names).values_list("name", flat=True))
    return names


def needed_by(domain):
    needed = set()
    if domain.active and domain.backupmx:
        needed |= {BACKUP_MX, VERIFY} if domain.verify_recipients else {BACKUP_MX}
    if domain.active and domain.hands_on:
        needed.add(TRANSPORT)
    return needed

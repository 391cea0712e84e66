from django.db.models import Count

from domains.models import DomainUsage
from mailboxes.models import Mailbox


def counters():
    return dict(DomainUsage.objects.exclude(mailboxes=0).values_list("domain", "mailboxes"))


def counted():
    return dict(Mailbox.objects.values_list("domain").annotate(number=Count("pk")))

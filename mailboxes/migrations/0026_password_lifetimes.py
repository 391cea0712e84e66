from datetime import UTC, datetime, timedelta

from django.db import migrations
from django.utils import timezone

FIRST_EXPIRY = datetime(2001, 1, 1, tzinfo=UTC)  # before: not known, which is no end
MAX_DAYS = 10**6  # another program may have stored more than a calendar holds


def begin_anew(apps, _schema_editor):
    """For mailboxes whose lifetime is over; again after a kill, for those alone that are left."""
    domains = apps.get_model("domains", "Domain").objects.order_by()
    mailboxes = apps.get_model("mailboxes", "Mailbox").objects
    now = timezone.now()
    lifetimes = domains.filter(password_expiry__gt=0).values_list("password_expiry", flat=True)
    for days in lifetimes.distinct():
        mailboxes.filter(
            domain__in=domains.filter(password_expiry=days).values("pk"),
            password_expiry__range=(FIRST_EXPIRY, now),
        ).update(password_expiry=now + timedelta(days=min(days, MAX_DAYS)))


class Migration(migrations.Migration):
    """Until now nothing read ``mailbox.password_expiry``, and a lifetime that a domain got did not move it: without this
    its users could do nothing but choose another password, and mail would end, too, where it looks at the lifetime."""

    dependencies = [("mailboxes", "0025_passkey")]

    operations = [migrations.RunPython(begin_anew, migrations.RunPython.noop)]

"""Operations on rows that no app's services know: lock, save, log, in one transaction, as those do."""

from django.db import connection

from accounts.models import Admin, LogEntry
from aliases.models import Alias
from domains.models import Domain, RoutingLock
from mailadmin.findings.asking import KEYS
from mailboxes.models import Mailbox, QuotaUsage
from panel.transactions import in_transaction

MODELS = {"admin": Admin, "domain": Domain, "mailbox": Mailbox, "alias": Alias}
ZERO, UNKNOWN = "0000-00-00 00:00:00", "2000-01-01 00:00:00"


@in_transaction
def set_unknown_dates(*, actor, table, key):
    """Let each date 0000-00-00 of a row be the unknown moment."""
    RoutingLock.hold()
    model, changes = MODELS[table], {}
    row = model.objects.select_for_update().get(pk=key)
    dates = [field for field in model._meta.fields if field.get_internal_type() == "DateTimeField"]
    for field in dates:
        # As SQL: Django has no value for such a date.
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET {field.column} = %s WHERE {KEYS[table]} = %s"
                f" AND CAST({field.column} AS CHAR) LIKE '0000%%'",
                [UNKNOWN, key],
            )
            if cursor.rowcount:
                changes[field.name] = [ZERO, UNKNOWN]
    if changes:
        domain = key if table == "domain" else getattr(row, "domain_id", "")
        LogEntry.objects.record(actor, f"edit_{table}", domain=domain, target=key, changes=changes)


@in_transaction
def delete_figures(*, actor, username):
    """Delete what is stored of the use of a mailbox that does not exist; of one that exists, nothing."""
    RoutingLock.hold()
    if Mailbox.objects.filter(pk=username).exists():
        return
    if QuotaUsage.objects.filter(pk=username).delete()[0]:
        domain = username.rpartition("@")[2]
        LogEntry.objects.record(actor, "delete_figures", domain=domain, target=username)

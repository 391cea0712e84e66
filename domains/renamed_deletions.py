"""What the bin has, when a domain gets another name: what was deleted in the domain can be restored in it still, and leads to its new addresses.

Called by domains/renaming.py, in its transaction and under RoutingLock.
"""

from django.db.models import TextField
from django.db.models.functions import Cast

from aliases.access import MOVED
from aliases.models import Alias, OwnAlias, OwnAliasLimit
from domains.models import Copy
from domains.renamed_rows import WRITTEN, batches
from mailboxes.deleted_rows import DOMAIN, TARGETS
from mailboxes.models import Deleted, DeletedRow, SendAs, Share

# What a deleted row says in other columns is no address: a person's name, a directory, a text.
ADDRESSES = {
    *("address", "alias", "alias_domain", "author", "domain", "domain_name", "email", "mailbox"),
    *("email_other", "owner", "person", "sender", "target_domain", "username", "goto", "before"),
    *("after", "gone", "others"),
}
# {table: columns} of what joins somebody with somebody else.
JOINED = {
    SendAs._meta.db_table: ("username", "sender"),
    Share._meta.db_table: ("owner", "person"),
    OwnAlias._meta.db_table: ("username", "address"),
    Copy._meta.db_table: ("address", "goto"),
    TARGETS: ("alias",),
}


def rename_deleted(names, since, now_since):
    """``since`` the domain is there; ``now_since`` it is said to be under its new name, for the bin has another domain of that."""
    own = Deleted.objects.filter(domain=names.old, at__gte=since).exclude(kind=DOMAIN)
    early = list(own.filter(at__lt=now_since).values_list("pk", flat=True))
    for some in batches(early):
        # Who has a name since the true moment is somebody else, which nobody sees any more.
        DeletedRow.objects.filter(deletion__in=some, kind__in=JOINED).delete()
        Deleted.objects.filter(pk__in=some).update(at=now_since)
    own.update(name=names.of_column("name"), domain=names.new)
    rows = _rows_with(names.old).filter(deletion__at__gte=since)
    rows = rows.exclude(deletion__domain=names.old)
    rows = rows.exclude(deletion__domain=names.new, deletion__at__lt=now_since)
    for some in batches(list(rows.values_list("pk", flat=True))):
        changed = []
        for row in DeletedRow.objects.filter(pk__in=some):
            data = {column: _renamed(names, row, column) for column in row.data}
            if data != row.data:
                row.data = data
                changed.append(row)
        DeletedRow.objects.bulk_update(changed, ["data"], batch_size=WRITTEN)


def forget_joined(name):
    """What others shared with a domain that is gone is not shared with the next of its ``name``, whose mailboxes may be older."""
    at, gone = f"@{name}", []
    columns = JOINED | {Alias._meta.db_table: ("address",)}
    rows = _rows_with(at).filter(kind__in=columns).exclude(deletion__domain=name)
    for key, kind, data in rows.values_list("pk", "kind", "data"):
        if any((data.get(column) or "").endswith(at) for column in columns[kind]):
            gone.append(key)
    for some in batches(gone):
        DeletedRow.objects.filter(pk__in=some).delete()


def _rows_with(text):
    rows = DeletedRow.objects.annotate(text=Cast("data", TextField()))
    return rows.filter(text__icontains=text).order_by("pk")


def _renamed(names, row, column):
    value = row.data[column]
    is_limit = row.kind == OwnAliasLimit._meta.db_table and column == "name"
    is_new_address = column == "access_text" and row.data.get("access") == MOVED
    if column not in ADDRESSES and not is_limit and not is_new_address:
        return value
    if isinstance(value, list):
        return [names.of(one) for one in value]
    if isinstance(value, dict):
        return {names.of(key): names.of(one) for key, one in value.items()}
    return names.of_domain(names.of(value)) if isinstance(value, str) else value

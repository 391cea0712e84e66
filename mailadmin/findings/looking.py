from django.urls import reverse
from django.utils import timezone

from aliases.models import Alias, page_of
from mailadmin.findings.asking import as_sql, text
from mailadmin.findings.found import SHOWN
from mailadmin.findings.own import OwnTables
from mailadmin.findings.rows import HERE
from mailboxes.models import Mailbox
from panel.models import FoundRows
from panel.tasks import COUNTED

AT_ONCE = 20_000  # mailboxes and aliases: more are looked at by the command alone
# The pages of what is no alias, by its table.
PAGES = {"mailbox": "mailbox", "admin": "admin", "domain": "domain"}


def is_small():
    return all(
        model.objects.order_by()[: AT_ONCE + 1].count() <= AT_ONCE for model in (Mailbox, Alias)
    )


def look(checks=None):
    source = OwnTables()
    found = [_found(source, check) for check in checks or HERE.values()]
    FoundRows.objects.exclude(pk__in=HERE).delete()
    return found


def _found(source, check):
    query, looked = as_sql(source, check), timezone.now()
    if isinstance(query, str):
        query = source.rows(f"SELECT * FROM ({query}) found LIMIT {COUNTED + 1}") if query else []
    keys = sorted({_key(check, row) for row in query})
    count = COUNTED + 1 if len(query) > COUNTED else len(keys)
    examples = list(map(list, _examples(check, query[:SHOWN])))
    values = {"count": count, "keys": keys[:COUNTED], "examples": examples, "looked": looked}
    return FoundRows.objects.update_or_create(pk=check.name, defaults=values)[0]


def _key(check, row):
    return text(row[:2]) if check.row == "*" else row[0]


def _examples(check, rows):
    own = set()
    if check.row == "alias":
        aliases = Alias.objects.filter(pk__in=[row[0] for row in rows], is_self_alias=True)
        own = set(aliases.values_list("pk", flat=True))
    for row in rows:
        table, key, shown = (*row[:2], row[1:]) if check.row == "*" else (check.row, row[0], row)
        if table == "alias":
            url = page_of(key, key in own)
        else:
            url = reverse(PAGES[table], args=[key]) if table in PAGES else ""
        yield text(shown), url, _key(check, row)

"""Mailboxes of a domain by how full they are, or by when they were opened last.

Neither column knows the domain: Dovecot writes them, and an index more would cost it with each message. So the rows of the
domain are sorted as they are asked for, and of domains with more than SORTED mailboxes only those that are nearly full,
for which ``full_mailbox`` has an index.
"""

from django.db.models import BigIntegerField, Case, F, Func, Value, When
from django.db.models.functions import Coalesce

from mailboxes.figures import last_sign_in

SORTED = 5_000
NO_LIMIT = -1  # as a percentage: these come after all that have one, by what they hold
# By the name in a URL; the last two of storage are for those without a limit and for equal ones.
ORDERINGS = {
    "storage": ("percent", "held", "username"),
    "signed_in": ("seen", "username"),
}
# States whose rows have a table of their own, in the order of its index.
OF_STATE = {
    "idle": ("idle__domain", "idle__username"),
    "warned": ("warning__domain", "warning__username"),
}
NEARLY_FULL_FIRST = ("full__percent", "full__username")  # the order of full_mailbox's indexes


class Quotient(Func):
    template = "(%(expressions)s)"
    arg_joiner = " DIV "
    output_field = BigIntegerField()

    def as_sqlite(self, compiler, connection, **options):
        return self.as_sql(compiler, connection, arg_joiner=" / ", **options)


def annotated(rows, ordering):
    if ordering == "signed_in":
        return rows.annotate(seen=Coalesce(last_sign_in(), 0))
    held = Coalesce("usage__bytes", 0)
    percent = Quotient(held * 100, F("quota"))
    return rows.annotate(
        held=held,
        percent=Case(When(quota__gt=0, then=percent), default=Value(NO_LIMIT)),
    )


def edge_of(row, columns):
    used = row.usage__bytes or 0
    percent = used * 100 // row.quota if row.quota > 0 else NO_LIMIT
    values = {
        "held": used,
        "percent": percent,
        "full__percent": percent,
        "seen": row.last_sign_in or 0,
        "idle__domain": row.domain_id,
        "warning__domain": row.domain_id,
    }
    return [str(values.get(column, row.pk)) for column in columns]

"""A search reads no more of four times as many addresses. What counts are the rows that the storage engine looks at: no busy machine changes them."""

import pytest
from django.db import connection

from domains import words
from tests.bench.cost import measured
from tests.bench.data import FIRST, LAST, MANY, _pick

pytestmark = pytest.mark.django_db(transaction=True)  # ANALYZE TABLE commits

IN_EACH = 30  # addresses of a domain
SMALL, LARGE = 300, 1_200  # domains
SCOPES = {"all": 0, "one": 1, "twenty": 20, "many": MANY}
ASKED = {
    "none": ("zzzz",),
    "one hit": ("n402x",),
    "a frequent name": ("anna",),
    "two names": ("anna", "becker"),
    "three letters": ("bec",),
    "a domain": ("d0002",),
    "a name in a domain": ("anna", "d0002"),
}
KINDS = ["mailbox", "alias", "forwarding", "domain"]


def fill(domains):
    """Two names and a number for each address; a domain holds the same whatever the size."""
    domain = f"CONCAT('d', LPAD(seq DIV {IN_EACH}, 4, '0'))"
    address, number = f"CONCAT('n', seq, 'x@', {domain}, '.example')", "CONCAT('n', seq, 'x')"
    words_of_each = [_pick(FIRST, "seq"), _pick(LAST, "seq DIV 26"), number]
    rows = [("mailbox", address, word) for word in words_of_each]
    rows.append(("domain", f"CONCAT({domain}, '.example')", domain))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM word")
        for kind, key, word in rows:
            cursor.execute(
                "INSERT IGNORE INTO word (row_key, kind, word, domain)"
                f" SELECT {key}, %s, {word}, CONCAT({domain}, '.example')"
                f" FROM seq_0_to_{domains * IN_EACH - 1}",
                [kind],
            )
        cursor.execute("ANALYZE TABLE word")
        cursor.fetchall()


def cost_of_each():
    found = {}
    for scope, number in SCOPES.items():
        names = tuple(f"d{n:04}.example" for n in (range(number) if number != 1 else [13]))
        for asked, typed in ASKED.items():
            with measured() as cost:
                rows = words.find(KINDS, typed, names, 9)[0]
                lead = words.lead_of(["mailbox"], typed, names)
                listed = words.page(["mailbox"], lead, names, 51)[0]
            found[scope, asked] = cost.rows, bool(rows), bool(listed)
    return found


def test_a_search_reads_no_more_of_four_times_as_many_addresses():
    fill(SMALL)
    few = cost_of_each()
    fill(LARGE)
    many = cost_of_each()

    for what, (rows, *found) in few.items():
        assert many[what][1:] == tuple(found), what
        assert many[what][0] <= 1.5 * rows, (what, rows, many[what][0])
    for scope in SCOPES:
        assert few[scope, "none"][1:] == (False, False)
    for asked in ("one hit", "a frequent name", "three letters"):
        assert few["many", asked][1:] == (True, True)

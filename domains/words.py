# ruff: noqa: S608 -- every value is a parameter
"""The search by words: rows that have, for each word asked for, a word that begins with it.

The rarest of the words leads: its entries in the table ``word`` are walked in the order of an index, at most SCAN of
them, and each row is asked for the others. So no search costs more than another, whatever is looked for; beyond SCAN a
list goes on with its next page. A word of the row's domain counts as well as one of its own, but cannot lead.
"""

from typing import NamedTuple

from django.db import connection

from panel.scoping import may_open

SCAN = 200  # entries of a word that a page of a list looks at
GLANCE = 40  # of each kind, where the first few of all kinds are looked for
FEW_DOMAINS = 20
TOGETHER = 500  # rows that are asked for at once where all are wanted
MAX_WORDS = 6
LAST = "\U0010ffff"
IN_DOMAINS = {"mailbox", "alias", "forwarding"}


class Found(NamedTuple):
    kind: str
    row_key: str
    word: str
    domain: str


class Leading(NamedTuple):
    """``words`` in the order in which they are asked for; ``named``: those that are also words of a
    domain in scope.

    ``entries``: how many the first word has, counted up to ``scan`` + 1.
    """

    words: tuple
    named: frozenset = frozenset()
    entries: int = 0


def words_of(text):
    """The words of what somebody typed, as the triggers split them, without those that another one begins with."""
    apart = "".join(letter if letter.isalnum() else " " for letter in text.lower())
    words = [word[:64] for word in dict.fromkeys(apart.split())][:MAX_WORDS]
    return tuple(word for word in words if not any(o != word and o.startswith(word) for o in words))


def names_in_scope(actor, domain=""):
    """The domains to look in: () for all, None for none. ``domain`` narrows it."""
    if not may_open(actor) or not (actor.is_superadmin or actor.domain_names):
        return None
    if not domain:
        return tuple(actor.scope_domains)
    return (domain,) if actor.is_superadmin or domain in actor.domain_names else None


def leading(kinds, words, names, scan=SCAN, *, counted=False):
    """``{kind: Leading}``. One statement; none for a single word, of which nothing is counted unless asked for."""
    if len(words) == 1 and not counted:
        return {kind: Leading(words) for kind in kinds}
    if len(names) > 1:
        # How rare a word is in all domains decides as well, and one range of an index tells it.
        names = ()
    counts, params = [], []
    for kind in kinds:
        for word in words:
            where, values = _entries(kind, word, names)
            counts.append(
                f"(SELECT COUNT(*) FROM (SELECT 1 FROM word WHERE {where} LIMIT {scan + 1}) e)"
            )
            params += values
    for word in words:
        where, values = _entries("domain", word, names)
        counts.append(f"EXISTS (SELECT 1 FROM word WHERE {where})")
        params += values
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(counts)}", params)
        row = cursor.fetchone()
    named = dict(zip(words, row[-len(words) :], strict=True))
    found = {}
    for number, kind in enumerate(kinds):
        entries = dict(zip(words, row[number * len(words) :], strict=False))
        if kind in IN_DOMAINS:
            # Words that may be the domain's and not the row's come last, and of these the ones that no row has.
            rank = {word: (named[word], named[word] and not n, n) for word, n in entries.items()}
            also = frozenset(word for word in words if named[word])
        else:
            rank, also = entries, frozenset()
        order = tuple(sorted(words, key=rank.__getitem__))
        found[kind] = Leading(order, also, entries[order[0]])
    return found


def looked_at(names):
    """How many entries of a word find() looks at."""
    return SCAN if len(names) > FEW_DOMAINS else GLANCE


def find(kinds, words, names, size):
    """At most ``size`` rows of each of ``kinds``, and the Leading words of each. Three statements at most.

    Each domain of many is a range of the index that the database looks at twice. So a word with few entries in all domains is
    looked for in all of them, and others in the first domains; only if there is none, in the rest.
    """
    many = len(names) > FEW_DOMAINS
    first = leading(kinds, words, names, looked_at(names), counted=many)
    if not many:
        return _of_each(kinds, first, names, size), first
    names = sorted(names)
    rare = [kind for kind in kinds if first[kind].entries <= SCAN]
    others = [kind for kind in kinds if kind not in rare]
    asked = [_one_kind(kind, first[kind], (), SCAN, SCAN + 1, domains=True) for kind in rare]
    asked += [_one_kind(kind, first[kind], names[:FEW_DOMAINS], size) for kind in others]
    found = {kind: [] for kind in kinds}
    in_scope = set(names)
    for row in _together(asked):
        if row.kind in others or row.domain in in_scope:
            found[row.kind].append(row)
    for kind in rare:
        found[kind] = sorted(found[kind], key=lambda row: position_of(row, names))[:size]
    absent = [kind for kind in others if not found[kind]]
    for row in _of_each(absent, first, names[FEW_DOMAINS:], size):
        found[row.kind].append(row)
    return [row for kind in kinds for row in found[kind]], first


def _of_each(kinds, first, names, size):
    return _together([_one_kind(kind, first[kind], names, size) for kind in kinds])


def _one_kind(kind, lead, names, size, scan=None, **options):
    scan = scan or _scan(lead, size, scan=GLANCE)
    sql, params = _search([kind], lead, names, size, scan, **options)
    return f"SELECT * FROM ({sql}) found_{kind}", params


def _together(asked):
    if not asked:
        return []
    params = [value for _sql, values in asked for value in values]
    return _rows(" UNION ALL ".join(sql for sql, _values in asked), params)


def first_keys(kind, words, names, size):
    return [row.row_key for row in find([kind], words, names, size)[0]]


def lead_of(kinds, words, names):
    return max(leading(kinds, words, names).values(), key=lambda lead: lead.entries)


def page(kinds, lead, names, size, *, position=(), descending=False, state=None):
    """The rows of a list's page beyond ``position``, and the position of the last entry that was looked at.

    The latter is None if there are no more entries. ``state``: what a row must be, by kind (table, its column of the
    key, condition, value).
    """
    scan = _scan(lead, size, state)
    options = {"position": position, "descending": descending, "state": state}
    if len(names) <= FEW_DOMAINS:
        rows, last = _page(kinds, lead, names, size, scan, **options)
    elif (rows := _few_in_all(kinds, lead, state)) is not None:
        own = set(names)
        beyond = {position_of(row, names): row for row in rows if row.domain in own}
        if position:
            edge = tuple(position)
            beyond = {
                at: row for at, row in beyond.items() if (at < edge if descending else at > edge)
            }
        rows, last = [beyond[at] for at in sorted(beyond, reverse=descending)][:size], None
    else:
        rows, last = _page_of_many(kinds, lead, names, size, scan, **options)
    return rows, position_of(last, names) if last and len(rows) < size else None


def _few_in_all(kinds, lead, state):
    """The rows of all domains, or None if the leading word has more entries there than are looked at."""
    if len(lead.words) > 1:
        frequent = lead.entries > SCAN
    else:
        frequent = _rows(*_walks(kinds, lead.words[0], (), SCAN, f"1 OFFSET {SCAN - 1}"))
    if frequent:
        return None
    # Of several kinds another one may have more of them.
    rows, last = _page(kinds, lead, (), SCAN, SCAN, state=state, domains=True)
    return rows if last is None else None


def _page_of_many(kinds, lead, names, size, scan, **options):
    """In the first domains, and only if these do not fill the page in all others."""
    start, descending = options["position"], options["descending"]
    names = sorted(names, reverse=descending)
    if start:
        names = [name for name in names if (name <= start[0] if descending else name >= start[0])]
    rows, last = [], None
    for some in (names[:FEW_DOMAINS], names[FEW_DOMAINS:]):
        if some and len(rows) < size and not last:
            found, last = _page(kinds, lead, some, size - len(rows), scan, **options)
            rows += found
    return rows, last


def _page(kinds, lead, names, size, scan, *, state=None, **options):
    """At most ``size`` rows, and the last entry that was looked at, None if there are no more. One statement."""
    found, params = _search(kinds, lead, names, size, scan, state=state, **options)
    end, values = _walks(kinds, lead.words[0], names, scan, f"1 OFFSET {scan - 1}", **options)
    sql = f"SELECT found.*, 0 FROM ({found}) found UNION ALL SELECT last.*, 1 FROM ({end}) last"
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, *values])
        entries = [(Found._make(entry), is_last) for *entry, is_last in cursor.fetchall()]
    rows = [row for row, is_last in entries if not is_last]
    return rows, next((row for row, is_last in entries if is_last), None)


def every_key(kinds, words, names, state=None):
    lead, position = lead_of(kinds, words, names), ()
    while position is not None:
        rows, rest = page(kinds, lead, names, TOGETHER, position=position, state=state)
        yield from (row.row_key for row in rows)
        position = position_of(rows[-1], names) if len(rows) == TOGETHER else rest


def position_of(row, names):
    return (row.domain, row.word, row.row_key) if len(names) > 1 else (row.word, row.row_key)


def _rows(sql, params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [Found._make(row) for row in cursor.fetchall()]


def _entries(kind, word, names):
    where, params = "kind = %s AND word >= %s AND word < %s", [kind, word, word + LAST]
    if names:
        where += f" AND domain IN ({', '.join(['%s'] * len(names))})"
        params += names
    return where, params


def _order(names, descending, table=""):
    columns = (["domain"] if len(names) > 1 else []) + ["word", "row_key"]
    return ", ".join(f"{table}{column}{' DESC' if descending else ''}" for column in columns)


def _walk(kind, word, names, limit, *, position=(), descending=False, domains=False):
    where, params = _entries(kind, word, names)
    if position:
        # As panel.paging.beyond(): a range of the index, and its exact edge.
        sign = "<" if descending else ">"
        columns = ["domain", "word", "row_key"][-len(position) :]
        condition, values = f"{columns[-1]} {sign} %s", [position[-1]]
        for column, value in zip(columns[-2::-1], position[-2::-1], strict=True):
            condition = (
                f"{column} {sign}= %s AND ({column} {sign} %s OR ({column} = %s AND {condition}))"
            )
            values = [value, value, value, *values]
        where, params = f"{where} AND {condition}", [*params, *values]
    # Of a superadmin's entries the index does not have the domain.
    domain = "domain" if names or domains else "''"
    order = _order(names, descending)
    sql = f"SELECT kind, row_key, word, {domain} AS domain FROM word WHERE {where} ORDER BY {order} LIMIT {limit}"
    return sql, params


def _walks(kinds, word, names, scan, limit, **options):
    if len(kinds) == 1:
        return _walk(kinds[0], word, names, limit, **options)
    parts, params = [], []
    for kind in kinds:
        walk, values = _walk(kind, word, names, scan, **options)
        parts.append(f"SELECT * FROM ({walk}) of_{kind}")
        params += values
    order = _order(names, options.get("descending", False))
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) w ORDER BY {order} LIMIT {limit}", params


def _scan(lead, size, state=None, scan=None):
    """How many entries are looked at: where each row fits, twice as many as are wanted, because a
    row may come twice."""
    return (scan or SCAN) if state or len(lead.words) > 1 else 2 * size


def _search(kinds, lead, names, size, scan, *, state=None, **options):
    first, *others = lead.words
    walk, params = _walks(kinds, first, names, scan, scan, **options)
    own = "e.row_key = c.row_key AND e.kind = c.kind"
    begins = "e.word >= %s AND e.word < %s"
    conditions = []
    for word in others:
        ways = [f"{own} AND {begins}"]
        if word in lead.named:
            ways.append(f"e.row_key = {_domain_of('c.row_key')} AND e.kind = 'domain' AND {begins}")
        found = " OR ".join(f"EXISTS (SELECT 1 FROM word e WHERE {way})" for way in ways)
        conditions.append(f"({found})")
        params += [word, word + LAST] * len(ways)
    if conditions:
        # With a limit, for MariaDB asks what follows only of these then.
        walk = f"SELECT c.* FROM ({walk}) c WHERE {' AND '.join(conditions)} LIMIT {scan}"
    # A row with two words that begin so is shown at the first.
    earlier = f"{own} AND e.word >= %s AND e.word < c.word"
    conditions = [f"NOT EXISTS (SELECT 1 FROM word e WHERE {earlier})"]
    params.append(first)
    if state:
        wanted = []
        for kind, (table, key, condition, value) in state.items():
            row = f"SELECT 1 FROM {table} r WHERE r.{key} = c.row_key AND r.{condition} %s"
            wanted.append(f"(c.kind = '{kind}' AND EXISTS ({row}))")
            params.append(value)
        conditions.append(f"({' OR '.join(wanted)})")
    order = _order(names, options.get("descending", False), "c.")
    where = " AND ".join(conditions)
    return f"SELECT c.* FROM ({walk}) c WHERE {where} ORDER BY {order} LIMIT {size}", params


def _domain_of(column):
    if connection.vendor == "mysql":
        return f"SUBSTRING_INDEX({column}, '@', -1)"
    return f"substr({column}, instr({column}, '@') + 1)"

"""Who takes the mail that an alias leads to: one walk, for Postfix and for the pages.

An alias is answered without the targets for which nobody would take the mail, however many
aliases lie between: it would be accepted and then bounced, to whoever the sender is said to
be. Functions of the database, called by deploy/postfix/alias.cf, go the same way as the pages;
SQLite has no Postfix and so no functions.

The walk asks as Postfix does: for the whole address, then without the extension, then for
``@example.org``; each is answered by an alias, a mailbox, or the same name in the target of an
alias domain. It never comes back through the address that it started from, so a loop leads
to nobody.
"""

# ruff: noqa: S608 - the texts are put together from this file's own words alone

from dataclasses import dataclass

from django.db.models.expressions import RawSQL

from domains.dialect import Dialect

KEY, TEXT = "VARCHAR(255)", "TEXT"
FUNCTIONS = {
    "mailadmin_heard": [("asked", KEY), ("written", TEXT), ("through", KEY)],
    "mailadmin_sent_on": [("asked", KEY), ("host", KEY), ("beside", KEY)],
}


def walk(sql, start, stopping="''", through="''", names=None):
    """Return the text ``WITH RECURSIVE hop (…) AS (…)``: each address the walk asks about.

    ``start`` is a condition on the alias rows ``k`` to start from, ``stopping`` the addresses, in
    SQL, whose alias and mailbox are taken as inactive. The walk goes neither through the alias it
    started from nor ``through``, another address that Postfix would ask for again. ``names`` are
    the local part, with and without its extension, in SQL, that targets like ``@example.net`` get;
    that of the alias if not given. Where it is empty, as in a catch-all, nobody can say who takes
    the mail.

    ``root`` is the target of ``alias`` that led to ``address``. ``heard`` is 1 where somebody takes
    the mail or it leaves our hands, 0 where the walk goes on, NULL in an inactive domain. ``via``
    is the domain whose catch-all and alias domain are asked next; NULL for neither.
    """
    local_part = "substr({0}, 1, instr({0}, '@') - 1)".format
    name, base = names or [local_part("k.address")] * 2
    origin = "asked" if names else "k.address"
    # A target like @example.net keeps the local part that it is asked for.
    first, first_bare = _named("t", name, base, sql)
    following, following_bare = _named("n", "h.name", "h.base", sql)
    catch_all = sql.joined("'@'", "h.via")
    in_target = sql.joined("h.name", "'@'", "x.domain")
    return f"""WITH RECURSIVE hop (alias, root, address, name, base, domain, via, heard) AS (
    SELECT {origin}, {first if names else "t.target"}, {first},
      CASE WHEN {_whole("t.target")} THEN {name} ELSE {local_part("t.target")} END,
      CASE WHEN {_whole("t.target")} THEN {base} ELSE {local_part("t.bare")} END, t.domain,
      CASE WHEN {first} NOT IN ({origin}, {through}) AND {first_bare} NOT IN ({origin}, {through}) THEN t.domain END,
      CASE WHEN x.active = 0 THEN NULL ELSE {_taken(sql, "t")} OR ({_whole("t.target")} AND {name} = '') END
      FROM alias k
      JOIN alias_target t ON t.alias = k.address
      LEFT JOIN domain x ON x.domain = t.domain
      LEFT JOIN mailbox w ON w.username = {first_bare}
        AND w.active = 1 AND (w.username = {origin} OR w.username NOT IN ({stopping}))
      WHERE {start}
    UNION
    SELECT h.alias, h.root, {following},
      CASE WHEN {_whole("n.target")} THEN h.name ELSE {local_part("n.target")} END,
      CASE WHEN {_whole("n.target")} THEN h.base ELSE {local_part("n.bare")} END, n.domain,
      CASE WHEN n.bare <> n.alias AND {following} NOT IN (h.alias, {through})
        AND {following_bare} NOT IN (h.alias, {through}) THEN n.domain END,
      {_taken(sql, "n")} OR ({_whole("n.target")} AND h.name = '')
      FROM hop h
      JOIN alias r ON r.address = h.address AND r.active = 1
        AND r.address NOT IN (h.alias, {through}) AND r.address NOT IN ({stopping})
      JOIN alias_target n ON n.alias = r.address
      LEFT JOIN domain x ON x.domain = n.domain
      LEFT JOIN mailbox w ON w.username = {following_bare}
        AND w.active = 1 AND w.username NOT IN (h.alias, {through}) AND w.username NOT IN ({stopping})
      WHERE h.heard = 0 AND COALESCE(x.active, 1) = 1
    UNION
    SELECT h.alias, h.root, substr({sql.joined("h.base", "'@'", "h.domain")}, 1, 255), h.base, h.base, h.domain, NULL, 0
      FROM hop h WHERE h.heard = 0 AND h.name <> h.base AND h.via IS NOT NULL
    UNION
    SELECT h.alias, h.root, substr({sql.joined("'@'", "h.domain")}, 1, 255), h.name, h.base, h.domain, NULL, 0
      FROM hop h WHERE h.heard = 0 AND {catch_all} <> h.alias
    UNION
    SELECT h.alias, h.root, substr({in_target}, 1, 255), h.name, h.base, x.domain, h.domain,
      w.username IS NOT NULL OR h.name = ''
      FROM hop h
      JOIN alias_domain l ON l.alias_domain = h.via AND l.active = 1
      JOIN domain x ON x.domain = l.target_domain AND x.active = 1
      LEFT JOIN mailbox w ON w.username = {sql.joined("h.base", "'@'", "x.domain")} AND w.active = 1
        AND w.username NOT IN (h.alias, {through}) AND w.username NOT IN ({stopping})
      WHERE h.heard = 0 AND h.via = h.domain
  )"""


def _named(row, name, base, sql):
    """The address that a target means, and the same without its extension."""
    meant = []
    for local_part, column in ((name, "target"), (base, "bare")):
        address = sql.joined(local_part, f"{row}.target")
        plain = f"{row}.{column}"
        meant.append(
            f"CASE WHEN {_whole(f'{row}.target')} THEN substr({address}, 1, 255) ELSE {plain} END"
        )
    return meant


def _whole(address):
    return f"substr({address}, 1, 1) = '@'"


def _taken(sql, row):
    """Others know the addresses of the target's domain, it is a mailbox, or written unusually."""
    return (
        "(x.domain IS NULL OR x.backupmx = 1 OR x.transport NOT IN ('', 'virtual')"
        f" OR w.username IS NOT NULL OR NOT {sql.plain(f'{row}.target')})"
    )


def questions():
    """Return the SELECTs of the functions by name.

    The words that FUNCTIONS names are parameters. ``to_walk`` finds what has to be
    walked: mostly every target is a mailbox or somewhere else.
    """
    sql = Dialect("mysql")
    heard = "CASE WHEN h.heard = 1 THEN h.root END"
    domain, bare = sql.domain_of("asked"), sql.bare("asked")
    base = f"LEFT({bare}, CHAR_LENGTH({bare}) - CHAR_LENGTH({domain}))"  # with its @
    names = [
        f"LEFT(asked, CHAR_LENGTH(asked) - CHAR_LENGTH({domain}) - 1)",
        f"TRIM(TRAILING '@' FROM {base})",
    ]
    start = "k.address = CONCAT('@', host)"
    return {
        "to_walk": (
            "SELECT 1 FROM alias_target t"
            " LEFT JOIN domain x ON x.domain = t.domain"
            " LEFT JOIN mailbox w ON w.username = t.bare AND w.active = 1"
            f" WHERE t.alias = asked AND (x.active = 0 OR {_whole('t.target')} OR NOT {_taken(sql, 't')})"
        ),
        "heard": (
            f"{walk(sql, 'k.address = asked', through='through')}\n"
            f"  SELECT CASE COUNT(DISTINCT {heard}) WHEN COUNT(DISTINCT h.root) THEN written"
            f" ELSE GROUP_CONCAT(DISTINCT {heard}) END FROM hop h"
        ),
        "of_that_name": " UNION ALL ".join(
            f"SELECT 1 FROM {table} n WHERE n.{column} = CONCAT({base}, {where})"
            for table, column in (("mailbox", "username"), ("alias", "address"))
            for where in ("host", "beside")
        ),
        "own_catch_all": (
            "SELECT mailadmin_heard(c.address, c.goto, asked) FROM alias c"
            " WHERE c.address = CONCAT('@', beside) AND c.active = 1"
        ),
        "sent_on": (
            f"{walk(sql, start, names=names)}\n  SELECT GROUP_CONCAT(DISTINCT {heard}) FROM hop h"
        ),
    }


def bodies():
    """Return ``{function: body}``.

    ``mailadmin_heard`` returns the targets of the alias ``asked`` that are heard, or NULL; ``written``,
    its ``goto``, if all are. Mail that comes back ``through`` the address Postfix asks for is not
    heard. ``mailadmin_sent_on`` returns where the catch-all of the domain ``host`` sends the address ``asked``,
    name by name, or NULL. What Postfix asks for in between goes first: the name without its
    extension, in ``host`` and ``beside``, and the catch-all of ``beside``, where ``host`` is its alias
    domain's target.
    """
    sql, ask = Dialect("mysql"), questions()
    by_name = f"{_whole('asked')} AND REPLACE(CONCAT(',', written), ' ', '') LIKE '%,@%'"
    return {
        "mailadmin_heard": f"""BEGIN
  IF {by_name} THEN RETURN NULL; END IF;
  IF NOT EXISTS ({ask["to_walk"]}) THEN RETURN written; END IF;
  RETURN ({ask["heard"]});
END""",
        "mailadmin_sent_on": f"""BEGIN
  IF {sql.bare("asked")} <> asked AND EXISTS ({ask["of_that_name"]}) THEN RETURN NULL; END IF;
  IF host <> {sql.domain_of("asked")} AND ({ask["own_catch_all"]}) IS NOT NULL THEN RETURN NULL; END IF;
  RETURN ({ask["sent_on"]});
END""",
    }


def create(connection):
    """Create the functions on MariaDB or MySQL, in place of an earlier release's.

    They run with the rights of whoever calls them.
    """
    if connection.vendor != "mysql":
        return
    characters = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    with connection.cursor() as cursor:
        for name, body in bodies().items():
            parameters = ", ".join(f"{word} {kind} {characters}" for word, kind in FUNCTIONS[name])
            text = (
                f"FUNCTION {name}({parameters}) RETURNS TEXT {characters}"
                f" READS SQL DATA SQL SECURITY INVOKER\n{body}"
            )
            if connection.mysql_is_mariadb:  # mail goes on: there is no moment without it
                cursor.execute(f"CREATE OR REPLACE {text}")
            else:
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}")
                cursor.execute(f"CREATE {text}")


def drop(connection):
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            for name in FUNCTIONS:
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}")


@dataclass
class Way:
    """What becomes of mail to one target, and the domains whose rows it meets.

    ``domains`` maps each to whether it is active, or None for one that is not to be told of.
    """

    domains: dict
    heard: bool = False


def walked(connection, addresses, seen, stopping=()):
    """Return ``{(alias, target): Way}`` of the alias rows ``addresses``, in one statement.

    ``seen`` are the domains that may be told of; ``stopping`` addresses whose alias and mailbox are taken
    as inactive.
    """
    values = {f"start{n}": address for n, address in enumerate(addresses)}
    stops = {f"stop{n}": address for n, address in enumerate(stopping)}
    start = f"k.address IN ({_places(values)})"
    text = walk(Dialect(connection.vendor), start, _places(stops) or "''")
    seen = seen.filter(pk=RawSQL("h.domain", ())).order_by().values("active")
    active, of_seen = seen.query.sql_with_params()
    of_seen = {f"seen{n}": value for n, value in enumerate(of_seen)}
    active %= tuple(f"%({name})s" for name in of_seen)
    ways = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"{text} SELECT h.alias, h.root, h.domain, MAX(h.heard), MAX(({active})) FROM hop h"
            " GROUP BY h.alias, h.root, h.domain",
            values | stops | of_seen,
        )
        for alias, root, domain, heard, is_active in cursor.fetchall():
            way = ways.setdefault((alias, root), Way({}))
            way.domains[domain] = is_active
            way.heard = way.heard or bool(heard)
    return ways


def _places(names):
    return ", ".join(f"%({name})s" for name in names)

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
MAX_LOCAL_PART = 64  # RFC 5321 4.5.3.1.1
# What may befall the walk through rows that no panel wrote: a value or a list too long, too many steps.
TOO_MUCH = "1406, 1260, 1931, 3636"
# MySQL's own limit is 1024 bytes. 64 characters before each of 13,000 whole domains are less than this.
LONG_LISTS = "SET SESSION group_concat_max_len = 1000000"


def walk(sql, start, stopping="''", through="''", names=None, judged=False):
    """Return the text ``WITH RECURSIVE hop (…) AS (…)``: each address the walk asks about.

    ``start`` is a condition on the alias rows ``k`` to start from, ``stopping`` the addresses, in
    SQL, whose alias and mailbox are taken as inactive. The walk goes neither through the alias it
    started from nor ``through``, another address that Postfix would ask for again. ``names`` are
    the local part, with and without its extension, in SQL, that targets like ``@example.net`` get;
    that of the alias if not given. Where it is empty, as in a catch-all, nobody can say who takes
    the mail.

    ``root`` is the target of ``alias`` that led to ``address``; ``judged``: with the name it gets.
    ``heard`` is 1 where somebody takes the mail or it leaves our hands, 0 where the walk goes on,
    NULL in an inactive domain. ``twin`` is the target of an alias domain, ``step`` the place of the
    address among the keys that Postfix asks for, in turn: 1 whole, 3 without its extension, 5 the
    catch-all, and 2, 4, 6 the same in the twin; 0 if no other is asked. The first that is an active
    alias is the last: one that leads to nobody sends no mail on to the next, or a catch-all would
    send it round in circles.
    """
    local_part = "substr({0}, 1, instr({0}, '@') - 1)".format
    name, base = names or [local_part("k.address")] * 2
    origin = "asked" if names else "k.address"
    # A target like @example.net keeps the local part that it is asked for.
    first, first_bare = _named("t", name, base, sql)
    following, following_bare = _named("n", "h.name", "h.base", sql)
    twin = (
        "LEFT JOIN alias_domain l ON l.alias_domain = {0}.domain AND l.active = 1"
        " LEFT JOIN domain y ON y.domain = l.target_domain"
    ).format
    unless_alias = (
        "LEFT JOIN domain z ON z.domain = h.domain AND z.active = 1"
        " LEFT JOIN alias o ON o.address = h.address AND o.active = z.active"
        f" AND o.goto <> o.address AND o.address NOT IN ({stopping})"
    )

    def target(row, name, base):
        """The columns name, base, own, domain and twin of a target."""
        whole = _whole(f"{row}.target")
        return (
            f"CASE WHEN {whole} THEN {name} ELSE {local_part(f'{row}.target')} END,\n"
            f"      CASE WHEN {whole} THEN {base} ELSE {local_part(f'{row}.bare')} END,"
            f" {row}.domain, {row}.domain, y.domain"
        )

    def heard(row, name):
        whole = _whole(f"{row}.target")
        return f"CASE WHEN x.active = 0 THEN NULL ELSE {_taken(sql, row)} OR ({whole} AND {name} = '') END"

    at = "'@'"
    in_twin = (
        f"CASE h.step WHEN 1 THEN {sql.joined('h.name', at, 'h.twin')}"
        f" WHEN 3 THEN {sql.joined('h.base', at, 'h.twin')} ELSE {sql.joined(at, 'h.twin')} END"
    )
    bare, catch_all = sql.joined("h.base", at, "h.own"), sql.joined(at, "h.own")
    done = "(h.step = {0} + 1 OR h.step = {0} AND h.twin IS NULL)".format
    return f"""WITH RECURSIVE hop (alias, root, address, name, base, own, domain, twin, step, heard) AS (
    SELECT {origin}, {first if judged else "t.target"}, substr({first}, 1, 255),
      {target("t", name, base)},
      CASE WHEN {first} IN ({origin}, {through}) OR {first_bare} IN ({origin}, {through}) THEN 0 ELSE 1 END,
      {heard("t", name)}
      FROM alias k
      JOIN alias_target t ON t.alias = k.address
      LEFT JOIN domain x ON x.domain = t.domain
      LEFT JOIN mailbox w ON w.username = {first_bare}
        AND w.active = 1 AND (w.username = {origin} OR w.username NOT IN ({stopping}))
      {twin("t")}
      WHERE {start}
    UNION
    SELECT h.alias, h.root, substr({following}, 1, 255),
      {target("n", "h.name", "h.base")},
      CASE WHEN n.bare = n.alias OR {following} IN (h.alias, {through})
        OR {following_bare} IN (h.alias, {through}) THEN 0 ELSE 1 END,
      {heard("n", "h.name")}
      FROM hop h
      JOIN domain z ON z.domain = h.domain AND z.active = 1
      JOIN alias r ON r.address = h.address AND r.active = 1
        AND r.address NOT IN (h.alias, {through}) AND r.address NOT IN ({stopping})
      JOIN alias_target n ON n.alias = r.address
      LEFT JOIN domain x ON x.domain = n.domain
      LEFT JOIN mailbox w ON w.username = {following_bare}
        AND w.active = 1 AND w.username NOT IN (h.alias, {through}) AND w.username NOT IN ({stopping})
      {twin("n")}
      WHERE h.heard = 0
    UNION
    SELECT h.alias, h.root, substr({in_twin}, 1, 255), h.name, h.base, h.own, h.twin, h.twin, h.step + 1,
      w.username IS NOT NULL AND y.active = 1
      FROM hop h
      JOIN domain y ON y.domain = h.twin
      LEFT JOIN mailbox w ON w.username = CASE WHEN h.step = 3 OR h.name = h.base THEN {in_twin} END
        AND w.active = 1 AND w.username NOT IN (h.alias, {through}) AND w.username NOT IN ({stopping})
      {unless_alias}
      WHERE h.heard = 0 AND h.step IN (1, 3, 5) AND o.address IS NULL
    UNION
    SELECT h.alias, h.root, substr({bare}, 1, 255), h.name, h.base, h.own, h.own, h.twin, 3, 0
      FROM hop h
      {unless_alias}
      WHERE h.heard = 0 AND {done(1)} AND h.name <> h.base AND o.address IS NULL
    UNION
    SELECT h.alias, h.root, substr({catch_all}, 1, 255), h.name, h.base, h.own, h.own, h.twin, 5, 0
      FROM hop h
      {unless_alias}
      WHERE h.heard = 0 AND ({done(3)} OR {done(1)} AND h.name = h.base)
        AND {catch_all} <> h.alias AND o.address IS NULL
  )"""


def _named(row, name, base, sql):
    """The address that a target means, and the same without its extension."""
    meant = []
    for local_part, column in ((name, "target"), (base, "bare")):
        address = sql.joined(local_part, f"{row}.target")
        plain = f"{row}.{column}"
        meant.append(f"CASE WHEN {_whole(f'{row}.target')} THEN {address} ELSE {plain} END")
    return meant


def _whole(address):
    return f"substr({address}, 1, 1) = '@'"


def _squeezed(goto):
    """A ``goto`` without white space, in MariaDB's SQL."""
    for code in (32, 9, 10, 13):
        goto = f"REPLACE({goto}, CHAR({code}), '')"
    return goto


def _whole_among(goto):
    """Whether a whole domain is among the targets; also in alias.cf. (A REGEXP takes 20 µs more.)"""
    return f"CONCAT(',', {_squeezed(goto)}) LIKE '%,@%'"


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
    names = [_name_asked(sql), f"TRIM(TRAILING '@' FROM {base})"]
    start = "k.address = CONCAT('@', host)"
    return {
        "to_walk": (
            "SELECT 1 FROM alias_target t"
            " LEFT JOIN domain x ON x.domain = t.domain"
            " LEFT JOIN mailbox w ON w.username = t.bare AND w.active = 1"
            f" WHERE t.alias = asked AND (x.active = 0 OR {_whole('t.target')} OR NOT {_taken(sql, 't')})"
        ),
        "heard": (
            f"{walk(sql, 'k.address = asked', through='through', judged=True)}\n"
            f"  SELECT CASE WHEN COUNT(DISTINCT {heard}) = COUNT(DISTINCT h.root)"
            f" AND NOT {_whole_among('written')} THEN written"
            f" ELSE GROUP_CONCAT(DISTINCT {heard}) END FROM hop h"
        ),
        "of_that_name": " UNION ALL ".join(
            f"SELECT 1 FROM {table} n WHERE n.{column} = CONCAT({base}, {where}) AND n.active = 1"
            for table, column in (("mailbox", "username"), ("alias", "address"))
            for where in ("host", "beside")
        ),
        "own_catch_all": (
            "SELECT mailadmin_heard(c.address, c.goto, asked) FROM alias c"
            " WHERE c.address = CONCAT('@', beside) AND c.active = 1"
        ),
        "sent_on": (
            f"{walk(sql, start, names=names, judged=True)}\n"
            f"  SELECT GROUP_CONCAT(DISTINCT {heard}) FROM hop h"
        ),
    }


def _name_asked(sql):
    return f"LEFT(asked, CHAR_LENGTH(asked) - CHAR_LENGTH({sql.domain_of('asked')}) - 1)"


def bodies():
    """Return ``{function: body}``.

    ``mailadmin_heard`` returns the targets of the alias ``asked`` that are heard, or NULL; ``written``,
    its ``goto``, if all are. Mail that comes back ``through`` the address Postfix asks for is not
    heard. ``mailadmin_sent_on`` returns where the catch-all of the domain ``host`` sends the address ``asked``,
    name by name, or NULL. What Postfix asks for in between goes first: the name without its
    extension, in ``host`` and ``beside``, and the catch-all of ``beside``, where ``host`` is its alias
    domain's target. Neither ever ends in an error of its own, for which Postfix would leave the
    database alone for a minute: what cannot be walked is answered as it is written, or not at all.
    """
    sql, ask = Dialect("mysql"), questions()
    return {
        "mailadmin_heard": f"""BEGIN
  DECLARE EXIT HANDLER FOR {TOO_MUCH} RETURN written;
  IF REPLACE({_squeezed("written")}, ',', '') = '' THEN RETURN NULL; END IF;
  IF {_whole("asked")} AND {_whole_among("written")} THEN RETURN NULL; END IF;
  IF NOT EXISTS ({ask["to_walk"]}) THEN RETURN written; END IF;
  {LONG_LISTS};
  RETURN ({ask["heard"]});
END""",
        "mailadmin_sent_on": f"""BEGIN
  DECLARE EXIT HANDLER FOR {TOO_MUCH} RETURN NULL;
  IF CHAR_LENGTH({_name_asked(sql)}) > {MAX_LOCAL_PART} THEN RETURN NULL; END IF;
  IF {sql.bare("asked")} <> asked AND EXISTS ({ask["of_that_name"]}) THEN RETURN NULL; END IF;
  IF host <> {sql.domain_of("asked")} AND ({ask["own_catch_all"]}) IS NOT NULL THEN RETURN NULL; END IF;
  {LONG_LISTS};
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
                f"FUNCTION {name}({parameters}) RETURNS MEDIUMTEXT {characters}"
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

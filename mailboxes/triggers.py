"""Database triggers that keep our derived tables true, whoever writes.

PostfixAdmin, scripts and Dovecot write the same tables without asking us. The triggers keep
``domain_usage`` (counters and fullness), ``alias_target`` (where aliases lead, what dangles),
``full_mailbox``, ``retired_maildir`` and ``alias.of_mailbox`` in step inside the writer's own transaction, so that no
page ever counts or scans. The same text serves MariaDB (10.6 or later, for JSON_TABLE) and
SQLite; what differs is in domains/dialect.py.

On a server with binary logging MariaDB lets only SUPER create triggers, unless
``log_bin_trust_function_creators`` is on.
"""

# ruff: noqa: S608, ISC004 - the texts are put together from this file's own words alone

from domains.dialect import Dialect

NEARLY_FULL = 80


def statements(vendor):
    """Return ``{trigger name: CREATE TRIGGER …}`` for MariaDB (``mysql``) or ``sqlite``."""
    sql = Dialect(vendor)
    triggers = {}

    def trigger(table, event, *body, row="AFTER"):
        name = f"mailadmin_{table}_{event.lower()}" + ("_before" if row == "BEFORE" else "")
        triggers[name] = (
            f"CREATE TRIGGER {name} {row} {event} ON {table} FOR EACH ROW BEGIN\n"
            + "".join(f"  {statement};\n" for statement in body)
            + "END"
        )

    trigger(
        "domain",
        "INSERT",
        "INSERT INTO domain_usage (domain) VALUES (NEW.domain)",
        _look_into(sql, "NEW.domain"),
    )
    trigger(
        "domain",
        "UPDATE",
        _fullness(sql, "NEW.domain"),
        f"{_look_into(sql, 'NEW.domain')} AND {_delivered('NEW')} AND NOT {_delivered('OLD')}",
        *_leave("NEW.domain", f"{_delivered('OLD')} AND NOT {_delivered('NEW')}"),
    )
    trigger(
        "domain",
        "DELETE",
        "DELETE FROM domain_usage WHERE domain = OLD.domain",
        *_leave("OLD.domain"),
    )
    trigger("alias_domain", "INSERT", _catch("NEW.alias_domain"))
    trigger("alias_domain", "DELETE", _let_fall(sql, "OLD.alias_domain"))

    trigger(
        "alias",
        "INSERT",
        "UPDATE domain_usage SET alias_rows = alias_rows + 1 WHERE domain = NEW.domain",
        _fullness(sql, "NEW.domain"),
        *split_targets(sql, "NEW.address", "NEW.domain", "NEW.goto"),
        _refresh_address(sql, "NEW.address"),
        # A catch-all does not answer for its own targets.
        f"{_catch('NEW.domain')} AND NEW.address LIKE '@%' AND alias <> NEW.address",
        *([] if sql.mysql else [_own_row("NEW.address")]),
    )
    if sql.mysql:  # there, a trigger cannot change the table it stands on
        trigger(
            "alias",
            "INSERT",
            "SET NEW.of_mailbox = NEW.of_mailbox OR EXISTS (SELECT 1 FROM mailbox WHERE username = NEW.address)",
            row="BEFORE",
        )
    # No program renames an alias. Done by hand, its targets go along, or a later alias of the
    # old name would lead there too; the rest is for `recount`.
    rewritten = "(NEW.goto <> OLD.goto OR NEW.address <> OLD.address)"
    trigger(
        "alias",
        "UPDATE",
        f"DELETE FROM alias_target WHERE alias = OLD.address AND {rewritten}",
        *split_targets(sql, "NEW.address", "NEW.domain", "NEW.goto", rewritten),
    )
    trigger(
        "alias",
        "DELETE",
        "UPDATE domain_usage SET alias_rows = alias_rows - 1 WHERE domain = OLD.domain",
        _fullness(sql, "OLD.domain"),
        "DELETE FROM alias_target WHERE alias = OLD.address",
        _refresh_address(sql, "OLD.address"),
        f"{_let_fall(sql, 'OLD.domain')} AND OLD.address LIKE '@%'",
    )

    trigger(
        "mailbox",
        "INSERT",
        "UPDATE domain_usage SET mailboxes = mailboxes + 1,"
        f" allotted = allotted + {sql.greatest('NEW.quota', '0')} WHERE domain = NEW.domain",
        _fullness(sql, "NEW.domain"),
        _own_row("NEW.username"),
        _refresh_address(sql, "NEW.username"),
        *_full_mailbox(sql, "NEW.username"),
        # Created again in its old place by another program: somebody's mail lies there again.
        "DELETE FROM retired_maildir WHERE maildir = NEW.maildir",
    )
    trigger(
        "mailbox",
        "UPDATE",
        f"UPDATE domain_usage SET allotted = allotted + {sql.greatest('NEW.quota', '0')}"
        f" - {sql.greatest('OLD.quota', '0')} WHERE domain = NEW.domain AND NEW.quota <> OLD.quota",
        _fullness(sql, "NEW.domain") + " AND NEW.quota <> OLD.quota",
        *_full_mailbox(sql, "NEW.username", "NEW.quota <> OLD.quota"),
    )
    trigger(
        "mailbox",
        "DELETE",
        "UPDATE domain_usage SET mailboxes = mailboxes - 1,"
        f" allotted = allotted - {sql.greatest('OLD.quota', '0')} WHERE domain = OLD.domain",
        _fullness(sql, "OLD.domain"),
        "UPDATE alias SET of_mailbox = FALSE WHERE address = OLD.username AND of_mailbox",
        _refresh_address(sql, "OLD.username"),
        "DELETE FROM full_mailbox WHERE username = OLD.username",
        # Whoever deletes it: a new mailbox of that name must not show the old mail.
        f"INSERT {sql.ignore} INTO retired_maildir (maildir, username) VALUES (OLD.maildir, OLD.username)",
    )

    trigger("quota2", "INSERT", *_full_mailbox(sql, "NEW.username"))
    trigger("quota2", "UPDATE", *_full_mailbox(sql, "NEW.username", "NEW.bytes <> OLD.bytes"))
    trigger("quota2", "DELETE", "DELETE FROM full_mailbox WHERE username = OLD.username")

    for event in ("INSERT", "UPDATE"):
        _dangling_trigger(sql, triggers, event)
    return triggers


def _dangling_trigger(sql, triggers, event):
    """Compute ``dangling`` and ``caught`` whenever a target is written, unless the writer changes them.

    One place holds the rule: ``SET domain = domain`` asks for it. MariaDB sets the values before
    the row is stored, SQLite updates them right afterwards.
    """
    name = f"mailadmin_alias_target_{event.lower()}"
    lost, caught = _is_lost(sql, "NEW"), _is_caught(sql, "NEW")
    if sql.mysql:
        compute = (
            f"SET NEW.dangling = {lost}; SET NEW.caught = NEW.dangling AND {caught};"
            " SET NEW.dangling = NEW.dangling AND NOT NEW.caught"
        )
        if event == "UPDATE":
            unchanged = "NEW.dangling = OLD.dangling AND NEW.caught = OLD.caught"
            compute = f"IF {unchanged} THEN {compute}; END IF"
        triggers[name] = (
            f"CREATE TRIGGER {name} BEFORE {event} ON alias_target FOR EACH ROW BEGIN\n"
            f"  {compute};\nEND"
        )
    else:
        of = "UPDATE OF domain" if event == "UPDATE" else "INSERT"
        triggers[name] = (
            f"CREATE TRIGGER {name} AFTER {of} ON alias_target FOR EACH ROW BEGIN\n"
            f"  UPDATE alias_target SET dangling = {lost} AND NOT {caught},"
            f" caught = {lost} AND {caught} WHERE id = NEW.id;\nEND"
        )


def _is_lost(sql, row, domain=None):
    """True if ``row``'s domain is delivered here and no row of its own answers to its target.

    ``domain``: the same domain by another name, one that does not change from row to row.
    """
    # One comparison at a time: of IN (three columns) MariaDB makes a scan for each row. First
    # what answers most: the row that every mailbox and alias has.
    answers = [
        f"EXISTS (SELECT 1 FROM {table} x WHERE x.{column} = {row}.{named})"
        for table, column in (("alias", "address"), ("mailbox", "username"))
        for named in ("target", "bare")
    ]
    return (
        f"({row}.target NOT LIKE '@%' AND {sql.plain(f'{row}.target')}"
        f" AND EXISTS (SELECT 1 FROM domain x WHERE x.domain = {domain or f'{row}.domain'}"
        f" AND {_delivered('x')}) AND NOT ({' OR '.join(answers)}))"
    )


def _is_caught(sql, row, domain=None):
    """True if all addresses of ``row``'s domain are answered: by a catch-all or as an alias domain.

    A catch-all does not answer for its own targets.
    """
    domain = domain or f"{row}.domain"
    catch_all = sql.joined("'@'", domain)
    return (
        f"(EXISTS (SELECT 1 FROM alias x WHERE x.address = {catch_all}"
        f" AND x.address <> {row}.alias)"
        f" OR EXISTS (SELECT 1 FROM alias_domain x WHERE x.alias_domain = {domain}))"
    )


def _delivered(domain):
    """True if mail for the domain ends here; of one that is handed on, others know the addresses."""
    return f"(NOT {domain}.backupmx AND {domain}.transport IN ('', 'virtual'))"


def _refresh_address(sql, address):
    return f"UPDATE alias_target SET domain = domain WHERE bare IN ({address}, {sql.bare(address)})"


# A domain may be the target of 100,000 aliases. What answers for all its addresses comes and goes
# at the cost of the targets that depend on it: they are found by index, and the rest is not read.


def _catch(domain):
    """Something answers for the whole domain now: no target in it dangles."""
    return (
        "UPDATE alias_target SET dangling = FALSE, caught = TRUE"
        f" WHERE domain = {domain} AND dangling"
    )


def _let_fall(sql, domain):
    """What answered for the whole domain is gone."""
    return (
        "UPDATE alias_target SET dangling = TRUE, caught = FALSE"
        f" WHERE domain = {domain} AND NOT dangling AND caught"
        f" AND NOT {_is_caught(sql, 'alias_target', domain)}"
    )


def _look_into(sql, domain):
    """The domain is delivered here now: all that leads there is looked at."""
    caught = _is_caught(sql, "alias_target", domain)
    return (
        f"UPDATE alias_target SET dangling = NOT {caught}, caught = {caught}"
        f" WHERE domain = {domain} AND NOT dangling AND NOT caught"
        f" AND {_is_lost(sql, 'alias_target', domain)}"
    )


def _leave(domain, condition="1 = 1"):
    """The domain is not delivered here any more: others know its addresses."""
    return (
        "UPDATE alias_target SET dangling = FALSE"
        f" WHERE domain = {domain} AND dangling AND {condition}",
        "UPDATE alias_target SET caught = FALSE"
        f" WHERE domain = {domain} AND NOT dangling AND caught AND {condition}",
    )


def _own_row(address):
    return (
        f"UPDATE alias SET of_mailbox = TRUE WHERE address = {address} AND NOT of_mailbox"
        f" AND EXISTS (SELECT 1 FROM mailbox m WHERE m.username = {address})"
    )


def split_targets(sql, address, domain, goto, condition="1 = 1"):
    """The statements that store the targets of one alias row; none when it leads to itself alone."""
    item = sql.clean(sql.item)
    return (
        "INSERT INTO alias_target (alias, owner, target, bare, domain, dangling, caught)"
        f" SELECT DISTINCT {address}, {domain}, {item}, {sql.bare(item)},"
        f" {sql.domain_named(item)}, FALSE, FALSE"
        f" FROM {sql.items(goto)} WHERE {item} <> '' AND {goto} <> {address} AND {condition}",
    )


def _fullness(sql, domain):
    def percent(count, limit):
        return (
            f"CASE WHEN d.{limit} > 0 THEN {sql.divide(f'{count} * 100', f'd.{limit}')} ELSE 0 END"
        )

    # Megabytes as 1,000,000 bytes: at most 5 % too high with any QUOTA_MULTIPLIER, never too low.
    shares = sql.greatest(
        percent("domain_usage.mailboxes", "mailboxes"),
        percent("(domain_usage.alias_rows - domain_usage.mailboxes)", "aliases"),
        percent(sql.divide("domain_usage.allotted", "1000000"), "quota"),
    )
    return (
        f"UPDATE domain_usage SET fullness = COALESCE((SELECT {shares} FROM domain d"
        f" WHERE d.domain = domain_usage.domain), 0) WHERE domain = {domain}"
    )


def _full_mailbox(sql, username, condition="1 = 1"):
    return (
        f"DELETE FROM full_mailbox WHERE username = {username} AND {condition}",
        "INSERT INTO full_mailbox (username, domain, percent)"
        f" SELECT m.username, m.domain, {sql.divide('q.bytes * 100', 'm.quota')}"
        " FROM mailbox m JOIN quota2 q ON q.username = m.username"
        f" WHERE m.username = {username} AND m.quota > 0 AND q.bytes * 100 >= m.quota * {NEARLY_FULL} AND {condition}",
    )


def create(connection):
    """Create the triggers on this database, replacing those of an earlier release."""
    drop(connection)
    with connection.cursor() as cursor:
        for statement in statements(connection.vendor).values():
            cursor.execute(statement)


def drop(connection):
    with connection.cursor() as cursor:
        for name in statements(connection.vendor):
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def rebuild(connection, track=iter):
    """Compute the derived tables anew from the base tables, for rows older than the triggers.

    Reads everything: a minute for a million mailboxes. Locks nothing that look-ups need.
    ``track`` is handed the statements and hands them on, for a progress bar.
    """
    with connection.cursor() as cursor:
        for statement in track(_rebuilding(Dialect(connection.vendor))):
            cursor.execute(statement)


def _rebuilding(sql):
    split = split_targets(sql, "a.address", "a.domain", "a.goto")[0]
    return [
        *(f"DELETE FROM {table}" for table in ("alias_target", "full_mailbox", "domain_usage")),
        "UPDATE alias SET of_mailbox = NOT of_mailbox WHERE of_mailbox"
        " <> EXISTS (SELECT 1 FROM mailbox m WHERE m.username = alias.address)",
        "INSERT INTO domain_usage (domain, mailboxes, alias_rows, allotted)"
        " SELECT d.domain,"
        " (SELECT COUNT(*) FROM mailbox m WHERE m.domain = d.domain),"
        " (SELECT COUNT(*) FROM alias a WHERE a.domain = d.domain),"
        f" (SELECT COALESCE(SUM({sql.greatest('m.quota', '0')}), 0) FROM mailbox m WHERE m.domain = d.domain)"
        " FROM domain d",
        _fullness(sql, "domain_usage.domain"),
        split.replace(" FROM ", " FROM alias a, ", 1),
        "INSERT INTO full_mailbox (username, domain, percent)"
        f" SELECT m.username, m.domain, {sql.divide('q.bytes * 100', 'm.quota')}"
        " FROM mailbox m JOIN quota2 q ON q.username = m.username"
        f" WHERE m.quota > 0 AND q.bytes * 100 >= m.quota * {NEARLY_FULL}",
        "DELETE FROM retired_maildir"
        " WHERE EXISTS (SELECT 1 FROM mailbox m WHERE m.maildir = retired_maildir.maildir)",
    ]

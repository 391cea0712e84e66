"""Database triggers that keep our derived tables true, whoever writes.

PostfixAdmin, scripts and Dovecot write the same tables without asking us. The triggers keep
``domain_usage`` (counters and fullness), ``alias_target`` (where aliases lead, what dangles),
``full_mailbox`` and ``alias.of_mailbox`` in step inside the writer's own transaction, so that no
page ever counts or scans. The same text serves MariaDB (10.6 or later, for JSON_TABLE) and
SQLite; what differs is in ``Dialect``.

On a server with binary logging MariaDB lets only SUPER create triggers, unless
``log_bin_trust_function_creators`` is on.
"""

# ruff: noqa: S608, ISC004 - the texts are put together from this file's own words alone

from django.conf import settings

from domains.addresses import PLAIN

TABLES = ("alias", "alias_domain", "domain", "mailbox", "quota2")
NEARLY_FULL = 80


class Dialect:
    """The few expressions that MariaDB and SQLite write differently."""

    def __init__(self, vendor):
        self.mysql = vendor == "mysql"

    def domain_of(self, address):
        if self.mysql:
            return f"SUBSTRING_INDEX({address}, '@', -1)"
        return f"substr({address}, instr({address}, '@') + 1)"

    def bare(self, address):
        """``address`` without its extension; an address that starts with the delimiter as it is."""
        mark = settings.RECIPIENT_DELIMITER
        if self.mysql:
            local_part = f"SUBSTRING_INDEX({address}, '@', 1)"
            name = f"SUBSTRING_INDEX({local_part}, '{mark}', 1)"
            joined = f"CONCAT({name}, '@', {self.domain_of(address)})"
        else:
            local_part = f"substr({address}, 1, instr({address}, '@') - 1)"
            name = f"substr({local_part}, 1, instr({local_part}, '{mark}') - 1)"
            joined = f"{name} || '@' || {self.domain_of(address)}"
        has_extension = f"{address} LIKE '%{mark}%@%' AND {address} NOT LIKE '{mark}%'"
        return f"CASE WHEN {has_extension} THEN {joined} ELSE {address} END"

    def catch_all(self, domain):
        return f"CONCAT('@', {domain})" if self.mysql else f"'@' || {domain}"

    def greatest(self, *values):
        return f"{'GREATEST' if self.mysql else 'MAX'}({', '.join(values)})"

    def divide(self, number, by):
        return f"({number}) DIV ({by})" if self.mysql else f"({number}) / ({by})"

    def items(self, text):
        """A table ``items`` of the comma-separated parts of ``text``, each in column ``item``."""
        if self.mysql:
            array = f"CONCAT('[', REPLACE(JSON_QUOTE({text}), ',', '\",\"'), ']')"
            # The database's own collation would let DISTINCT take ü@example.org for u@example.org.
            column = "item TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$'"
            return f"JSON_TABLE({array}, '$[*]' COLUMNS ({column})) AS items"
        array = f"'[' || replace(json_quote({text}), ',', '\",\"') || ']'"
        return f"json_each({array}) AS items"

    @property
    def item(self):
        return "items.item" if self.mysql else "items.value"

    def clean(self, item):
        """One part as it is looked up: trimmed, lower case, at most 255 characters."""
        blanks = ("'\\n'", "'\\r'", "'\\t'") if self.mysql else ("char(10)", "char(13)", "char(9)")
        trimmed = item
        for blank in blanks:
            trimmed = f"replace({trimmed}, {blank}, ' ')"
        return f"substr(lower(trim({trimmed})), 1, 255)"

    def plain(self, address):
        """True if ``address`` is written the usual way; nobody is told that another is gone."""
        if self.mysql:
            return f"{address} NOT REGEXP '[^{PLAIN}]'"
        return f"{address} NOT GLOB '*[^{PLAIN}]*'"


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
        _start_dangling(sql, "NEW.domain"),
    )
    trigger(
        "domain",
        "UPDATE",
        _fullness(sql, "NEW.domain"),
        f"{_start_dangling(sql, 'NEW.domain')} AND {_delivered('NEW')} AND NOT {_delivered('OLD')}",
        f"{_stop_dangling('NEW.domain')} AND {_delivered('OLD')} AND NOT {_delivered('NEW')}",
    )
    trigger(
        "domain",
        "DELETE",
        "DELETE FROM domain_usage WHERE domain = OLD.domain",
        _stop_dangling("OLD.domain"),
    )
    trigger("alias_domain", "INSERT", _stop_dangling("NEW.alias_domain"))
    trigger("alias_domain", "DELETE", _start_dangling(sql, "OLD.alias_domain"))

    trigger(
        "alias",
        "INSERT",
        "UPDATE domain_usage SET alias_rows = alias_rows + 1 WHERE domain = NEW.domain",
        _fullness(sql, "NEW.domain"),
        *split_targets(sql, "NEW.address", "NEW.domain", "NEW.goto"),
        _refresh_address(sql, "NEW.address"),
        # A catch-all does not answer for its own targets.
        f"{_stop_dangling('NEW.domain')} AND NEW.address LIKE '@%' AND alias <> NEW.address",
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
        f"{_start_dangling(sql, 'OLD.domain')} AND OLD.address LIKE '@%'",
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
    )

    trigger("quota2", "INSERT", *_full_mailbox(sql, "NEW.username"))
    trigger("quota2", "UPDATE", *_full_mailbox(sql, "NEW.username", "NEW.bytes <> OLD.bytes"))
    trigger("quota2", "DELETE", "DELETE FROM full_mailbox WHERE username = OLD.username")

    for event in ("INSERT", "UPDATE"):
        _dangling_trigger(sql, triggers, event)
    return triggers


def _dangling_trigger(sql, triggers, event):
    """Compute ``alias_target.dangling`` whenever a row is written, unless the writer changes it itself.

    One place holds the rule: ``SET domain = domain`` asks for it. MariaDB sets the value before
    the row is stored, SQLite updates it right afterwards.
    """
    name = f"mailadmin_alias_target_{event.lower()}"
    if sql.mysql:
        compute = f"SET NEW.dangling = {_dangles(sql, 'NEW')}"
        if event == "UPDATE":
            compute = f"IF NEW.dangling = OLD.dangling THEN {compute}; END IF"
        triggers[name] = (
            f"CREATE TRIGGER {name} BEFORE {event} ON alias_target FOR EACH ROW BEGIN\n"
            f"  {compute};\nEND"
        )
    elif event == "INSERT":
        triggers[name] = (
            f"CREATE TRIGGER {name} AFTER INSERT ON alias_target FOR EACH ROW BEGIN\n"
            f"  UPDATE alias_target SET dangling = {_dangles(sql, 'NEW')} WHERE id = NEW.id;\nEND"
        )
    else:
        triggers[name] = (
            f"CREATE TRIGGER {name} AFTER UPDATE OF domain ON alias_target FOR EACH ROW BEGIN\n"
            f"  UPDATE alias_target SET dangling = {_dangles(sql, 'NEW')} WHERE id = NEW.id;\nEND"
        )


def _dangles(sql, row, domain=None):
    """True if ``row``'s domain is delivered here and no row answers to its target.

    ``domain``: the same domain by another name, one that does not change from row to row.
    """
    domain = domain or f"{row}.domain"
    # One comparison at a time: of IN (three columns) MariaDB makes a scan for each row. First
    # what answers most: the row that every mailbox and alias has.
    answers = [
        f"EXISTS (SELECT 1 FROM {table} x WHERE x.{column} = {value})"
        for table, column, value in (
            ("alias", "address", f"{row}.target"),
            ("alias", "address", f"{row}.bare"),
            ("alias", "address", f"{sql.catch_all(domain)} AND x.address <> {row}.alias"),
            ("alias_domain", "alias_domain", domain),
            ("mailbox", "username", f"{row}.target"),
            ("mailbox", "username", f"{row}.bare"),
        )
    ]
    return (
        f"({row}.target NOT LIKE '@%' AND {sql.plain(f'{row}.target')}"
        f" AND EXISTS (SELECT 1 FROM domain x WHERE x.domain = {domain} AND {_delivered('x')})"
        f" AND NOT ({' OR '.join(answers)}))"
    )


def _delivered(domain):
    """True if mail for the domain ends here; of one that is handed on, others know the addresses."""
    return f"(NOT {domain}.backupmx AND {domain}.transport IN ('', 'virtual'))"


def _refresh_address(sql, address):
    return f"UPDATE alias_target SET domain = domain WHERE bare IN ({address}, {sql.bare(address)})"


# A domain may be the target of 100,000 aliases: only the rows that change are written, and the
# rule is not computed again for each.


def _stop_dangling(domain):
    """Once anything answers for the whole domain, no target in it dangles."""
    return f"UPDATE alias_target SET dangling = FALSE WHERE domain = {domain} AND dangling"


def _start_dangling(sql, domain):
    return (
        f"UPDATE alias_target SET dangling = TRUE WHERE domain = {domain} AND NOT dangling"
        f" AND {_dangles(sql, 'alias_target', domain)}"
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
        "INSERT INTO alias_target (alias, owner, target, bare, domain, dangling)"
        f" SELECT DISTINCT {address}, {domain}, {item}, {sql.bare(item)}, {sql.domain_of(item)}, FALSE"
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


def rebuild(connection):
    """Compute the derived tables anew from the base tables, for rows older than the triggers.

    Reads everything: a minute for a million mailboxes. Locks nothing that look-ups need.
    """
    sql = Dialect(connection.vendor)
    split = split_targets(sql, "a.address", "a.domain", "a.goto")[0].replace(
        " FROM ", " FROM alias a, ", 1
    )
    with connection.cursor() as cursor:
        for table in ("alias_target", "full_mailbox", "domain_usage"):
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute(
            "UPDATE alias SET of_mailbox = NOT of_mailbox WHERE of_mailbox"
            " <> EXISTS (SELECT 1 FROM mailbox m WHERE m.username = alias.address)"
        )
        cursor.execute(
            "INSERT INTO domain_usage (domain, mailboxes, alias_rows, allotted)"
            " SELECT d.domain,"
            " (SELECT COUNT(*) FROM mailbox m WHERE m.domain = d.domain),"
            " (SELECT COUNT(*) FROM alias a WHERE a.domain = d.domain),"
            f" (SELECT COALESCE(SUM({sql.greatest('m.quota', '0')}), 0) FROM mailbox m WHERE m.domain = d.domain)"
            " FROM domain d"
        )
        cursor.execute(_fullness(sql, "domain_usage.domain"))
        cursor.execute(split)
        cursor.execute(
            "INSERT INTO full_mailbox (username, domain, percent)"
            f" SELECT m.username, m.domain, {sql.divide('q.bytes * 100', 'm.quota')}"
            " FROM mailbox m JOIN quota2 q ON q.username = m.username"
            f" WHERE m.quota > 0 AND q.bytes * 100 >= m.quota * {NEARLY_FULL}"
        )

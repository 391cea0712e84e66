"""The SQL that MariaDB and SQLite write differently, for what runs in the database itself."""

from django.conf import settings

from domains.addresses import BETWEEN_TARGETS, PLAIN_IN_SQL


class Dialect:
    """The few expressions that MariaDB and SQLite write differently."""

    def __init__(self, vendor):
        self.mysql = vendor == "mysql"
        self.ignore = "IGNORE" if self.mysql else "OR IGNORE"

    def joined(self, *parts):
        return f"CONCAT({', '.join(parts)})" if self.mysql else " || ".join(parts)

    def domain_of(self, address):
        if self.mysql:
            return f"SUBSTRING_INDEX({address}, '@', -1)"
        return f"substr({address}, instr({address}, '@') + 1)"

    def domain_named(self, target):
        """The domain that Postfix reads in ``Ann <ann@example.org.> (at home)``, and so on."""
        if self.mysql:
            beside = '[.]*([<>:;"[:space:]]|[(][^)]*[)]?)|[.]$'
            named = self.domain_of(f"REGEXP_REPLACE({target}, '{beside}', '')")
            # ann%example.org, example.org!ann
            return f"SUBSTRING_INDEX(SUBSTRING_INDEX({named}, '%', -1), '!', 1)"
        for mark in '<>:;" ':
            target = f"replace({target}, '{mark}', '')"
        return f"rtrim({self.domain_of(target)}, '.')"

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

    def greatest(self, *values):
        return f"{'GREATEST' if self.mysql else 'MAX'}({', '.join(values)})"

    def divide(self, number, by):
        return f"({number}) DIV ({by})" if self.mysql else f"({number}) / ({by})"

    def items(self, text):
        """A table ``items`` of the targets in ``text``, a ``goto``, each in column ``item``."""
        if self.mysql:
            text = f"REGEXP_REPLACE(REPLACE({text}, '><', '> <'), '{BETWEEN_TARGETS}', ',')"
            array = f"CONCAT('[', REPLACE(JSON_QUOTE({text}), ',', '\",\"'), ']')"
            # The database's own collation would let DISTINCT take ü@example.org for u@example.org.
            column = "item TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$'"
            return f"JSON_TABLE({array}, '$[*]' COLUMNS ({column})) AS items"
        for code in (10, 13, 59):  # line feed, carriage return, semicolon
            text = f"replace({text}, char({code}), ',')"
        array = f"'[' || replace(json_quote({text}), ',', '\",\"') || ']'"
        return f"json_each({array}) AS items"

    @property
    def item(self):
        return "items.item" if self.mysql else "items.value"

    def clean(self, item):
        """One part as it is looked up: trimmed, lower case, at most 255 characters."""
        using = " USING utf8mb4" if self.mysql else ""
        trimmed = item
        for code in (10, 13, 9):  # line feed, carriage return, tab
            trimmed = f"replace({trimmed}, char({code}{using}), ' ')"
        return f"substr(lower(trim({trimmed})), 1, 255)"

    def plain(self, address):
        """True if ``address`` is written the usual way; nobody is told that another is gone."""
        unusual = f"REGEXP '[^{PLAIN_IN_SQL}]'" if self.mysql else f"GLOB '*[^{PLAIN_IN_SQL}]*'"
        return f"({address} NOT {unusual} AND substr({address}, -1) <> '.')"

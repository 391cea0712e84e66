"""The Sieve script of each mailbox by which Dovecot answers while somebody is away: two views, of which deploy/dovecot reads the second.

`manage.py migrate` creates them, `manage.py recount` creates them again. They run with the rights of their caller. Every mailbox has a
row: where there is none, Dovecot 2.4 would defer the mail (451), as both releases do while the database is away, so no answer is
lost. SQLite has no views: no Dovecot reads it.
"""

import hashlib

NAMES = ("sieve_vacation", "sieve_vacation_text")  # the first is made of the second
MOST_ADDRESSES = 200
LONGEST_DAYS = 60  # Dovecot 2.4's sieve_vacation_max_period


def _quoted(text):
    """A string of Sieve (RFC 5228, 2.4.2). Nothing that anybody writes stands in a script outside of one."""
    bare = f"REPLACE({text}, CHAR(0 USING utf8mb4), '')"
    return rf"""CONCAT('"', REPLACE(REPLACE({bare}, '\\', '\\\\'), '"', '\\"'), '"')"""


def _one_line(text):
    """For what becomes a header field: no line ends in it."""
    return f"REGEXP_REPLACE({text}, '[[:cntrl:]]+', ' ')"


def _with_days(text):
    """PostfixAdmin's marks for the days, as TIME_ZONE has them: where the person has others, mailboxes/vacations.py filled them in.

    A message without a first or a last day has none to say.
    """
    first = "IF(v.activefrom < '2000-01-02', '', DATE(v.activefrom))"
    last = "IF(v.activeuntil > '2038-01-17', '', DATE(v.activeuntil))"
    return f"REPLACE(REPLACE({text}, '<%From_Date>', {first}), '<%Until_Date>', {last})"


def _all(text, rows):
    return f"(SELECT GROUP_CONCAT({_quoted(_one_line(text))} ORDER BY 1) FROM {rows})"  # noqa: S608


def _addresses():
    """What counts as the person's own address in To and Cc: the mailbox, the aliases that lead to it alone, and the names of
    both in alias domains. Who writes to a list of several has not written to this person.
    """
    names = "JOIN alias_domain ad ON ad.active = 1 AND ad.target_domain ="
    aliases = "alias_target t JOIN alias a ON a.address = t.alias AND a.active = 1 AND a.is_self_alias = 0"
    alone = "WHERE t.bare = m.username AND a.goto NOT LIKE '%,%' AND a.address NOT LIKE '@%'"
    alone += " AND a.address NOT LIKE '%,%'"
    own_names = "alias_domain ad WHERE ad.target_domain = m.domain AND ad.active = 1"
    same_name = "CONCAT(SUBSTRING_INDEX(a.address, '@', 1), '@', ad.alias_domain)"
    parts = [
        _quoted(_one_line("m.username")),
        _all("CONCAT(m.local_part, '@', ad.alias_domain)", own_names),
        _all("a.address", f"{aliases} {alone}"),
        _all(same_name, f"{aliases} {names} a.domain {alone}"),
    ]
    return f"SUBSTRING_INDEX(CONCAT_WS(',', {', '.join(parts)}), ',', {MOST_ADDRESSES})"


def _script():
    # With another text or another first day (the handle), who was answered before gets an answer again.
    days = f"IF(v.interval_time <= 0, {LONGEST_DAYS}, LEAST({LONGEST_DAYS}, CEIL(v.interval_time / 86400)))"
    handle = "SHA1(CONCAT_WS('|', v.activefrom, v.subject, v.body))"
    # $SUBJECT is PostfixAdmin's mark for the subject of the message; Sieve's own default says that, too.
    subject = f"CONCAT(' :subject ', {_quoted(_one_line(_with_days('v.subject')))})"
    default = "TRIM(v.subject) = '' OR LOCATE('$SUBJECT', v.subject)"
    parts = [
        f"""'require ["vacation"];\\r\\nvacation :days ', {days}, ' :handle "', {handle}, '"'""",
        f"IF({default}, '', {subject})",
        f"' :addresses [', {_addresses()}, '] '",
        _quoted(_with_days("v.body")),
        "';\\r\\n'",
    ]
    return f"CONCAT({', '.join(parts)})"


# While the address of PostfixAdmin's program is among the recipients of a mailbox, that program answers (aliases/away.py).
OF_PROGRAM = (
    "SELECT 1 FROM alias s WHERE s.address = m.username AND LOCATE("
    "CONCAT(',', REPLACE(m.username, '@', '#'), '@'), CONCAT(',', REPLACE(s.goto, ' ', '')))"
)


def statements():
    text = (
        f"SELECT m.username AS username, IF(v.email IS NULL, '# Nobody is away.\\r\\n', {_script()}) AS script"  # noqa: S608
        " FROM mailbox m LEFT JOIN vacation v ON v.email = m.username AND v.active = 1"
        f" AND v.activefrom <= NOW() AND v.activeuntil >= NOW() AND NOT EXISTS ({OF_PROGRAM})"
    )
    # Dovecot compiles a script once for each id, so the id is that of the whole text.
    named = "SELECT username, 'vacation' AS script_name, SHA1(script) AS id, script"
    named += f", '{version(text)}' AS version FROM sieve_vacation_text"
    return {"sieve_vacation_text": text, "sieve_vacation": named}


def version(text):
    """By which the view is known as that of this release: the server keeps it in words of its own."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def are_complete(connection):
    if connection.vendor != "mysql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT TABLE_NAME, SECURITY_TYPE, VIEW_DEFINITION FROM information_schema.VIEWS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN %s",
            [NAMES],
        )
        found = {name: (security, text) for name, security, text in cursor.fetchall()}
    kinds = {security for security, _text in found.values()}
    if found.keys() != set(NAMES) or kinds != {"INVOKER"}:
        return False
    return version(statements()["sieve_vacation_text"]) in found["sieve_vacation"][1]


def create(connection):
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            for name, query in statements().items():
                cursor.execute(f"CREATE OR REPLACE SQL SECURITY INVOKER VIEW {name} AS {query}")


def drop(connection):
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            for name in NAMES:
                cursor.execute(f"DROP VIEW IF EXISTS {name}")

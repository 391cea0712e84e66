"""Fill MariaDB with a mail server of any size, by statements over whole tables.

``python -m tests.bench.data SIZE`` fills the database of DATABASE_URL, if it is empty.

The database makes the rows itself (its SEQUENCE engine), without triggers; afterwards
triggers.rebuild() computes the derived tables, as after an import. A million mailboxes take a
few minutes.
"""

from dataclasses import dataclass

from accounts.passwords import hash_password

PASSWORD = "a quiet evening 42"
BIG = "big.example"
OFFICE = "office."  # begins most names in BIG
SUPERADMIN = "root@panel.example"
MANY_ADMIN = "many@panel.example"
BIG_ADMIN = "big@panel.example"
MANY = 205  # domains of MANY_ADMIN
MB = 1_024_000

FIRST = "anna ben chloe david emma felix grace hugo ida jonas karla leo mia max olga paul quinn rosa sam tara ulla viktor wanda xaver yara zoe"
LAST = "adams becker castro dubois evans fischer garcia hansen ivanov jensen keller lopez moreau novak olsen petit quist rossi schmidt tanaka"


@dataclass(frozen=True)
class Plan:
    size: int

    @property
    def in_big(self):
        return self.size // 10

    @property
    def domains(self):
        """Ordinary domains, besides ``BIG``, alias domains and backup MX; more than MANY of them."""
        return max(300, self.homes)

    @property
    def homes(self):
        """The ordinary domains that are in use: the first ones, with 90 mailboxes each at any size."""
        return max(1, self.size // 100)

    @property
    def alias_domains(self):
        return max(60, self.domains // 20)  # a full page of them at any size

    @property
    def backup_domains(self):
        return max(1, self.domains // 100)

    @property
    def aliases(self):
        return self.size // 5

    @property
    def admins(self):
        return min(2_000, max(20, self.size // 5))


def fill(connection, size, report=lambda step: None):
    from mailboxes import triggers  # not where the bench itself runs: it has no settings

    plan, password = Plan(size), hash_password(PASSWORD)
    triggers.drop(connection)
    with connection.cursor() as cursor:
        # With both off, InnoDB sorts the rows of an empty table and builds its indexes at once.
        cursor.execute("SET unique_checks = 0, foreign_key_checks = 0")
        for table, statement in statements(plan):
            report(table)
            cursor.execute(statement, {"password": password})
        cursor.execute("SET unique_checks = 1, foreign_key_checks = 1")
    report("triggers")
    triggers.create(connection)
    triggers.rebuild(connection)
    report("words")
    triggers.rebuild_words(connection)
    report("statistics")
    with connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        tables = ", ".join(f"`{name}`" for (name,) in cursor.fetchall())
        cursor.execute(f"ANALYZE TABLE {tables}")


def tidy(connection):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM mailbox WHERE username LIKE 'bench%'")
        cursor.execute(
            "DELETE FROM alias WHERE address LIKE 'bench%%' OR address = %s", [f"@{BIG}"]
        )
        cursor.execute("DELETE FROM domain WHERE domain LIKE 'bench%'")
        cursor.execute("DELETE FROM retired_maildir")


def _pick(words, number):
    quoted = ", ".join(f"'{word}'" for word in words.split())
    return f"ELT(1 + ({number}) %% {len(words.split())}, {quoted})"


def _moment(number, every=17):
    return f"TIMESTAMP'2026-01-01 00:00:00' + INTERVAL (({number}) * {every}) %% 25000000 SECOND"


def _numbered_domain(number):
    return f"CONCAT('d', LPAD({number}, 5, '0'), '.example')"


def statements(plan):
    size, domains, homes = plan.size, plan.domains, plan.homes
    yield (
        "domains",
        # One in fifty of those in use is nearly full: about the number of its mailboxes is its limit.
        "INSERT INTO domain (domain, description, mailboxes, aliases, maxquota, quota, created, modified, active)"
        f" SELECT {_numbered_domain('seq')}, CONCAT('Customer ', seq),"
        f" IF(seq %% 50 = 7, {max(1, (size - plan.in_big) // homes * 11 // 10)}, 0), 0, 0, 0,"
        f" {_moment('seq')}, {_moment('seq', 1_009)}, seq %% 40 <> 9 FROM seq_1_to_{domains}",
    )
    yield (
        "alias and backup domains",
        "INSERT INTO domain (domain, description, backupmx, created, modified, active)"
        f" SELECT '{BIG}', 'The big one', 0, {_moment('1')}, {_moment('2')}, 1"
        f" UNION ALL SELECT CONCAT('alias', LPAD(seq, 5, '0'), '.example'), '', 0, {_moment('seq')}, {_moment('seq')}, 1"
        f" FROM seq_1_to_{plan.alias_domains}"
        f" UNION ALL SELECT CONCAT('backup', LPAD(seq, 5, '0'), '.example'), '', 1, {_moment('seq')}, {_moment('seq')}, 1"
        f" FROM seq_1_to_{plan.backup_domains}"
        f" UNION ALL SELECT 'ALL', '', 0, {_moment('1')}, {_moment('1')}, 1",
    )
    yield (
        "alias domain links",
        "INSERT INTO alias_domain (alias_domain, target_domain, created, modified)"
        f" SELECT CONCAT('alias', LPAD(seq, 5, '0'), '.example'), {_numbered_domain(f'1 + seq * 7 %% {homes}')},"
        f" {_moment('seq')}, {_moment('seq')} FROM seq_1_to_{plan.alias_domains}",
    )
    home = f"IF(seq < {plan.in_big}, '{BIG}', {_numbered_domain(f'1 + seq %% {homes}')})"
    # What is looked for in the big domain, and what is inactive, is more than a page at any size.
    office = f"IF(seq < {plan.in_big} AND seq %% 5 < 3, '{OFFICE}', '')"
    name = f"CONCAT({office}, {_pick(FIRST, 'seq')}, '.', {_pick(LAST, 'seq DIV 26')}, seq)"
    yield (
        "mailboxes",
        "INSERT INTO mailbox (username, password, name, maildir, quota, local_part, domain, created, modified, active)"
        f" SELECT CONCAT(name, '@', home), %(password)s, CONCAT({_pick(FIRST, 'seq')}, ' ', {_pick(LAST, 'seq DIV 26')}),"
        f" CONCAT(home, '/', name, '/'), IF(seq %% 10 = 3, 0, (1 + seq %% 5) * 200 * {MB}), name, home,"
        f" {_moment('seq')}, {_moment('seq', 1_009)}, seq %% 8 <> 3"
        f" FROM (SELECT seq, {name} AS name, {home} AS home FROM seq_0_to_{size - 1}) AS made ORDER BY 1",
    )
    yield (
        "quota in use",
        "INSERT INTO quota2 (username, bytes, messages)"
        " SELECT username, IF(number %% 100 < 2, 80 + number %% 23, number %% 75) * quota DIV 100, number %% 4000"
        " FROM (SELECT username, quota, CRC32(username) AS number FROM mailbox) AS made ORDER BY 1",
    )
    yield (
        "aliases",
        "INSERT INTO alias (address, goto, domain, created, modified, active, description, is_self_alias)"
        " SELECT username, username, domain, created, modified, active, '', 1 FROM mailbox"
        " UNION ALL"
        # To a mailbox of the same domain (they are numbered in steps), elsewhere too for some,
        # and for one in 500 to a mailbox that is gone.
        f" SELECT CONCAT('team', seq, '@', home), CONCAT({name}, IF(seq %% 500 = 77, 'gone', ''), '@', home,"
        " IF(seq %% 3 = 0, CONCAT(',partner', seq, '@elsewhere.test'), '')),"
        f" home, {_moment('seq')}, {_moment('seq', 503)}, seq %% 60 <> 13, IF(seq %% 4 = 0, 'Shared', ''), 0"
        f" FROM (SELECT seq, {home} AS home FROM seq_0_to_{plan.aliases - 1}) AS made"
        " UNION ALL"
        f" SELECT CONCAT('@', {_numbered_domain('seq * 50')}), CONCAT('catchall', seq, '@elsewhere.test'),"
        f" {_numbered_domain('seq * 50')}, {_moment('seq')}, {_moment('seq')}, 1, '', 0 FROM seq_1_to_{max(1, domains // 50)}"
        " ORDER BY 1",
    )
    yield (
        "administrators",
        "INSERT INTO admin (username, password, created, modified, active, superadmin)"
        f" SELECT '{SUPERADMIN}', %(password)s, {_moment('1')}, {_moment('1')}, 1, 1"
        f" UNION ALL SELECT '{MANY_ADMIN}', %(password)s, {_moment('1')}, {_moment('1')}, 1, 0"
        f" UNION ALL SELECT '{BIG_ADMIN}', %(password)s, {_moment('1')}, {_moment('1')}, 1, 0"
        f" UNION ALL SELECT CONCAT('admin', LPAD(seq, 4, '0'), '@panel.example'), %(password)s, {_moment('seq')}, {_moment('seq')}, seq %% 30 <> 8, 0"
        f" FROM seq_4_to_{plan.admins}",
    )
    yield (
        "their domains",
        "INSERT INTO domain_admins (username, domain, created, active)"
        f" SELECT '{SUPERADMIN}', 'ALL', {_moment('1')}, 1"
        f" UNION ALL SELECT '{BIG_ADMIN}', '{BIG}', {_moment('1')}, 1"
        f" UNION ALL SELECT '{MANY_ADMIN}', {_numbered_domain(f'1 + seq * {domains} DIV {MANY}')}, {_moment('1')}, 1"
        f" FROM seq_0_to_{MANY - 1}"
        f" UNION ALL SELECT CONCAT('admin', LPAD(a.seq, 4, '0'), '@panel.example'), {_numbered_domain(f'1 + (a.seq * 5 + n.seq) %% {domains}')}, {_moment('a.seq')}, 1"
        f" FROM seq_4_to_{plan.admins} a JOIN seq_0_to_4 n",
    )
    yield (
        "log",
        "INSERT INTO log (timestamp, username, domain, action, data, changes)"
        f" SELECT {_moment('seq', 13)}, CONCAT('admin', LPAD(4 + seq %% {plan.admins - 3}, 4, '0'), '@panel.example (192.0.2.', seq %% 250, ')'),"
        f" IF(seq %% 10 = 0, '{BIG}', {_numbered_domain(f'1 + seq %% {homes}')}),"
        f" {_pick('create_mailbox edit_mailbox edit_mailbox_state edit_password create_alias edit_alias delete_alias edit_domain', 'seq DIV 7')},"
        f" CONCAT('team', seq, '@', {_numbered_domain(f'1 + seq %% {homes}')}),"
        ' ELT(1 + (seq DIV 7) %% 8, NULL, \'{"name": ["", "Mia Rossi"]}\', \'{"active": [true, false]}\', NULL,'
        ' NULL, \'{"goto": ["a@elsewhere.test", "b@elsewhere.test"]}\', NULL, \'{"quota": [0, 2048]}\')'
        f" FROM seq_1_to_{2 * size}",
    )
    yield (
        "last sign-ins",
        "INSERT INTO last_login (username, protocol, at)"
        " SELECT username, 'imap', UNIX_TIMESTAMP() - CRC32(username) %% 20000000 FROM mailbox"
        " WHERE CRC32(username) %% 10 < 9",
    )
    yield (
        "figures of days before",
        "INSERT INTO usage_day (domain, day, bytes, messages, mailboxes, aliases, changes)"
        " SELECT domain, CURDATE() - INTERVAL seq DAY, (1000 - seq) * 9000000, (1000 - seq) * 90,"
        " 90 - seq DIV 10, 20, seq * 7 %% 5 FROM domain JOIN seq_0_to_364 WHERE domain <> 'ALL'"
        f" UNION ALL SELECT '', CURDATE() - INTERVAL seq DAY, (1000 - seq) * 9000000 * {domains},"
        f" (1000 - seq) * 90 * {domains}, (90 - seq DIV 10) * {domains}, 20 * {domains}, seq * 7 %% 5 * {domains}"
        " FROM seq_0_to_364",
    )
    yield (
        "sizes of nearly full mailboxes",
        "INSERT INTO mailbox_day (username, day, bytes)"
        " SELECT username, CURDATE() - INTERVAL seq DAY, q.bytes * (200 - seq) DIV 200"
        " FROM mailbox m JOIN quota2 q USING (username) JOIN seq_0_to_30"
        " WHERE m.quota > 0 AND q.bytes * 100 >= m.quota * 80",
    )
    yield (
        "quota warnings",
        "INSERT INTO quota_warning (username, percent, at)"
        f" SELECT username, IF(q.bytes * 100 >= m.quota * 95, 95, 80), {_moment('1')}"
        " FROM mailbox m JOIN quota2 q USING (username)"
        " WHERE m.quota > 0 AND q.bytes * 100 >= m.quota * 80",
    )


# What is asked of the maps: keys that are there, by kind. With an x in front none of them is.
LOOKUPS = {
    "mailbox": "SELECT username AS name FROM mailbox WHERE active",
    "alias": "SELECT address AS name FROM alias WHERE active AND NOT is_self_alias",
    "domain": "SELECT domain AS name FROM domain WHERE active AND NOT backupmx AND domain <> 'ALL'",
    "backup domain": "SELECT domain AS name FROM domain WHERE active AND backupmx",
    "address in an alias domain": "SELECT CONCAT(m.local_part, '@', d.alias_domain) AS name"
    " FROM alias_domain d JOIN mailbox m ON m.domain = d.target_domain AND m.active",
}

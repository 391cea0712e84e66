"""What is asked of the rows: see asking.py for how."""

import re

from django.conf import settings

from accounts import passwords
from mailadmin.findings.asking import KEYS, Check, each_key, in_both
from mailadmin.findings.found import CHANGE, DECIDE, KEEP, STOP
from panel.addresses import MAX_LOCAL_PART, PLAIN_IN_SQL

# Two columns that say again what the key says.
PARTS = {"mailbox": ("username", "domain"), "alias": ("address", "domain")}
TARGETS = (
    "JSON_TABLE(CONCAT('[', REPLACE(JSON_QUOTE(CONVERT(a.goto USING utf8mb4)), ',', '\",\"'), ']'), '$[*]'"
    " COLUMNS (target TEXT PATH '$')) t"
)


def _collisions(source):
    return " UNION ALL ".join(
        f"SELECT CONCAT('{table} ', k({key})) FROM <{table}> GROUP BY k({key}) HAVING COUNT(*) > 1"
        for table, key in KEYS.items()
    )


def _redundant(source):
    asked = [
        f"SELECT CONCAT('{table} ', {key}) FROM <{table}>"
        f" WHERE k({part}) <> SUBSTRING_INDEX(k({key}), '@', -1)"
        for table, (key, part) in PARTS.items()
    ]
    asked.append(
        "SELECT CONCAT('mailbox ', username) FROM <mailbox> WHERE k(local_part) <> LEFT(k(username),"
        " CHAR_LENGTH(k(username)) - CHAR_LENGTH(SUBSTRING_INDEX(k(username), '@', -1)) - 1)"
    )
    # UNION: a row that has both wrong is one.
    return " UNION ".join(asked)


def _zero_dates(source):
    asked = [
        f"SELECT CONCAT('{table} ', {KEYS[table]}) FROM <{table}> WHERE CAST({column} AS CHAR) LIKE '0000%'"
        for table in KEYS
        for column, (kind, *_rest) in source.columns[table].items()
        if kind.startswith(("datetime", "timestamp"))
    ]
    return " UNION ".join(asked)


def _unknown_schemes(source):
    known = ", ".join(f"'{scheme}'" for scheme in sorted(passwords.KNOWN_SCHEMES))
    scheme = "UPPER(SUBSTRING_INDEX(SUBSTRING_INDEX(SUBSTRING(password, 2), '}', 1), '.', 1))"
    return in_both(f"password LIKE '{{%}}%' AND {scheme} NOT IN ({known})")


def _nested(source):
    # A directory within four others at the most: deeper ones are no mailboxes' but their folders'.
    return " UNION ".join(
        "SELECT CONCAT(m.username, ' in ', o.username) FROM <mailbox> m JOIN <mailbox> o"
        f" ON o.maildir = CONCAT(SUBSTRING_INDEX(m.maildir, '/', {depth}), '/')"
        " WHERE CHAR_LENGTH(o.maildir) < CHAR_LENGTH(m.maildir)"
        for depth in range(1, 5)
    )


def _away(source):
    domain = str(source.configuration["vacation_domain"])
    if not re.fullmatch(r"[\w.-]+", domain, re.ASCII):
        return ""
    return f"SELECT address FROM <alias> WHERE goto LIKE '%#%@{domain}%'"


def _delimited(source):
    delimiter = settings.RECIPIENT_DELIMITER.replace("'", "''")
    return f"SELECT username FROM <mailbox> WHERE SUBSTRING_INDEX(username, '@', 1) LIKE '_%{delimiter}%'"


_NO_DOMAIN = "LEFT JOIN <domain> d ON k(d.domain) = SUBSTRING_INDEX(k({key}), '@', -1) WHERE d.domain IS NULL"
_HASHED = (
    "password NOT LIKE '$%' AND password NOT LIKE '{%}%' AND password NOT REGEXP '^[0-9a-f]{32}$'"
    " AND (CHAR_LENGTH(password) <> 13 OR password NOT REGEXP '^[./0-9A-Za-z]+$')"
)

CHECKS = [
    # --- Keys
    Check(
        "keys-that-become-one",
        STOP,
        "Keys that differ only in blanks or capitals",
        "Two rows cannot have one key: rename or delete one of each in PostfixAdmin.",
        _collisions,
    ),
    Check(
        "keys-in-capitals",
        CHANGE,
        "Keys with capitals or blanks around them",
        "Stored in small letters and without the blanks, as Postfix asks for them. Who signs in to PostfixAdmin types small letters from then on.",
        each_key("KEY <> 'ALL' AND BINARY CONVERT(KEY USING utf8mb4) <> BINARY k(KEY)"),
    ),
    Check(
        "keys-not-ascii",
        KEEP,
        "Keys that are not ASCII",
        "Kept. Mail reaches them only from servers that speak SMTPUTF8, and only where Postfix does.",
        each_key("LENGTH(CONVERT(KEY USING utf8mb4)) <> CHAR_LENGTH(KEY)"),
    ),
    Check(
        "names-refused-here",
        KEEP,
        "Names that the forms of this panel refuse",
        "Kept, and mail for them is delivered as before. This panel makes no new ones of the kind.",
        "SELECT CONCAT('mailbox ', username) FROM <mailbox>"
        f" WHERE k(username) NOT REGEXP '^[{PLAIN_IN_SQL}]+$' OR username NOT LIKE '_%@_%'"
        " UNION ALL SELECT CONCAT('alias ', address) FROM <alias>"
        f" WHERE k(address) NOT REGEXP '^[{PLAIN_IN_SQL}]+$' OR address NOT LIKE '%@_%'",
    ),
    Check(
        "names-too-long",
        KEEP,
        "Names of more than 64 characters before the @",
        "Kept. RFC 5321 allows no longer ones: through a catch-all they are refused here.",
        each_key(
            f"KEY LIKE '%@%' AND CHAR_LENGTH(SUBSTRING_INDEX(KEY, '@', 1)) > {MAX_LOCAL_PART}"
        ),
    ),
    Check(
        "names-with-the-delimiter",
        DECIDE,
        f"Mailboxes with “{settings.RECIPIENT_DELIMITER}” in their name",
        "Mail for them would be read as mail for the name before it. Rename them, or keep PostfixAdmin's mailbox map beside ours, and say --accept names-with-the-delimiter.",
        _delimited,
    ),
    # --- Rows without what they refer to
    Check(
        "mailboxes-without-domain",
        CHANGE,
        "Mailboxes in a domain that has no row",
        "A domain that is off is made for each: sign-ins and what the maps answer stay as they were.",
        f"SELECT m.username FROM <mailbox> m {_NO_DOMAIN.format(key='m.username')}",
    ),
    Check(
        "aliases-without-domain",
        CHANGE,
        "Aliases in a domain that has no row",
        "A domain that is off is made for each: what the maps answer stays as it was.",
        f"SELECT a.address FROM <alias> a {_NO_DOMAIN.format(key='a.address')}",
    ),
    Check(
        "alias-domains-without-domain",
        CHANGE,
        "Alias domains whose name or target has no row",
        "A domain that is off is made for each.",
        " UNION ".join(
            f"SELECT a.alias_domain FROM <alias_domain> a {_NO_DOMAIN.format(key=key)}"
            for key in ("a.alias_domain", "a.target_domain")
        ),
        ("alias_domain",),
    ),
    Check(
        "rights-without-administrator",
        CHANGE,
        "Rights of administrators who have no account",
        "They stay in the old table only: nobody has them.",
        "SELECT CONCAT(r.username, ' ', r.domain) FROM <domain_admins> r LEFT JOIN <admin> a"
        " ON k(a.username) = k(r.username) WHERE a.username IS NULL",
    ),
    Check(
        "rights-without-domain",
        KEEP,
        "Rights for domains that have no row",
        "Kept: they give nothing.",
        "SELECT CONCAT(r.username, ' ', r.domain) FROM <domain_admins> r LEFT JOIN <domain> d"
        " ON k(d.domain) = k(r.domain) WHERE d.domain IS NULL AND r.domain <> 'ALL'",
    ),
    Check(
        "rights-twice",
        KEEP,
        "Rights that are stored more than once",
        "Kept: they count once.",
        "SELECT CONCAT(k(username), ' ', k(domain)) FROM <domain_admins> GROUP BY k(username), k(domain)"
        " HAVING COUNT(*) > 1",
    ),
    Check(
        "rights-off",
        KEEP,
        "Rights that are switched off",
        "Kept: they give nothing, as in PostfixAdmin.",
        "SELECT CONCAT(username, ' ', domain) FROM <domain_admins> WHERE active = 0",
    ),
    Check(
        "columns-unlike-the-key",
        CHANGE,
        "Rows whose columns “domain” or “local_part” do not agree with the address",
        "The address decides; the columns are written anew.",
        _redundant,
    ),
    # --- Administrators
    Check(
        "superadmins-by-flag",
        KEEP,
        "Superadmins without the row ALL",
        "They are superadmins here too.",
        "SELECT a.username FROM <admin> a LEFT JOIN <domain_admins> r ON k(r.username) = k(a.username)"
        " AND r.domain = 'ALL' WHERE a.superadmin = 1 AND r.username IS NULL",
        (("admin", "superadmin"),),
    ),
    Check(
        "superadmins-by-row",
        DECIDE,
        "Administrators with the row ALL who are not marked as superadmins",
        "Here they would manage nothing. Mark them in PostfixAdmin, take the row away, or say --accept superadmins-by-row.",
        "SELECT a.username FROM <admin> a JOIN <domain_admins> r ON k(r.username) = k(a.username)"
        " AND r.domain = 'ALL' WHERE a.superadmin = 0",
        (("admin", "superadmin"),),
    ),
    # --- Where mail goes
    Check(
        "own-aliases-missing",
        KEEP,
        "Mailboxes without an alias of their own",
        "Kept. If their domain has a catch-all, it took their mail; here the mailbox gets it.",
        "SELECT m.username FROM <mailbox> m LEFT JOIN <alias> a ON k(a.address) = k(m.username)"
        " WHERE a.address IS NULL",
    ),
    Check(
        "own-aliases-out-of-step",
        KEEP,
        "Mailboxes that are on with their own alias off, or the reverse",
        "Kept as they are.",
        "SELECT m.username FROM <mailbox> m JOIN <alias> a ON k(a.address) = k(m.username)"
        " WHERE m.active <> a.active",
    ),
    Check(
        "aliases-that-lead-nowhere",
        KEEP,
        "Aliases without a recipient",
        "Kept: mail for them is refused.",
        "SELECT address FROM <alias> WHERE TRIM(REPLACE(goto, ',', ' ')) = ''",
    ),
    Check(
        "recipients-that-do-not-exist",
        KEEP,
        "Recipients in own domains that are neither mailbox nor alias",
        "Kept. PostfixAdmin's maps accept such mail and bounce it; ours leave these recipients out.",
        "SELECT CONCAT(a.address, ' to ', t.target) FROM <alias> a JOIN "
        + TARGETS
        + " JOIN <domain> d ON k(d.domain) = SUBSTRING_INDEX(k(t.target), '@', -1)"
        " LEFT JOIN <alias_domain> ad ON k(ad.alias_domain) = k(d.domain)"
        " LEFT JOIN <alias> x ON k(x.address) = k(t.target)"
        " LEFT JOIN <mailbox> m ON k(m.username) = k(t.target)"
        " LEFT JOIN <alias> c ON k(c.address) = CONCAT('@', k(d.domain))"
        " WHERE k(a.goto) <> k(a.address) AND a.active = 1 AND d.active = 1 AND k(t.target) LIKE '_%@%'"
        " AND ad.alias_domain IS NULL AND x.address IS NULL AND m.username IS NULL AND c.address IS NULL",
        ("alias_domain",),
    ),
    Check(
        "alias-domains-in-a-chain",
        KEEP,
        "Alias domains that lead to an alias domain",
        "Kept: their addresses are looked up in the first target only, as before.",
        "SELECT CONCAT(a.alias_domain, ' to ', a.target_domain) FROM <alias_domain> a JOIN <alias_domain> b"
        " ON k(b.alias_domain) = k(a.target_domain)",
        ("alias_domain",),
    ),
    Check(
        "transports-refused-here",
        KEEP,
        "Domains with a transport that the forms of this panel refuse",
        "Kept as it is. Whoever changes the domain here has to write another one.",
        r"""SELECT CONCAT(domain, ' ', transport) FROM <domain> WHERE BINARY transport NOT REGEXP"""
        r""" '^([a-z][a-z0-9_-]*(:[^[:space:],"\\\\'']*)?)?$'""",
    ),
    Check(
        "away-messages",
        KEEP,
        "Aliases through which PostfixAdmin's vacation program answers",
        "Kept: its program goes on answering. Here such a recipient is shown as its away message.",
        _away,
        ("vacation",),
    ),
    # --- Mailboxes
    Check(
        "quotas-below-zero",
        KEEP,
        "Mailboxes with a quota below zero",
        "Kept. Dovecot refuses to open such a mailbox: give it a quota.",
        "SELECT username FROM <mailbox> WHERE quota < 0",
    ),
    Check(
        "quotas-tiny",
        KEEP,
        "Mailboxes with less than 1 MB",
        "Kept. Somebody may have written megabytes where bytes are meant.",
        f"SELECT username FROM <mailbox> WHERE quota BETWEEN 1 AND {settings.QUOTA_MULTIPLIER - 1}",
    ),
    Check(
        "directories-that-escape",
        KEEP,
        "Mailboxes whose directory is absolute or leads out of the mail root",
        "Kept: Dovecot goes on reading them there. Look at each.",
        "SELECT CONCAT(username, ' ', maildir) FROM <mailbox>"
        " WHERE maildir LIKE '/%' OR CONCAT('/', maildir, '/') LIKE '%/../%'",
    ),
    Check(
        "directories-shared",
        KEEP,
        "Directories that more than one mailbox has",
        "Kept: these people read each other's mail.",
        "SELECT CONCAT(maildir, ' ', COUNT(*)) FROM <mailbox> GROUP BY maildir HAVING COUNT(*) > 1",
    ),
    Check(
        "directories-in-one-another",
        KEEP,
        "Mailboxes whose directory lies in another's",
        "Kept. The owner of the outer one may read the inner one's mail as a folder.",
        _nested,
    ),
    Check(
        "directories-without-slash",
        KEEP,
        "Mailboxes whose directory does not end with a slash",
        "Kept as it is.",
        "SELECT CONCAT(username, ' ', maildir) FROM <mailbox> WHERE maildir NOT LIKE '%/'",
    ),
    Check(
        "zero-dates",
        CHANGE,
        "Rows with the date 0000-00-00",
        "Stored as 2000-01-01, which means “unknown” in PostfixAdmin too.",
        _zero_dates,
    ),
    # --- Passwords
    Check(
        "second-factors",
        DECIDE,
        "Accounts with a second factor",
        "It is not asked for here yet: they would sign in with the password alone. Say --accept second-factors if that may be.",
        in_both("totp_secret <> ''"),
        (("admin", "totp_secret"), ("mailbox", "totp_secret")),
    ),
    Check(
        "passwords-in-clear",
        KEEP,
        "Passwords that are no hash",
        "Kept. Nobody signs in to this panel with them; Dovecot takes them only as PLAIN. Set new ones.",
        in_both(_HASHED),
    ),
    Check(
        "passwords-marked-plain",
        KEEP,
        "Passwords stored in clear text",
        "Kept and accepted. They are replaced by a hash once PostfixAdmin is gone.",
        in_both("password LIKE '{PLAIN}%' OR password LIKE '{CLEAR%}%'"),
    ),
    Check(
        "passwords-with-one-salt",
        KEEP,
        "Passwords with PostfixAdmin's constant salt",
        "Kept and accepted. Equal passwords have equal hashes there, and one guess serves for all: ask for new ones.",
        in_both("password LIKE '%$1$c9809462$%'"),
    ),
    Check(
        "passwords-of-unknown-schemes",
        KEEP,
        "Passwords of a scheme that this panel does not read",
        "Kept. Their owners do not sign in to the panel; Dovecot may read them.",
        _unknown_schemes,
    ),
]

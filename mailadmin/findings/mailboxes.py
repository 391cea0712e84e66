from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts import passwords
from mailadmin.findings.asking import KEYS, Check, in_both
from mailadmin.findings.found import CHANGE, KEEP


def _zero_dates(source):
    asked = []
    for table, key in KEYS.items():
        zero = " OR ".join(
            f"CAST({column} AS CHAR) LIKE '0000%'"
            for column, (kind, *_rest) in source.columns[table].items()
            if kind.startswith(("datetime", "timestamp"))
        )
        asked.append(f"SELECT '{table}' AS of_table, {key} AS named FROM <{table}> WHERE {zero}")
    return " UNION ALL ".join(asked)


def _unknown_schemes(source):
    known = ", ".join(f"'{scheme}'" for scheme in sorted(passwords.KNOWN_SCHEMES))
    scheme = "UPPER(SUBSTRING_INDEX(SUBSTRING_INDEX(SUBSTRING(password, 2), '}', 1), '.', 1))"
    return in_both(f"password LIKE '{{%}}%' AND {scheme} NOT IN ({known})")


def _weak(source):
    schemes = " OR ".join(
        f"password LIKE '{{{scheme}{end}%'"
        for scheme in passwords.WEAK_SCHEMES
        for end in ("}", ".")
    )
    # Without a scheme: crypt's MD5 and DES, and 32 hexadecimal digits.
    bare = "password LIKE '$1$%' OR password LIKE '{CRYPT}$1$%' OR password REGEXP '^([0-9a-f]{32}|[./0-9A-Za-z]{13})$'"
    return in_both(f"({schemes} OR {bare}) AND password NOT LIKE '%$1$c9809462$%'")


def _nested(source):
    # A directory within four others at the most: deeper ones are no mailboxes' but their folders'.
    return " UNION ".join(
        "SELECT m.username, 'in' AS lies, o.username AS outer_one FROM <mailbox> m JOIN <mailbox> o"
        f" ON o.maildir = CONCAT(SUBSTRING_INDEX(m.maildir, '/', {depth}), '/')"
        " WHERE CHAR_LENGTH(o.maildir) < CHAR_LENGTH(m.maildir)"
        for depth in range(1, 5)
    )


_HASHED = (
    "password NOT LIKE '$%' AND password NOT LIKE '{%}%' AND password NOT REGEXP '^[0-9a-f]{32}$'"
    " AND password NOT REGEXP '^([./0-9A-Za-z]{13}|_[./0-9A-Za-z]{19})$'"
)

CHECKS = [
    Check(
        "quotas-below-zero",
        KEEP,
        _("Mailboxes with a quota below zero"),
        "Kept. Dovecot refuses to open such a mailbox: give it a quota.",
        "SELECT username FROM <mailbox> WHERE quota < 0",
        row="mailbox",
        why=_(
            "With this panel’s Dovecot files they have no limit; with PostfixAdmin’s, Dovecot refuses to open them. Give them a limit, or “no limit”."
        ),
    ),
    Check(
        "quotas-tiny",
        KEEP,
        _("Mailboxes with less than 1 MB"),
        "Kept. Somebody may have written megabytes where bytes are meant.",
        f"SELECT username FROM <mailbox> WHERE quota BETWEEN 1 AND {settings.QUOTA_MULTIPLIER - 1}",
        row="mailbox",
        why=_(
            "Hardly a message fits in. Somebody may have written megabytes where bytes are meant."
        ),
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
        _("Mailboxes whose directory lies in another’s"),
        "Kept. The owner of the outer one may read the inner one's mail as a folder.",
        _nested,
        row="mailbox",
        why=_(
            "Whoever reads the outer mailbox may see the inner one’s mail as a folder, and deleting the outer one takes both."
        ),
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
        _("Rows with the date 0000-00-00"),
        "Stored as 2000-01-01, which means “unknown” in PostfixAdmin too.",
        _zero_dates,
        row="*",
        why=_(
            "Programs that compare dates read them differently or stop. 2000-01-01 is what PostfixAdmin and this panel mean by “unknown”."
        ),
    ),
    Check(
        "second-factors",
        KEEP,
        "Accounts with a second factor",
        "Kept and asked for here too: the same codes open both panels. The secrets are encrypted once PostfixAdmin is gone.",
        in_both("totp_secret <> ''"),
        (("admin", "totp_secret"), ("mailbox", "totp_secret")),
    ),
    Check(
        "passwords-in-clear",
        KEEP,
        _("Passwords that are no hash"),
        "Kept. Nobody signs in to this panel with them; Dovecot takes them only as PLAIN. Set new ones.",
        in_both(_HASHED),
        row="*",
        why=_(
            "Nobody signs in with them. They may be locks, such as an exclamation mark, or passwords that another program wrote as typed: nobody can tell, so they are not made to work."
        ),
    ),
    Check(
        "passwords-marked-plain",
        KEEP,
        _("Passwords stored in clear text"),
        "Kept and accepted. They are replaced by a hash once PostfixAdmin is gone.",
        in_both("password LIKE '{PLAIN}%' OR password LIKE '{CLEAR%}%'"),
        row="*",
        why=_(
            "Whoever reads the database or a backup can read them. The same passwords work on as hashes."
        ),
    ),
    Check(
        "passwords-with-one-salt",
        KEEP,
        _("Passwords with PostfixAdmin’s constant salt"),
        "Kept and accepted. Equal passwords have equal hashes there, and one guess serves for all: ask for new ones.",
        in_both("password LIKE '%$1$c9809462$%'"),
        row="*",
        why=_(
            "PostfixAdmin wrote them all with one salt: equal passwords have equal hashes, and one guess is tried on all at once."
        ),
    ),
    Check(
        "passwords-weak",
        KEEP,
        _("Passwords in a form that is guessed fast"),
        "Kept and accepted. They are replaced as their owners sign in, once PostfixAdmin is gone.",
        _weak,
        row="*",
        why=_(
            "One quick digest, or an old crypt(): whoever gets hold of the hashes tries millions of passwords a second."
        ),
    ),
    Check(
        "passwords-of-unknown-schemes",
        KEEP,
        _("Passwords of a scheme that this panel does not read"),
        "Kept. Their owners do not sign in to the panel; Dovecot may read them.",
        _unknown_schemes,
        row="*",
        why=_("Their owners cannot sign in here; Dovecot may read them."),
    ),
]

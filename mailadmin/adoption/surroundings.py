import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings

from mailadmin.findings.found import KEEP, Finding

# Where Debian's programs keep what names a database; read, never changed.
ROOTS = (
    *(
        "postfix",
        "dovecot",
        "postfixadmin",
        "roundcube",
        "opendkim",
        "opendkim.conf",
        "amavis",
        "spamassassin",
    ),
    *("cron.d", "cron.daily", "cron.weekly", "backup.d", "default", "mail"),
)
LARGEST = 1_000_000  # bytes of a file that is looked at
LAYOUTS = {
    ("YES", "NO"): "{domain}/{local_part}/",
    ("YES", "YES"): "{domain}/{username}/",
    ("NO", "NO"): "{username}/",
    ("NO", "YES"): "{username}/",
}
READS_OURS = "php_crypt:SHA512::{SHA512-CRYPT}"


@dataclass(frozen=True)
class Setting:
    name: str
    wanted: str
    now: str
    known_by: str

    @property
    def is_right(self):
        return self.wanted == self.now


def needed_settings(source, etc=Path("/etc")):
    conf = source.configuration
    yield _setting("QUOTA_MULTIPLIER", *_multiplier(source))
    layout = LAYOUTS.get(
        (_yes(conf["domain_path"]), _yes(conf["domain_in_mailbox"])), LAYOUTS["YES", "NO"]
    )
    yield _setting("MAILDIR_LAYOUT", layout, "$CONF['domain_path'] and ['domain_in_mailbox']")
    scheme = "PLAIN" if str(conf["encrypt"]).lower() in {"cleartext", "plain"} else "CRYPT"
    yield _setting("PASSWORD_DEFAULT_SCHEME", scheme, f"$CONF['encrypt'] = '{conf['encrypt']}'")
    if roles := ",".join(sorted(conf["default_aliases"])):
        now = ",".join(sorted(settings.ROLE_ADDRESSES))
        yield Setting("ROLE_ADDRESSES", roles, now, "$CONF['default_aliases']")
    if (delimiter := _delimiter(etc)) is not None:
        yield _setting("RECIPIENT_DELIMITER", delimiter, f"{etc}/postfix/main.cf")
    yield from _zone(source, etc)


def line_for_postfixadmin(source):
    """The line without which PostfixAdmin refuses passwords that this panel wrote; "" where it reads them."""
    encrypt = str(source.configuration["encrypt"])
    if (
        source.release in {"4.0", "later than 4.0"}
        or encrypt == READS_OURS
        or encrypt.startswith("dovecot:")
        or _reads_only_its_own(encrypt)
    ):
        return ""
    return f"$CONF['encrypt'] = '{READS_OURS}';"


def about_encrypt(source):
    encrypt = str(source.configuration["encrypt"])
    if not _reads_only_its_own(encrypt) or source.release in {"4.0", "later than 4.0"}:
        return None
    return Finding(
        "encrypt-of-one-kind",
        KEEP,
        f"PostfixAdmin reads passwords of one kind only: $CONF['encrypt'] = '{encrypt}'",
        "This panel accepts them. But PostfixAdmin cannot read a password that is changed here, and no setting lets it read both: until --finish,"
        " change in PostfixAdmin the passwords of those who sign in there.",
    )


def about_figures(source):
    if _yes(source.configuration["new_quota_table"]) == "YES":
        return None
    return Finding(
        "figures-in-the-older-table",
        KEEP,
        "PostfixAdmin reads from the table “quota” how much mail there is: $CONF['new_quota_table'] = 'NO'",
        "That table is left alone, and PostfixAdmin goes on reading it. This panel reads “quota2”: let Dovecot's dictionary write"
        " there (docs/sql-contract.md), or no page shows how full a mailbox is.",
    )


def _reads_only_its_own(encrypt):
    # It compares texts of this kind; crypt(), which the line is about, knows none of them.
    kind = encrypt.lower().partition(":")[0]
    return kind in {"md5", "cleartext", "plain", "authlib", "courier"}


def places_that_name(database, etc=Path("/etc")):
    """``path:line`` of what names the database, without the line: it often holds a password."""
    name = re.escape(database)
    wanted = re.compile(
        rf"dbname\s*=\s*['\"]?{name}\b|mysql://\S*/{name}\b|DATABASE_URL.*/{name}\b"
        rf"|mysqldump\b.*\b{name}\b|mariadb-dump\b.*\b{name}\b|mysql:[^\n]*(?:dbname|database)={name}\b"
        rf"|\$(?:db|db_name|dbname|database)\s*=\s*['\"]{name}['\"]|\bdb_name\s*=\s*{name}\b"
    )
    for root in ROOTS:
        place = etc / root
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            try:
                if not path.is_file() or path.stat().st_size > LARGEST:
                    continue
                lines = path.read_text(errors="replace").splitlines()
            except OSError:
                continue
            for number, line in enumerate(lines, start=1):
                if wanted.search(line):
                    yield f"{path}:{number}"


def _setting(name, wanted, known_by):
    return Setting(name, str(wanted), str(getattr(settings, name)), known_by)


def _yes(value):
    return "YES" if value is True or str(value).upper() == "YES" else "NO"


def _multiplier(source):
    # The configuration's, unless the quotas are multiples of the other one alone.
    stated = int(source.configuration["quota_multiplier"])
    for multiplier in (stated, 1_024_000, 1_048_576):
        found = source.one(
            f"SELECT COUNT(*) FROM {source.quoted('mailbox')} WHERE quota > 0 AND quota %% %s <> 0",
            [multiplier],
        )
        if not found:
            return (
                multiplier,
                "$CONF['quota_multiplier']" if multiplier == stated else "the stored quotas",
            )
    return stated, "$CONF['quota_multiplier']"


def _delimiter(etc):
    try:
        text = (etc / "postfix" / "main.cf").read_text(errors="replace")
    except OSError:
        return None
    found = re.findall(r"(?m)^recipient_delimiter\s*=[ \t]*(\S*)", text)
    return found[-1] if found and found[-1] else None


def _zone(source, etc):
    # PostfixAdmin lets the server write the time: its zone is what the stored dates are in.
    offset = source.one("SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), NOW())")
    ours = datetime.now(ZoneInfo(settings.TIME_ZONE)).utcoffset().total_seconds() / 60
    if abs(offset - ours) <= 1:
        return
    place = (etc / "localtime").resolve()
    name = str(place).partition("zoneinfo/")[2] or source.one("SELECT @@system_time_zone")
    yield _setting("TIME_ZONE", name, "the database server's zone")

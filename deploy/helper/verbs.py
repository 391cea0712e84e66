"""What the helper does, by its word. Each gets the Settings and the rest of the line, and returns what JSON can hold."""

import base64
import contextvars
import math
import os
import re
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import mail_hosts
from refused import Refused

SECONDS = 20  # of one program
UNTIL = contextvars.ContextVar(
    "until", default=math.inf
)  # when all that this thread does must have ended
PROGRAMS = "/usr/sbin:/usr/bin:/sbin:/bin"
# What may stand for a mailbox and for a domain in a command: no "*" and "?", which doveadm takes for many, and no "-" in front.
ADDRESS = re.compile(r"[a-z0-9_+=.'&%$!#/~^{}|`-]{1,64}@[a-z0-9.-]{1,255}")
DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
NUMBER = re.compile("[1-9][0-9]{0,9}")
LISTED = 10_000  # mailboxes whose size is told
OUTPUT = 2000  # characters of what a program says
SIGNERS = (
    "SELECT a.author, k.domain_name, k.selector, k.private_key FROM dkim_signer_authors a"
    " JOIN dkim_signer_keys k ON k.id = a.dkim_id ORDER BY a.author, a.dkim_id"
)
KEY = re.compile(r"[A-Za-z0-9+/]+=*")
# rspamd takes no notice of a file that became empty.
HEAD = "# Written by deploy/helper.\n"
LIMITS = "SELECT sender, recipients FROM sending_limits ORDER BY sender"
# A private Ed25519 key as PEM has it, before its 32 bytes, which are what rspamd takes.
ED25519 = bytes.fromhex("302e020100300506032b657004220420")


@dataclass(frozen=True)
class Settings:
    mail_root: Path
    mailboxes: str  # a map of Postfix that knows all mailboxes, off ones too
    certificate: Path | None
    directories: str = ""  # one that says where the mail of a mailbox lies, and where it shall
    signer: Path | None = None  # how the keys are read from the database
    keys: Path | None = None  # the file they are written to, for rspamd
    postfix: Path = Path("/etc/postfix")
    dovecot: Path = Path("/etc/dovecot/dovecot.conf")
    mail_hosts: Path = Path("/etc/mailadmin/mail-hosts")  # where Dovecot runs, if not here alone
    # The later one counts.
    webmail: tuple = (
        Path("/etc/roundcube/config.inc.php"),
        Path("/etc/mailadmin/webmail/config.inc.php"),
        Path("/etc/mailadmin/webmail/local.inc.php"),
    )


def reload_postfix(settings, argument):
    nothing(argument)
    said = run("postfix", "reload")
    return {"says": said}


def kick(settings, argument):
    if not ADDRESS.fullmatch(argument) or argument.startswith("-"):
        raise Refused("not an address")
    known(settings, argument)
    return {"says": end_sessions(settings, argument)}


def known(settings, address):
    if not settings.mailboxes:
        raise Refused("no map of mailboxes")
    if run("postmap", "-q", address, settings.mailboxes, fails=1) != address:
        raise Refused("no such mailbox")


def kick_domain(settings, argument):
    """End the sessions of all mailboxes of a domain: one look through what is open, however many mailboxes there are.

    No map is asked: the domain may have been deleted a moment ago, with all that knew it.
    """
    if not DOMAIN.fullmatch(argument):
        raise Refused("not a domain")
    return {"says": end_sessions(settings, f"*@{argument}")}


def end_sessions(settings, mask):
    if settings.mail_hosts.exists():
        return mail_hosts.kick(settings.mail_hosts, mask)
    # 68: nobody of that name is signed in.
    return run("doveadm", "kick", mask, fails=68)


# What a share may do in the mailbox that is shared: mailboxes/sharing_rows.py.
RIGHTS = {
    "read": ("lookup", "read", "write-seen"),
    "write": (
        *("lookup", "read", "write", "write-seen", "write-deleted"),
        *("insert", "post", "expunge", "create"),
    ),
}


def share(settings, argument):
    """ "ADDRESS NUMBER read|write": the right of the group share-NUMBER in the INBOX of a mailbox, which its other folders follow.

    Who is in the group, Dovecot reads from the database at each sign-in.
    """
    address, number, rights = three(argument)
    if rights not in RIGHTS:
        raise Refused("neither read nor write")
    known(settings, address)
    group = f"group=share-{number}"
    return {"says": run("doveadm", "acl", "set", "-u", address, "INBOX", group, *RIGHTS[rights])}


def unshare(settings, argument):
    """No map is asked: the mailbox may have been deleted a moment ago. 67: there is none; 68: nor that right."""
    address, number, _nothing = three(f"{argument} -")
    done = call("doveadm", "acl", "delete", "-u", address, "INBOX", f"group=share-{number}")
    return {"says": f"{done.stdout}{done.stderr}".strip()[:OUTPUT]}


def three(argument):
    parts = argument.split(" ")
    if len(parts) != 3 or not NUMBER.fullmatch(parts[1]):
        raise Refused("not an address, a number and a word")
    if not ADDRESS.fullmatch(parts[0]) or parts[0].startswith("-"):
        raise Refused("not an address")
    return parts


def move_directory(settings, argument):
    """Move the mail of a mailbox from the directory that the database has for it to the one that is kept for it there.

    As the owner of the mail root, who owns the mail: moving.py says how, and why none is lost.
    """
    if not ADDRESS.fullmatch(argument) or argument.startswith("-"):
        raise Refused("not an address")
    if not settings.directories:
        raise Refused("no map of directories")
    old, _tab, new = run("postmap", "-q", argument, settings.directories, fails=1).partition("\t")
    if not (old and new):
        raise Refused("no directory is kept for it")
    if not (is_below(old) and is_below(new)):
        raise Refused("not a directory below that of the mail")
    owner = settings.mail_root.stat()
    if owner.st_uid == 0:
        raise Refused(f"{settings.mail_root} is root's")
    places = [settings.mail_root, old.rstrip("/"), new.rstrip("/")]
    with open(Path(__file__).with_name("moving.py")) as program:
        done = call(
            *("python3", "-I", "-B", "-", *places),
            errors_to=subprocess.STDOUT,
            stdin=program,
            user=owner.st_uid,
            group=owner.st_gid,
            extra_groups=[],
        )
    said = done.stdout.strip()[:OUTPUT]
    if done.returncode:
        raise Refused(said or "it could not be started")
    return {"from": old, "to": new, "says": said}


def is_below(path):
    parts = path.split("/")
    return path.isprintable() and parts.pop() == "" and not {"", ".", ".."} & set(parts or [""])


def write_signing_files(settings, argument):
    """For rspamd, each file replaced at once: the keys that sign, "author domain:selector:key" in each line, and beside it who may
    send to how many recipients an hour, "ann@example.org 500" or "@example.org 5000".

    With an Ed25519 key besides, a comma and the same of that one follow.
    """
    nothing(argument)
    if not (settings.signer and settings.keys):
        raise Refused("no signer that reads files")
    keys = {}
    for author, kind, key in filter(None, map(signing_line, rows_of(SIGNERS, settings))):
        keys.setdefault(author, {})[kind] = key  # one of each kind
    replace(settings.keys, {author: ",".join(of_kind.values()) for author, of_kind in keys.items()})
    limits = dict(filter(None, map(limit_line, rows_of(LIMITS, settings))))
    replace(settings.keys.with_name("limits.map"), limits)
    return {"authors": len(keys), "limits": len(limits)}


def rows_of(select, settings):
    command = ["mariadb", f"--defaults-file={settings.signer}", "-BN", "-e", select]
    return run(*command, limit=None).splitlines()


def signing_line(row):
    author, domain, selector, pem = row.split("\t")
    # The client writes "\\n" for the ends of lines.
    key = "".join(line for line in re.split(r"\\n|\\r", pem) if "-----" not in line)
    is_author = DOMAIN.fullmatch(author) or ADDRESS.fullmatch(author)
    if (
        is_author
        and DOMAIN.fullmatch(domain)
        and DOMAIN.fullmatch(f"{selector}.d")
        and KEY.fullmatch(key)
    ):
        kind, key = as_rspamd_takes(key)
        return author, kind, f"{domain}:{selector}:{key}"


def as_rspamd_takes(key):
    try:
        raw = base64.b64decode(key, validate=True)
    except ValueError:
        return "rsa", key  # rspamd says what is wrong with it
    if raw.startswith(ED25519):
        return "ed25519", base64.b64encode(raw.removeprefix(ED25519)).decode()
    return "rsa", key


def limit_line(row):
    sender, recipients = row.split("\t")
    is_sender = ADDRESS.fullmatch(sender) or DOMAIN.fullmatch(sender.removeprefix("@"))
    if is_sender and recipients.isdecimal():
        return sender, recipients


def replace(file, lines):
    """Writes only what differs. The file gets the group of its directory, which has the setgid bit:
    rspamd's."""
    text = HEAD + "".join(f"{name} {value}\n" for name, value in lines.items())
    if file.exists() and file.read_text() == text:
        return
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as opened:
        opened.write(text)
        opened.flush()
        os.fchmod(descriptor, 0o640)
        os.fsync(descriptor)
    new.replace(file)


def mailbox_sizes(settings, argument):
    """{directory below that of the domain: bytes on the disk}. What is no directory and no file is not followed."""
    if not DOMAIN.fullmatch(argument):
        raise Refused("not a domain")
    root = settings.mail_root / argument
    sizes, end = {}, time.monotonic() + SECONDS
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    continue
                if len(sizes) == LISTED:
                    raise Refused("too many mailboxes")
                if time.monotonic() > end:
                    raise Refused(f"that takes longer than {SECONDS} seconds")
                sizes[entry.name] = size_of(entry.path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    return sizes


def size_of(path):
    total = 0
    for folder, _folders, names, descriptor in os.fwalk(path, follow_symlinks=False):
        del folder
        for name in names:
            try:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:  # mail is moved while we look
                continue
            if stat.S_ISREG(found.st_mode):
                total += found.st_blocks * 512
    return total


def nothing(argument):
    if argument:
        raise Refused("this verb takes no argument")


def run(program, *arguments, fails=0, limit=OUTPUT):
    """Return what a program prints, up to ``limit``. Raises Refused if it fails, but for the status ``fails``."""
    done = call(program, *arguments, errors_to=subprocess.STDOUT)
    said = done.stdout.strip()[:limit]
    if done.returncode not in (0, fails):
        raise Refused(f"{program}: {said[:OUTPUT] or f'status {done.returncode}'}")
    return said


def read(program, *arguments):
    """Return what a program answers, without the warnings it has besides. Raises Refused with these if it fails."""
    done = call(program, *arguments)
    if done.returncode:
        said = f"{done.stderr}{done.stdout}".strip()[:OUTPUT]
        raise Refused(f"{program}: {said or f'status {done.returncode}'}")
    return done.stdout.strip()


def call(program, *arguments, errors_to=subprocess.PIPE, stdin=subprocess.DEVNULL, **who):
    """``who``: the user and groups to run as, if not root."""
    seconds = seconds_left()
    try:
        return subprocess.run(  # noqa: S603 -- fixed words, and an address of the shape above
            ["/usr/bin/env", program, *map(str, arguments)],
            stdin=stdin,
            **who,
            stdout=subprocess.PIPE,
            stderr=errors_to,
            text=True,
            errors="replace",
            timeout=seconds,
            env={"PATH": PROGRAMS, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(f"{program} took longer than {seconds:.0f} seconds") from error


def seconds_left():
    left = UNTIL.get() - time.monotonic()
    if left <= 0:
        raise Refused("no time was left for it")
    return min(SECONDS, left)


VERBS = {
    "reload-postfix": reload_postfix,
    "kick": kick,
    "kick-domain": kick_domain,
    "share": share,
    "unshare": unshare,
    "move-directory": move_directory,
    "write-signing-files": write_signing_files,
    "mailbox-sizes": mailbox_sizes,
}

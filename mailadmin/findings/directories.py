"""Mail that lies inside another mailbox's directory gets one of its own: moved by root, with Dovecot stopped."""

import os
from contextlib import suppress
from pathlib import Path

from mailadmin.findings.asking import as_sql
from mailadmin.findings.own import OwnTables
from mailadmin.findings.rows import HERE
from mailboxes.maildirs import free_maildir, is_outside
from mailboxes.models import Mailbox
from mailboxes.services import update_mailbox
from panel.scoping import starts_with

CHECK = "directories-in-one-another"
MASTER = Path("/run/dovecot/master.pid")


class NotMoved(Exception):
    pass


def nested():
    """Mailboxes within another's directory, the innermost first: whoever moves takes along what lies in it."""
    source = OwnTables()
    names = {row[0] for row in source.rows(as_sql(source, HERE[CHECK]))}
    found = Mailbox.objects.filter(pk__in=names)
    return sorted(found, key=lambda mailbox: (-mailbox.maildir.count("/"), mailbox.pk))


def place_of(mailbox):
    return free_maildir(mailbox.local_part, mailbox.domain_id)


def dovecot_runs():
    """Whether the Dovecot of Debian's package runs: it would store mail where nobody looks for it
    afterwards."""
    try:
        os.kill(int(MASTER.read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


def move(mailbox, root):
    """Give ``mailbox`` a directory of its own, with its mail. Return whether there was any. Raises NotMoved."""
    new = place_of(mailbox)
    if is_outside(mailbox.maildir):
        raise NotMoved(f"{mailbox.maildir} is no directory below {root}")
    within = Mailbox.objects.filter(starts_with("maildir", mailbox.maildir)).exclude(pk=mailbox.pk)
    if inner := within.first():
        raise NotMoved(f"the mail of {inner.pk} lies in it")
    old_path, new_path = root / mailbox.maildir, root / new
    try:
        # Moved already by a run that was stopped before it could write that down; or there is no mail yet.
        to_move = old_path.is_dir()
        if to_move and new_path.exists():
            raise NotMoved(f"{new_path} is there already")
        if to_move:
            _make_room(new_path.parent, root)
            old_path.rename(new_path)
    except OSError as error:
        raise NotMoved(f"{error.filename}: {error.strerror}") from error
    try:
        update_mailbox(actor=None, mailbox=mailbox, maildir=new)
    except BaseException:
        if to_move:
            new_path.rename(old_path)
        raise
    return to_move or new_path.is_dir()


def _make_room(folder, root):
    """With the owner of the mail root, as whom Dovecot writes."""
    like = root.stat()
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=like.st_mode & 0o777)
        with suppress(PermissionError):  # of somebody who is its owner
            os.chown(path, like.st_uid, like.st_gid)

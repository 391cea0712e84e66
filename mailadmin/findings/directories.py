"""Mail that lies inside another mailbox's directory gets one of its own.

The helper moves it while the mail server runs, for the button of a page; or `manage.py directories`, as root, with Dovecot stopped.
Which directory it gets is written down before either begins: nobody else is given it, and whoever finishes what was stopped finds it there.
"""

import os
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from domains.models import RoutingLock
from mailadmin.findings.asking import as_sql
from mailadmin.findings.own import OwnTables
from mailadmin.findings.rows import HERE
from mailboxes.maildirs import free_maildir, is_outside, not_its_own
from mailboxes.models import Mailbox, RetiredMaildir
from mailboxes.services import update_mailbox
from panel import helper
from panel.scoping import starts_with
from panel.transactions import in_transaction

CHECK = "directories-in-one-another"
MASTER = Path("/run/dovecot/master.pid")


class NotMoved(Exception):
    pass


def nested():
    """Mailboxes within another's directory, the innermost first."""
    source = OwnTables()
    names = {row[0] for row in source.rows(as_sql(source, HERE[CHECK]))}
    return innermost_first(Mailbox.objects.filter(pk__in=names))


def innermost_first(mailboxes):
    # Whoever moves takes along what lies in it.
    return sorted(mailboxes, key=lambda mailbox: (-mailbox.maildir.count("/"), mailbox.pk))


def within(mailbox):
    """Other mailboxes whose mail lies in the directory of this one, or is the same."""
    return Mailbox.objects.filter(starts_with("maildir", mailbox.maildir)).exclude(pk=mailbox.pk)


def is_nested(mailbox):
    parts = mailbox.maildir.rstrip("/").split("/")
    around = ["/".join(parts[:depth]) + "/" for depth in range(1, len(parts))]
    return Mailbox.objects.filter(maildir__in=around).exists()


def place_of(mailbox):
    """The directory that is kept for its mail, or else the one that it would get."""
    kept = RetiredMaildir.objects.filter(username=mailbox.pk, awaited=True).first()
    return kept.maildir if kept else free_maildir(mailbox.local_part, mailbox.domain_id)


def keep_place(mailbox):
    """Part of the caller's transaction, which holds RoutingLock. Raises ValidationError: another mailbox has the same directory."""
    if Mailbox.objects.filter(maildir=mailbox.maildir).exclude(pk=mailbox.pk).exists():
        raise not_its_own(mailbox.maildir)
    new = place_of(mailbox)
    RetiredMaildir.objects.get_or_create(
        maildir=new, defaults={"username": mailbox.pk, "awaited": True}
    )
    return new


def let_helper_move(*, actor, mailbox):
    """Its place is kept, and committed. Raises ValidationError: it was not moved, or has to be asked for again."""
    done = helper.ask("move-directory", mailbox.pk)
    write_down(actor=actor, mailbox=mailbox, old=done["from"], new=done["to"])


@in_transaction
def write_down(*, actor, mailbox, old, new):
    RoutingLock.hold()
    mailbox = Mailbox.objects.select_for_update().filter(pk=mailbox.pk).first()
    if mailbox and mailbox.maildir == new:  # by another window
        return
    if mailbox is None or mailbox.maildir != old:
        raise ValidationError(_("Somebody changed it meanwhile."), "changed")
    update_mailbox(actor=actor, mailbox=mailbox, maildir=new)
    # Sessions that are open have the old place.
    helper.after_commit("kick", mailbox.pk)


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
    if inner := within(mailbox).first():
        raise NotMoved(f"the mail of {inner.pk} lies in it")
    old_path, new_path = root / mailbox.maildir, root / new
    try:
        # Moved already by a run that was stopped before it could write that down; or there is no mail yet.
        to_move = old_path.is_dir()
        if to_move and new_path.is_file():  # the helper was stopped
            new_path.unlink()
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
    # With the owner of the mail root, as whom Dovecot writes.
    like = root.stat()
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=like.st_mode & 0o777)
        with suppress(PermissionError):  # of somebody who is its owner
            os.chown(path, like.st_uid, like.st_gid)

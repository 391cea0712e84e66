"""Removes the directories of mail that nobody can restore: those that ``retired_maildir`` names, and no others.

As the owner of the mail, with an SQL user that may do no more than this (deploy/mariadb/purge.sql). No link is followed, below the mail root
or in what is removed. A directory gets another name first, under a lock and with its row: who has the old name next starts empty. What has that
other name by somebody else's hand stays.
"""

import errno
import os
import shutil
import stat
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from mailboxes.maildirs import is_outside
from mailboxes.models import DeletedRow, Mailbox, RetiredMaildir
from panel.scoping import starts_with
from panel.transactions import in_transaction

APART = "~gone"  # no name of ours ends so
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
TOGETHER = 1_000


class Due(NamedTuple):
    """``is_there``: it is a directory, and not only a row. ``refusal`` says why it stays; "" if nothing stands in the way."""

    maildir: str
    username: str
    is_there: bool = True
    refusal: str = ""


class Stays(Exception):
    """Why; nothing was removed."""


class NotHere(Stays):
    """What it is in is not there either: its mail may lie on another server, or on a disk that is not mounted."""


def due(root):
    """Yield the directories below ``root`` that are due, those inside others first."""
    last = None
    while True:
        rows = _due_rows().order_by("-pk")
        some = list((rows if last is None else rows.filter(pk__lt=last))[:TOGETHER])
        for row in some:
            try:
                with _folder_of(root, row.pk) as (folder, name):
                    there = _found(folder, name) is not None
                yield Due(row.pk, row.username, there, in_the_way(row.pk) if there else "")
            except NotHere:
                continue
            except Stays as error:
                yield Due(row.pk, row.username, refusal=str(error))
        if len(some) < TOGETHER:
            return
        last = some[-1].pk


def _due_rows():
    before = timezone.now() - timedelta(days=settings.DELETED_DAYS)
    kept = DeletedRow.objects.filter(maildir=OuterRef("pk"))
    used = Mailbox.objects.filter(maildir=OuterRef("pk"))
    rows = RetiredMaildir.objects.filter(~Exists(kept), ~Exists(used), retired__lte=before)
    return rows.exclude(awaited=True).only("pk", "username")


def in_the_way(maildir):
    """Why the directory must stay, or "". Other programs name directories freely: also inside one another, and as it would be named apart."""
    names, inside = set(), Q()
    for path in sorted({maildir.rstrip("/"), _apart(maildir).rstrip("/")}):
        parts = path.split("/")
        around = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        names |= {name for one in around for name in (one, f"{one}/")}
        inside |= starts_with("maildir", f"{path}/")
    for others in (Q(maildir__in=names), inside):
        if found := Mailbox.objects.filter(others).values_list("username", "maildir").first():
            return f"the mail of {found[0]} lies in {found[1]}"
    retired = RetiredMaildir.objects.filter(inside).exclude(pk=maildir)
    if retired.exists() or DeletedRow.objects.filter(Q(maildir__in=names) | inside).exists():
        return "another directory is kept in it, around it or in the place that it gets"
    return ""


def remove(root, maildir):
    """Remove one directory, and then its row; or the row alone, if there is no directory. Raises Stays."""
    with _folder_of(root, maildir) as (folder, name):
        if not _set_apart(folder, maildir, name):
            return
        try:
            shutil.rmtree(_apart(name), dir_fd=folder)
        except RecursionError as error:
            raise Stays(f"{_apart(name)}: too many directories inside one another") from error
    RetiredMaildir.objects.filter(pk=_apart(maildir)).delete()


@in_transaction
def _set_apart(folder, maildir, name):
    """Give the directory and its row the other name; False, and no row any more, if there is no directory.

    Whoever makes a mailbox in this place deletes the row (a trigger), so waits for its lock, and then finds neither row nor directory: starts empty.
    Rolled back after the directory was renamed, the row does not name it: only the mark, made before, tells ours from what somebody else named so.
    """
    row = _due_rows().select_for_update().filter(pk=maildir).first()
    if row is None:
        raise Stays("somebody else has it by now")
    if refusal := in_the_way(maildir):
        raise Stays(refusal)
    found, apart = _found(folder, name), _apart(name)
    if found is None:
        RetiredMaildir.objects.filter(pk=maildir).delete()
        return False
    if apart != name:
        if len(_apart(maildir)) > RetiredMaildir._meta.pk.max_length:
            raise Stays("its name is too long to be set apart")
        RetiredMaildir.objects.filter(pk=maildir).update(maildir=_apart(maildir))
    if found != apart:
        _mark(folder, name)
        os.rename(name, apart, src_dir_fd=folder, dst_dir_fd=folder)
    return True


def _found(folder, name):
    """The name by which the directory of a row is there: its own, or the other one, with a mark. None if it is not there. Raises Stays."""
    apart = _apart(name)
    own = _lstat(folder, name)
    other = _lstat(folder, apart) if apart != name else None
    if own and not stat.S_ISDIR(own.st_mode):
        raise Stays("it is no directory")
    if other and (own or not _is_marked(folder, apart, other)):
        raise Stays(f"{apart} is there already, and is not this one")
    return name if own else apart if other else None


def _mark(folder, name):
    mark = _mark_in(name, _lstat(folder, name))
    flags = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW
    os.close(os.open(mark, flags, 0o600, dir_fd=folder))


def _is_marked(folder, name, found):
    return stat.S_ISDIR(found.st_mode) and _lstat(folder, _mark_in(name, found)) is not None


def _mark_in(name, found):
    # Kept by a rename, not by a copy: that has another inode.
    return f"{name}/{APART}.{found.st_ino}"


def _apart(name):
    """What a directory, or the maildir of a row, is called once it was set apart."""
    bare = name.rstrip("/")
    return name if bare.endswith(APART) else f"{bare}{APART}{name[len(bare) :]}"


@contextmanager
def _folder_of(root, maildir):
    """The open directory that ``maildir`` is in, and its name there. An OSError, within too, becomes Stays: the next ones go on."""
    if is_outside(maildir) or "\0" in maildir:
        raise Stays(f"{maildir} is no directory below that of the mail")
    *parts, name = maildir.rstrip("/").split("/")
    folder = None
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        # A disk that is not mounted.
        if not parts and _is_empty(folder):
            raise NotHere("nothing at all is here")
        for part in parts:
            try:
                inner = os.open(part, FOLDER, dir_fd=folder)
            except FileNotFoundError:
                raise NotHere(f"{part} is not here") from None
            os.close(folder)
            folder = inner
        yield folder, name
    except OSError as error:
        raise Stays(f"{error.filename}: {error.strerror}") from error
    finally:
        if folder is not None:
            os.close(folder)


def _is_empty(folder):
    with os.scandir(folder) as entries:
        return next(entries, None) is None


def _lstat(folder, name):
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        # Where its name is too long for the disk there is none, either.
        if error.errno in {errno.ENOENT, errno.ENAMETOOLONG}:
            return None
        raise

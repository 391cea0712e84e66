"""Removes the directories of mail that nobody can restore: those that ``retired_maildir`` names, and no others.

As the owner of the mail, with an SQL user that may do no more than this (deploy/mariadb/purge.sql). No link is followed, below the mail root
or in what is removed. A directory gets another name first, under a lock and with its row: who has the old name next starts empty.
"""

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
                there = _is_there(root, row.pk)
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
    """Why the directory must stay, or "". Other programs name directories freely: also inside one another."""
    path = maildir.rstrip("/")
    parts = path.split("/")
    around = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    names = [name for one in around for name in (one, f"{one}/")]
    inside = starts_with("maildir", f"{path}/")
    for others in (Q(maildir__in=names), inside):
        if found := Mailbox.objects.filter(others).values_list("username", "maildir").first():
            return f"the mail of {found[0]} lies in {found[1]}"
    retired = RetiredMaildir.objects.filter(inside).exclude(pk=maildir)
    if retired.exists() or DeletedRow.objects.filter(Q(maildir__in=names) | inside).exists():
        return "another directory in it or around it is kept"
    return ""


def _is_there(root, maildir):
    with _folder_of(root, maildir) as (folder, name):
        return any(_lstat(folder, one) for one in (name, name + APART))


def remove(root, maildir):
    """Remove one directory, and then its row; or the row alone, if there is no directory. Raises Stays."""
    with _folder_of(root, maildir) as (folder, name):
        apart = name if name.endswith(APART) else name + APART
        if not _set_apart(folder, maildir, name, apart):
            raise Stays("somebody else has it by now")
        try:
            if _lstat(folder, apart):
                shutil.rmtree(apart, dir_fd=folder)
        except OSError as error:
            raise Stays(f"{error.filename}: {error.strerror}") from error
    RetiredMaildir.objects.filter(pk=_apart(maildir)).delete()


@in_transaction
def _set_apart(folder, maildir, name, apart):
    # Whoever makes a mailbox in this place deletes the row (a trigger), and waits until this is done.
    row = _due_rows().select_for_update().filter(pk=maildir).first()
    if row is None or in_the_way(maildir):
        return False
    if apart == name:
        return True
    RetiredMaildir.objects.filter(pk=maildir).update(maildir=_apart(maildir))
    # Renamed already by a run that was stopped before it could commit.
    if found := _lstat(folder, name):
        if not stat.S_ISDIR(found.st_mode):
            raise Stays("it is no directory")
        if _lstat(folder, apart):
            raise Stays(f"{apart} is there already")
        os.rename(name, apart, src_dir_fd=folder, dst_dir_fd=folder)
    return True


def _apart(maildir):
    path = maildir.rstrip("/")
    return maildir if path.endswith(APART) else f"{path}{APART}/"


@contextmanager
def _folder_of(root, maildir):
    """The open directory that ``maildir`` is in, and its name there."""
    if is_outside(maildir):
        raise Stays(f"{maildir} is no directory below that of the mail")
    *parts, name = maildir.rstrip("/").split("/")
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            try:
                inner = os.open(part, FOLDER, dir_fd=folder)
            except FileNotFoundError:
                raise NotHere from None
            except OSError as error:
                raise Stays(f"{part}: {error.strerror}") from error
            os.close(folder)
            folder = inner
        yield folder, name
    finally:
        os.close(folder)


def _lstat(folder, name):
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None

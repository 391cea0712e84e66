"""Gives the mail of one mailbox another directory, as the owner of the mail: `python3 -I moving.py ROOT OLD NEW`, both below ROOT.

Started by the helper (verbs.py), which has rights that this needs not. The two names change places at once: before, NEW is a
file, and afterwards OLD is that file. So nobody can make the directory OLD anew: whoever still has it as the place of the mail, a
message that is being delivered or an open session, fails, and Postfix keeps the message until Dovecot asks the database again.
Wherever it is stopped, asking again does the rest.
"""

import contextlib
import ctypes
import errno
import os
import stat
import sys

EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
MARK = "The mail that was here is in {} now. This file may be deleted an hour after it was made.\n"


class NotMoved(Exception):
    """Why; nothing was changed."""


def move(root, old, new):
    """Return whether it was moved now, and not before."""
    if f"{new}/".startswith(f"{old}/") or f"{old}/".startswith(f"{new}/"):
        raise NotMoved(f"{new} and {old} lie in one another")
    mark = MARK.format(new)
    with folder_of(root, old) as (old_folder, old_name):
        was_moved = text_of(old_folder, old_name) == mark
        if not was_moved and not is_folder(old_folder, old_name):
            raise NotMoved(f"there is no directory {old}")
        with folder_of(root, new, make=not was_moved) as (new_folder, new_name):
            if was_moved and is_folder(new_folder, new_name):
                return False
            if was_moved:
                raise NotMoved(f"there is no directory {new}")
            begun = text_of(new_folder, new_name)
            if begun is not None and mark.startswith(begun):  # stopped before
                os.unlink(new_name, dir_fd=new_folder)
            write(new_folder, new_name, mark, new)
            exchange(old_folder, old_name, new_folder, new_name)
            for folder in (new_folder, old_folder):
                os.fsync(folder)
    return True


@contextlib.contextmanager
def folder_of(root, path, *, make=False):
    """The open directory that ``path`` is in, and its name there. No link below ``root`` is followed."""
    *parts, name = path.split("/")
    if {"", ".", ".."} & {name, *parts}:
        raise NotMoved(f"{path} is no directory below that of the mail")
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        mode = stat.S_IMODE(os.fstat(folder).st_mode) & 0o777
        for part in parts:
            inner = open_in(folder, part, mode if make else None)
            os.close(folder)
            folder = inner
        yield folder, name
    finally:
        os.close(folder)


def open_in(folder, part, mode):
    try:
        return os.open(part, FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if mode is None:
            raise NotMoved(f"there is no directory {part}") from None
    os.mkdir(part, mode, dir_fd=folder)
    return os.open(part, FOLDER, dir_fd=folder)


def is_folder(folder, name):
    found = lstat(folder, name)
    return found is not None and stat.S_ISDIR(found.st_mode)


def text_of(folder, name):
    found = lstat(folder, name)
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), errors="replace") as file:
        return file.read(1000)


def lstat(folder, name):
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def write(folder, name, mark, new):
    try:
        made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
    except FileExistsError:
        raise NotMoved(f"{new} is there already") from None
    with open(made, "w") as file:
        file.write(mark)
        file.flush()
        os.fsync(made)


def exchange(old_folder, old_name, new_folder, new_name):
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(old_name), os.fsencode(new_name)
    if libc.renameat2(old_folder, names[0], new_folder, names[1], EXCHANGE):
        number = ctypes.get_errno()
        if number in (errno.EINVAL, errno.ENOSYS):
            raise NotMoved("this disk does not let two names change places")
        raise NotMoved(f"{old_name}: {os.strerror(number)}")


def main(root, old, new):
    os.umask(0)
    try:
        sys.stdout.write("moved" if move(root, old, new) else "moved before")
    except NotMoved as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or old}: {error.strerror}")


if __name__ == "__main__":
    main(*sys.argv[1:])

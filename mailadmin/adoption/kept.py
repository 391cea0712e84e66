"""The report of an adoption, kept beside the dump: who asks later what was changed reads it there."""

import os
from pathlib import Path

from django.utils import timezone


def place_of(database, *, report, dump):
    folder = dump.parent if dump else Path()
    return (report or folder / f"{database}-adopted.txt").absolute()


def begin(path, lines):
    """Begin another part of it, with the moment. Raises OSError."""
    add(path, [f"{timezone.localtime():%Y-%m-%d %H:%M:%S %Z}", "", *lines, ""])


def add(path, lines):
    """The file is its owner's alone: it has addresses in it. Raises OSError."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with open(opened, "a") as file:
        file.writelines(f"{line}\n" for line in lines)

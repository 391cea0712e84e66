"""Postfix's maps, asked of Postfix: `postmap -s` lists one, `postmap -q` answers for keys."""

import os
import shutil
import subprocess
from pathlib import Path

from mailadmin.importing.reader import Unreadable

# Those that can be listed. The others compute their answers, or are another server's.
LISTED = {"hash", "btree", "lmdb", "cdb", "dbm", "sdbm", "texthash", "inline", "static"}
COMPILED = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}
SBIN = os.environ.get("PATH", "") + ":/usr/sbin"


def program(name):
    path = shutil.which(name, path=SBIN)
    if path is None:
        raise Unreadable(
            f"{name} is not installed here: run this on the mail server, or install Postfix."
        )
    return path


def is_listed(table):
    return kind_of(table) in LISTED


def kind_of(table):
    return table.removeprefix("proxy:").partition(":")[0]


def rows(table):
    """Yield (key, value) of a map, ``hash:/etc/postfix/virtual``; keys in small letters, continued lines joined."""
    with subprocess.Popen(  # noqa: S603  the operator's own main.cf
        [program("postmap"), "-s", readable(table)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
    ) as process:
        for line in process.stdout:
            key, _tab, value = line.rstrip("\n").partition("\t")
            yield key, value
        said = process.stderr.read().strip()
    if process.returncode:
        raise Unreadable(f"{table}: {said or 'postmap could not read it'}")


def answers(table, keys):
    run = subprocess.run(  # noqa: S603
        [program("postmap"), "-q", "-", readable(table)],
        input="".join(f"{key}\n" for key in keys),
        capture_output=True,
        text=True,
        errors="surrogateescape",
    )
    if run.returncode and run.stderr.strip():
        raise Unreadable(f"{table}: {run.stderr.strip()}")
    return dict(line.split("\t", 1) for line in run.stdout.splitlines())


def readable(table):
    """The map itself; its text, where it was not compiled for this machine."""
    kind, _colon, path = table.removeprefix("proxy:").partition(":")
    suffix = COMPILED.get(kind)
    if suffix and not Path(path + suffix).exists() and Path(path).exists():
        return f"texthash:{path}"
    return f"{kind}:{path}"


def parameters(directory, *names):
    run = subprocess.run(  # noqa: S603
        [program("postconf"), "-c", directory, "-x", *names],
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise Unreadable(run.stderr.strip() or f"{directory}: postconf could not read it")
    found = (line.partition("=") for line in run.stdout.splitlines())
    return {name.strip(): value.strip() for name, _equals, value in found}

import os
import subprocess
import warnings
from contextlib import closing, contextmanager
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection

from mailadmin.environment import Environment

# While the copy is there and not adopted: it may be made anew.
MARK = "adoption_copied"
ADDRESS = ("HOST", "PORT", "USER", "PASSWORD", "NAME")


class Failed(Exception):
    pass


def dump(database, path):
    """Into a file that only its owner may read. Raises FileExistsError, OSError and Failed."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        try:
            _finish(
                _start("mariadb-dump", database, "--single-transaction", "--routines", stdout=file)
            )
        except Failed:
            Path(path).unlink()
            raise


def target_of(url):
    try:
        with warnings.catch_warnings(action="ignore"):  # of an engine that is not known
            found = Environment().db_url_config(url)
    except (ImproperlyConfigured, ValueError):
        found = {}
    if not found.get("ENGINE", "").endswith("mysql") or not found.get("NAME"):
        raise Failed("--copy-to takes a URL such as mysql://user:password@db.example.org/mail.")
    return {name: found.get(name) or "" for name in ADDRESS}


@contextmanager
def at(target):
    settings = connection.settings_dict
    own = {name: settings[name] for name in ADDRESS}
    connection.close()
    settings.update(target)
    try:
        yield
    finally:
        connection.close()
        settings.update(own)


def copy(source, target):
    _make_room(target)
    names = sorted([*source.tables.values(), *source.others])
    read = _start(
        "mariadb-dump",
        source.connection.settings_dict,
        *("--single-transaction", "--skip-lock-tables", "--skip-triggers", "--skip-comments"),
        tables=names,
        stdout=subprocess.PIPE,
    )
    write = _start("mariadb", target, stdin=read.stdout, stdout=subprocess.DEVNULL)
    read.stdout.close()
    _finish(write)
    _finish(read)


def mark(target):
    with at(target), connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {MARK} (id int PRIMARY KEY)")


def unmark(target):
    with at(target), connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {MARK}")


def _make_room(target):
    with at(target):
        try:
            there = connection.introspection.table_names()
        except Error as error:
            raise Failed(
                f"The database “{target['NAME']}” cannot be opened: {error.args[-1]}"
            ) from error
        if there and MARK not in there:
            raise Failed(f"The database “{target['NAME']}” is not empty. Nothing was written.")
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION foreign_key_checks = 0")
            for name in there:
                cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)}")
    mark(target)


def _start(program, database, *options, tables=(), **streams):
    # the password is in no argument: every user of the machine sees those
    host = str(database["HOST"])
    where = (
        [f"--socket={host}"]
        if host.startswith("/")
        else [f"--host={host or 'localhost'}", f"--port={database['PORT'] or 3306}"]
    )
    command = [program, *options, f"--user={database['USER']}", *where, database["NAME"], *tables]
    try:
        return subprocess.Popen(  # noqa: S603
            command,
            stderr=subprocess.PIPE,
            env=os.environ | {"MYSQL_PWD": database["PASSWORD"]},
            **streams,
        )
    except FileNotFoundError:
        raise Failed(f"{program} is not installed here.") from None


def _finish(process):
    with closing(process.stderr):
        said = process.stderr.read().decode(errors="replace").strip()
    if process.wait():
        raise Failed(f"{process.args[0]} failed: {said}")

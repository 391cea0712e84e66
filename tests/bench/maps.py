import os
import pwd
import re
import shutil
import subprocess
import time

import MySQLdb

from tests.servers.processes import find, run_sql

BARE = "bare primary key"
# (map, what is asked for; "x" in front of a key makes it unknown)
ASKED = [
    (BARE, "mailbox"),
    ("alias", "mailbox"),
    ("alias", "alias"),
    ("alias", "address in an alias domain"),
    ("mailbox", "mailbox"),
    ("domains", "domain"),
    ("relay_domains", "backup domain"),
    ("transport", "mailbox"),
    ("sender_login", "mailbox"),
    ("login", "mailbox"),
]
ROUNDS = 3


def measure(site):
    """Return ``{(map, what is asked for): (look-ups/s that find, look-ups/s that do not)}``."""
    directory = site.directory / "maps"
    directory.mkdir()
    files = directory / "files"
    site.manage("mailconf", files, "--maps", files / "postfix", "--backup-mx", "--transport")
    owner = {"USER": "mailadmin", "PASSWORD": site.database.password}
    address = {"HOST": "127.0.0.1", "PORT": site.database.port}
    run_sql(owner | address, files / "mariadb" / "grants.sql")
    directory.joinpath("main.cf").write_text("compatibility_level = 3.6\n")
    alias_map = (files / "postfix" / "alias.cf").read_text()
    connection = re.match(r"(?s).*?\n(?=query)", alias_map)[0]
    bare = "query = SELECT goto FROM alias WHERE address = '%s'\n"
    (files / "postfix" / f"{BARE}.cf").write_text(connection + bare)
    if os.geteuid() == 0:
        for path in [directory, files, *files.rglob("*")]:
            shutil.chown(path, "root", "postfix" if _exists("postfix") else None)
    times = {}
    for _round in range(ROUNDS):  # in turn, so that a busy moment hits all alike
        for name, kind in ASKED:
            keys = site.filled["keys"][kind]
            for wanted in (keys, [f"x{key}" for key in keys]):
                seconds = _postmap(directory, files / "postfix" / f"{name}.cf", wanted)
                times.setdefault((name, kind), ([], []))[wanted is not keys].append(seconds)
    rates = {
        asked: tuple(len(keys) / min(rounds) for rounds in both) for asked, both in times.items()
    }
    rates["bare primary key, Python", "mailbox"] = _in_python(site)
    return rates


def _postmap(directory, table, keys):
    """Seconds for ``keys`` beyond what one key takes (the start, the connection)."""
    return _run(directory, table, keys) - _run(directory, table, keys[:1])


def _run(directory, table, keys):
    command = [find("postmap"), "-c", directory, "-q", "-", f"mysql:{table}"]
    start = time.perf_counter()
    run = subprocess.run(command, input="\n".join(keys), capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if run.stderr:
        raise RuntimeError(f"{table.name}: {run.stderr[:500]}")
    return seconds


def _in_python(site):
    database = site.database
    connection = MySQLdb.connect(
        host="127.0.0.1",
        port=database.port,
        user="mailadmin",
        password=database.password,
        database="mailadmin",
        charset="utf8mb4",
    )
    cursor = connection.cursor()
    rates = []
    for prefix in ("", "x"):
        keys = [prefix + key for key in site.filled["keys"]["mailbox"]]
        start = time.perf_counter()
        for key in keys:
            cursor.execute("SELECT goto FROM alias WHERE address = %s", (key,))
            cursor.fetchall()
        rates.append(len(keys) / (time.perf_counter() - start))
    connection.close()
    return tuple(rates)


def _exists(user):
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True

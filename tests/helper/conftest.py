import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.servers.processes import ROOT, Process

PANEL = "daemon"  # an account that every Debian has
OWNER = "mail"  # another one: whose the mail is
SCRIPT = """#!/bin/sh
here=$(dirname "$0")
echo "$(basename "$0") $*" >>"$here/called"
case "$(basename "$0") $2$3" in
    postmap*/directories.cf) grep -s "^$2 " "$here/directories" | cut -d " " -f 2- ; exit ;;
esac
case "$(basename "$0") $2" in
    "postmap ann@example.org") echo "ann@example.org" ;;
    "postmap ann+x@example.org") echo "ann@example.org" ;;
    "postmap deep@example.org" | "postmap mid@example.org") echo "$2" ;;
    postmap*) exit 1 ;;
    mariadb*) case "$*" in *sending_limits*) cat "$here/limits" ;; *) cat "$here/rows" ;; esac ;;
    doveadm*) exit 68 ;;
esac
"""


@pytest.fixture(scope="module")
def start_helper():
    """``start_helper("daemon")`` starts one that answers this user; return its directory."""
    started = {}

    def start(panel):
        place = Path(tempfile.mkdtemp(prefix="helper-"))
        place.chmod(0o755)  # every user must reach the socket
        programs = place / "bin"
        programs.mkdir()
        for name in ("postfix", "doveadm", "postmap", "doveconf", "mariadb"):
            file = programs / name
            file.write_text(SCRIPT)
            file.chmod(0o755)
        code = place / "helper"
        shutil.copytree(ROOT / "deploy/helper", code)
        verbs = code / "verbs.py"
        verbs.write_text(verbs.read_text().replace('PROGRAMS = "', f'PROGRAMS = "{programs}:'))
        (programs / "rows").touch()
        (programs / "limits").touch()
        keys = place / "keys"
        keys.mkdir()
        shutil.chown(keys, "root", "daemon")
        keys.chmod(0o2750)
        mail = place / "vmail"
        (mail / "example.org/ann/cur").mkdir(parents=True)
        (mail / "example.org/ann/cur/1").write_bytes(b"x" * 10_000)
        (mail / "example.org/out").symlink_to("/etc")
        (mail / "example.org/ann/etc").symlink_to("/etc")
        subprocess.run(["chown", "-R", OWNER, mail], check=True)
        arguments = ["--panel", panel, "--socket", place / "sock", "--mail-root", mail]
        arguments += ["--directories", "mysql:/directories.cf"]
        signing = ["--signer", "/signer.cnf", "--keys", keys / "keys.map"]
        command = [sys.executable, "-I", code, *arguments, "--mailboxes", "mysql:/x.cf", *signing]
        process = Process(command, place / "log")
        process.start(lambda: (place / "sock").exists() and (keys / "limits.map").exists())
        started[place] = process
        return place

    yield start
    for place, process in started.items():
        process.stop()
        shutil.rmtree(place)


@pytest.fixture(scope="module")
def helper(start_helper):
    return start_helper(PANEL)


def called(helper):
    file = helper / "bin/called"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines

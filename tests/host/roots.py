"""The roots that machines are layers of: Debian's base, Python and git, and what an installation will download."""

import fcntl
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.servers.processes import ROOT, find

CACHE = Path(os.environ.get("HOST_CACHE", "/var/cache/mailadmin-host"))
# Debian's Python of each, for which the Python packages are.
RELEASES = {"bookworm": "3.11", "trixie": "3.13"}
# The tests' own; every other purpose of debian-packages.txt is a part of a host.
NOT_OF_A_HOST = {"test", "messages", "pictures", "root"}


def cached_root(release):
    """(the directory, a lock on it that is held while it is in use). Made or brought up to date if need be."""
    CACHE.mkdir(parents=True, exist_ok=True)
    lock = os.open(CACHE / f"{release}.lock", os.O_WRONLY | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_SH)
    if not _is_complete(release):
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for machines on it
        if not _is_complete(release):
            _complete(release)
        fcntl.flock(lock, fcntl.LOCK_SH)
    return CACHE / release, lock


def _stamp(release):
    return CACHE / f"{release}.json"


def _has(release):
    return json.loads(_stamp(release).read_text()) if _stamp(release).exists() else {}


def _is_complete(release):
    has = _has(release)
    return set(_packages()) <= set(has.get("packages", [])) and has.get("locks") == _locks()


def _complete(release):
    root, has = CACHE / release, _has(release)
    _stamp(release).unlink(missing_ok=True)
    if not root.exists():
        begun = CACHE / f"{release}.new"
        shutil.rmtree(begun, ignore_errors=True)
        run([find("debootstrap"), "--variant=minbase", release, begun, _mirror()])
        begun.rename(root)
    packages = sorted({*_packages(), *has.get("packages", [])})
    _download(root, packages)
    if has.get("locks") != _locks():
        _download_wheels(root, RELEASES[release])
    _stamp(release).write_text(json.dumps({"packages": packages, "locks": _locks()}))


def _download(root, packages):
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["chroot", root, "apt-get", "-qq", "-y", "--no-install-recommends"]
    run([*apt, "update"], env=environment)
    run([*apt, "upgrade"], env=environment)
    run([*apt, "install", "python3", "git"], env=environment)
    run([*apt, "install", "--download-only", *packages], env=environment)


def _download_wheels(root, python):
    wheels = root / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    pip = [ROOT / ".venv/bin/python", "-m", "pip", "download", "-q", "--no-build-isolation"]
    for name in ("run", "mysql"):
        lock = ROOT / f"requirements/{name}.lock"
        chosen = ["--no-deps", "--python-version", python, "--require-hashes"]
        run([*pip, *chosen, "-d", wheels, "-r", lock])


def _packages():
    lines = (ROOT / "deploy/bin/debian-packages.txt").read_text().splitlines()
    rows = [line.split(None, 2) for line in lines if line and line[0] != "#"]
    return [name for name, purposes, _why in rows if set(purposes.split(",")) - NOT_OF_A_HOST]


def _locks():
    return [(ROOT / f"requirements/{name}.lock").read_text() for name in ("run", "mysql")]


def _mirror():
    """Debian's mirror that this machine uses itself."""
    for file in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]:
        if file.is_file():
            for url in re.findall(
                r"(?:URIs: |deb (?:\[.*\] )?)(http\S+/debian)/?\s", file.read_text()
            ):
                return url
    raise RuntimeError("No mirror of Debian in /etc/apt/sources.list.")


def run(command, **options):
    done = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}"
    return done.stdout

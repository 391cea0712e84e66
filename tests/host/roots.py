"""The roots that machines are layers of: Debian's base, Python and git, and what an installation will download."""

import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.servers.processes import PROGRAMS, ROOT, find

CACHE = Path(os.environ.get("HOST_CACHE", "/var/cache/mailadmin-host"))
# Debian's Python of each, for which the Python packages are.
RELEASES = {"bookworm": "3.11", "trixie": "3.13"}
# The tests' own; every other purpose of debian-packages.txt is a part of a host.
NOT_OF_A_HOST = {"test", "messages", "pictures", "root"}
# For the hold of a machine (machine.py): namespaces of its own, and a layer over a root.
NAMESPACES = ["--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
OVERLAY = "mount -t overlay overlay -o volatile,lowerdir={lower},upperdir={place}/layer,workdir={place}/work {place}/root"
# What a machine is made with.
TRIAL = """
mount --make-rprivate /
{overlay}
mkdir {root}/proc {root}/dev
mount -t proc proc {root}/proc
mount -t tmpfs tmpfs {root}/dev
touch {root}/dev/null
mount --bind /dev/null {root}/dev/null
ip link add name outside type veth peer name elsewhere
nsenter --net=/proc/self/ns/net hostname mail.example.org
"""
MIRROR = "Does Debian's mirror answer ({}), and is there room for 700 MB?"


# Of what roots and machines take, as megabytes: one machine moves to another in test_trouble.py.
DISK, MEMORY = 6000, 1500


class NotMade(Exception):
    """There is no root. ``str()`` is the command, what it said, and what to look at."""


class NotHere(NotMade):
    """No commit can mend it: this machine cannot have one, or what it is made of cannot be had now."""


def check_this_machine():
    if os.geteuid() != 0:
        raise NotHere("Only root can make roots and namespaces: sudo make test-host.")
    missing = [name for name in ("debootstrap", "ip") if not shutil.which(name, path=PROGRAMS)]
    if missing:
        raise NotHere(f"Not installed: {' '.join(missing)} (deploy/bin/install-packages root).")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="try-") as place:
        for name in ("lower", "layer", "work", "root"):
            Path(place, name).mkdir()
        overlay = OVERLAY.format(lower=f"{place}/lower", place=place)
        try:
            trial = TRIAL.format(overlay=overlay, root=f"{place}/root")
            run(["unshare", *NAMESPACES, "sh", "-ec", trial])
        except NotMade as error:
            raise NotHere(
                f"The kernel does not let root make namespaces and overlays here, as in many containers:\n{error}"
            ) from None


def check_room():
    """Raise NotHere unless there is room for roots that have to be made, and for machines on them."""
    CACHE.mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(CACHE).free // 2**20
    meminfo = Path("/proc/meminfo").read_text()
    memory = int(re.search(r"MemAvailable: +(\d+) kB", meminfo)[1]) // 2**10
    if disk < DISK or memory < MEMORY:
        raise NotHere(
            f"{disk} MB free in {CACHE}, {memory} MB of memory; {DISK} and {MEMORY} are needed."
        )


def cached_root(release):
    """(the directory, a lock on it that is held while it is in use). Made or brought up to date if need be."""
    return _locked_root(release, _is_complete, _complete)


def base_root(release):
    """The same without what an installation downloads: Debian's base and its Python."""
    return _locked_root(release, _has_base, _bootstrap)


def _locked_root(release, is_ready, make_ready):
    CACHE.mkdir(parents=True, exist_ok=True)
    lock = os.open(CACHE / f"{release}.lock", os.O_WRONLY | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_SH)
    if not is_ready(release):
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for machines on it
        if not is_ready(release):
            make_ready(release)
        fcntl.flock(lock, fcntl.LOCK_SH)
    return CACHE / release, lock


def _has_base(release):
    return (CACHE / release).exists()


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
    if not _has_base(release):
        _bootstrap(release)
    packages = sorted({*_packages(), *has.get("packages", [])})
    _download(root, packages)
    if has.get("locks") != _locks():
        _download_wheels(root, RELEASES[release])
    _stamp(release).write_text(json.dumps({"packages": packages, "locks": _locks()}))


def _bootstrap(release):
    begun, mirror = CACHE / f"{release}.new", _mirror()
    # Its mounts and processes end with it, whatever ends it.
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    debootstrap = [find("debootstrap"), "--variant=minbase", "--include=python3"]
    fetch(
        [*apart, *debootstrap, release, begun, mirror],
        MIRROR.format(mirror),
        before=lambda: shutil.rmtree(begun, ignore_errors=True),
    )
    begun.rename(CACHE / release)


def _download(root, packages):
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    options = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    advice = MIRROR.format(_mirror())
    apt = ["chroot", root, "apt-get", "-qq", "-y", "--no-install-recommends"]
    apt += ["-o", "Acquire::Retries=3"]
    fetch([*apt, "update", "--error-on=any"], advice, **options)
    # A kept root whose last upgrade was cut short.
    run(["chroot", root, "dpkg", "--configure", "-a"], **options)
    fetch([*apt, "upgrade"], advice, **options)
    fetch([*apt, "install", "python3", "git"], advice, **options)
    # A name that this release does not know is ours to mend.
    run([*apt, "install", "--simulate", *packages], **options)
    fetch([*apt, "install", "--download-only", *packages], advice, **options)


def _download_wheels(root, python):
    wheels = root / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    pip = [ROOT / ".venv/bin/python", "-m", "pip", "download", "-q", "--no-build-isolation"]
    for name in ("run", "mysql"):
        lock = ROOT / f"requirements/{name}.lock"
        chosen = ["--no-deps", "--python-version", python, "--require-hashes"]
        fetch([*pip, *chosen, "-d", wheels, "-r", lock], "Does the package index answer?")


def fetch(command, advice, *, before=lambda: None, **options):
    """Run what needs the network, up to three times. Raises NotHere if it fails."""
    for pause in (10, 60, None):
        before()
        try:
            return run(command, advice, **options)
        except NotMade as error:
            if pause is None:
                raise NotHere(str(error)) from error
            print(f"{error}\nAgain in {pause} seconds.", flush=True)
            time.sleep(pause)


def _packages():
    lines = (ROOT / "deploy/bin/debian-packages.txt").read_text().splitlines()
    rows = [line.split(None, 2) for line in lines if line and line[0] != "#"]
    return [name for name, purposes, _why in rows if set(purposes.split(",")) - NOT_OF_A_HOST]


def _locks():
    return [(ROOT / f"requirements/{name}.lock").read_text() for name in ("run", "mysql")]


def _mirror():
    for file in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]:
        if file.is_file():
            for url in re.findall(
                r"(?:URIs: |deb (?:\[.*\] )?)(http\S+/debian)/?\s", file.read_text()
            ):
                return url
    raise NotHere("No mirror of Debian in /etc/apt/sources.list and sources.list.d.")


def run(command, advice="", **options):
    """Return what it printed. Raises NotMade if it fails."""
    done = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-15:])
        words = shlex.join(map(str, command))
        raise NotMade(
            f"{words[:500]}\nended with status {done.returncode}:\n{last}\n{advice}".rstrip()
        )
    return done.stdout

"""A whole Debian 12 of its own: a root by debootstrap, in namespaces of its own, with the real ports.

The root is made once and kept in HOST_CACHE, with all Debian packages and Python packages that the installation
downloads. A machine is a layer over it. It reaches no network but its own: the packages come from the cache, as they
would from a mirror.
"""

import contextlib
import inspect
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.servers.processes import ROOT, find

CACHE = Path(os.environ.get("HOST_CACHE", "/var/cache/mailadmin-host"))
RELEASE = "bookworm"
CHECKOUT = "/opt/mailadmin"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    # The Python packages: as they are on the package index, with the same checksums.
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "/wheels",
}
# A process that holds the namespaces, and is the first process of this machine.
HOLD = """
mount --make-rprivate /
mount -t proc proc {root}/proc
mount -t tmpfs -o mode=755 tmpfs {root}/run
mount -t tmpfs tmpfs {root}/dev
mkdir {root}/dev/shm {root}/dev/pts
mount -t tmpfs tmpfs {root}/dev/shm
for name in null zero full random urandom tty; do
  touch {root}/dev/$name
  mount --bind /dev/$name {root}/dev/$name
done
ln -s /proc/self/fd {root}/dev/fd
ip link set lo up
ip link add name outside type veth peer name elsewhere
ip address add 192.0.2.25/24 dev outside
ip link set outside up
ip link set elsewhere up
hostname mail.example.org
echo ready
exec sleep infinity
"""


def cached_root():
    """The root that machines are layers of: Debian's base, Python and git, and what will be downloaded."""
    root = CACHE / RELEASE
    packages = _packages()
    made_for = json.dumps([inspect.getsource(cached_root), packages, _lock("run"), _lock("mysql")])
    stamp = CACHE / f"{RELEASE}.json"
    if stamp.exists() and stamp.read_text() == made_for:
        return root
    stamp.unlink(missing_ok=True)
    if not root.exists():
        begun = CACHE / f"{RELEASE}.new"
        shutil.rmtree(begun, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        _run([find("debootstrap"), "--variant=minbase", RELEASE, begun, _mirror()])
        begun.rename(root)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["chroot", root, "apt-get", "-qq", "-y", "--no-install-recommends"]
    _run([*apt, "update"], env=environment)
    _run([*apt, "upgrade"], env=environment)
    _run([*apt, "install", "python3", "git"], env=environment)
    _run([*apt, "install", "--download-only", *packages], env=environment)
    wheels = root / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    for name in ("run", "mysql"):
        pip = [ROOT / ".venv/bin/python", "-m", "pip", "download", "-q", "--no-build-isolation"]
        lock = ROOT / f"requirements/{name}.lock"
        _run([*pip, "--no-deps", "--require-hashes", "-d", wheels, "-r", lock])
    stamp.write_text(made_for)
    return root


def _packages():
    lines = (ROOT / "deploy/bin/debian-packages.txt").read_text().splitlines()
    rows = [line.split(None, 2) for line in lines if line and line[0] != "#"]
    return [
        name
        for name, purposes, _why in rows
        if {"run", "mysql", "host", "authority"} & set(purposes.split(","))
    ]


def _lock(name):
    return (ROOT / f"requirements/{name}.lock").read_text()


def _mirror():
    """Debian's mirror that this machine uses itself."""
    for file in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]:
        if file.is_file():
            for url in re.findall(
                r"(?:URIs: |deb (?:\[.*\] )?)(http\S+/debian)/?\s", file.read_text()
            ):
                return url
    raise RuntimeError("No mirror of Debian in /etc/apt/sources.list.")


def _run(command, **options):
    done = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}"
    return done.stdout


class Machine:
    """Bare until ``install()``. ``root`` is its root directory as it is seen from outside."""

    def __init__(self):
        self.place = Path(tempfile.mkdtemp(prefix="mailadmin-host-", dir=CACHE))
        self.root = self.place / "root"
        self.first = None

    def start(self):
        for name in ("root", "layer", "work"):
            (self.place / name).mkdir()
        layers = f"lowerdir={cached_root()},upperdir={self.place}/layer,workdir={self.place}/work"
        _run(["mount", "-t", "overlay", "overlay", "-o", layers, self.root])
        self._copy_the_checkout()
        (self.root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        (self.root / "etc/hosts").write_text(
            "127.0.0.1 localhost\n192.0.2.25 mail.example.org mail\n"
        )
        (self.root / "etc/hostname").write_text("mail\n")
        self.first = subprocess.Popen(
            [
                *(
                    "unshare",
                    "--net",
                    "--mount",
                    "--pid",
                    "--uts",
                    "--ipc",
                    "--fork",
                    "--kill-child",
                ),
                *("sh", "-e", "-c", HOLD.format(root=self.root)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.first.stdout.readline() == "ready\n"
        return self

    def stop(self):
        if self.first:
            self.first.kill()  # and with it, --kill-child, all that runs in there
            self.first.wait()
            self.first.stdout.close()
        for _ in range(50):
            if subprocess.run(["umount", self.root], capture_output=True).returncode == 0:
                break
            time.sleep(0.2)
        shutil.rmtree(self.place)

    def _copy_the_checkout(self):
        names = _run(
            ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        )
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                target = self.root / CHECKOUT[1:] / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, target)

    def command(self, *command):
        """``command`` as it is run from outside."""
        inside = (
            Path(f"/proc/{self.first.pid}/task/{self.first.pid}/children").read_text().split()[0]
        )
        enter = ["nsenter", "--target", inside, "--net", "--mount", "--pid", "--uts", "--ipc"]
        return [*enter, "chroot", str(self.root), *map(str, command)]

    def run(self, *command, input=None, status=0):
        """Run it in there and return what it printed."""
        done = subprocess.run(
            self.command(*command),
            input=input,
            stdin=None if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def install(self, *options, status=0, input=None):
        return self.run(f"{CHECKOUT}/deploy/install", *options, status=status, input=input)

    @contextlib.contextmanager
    def background(self, *command):
        """Run it meanwhile; at the end it is killed with all that it started, without a moment to tidy up."""
        run = subprocess.Popen(
            self.command(*command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
            start_new_session=True,
        )
        try:
            yield run
        finally:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            run.stdout.close()

    def path(self, path):
        return self.root / str(path).lstrip("/")

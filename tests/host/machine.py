"""A whole Debian of its own: a root by debootstrap, in namespaces of its own, with the real ports.

The root of a release is made once and kept in HOST_CACHE (roots.py); a machine is a layer over it. It reaches no
network but its own: packages come from the cache, as they would from a mirror. All its mounts are in its own namespace, and
the kernel ends its first process with the tests, so however they end nothing is left but a directory, which the
next machine removes.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.host.roots import CACHE, NAMESPACES, OVERLAY, cached_root, run
from tests.servers.processes import ROOT

CHECKOUT = "/opt/mailadmin"
PREFIX = "mailadmin-host-"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    # The Python packages: as they are on the package index, with the same checksums.
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "/wheels",
}
# What becomes the first process of the machine, holds its namespaces, and collects processes that ended, as an init does: a lock of
# one of them would be taken for that of a living one. Its disk is thrown away in the end, so nothing waits for
# the real one (volatile).
HOLD = """
mount --make-rprivate /
{overlay}
mount -t proc proc {root}/proc
mount -t tmpfs -o mode=755 tmpfs {root}/run
mount -t tmpfs -o mode=755 tmpfs {root}/dev
mkdir {root}/dev/shm {root}/dev/pts
mount -t tmpfs tmpfs {root}/dev/shm
for name in null zero full random urandom tty; do
  touch {root}/dev/$name
  mount --bind /dev/$name {root}/dev/$name
done
ln -s /proc/self/fd {root}/dev/fd
ip link set lo up
unshare --net sleep infinity &
far={root}/proc/$!/ns/net
while [ "$(readlink $far)" = "$(readlink {root}/proc/self/ns/net)" ]; do sleep 0.01; done
ip link add name outside type veth peer name elsewhere
ip link set elsewhere netns $!
ip address add 192.0.2.25/24 dev outside
ip link set outside up
for last in 9 10 11; do
  nsenter --net=$far ip address add 192.0.2.$last/24 dev elsewhere
done
nsenter --net=$far ip link set lo up
nsenter --net=$far ip link set elsewhere up
hostname mail.example.org
echo ready $!
exec chroot {root} sh -c 'sleep infinity & wait'
"""


class Machine:
    """Bare until ``install()``. ``root`` is its root directory as it is seen from outside."""

    def __init__(self, release="bookworm"):
        self.release = release
        self.first = None

    def start(self):
        _remove_left_ones()
        lower, self.root_in_use = cached_root(self.release)
        self.place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=CACHE))
        self.in_use = _lock(self.place)
        for name in ("root", "layer", "work"):
            (self.place / name).mkdir()
        overlay = OVERLAY.format(lower=lower, place=self.place)
        hold = HOLD.format(overlay=overlay, root=self.place / "root")
        self.first = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES, "sh", "-e", "-c", hold],
            stdout=subprocess.PIPE,
            text=True,
        )
        ready, far = self.first.stdout.readline().split()
        assert ready == "ready"
        children = f"/proc/{self.first.pid}/task/{self.first.pid}/children"
        self.inside = Path(children).read_text().split()[0]
        self._wait_for_the_root()
        self.root = Path(f"/proc/{self.inside}/root")
        self.elsewhere = self.path(f"/proc/{far}/ns/net")
        self._copy_the_checkout()
        self.path("/etc/resolv.conf").write_text("nameserver 127.0.0.2\n")
        self.path("/etc/hosts").write_text(
            "127.0.0.1 localhost\n192.0.2.25 mail.example.org mail\n"
        )
        self.path("/etc/hostname").write_text("mail\n")
        return self

    def _wait_for_the_root(self):
        """ "ready" is said a moment before chroot."""
        while os.readlink(f"/proc/{self.inside}/root") == "/":
            assert self.first.poll() is None

    def stop(self):
        if self.first:
            self.first.kill()  # and with it, --kill-child, all that runs in there
            self.first.wait()
            self.first.stdout.close()
            shutil.rmtree(self.place)
            os.close(self.in_use)
            os.close(self.root_in_use)

    def _copy_the_checkout(self):
        names = run(
            ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        )
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                target = self.path(CHECKOUT) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, target)

    def command(self, *command, elsewhere=False):
        """``command`` as it is run from outside; ``elsewhere``, with the files of the machine, at 192.0.2.9 to .11."""
        net = f"--net={self.elsewhere}" if elsewhere else "--net"
        enter = ["nsenter", "--target", self.inside, net, "--mount", "--pid", "--uts", "--ipc"]
        return [*enter, "--root", "env", "--chdir=/", *map(str, command)]

    def run(self, *command, input=None, status=0, elsewhere=False):
        done = subprocess.run(
            self.command(*command, elsewhere=elsewhere),
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
    def background(self, *command, elsewhere=False):
        """Run it meanwhile; at the end it is killed with all that it started, without a moment to tidy up."""
        process = subprocess.Popen(
            self.command(*command, elsewhere=elsewhere),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):  # it came to its own end
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()

    def path(self, path):
        return self.root / str(path).lstrip("/")


def _lock(place):
    descriptor = os.open(place, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _remove_left_ones():
    for place in CACHE.glob(PREFIX + "*"):
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            in_use = _lock(place)
            shutil.rmtree(place)
            os.close(in_use)

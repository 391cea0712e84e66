"""Debian packages and users: what there is of them before is written down, so that only the rest is taken away."""

import grp
import pwd
from pathlib import Path

from installer import machine
from installer.journal import checksum
from installer.steps import Step, run, text_of

# What daemons write there when they start.
LATER = ["/etc/aliases.db", "/var/lib/dovecot/instances", "/etc/alternatives/php-fpm.sock"]
# systemd comes along where others need it, and makes these when it is installed.
OF_SYSTEMD = [
    *("/etc/default/locale", "/etc/machine-id", "/etc/mtab", "/etc/vconsole.conf"),
    *("/root/.ssh", "/var/lib/private"),
    *("/var/lib/systemd/coredump", "/var/lib/systemd/pstore"),
]
# With it no package starts a service.
POLICY = Path("/usr/sbin/policy-rc.d")


class Packages(Step):
    """Debian packages, by deploy/bin/install-packages, which starts no service."""

    def __init__(self, script, parts):
        self.title = "Debian packages"
        self.script = script
        self.purposes = [purpose for part in parts for purpose in part.purposes]
        self.places = [*OF_SYSTEMD, *(place for part in parts for place in part.places)]
        self.configurations = [path for part in parts for path in part.configurations]

    def missing(self):
        wanted = []
        for line in (self.script.parent / "debian-packages.txt").read_text().splitlines():
            if line and line[0] != "#":
                name, purposes, _why = line.split(None, 2)
                if set(purposes.split(",")) & set(self.purposes):
                    wanted.append(name)
        installed = machine.packages()
        return [name for name in wanted if name not in installed]

    def difference(self, journal):
        begun = [e for e in journal.entries if e["kind"] == "packages" and "added" not in e]
        missing = self.missing()
        if missing:
            return "apt-get install " + " ".join(missing)
        return "finish what was begun" if begun else ""

    def do(self, journal, log):
        begun = [e for e in journal.entries if e["kind"] == "packages" and "added" not in e]
        entry = (
            begun[-1]
            if begun
            else journal.record(
                "packages",
                before=sorted(machine.packages({"installed", *machine.HALF})),
                users=sorted(user.pw_name for user in pwd.getpwall()),
                groups=sorted(group.gr_name for group in grp.getgrall()),
                there=_files_in(self.places),
                policy=POLICY.exists(),
            )
        )
        if begun:
            run(["dpkg", "--configure", "-a"], log=log)
        run(
            [self.script, *self.purposes],
            log=log,
            advice="See what apt says: no network, a full disk, or another apt at work? Then run this again.",
        )
        if not entry["policy"]:
            POLICY.unlink(missing_ok=True)  # install-packages leaves it if it is killed
        for path in self.configurations:
            if path.is_file() and str(path) not in entry["there"]:
                journal.written.setdefault(
                    str(path), [checksum(text_of(path)), checksum(text_of(path).rstrip("\n"))]
                )
        entry["came"] = sorted({*_files_in(self.places), *LATER} - set(entry["there"]))
        entry["added"] = sorted(machine.packages() - set(entry["before"]))
        journal.save()


class Account(Step):
    def __init__(self, name, *, home, uid=None):
        self.title = f"user {name}"
        self.name, self.home, self.uid = name, home, uid

    def difference(self, journal):
        try:
            pwd.getpwnam(self.name)
            return ""
        except KeyError:
            return f"a user and a group {self.name} without a password"

    def do(self, journal, log):
        journal.record("account", name=self.name, home=str(self.home))
        number = ["--gid", self.uid] if self.uid else ["--system"]
        if not _exists(grp.getgrnam, self.name):
            run(["groupadd", *number, self.name], log=log)
        number = ["--uid", self.uid] if self.uid else ["--system"]
        shell = ["--shell", "/usr/sbin/nologin", "--no-create-home", "--home-dir", self.home]
        run(["useradd", *number, "--gid", self.name, *shell, self.name], log=log)


def _files_in(places):
    found = []
    for place in map(Path, places):
        if place.is_dir() and not place.is_symlink():
            found += [p for p in place.rglob("*") if not p.is_dir()] or [place]
        elif place.is_symlink() or place.exists():
            found.append(place)
    return sorted(map(str, found))


def _exists(find, name):
    try:
        return bool(find(name))
    except KeyError:
        return False

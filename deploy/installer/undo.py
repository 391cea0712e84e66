import grp
import os
import pwd
import re
import shutil
from pathlib import Path

from installer import machine
from installer.packages import POLICY
from installer.services import manager
from installer.steps import Failed, remove, run, succeeds


def undo(journal, log, *, with_data):
    """Take back every entry that can be, and return what was left. Run again, it goes on with the rest."""
    # Carried out anew if the installation is run again.
    journal.carried_out.clear()
    left = []
    for entry in reversed(journal.entries.copy()):
        kept = UNDO[entry["kind"]](entry, log, with_data)
        if kept:
            left.append(kept)
        else:
            journal.entries.remove(entry)
        journal.save()
    journal.written.clear()
    journal.theirs.clear()
    journal.stale.clear()
    return left


def _service(entry, log, _with_data):
    services, unit = manager(), entry["unit"]
    log.say(f"  stop {unit}")
    if not entry["ran"] and services.is_running(unit):
        services.stop(unit, log)
    elif entry["ran"]:
        services.restart(unit, log)
    if not entry["enabled"] and services.is_enabled(unit):
        services.disable(unit, log)


def _file(entry, log, _with_data):
    path = Path(entry["path"])
    if entry["was"]:
        copy = Path(entry["was"])
        log.say(f"  as it was: {path}")
        new = path.with_name(f".{path.name}.new")
        shutil.copy2(copy, new)
        os.chown(new, copy.stat().st_uid, copy.stat().st_gid)
        new.replace(path)
    else:
        log.say(f"  remove {path}")
        remove(path)


def _link(entry, log, _with_data):
    path = Path(entry["path"])
    remove(path)
    if entry["was"]:
        path.symlink_to(entry["was"])


def _directory(entry, log, _with_data):
    path = Path(entry["path"])
    try:
        path.rmdir()
    except FileNotFoundError:
        pass
    except OSError:
        return f"{path}: there is something in it that this program did not write"


def _tree(entry, log, _with_data):
    log.say(f"  remove {entry['path']}")
    remove(entry["path"])


def _certificates(_entry, log, _with_data):
    place = Path("/etc/letsencrypt")
    for kept in (place / "live").glob("*.*"):
        if kept.name.startswith(("autoconfig.", "autodiscover.", "ua-auto-config.", "mta-sts.")):
            log.say(f"  remove the certificate of {kept.name}")
            for path in (kept, place / "archive" / kept.name, place / f"renewal/{kept.name}.conf"):
                remove(path)


def _mail(entry, log, with_data):
    if with_data:
        remove(entry["path"])
    elif any(Path(entry["path"]).iterdir()):
        return f"{entry['path']}: the mail"
    else:
        return _directory(entry, log, with_data)


def _sql(entry, log, _with_data):
    # The users and tables stay, or go with the database's files.
    pass


def _account(entry, log, _with_data):
    if entry["name"] == "vmail" and Path(entry["home"]).exists():
        return f"user {entry['name']}: the mail is theirs"
    _remove_account(entry["name"], log)


def _remove_account(name, log):
    if any(user.pw_name == name for user in pwd.getpwall()):
        run(["userdel", name], log=log)
    if any(group.gr_name == name for group in grp.getgrall()):
        run(["groupdel", name], log=log)


def _packages(entry, log, with_data):
    # Where dpkg was killed, apt does nothing before; and what stays half configured, it purges.
    succeeds(["dpkg", "--configure", "-a"], env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
    came = machine.packages({"installed", *machine.HALF}) - set(entry["before"])
    # Of an undo that was cut short. A person's that were removed before stay as they are.
    came |= machine.packages({"config-files"}) & set(entry.get("added", []))
    added = sorted(came)
    if added:
        planned = run(["apt-get", "--simulate", "purge", *added], log=log)
        more = set(re.findall(r"(?m)^(?:Remv|Purg) (\S+)", planned)) - set(added)
        if more:
            raise Failed(
                f"{', '.join(sorted(more))}: installed later, and would be removed with what it needs.\n"
                "Remove it yourself, then run --undo again."
            )
        log.say(f"  purge {len(added)} packages")
        quiet = ["-y", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=600"]
        run(
            ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "purge", *quiet, *added],
            log=log,
            advice="See what apt says, then run --undo again.",
        )
    if not entry.get("policy", True):
        POLICY.unlink(missing_ok=True)
    for path in map(Path, entry.get("came", [])):
        if path.is_dir() and not path.is_symlink():
            _remove_empty(path)  # what somebody put there since stays
        else:
            remove(path)
            _remove_empty(path.parent)
    data = Path("/var/lib/mysql")
    if with_data:
        remove(data)
    of_data = {"vmail", "mysql"} if data.exists() else {"vmail"}
    for user in {user.pw_name for user in pwd.getpwall()} - set(entry["users"]) - of_data:
        _remove_account(user, log)
    for group in {group.gr_name for group in grp.getgrall()} - set(entry["groups"]) - of_data:
        run(["groupdel", group], log=log)
    return f"{data}: the database" if data.exists() else None


def _remove_empty(folder):
    while folder.is_dir() and not any(folder.iterdir()) and folder not in KEPT:
        folder.rmdir()
        folder = folder.parent


# Debian's own.
KEPT = {
    Path(path)
    for path in ("/", "/etc", "/etc/alternatives", "/etc/default", "/root", "/var", "/var/lib")
}
UNDO = {
    "service": _service,
    "file": _file,
    "link": _link,
    "directory": _directory,
    "tree": _tree,
    "mail": _mail,
    "certificates": _certificates,
    "sql": _sql,
    "account": _account,
    "packages": _packages,
}

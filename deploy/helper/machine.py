import contextlib
import ctypes
import os
import re
import socket
import stat
import struct
from pathlib import Path

from verbs import Refused, read, seconds_left

CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
UNITS = (
    *("mailadmin-daily.timer", "mailadmin-snapshot.timer", "mailadmin-checkdns.timer", "mailadmin-doctor.timer"),
    *("mailadmin-daily.service", "mailadmin-snapshot.service", "mailadmin-checkdns.service", "mailadmin-doctor.service"),
    *("mailadmin-reports.timer", "mailadmin-reports.service", "mailadmin-endings.timer", "mailadmin-endings.service"),
    *("mailadmin-fetchmail.timer", "mailadmin-fetchmail.service"),
)  # fmt: skip
STA_UNSYNC = 0x40
FSTAB, MOUNTED = Path("/etc/fstab"), Path("/proc/self/mountinfo")
HOMES = (Path("/home"), Path("/root"), Path("/run/user"))


def mail(settings, address, found):
    root = os.path.normpath(settings.mail_root)
    told = {"root": root, "path": steps_to(root), "hidden": hidden(root)}
    return told | {"unmounted": unmounted(Path(root).resolve())}


def unmounted(root):
    """Where /etc/fstab has something mounted that holds ``root`` or a part of it, and nothing is."""
    wanted = []
    if FSTAB.is_file():
        lines = [line.split() for line in FSTAB.read_text(errors="replace").splitlines()]
        entries = [fields for fields in lines if len(fields) > 3 and fields[0][0] != "#"]
        wanted = [place.rstrip("/") or "/" for _device, place, *_more in entries]
    mounted = {line.split()[4] for line in MOUNTED.read_text().splitlines()}
    places = [Path(unescaped(place)) for place in wanted if place not in mounted]
    return [
        str(place)
        for place in dict.fromkeys(places)
        if place.is_absolute() and (root.is_relative_to(place) or place.is_relative_to(root))
    ]


def unescaped(place):
    """As fstab(5) and the kernel write blanks."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), place)


def steps_to(path):
    path = Path(os.path.normpath(path))
    ways = [path, *path.parents]
    return [{"path": str(way)} | seen(way) for way in reversed(ways) if way.exists()]


def hidden(path):
    """Where ``path`` lies if systemd hides that from the helper (ProtectHome), or ""."""
    for home in HOMES:
        if Path(os.path.normpath(path)).is_relative_to(home) and seen(home).get("mode") == "0":
            return str(home)
    return ""


def seen(path):
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {"there": False}
    return {
        "there": True,
        "mode": f"{stat.S_IMODE(status.st_mode):o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
    }


def secrets(settings, address, found):
    folders = [settings.postfix, settings.postfix / "sql", settings.dovecot.parent]
    files = [file for folder in folders for file in folder.glob("*") if file.is_file()]
    files += [file for file in [Path("/etc/opendkim.conf")] if file.is_file()]
    return [str(file) for file in files if file.stat().st_mode & 0o004 and has_password(file)]


def has_password(file):
    lines = file.read_text(errors="replace")[:200_000].splitlines()
    words = " ".join(line for line in lines if not line.lstrip().startswith("#"))
    return bool(re.search(r"\bpassword\s*=\s*\S|mysql_password|password=", words))


def met(path, owner):
    told = seen(path)
    if told["there"]:
        shift = 6 if told["uid"] == owner.pw_uid else 3 if told["gid"] == owner.pw_gid else 0
        told["may"] = bool(int(told["mode"], 8) >> shift & 2)
        told["listens"] = listens(path)
    return told


def listens(path):
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(min(5, seconds_left()))
        try:
            line.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True


def reached(server):
    named = re.fullmatch(r"(?:\w+://)?\[?([\w.:-]+?)\]?:(\d+)", server)
    if not named:
        return ""
    try:
        socket.create_connection((named[1], int(named[2])), timeout=min(5, seconds_left())).close()
    except OSError as error:
        return str(error)
    return ""


def disks(settings, address, found):
    wanted = {
        str(settings.mail_root): "mail",
        "/var/spool/postfix": "queue",
        "/var/lib/mysql": "database",
        "/var/log": "log",
        "/": "system",
    }
    told = {}
    for path, what in wanted.items():
        with contextlib.suppress(OSError):
            device, room = os.stat(path).st_dev, os.statvfs(path)
            told.setdefault(
                device,
                {
                    "path": path,
                    "holds": [],
                    "free": room.f_bavail * room.f_frsize,
                    "size": room.f_blocks * room.f_frsize,
                    "free_files": room.f_favail,
                    "files": room.f_files,
                },
            )["holds"].append(what)
    return list(told.values())


def clock(settings, address, found):
    state = (ctypes.c_byte * 512)()
    if ctypes.CDLL(None, use_errno=True).adjtimex(state) >= 0:
        status = struct.unpack_from("I4xqqqqi", bytes(state))[5]
        return {"kept": not status & STA_UNSYNC}
    return {"kept": read("timedatectl", "show", "-p", "NTPSynchronized", "--value") == "yes"}


def units(settings, address, found):
    if not Path("/run/systemd/system").is_dir():
        raise Refused("systemd does not run here")
    told = {}
    properties = "Id,LoadState,UnitFileState,ActiveState,Result"
    for block in read("systemctl", "show", "-p", properties, *UNITS).split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        told[unit.get("Id", "")] = unit
    return told


def certificates(settings, address, found):
    """{path: the certificates in it}, of Postfix and Dovecot. A key in the same file is left out."""
    files = []
    if "ok" in found["postfix"]:
        parameters = found["postfix"]["ok"]["parameters"]
        named = parameters["smtpd_tls_chain_files"] or parameters["smtpd_tls_cert_file"]
        files += re.findall(r"/[^\s,]+", named)
    if "ok" in found["dovecot"]:
        text = found["dovecot"]["ok"]["settings"]
        files += re.findall(
            r"^\s*(?:ssl_cert|ssl_server_cert_file) = <?\s*(/\S+)", text, re.MULTILINE
        )
    if settings.certificate:
        files.append(str(settings.certificate))
    told = {}
    for file in dict.fromkeys(files):
        try:
            told[file] = "\n".join(
                CERTIFICATE.findall(Path(file).read_text(errors="replace")[:200_000])
            )
        except OSError as error:
            told[file] = f"{type(error).__name__}: {error.strerror}"
    return told

"""Plain facts about this machine. Reads only; what a person should make of them is world.py."""

import ipaddress
import os
import shutil
import socket
import subprocess
from pathlib import Path


def release():
    values = {}
    try:
        for line in Path("/etc/os-release").read_text().splitlines():
            name, _equals, value = line.partition("=")
            values[name] = value.strip('"')
    except OSError:
        pass
    return values.get("ID", ""), values.get("VERSION_ID", "")


def memory():
    """Megabytes of memory, without swap."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0


def disk(path):
    """Free megabytes where ``path`` is or would be."""
    path = Path(path)
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free // 2**20


def own_address(version):
    """The address that this machine would use towards the Internet, or None. Sends nothing."""
    family, far = {
        4: (socket.AF_INET, "192.0.2.1"),
        6: (socket.AF_INET6, "2001:db8::1"),
    }[version]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as line:
            line.connect((far, 53))
            address = ipaddress.ip_address(line.getsockname()[0])
    except OSError:
        return None
    return None if address.is_loopback or address.is_link_local else str(address)


# Addresses that nobody outside of a house or a provider can reach.
INSIDE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]


def is_translated(address):
    """Whether somebody between here and the Internet puts another address in place of this one."""
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(net) for net in INSIDE)


def hosts_entries(name):
    found = []
    try:
        for line in Path("/etc/hosts").read_text().splitlines():
            address, *names = line.partition("#")[0].split() or [""]
            if name in names:
                found.append(address)
    except OSError:
        pass
    return found


def listeners():
    """{port: name of the program} of all TCP ports that something listens on; of several on one, that which has 127.0.0.1."""
    inodes = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if words[3] == "0A":  # LISTEN
                address, _colon, port = words[1].rpartition(":")
                has_loopback = address == "0100007F" or set(address) == {"0"}
                inodes[words[9]] = (int(port, 16), has_loopback)
    names = _programs(inodes)
    # The last one counts.
    ordered = sorted(inodes.items(), key=lambda one: one[1])
    return {port: names.get(inode, "a program") for inode, (port, _loopback) in ordered}


def listens(address, port):
    try:
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            line.bind((address, port))
    except PermissionError:
        return False
    except OSError:
        return True
    return False


def _programs(inodes):
    names = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            links = [os.readlink(entry) for entry in (process / "fd").iterdir()]
            name = (process / "comm").read_text().strip()
        except OSError:
            continue
        for link in links:
            inode = link.removeprefix("socket:[").removesuffix("]")
            if inode in inodes:
                names[inode] = name
    return names


# Between not there and installed: what a kill of dpkg leaves. "config-files" is removed, and not purged.
HALF = {"half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"}


def packages(states=frozenset({"installed"})):
    """Names of those that dpkg says to be in one of these states (dpkg(1))."""
    if not shutil.which("dpkg-query"):
        return set()
    form = "${db:Status-Status} ${Package}\n"
    run = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True)  # noqa: S603, S607
    lines = [line.split(" ", 1) for line in run.stdout.splitlines()]
    return {name for status, name in lines if status in states}


def answers_smtp(host, seconds=8):
    try:
        with socket.create_connection((host, 25), timeout=seconds) as line:
            return line.recv(4) in (b"220 ", b"220-", b"421 ", b"554 ", b"550 ")
    except OSError:
        return False


def runs_systemd():
    return Path("/run/systemd/system").is_dir()

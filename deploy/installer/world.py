import ipaddress
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from installer import dns, machine
from installer.releases import RELEASES

# Who is allowed to have which port, from an earlier run.
PORTS = {
    25: {"master", "smtpd"},
    80: {"nginx"},
    110: {"dovecot", "pop3-login"},
    143: {"dovecot", "imap-login"},
    443: {"nginx"},
    465: {"master", "smtpd"},
    587: {"master", "smtpd"},
    993: {"dovecot", "imap-login"},
    995: {"dovecot", "pop3-login"},
    4190: {"dovecot", "managesieve-log"},
}
OTHER_SERVERS = [
    "exim4-base",
    "sendmail-bin",
    "courier-mta",
    "opensmtpd",
    "cyrus-common",
    "apache2",
]
OTHER_PANELS = {
    "/usr/share/postfixadmin": "PostfixAdmin",
    "/opt/mailcow-dockerized": "mailcow",
    "/home/user-data/mail": "Mail-in-a-Box",
    "/opt/iredapd": "iRedMail",
    "/usr/local/hestia": "Hestia",
    "/srv/modoboa": "Modoboa",
}
# A large receiver that is always there: only its greeting on port 25 is waited for.
LARGE = "gmail.com"


@dataclass
class Finding:
    topic: str
    level: str  # "ok"; "note": one may go on; "stop": one may not
    says: str
    do: str = ""


def ok(topic, says):
    return Finding(topic, "ok", says)


def note(topic, says, do):
    return Finding(topic, "note", says, do)


def stop(topic, says, do):
    return Finding(topic, "stop", says, do)


def look(options, journal):
    return [
        *_machine(options),
        *_name(options),
        *_surroundings(options),
        *_ports(),
        *_others(journal),
    ]


def _machine(options):
    found, version = machine.release()
    if found == "debian" and version in RELEASES:
        yield ok("release", f"Debian {version}")
    else:
        known = " and ".join(RELEASES)
        yield stop(
            "release",
            f"This is {found or 'an unknown system'} {version}, and this program knows Debian {known}.",
            "Use one of these, or install by hand: docs/operations.md.",
        )
    if os.geteuid() != 0:
        yield stop("user", "Only root can install.", "Run it with sudo.")
    memory = machine.memory()
    if memory < 900:
        yield note(
            "memory",
            f"{memory} MB: MariaDB and the panel's packages want 1 GB.",
            "Add memory, or a swap file of 1 GB before you go on.",
        )
    else:
        yield ok("memory", f"{memory} MB")
    for path, least, wanted in [("/", 1500, 5000), (options.mail_root, 500, 5000)]:
        free = machine.disk(path)
        if free < least:
            yield stop(f"disk {path}", f"{free} MB free, and {least} MB are needed.", "Make room.")
        elif free < wanted:
            yield note(
                f"disk {path}", f"{free} MB free.", "Mail will fill that soon: give it more."
            )
        else:
            yield ok(f"disk {path}", f"{free} MB free")
    yield from _checkout(options.checkout)
    if not machine.runs_systemd():
        yield note(
            "systemd",
            "systemd is not running here, so services start by hand and timers not at all.",
            "Good for a trial in a container; a mail host wants a whole Debian.",
        )


def _checkout(checkout):
    for folder in [*reversed(checkout.parents), checkout]:
        if not folder.stat().st_mode & stat.S_IXOTH:
            yield stop(
                "checkout",
                f"The panel runs from {checkout} as a user of its own, which may not enter {folder}.",
                f"mv {checkout} /opt/mailadmin",
            )
            return
    if not (checkout / "manage.py").stat().st_mode & stat.S_IROTH:
        yield stop(
            "checkout",
            f"The panel runs from {checkout} as a user of its own, which may not read it.",
            f"chmod -R go+rX {checkout}",
        )
        return
    yield ok("checkout", str(checkout))


def _name(options):
    name = options.hostname
    if len(name.split(".")) < 3:
        yield note(
            "name",
            f"{name} has no part of its own: mail for the domain could not be served by the panel.",
            f"Name the host apart from the domain, e.g. mail.{name}.",
        )
    looped = [a for a in machine.hosts_entries(name) if ipaddress.ip_address(a).is_loopback]
    if looped:
        yield note(
            "/etc/hosts",
            f"{name} is {looped[0]} for this machine itself.",
            "Nothing to do for mail; what asks on this machine for its name sees the loopback address.",
        )
    addresses = {version: machine.own_address(version) for version in (4, 6)}
    if not any(addresses.values()):
        yield note(
            "address",
            "This machine has no way to the Internet.",
            "Mail goes in and out when it has; the files are the same.",
        )
    for version, kind in [(4, "A"), (6, "AAAA")]:
        if addresses[version]:
            yield from _both_ways(name, kind, addresses[version])
        elif dns.ask(name, kind).records:
            yield note(
                kind,
                f"{name} has an {kind} record, and this machine no such address.",
                f"Remove the record, or give the machine IPv{version}: other servers try it first.",
            )


def points_here(name):
    found = dns.ask(name, "A").records + dns.ask(name, "AAAA").records
    return bool({machine.own_address(4), machine.own_address(6)} & set(found))


def _both_ways(name, kind, address):
    answer = dns.ask(name, kind)
    if not answer.reached:
        return  # _surroundings says so
    record = f"{name}. {kind} {address}"
    if machine.is_translated(address):
        yield note(
            f"{kind} and NAT",
            f"{address} is a private address: somebody translates it.",
            "Lead ports 25, 80, 443, 465, 587 and 993 of the public address here.",
        )
    elif not answer.records:
        yield note(kind, f"{name} has no {kind} record.", f"Publish: {record}")
    elif address not in answer.records:
        listed = ", ".join(answer.records)
        yield note(kind, f"{name} is {listed}, this machine {address}.", f"Publish: {record}")
    else:
        yield ok(kind, f"{name} is {address}")
    names = dns.reverse(address).records
    if names == [name]:
        yield ok(f"PTR of {address}", name)
    elif not machine.is_translated(address):
        yield note(
            f"PTR of {address}",
            f"The address is called {', '.join(names) or 'nothing'}; large receivers refuse such senders.",
            f"Set its reverse name to {name} where the address was given to you, and only that one.",
        )


def _surroundings(options):
    answer = dns.ask("com", "A")
    if not answer.reached:
        yield note(
            "resolver",
            "No name server of /etc/resolv.conf answers.",
            "Postfix finds nobody without one: put one that answers into /etc/resolv.conf.",
        )
        return
    if answer.validated:
        yield ok("resolver", "answers, and validates DNSSEC")
    else:
        yield note(
            "resolver",
            "The resolver does not validate DNSSEC: others' DANE records cannot be used.",
            "Nothing: one that does is installed (unbound), unless you say --no-resolver.",
        )
    hosts = dns.ask(LARGE, "MX").records[:2]
    if options.relayhost:
        yield ok("outgoing 25", f"not needed: what leaves goes through {options.relayhost}")
    elif any(machine.answers_smtp(host) for host in hosts):
        yield ok("outgoing 25", f"{LARGE} answers")
    else:
        yield note(
            "outgoing 25",
            f"No connection to port 25 of {LARGE}: many providers close it.",
            "Ask your provider to open it, or send through a server of theirs: --relayhost.",
        )


def _ports():
    taken = machine.listeners()
    wrong = {
        port: taken[port] for port in PORTS if port in taken and taken[port] not in PORTS[port]
    }
    for port, program in wrong.items():
        yield stop(
            f"port {port}",
            f"{program} listens on it.",
            f"See who that is (ss -ltnp 'sport = :{port}') and stop it.",
        )
    if not wrong:
        yield ok("ports", "free, or ours: " + " ".join(map(str, PORTS)))


def _others(journal):
    installed = machine.packages()
    for package in OTHER_SERVERS:
        if package in installed:
            yield stop(
                "other servers",
                f"{package} is installed.",
                f"apt purge {package}    (what it serves is gone then: look first)",
            )
    for path, name in OTHER_PANELS.items():
        if Path(path).exists():
            yield stop(
                "other panels",
                f"{name} is here ({path}).",
                "Take over its tables instead: docs/operations.md, Coming from PostfixAdmin.",
            )
    ours = {package for entry in journal.entries for package in entry.get("added", [])}
    begun = any(entry["kind"] == "packages" for entry in journal.entries)
    for package in ["postfix", "dovecot-core"]:
        if package in installed and package not in ours and not begun:
            yield stop(
                "other servers",
                f"{package} is installed, and not by this program: it may serve mail already.",
                f"If it does not: apt purge {package}.    If it does: deploy/README.md,"
                " A server that runs already.",
            )
    for uid, name in [(5000, "vmail")]:
        try:
            found = pwd.getpwuid(uid).pw_name
        except KeyError:
            continue
        if found != name:
            yield stop(
                "users", f"User id {uid} is {found}, and should be {name}.", "Change its id."
            )

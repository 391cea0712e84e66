"""What of this host only root can see: facts for the panel's doctor, without a judgement. It only reads; but
`postfix check`, which it asks, makes directories of Postfix's that are missing.

Each part is {"ok": …}, or {"error": …} where it could not be looked at. No password and no content of mail is among them.
"""

import collections
import contextlib
import json
import os
import pwd
import re
import select
import signal
import subprocess
import threading
import time
from pathlib import Path

from machine import (
    certificates,
    clock,
    disks,
    hidden,
    mail,
    met,
    reached,
    secrets,
    seen,
    steps_to,
    units,
)
from verbs import ADDRESS, PROGRAMS, UNTIL, Refused, call, read, run, seconds_left

PARAMETERS = (
    *("mail_version", "mail_owner", "queue_directory", "myhostname", "mydestination", "mynetworks", "relayhost"),
    *("virtual_mailbox_domains", "virtual_alias_maps", "virtual_alias_domains", "virtual_mailbox_maps"),
    *("virtual_transport", "virtual_mailbox_base", "virtual_uid_maps", "virtual_gid_maps", "virtual_minimum_uid"),
    *("relay_domains", "relay_recipient_maps", "transport_maps", "sender_dependent_default_transport_maps"),
    *("recipient_bcc_maps", "sender_bcc_maps", "alias_maps", "local_recipient_maps", "canonical_maps"),
    *("sender_canonical_maps", "recipient_canonical_maps", "smtpd_sender_login_maps", "smtp_sasl_password_maps"),
    *("smtp_tls_policy_maps", "smtpd_relay_restrictions", "smtpd_recipient_restrictions"),
    *("smtpd_sender_restrictions", "smtpd_client_restrictions", "smtpd_sasl_auth_enable", "smtpd_sasl_type"),
    *("smtpd_sasl_path", "smtpd_tls_cert_file", "smtpd_tls_chain_files", "smtpd_tls_security_level"),
    *("smtpd_tls_auth_only", "recipient_delimiter", "smtpd_forbid_bare_newline", "login_restrictions", "database_restrictions"),
)  # fmt: skip
TABLE = re.compile(r"\b([a-z]+):(/[^\s,{}]+)")
TYPES = {"mysql", "pgsql", "ldap", "sqlite", "memcache", "hash", "btree", "lmdb", "dbm", "cdb", "sdbm", "texthash", "regexp", "pcre", "cidr"}  # fmt: skip
COMPILED = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "dbm": ".pag", "cdb": ".cdb"}
OF_SETTINGS = re.compile(r"^postmap: warning: \S+/(?:main|master)\.cf[,:]")
FAILED = re.compile(r"postmap: (?:fatal|error|panic): ")
OF_DOMAINS = {"virtual_mailbox_domains", "relay_domains", "virtual_alias_domains", "mydestination"}
NOBODY = "doctor@nobody.invalid"
PASSWORD_MAPS = "_password_maps"  # noqa: S105
LOGIN = re.compile(r"(\w://)[^/@\s]*@")
# Of a query its first table alone is told, and none of a query within it: the rest may name a key.
QUERY = re.compile(r" *\w*query = ")
FIRST_TABLE = re.compile(r"\bFROM \w+")
INNERMOST = re.compile(r"\([^()]*\)")
POLICY = re.compile(
    r"^(?:auth_policy_|auth_policy \{\n(?: .*\n)*? +)server_url = (https?://(?:[^/@\s]*@)?([^/:\s]+):?(\d+)?)",
    re.MULTILINE,
)
SECRET = re.compile(
    r"pass(word|_)|secret|nonce|api_key|api_header|authorization|_key\b", re.IGNORECASE
)
OF_ROUNDCUBE = re.compile(
    r"^\s*\$config\['(imap_host|smtp_host|smtp_user|smtp_timeout|imap_timeout)'\]\s*=\s*([^;\[]+?)\s*;", re.MULTILINE
)  # fmt: skip
LOOK_SECONDS = 30  # all parts together, less than the panel waits
CHECK_BYTES = 2000  # of what `postfix check` says
QUEUED = 20_000  # messages that are looked at
REASONS = 20


def look(settings, address):
    """``address``: a mailbox of the panel, about which maps and Dovecot are asked; "" asks them about nobody."""
    if address and (not ADDRESS.fullmatch(address) or address.startswith("-")):
        raise Refused("not an address")
    UNTIL.set(time.monotonic() + LOOK_SECONDS)  # each look has a thread or a process of its own
    found = {}
    for name, part in PARTS.items():
        try:
            seconds_left()
            found[name] = {"ok": part(settings, address, found)}
        except (Refused, OSError, ValueError, KeyError) as error:
            found[name] = {"error": str(error)[:500]}
    return found


def postfix(settings, address, found):
    said = read("postconf", "-c", settings.postfix, "-x", *PARAMETERS)
    pairs = [line.split(" = ", 1) for line in said.splitlines() if " = " in line]
    parameters = dict.fromkeys(PARAMETERS, "")
    parameters |= {name.strip(): without_secrets(name.strip(), value) for name, value in pairs}
    services = {}
    for line in read("postconf", "-c", settings.postfix, "-M").splitlines():
        words = line.split()
        if len(words) >= 8:
            services[f"{words[0]}/{words[1]}"] = {"program": words[7], "chroot": words[4]}
    for line in read("postconf", "-c", settings.postfix, "-P").splitlines():
        name, _equals, value = line.partition(" = ")
        service, _slash, parameter = name.rpartition("/")
        is_secret = SECRET.search(parameter) and not parameter.endswith(PASSWORD_MAPS)
        if service in services and not is_secret:
            services[service][parameter] = without_secrets(parameter, value)
    return {
        "parameters": parameters,
        "services": services,
        "types": read("postconf", "-m").split(),
    }


def without_secrets(parameter, value):
    if parameter.endswith(PASSWORD_MAPS):  # inline: and static: hold them
        return " ".join(found[0] for found in TABLE.finditer(value))
    return LOGIN.sub(r"\1", value)


def settings_of_postfix(found):
    if "ok" not in found["postfix"]:
        raise Refused("Postfix's settings could not be read")
    return found["postfix"]["ok"]


def check(settings, address, found):
    """What `postfix check` says first. It only speaks to a terminal, so it is given one."""
    end = time.monotonic() + seconds_left()
    ours, its = os.openpty()
    process = subprocess.Popen(  # noqa: S603 -- fixed words
        ["/usr/bin/env", "postfix", "-c", str(settings.postfix), "check"],
        stdin=subprocess.DEVNULL,
        stdout=its,
        stderr=its,
        env={"PATH": PROGRAMS, "LC_ALL": "C"},
        start_new_session=True,
    )
    os.close(its)
    said = b""
    try:
        while len(said) < CHECK_BYTES:
            if not select.select([ours], [], [], max(0, end - time.monotonic()))[0]:
                raise Refused("postfix check took too long")
            said += os.read(ours, CHECK_BYTES - len(said))
    except OSError:  # nobody has the terminal's other end any more: it has ended
        pass
    finally:
        os.close(ours)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return said.decode(errors="replace").strip()


def maps(settings, address, found):
    known = settings_of_postfix(found)
    named = list(known["parameters"].items())
    named += [pair for service in known["services"].values() for pair in service.items()]
    used = {}
    for parameter, value in named:
        for kind, path in TABLE.findall(value):
            if kind in TYPES:
                used.setdefault(f"{kind}:{path}", set()).add(parameter)
    return [
        table_of(settings, table, parameters, address) for table, parameters in sorted(used.items())
    ]


def table_of(settings, table, parameters, address):
    kind, _colon, path = table.partition(":")
    told = {"table": table, "kind": kind, "path": path, "parameters": sorted(parameters)}
    source, compiled = Path(path), Path(path + COMPILED.get(kind, ""))
    told |= seen(source)
    if kind in COMPILED:
        told["built"] = compiled.exists()
        told["stale"] = (
            compiled.exists()
            and source.exists()
            and source.stat().st_mtime > compiled.stat().st_mtime
        )
    domains = bool(parameters & OF_DOMAINS)
    key = address or NOBODY
    key = key.rpartition("@")[2] if domains else key
    try:
        done = call("postmap", "-c", settings.postfix, "-q", key, table)
    except Refused as error:
        return told | {"says": str(error)}
    says = complaint(done, table)
    # What it answers may be a secret, such as the login of a relay host.
    return told | {"asked": key, "answers": bool(done.stdout.strip()) and not says, "says": says}


def complaint(done, table):
    """What postmap says of the table if it fails, or "". Warnings about main.cf, as many as it has
    lines, are left out."""
    lines = [line for line in done.stderr.splitlines() if not OF_SETTINGS.search(line)]
    path = table.partition(":")[2]
    failed = done.returncode not in (0, 1)  # 1: it is not in the table
    if failed or any(FAILED.match(line) or path in line for line in lines):
        return " ".join(lines)[:500] or f"postmap: status {done.returncode}"
    return ""


def dovecot(settings, address, found):
    text = read("doveconf", "-c", settings.dovecot, "-n")
    lines = [line for line in map(told, text.splitlines()) if line]
    return {
        "version": text.partition("\n")[0].lstrip("# ").split(" ")[0],
        "policy": policy(text),
        "settings": "\n".join(lines)[:100_000],
    }


def told(line):
    if query := QUERY.match(line):
        inner = 1
        while inner:
            line, inner = INNERMOST.subn("", line)
        table = FIRST_TABLE.search(line)
        return query[0] + (table[0] if table else "")
    return "" if line.startswith("#") or SECRET.search(line) else LOGIN.sub(r"\1", line)


def policy(text):
    """2.4 prints it in a block."""
    url = POLICY.search(text)
    if not url:
        return {}
    whole, machine, port = url.groups()
    port = port or ("443" if whole.startswith("https") else "80")
    return {"url": LOGIN.sub(r"\1", whole), "says": reached(f"{machine}:{port}")}


def user(settings, address, found):
    if not address:
        return {}
    try:
        said = run("doveadm", "-c", settings.dovecot, "user", address, fails=67)
    except Refused as error:
        said = str(error)
    fields = dict(line.split("\t", 1) for line in said.splitlines() if "\t" in line)
    home = fields.get("home", "")
    return {
        "uid": fields.get("uid", ""),
        "gid": fields.get("gid", ""),
        "home": home,
        "says": "" if home else said,
        "path": steps_to(home) if home.startswith("/") else [],
        "hidden": hidden(home),
    }


def login(settings, address, found):
    """A sign-in of somebody who does not exist: whether Dovecot could ask at all."""
    command = ["auth", "test", "-x", "service=imap", NOBODY, "x"]
    try:
        said = run("doveadm", "-c", settings.dovecot, *command, fails=77)
    except Refused as error:
        said = str(error)
    return {"says": said}


def sockets(settings, address, found):
    known = settings_of_postfix(found)
    parameters = known["parameters"]
    queue = parameters["queue_directory"]
    places = {}
    for parameter in ("virtual_transport", "smtpd_recipient_restrictions"):
        for path in re.findall(r"\bunix:([^\s,}]+)", parameters[parameter]):
            places[path] = parameter
    if parameters["smtpd_sasl_type"] == "dovecot":
        places[parameters["smtpd_sasl_path"]] = "smtpd_sasl_path"
    owner = pwd.getpwnam(parameters["mail_owner"])
    return [
        {"path": str(Path(queue, path)), "parameter": parameter} | met(Path(queue, path), owner)
        for path, parameter in places.items()
        if not path.startswith("inet:")
    ]


def webmail(settings, address, found):
    files = [file for file in settings.webmail if file.is_file()]
    told = {}
    for file in files:
        for name, value in OF_ROUNDCUBE.findall(file.read_text(errors="replace")):
            told[name] = value.strip("'\"")
    if files:
        told["file"] = str(files[-1])
        for name in ("imap_host", "smtp_host"):
            told[f"{name}_says"] = reached(told.get(name, ""))
    return told


def queue(settings, address, found):
    command = ["/usr/bin/env", "postqueue", "-c", str(settings.postfix), "-j"]
    number, deferred, oldest, reasons = 0, 0, None, collections.Counter()
    with (
        subprocess.Popen(  # noqa: S603 -- fixed words
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={"PATH": PROGRAMS, "LC_ALL": "C"},
        ) as process,
        killed_in_time(process) as late,
    ):
        for line in process.stdout:
            message = json.loads(line)
            number += 1
            if message["queue_name"] == "deferred":
                deferred += 1
                oldest = min(oldest or message["arrival_time"], message["arrival_time"])
                said = {
                    recipient.get("delay_reason", "")[:300] for recipient in message["recipients"]
                }
                reasons.update(said - {""})
            if number >= QUEUED:
                process.kill()
                break
        error = process.stderr.read().strip()
        status = 0 if number >= QUEUED else process.wait()
    if late:
        raise Refused("postqueue took too long")
    if status or "Mail system is down" in error:
        raise Refused(error or f"postqueue: status {status}")
    return {
        "messages": number,
        "deferred": deferred,
        "oldest": oldest,
        "reasons": reasons.most_common(REASONS),
        "more": number >= QUEUED,
    }


@contextlib.contextmanager
def killed_in_time(process):
    """Yields a list that is not empty once the process had to be killed."""
    late = []

    def end():
        late.append(process.pid)
        process.kill()

    timer = threading.Timer(seconds_left(), end)
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


# In this order: later ones read what earlier ones found.
PARTS = {
    part.__name__: part
    for part in (
        *(
            postfix,
            dovecot,
            user,
            login,
            sockets,
            mail,
            secrets,
            webmail,
            queue,
            disks,
            clock,
            units,
        ),
        *(certificates, check, maps),  # the last ones may take long
    )
}

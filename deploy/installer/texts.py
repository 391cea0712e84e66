import hashlib
import os
import re
import subprocess
from pathlib import Path


def with_own_lines(marker):
    """A file of ours whose end, from ``marker`` on, is a person's."""
    return {
        "part": lambda text: text.partition(marker)[0].rstrip("\n"),
        "joined": lambda there, text: (
            text.rstrip("\n") + "\n" + marker + there.partition(marker)[2]
        ),
    }


SERVICE = re.compile(r"^(\w+ +(?:inet|unix)\b.*\n(?:[ \t].*\n)*)", re.MULTILINE)
OURS = ("submission", "submissions", "relayhost", "reports")


def our_services(text):
    return "".join(entry for entry in SERVICE.findall(text) if entry.split()[0] in OURS)


def with_services(there, text):
    """``there``, with the services of ``text`` in place of those of the same name."""
    if our_services(there) == our_services(text):
        return there
    rest = SERVICE.sub(lambda m: "" if m[0].split()[0] in OURS else m[0], there)
    return rest.rstrip("\n") + "\n" + our_services(text) if there else text


def settings_in(file):
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return {}
    pairs = [line.partition("=") for line in lines if line[:1] not in ("#", "")]
    return {name.strip(): value.strip().strip("\"'") for name, _equals, value in pairs}


def is_for(certificate, hostname):
    command = ["openssl", "x509", "-noout", "-checkhost", hostname, "-in", certificate]
    try:
        said = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    except OSError:
        return True
    return "does match" in said.stdout


def belongs_to(key, certificate):
    """Whether ``key`` is the one of the certificate; None where openssl is not there to tell."""
    asked = [
        ["openssl", "x509", "-noout", "-pubkey", "-in", certificate],
        ["openssl", "pkey", "-pubout", "-in", key],
    ]
    try:
        said = [
            subprocess.run(one, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout  # noqa: S603
            for one in asked
        ]
    except OSError:
        return None
    return said[0] == said[1] != ""


def mark_of_code(checkout):
    mark = hashlib.sha256()
    for folder, folders, names in os.walk(checkout):
        folders[:] = sorted(f for f in folders if f[0] != "." and f not in ("var", "__pycache__"))
        for name in sorted(names):
            if name.endswith((".py", ".html", ".mo", ".css", ".js", ".lock")):
                file = Path(folder, name)
                mark.update(
                    f"{file.relative_to(checkout)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode()
                )
    return mark.hexdigest()

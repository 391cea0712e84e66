"""What a run is told: the command line, and a file of answers for a run that nobody watches."""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
NAME = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
# The answers that a file may give, with their defaults; on the command line --like-this.
ANSWERS = {
    "hostname": "",
    "admin": "",
    "tls_cert": "",
    "tls_key": "",
    "certificate": "certbot",
    "mail_root": "/var/vmail",
    "expunge_days": "15",
    "time_zone": "",
}
SHAPES = {
    "hostname": NAME,
    "admin": re.compile(r"[A-Za-z0-9._+-]+@" + NAME.pattern),
    "certificate": re.compile("certbot|self-signed"),
    "mail_root": re.compile(r"/[A-Za-z0-9._/-]+"),
    "expunge_days": re.compile(r"[1-9][0-9]{0,3}"),
    "time_zone": re.compile(r"[A-Za-z0-9_+/-]+"),
}


class WrongAnswer(Exception):
    pass


@dataclass
class Options:
    hostname: str
    admin: str
    tls_cert: Path | None
    tls_key: Path | None
    certificate: str
    mail_root: str
    expunge_days: str
    time_zone: str
    act: str = "install"  # look, plan, install, undo
    edited: str = "keep"  # keep (and show), ours, theirs
    with_data: bool = False
    checkout: Path = CHECKOUT

    @property
    def domain(self):
        return domain_of(self.hostname)


def parser():
    parser = argparse.ArgumentParser(
        prog="deploy/install",
        description="Make this Debian 12 server a mail host with the panel. Run it again after an upgrade, or to go"
        " on where it stopped: what is done already is left alone.",
    )
    parser.add_argument("hostname", nargs="?", help="The server's own name, e.g. mail.example.org.")
    acts = parser.add_mutually_exclusive_group()
    for act, text in [
        ("look", "Only look at the machine; write nothing."),
        ("plan", "Look, and show all that would be done; write nothing."),
        ("undo", "Take back what this program did. Mail and database stay."),
    ]:
        acts.add_argument(f"--{act}", dest="act", action="store_const", const=act, help=text)
    parser.add_argument(
        "--with-data",
        action="store_true",
        help="With --undo: the mail and the database too. Asks twice.",
    )
    edited = parser.add_mutually_exclusive_group()
    for choice, text in [
        ("ours", "Overwrite files that somebody changed since; a copy is kept."),
        ("theirs", "Keep files that somebody changed, and say no more about them."),
    ]:
        edited.add_argument(
            f"--{choice}", dest="edited", action="store_const", const=choice, help=text
        )
    parser.add_argument(
        "--answers", type=Path, metavar="FILE", help="Lines of NAME = VALUE, for the options below."
    )
    for name, text in [
        ("admin", "The first superadmin's login, an address (postmaster@ the host's domain)."),
        ("tls_cert", "A certificate with its chain (default: one made here, signed by itself)."),
        ("tls_key", "Its key."),
        (
            "certificate",
            "certbot (where the name points here; you agree to the authority's terms) or self-signed.",
        ),
        ("mail_root", "Where mail lies (/var/vmail)."),
        ("expunge_days", "Days until mail in Trash and Junk is removed (15)."),
        ("time_zone", "The time zone of the dates (the machine's)."),
    ]:
        parser.add_argument("--" + name.replace("_", "-"), help=text)
    parser.set_defaults(act="install", edited="keep")
    return parser


def read(arguments, earlier):
    """Options from the command line, else the file of answers, else ``earlier`` (those of the run before)."""
    given = vars(parser().parse_args(arguments))
    answers = ANSWERS | {"time_zone": _time_zone()} | earlier
    if given["answers"]:
        answers |= _from_file(given["answers"])
    answers |= {name: given[name] for name in ANSWERS if given[name]}
    if not answers["hostname"]:
        raise WrongAnswer("Say the server's own name, e.g. deploy/install mail.example.org.")
    answers["hostname"] = answers["hostname"].lower().rstrip(".")
    answers["admin"] = answers["admin"] or f"postmaster@{domain_of(answers['hostname'])}"
    for name, shape in SHAPES.items():
        if not shape.fullmatch(answers[name]):
            raise WrongAnswer(f"{answers[name]!r} cannot be used for {name.replace('_', '-')}.")
    if bool(answers["tls_cert"]) != bool(answers["tls_key"]):
        raise WrongAnswer("A certificate needs its key: say both, --tls-cert and --tls-key.")
    files = {
        name: Path(answers[name]).absolute() if answers[name] else None
        for name in ("tls_cert", "tls_key")
    }
    return Options(
        **answers | files, act=given["act"], edited=given["edited"], with_data=given["with_data"]
    )


def domain_of(hostname):
    """The domain that a host's mail is mostly for: example.org, also for a host of that name."""
    return hostname.partition(".")[2] if hostname.count(".") > 1 else hostname


def _from_file(path):
    answers = {}
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise WrongAnswer(f"{path}: {error.strerror}") from error
    for number, line in enumerate(lines, start=1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        name = name.replace("-", "_")
        if not equals or name not in ANSWERS:
            names = ", ".join(ANSWERS).replace("_", "-")
            raise WrongAnswer(f"{path}, line {number}: expected NAME = VALUE with one of {names}.")
        answers[name] = value
    return answers


def _time_zone():
    try:
        return Path("/etc/timezone").read_text().strip() or "UTC"
    except OSError:
        return "UTC"

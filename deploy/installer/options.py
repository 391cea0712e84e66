import argparse
import getpass
import sys
from pathlib import Path
from types import SimpleNamespace

from installer.part import NAME, Answer
from installer.parts import PARTS

CHECKOUT = Path(__file__).resolve().parent.parent.parent
# The answers that a file may give; on the command line --like-this.
ANSWERS = {
    "hostname": Answer("The server's own name, e.g. mail.example.org.", shape=NAME),
    **{name: answer for part in PARTS for name, answer in part.answers.items()},
}
YES_NO = {"yes": True, "no": False}


class WrongAnswer(Exception):
    pass


class Options(SimpleNamespace):
    """An attribute for each answer, and for what is said anew each time:

    act (look, plan, install, undo), edited (keep, ours, theirs), with_data, checkout, secrets (those given now), restore (a Backup or None).
    """

    @property
    def domain(self):
        return domain_of(self.hostname)

    def said(self):
        words = {True: "yes", False: "no", None: ""}
        values = {
            name: getattr(self, name) for name, answer in ANSWERS.items() if not answer.secret
        }
        return {
            name: words[value] if value in (True, False, None) else str(value)
            for name, value in values.items()
        }


def parser():
    parser = argparse.ArgumentParser(
        prog="deploy/install",
        description="Make this Debian server a mail host with the panel. Run it again after an upgrade, or to go"
        " on where it stopped: what is done already is left alone.",
        allow_abbrev=False,
    )
    parser.add_argument("hostname", nargs="?", help=ANSWERS["hostname"].help)
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
    for name, answer in ANSWERS.items():
        option = "--" + name.replace("_", "-")
        if answer.switch:
            parser.add_argument(option, action=argparse.BooleanOptionalAction, help=answer.help)
        elif answer.secret:
            parser.add_argument(f"{option}-file", type=Path, metavar="FILE", help=answer.help)
        elif name != "hostname":
            parser.add_argument(option, help=answer.help)
    parser.set_defaults(act="install", edited="keep")
    return parser


def read(arguments, journal):
    """Options from the command line, else the file of answers, else those of the run before."""
    given = vars(parser().parse_args(arguments))
    answers = {name: answer.default for name, answer in ANSWERS.items() if not answer.secret}
    answers |= {name: text for name, text in journal.answers.items() if name in answers}
    secrets = {}
    if given["answers"]:
        found = _from_file(given["answers"])
        secrets = {name: text for name, text in found.items() if ANSWERS[name].secret}
        answers |= {name: text for name, text in found.items() if name not in secrets}
    answers |= {name: _word(given[name]) for name in answers if given[name] is not None}
    if not answers["hostname"]:
        raise WrongAnswer("Say the server's own name, e.g. deploy/install mail.example.org.")
    answers["hostname"] = answers["hostname"].lower().rstrip(".")
    answers["admin"] = answers["admin"] or f"postmaster@{domain_of(answers['hostname'])}"
    _check(answers)
    values = {name: _value(name, text) for name, text in answers.items()}
    said = {name: given[name] for name in ("act", "edited", "with_data")}
    options = Options(**values, **said, checkout=CHECKOUT, secrets=secrets, restore=None)
    if options.act != "undo":
        _read_secrets(options, given, journal)
    return options


def _word(value):
    return {True: "yes", False: "no"}.get(value, value)


def _check(answers):
    for name, text in answers.items():
        answer = ANSWERS[name]
        fits = text in YES_NO if answer.switch else not answer.shape or answer.shape.fullmatch(text)
        if not fits and text != answer.default:
            raise WrongAnswer(f"{text!r} cannot be used for {name.replace('_', '-')}.")
    if bool(answers["tls_cert"]) != bool(answers["tls_key"]):
        raise WrongAnswer("A certificate needs its key: say both, --tls-cert and --tls-key.")


def _value(name, text):
    if ANSWERS[name].switch:
        return YES_NO.get(text, text)
    if name in ("tls_cert", "tls_key"):
        return Path(text).absolute() if text else None
    return text


def _read_secrets(options, given, journal):
    for name, answer in ANSWERS.items():
        if not answer.secret:
            continue
        option = name.replace("_", "-")
        if given[f"{name}_file"]:
            options.secrets[name] = _lines_of(given[f"{name}_file"])[0].strip()
        known = name in options.secrets or name in journal.secrets
        if not known and answer.needed(options) and options.act != "look":
            if not sys.stdin.isatty():
                raise WrongAnswer(
                    f"{option} is missing: a line of the file of answers, or --{option}-file FILE."
                )
            options.secrets[name] = getpass.getpass(f"{option}: ")


def domain_of(hostname):
    """The domain that a host's mail is mostly for: example.org, also for a host of that name."""
    return hostname.partition(".")[2] if hostname.count(".") > 1 else hostname


def _lines_of(path):
    try:
        return path.read_text().splitlines()
    except OSError as error:
        raise WrongAnswer(f"{path}: {error.strerror}") from error


def _from_file(path):
    answers = {}
    for number, line in enumerate(_lines_of(path), start=1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        name = name.replace("-", "_")
        if not equals or name not in ANSWERS:
            names = ", ".join(ANSWERS).replace("_", "-")
            raise WrongAnswer(f"{path}, line {number}: expected NAME = VALUE with one of {names}.")
        answers[name] = value
    if path.stat().st_mode & 0o077 and any(ANSWERS[name].secret for name in answers):
        raise WrongAnswer(f"{path} has a password in it, and others may read it: chmod 600 {path}")
    return answers

from dataclasses import dataclass

from installer import machine


@dataclass(frozen=True)
class Release:
    postfix: str
    nginx: str
    postfix_unit: str  # that runs it
    dovecot: str  # the directory of deploy/dovecot/ for it
    php: str


RELEASES = {
    "12": Release(postfix="3.7", nginx="1.22", postfix_unit="postfix@-", dovecot="2.3", php="8.2"),
    "13": Release(postfix="3.10", nginx="1.26", postfix_unit="postfix", dovecot="2.4", php="8.4"),
}


def here():
    # On an unknown one, which world.py stops at, the newest.
    return RELEASES.get(machine.release()[1], RELEASES["13"])

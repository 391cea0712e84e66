"""What every reader yields, in any order. A record may come in parts: what is empty in one is filled by another."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Domain:
    """``maxquota`` and ``quota`` are in MB; limits: 0 is unlimited, -1 none."""

    name: str
    active: bool = True
    description: str = ""
    aliases: int = 0
    mailboxes: int = 0
    maxquota: int = 0
    quota: int = 0
    transport: str = "virtual"
    backupmx: bool = False


@dataclass(frozen=True, slots=True)
class Mailbox:
    """``hash`` has its scheme in front. ``quota`` is in bytes, 0 no limit.

    ``mail`` is where the mail lies, as Dovecot's mail_location has it: ``maildir:~/Maildir``, ``mdbox:/srv/…``; a ``~`` is
    ``home``. Both empty: the source does not say.
    """

    address: str
    hash: str = ""
    name: str = ""
    quota: int = 0
    home: str = ""
    mail: str = ""
    active: bool = True
    may_send: bool = True
    may_sign_in: bool = True


@dataclass(frozen=True, slots=True)
class Alias:
    """``@domain`` is the catch-all. Of a mailbox's own address it is the forwarding; itself among the targets keeps a copy."""

    address: str
    targets: tuple[str, ...]
    active: bool = True
    description: str = ""


@dataclass(frozen=True, slots=True)
class AliasDomain:
    name: str
    target: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Admin:
    login: str
    hash: str = ""
    superadmin: bool = False
    domains: tuple[str, ...] = ()
    active: bool = True


@dataclass(frozen=True, slots=True)
class Use:
    address: str
    bytes: int
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Leftover:
    """What cannot come along; ``kind`` is one of findings.KINDS, or of the reader's own ``kinds``."""

    kind: str
    name: str

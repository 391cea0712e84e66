"""A directory as LDIF, such as `slapcat` writes: iRedMail's, or any whose attributes are named."""

import base64
from pathlib import Path

from mailadmin.findings.found import DECIDE, KEEP
from mailadmin.importing.reader import Reader, Unreadable
from mailadmin.importing.readers.passwd_file import bytes_of, with_scheme
from mailadmin.importing.records import Admin, Alias, AliasDomain, Domain, Leftover, Mailbox

# iRedMail's names; --attribute NAME=… gives others.
ATTRIBUTES = {
    "domain": "domainName",
    "alias-domain": "domainAliasName",
    "transport": "mtaTransport",
    "backup-mx": "domainBackupMX",
    "domain-admin": "domainAdmin",
    "superadmin": "domainGlobalAdmin",
    "address": "mail",
    "password": "userPassword",
    "name": "cn",
    "quota": "mailQuota",
    "home": "homeDirectory",
    "format": "mailboxFormat",
    "folder": "mailboxFolder",
    "forward": "mailForwardingAddress",
    "alias": "shadowAddress",
    "member": "memberOfGroup",
    "active": "accountStatus",
    "services": "enabledService",
}
ON = {"active", "true", "yes", "on", "1", "enabled"}
LOCAL = {"", "dovecot", "virtual"}
READS = {"imap", "imapsecured", "imaptls", "pop3", "pop3secured", "pop3tls"}
ADMINISTRATORS, MAILING_LISTS = "mailadmin", "mailinglist"


class Ldif(Reader):
    name = "ldif"
    help = "A directory as LDIF, as slapcat writes it. The attributes are iRedMail's where none are named."
    mailbox_passwords_open_panel = True
    kinds = {
        "mailing-lists": (
            DECIDE,
            "Mailing lists of a program (mlmmj)",
            "They are left out: let that program go on under a name of its own, or make aliases of them.",
        ),
        "copies-left-out": (
            KEEP,
            "Copies of all mail to another address (BCC)",
            "They do not come along: set them in the panel.",
        ),
    }

    @classmethod
    def options(cls, parser):
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--attribute",
            metavar="NAME=ATTRIBUTE",
            action="append",
            default=[],
            help="What holds it in this directory, such as alias=mailAlternateAddress or quota=quotaBytes; several. Names: "
            + ", ".join(ATTRIBUTES)
            + ".",
        )
        parser.add_argument(
            "--mail",
            metavar="LOCATION",
            default="",
            help="Its Dovecot's mail_location where entries do not name the form, such as maildir:~/Maildir.",
        )

    def __init__(self, *, file=None, attribute=(), mail="", **options):
        self.file, self.mail = file, mail
        given = dict(pair.partition("=")[::2] for pair in attribute)
        if unknown := sorted(given.keys() - ATTRIBUTES.keys()):
            raise Unreadable(f"There is no {unknown[0]}: {', '.join(ATTRIBUTES)}.")
        self.names = {name: a.lower() for name, a in (ATTRIBUTES | given).items() if a}
        if file is not None and not file.is_file():
            raise Unreadable(f"{file}: there is no such file")

    def records(self):
        with open(self.file, encoding="utf-8", errors="replace") as lines:
            yield from self.records_in(lines)

    def records_in(self, lines):
        for entry in entries(lines):
            if self._has(entry, "domain"):
                yield from self._domain(entry)
            elif self._has(entry, "address"):
                yield from self._account(entry)

    def _all(self, entry, name):
        return entry.get(self.names.get(name), [])

    def _one(self, entry, name, default=""):
        return next(iter(self._all(entry, name)), default)

    def _has(self, entry, name):
        return bool(self._all(entry, name))

    def _is_on(self, entry):
        return self._one(entry, "active", "active").lower() in ON

    def _domain(self, entry):
        name, active = self._one(entry, "domain"), self._is_on(entry)
        transport = self._one(entry, "transport")
        yield Domain(
            name,
            active=active,
            transport="virtual" if transport in LOCAL else transport,
            backupmx=self._one(entry, "backup-mx").lower() in ON,
        )
        for other in self._all(entry, "alias-domain"):
            yield AliasDomain(other, name, active)
        for login in self._all(entry, "domain-admin"):
            yield Admin(login, domains=(name,))

    def _account(self, entry):
        address, active = self._one(entry, "address"), self._is_on(entry)
        classes = {name.lower() for name in entry.get("objectclass", ())}
        if MAILING_LISTS in classes or "mailmailinglist" in classes:
            yield Leftover("mailing-lists", address)
            return
        secret = with_scheme(self._one(entry, "password"), "CRYPT")
        superadmin = self._one(entry, "superadmin").lower() in ON
        if superadmin or ADMINISTRATORS in classes or self._has(entry, "domain-admin"):
            yield Admin(address, secret, superadmin=superadmin, active=active)
        if ADMINISTRATORS in classes:
            return
        if self._has(entry, "password") and not address.startswith("@"):
            yield self._mailbox(entry, address, secret, active)
        if targets := tuple(self._all(entry, "forward")):
            yield Alias(address, targets, active)
        for other in self._all(entry, "alias"):
            yield Alias(other, (address,), active)
        for group in self._all(entry, "member"):
            yield Alias(group, (address,))
        for name in ("usersenderbccaddress", "userrecipientbccaddress"):
            for copy in entry.get(name, ()):
                yield Leftover("copies-left-out", f"{address} to {copy}")

    def _mailbox(self, entry, address, secret, active):
        services = {service.lower() for service in self._all(entry, "services")}
        form, folder = self._one(entry, "format"), self._one(entry, "folder")
        mail = self.mail
        if form or folder:
            mail = f"{form or 'maildir'}:~/{folder or 'Maildir'}"
        elif not mail and self._has(entry, "services"):  # iRedMail's own default
            mail = "maildir:~/Maildir"
        return Mailbox(
            address,
            hash=secret,
            name=self._one(entry, "name"),
            quota=bytes_of(self._one(entry, "quota", "0")),
            home=self._one(entry, "home"),
            mail=mail,
            active=active,
            may_send=not services or bool(services & {"smtp", "smtpsecured", "smtptls"}),
            may_sign_in=not services or bool(services & READS),
        )


def entries(lines):
    """Yield each entry as ``{attribute in small letters: [values]}`` (RFC 2849)."""
    entry = {}
    for line in _unfolded(lines):
        if not line:
            if entry:
                yield entry
            entry = {}
            continue
        name, _colon, rest = line.partition(":")
        if rest.startswith(":"):
            value = base64.b64decode(rest[1:].strip()).decode(errors="replace")
        elif rest.startswith("<"):
            continue  # a file of another machine
        else:
            value = rest.strip()
        entry.setdefault(name.partition(";")[0].strip().lower(), []).append(value)
    if entry:
        yield entry


def _unfolded(lines):
    whole = None
    for line in lines:
        line = line.rstrip("\r\n")
        if line.startswith(" ") and whole is not None:
            whole += line[1:]
            continue
        if whole is not None and not whole.startswith("#"):
            yield whole
        whole = line
    if whole is not None and not whole.startswith("#"):
        yield whole

from pathlib import Path

from mailadmin.findings.found import DECIDE, KEEP
from mailadmin.importing.reader import Reader, Unreadable
from mailadmin.importing.readers import maps
from mailadmin.importing.readers.passwd_file import bytes_of, with_scheme
from mailadmin.importing.records import Alias, Domain, Leftover, Mailbox
from panel.addresses import split_address, split_targets

ACCOUNTS, ALIASES, QUOTAS = "postfix-accounts.cf", "postfix-virtual.cf", "dovecot-quotas.cf"
MAIL = "maildir:/var/mail/%d/%n"
OTHERS = {
    "postfix-main.cf": "settings of Postfix",
    "postfix-master.cf": "settings of Postfix",
    "postfix-relaymap.cf": "relay hosts",
    "postfix-sasl-password.cf": "logins at relay hosts",
    "postfix-send-access.cf": "who may not send",
    "postfix-receive-access.cf": "who may not receive",
    "dovecot.cf": "settings of Dovecot",
    "dovecot-masters.cf": "master accounts",
    "opendkim": "keys that sign",
    "rspamd/dkim": "keys that sign",
}


class DockerMailserver(Reader):
    name = "docker-mailserver"
    help = "docker-mailserver: the directory that is /tmp/docker-mailserver in its container (often docker-data/dms/config)."
    asked = "its postfix-virtual.cf, by postmap"
    kinds = {
        "maps-left-out": (
            DECIDE,
            "Aliases by regular expressions",
            "They are left out: write those that are needed into the panel, one by one.",
        ),
        "files-left-out": (KEEP, "Files of which nothing comes along", "Look at each."),
    }

    @classmethod
    def options(cls, parser):
        parser.add_argument("directory", metavar="DIRECTORY", type=Path)

    def __init__(self, *, directory, **options):
        self.directory = directory
        if not (directory / ACCOUNTS).is_file():
            raise Unreadable(f"{directory}: there is no {ACCOUNTS} in it")

    def records(self):
        quotas = dict(line.split(":", 1) for line in self._lines(QUOTAS) if ":" in line)
        names = set()
        for line in self._lines(ACCOUNTS):
            address, _bar, rest = line.partition("|")
            names.add(split_address(address)[1])
            yield Mailbox(
                address,
                hash=with_scheme(rest.partition("|")[0], "CRYPT"),
                quota=bytes_of(quotas.get(address, "0")),
                mail=MAIL,
            )
        # A domain is here because an account or an alias names it.
        for key, value in self._aliases():
            names.add(split_address(key)[1] if "@" in key else key)
            if "@" in key:
                yield Alias(key, (value,))
        for name in sorted(names):
            yield Domain(name)
        for line in self._lines("postfix-regexp.cf"):
            yield Leftover("maps-left-out", line)
        for name, what in OTHERS.items():
            if (self.directory / name).exists():
                yield Leftover("files-left-out", f"{name} ({what})")

    def _lines(self, name):
        path = self.directory / name
        if not path.is_file():
            return
        with path.open(errors="surrogateescape") as lines:
            for line in lines:
                if line.strip() and not line.startswith("#"):
                    yield line.strip()

    def _aliases(self):
        if (self.directory / ALIASES).is_file():
            yield from maps.rows(self._map)

    @property
    def _map(self):
        return f"texthash:{self.directory / ALIASES}"

    def answers(self, keys):
        if not (self.directory / ALIASES).is_file():
            return {}
        found = maps.answers(self._map, keys)
        return {key: split_targets(value.replace(" ", ",")) for key, value in found.items()}

    def mailboxes(self, keys):
        wanted = set(keys)
        found = {line.partition("|")[0].lower() for line in self._lines(ACCOUNTS)}
        return wanted & found

    def is_here(self, domain):
        if not hasattr(self, "_domains"):
            addresses = [line.partition("|")[0] for line in self._lines(ACCOUNTS)]
            addresses += [key for key, _value in self._aliases()]
            self._domains = {split_address(address)[1].lower() or address for address in addresses}
        return domain in self._domains

import re
from pathlib import Path

from mailadmin.findings.found import DECIDE, KEEP
from mailadmin.importing.reader import Reader
from mailadmin.importing.readers import maps
from mailadmin.importing.readers.dovecot import Dovecot
from mailadmin.importing.records import Alias, Domain, Leftover, Mailbox
from panel.addresses import split_address, split_targets

PARAMETERS = (
    *("virtual_mailbox_domains", "virtual_alias_domains", "virtual_alias_maps"),
    *("virtual_mailbox_maps", "virtual_mailbox_base", "virtual_transport"),
    *("relay_domains", "transport_maps", "mydestination", "myhostname"),
)
BY_DOVECOT = ("lmtp:", "dovecot", "virtual")


class Postfix(Reader):
    name = "postfix"
    help = "A hand-made server: main.cf with its maps, and Dovecot's passwd-files. Run it on that server, or on a copy of its files."
    asked = "Postfix's own maps, by postmap"
    kinds = {
        "maps-left-out": (
            DECIDE,
            "Maps that cannot be listed",
            (
                "What they answer is not known: regular expressions and other servers' tables. Look at each; write their"
                " addresses into a hash map, or into the panel."
            ),
        ),
        "catch-all-mailboxes": (
            DECIDE,
            "Mailboxes that take all mail of a domain (@domain in virtual_mailbox_maps)",
            "They are left out. Make a mailbox, and a catch-all alias that leads to it.",
        ),
        "names-without-domain": (
            KEEP,
            "Names without a domain",
            "They stay where they are: users and aliases of the machine itself.",
        ),
        "local-domains": (
            KEEP,
            "Domains whose mail goes to users of the machine (mydestination)",
            "They stay there. Take a name out of mydestination before it becomes a domain of the panel.",
        ),
        "transports-of-others": (
            KEEP,
            "Lines of transport_maps for domains that are not received here",
            "They stay in transport_maps: keep that map beside the panel's.",
        ),
    }

    @classmethod
    def options(cls, parser):
        parser.add_argument(
            "--config",
            metavar="DIRECTORY",
            default="/etc/postfix",
            help="Where main.cf is (default: %(default)s).",
        )
        Dovecot.options(parser)

    def __init__(self, *, config, **options):
        self.config = config
        self.dovecot = Dovecot(**options)
        self.main = maps.parameters(config, *PARAMETERS)
        self._ours = None

    def records(self):
        for name in sorted(self._domains):
            yield self._domains[name]
        yield from self._left_out()
        yield from self._boxes()
        yield from self.dovecot.records()
        yield from self._aliases()

    def _items(self, parameter):
        return [item for item in re.split(r"[,\s]+", self.main[parameter]) if item]

    def _tables(self, parameter):
        return [item for item in self._items(parameter) if ":" in item]

    def _listed(self, parameter):
        return [table for table in self._tables(parameter) if maps.is_listed(table)]

    # --- Domains

    @property
    def _domains(self):
        if self._ours is None:
            self._ours = {}
            for parameter in ("virtual_mailbox_domains", "virtual_alias_domains"):
                for name in self._names(parameter):
                    self._ours[name.lower()] = Domain(name)
            for name in self._names("relay_domains"):
                self._ours.setdefault(name.lower(), Domain(name, backupmx=True))
            for table in self._listed("transport_maps"):
                for key, value in maps.rows(table):
                    if key in self._ours and not self._is_local(value):
                        self._ours[key] = Domain(key, transport=value)
        return self._ours

    def _names(self, parameter):
        for item in self._items(parameter):
            if item.startswith("/"):
                yield from _lines(item)
            elif ":" in item:
                if maps.is_listed(item):
                    # By default this parameter is virtual_alias_maps: a domain there is a key without an @.
                    yield from (
                        key for key, _value in maps.rows(item) if "@" not in key and "." in key
                    )
            elif not item.startswith("!"):
                yield item

    def _is_local(self, transport):
        return transport == self.main["virtual_transport"] or transport.startswith(BY_DOVECOT)

    # --- What stays behind

    def _left_out(self):
        for parameter in PARAMETERS:
            for table in self._tables(parameter) if parameter.endswith(("maps", "domains")) else ():
                if not maps.is_listed(table):
                    yield Leftover("maps-left-out", f"{parameter}: {table}")
        own = {self.main["myhostname"], "localhost", f"localhost.{self.main['myhostname']}"}
        for name in self._items("mydestination"):
            if "." in name and name not in own and not name.startswith("localhost."):
                yield Leftover("local-domains", name)
        for table in self._listed("transport_maps"):
            for key, value in maps.rows(table):
                if key not in self._domains:
                    yield Leftover("transports-of-others", f"{key} {value}")

    # --- Mailboxes and aliases

    def _boxes(self):
        postfix_delivers = self.main["virtual_transport"].rstrip(":") == "virtual"
        base = self.main["virtual_mailbox_base"].rstrip("/")
        for table in self._listed("virtual_mailbox_maps"):
            for key, value in maps.rows(table):
                if key.startswith("@"):
                    yield Leftover("catch-all-mailboxes", f"{key} {value}")
                elif "@" in key:
                    form = "maildir" if value.endswith("/") else "mbox"
                    there = f"{form}:{base}/{value.strip('/')}"
                    yield Mailbox(key, mail=there if postfix_delivers and "/" in value else "")

    def _aliases(self):
        for table in self._listed("virtual_alias_maps"):
            for key, value in maps.rows(table):
                if "@" in key:
                    yield Alias(key, (value,))
                elif key not in self._domains:
                    yield Leftover("names-without-domain", f"{key} {value}")

    # --- What it answers

    def answers(self, keys):
        found = {}
        for table in self._tables("virtual_alias_maps"):
            left = [key for key in keys if key not in found]
            # Postfix asks a regular expression for whole addresses only.
            if maps.kind_of(table) in {"regexp", "pcre"}:
                left = [key for key in left if split_address(key)[0]]
            if left:
                found |= {
                    key: split_targets(_with_commas(value))
                    for key, value in maps.answers(table, left).items()
                }
        return found

    def mailboxes(self, keys):
        tables = self._tables("virtual_mailbox_maps")
        if not tables:  # Postfix asks nobody
            return None
        found = set()
        for table in tables:
            if left := [key for key in keys if key not in found]:
                found |= maps.answers(table, left).keys()
        return found

    def is_here(self, domain):
        found = self._domains.get(domain)
        return found is not None and not found.backupmx and found.transport == "virtual"


def _with_commas(value):
    return re.sub(r"[,\s]+", ",", value)


def _lines(path):
    for line in Path(path).read_text(errors="replace").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.split()[0]

"""Mailu's export: `flask mailu config-export --full --secrets --json`."""

import json
import re
from pathlib import Path

from django.conf import settings

from mailadmin.findings.found import DECIDE, KEEP
from mailadmin.importing.reader import Reader, Unreadable
from mailadmin.importing.readers.passwd_file import with_scheme
from mailadmin.importing.records import Admin, Alias, AliasDomain, Domain, Leftover, Mailbox
from panel.addresses import split_address

MAIL = "maildir:/mail/%u"


class Mailu(Reader):
    name = "mailu"
    help = "The export of Mailu: `docker compose exec admin flask mailu config-export --full --secrets --json`."
    asked = "Mailu's rules for the export"
    kinds = {
        "patterns-left-out": (
            DECIDE,
            "Aliases by a pattern (wildcard)",
            "Only %@domain, the catch-all, comes along. Write the others into the panel, one by one.",
        ),
        "keys-left-out": (
            KEEP,
            "Domains whose key signs mail (DKIM)",
            "They do not come along: `manage.py dkim add DOMAIN` makes new ones.",
        ),
        "away-left-out": (KEEP, "Away messages that are on", "They do not come along."),
        "tokens-left-out": (
            KEEP,
            "Mailboxes with passwords of programs (tokens)",
            "They do not come along: these programs need the mailbox's own.",
        ),
        "fetching-left-out": (
            KEEP,
            "Mailboxes whose mail is fetched from elsewhere",
            "Nothing is fetched here.",
        ),
        "some-services-off": (
            KEEP,
            "Mailboxes for which IMAP or POP3 alone is off",
            "Here both are on for all who may sign in.",
        ),
    }

    @classmethod
    def options(cls, parser):
        parser.add_argument("file", metavar="FILE", type=Path)

    def __init__(self, *, file, **options):
        try:
            self.export = json.loads(file.read_text())
        except ValueError:
            raise Unreadable(f"{file}: this is no JSON. Export with --json.") from None
        if not isinstance(self.export, dict) or "domain" not in self.export:
            raise Unreadable(f"{file}: this is no export of Mailu: it names no domain.")

    def _all(self, kind):
        return self.export.get(kind) or ()

    def records(self):
        managed = {}
        for row in self._all("domain"):
            yield from self._domain(row)
        for row in self._all("relay"):
            yield _relay(row)
        for row in self._all("user"):
            yield from self._user(row)
            managed[row["email"]] = row
        for row in managed.values():
            names = row.get("manager_of") or ()
            if names or row.get("global_admin"):
                yield Admin(
                    row["email"],
                    with_scheme(row.get("password") or "", "CRYPT"),
                    superadmin=bool(row.get("global_admin")),
                    domains=tuple(names),
                    active=row.get("enabled", True),
                )
        for row in self._all("alias"):
            yield from self._alias(row)

    def _domain(self, row):
        yield Domain(
            row["name"],
            description=row.get("comment") or "",
            aliases=_limit(row.get("max_aliases", -1)),
            mailboxes=_limit(row.get("max_users", -1)),
            maxquota=-(-(row.get("max_quota_bytes") or 0) // settings.QUOTA_MULTIPLIER),
        )
        for name in row.get("alternatives") or ():
            yield AliasDomain(name if isinstance(name, str) else name["name"], row["name"])
        if row.get("dkim_key"):
            yield Leftover("keys-left-out", row["name"])

    def _user(self, row):
        address = row["email"]
        services = [row.get(name, True) for name in ("enable_imap", "enable_pop")]
        yield Mailbox(
            address,
            hash=with_scheme(row.get("password") or "", "CRYPT"),
            name=row.get("displayed_name") or "",
            quota=row.get("quota_bytes") or 0,
            mail=MAIL,
            active=row.get("enabled", True),
            may_sign_in=any(services),
        )
        if row.get("forward_enabled"):
            kept = (address,) if row.get("forward_keep", True) else ()
            yield Alias(address, (*(row.get("forward_destination") or ()), *kept))
        if any(services) and not all(services):
            yield Leftover("some-services-off", address)
        if row.get("reply_enabled"):
            yield Leftover("away-left-out", address)
        if row.get("tokens"):
            yield Leftover("tokens-left-out", address)
        if row.get("fetches"):
            yield Leftover("fetching-left-out", address)

    def _alias(self, row):
        address, active = row["email"], not row.get("disabled")
        local_part, domain = split_address(address)
        if row.get("wildcard") and local_part == "%":
            address = f"@{domain}"
        elif row.get("wildcard") and set(local_part) & {"%", "_"}:
            yield Leftover("patterns-left-out", address)
            return
        yield Alias(address, tuple(row.get("destination") or ()), active, row.get("comment") or "")

    # --- What it answers

    @property
    def _known(self):
        if not hasattr(self, "_tables"):
            others = {
                name if isinstance(name, str) else name["name"]: row["name"]
                for row in self._all("domain")
                for name in row.get("alternatives") or ()
            }
            self._tables = (
                {row["name"] for row in self._all("domain")},
                others,
                {row["email"].lower(): row for row in self._all("user")},
                {
                    row["email"].lower(): row
                    for row in self._all("alias")
                    if not row.get("disabled")
                },
            )
        return self._tables

    def _real(self, key):
        local_part, domain = split_address(key)
        return f"{local_part}@{self._known[1].get(domain, domain)}"

    def answers(self, keys):
        _domains, _others, users, aliases = self._known
        found = {}
        for key in keys:
            address = self._real(key)
            local_part, domain = split_address(address)
            if user := users.get(address):
                to = (
                    list(user.get("forward_destination") or ())
                    if user.get("forward_enabled")
                    else []
                )
                keeps = not to or user.get("forward_keep", True)
                found[key] = [*to, *([address] if keeps else [])]
            elif local_part and address in aliases and not aliases[address].get("wildcard"):
                found[key] = aliases[address]["destination"]
            elif not local_part and f"%@{domain}" in aliases:
                found[key] = aliases[f"%@{domain}"]["destination"]
        return found

    def mailboxes(self, keys):
        # It looks at "enabled" at the sign-in only: mail comes all the same.
        return {key for key in keys if self._real(key) in self._known[2]}

    def is_here(self, domain):
        return domain in self._known[0] or domain in self._known[1]


def _limit(number):
    # there -1 is unlimited and 0 is none; here it is the other way round
    return {-1: 0, 0: -1}.get(number, number)


def _relay(row):
    """``smtp`` is a host, mx:host or lmtp:host; without one mail goes to the domain's other MX."""
    target = (row.get("smtp") or "").lower()
    if not target or target == "mx:":
        return Domain(row["name"], backupmx=True, description=row.get("comment") or "")
    if target.startswith("lmtp:"):
        transport = f"lmtp:inet:{target.removeprefix('lmtp:')}"
    elif target.startswith("mx:"):
        transport = f"smtp:{target.removeprefix('mx:')}"
    else:
        # Without "mx:" that very host, as Postfix writes it: in brackets.
        host, port = re.fullmatch(r"\[?([^\]]*?)\]?(:[0-9]+)?", target).groups("")
        transport = f"smtp:[{host}]{port}"
    return Domain(row["name"], transport=transport, description=row.get("comment") or "")

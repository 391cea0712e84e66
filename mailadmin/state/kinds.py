"""What a file of the state holds: by domain, and by kind, the bodies that the API takes."""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.api import administrators
from accounts.models import Admin
from accounts.services import set_admin_password
from aliases.api import aliases
from aliases.models import Alias
from domains.alias_domain_api import links
from domains.api import domains
from domains.models import AliasDomain, Domain
from mailboxes.api import mailboxes
from mailboxes.models import Mailbox
from mailboxes.services import set_mailbox_password
from panel.api.resources import Resource
from panel.api.schemas import settable

VERSION = 1
PASSWORD_HASH = "password_hash"  # noqa: S105
FORWARDING = "forwarding"


@dataclass(frozen=True, eq=False)
class Kind:
    """``list`` is its member of the file, ``word`` what the plan calls one; ``rows(domain)`` are in the order of an index."""

    list: str
    word: str
    resource: Resource
    rows: Callable
    set_hash: Callable | None = None  # of those that have a password

    @property
    def has_password(self):
        return self.set_hash is not None

    @property
    def key(self):
        [key] = self.resource.keys
        return key

    def bodies(self, rows, *, passwords=False):
        """Of ``rows``, what the file says: no more than a body takes back."""
        for row in rows:
            record = self.resource.record(row)
            names = [self.key, *settable(self.resource.body)]
            body = {name: record[name] for name in names if name in record}
            if passwords and self.has_password:
                body[PASSWORD_HASH] = row.password
            yield body


def operator():
    """The command line, as the functions of the API know an account; the log says "CLI (localhost)"."""
    return Admin(username="CLI", superadmin=True)


def _set_mailbox_hash(actor, row, text):
    set_mailbox_password(
        actor=actor, mailbox=row, password=text, hashed=True, must_change=row.must_change
    )


def _set_admin_hash(actor, row, text):
    set_admin_password(
        actor=actor, admin=row, password=text, hashed=True, must_change=row.must_change
    )


DOMAINS = Kind(
    "domains", "domain", domains, lambda name=None: Domain.objects.order_by("pk").exclude(pk="ALL")
)
MAILBOXES = Kind(
    "mailboxes",
    "mailbox",
    mailboxes,
    lambda name: Mailbox.objects.within(name).order_by("domain", "username"),
    _set_mailbox_hash,
)
ALIASES = Kind(
    "aliases",
    "alias",
    aliases,
    lambda name: Alias.objects.manageable_by(operator()).within(name).order_by("domain", "address"),
)
ALIAS_DOMAINS = Kind(
    "alias_domains",
    "alias domain",
    links,
    lambda name: AliasDomain.objects.filter(target_domain=name).order_by("pk"),
)
ADMINISTRATORS = Kind(
    "administrators",
    "administrator",
    administrators,
    lambda name=None: Admin.objects.order_by("pk"),
    _set_admin_hash,
)
# In this order they are made: an alias may lead to a mailbox, and an alias domain to what both are.
OF_DOMAINS = (MAILBOXES, ALIASES, ALIAS_DOMAINS)

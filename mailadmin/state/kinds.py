"""What a file of the state holds: by domain, and by kind, the bodies that the API takes.

tests/state/test_all_of_the_api.py names each resource of the API with its place in the file, or why it has none.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts.api import administrators
from accounts.models import Admin
from accounts.services import set_admin_password
from aliases.api import aliases
from aliases.api import key_of as alias_key
from aliases.models import Alias
from domains.alias_domain_api import links
from domains.api import domains
from domains.models import AliasDomain, Copy, Domain, DomainSenderRule, SenderRule
from domains.routing_api import copies
from domains.sender_api import rules, rules_of_domains
from mailadmin.state import parts
from mailboxes import fetching, sharing_api
from mailboxes.api import mailboxes
from mailboxes.fetch_api import fetches
from mailboxes.models import Mailbox, RemoteMailbox, SendAs, Share
from mailboxes.services import set_mailbox_password
from panel.addresses import lookup_key
from panel.api.resources import Resource
from panel.api.schemas import settable

VERSION = 1
PASSWORD_HASH = "password_hash"  # noqa: S105


def as_typed(text):
    return text.strip()


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """``list`` is its member of the file, ``word`` what the plan calls one. ``rows(domain)`` are in the order of an index.

    ``keys`` are the members that name one, each with its stored form, in the order of ``said``; the first one is the rows' ``column``.
    ``path(domain, key)`` and ``place(row)`` are what the functions of ``resource`` take for the key. ``is_of_addresses``: the first key
    is an address of the domain. ``secret(row)`` is a password that is stored so that it can be read.
    """

    list: str
    word: str
    resource: Resource
    rows: Callable
    keys: dict
    column: str = "pk"
    said: str = "{0}"
    path: Callable = lambda domain, key: key
    place: Callable = lambda row: (row.pk,)
    is_of_addresses: bool = True
    parts: tuple = ()
    set_hash: Callable | None = None  # of those that have a password
    secret: Callable | None = None
    setting: str = ""

    @property
    def has_password(self):
        return self.set_hash is not None

    @property
    def is_offered(self):
        return not self.setting or bool(getattr(settings, self.setting))

    def key_of(self, item):
        """Of a body, or of a record: the names of one."""
        default = self.resource.body.model_fields
        return tuple(
            stored(item.get(name, default[name].default)) for name, stored in self.keys.items()
        )

    def name_of(self, key):
        return self.said.format(*key).strip()

    def found(self, domain, keys):
        """{key: (row, record)} of those that are there."""
        rows = self.rows(domain).filter(**{f"{self.column}__in": {key[0] for key in keys}})
        told = ((row, self.resource.record(row)) for row in rows)
        return {self.key_of(record): (row, record) for row, record in told}

    def bodies(self, rows, *, passwords=False, secrets=False):
        """Of ``rows``, what the file says: no more than a body takes back."""
        for row in rows:
            record = self.resource.record(row)
            names = dict.fromkeys([*self.keys, *settable(self.resource.body)])
            body = {name: record[name] for name in names if name in record}
            if passwords and self.has_password and row.has_own_sign_in:
                body[PASSWORD_HASH] = row.password
            if secrets and self.secret and (secret := self.secret(row)):
                body["password"] = secret
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


def _shares(name):
    rows = sharing_api.with_send_as(Share.objects)
    return rows.filter(owner_domain=name).order_by("owner", "person")


def _rights_to_send(name):
    """Without those that a share says."""
    shared = Share.objects.filter(owner=OuterRef("sender"), person=OuterRef("username"))
    rows = SendAs.objects.filter(~Exists(shared), domain=name)
    return rows.order_by("username", "sender")


def _let_send_as(request, sender, address, values):
    if Share.objects.filter(owner=sender, person=address).exists():
        text = _("This mailbox is shared with it: “send_as” of the share says it.")
        raise ValidationError({"sender": ValidationError(text, "shared")})
    return sharing_api.senders.create(request, sender, address, values)


def _fetched(name):
    """PostfixAdmin may have made one twice: the first of them stands for both."""
    names = ("mailbox", "src_server", "src_user", "src_folder")
    twins = RemoteMailbox.objects.filter(**{each: OuterRef(each) for each in names})
    rows = RemoteMailbox.objects.filter(~Exists(twins.filter(pk__lt=OuterRef("pk"))))
    return rows.filter(mailbox__domain=name).order_by("mailbox", "pk")


DOMAINS = Kind(
    list="domains",
    word="domain",
    resource=domains,
    rows=lambda name=None: Domain.objects.order_by("pk").exclude(pk="ALL"),
    keys={"domain": lookup_key},
    parts=(parts.RELAY_HOST, parts.LIMIT_OF_DOMAIN),
)
MAILBOXES = Kind(
    list="mailboxes",
    word="mailbox",
    resource=mailboxes,
    rows=lambda name: Mailbox.objects.within(name).order_by("domain", "username"),
    keys={"address": lookup_key},
    parts=(
        parts.FORWARDING,
        parts.AWAY_MESSAGE,
        parts.LAST_DAY_OF_MAILBOX,
        parts.LIMIT_OF_MAILBOX,
    ),
    set_hash=_set_mailbox_hash,
)
ALIASES = Kind(
    list="aliases",
    word="alias",
    resource=aliases,
    rows=lambda name: (
        Alias.objects.manageable_by(operator()).within(name).order_by("domain", "address")
    ),
    keys={"address": alias_key},
    parts=(parts.LAST_DAY_OF_ALIAS,),
)
ALIAS_DOMAINS = Kind(
    list="alias_domains",
    word="alias domain",
    resource=links,
    rows=lambda name: AliasDomain.objects.filter(target_domain=name).order_by("pk"),
    keys={"alias_domain": lookup_key},
    is_of_addresses=False,
)
SHARES = Kind(
    list="shares",
    word="share",
    resource=sharing_api.shares,
    rows=_shares,
    keys={"mailbox": lookup_key, "person": lookup_key},
    column="owner",
    said="{0} with {1}",
    place=lambda row: (row.owner, row.person),
)
SEND_AS = Kind(
    list="send_as",
    word="sending as",
    resource=replace(sharing_api.senders, create=_let_send_as),
    rows=_rights_to_send,
    keys={"mailbox": lookup_key, "sender": sharing_api.sender_of},
    column="username",
    said="{1} by {0}",
    path=lambda domain, key: (key[1], key[0]),
    place=lambda row: (row.sender, row.username),
)
COPIES = Kind(
    list="copies",
    word="copies",
    resource=copies,
    rows=lambda name: Copy.objects.filter(domain=name).order_by("address", "direction"),
    keys={"address": lookup_key, "direction": as_typed},
    column="address",
    said="{1} {0}",
    path=lambda domain, key: (key[1], key[0]),
    place=lambda row: (row.direction, row.address),
)
SENDER_RULES = Kind(
    list="sender_rules",
    word="sender rule",
    resource=rules_of_domains,
    rows=lambda name: DomainSenderRule.objects.filter(domain=name).order_by("sender"),
    keys={"sender": lookup_key},
    column="sender",
    path=lambda domain, key: (domain, *key),
    place=lambda row: (row.domain, row.sender),
    is_of_addresses=False,
)
FETCHES = Kind(
    list="fetches",
    word="fetched mail",
    resource=fetches,
    rows=_fetched,
    keys={"mailbox": lookup_key, "server": lookup_key, "login": as_typed, "folder": as_typed},
    column="mailbox",
    said="{0} from {2} at {1} {3}",
    path=lambda domain, key: key[:1],
    place=lambda row: (row.mailbox_id, str(row.pk)),
    secret=fetching.secret_of,
    setting="FETCHMAIL_TO",
)
# Of the whole server.
SERVER_RULES = Kind(
    list="sender_rules",
    word="sender rule",
    resource=rules,
    rows=lambda name=None: SenderRule.objects.order_by("pk"),
    keys={"sender": lookup_key},
    is_of_addresses=False,
)
ADMINISTRATORS = Kind(
    list="administrators",
    word="administrator",
    resource=administrators,
    rows=lambda name=None: Admin.objects.order_by("pk"),
    keys={"username": lookup_key},
    is_of_addresses=False,
    set_hash=_set_admin_hash,
)
# In this order they are made: an alias may lead to a mailbox, an alias domain to what both are, and the rest is about these.
OF_DOMAINS = (
    *(MAILBOXES, ALIASES, ALIAS_DOMAINS),
    *(SHARES, SEND_AS, COPIES, SENDER_RULES, FETCHES),
)
OF_SERVER = (DOMAINS, SERVER_RULES, ADMINISTRATORS)

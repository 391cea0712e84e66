"""Members of a row's body in a file that have resources of their own: what a mailbox, an alias or a domain has one of, or none."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils import timezone

from aliases.models import Alias, Ending, OwnAliasLimit
from domains import relay_hosts, routing_api
from domains.models import RelayHost
from mailboxes import ending_api, forwarding_api, own_alias_api
from mailboxes.forwarding import forwarding_of
from mailboxes.models import Mailbox, Vacation
from panel.api.resources import Resource
from panel.api.schemas import settable, values_of


def never(key, values):
    return False


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """``rows(keys)`` is {key: row} of those rows that have one, in one statement.

    ``nothing`` is what the others are, of a resource that is always there. ``setting`` is what a server that has none of these has not
    set. ``is_over(key, values)``: whether it says nothing any more.
    """

    member: str
    resource: Resource
    rows: Callable
    record: Callable
    nothing: dict | None = None
    secret: Callable | None = None
    setting: str = ""
    is_over: Callable = never

    @property
    def word(self):
        return self.member.replace("_", " ")

    @property
    def is_offered(self):
        return not self.setting or bool(getattr(settings, self.setting))

    def found(self, keys, *, secrets=False):
        """{key: its body} of all ``keys``; of those that have none ``nothing``."""
        rows = self.rows(keys) if self.is_offered else {}
        return {
            key: self._told(rows[key], secrets) if key in rows else self.nothing for key in keys
        }

    def _told(self, row, secrets):
        record = self.record(row)
        told = {name: record[name] for name in settable(self.resource.body) if name in record}
        if self.secret and (secret := self.secret(row)) and secrets:
            told["password"] = secret
        return told

    def read(self, wanted):
        """``wanted``, of a file, by the names of its body, or None."""
        if wanted is None:
            return self.nothing
        values = values_of(self.resource.body.model_validate(wanted))
        # Without targets it does not matter whether a copy is kept.
        return self.nothing if values.get("targets") == [] else values


def _in_bulk(model):
    return lambda keys: model.objects.in_bulk(keys)


def _forwarding(alias):
    targets, keep_copy = forwarding_of(alias)
    return {"targets": targets, "keep_copy": keep_copy} if targets else FORWARDING.nothing


def _vacations(keys):
    rows = Vacation.objects.filter(pk__in=keys, active=True, activeuntil__gte=timezone.now())
    return {row.pk: row for row in rows.select_related("email")}


def _is_over(address, values):
    zone = Mailbox.objects.get(pk=address).zone
    last = values["last_day"]
    return last is not None and last < timezone.localdate(timezone=zone)


def _end_away_message(request, row):
    forwarding_api.answered.delete(request, row.email)


def relay_password(row):
    """Of a relay host, or None: there is no login, or another SECRET_KEY encrypted it."""
    text = relay_hosts.decrypted(row.salt, row.secret, row.next_hop) if row.secret else None
    return text and text.removeprefix(f"{row.login}:")


FORWARDING = Part(
    member="forwarding",
    resource=forwarding_api.forwarding,
    rows=_in_bulk(Alias),
    record=_forwarding,
    nothing={"targets": [], "keep_copy": True},
)
AWAY_MESSAGE = Part(
    member="away_message",
    resource=replace(forwarding_api.away_messages, delete=_end_away_message),
    rows=_vacations,
    record=forwarding_api.away_messages.record,
    setting="AWAY_MESSAGES",
    is_over=_is_over,
)
LAST_DAY_OF_MAILBOX, LAST_DAY_OF_ALIAS = (
    Part(
        member="last_day",
        resource=resource,
        rows=_in_bulk(Ending),
        record=resource.record,
    )
    for resource in (ending_api.of_mailboxes, ending_api.of_aliases)
)
LIMIT_OF_MAILBOX, LIMIT_OF_DOMAIN = (
    Part(
        member="own_addresses_limit",
        resource=resource,
        rows=_in_bulk(OwnAliasLimit),
        record=lambda row: {"most": row.most},
        nothing={"most": None},
    )
    for resource in (own_alias_api.of_mailboxes, own_alias_api.of_domains)
)
RELAY_HOST = Part(
    member="relay_host",
    resource=routing_api.relay_hosts,
    rows=_in_bulk(RelayHost),
    record=routing_api.relay_hosts.record,
    secret=relay_password,
)

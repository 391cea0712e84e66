"""Last days of mailboxes and aliases at /api/v1."""

from typing import Annotated, Literal

from ninja import Router
from pydantic import Field

from accounts.api_auth import Token
from aliases.api import Address as AliasAddress
from aliases.api import aliases
from aliases.ending_rows import FIELDS
from aliases.models import Ending
from domains.models import RoutingLock
from mailboxes import endings
from mailboxes.api import Address, mailboxes
from panel.api.resources import Resource
from panel.api.schemas import Body, Day, Text, example, patch_of

router = Router(tags=["Last days"])


class AliasEnding(Body):
    """A day of the server’s time zone."""

    model_config = example({"last_day": "2036-12-31", "then": "delete"})

    last_day: Day = Field(examples=["2036-12-31"])
    then: Literal["off", "delete"] = Field("off", description="What happens after that day.")


class MailboxEnding(AliasEnding):
    model_config = example(
        {
            "last_day": "2036-12-31",
            "then": "lead",
            "forward_to": "bob@example.org",
            "forward_days": 90,
        }
    )

    then: Literal["off", "delete", "lead"] = Field(
        "off",
        description="What happens after that day. lead: it is switched off, its mail goes to forward_to, and later it is deleted.",
    )
    forward_to: Text = Field("", max_length=320)
    forward_days: Annotated[int, Field(ge=0, le=endings.MOST_DAYS)] = 0


AliasEndingPatch, MailboxEndingPatch = patch_of(AliasEnding), patch_of(MailboxEnding)
NAMES = {"then": "action", "forward_to": "goto", "forward_days": "days"}


def _of_alias(ending):
    return {"last_day": ending.last_day, "then": ending.action}


def _of_mailbox(ending):
    return _of_alias(ending) | {"forward_to": ending.goto, "forward_days": ending.days}


def endings_of(rows, body, record, see=None):
    """``rows`` is the Resource of mailboxes or of aliases, ``see`` how it finds those that are read."""

    def find(actor, address, by=None):
        return Ending.objects.filter(pk=rows.named(actor, address, find=by).pk).first()

    def create(request, address, values):
        row = rows.named(request.auth, address)
        return endings.set_ending(actor=request.auth, row=row, **values)

    def change(request, ending, values):
        said = {name: getattr(ending, name) for name in FIELDS} | values
        return create(request, ending.pk, said)

    def delete(request, ending):
        row = rows.named(request.auth, ending.pk)
        endings.remove_ending(actor=request.auth, row=row)

    return Resource(
        body=body,
        find=find,
        see=lambda actor, address: find(actor, address, see),
        record=record,
        columns=lambda values, ending: {NAMES.get(name, name): values[name] for name in values},
        pointers={column: member for member, column in NAMES.items()},
        create=create,
        change=change,
        delete=delete,
        lock=RoutingLock.hold,
    )


of_mailboxes = endings_of(mailboxes, MailboxEnding, _of_mailbox)
of_aliases = endings_of(aliases, AliasEnding, _of_alias, aliases.see)


@router.get(
    "/mailboxes/{path:address}/last-day", auth=Token("mailboxes:read"), response=MailboxEnding
)
def get_mailbox_last_day(request, address: Address):
    """Its last day; 404 if it has none."""
    return of_mailboxes.get(request, address)


@router.put(
    "/mailboxes/{path:address}/last-day",
    auth=Token("mailboxes:write"),
    response={200: MailboxEnding, 201: MailboxEnding},
)
def put_mailbox_last_day(request, address: Address, body: MailboxEnding):
    """Give it a last day."""
    return of_mailboxes.put(request, body, address)


@router.patch(
    "/mailboxes/{path:address}/last-day", auth=Token("mailboxes:write"), response=MailboxEnding
)
def patch_mailbox_last_day(request, address: Address, body: MailboxEndingPatch):
    """Change what is named, and nothing else."""
    return of_mailboxes.patch(request, body, address)


@router.delete(
    "/mailboxes/{path:address}/last-day", auth=Token("mailboxes:write"), response={204: None}
)
def delete_mailbox_last_day(request, address: Address):
    """Let it go on."""
    return of_mailboxes.remove(request, address)


@router.get("/aliases/{path:address}/last-day", auth=Token("aliases:read"), response=AliasEnding)
def get_alias_last_day(request, address: AliasAddress):
    """Its last day; 404 if it has none."""
    return of_aliases.get(request, address)


@router.put(
    "/aliases/{path:address}/last-day",
    auth=Token("aliases:write"),
    response={200: AliasEnding, 201: AliasEnding},
)
def put_alias_last_day(request, address: AliasAddress, body: AliasEnding):
    """Give it a last day."""
    return of_aliases.put(request, body, address)


@router.patch("/aliases/{path:address}/last-day", auth=Token("aliases:write"), response=AliasEnding)
def patch_alias_last_day(request, address: AliasAddress, body: AliasEndingPatch):
    """Change what is named, and nothing else."""
    return of_aliases.patch(request, body, address)


@router.delete(
    "/aliases/{path:address}/last-day", auth=Token("aliases:write"), response={204: None}
)
def delete_alias_last_day(request, address: AliasAddress):
    """Let it go on."""
    return of_aliases.remove(request, address)

"""What was deleted and can be restored, at /api/v1."""

from typing import Annotated

from ninja import Path, Router
from pydantic import Field

from accounts.api_auth import Token
from domains.models import RoutingLock
from mailboxes import restoring
from mailboxes.models import Deleted
from panel.addresses import lookup_key
from panel.api.answers import moment
from panel.api.lists import ReadWithKeys, listed, number_edge, numbered
from panel.api.queries import asks
from panel.api.resources import Resource
from panel.api.schemas import Answer, Moment
from panel.api.writing import Done

router = Router(tags=["Deleted"])
Number = Annotated[str, Path(description="The deletion’s id.", examples=["1"])]


class DeletionRecord(Answer):
    id: int
    kind: str = Field(description="mailbox, alias or domain.")
    name: str = Field(description="The address, or the domain.")
    domain: str
    note: str = Field(description="The person’s name, the alias’s recipients, the description.")
    mailboxes: int = Field(description="How many a domain had.")
    aliases: int = Field(description="How many a domain had.")
    deleted: Moment
    deleted_by: str | None = Field(description="null: the command line.")
    until: Moment = Field(description="It can be restored until then.")


class Deletions(Answer):
    items: list[DeletionRecord]
    next: str | None


class RestoredRecord(Answer):
    kind: str
    name: str


def record(row):
    return {
        "id": row.pk,
        "kind": row.kind,
        "name": row.name,
        "domain": row.domain,
        "note": row.note,
        "mailboxes": row.mailboxes,
        "aliases": row.aliases,
        "deleted": moment(row.at),
        "deleted_by": row.who or None,
        "until": moment(row.until),
    }


def _restore(request, row):
    restoring.restore(actor=request.auth, deletion=row)
    return Done(body={"kind": row.kind, "name": row.name})


def _remove(request, row):
    restoring.remove(actor=request.auth, deletion=row)


deletions = Resource(
    find=lambda actor, number: numbered(Deleted.objects.manageable_by(actor), number),
    record=record,
    delete=_remove,
    lock=RoutingLock.hold,
)


@router.get(
    "/deleted", auth=Token("deleted:read"), response=Deletions, openapi_extra=asks("domain", "q")
)
def list_deleted(request):
    """What was deleted and can be restored, the oldest first. Of a domain that is gone superadmins alone are told."""
    rows = Deleted.objects.manageable_by(request.auth)
    if name := lookup_key(request.GET.get("domain", "")):
        rows = rows.filter(domain=name)
    if text := lookup_key(request.GET.get("q", "")):
        rows = rows.search(text)
    page = ReadWithKeys(rows, ("pk",), record, edge=number_edge)
    return listed(request, page, asked=("domain", "q"))


@router.get("/deleted/{number}", auth=Token("deleted:read"), response=DeletionRecord)
def get_deleted(request, number: Number):
    """One deletion."""
    return deletions.get(request, number)


@router.post(
    "/deleted/{number}/restore", auth=Token("deleted:write"), response={200: RestoredRecord}
)
def restore_deleted(request, number: Number):
    """Put it back with all that went with it: password, rights, the aliases that led to it. Sessions and tokens are not revived.

    Refused while its name is taken, a limit is reached, or its domain is gone. Aliases of domains that whoever has the token does not manage do
    not get it back: let a superadmin restore it then.
    """
    return deletions.do(request, number, act=lambda row: _restore(request, row))


@router.delete("/deleted/{number}", auth=Token("deleted:remove"), response={204: None})
def remove_deleted(request, number: Number):
    """Remove it for good before its time. For superadmins."""
    return deletions.remove(request, number)

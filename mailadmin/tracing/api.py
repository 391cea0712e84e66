"""Where mail for an address goes, at /api/v1: what the page and `manage.py trace --json` say, of what the account may be told."""

from typing import Annotated

from ninja import Query, Router
from pydantic import Field

from accounts.api_auth import Token
from mailadmin.tracing.pages import wrong
from mailadmin.tracing.record import record
from mailadmin.tracing.trace import recipient_in, sender_in, trace
from panel.api.answers import answered
from panel.api.problems import Problem
from panel.api.queries import check_query
from panel.api.schemas import Answer

router = Router(tags=["Trace"])


class Reply(Answer):
    state: str
    code: int | None
    text: str | None


class Step(Answer):
    says: str
    map: str | None = Field(description="The map that was asked; for superadmins alone.")
    asked: str | None
    answered: str | None


class End(Answer):
    address: str
    kind: str
    by: str | None
    used: int | None = Field(description="Bytes.")
    quota: int | None = Field(description="Bytes; 0 is unlimited.")


class Traced(Answer):
    address: str
    sender: str | None
    answer: str
    row: str | None = Field(description="The address of the row that answers.")
    reply: Reply
    steps: list[Step]
    mail_goes_to: list[End]
    not_in_main_cf: list[str] = Field(description="What main.cf needs for it, and lacks.")
    verdict: str


@router.get("/trace", auth=Token("trace:read"), response=Traced)
def trace_address(
    request,
    address: Annotated[str, Query(examples=["info@example.org"])],
    sender: Annotated[
        str | None, Query(description="Who sends it; <> is a bounce.", examples=["joe@example.net"])
    ] = None,
):
    """Where mail for an address goes, step by step, and what becomes of it."""
    check_query(request, ("address", "sender"))
    found, sent_by = recipient_in(address), None if sender is None else sender_in(sender)
    for text, read in ((address, found), (sender, sender is None or sent_by is not None)):
        if not read:
            raise Problem(422, wrong(text))
    return answered(record(trace(request.auth, found, sent_by)))

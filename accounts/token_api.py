"""The token that asks, and the other tokens of its account, at /api/v1. They are made on their page alone, with the password."""

from typing import Annotated

from ninja import Path, Router
from pydantic import Field

from accounts import tokens
from accounts.api_auth import ANY, Token
from accounts.models import ApiToken
from panel.api.answers import answered, moment
from panel.api.lists import ReadWithKeys, listed, number_edge, numbered
from panel.api.resources import Resource
from panel.api.schemas import Answer, Moment

router = Router(tags=["Tokens"])


class TokenRights(Answer):
    name: str
    account: str
    role: str = Field(description="superadmin, domain admin or mailbox user")
    rights: list[str]
    domains: list[str] | None = Field(description="null: all of the account’s.")
    networks: list[str] | None = Field(description="null: from everywhere.")
    expires: Moment = None


class TokenRecord(Answer):
    id: int
    name: str
    rights: list[str]
    domains: list[str] | None = Field(description="null: all of the account’s.")
    networks: list[str] | None = Field(description="null: from everywhere.")
    expires: Moment
    created: Moment
    last_used: Moment
    last_address: str | None


class Tokens(Answer):
    items: list[TokenRecord]
    next: str | None


@router.get("/token", auth=Token(ANY), response=TokenRights)
def this_token(request):
    """What this token is, and what it may do."""
    row, account = request.token, request.auth
    role = "mailbox user" if account.is_mailbox_user else "domain admin"
    return answered(
        {
            "name": row.name,
            "account": account.pk,
            "role": "superadmin" if account.is_superadmin else role,
            "rights": list(row.right_names),
            "domains": list(row.domain_names) or None,
            "networks": list(row.network_names) or None,
            "expires": moment(row.expires),
        }
    )


def record(row):
    return {
        "id": row.pk,
        "name": row.name,
        "rights": list(row.right_names),
        "domains": list(row.domain_names) or None,
        "networks": list(row.network_names) or None,
        "expires": moment(row.expires),
        "created": moment(row.created),
        "last_used": moment(row.last_used),
        "last_address": row.last_ip or None,
    }


def _find(actor, number):
    return numbered(ApiToken.objects.of(actor), number)


def _revoke(request, row):
    tokens.revoke_token(actor=request.auth, account=request.auth, token=row)


own_tokens = Resource(find=_find, record=record, delete=_revoke, lock=lambda: None)


@router.get("/tokens", auth=Token("tokens:read"), response=Tokens)
def list_tokens(request):
    """The tokens of this token’s account."""
    rows = ApiToken.objects.of(request.auth)
    return listed(request, ReadWithKeys(rows, ("pk",), record, edge=number_edge))


@router.delete("/tokens/{number}", auth=Token("tokens:write"), response={204: None})
def revoke_token(request, number: Annotated[str, Path(examples=["1"])]):
    """Revoke a token of this token’s account, or this one itself: it opens nothing any more."""
    return own_tokens.remove(request, number)

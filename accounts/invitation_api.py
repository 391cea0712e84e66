"""Invitations and second factors at /api/v1, for mailboxes and administrators alike."""

from django.http import Http404
from pydantic import Field

from accounts import factors, password_links, sign_in_links
from panel.api.answers import moment
from panel.api.resources import Resource
from panel.api.schemas import Answer, Body, example
from panel.api.writing import Done


class NewInvitation(Body):
    model_config = example({"send": False})

    send: bool = Field(False, description="Send it to the other address as well.")


class Invitation(Answer):
    made: str = Field(json_schema_extra={"format": "date-time"})
    until: str = Field(json_schema_extra={"format": "date-time"})
    url: str | None = Field(
        description="Where the person sets the password. It is told once, when it is made; null else."
    )


def record(link):
    return {"made": moment(link.made), "until": moment(link.until), "url": None}


def invitations_of(accounts):
    """``accounts`` is the Resource that finds whose they are."""

    def find(actor, key):
        account = accounts.named(actor, key)
        link = password_links.invitation_of(account)
        if link is not None:
            link.account = account
        return link

    def withdraw(request, link):
        password_links.withdraw(actor=request.auth, account=link.account)

    return Resource(find=find, record=record, delete=withdraw, lock=accounts.lock)


def invite(request, accounts, key, body):
    def act(account):
        sign_in_links.refuse_no_panel_url()
        token = password_links.invite(actor=request.auth, account=account, send=body.send)
        told = record(password_links.invitation_of(account))
        return Done(body=told | {"url": password_links.url_of(token)}, secret=("url",))

    return accounts.do(request, key, act=act, pointers={"email_other": "send"})


def reset_factor(request, accounts, key):
    def act(account):
        if not factors.is_on(account):
            raise Http404
        factors.reset(actor=request.auth, account=account)
        return Done(204)

    return accounts.do(request, key, act=act)

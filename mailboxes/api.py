"""Mailboxes at /api/v1. A mailbox's user sees the own one, as on the own page."""

from typing import Annotated

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from ninja import Path, Router
from pydantic import Field

from accounts import managers
from accounts.api import is_another, prepare_password, refuse_no_password
from accounts.api_auth import Token
from aliases.api import NewName, domain_of, in_domain_order, leading_to, new_name
from aliases.models import Alias
from aliases.rename_previews import foretold
from domains import sending_limits
from domains.api import TREATMENT, found, treatment
from domains.models import RoutingLock
from mailboxes import rename_previews, renaming, services
from mailboxes.models import Mailbox
from panel.addresses import lookup_key, split_address
from panel.api.answers import moment, shown
from panel.api.lists import Rows, listed, yes_or_no
from panel.api.queries import asks
from panel.api.resources import Resource
from panel.api.schemas import (
    Answer,
    Body,
    Email,
    Secret,
    Text,
    example,
    patch_of,
    read_only,
    renamed,
    write_only,
)
from panel.api.writing import Done

router = Router(tags=["Mailboxes"])
Address = Annotated[str, Path(description="The mailbox.", examples=["ann@example.org"])]


class MailboxBody(Body):
    model_config = example(
        {"name": "Ann Lee", "quota_bytes": 2_048_000_000, "password": "tangerine-7-bicycle"}
    )

    address: str | None = read_only("Its address.")
    domain: str | None = read_only()
    name: Text = Field("", max_length=255)
    quota_bytes: Annotated[int | None, Field(ge=1)] = Field(None, description="null: unlimited.")
    active: bool = Field(True, description="Off: mail is refused, nobody signs in.")
    receives: bool = Field(True, description="False: it only sends.")
    may_send: bool = True
    sign_in: bool = Field(True, description="False: it receives, and nobody signs in.")
    imap: bool = True
    pop3: bool = True
    sieve: bool = True
    app_only: bool = Field(False, description="Mail programs are let in with app passwords only.")
    must_change_password: bool = False
    sending_limit: Annotated[int | None, Field(ge=1)] = Field(
        None, description="Recipients an hour. null: as the server has it. Set by superadmins."
    )
    phone: Text = Field("", max_length=30)
    email_other: Email = Field("", description="Another address of its user.")
    password: Secret | None = write_only(
        "A new mailbox needs one. The one that it has changes nothing."
    )
    second_factor: bool | None = read_only("Whether its user has one in the panel.")
    created: str | None = read_only(format="date-time")
    modified: str | None = read_only(format="date-time")


MailboxPatch = patch_of(MailboxBody)


class Mailboxes(Answer):
    items: list[MailboxBody]
    next: str | None


COLUMNS = {
    "quota_bytes": "quota",
    "may_send": "smtp_active",
    "sign_in": "sign_in_active",
    "imap": "imap_active",
    "pop3": "pop3_active",
    "sieve": "sieve_active",
    "must_change_password": "must_change",
}
POINTERS = {column: member for member, column in COLUMNS.items()}
POINTERS |= {"local_part": "address", "replace_by": "others"}
# What a mailbox's user is not shown on the own page.
OF_ADMINISTRATORS = ("phone", "sending_limit")


def record(mailbox):
    return {
        "address": mailbox.pk,
        "domain": mailbox.domain_id,
        "name": mailbox.name,
        # PostfixAdmin's -1 is no limit, too.
        "quota_bytes": mailbox.quota if mailbox.quota > 0 else None,
        "active": mailbox.active,
        "receives": mailbox.receives,
        "may_send": mailbox.smtp_active,
        "sign_in": mailbox.sign_in_active,
        "imap": mailbox.imap_active,
        "pop3": mailbox.pop3_active,
        "sieve": mailbox.sieve_active,
        "app_only": mailbox.app_only,
        "must_change_password": mailbox.must_change,
        "sending_limit": mailbox.sending_limit,
        "phone": mailbox.phone,
        "email_other": mailbox.email_other,
        "second_factor": mailbox.has_second_factor,
        "created": moment(mailbox.created),
        "modified": moment(mailbox.modified),
    }


def own_record(mailbox):
    told = record(mailbox)
    return {name: value for name, value in told.items() if name not in OF_ADMINISTRATORS}


def record_for(actor):
    return own_record if actor.is_mailbox_user else record


def columns_of(values, stored=None):
    values = renamed(values, COLUMNS)
    if "quota" in values:
        values["quota"] = values["quota"] or 0
    sending_limits.refuse_unkept(values, stored)
    return values


def seen(actor, address):
    return found(Mailbox.objects.open_to(actor), address)


def managed(actor, address):
    rows = Mailbox.objects.manageable_by(actor)
    return found(rows.select_related("domain__usage"), address)


def _create(request, address, values):
    local_part, name = split_address(lookup_key(address))
    actor = request.auth
    domain = domain_of(actor, name)
    refuse_no_password(values["password"])
    limit = values.pop("sending_limit")
    mailbox = services.create_mailbox(actor=actor, domain=domain, local_part=local_part, **values)
    # By the service that says who may.
    return services.update_mailbox(actor=actor, mailbox=mailbox, sending_limit=limit)


def _change(request, mailbox, values):
    actor, password = request.auth, values.pop("password", None)
    # Where passwords may be forgotten, whoever reads the other address sets a new one.
    guarded = {"password": password is not None}
    guarded["email_other"] = values.get("email_other", mailbox.email_other) != mailbox.email_other
    if any(guarded.values()) and not request.token.has("mailboxes:password"):
        text = _("This token may not set this: it needs the right mailboxes:password.")
        names = [name for name in guarded if guarded[name]]
        raise ValidationError({name: ValidationError(text, "superadmin") for name in names})
    if values.get("quota") == 0 and mailbox.quota < 0:
        values["quota"] = mailbox.quota  # as it is shown
    services.update_mailbox(actor=actor, mailbox=mailbox, **values)
    row = Mailbox.objects.get(pk=mailbox.pk)
    if password is not None:
        managers.refuse_less(actor, row)  # whatever comes of comparing, which would tell
    if password is not None and is_another(request, password, row):
        services.set_mailbox_password(
            actor=actor, mailbox=row, password=password, must_change=row.must_change
        )
    return Mailbox.objects.get(pk=mailbox.pk)


def _prepare_password(request, address, body):
    may_set = request.token.has("mailboxes:password")
    mailbox = managed(request.auth, address) if may_set else None
    if mailbox is not None and body.password is not None:
        managers.refuse_less(request.auth, mailbox)  # how long comparing takes would tell
    prepare_password(request, body, mailbox)


def _delete(request, mailbox):
    actor = request.auth
    also = leading_to(actor, mailbox.pk) if request.is_dry else {}
    clean = Alias.objects.cleanable_by(actor)
    services.delete_mailbox(actor=actor, mailbox=mailbox, clean=clean, **treatment(request))
    return also


mailboxes = Resource(
    body=MailboxBody,
    keys=("address",),
    find=managed,
    see=seen,
    record=record,
    columns=columns_of,
    pointers=POINTERS,
    create=_create,
    change=_change,
    delete=_delete,
    lock=RoutingLock.hold,
)


@router.get(
    "/mailboxes",
    auth=Token("mailboxes:read"),
    response=Mailboxes,
    openapi_extra=asks("domain", "q", "active"),
)
def list_mailboxes(request):
    """Mailboxes by domain and address."""
    actor, rows = request.auth, Mailbox.objects.visible_to(request.auth)
    if name := lookup_key(request.GET.get("domain", "")):
        rows = rows.within(name)
    if text := request.GET.get("q", ""):
        rows = rows.search(text)
    if (active := yes_or_no(request, "active")) is not None:
        rows = rows.filter(active=active)
    columns, told = ("domain_id", "username"), record_for(actor)
    page = Rows(rows, columns, told, whole=Mailbox.objects, edge=in_domain_order)
    return listed(request, page, asked=("domain", "q", "active"))


# What is below an address stands before it: an address in the path may have slashes.


@router.post(
    "/mailboxes/{path:address}/rename", auth=Token("mailboxes:write"), response=MailboxBody
)
def rename_mailbox(request, address: Address, body: NewName):
    """Give a mailbox another name, in its domain or in another one. Aliases that lead to the old name lead to the new one.

    A dry run tells what changes, and what does not go along, in the sentences of the page.
    """
    return mailboxes.do(
        request, address, act=lambda mailbox: _rename(request, mailbox, body), pointers={}
    )


def _rename(request, mailbox, body):
    actor = request.auth
    given, also = new_name(actor, mailbox, body), {}
    if request.is_dry:
        new = renaming.check_new_name(actor=actor, mailbox=mailbox, **given)
        told = rename_previews.preview(actor, mailbox, new, keep_alias=body.keep_alias)
        also = foretold(told)
    follow = Alias.objects.led_on_by(actor)
    row = renaming.rename_mailbox(actor=actor, mailbox=mailbox, follow=follow, **given)
    return Done(200, record(row), also=also)


@router.get("/mailboxes/{path:address}", auth=Token("mailboxes:read"), response=MailboxBody)
def get_mailbox(request, address: Address):
    """One mailbox."""
    actor = request.auth
    return shown(request, record_for(actor)(mailboxes.named(actor, address, find=seen)))


@router.put(
    "/mailboxes/{path:address}",
    auth=Token("mailboxes:write"),
    response={200: MailboxBody, 201: MailboxBody},
)
def put_mailbox(request, address: Address, body: MailboxBody):
    """Create a mailbox, or make it be like this. Twice the same changes nothing."""
    _prepare_password(request, address, body)
    return mailboxes.put(request, body, address)


@router.patch("/mailboxes/{path:address}", auth=Token("mailboxes:write"), response=MailboxBody)
def patch_mailbox(request, address: Address, body: MailboxPatch):
    """Change what is named, and nothing else: {"active": false} suspends a mailbox."""
    _prepare_password(request, address, body)
    return mailboxes.patch(request, body, address)


@router.delete(
    "/mailboxes/{path:address}",
    auth=Token("mailboxes:write"),
    response={204: None},
    openapi_extra=asks(*TREATMENT),
)
def delete_mailbox(request, address: Address):
    """Delete a mailbox. Its files stay on disk; a new one of its name starts empty.

    others: what becomes of aliases that lead to it: keep, remove it from them, or an address that takes its place. emptied: of
    those that would have no recipient then: keep, delete, or an address.
    """
    return mailboxes.remove(request, address, asked=TREATMENT)

"""How much storage mailboxes and domains use, at /api/v1."""

from datetime import UTC, datetime
from typing import Annotated

from django.conf import settings
from django.http import Http404
from ninja import Path, Router
from pydantic import Field

from accounts.api_auth import Token
from aliases.api import in_domain_order
from domains.models import Domain
from mailboxes import figures
from mailboxes.models import Mailbox, QuotaWarning
from panel.addresses import lookup_key
from panel.api.answers import moment, shown
from panel.api.lists import Rows, listed
from panel.api.queries import asks
from panel.api.schemas import Answer

router = Router(tags=["Usage"])


class MailboxUsage(Answer):
    address: str
    used_bytes: int
    messages: int
    quota_bytes: int | None = Field(description="null: unlimited.")
    last_sign_in: str | None = Field(
        description="By IMAP or POP3.", json_schema_extra={"format": "date-time"}
    )


class MailboxUsages(Answer):
    items: list[MailboxUsage]
    next: str | None


class DomainUsageRecord(Answer):
    domain: str
    mailboxes: int
    aliases: int
    allotted_bytes: int = Field(description="The quotas of its mailboxes together.")
    used_bytes: int = Field(description="What its mailboxes held when it was counted last.")
    quota_bytes: int | None = Field(description="null: unlimited.")


class DomainUsages(Answer):
    items: list[DomainUsageRecord]
    next: str | None


class QuotaWarningRecord(Answer):
    address: str
    percent: int = Field(description="The person was told that the mailbox is fuller than this.")
    at: str = Field(json_schema_extra={"format": "date-time"})


class QuotaWarnings(Answer):
    items: list[QuotaWarningRecord]
    next: str | None


def record(mailbox):
    return {
        "address": mailbox.pk,
        "used_bytes": mailbox.used,
        "messages": mailbox.message_count,
        "quota_bytes": mailbox.quota if mailbox.quota > 0 else None,
        "last_sign_in": mailbox.last_sign_in
        and moment(datetime.fromtimestamp(mailbox.last_sign_in, tz=UTC)),
    }


def domain_record(domain):
    quota = domain.quota * settings.QUOTA_MULTIPLIER
    return {
        "domain": domain.pk,
        "mailboxes": domain.usage.mailboxes,
        "aliases": domain.alias_count,
        "allotted_bytes": domain.usage.allotted,
        "used_bytes": domain.usage.used,
        "quota_bytes": quota if quota > 0 else None,
    }


def _whole():
    return Mailbox.objects.select_related("usage").annotate(last_sign_in=figures.last_sign_in())


@router.get(
    "/usage/mailboxes",
    auth=Token("usage:read"),
    response=MailboxUsages,
    openapi_extra=asks("domain"),
)
def list_mailbox_usage(request):
    """What each mailbox holds."""
    rows = Mailbox.objects.visible_to(request.auth)
    if name := lookup_key(request.GET.get("domain", "")):
        rows = rows.within(name)
    found = Rows(rows, ("domain_id", "username"), record, whole=_whole(), edge=in_domain_order)
    return listed(request, found, asked=("domain",))


@router.get("/usage/mailboxes/{path:address}", auth=Token("usage:read"), response=MailboxUsage)
def get_mailbox_usage(request, address: Annotated[str, Path(examples=["ann@example.org"])]):
    """What one mailbox holds."""
    rows = _whole().visible_to(request.auth)
    mailbox = rows.filter(pk=lookup_key(address)).first()
    if mailbox is None:
        raise Http404
    return shown(request, record(mailbox))


@router.get("/usage/domains", auth=Token("usage:read"), response=DomainUsages)
def list_domain_usage(request):
    """What each domain holds."""
    rows = Domain.objects.visible_to(request.auth)
    found = Rows(rows, ("pk",), domain_record, whole=Domain.objects.select_related("usage"))
    return listed(request, found)


@router.get("/usage/domains/{path:name}", auth=Token("usage:read"), response=DomainUsageRecord)
def get_domain_usage(request, name: Annotated[str, Path(examples=["example.org"])]):
    """What one domain holds."""
    rows = Domain.objects.visible_to(request.auth).select_related("usage")
    domain = rows.filter(pk=lookup_key(name)).first()
    if domain is None:
        raise Http404
    return shown(request, domain_record(domain))


def _warning(row):
    return {"address": row.pk, "percent": row.percent, "at": moment(row.at)}


@router.get(
    "/usage/warnings",
    auth=Token("usage:read"),
    response=QuotaWarnings,
    openapi_extra=asks("domain"),
)
def list_quota_warnings(request):
    """Who was told that the mailbox gets full, and has not made room since."""
    rows = QuotaWarning.objects.visible_to(request.auth)
    if name := lookup_key(request.GET.get("domain", "")):
        rows = rows.within(name)
    page = Rows(rows, ("pk",), _warning, whole=QuotaWarning.objects)
    return listed(request, page, asked=("domain",))

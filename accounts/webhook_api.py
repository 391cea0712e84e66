"""The webhooks of a token's account at /api/v1, as its page "Webhooks" has them: administrators' alone."""

from typing import Annotated

from django.http import Http404
from ninja import Path, Router
from pydantic import Field

from accounts import webhooks
from accounts.api_auth import Token
from accounts.models import Webhook
from panel.api.answers import moment
from panel.api.lists import (
    ReadWithKeys,
    limit_of,
    listed,
    number_edge,
    number_in,
    numbered,
    paged,
    wrong_place,
)
from panel.api.queries import check_query
from panel.api.resources import Resource
from panel.api.schemas import (
    Answer,
    Body,
    Moment,
    Text,
    example,
    patch_of,
    read_only,
    values_of,
)
from panel.api.writing import Done, done

router = Router(tags=["Webhooks"])
Number = Annotated[str, Path(description="The webhook’s id.", examples=["1"])]
AnswerNumber = Annotated[str, Path(description="The answer’s id.", examples=["1"])]
KINDS = ", ".join(webhooks.KINDS)


class WebhookBody(Body):
    model_config = example({"url": "https://hooks.example.net/mail", "events": ["mailbox"]})

    id: int | None = read_only()
    url: Text = Field(
        max_length=1_000,
        description="To a host that the server’s settings name.",
        examples=["https://hooks.example.net/mail"],
    )
    events: list[Text] = Field(
        max_length=500,
        description=f"Kinds ({KINDS}) and single actions, such as create_mailbox.",
        examples=[["mailbox"]],
    )
    domains: list[Text] | None = Field(
        None,
        max_length=200,
        description="null: all of the account’s, those that come later too; of a token that is limited to domains, these.",
    )
    active: bool = True
    ended: str | None = read_only(
        "Why it was switched off by itself: gone, the receiver said so; failed, for days; restored, the server was, from a backup."
    )
    failing_since: Moment = read_only(format="date-time")
    created: Moment = read_only(format="date-time")


WebhookPatch = patch_of(WebhookBody)


class Webhooks(Answer):
    items: list[WebhookBody]
    next: str | None


class WebhookWithSecret(WebhookBody):
    secret: str | None = Field(description="What signs its requests. It is told once.")


class WebhookAnswerRecord(Answer):
    id: int
    event: str | None = Field(description="The id of the event; null: a test.")
    type: str = Field(description="The log’s action, such as create_mailbox; test.")
    object: str = Field(description="What the event is about.")
    asked: Moment
    sent: Moment = Field(description="null: it waits.")
    status: int | None = Field(description="null: there was no answer, text says why.")
    text: str = Field(description="The beginning of the answer.")
    milliseconds: int


class WebhookAnswers(Answer):
    items: list[WebhookAnswerRecord]
    next: str | None


def record(row):
    return {
        "id": row.pk,
        "url": row.url,
        "events": list(row.event_names),
        "domains": list(row.domain_names) or None,
        "active": row.active,
        "ended": row.ended or None,
        "failing_since": moment(row.failing_since),
        "created": moment(row.made),
    }


def _with_secret(request, row):
    # What a dry run drew is nobody's.
    return record(row) | {"secret": None if request.is_dry else webhooks.secret_of(row)}


def _answer(row):
    return {
        "id": row.pk,
        "event": row.event or None,
        "type": row.action,
        "object": row.about,
        "asked": moment(row.asked),
        "sent": moment(row.sent),
        "status": row.status,
        "text": row.text,
        "milliseconds": row.milliseconds,
    }


def _columns(values, row=None):
    if "domains" in values:
        values["domains"] = ",".join(values["domains"] or [])
    return values


def _find(actor, number):
    return numbered(Webhook.objects.of(actor), number)


def _change(request, row, values):
    if values.get("active", row.active) == row.active:
        values.pop("active", None)  # switched on as it is, its URL would be looked at anew
    return webhooks.update_webhook(actor=request.auth, webhook=row, **values)


def _delete(request, row):
    webhooks.delete_webhook(actor=request.auth, webhook=row)


own_webhooks = Resource(
    body=WebhookBody,
    find=_find,
    record=record,
    columns=_columns,
    change=_change,
    delete=_delete,
    lock=lambda: None,
)


@router.get("/webhooks", auth=Token("webhooks:read"), response=Webhooks)
def list_webhooks(request):
    """The webhooks of this token’s account; of a token that is limited to domains, those that are told of nothing else."""
    rows = Webhook.objects.of(request.auth)
    return listed(request, ReadWithKeys(rows, ("pk",), record, edge=number_edge))


@router.post("/webhooks", auth=Token("webhooks:write"), response={201: WebhookWithSecret})
def make_webhook(request, body: WebhookBody):
    """Make a webhook: it is told what happens from now on. Its secret is in this answer alone."""

    def act():
        values = _columns(values_of(body))
        active = values.pop("active")
        row = webhooks.create_webhook(actor=request.auth, **values)
        if not active:
            row = webhooks.update_webhook(actor=request.auth, webhook=row, active=False)
        return Done(201, body=_with_secret(request, row), secret=("secret",))

    return done(request, act)


@router.get("/webhooks/{number}", auth=Token("webhooks:read"), response=WebhookBody)
def get_webhook(request, number: Number):
    """One of them."""
    return own_webhooks.get(request, number)


@router.patch("/webhooks/{number}", auth=Token("webhooks:write"), response=WebhookBody)
def patch_webhook(request, number: Number, body: WebhookPatch):
    """Change what is named, and nothing else. Switched on again, it is told what happened meanwhile and is kept."""
    return own_webhooks.patch(request, body, number)


@router.delete("/webhooks/{number}", auth=Token("webhooks:write"), response={204: None})
def delete_webhook(request, number: Number):
    """Delete it, with its answers: nothing is sent any more."""
    return own_webhooks.remove(request, number)


@router.post(
    "/webhooks/{number}/secret", auth=Token("webhooks:write"), response={200: WebhookWithSecret}
)
def renew_webhook_secret(request, number: Number):
    """Give it a new secret, which is in this answer alone. The former one signs nothing any more."""

    def act(row):
        row = webhooks.renew_secret(actor=request.auth, webhook=row)
        return Done(body=_with_secret(request, row), secret=("secret",))

    return own_webhooks.do(request, number, act=act)


@router.post("/webhooks/{number}/test", auth=Token("webhooks:write"), response={204: None})
def test_webhook(request, number: Number):
    """Send a test within seconds; its answer is among the answers then."""

    def act(row):
        webhooks.ask_for_test(webhook=row)
        return Done(204)

    return own_webhooks.do(request, number, act=act)


# --- What was answered


@router.get("/webhooks/{number}/answers", auth=Token("webhooks:read"), response=WebhookAnswers)
def list_webhook_answers(request, number: Number):
    """What its requests were answered, and which wait, the last one first. The last hundred are kept."""
    check_query(request, ("after", "limit"))
    webhook, limit = own_webhooks.named(request.auth, number), limit_of(request)
    rows = webhooks.answers_of(webhook, actor=request.auth).order_by("-pk")
    if after := request.GET.get("after", ""):
        if not number_in(after):
            raise wrong_place()
        rows = rows.filter(pk__lt=number_in(after))
    found = list(rows[: limit + 1])
    following = str(found[limit - 1].pk) if len(found) > limit else None
    return paged(request, list(map(_answer, found[:limit])), following)


@router.post(
    "/webhooks/{number}/answers/{answer}/again", auth=Token("webhooks:write"), response={204: None}
)
def send_webhook_event_again(request, number: Number, answer: AnswerNumber):
    """Send the event of an answer once more, within seconds: as it was, with the same id, before what waits."""

    def act(row):
        found = numbered(webhooks.answers_of(row, actor=request.auth), answer)
        if found is None:
            raise Http404
        webhooks.ask_again(actor=request.auth, webhook=row, answer=found)
        return Done(204)

    return own_webhooks.do(request, number, act=act)

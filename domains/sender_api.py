"""Senders that are refused or let in, of the whole server and of single domains, at /api/v1."""

from typing import Annotated, Literal

from ninja import Path, Router
from pydantic import Field

from accounts.api_auth import Token
from domains import sender_services
from domains.api import Name, managed, named, seen
from domains.models import DomainSenderRule, RoutingLock, SenderRule
from panel.addresses import lookup_key
from panel.api.lists import ReadWithKeys, Rows, listed, number_edge
from panel.api.resources import Resource
from panel.api.schemas import Answer, Body, Text, example, patch_of, read_only

router = Router(tags=["Rules about senders"])
Sender = Annotated[
    str,
    Path(description="An address, or a domain with all below it.", examples=["joe@example.net"]),
]


class SenderRuleBody(Body):
    model_config = example({"action": "reject", "text": "Not from here"})

    sender: str | None = read_only("An address, or a domain with all below it.")
    action: Literal["reject", "defer", "ok"] = Field(
        "reject",
        description="defer: refused for now. ok: let in, though a wider rule refuses it.",
    )
    text: Text = Field(
        "", max_length=sender_services.MAX_TEXT, description="What the other server is told."
    )


SenderRulePatch = patch_of(SenderRuleBody)


class SenderRules(Answer):
    items: list[SenderRuleBody]
    next: str | None


def record(rule):
    return {"sender": rule.sender, "action": rule.action.lower(), "text": rule.text}


def _columns(values, rule):
    said = {} if rule is None else {"action": rule.action, "text": rule.text}
    said |= values
    return said | {"action": said["action"].upper()}


# --- Of the whole server


def _set(request, sender, values):
    rule = sender_services.set_sender_rule(actor=request.auth, sender=sender, **values)
    return SenderRule.objects.get(pk=rule.pk)


def _remove(request, rule):
    sender_services.remove_sender_rule(actor=request.auth, sender=rule.pk)


rules = Resource(
    body=SenderRuleBody,
    keys=("sender",),
    find=lambda actor, sender: (
        SenderRule.objects.manageable_by(actor).filter(pk=lookup_key(sender)).first()
    ),
    record=record,
    columns=_columns,
    create=_set,
    change=lambda request, rule, values: _set(request, rule.pk, values),
    delete=_remove,
    lock=RoutingLock.hold,
)


@router.get("/sender-rules", auth=Token("server:read"), response=SenderRules)
def list_sender_rules(request):
    """Rules about senders for the whole server."""
    rows = SenderRule.objects.manageable_by(request.auth)
    return listed(request, Rows(rows, ("pk",), record, whole=SenderRule.objects))


@router.get("/sender-rules/{path:sender}", auth=Token("server:read"), response=SenderRuleBody)
def get_sender_rule(request, sender: Sender):
    """One of them."""
    return rules.get(request, sender)


@router.put(
    "/sender-rules/{path:sender}",
    auth=Token("server:write"),
    response={200: SenderRuleBody, 201: SenderRuleBody},
)
def put_sender_rule(request, sender: Sender, body: SenderRuleBody):
    """Refuse a sender, or let it in."""
    return rules.put(request, body, sender)


@router.patch("/sender-rules/{path:sender}", auth=Token("server:write"), response=SenderRuleBody)
def patch_sender_rule(request, sender: Sender, body: SenderRulePatch):
    """Change what is named, and nothing else."""
    return rules.patch(request, body, sender)


@router.delete("/sender-rules/{path:sender}", auth=Token("server:write"), response={204: None})
def delete_sender_rule(request, sender: Sender):
    """Remove the rule."""
    return rules.remove(request, sender)


# --- Of a domain


def _find_of_domain(actor, name, sender):
    rows = DomainSenderRule.objects.filter(domain=named(managed, actor, name).pk)
    return rows.filter(sender=lookup_key(sender)).first()


def _set_of_domain(request, name, sender, values):
    domain = named(managed, request.auth, name)
    return sender_services.set_domain_sender_rule(
        actor=request.auth, domain=domain, sender=sender, **values
    )


def _change_of_domain(request, rule, values):
    return _set_of_domain(request, rule.domain, rule.sender, values)


def _remove_of_domain(request, rule):
    sender_services.remove_domain_sender_rule(actor=request.auth, rule=rule)


rules_of_domains = Resource(
    body=SenderRuleBody,
    find=_find_of_domain,
    record=record,
    columns=_columns,
    create=_set_of_domain,
    change=_change_of_domain,
    delete=_remove_of_domain,
    lock=RoutingLock.hold,
)


@router.get(
    "/domains/{path:name}/sender-rules", auth=Token("sender-rules:read"), response=SenderRules
)
def list_domain_sender_rules(request, name: Name):
    """Rules about senders of mail to this domain."""
    rows = DomainSenderRule.objects.filter(domain=named(seen, request.auth, name).pk)
    return listed(request, ReadWithKeys(rows, ("pk",), record, edge=number_edge))


@router.get(
    "/domains/{path:name}/sender-rules/{path:sender}",
    auth=Token("sender-rules:read"),
    response=SenderRuleBody,
)
def get_domain_sender_rule(request, name: Name, sender: Sender):
    """One of them."""
    return rules_of_domains.get(request, name, sender)


@router.put(
    "/domains/{path:name}/sender-rules/{path:sender}",
    auth=Token("sender-rules:write"),
    response={200: SenderRuleBody, 201: SenderRuleBody},
)
def put_domain_sender_rule(request, name: Name, sender: Sender, body: SenderRuleBody):
    """Refuse a sender of mail to this domain, or let it in."""
    return rules_of_domains.put(request, body, name, sender)


@router.patch(
    "/domains/{path:name}/sender-rules/{path:sender}",
    auth=Token("sender-rules:write"),
    response=SenderRuleBody,
)
def patch_domain_sender_rule(request, name: Name, sender: Sender, body: SenderRulePatch):
    """Change what is named, and nothing else."""
    return rules_of_domains.patch(request, body, name, sender)


@router.delete(
    "/domains/{path:name}/sender-rules/{path:sender}",
    auth=Token("sender-rules:write"),
    response={204: None},
)
def delete_domain_sender_rule(request, name: Name, sender: Sender):
    """Remove the rule."""
    return rules_of_domains.remove(request, name, sender)

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from domains.models import RoutingLock
from domains.sender_lists import LISTS
from domains.senders import MOST, MOST_OF_DOMAIN, OK, DomainSenderRule, SenderRule
from panel.addresses import normalise_address, normalise_domain
from panel.changes import collected, refuse
from panel.transactions import in_transaction

MAX_TEXT = 200


@in_transaction
def set_sender_rule(*, actor, sender, action, text=""):
    """Refuse ``sender``, an address or a domain, on port 25, or let it in; replaces the rule that is there."""
    RoutingLock.hold()
    rule = check_sender_rule(sender=sender, action=action, text=text)
    old = SenderRule.objects.filter(pk=rule.pk).first()
    rule.save()
    _record(actor, "", old, rule)
    return rule


def check_sender_rule(*, sender, action, text=""):
    errors = {}
    rule = _checked(SenderRule, errors, sender=sender, action=action, text=text)
    others = SenderRule.objects.exclude(pk=rule.pk)
    if others.count() >= MOST:
        errors["__all__"] = [
            ValidationError(_("There are at most %(n)d rules."), "too_many", {"n": MOST})
        ]
    refuse(errors)
    return rule


@in_transaction
def remove_sender_rule(*, actor, sender):
    RoutingLock.hold()
    rule = SenderRule.objects.filter(pk=sender).first()
    if rule is not None:
        SenderRule.objects.filter(pk=sender).delete()
        _record(actor, "", rule, None)


@in_transaction
def set_domain_sender_rule(*, actor, domain, sender, action, text=""):
    RoutingLock.hold()
    rule = check_domain_sender_rule(domain=domain, sender=sender, action=action, text=text)
    old = DomainSenderRule.objects.filter(domain=domain.pk, sender=rule.sender).first()
    rule.pk = old and old.pk
    rule.save()
    _record(actor, domain.pk, old, rule)
    return rule


def check_domain_sender_rule(*, domain, sender, action, text=""):
    errors = {}
    rule = _checked(DomainSenderRule, errors, sender=sender, action=action, text=text)
    rule.domain = domain.pk
    others = DomainSenderRule.objects.filter(domain=domain.pk).exclude(sender=rule.sender)
    if others.count() >= MOST_OF_DOMAIN:
        errors["__all__"] = [
            ValidationError(
                _("A domain has at most %(n)d rules."), "too_many", {"n": MOST_OF_DOMAIN}
            )
        ]
    with collected(errors):
        rule.list_number = list_number(domain.pk)
    refuse(errors)
    return rule


def list_number(name):
    """The list number of the domain's rules, or the first free one. The caller holds RoutingLock."""
    numbers = dict(DomainSenderRule.objects.values_list("domain", "list_number").distinct())
    free = set(range(1, LISTS + 1)) - set(numbers.values())
    number = numbers.get(name) or min(free, default=None)
    if number is None:
        text = _(
            "%(n)d domains of this server have rules about senders of their own, and Postfix is set up for no more."
        )
        raise ValidationError(text, "no_list", {"n": LISTS})
    return number


@in_transaction
def remove_domain_sender_rule(*, actor, rule):
    RoutingLock.hold()
    rule = DomainSenderRule.objects.select_for_update().get(pk=rule.pk)
    DomainSenderRule.objects.filter(pk=rule.pk).delete()
    _record(actor, rule.domain, rule, None)


def _checked(model, errors, *, sender, action, text):
    with collected(errors, "sender"):
        sender = normalise_address(sender) if "@" in sender else normalise_domain(sender)
    text = text.strip()
    if len(text) > MAX_TEXT or not (text.isascii() and text.isprintable()):
        errors["text"] = [
            ValidationError(
                _("Postfix takes at most %(n)d characters of plain ASCII in one line."),
                "invalid",
                {"n": MAX_TEXT},
            )
        ]
    return model(sender=sender, action=action, text="" if action == OK else text)


def _record(actor, domain, old, new):
    told = [f"{rule.action} {rule.text}".strip() if rule else None for rule in (old, new)]
    if told[0] == told[1]:
        return
    sender = (old or new).sender
    if domain:
        told = [f"{sender}: {one}" if one else None for one in told]
    LogEntry.objects.record(
        actor,
        "edit_domain_senders" if domain else "edit_sender_rule",
        domain=domain,
        target=domain or sender,
        changes={"sender_rule": told},
    )

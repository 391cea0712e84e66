"""Operations on rules about senders; as in domains/services.py."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from domains.models import RoutingLock
from domains.senders import MOST, OK, SenderRule
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
    _record(actor, rule.pk, old, rule)
    return rule


def check_sender_rule(*, sender, action, text=""):
    """Return the unsaved SenderRule. Raises all errors at once."""
    errors = {}
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
    if SenderRule.objects.count() >= MOST and not SenderRule.objects.filter(pk=sender).exists():
        errors["__all__"] = [
            ValidationError(_("There are at most %(n)d rules."), "too_many", {"n": MOST})
        ]
    refuse(errors)
    return SenderRule(sender=sender, action=action, text="" if action == OK else text)


@in_transaction
def remove_sender_rule(*, actor, sender):
    RoutingLock.hold()
    rule = SenderRule.objects.filter(pk=sender).first()
    if rule is not None:
        rule.delete()
        _record(actor, sender, rule, None)


def _record(actor, sender, old, new):
    told = [f"{rule.action} {rule.text}".strip() if rule else None for rule in (old, new)]
    if told[0] != told[1]:
        changes = {"sender_rule": told}
        LogEntry.objects.record(actor, "edit_sender_rule", target=sender, changes=changes)

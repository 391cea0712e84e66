"""Of an administrator who is a reseller: the domains that count against the budget. What the budget allows: domains/resellers.py."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import Admin
from domains.models import Domain

BUDGET = ("reseller", "max_domains", "max_mailboxes", "max_storage")


def told(admin, changes):
    """Without the budget of whoever has none."""
    return changes if admin.reseller else {k: v for k, v in changes.items() if k not in BUDGET}


def counting_for(admin):
    """The names of the domains that count against the budget of ``admin``."""
    return list(
        Domain.objects.filter(reseller=admin.pk).order_by("pk").values_list("pk", flat=True)
    )


def check_resold(admin, resold, names):
    if resold and not admin.reseller:
        raise ValidationError(_("Only a reseller has a budget: choose “Reseller”, or leave this empty."), "no_reseller")  # fmt: skip
    if others := sorted({*resold} - {*names}):
        raise ValidationError(
            _("Not among the domains that the person manages: %(names)s."),
            "not_assigned",
            {"names": ", ".join(others[:10])},
        )
    # Not those of whoever resells no more, or whose row another program deleted.
    resellers = Admin.objects.filter(reseller=True, mailbox=None).exclude(pk=admin.pk)
    rows = Domain.objects.filter(pk__in=resold, reseller__in=resellers.values("pk"))
    for row in rows.order_by("pk")[:1]:
        text = _("%(domain)s counts against the budget of %(reseller)s. Take it away there first.")
        raise ValidationError(text, "others", {"domain": row, "reseller": row.reseller})


def count(admin, names):
    """Let the domains ``names`` count against the budget of ``admin``, and no others."""
    names = sorted(names) if admin.reseller else []
    rows = Domain.objects.filter(reseller=admin.pk)
    rows.exclude(pk__in=names).update(reseller="")
    Domain.objects.filter(pk__in=names).exclude(reseller=admin.pk).update(reseller=admin.pk)
    return names

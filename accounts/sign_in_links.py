"""Links that sign in once, for a program that leads a person from its own pages to the panel: a billing panel, for instance.

A link stands for the password and for nothing else: the second factor is asked for after it, and who must set another
password does that first. Whoever has it has the account, so it is random, kept as a hash, taken once, and lasts 30 seconds.
"""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import managers
from accounts.backends import active_account
from accounts.factors import record
from accounts.identity import refuse_password
from accounts.models import SignInLink
from panel.transactions import in_transaction

LASTS = timedelta(seconds=30)


@in_transaction
def make_link(*, actor, account):
    """Return (where it leads, until when). The caller has checked that ``actor`` may set the account's password.

    Refused for superadmins: a token that leaked would become all that they are. Refused where no password opens the panel.
    """
    if account.is_superadmin:
        raise ValidationError(
            _("No link signs in as a superadmin. They sign in themselves."), "superadmin"
        )
    managers.refuse_mailbox_sign_in(account)
    managers.refuse_less(actor, account)
    refuse_no_panel_url()
    row = active_account(account.account_kind, account.pk)
    if row is None:
        raise ValidationError(
            _("%(name)s may not sign in: it is off, or its domain is."), "off", {"name": account}
        )
    refuse_password(row)
    token, until = secrets.token_urlsafe(32), timezone.now() + LASTS
    SignInLink.objects.filter(until__lt=timezone.now()).delete()
    SignInLink(kind=row.account_kind, username=row.pk, digest=_digest(token), until=until).save(
        force_insert=True
    )
    record(actor, "create_sign_in_link", row)
    path = reverse("sign-in-link-token", args=[token])
    return settings.PANEL_URL + path.removeprefix(get_script_prefix()), until


def refuse_no_panel_url():
    if not settings.PANEL_URL:
        raise ValidationError(
            _("PANEL_URL is not set, so the panel does not know where a link leads."),
            "no_panel_url",
        )


def find(token):
    """(row, account) of a link that still opens something, or None."""
    row = SignInLink.objects.filter(digest=_digest(token), until__gt=timezone.now()).first()
    account = row and active_account(row.kind, row.username)
    return None if account is None or account.is_superadmin else (row, account)


def take(token):
    """The account of a link, which opens nothing any more; None if it did not before. Raises ``only_by_provider``."""
    found = find(token)
    if found is None or not SignInLink.objects.filter(pk=found[0].pk).delete()[0]:
        return None
    refuse_password(found[1])
    return found[1]


def _digest(token):
    return hashlib.sha256(token.encode()).hexdigest()

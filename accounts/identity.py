"""Who somebody is, told by another program: an identity provider (accounts/provider.py) or the proxy in front of the panel.

It tells an address; the account is the active one of this name. Nothing is made for unknown ones.
"""

from django.conf import settings
from django.contrib.auth import load_backend
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.backends import row_named
from panel.addresses import display_address

HEADER = "HTTP_X_REMOTE_USER"


def account_named(address, roles):
    """The active account of this name among ``roles``, an administrator's before a mailbox's. Raises ``invalid_login``."""
    for path in settings.AUTHENTICATION_BACKENDS:
        account = row_named(load_backend(path).rows(), address)
        if account is not None and role_of(account) in roles:
            account.backend = path
            return account
    raise ValidationError(
        _("%(address)s has no account here, or it may not sign in this way."),
        "invalid_login",
        {"address": display_address(address)},
    )


def role_of(account):
    return "users" if account.is_mailbox_user else "administrators"


def opens_by_password():
    return not {"administrators", "users"} <= set(settings.OIDC_ONLY)


def refuse_password(account):
    """Raise ``only_by_provider`` if a password, though right, does not open the panel for accounts of this role."""
    if role_of(account) not in settings.OIDC_ONLY:
        return
    if account.is_mailbox_user:
        text = _("Sign in with %(provider)s. The password is for mail alone.")
    else:
        text = _("Sign in with %(provider)s.")
    raise ValidationError(text, "only_by_provider", {"provider": settings.OIDC_NAME})


def must_set_password(account):
    """As the account's own, but not where its password opens nothing: a mailbox's still opens the mail."""
    opens = account.is_mailbox_user or role_of(account) not in settings.OIDC_ONLY
    return opens and account.must_set_password


def remote_user(request):
    """The address of whom the proxy let through; "" without one, or if settings do not trust it."""
    name = request.META.get(HEADER, "").strip() if settings.REMOTE_USER else ""
    if name and "@" not in name and settings.REMOTE_USER_DOMAIN:
        return f"{name}@{settings.REMOTE_USER_DOMAIN}"
    return name

"""Passwords that must be another one: because an administrator says so, or because their lifetime is over."""

from datetime import timedelta

from django.utils import timezone

from accounts import services
from mailboxes.services import set_mailbox_password

WARNED = timedelta(days=14)  # before the end


def set_own(*, account, password):
    """Of an administrator or a mailbox. The caller has asked ``check_own_password``."""
    if account.is_mailbox_user:
        return set_mailbox_password(actor=account, mailbox=account, password=password)
    return services.set_own_password(admin=account, password=password)


def ends_soon(account):
    """When the lifetime of the password ends, if that is near; else None."""
    until = account.password_until
    return until if until and until - timezone.now() < WARNED else None

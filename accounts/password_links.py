"""Links by which a person sets a password: forgotten ones ("reset"), and of new accounts ("invitation").

Whoever has the link has the account, so it is random, kept as a hash, taken once, and short-lived. It opens nothing any
more once the account is off, has another password, or, of a reset, another address on record.
"""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from accounts import letters, managers, own_account, password_due
from accounts.backends import row_named
from accounts.models import Admin, LogEntry, PasswordLink
from mailboxes.models import Mailbox
from panel.changes import collected, refuse
from panel.transactions import in_transaction

RESET, INVITATION = "reset", "invitation"
LASTS = {RESET: timedelta(hours=1), INVITATION: timedelta(hours=72)}
# Of the links that a stranger can have sent to somebody, each of which ends the former one.
ONE_IN = timedelta(minutes=5)
MOST_AN_HOUR = 3


def open_accounts():
    return (Admin.objects.with_own_sign_in(), Mailbox.objects.may_sign_in())


def url_of(token):
    """Where the link leads. Never to the name that a request was sent to: that a stranger can choose."""
    path = reverse("password-link-token", args=[token])
    return settings.PANEL_URL + path.removeprefix(get_script_prefix())


# --- Forgotten passwords


def is_offered():
    return any(settings.FORGOTTEN_PASSWORDS.values())


def send_reset(typed, ip):
    """Send a link to the other address of each account of this name, administrator's and mailbox's.

    Whether there is one, and any was sent, is nobody's business: call it once the answer has left.
    """
    for rows in open_accounts():
        account, token = _reset(rows, typed, ip)
        if token:
            to = [letters.other_address(account)]
            letters.send("reset", account, to, link=url_of(token), ip=ip)


@in_transaction
def _reset(rows, typed, ip):
    # Locked, so of two that are asked for at once the second finds the first one's.
    account = row_named(rows.select_for_update(), typed)
    if account is None or not may_be_reset(account) or not letters.other_address(account):
        return None, None
    links = PasswordLink.objects.of(account).filter(purpose=RESET)
    if links.filter(made__gt=timezone.now() - ONE_IN).exists():
        return None, None
    entry = _entry(None, "ask_password", account)
    same = LogEntry.objects.filter(about=entry.data, domain=entry.domain, action=entry.action)
    if (
        same.filter(timestamp__gt=timezone.now() - LASTS[RESET])[:MOST_AN_HOUR].count()
        == MOST_AN_HOUR
    ):
        return None, None
    entry.username = f" ({ip})"
    entry.save(force_insert=True)
    return account, _make(account, RESET)


def may_be_reset(account):
    """Whoever manages a domain with the mailbox would open both."""
    allowed = settings.FORGOTTEN_PASSWORDS
    if not allowed[account.account_kind]:
        return False
    if not account.is_mailbox_user or allowed[Admin.account_kind]:
        return True
    return managers.manager_of(account.pk) is None


# --- Invitations


@in_transaction
def invite(*, actor, account, token=None, send=False):
    """Make a link that takes the place of a former one, and return its token, which is stored nowhere.

    ``send`` sends it to the other address, too. The account has a password that nobody knows, or one that the link replaces.
    """
    if actor == account:
        raise ValidationError(
            _("Change your own password on the page of your account, with the current one."),
            "oneself",
        )
    managers.refuse_mailbox_sign_in(account)
    managers.refuse_less(actor, account)
    account = type(account).objects.select_for_update().get(pk=account.pk)
    if send:
        check_can_be_sent(account.email_other, account.pk)
    token = _make(account, INVITATION, token)
    _entry(actor, "invite", account).save(force_insert=True)
    if send:
        letters.send_after_commit(
            "invitation", account, [letters.other_address(account)], link=url_of(token)
        )
    return token


def check_can_be_sent(address, name):
    if not settings.PANEL_URL:
        raise ValidationError(
            _("No mail can have a link: PANEL_URL is not set. Hand the link over yourself."),
            "no_panel_url",
        )
    if not letters.usable(address, name):
        error = ValidationError(
            _("Enter an address that the person reads now, other than this one."), "no_address"
        )
        raise ValidationError({"email_other": error})


def invitation_of(account):
    """The link that waits for the person, or is over; None if there is none, or the account has another password since."""
    link = PasswordLink.objects.of(account).filter(purpose=INVITATION).first()
    return link if link and _is_bound(link, account) else None


@in_transaction
def withdraw(*, actor, account):
    if not PasswordLink.objects.of(account).filter(purpose=INVITATION).delete()[0]:
        raise ValidationError(_("There is no invitation."), "no_invitation")
    _entry(actor, "withdraw_invitation", account).save(force_insert=True)


# --- The link


def _make(account, purpose, token=None):
    token, now = token or secrets.token_urlsafe(32), timezone.now()
    PasswordLink.objects.filter(purpose=RESET, until__lt=now).delete()
    PasswordLink.objects.of(account).filter(purpose=purpose).delete()
    PasswordLink(
        kind=account.account_kind,
        username=account.pk,
        purpose=purpose,
        digest=_digest(token),
        bound=_bound(account, purpose),
        made=now,
        until=now + LASTS[purpose],
    ).save(force_insert=True)
    return token


def find(token):
    """The link and its account, or None: unknown, used, replaced, over, or of an account that changed since."""
    link = PasswordLink.objects.filter(digest=_digest(token)).first()
    if link is None or link.until <= timezone.now():
        return None
    rows = next(rows for rows in open_accounts() if rows.model.account_kind == link.kind)
    account = rows.filter(pk=link.username).first()
    if account is None or not _is_bound(link, account):
        return None
    if link.purpose == RESET and not may_be_reset(account):
        return None
    return link, account


@in_transaction
def use(*, token, password, ip):
    """Set the password, end all links and sessions of the account, and tell the person. Raises ``gone``."""
    found = find(token)
    # Whoever deletes the row has the link: a second one that comes at once waits here, and finds none.
    if found is None or not PasswordLink.objects.filter(pk=found[0].pk).delete()[0]:
        raise gone()
    link, account = found
    errors = {}
    with collected(errors, "password"):
        validate_password(password, account)
        if account.must_set_password and account.check_password(password):
            raise own_account.unchanged()
    refuse(errors)
    account.client_ip = ip
    password_due.set_own(account=account, password=password)
    PasswordLink.objects.of(account).delete()
    letters.tell("password-set", account, ip=ip, purpose=link.purpose)
    return link.purpose


def gone():
    return ValidationError(
        _(
            "This link was used already, replaced by a newer one, or is too old. Ask for another one."
        ),
        "gone",
    )


def _digest(token):
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _bound(account, purpose):
    value = f"{account.password}\n{account.email_other if purpose == RESET else ''}"
    return salted_hmac("password link", value, algorithm="sha256").hexdigest()


def _is_bound(link, account):
    return constant_time_compare(link.bound, _bound(account, link.purpose))


def _entry(actor, action, account):
    domain = getattr(account, "domain_id", "")
    return LogEntry.objects.entry(actor, action, domain=domain, target=account.pk)

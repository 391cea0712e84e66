"""Second factors: setting one up, asking for it, taking it away. Each change is in the log, and the person is told by mail.

A sign-in needs a code of the account's authenticator app, a passkey or a recovery code, unless it comes from an address in
``totp_exception_address``. Who has a secret that cannot be read any more (another key) is refused, not let through.
"""

import ipaddress
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, Value
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import managers, totp
from accounts.letters import tell_of_factor
from accounts.models import (
    Adoption,
    ApiToken,
    FactorException,
    LogEntry,
    PanelSession,
    Passkey,
    PasswordLink,
    RecoveryCode,
    SecondFactor,
    SignInLink,
    Webhook,
)
from accounts.throttle import address_of
from panel.transactions import in_transaction

WRONG, COPIED = COUNTED = "wrong_code", "passkey_copied"
OF_AN_ACCOUNT = (SecondFactor, RecoveryCode, Passkey)


def is_on(account):
    return account.has_second_factor


def required_from(account):
    """The day from which on this account can do nothing without a second factor, or None."""
    role = "superadmin" if account.is_superadmin else account.account_kind
    return settings.SECOND_FACTOR_FROM[role]


def is_missing(account):
    """Whether the day is over until which this account could do without."""
    day = required_from(account)
    return day is not None and timezone.localdate() >= day and not is_on(account)


def is_asked_to_set_up(account, ip):
    """Whether it has none, and there is a day from which on it must, unless it signs in where none is asked."""
    day = None if is_on(account) else required_from(account)
    return day is not None and not is_spared(account, ip)


def codes_left(account):
    return _codes(account).count()


def _codes(account):
    # Another program may have deleted the account of this name, and made a new one.
    return RecoveryCode.objects.of(account).filter(made__gte=account.created - timedelta(days=1))


def is_spared(account, ip):
    """Whether no code is asked of this account at this address.

    Rows of a domain are of its mailboxes, and so are those of an address, unless a superadmin made them here: who manages
    the domain, or has the mailbox, cannot spare an administrator of the same name.
    """
    address = address_of(ip)
    if address is None:
        return False
    if account.is_mailbox_user:
        whose = Q(username__in=[account.pk, account.domain_id])
    else:
        whose = Q(username=account.pk, for_admin=True)
    stored = FactorException.objects.filter(whose | Q(username=None)).values_list("ip", flat=True)
    return any(address in network for text in stored if (network := network_of(text)))


def network_of(text):
    """An address or a network as it is stored; None if another program wrote something else."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < 96:
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - 96))


@in_transaction
def use(account, text):
    """Use up the step of a code, a recovery code, or what the browser says of a passkey.

    Raises ``wrong_code`` or ``passkey_copied``, which the caller counts (``sign_ins``).
    """
    ip, account = account.client_ip, _anew(account, type(account).objects)
    if text.startswith("{"):
        from accounts import passkey_answers

        passkey_answers.use(account, text)
        return
    code = totp.typed(text)
    if totp.is_from_app(code):
        secret = totp.decrypted(account.totp_secret or "")
        step = secret and totp.step_of(secret, code)
        if not step or not _use_step(account, step):
            raise ValidationError(
                _(
                    "This code is not right, or was used already. Take the one that the app shows now; the phone’s clock must be right."
                ),
                WRONG,
            )
        store_as_now(account, secret)
    elif _codes(account).filter(digest=totp.digest(code)).delete()[0]:
        record(account, "use_code", account)
        tell_of_factor(account, "code-used", ip=ip, left=codes_left(account))
    else:
        raise ValidationError(_("This code is not right, or was used already."), WRONG)


def _use_step(account, step):
    """Whether this step, or a later one, was not used yet. The condition is the database's: so no second server takes it either."""
    rows = SecondFactor.objects.of(account)
    if rows.filter(last_step__lt=step).update(last_step=step):
        return True
    if rows.exists():
        return False
    try:
        with transaction.atomic():
            _row(account, step).save(force_insert=True)
    except IntegrityError:  # another request was faster
        return False
    return True


def _row(account, step):
    return SecondFactor(kind=account.account_kind, username=account.pk, last_step=step)


def is_stored_in_clear():
    """Whether PostfixAdmin works on the same rows, and must read the secrets."""
    return settings.POSTFIXADMIN_BESIDE or Adoption.objects.exists()


def _stored(secret):
    return secret if is_stored_in_clear() else totp.encrypted(secret)


def store_as_now(account, secret):
    """Encrypt what PostfixAdmin wrote, once it is gone, and what an older key encrypted. Return whether it was stored anew.

    Other sessions of the account end.
    """
    if is_stored_in_clear():
        stored = secret
    elif totp.is_under_first_key(account.totp_secret) or len(secret) > totp.LONGEST:
        return False
    else:
        stored = totp.encrypted(secret)
    rows = type(account).objects.filter(pk=account.pk, totp_secret=account.totp_secret)
    return stored != account.totp_secret and bool(rows.update(totp_secret=stored))


@in_transaction
def switch_on(*, account, offer, code, current=""):
    """Store the secret and the recovery codes of ``offer``, once ``code`` shows that the app has it; return the account.

    Who has a second factor already says a ``current`` code of it, too. The caller has asked for the password.
    """
    found = totp.offered(account, offer)
    if found is None:
        raise ValidationError(
            _("This code is an hour old. Begin anew: a new one is shown."), "too_old"
        )
    secret, codes = found
    locked = lock(account)
    if is_on(locked):
        try:
            use(locked, current)
        except ValidationError as error:
            raise ValidationError({"current": error}) from error
    step = totp.step_of(secret, totp.typed(code))
    if step is None:
        raise ValidationError(
            {
                "code": ValidationError(
                    _(
                        "This is not the code that the app shows. Take the newest one; the phone’s clock must be right."
                    ),
                    "not_shown",
                )
            }
        )
    was_on = bool(locked.totp_secret)
    SecondFactor.objects.of(locked).delete()
    forget_codes(locked)
    _row(locked, step).save(force_insert=True)
    keep_codes(locked, codes)
    store(locked, totp_secret=_stored(secret))
    record(account, "set_factor", locked)
    tell_of_factor(locked, "renewed" if was_on else "on", ip=account.client_ip)
    return locked


@in_transaction
def renew_codes(*, account, offer, code):
    """Replace the recovery codes by those of ``offer``. The caller has asked for the password."""
    found = totp.offered(account, offer)
    if found is None:
        raise ValidationError(_("This page is an hour old. Send it once more."), "too_old")
    locked = lock(account)
    use_in_form(locked, code)
    forget_codes(locked)
    keep_codes(locked, found[1])
    record(account, "renew_codes", locked)
    tell_of_factor(locked, "codes", ip=account.client_ip)
    return locked


@in_transaction
def switch_off(*, account, code):
    """Do without the app. With a passkey there is a second factor still. The caller has asked for the password."""
    locked = lock(account)
    if not locked.totp_secret:
        raise ValidationError(_("There is no authenticator app."), "no_factor")
    use_in_form(locked, code)
    if locked.passkey_handle:
        SecondFactor.objects.of(locked).delete()
        store(locked, totp_secret=None)
        record(account, "end_app", locked)
        tell_of_factor(locked, "app-off", ip=account.client_ip)
    else:
        _end(account, locked, "off")
    return locked


@in_transaction
def reset(*, actor, account):
    """Take away somebody's second factor, who then signs in with the password alone. Sessions that it let in end.

    ``actor`` None is the command line. Refuses one's own (``oneself``), and where there is none (``no_factor``).
    """
    if actor == account:
        raise ValidationError(
            _("Switch your own second factor off on the page of your account, with a code of it."),
            "oneself",
        )
    managers.refuse_less(actor, account)
    locked = lock(account)
    if not is_on(locked):
        raise ValidationError(_("There is no second factor."), "no_factor")
    _end(actor, locked, "reset")
    managers.sessions_of(locked).delete()
    return locked


@in_transaction
def forget(account):
    """Of an account that is gone: a new one of its name shall not have its codes and passkeys, links, tokens, webhooks and exceptions."""
    models = (*OF_AN_ACCOUNT, PasswordLink, ApiToken, SignInLink, PanelSession, Webhook)
    rows = [*(model.objects.of(account) for model in models), _exceptions(account)]
    # Most accounts have nothing of the kind: one statement says so.
    numbered = [some.order_by().values_list(Value(number)) for number, some in enumerate(rows)]
    for number in {number for (number,) in numbered[0].union(*numbered[1:])}:
        rows[number].delete()


@in_transaction
def rename(mailbox, name):
    old, new = type(mailbox)(pk=mailbox.pk), type(mailbox)(pk=name)
    forget(new)  # left by another program
    for model in (*OF_AN_ACCOUNT, PasswordLink, ApiToken):
        model.objects.of(old).update(username=name)
    SignInLink.objects.of(
        old
    ).delete()  # on its way, and whoever has the old name next is somebody else
    _exceptions(old).update(username=name)


def _exceptions(account):
    return FactorException.objects.filter(
        username=account.pk, for_admin=not account.is_mailbox_user
    )


def lock(account):
    return _anew(account, type(account).objects.select_for_update())


def _anew(account, rows):
    row = rows.get(pk=account.pk)
    row.client_ip, row.challenges_of = account.client_ip, account.challenges_of
    return row


def use_in_form(account, code):
    """As ``use``, with the error at the field ``code``."""
    try:
        use(account, code)
    except ValidationError as error:
        raise ValidationError({"code": error}) from error


def _forget(account):
    for model in OF_AN_ACCOUNT:
        model.objects.of(account).delete()


def forget_codes(account):
    RecoveryCode.objects.of(account).delete()


def keep_codes(account, codes):
    of = {"kind": account.account_kind, "username": account.pk}
    RecoveryCode.objects.bulk_create(RecoveryCode(digest=totp.digest(code), **of) for code in codes)


def store(account, **fields):
    for name, value in fields.items():
        setattr(account, name, value)
    account.modified = timezone.now()
    account.save(update_fields=[*fields, "modified"])


def _end(actor, account, news):
    _forget(account)
    store(account, totp_secret=None, passkey_handle="")
    record(actor, "end_factor", account)
    # Not where an administrator was.
    tell_of_factor(account, news, ip=account.client_ip if actor == account else None)


def record(actor, action, account, changes=None):
    domain = getattr(account, "domain_id", "")
    LogEntry.objects.record(actor, action, domain=domain, target=account.pk, changes=changes)

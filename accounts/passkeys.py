"""Adding, renaming and removing a passkey, and signing in by one alone. Each change is in the log, and the person is told by mail.

A passkey is a second factor (factors.py). Where the device knew its owner it is both: what one has, and what one knows or is.
"""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import challenges, factors, sign_ins, throttle, totp
from accounts.backends import active_account
from accounts.letters import tell_of_factor
from accounts.models import Passkey
from panel.transactions import in_transaction

MOST = 20  # of one account


def check_name(name):
    if not name.strip():
        raise ValidationError({"name": ValidationError(_("Give it a name."), "required")})


@in_transaction
def add(*, account, offer, answer, name, code=""):
    """Store the passkey that ``answer`` brings; return the account. The first factor of an account comes with recovery codes.

    Who has a second factor already says a ``code`` of it. The caller has asked for the password.
    """
    from accounts import passkey_answers

    found = totp.offered(account, offer)
    locked = factors.lock(account)
    if found is None or locked.passkey_handle not in {"", found[0]}:
        raise ValidationError(_("This page is too old. Begin anew."), "too_old")
    check_name(name)
    was_on = factors.is_on(locked)
    if was_on:
        factors.use_in_form(locked, code)
    passkey = passkey_answers.registered(account, answer)
    if passkey is None:
        raise ValidationError(_("The browser’s answer was not taken. Try again."), "no_passkey")
    if not locked.passkey_handle:
        Passkey.objects.of(locked).delete()  # of a former account of this name
    if Passkey.objects.of(locked).count() >= MOST:
        raise ValidationError(_("There are too many already. Remove one first."), "too_many")
    passkey.name = name.strip()
    try:
        with transaction.atomic():
            passkey.save(force_insert=True)
    except IntegrityError as error:
        raise ValidationError(_("This passkey is here already."), "no_passkey") from error
    if not was_on:
        factors.forget_codes(locked)  # of a former account of this name
        factors.keep_codes(locked, found[1])
    factors.store(locked, passkey_handle=found[0])
    factors.record(account, "add_passkey", locked)
    tell_of_factor(locked, "passkey-added", ip=account.client_ip, passkey=passkey.name)
    return locked


@in_transaction
def rename(*, account, passkey, name):
    check_name(name)
    passkey = Passkey.objects.select_for_update().get(pk=passkey.pk)
    before, passkey.name = passkey.name, name.strip()
    if before != passkey.name:
        passkey.save(update_fields=["name"])
        factors.record(account, "edit_passkey", account, changes={"name": [before, passkey.name]})
    return passkey


@in_transaction
def remove(*, account, passkey, code):
    """The caller has asked for the password. The last factor takes the recovery codes with it."""
    locked = factors.lock(account)
    factors.use_in_form(locked, code)
    passkey = Passkey.objects.of(locked).filter(pk=passkey.pk).first()
    if passkey is None:
        raise ValidationError(_("This passkey is gone already."), "no_passkey")
    passkey.delete()
    if not Passkey.objects.of(locked).exists():
        factors.store(locked, passkey_handle="")
    if not factors.is_on(locked):
        factors.forget_codes(locked)
    factors.record(account, "remove_passkey", locked)
    news = "passkey-removed" if factors.is_on(locked) else "off"
    tell_of_factor(locked, news, ip=account.client_ip, passkey=passkey.name)
    return locked


def signed_in(text, browser, ip):
    """The account that a passkey alone signs in, or None: whatever is wrong, nobody is told which.

    Raises ``throttled`` as for passwords.
    """
    from accounts import passkey_answers

    answer = passkey_answers.answered(text, challenges.SIGN_IN, browser, verified=True)
    name = answer.passkey.username if answer else "passkey"
    account = active_account(answer.passkey.kind, answer.passkey.username) if answer else None
    copied = []

    def is_right():
        if account is None or not answer.handle or not passkey_answers.is_of(answer, account):
            return False
        try:
            passkey_answers.take(answer)
        except ValidationError as error:
            copied.append(error.code == factors.COPIED)
            if error.code not in {factors.WRONG, factors.COPIED}:
                raise
            return False
        return True

    if throttle.guarded(is_right, name, ip):
        return account
    if any(copied):
        sign_ins.record_copied_passkey(account, ip)
    return None

"""What the owner of an account does with it, an administrator or a mailbox user: as services.py, which has what is done to others."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import letters, managers, throttle
from accounts.models import LogEntry
from accounts.passwords import verify_password
from panel.changes import changed_fields, collected, refuse, validate_changed


def check_own_password(account, old_password, password):
    """Raise unless ``old_password`` is the stored one and ``password`` is allowed.

    For administrators and mailbox users. A wrong one counts like a failed sign-in from ``account.client_ip``.
    """
    errors = {}
    with collected(errors, "old_password"):
        check_current_password(account, old_password)
    with collected(errors, "password"):
        if password == old_password and account.must_set_password:
            raise unchanged()
        validate_password(password, account)
    refuse(errors)


def refuse_weak(password, account):
    errors = {}
    with collected(errors, "password"):
        validate_password(password, account)
    refuse(errors)


def unchanged():
    return ValidationError(_("This is the password that you have. Choose another one."), "same")


def check_current_password(account, password):
    # Read again: another session may have changed it since.
    stored = account.__class__.objects.values_list("password", flat=True).get(pk=account.pk)
    right = throttle.guarded(
        lambda: verify_password(password, stored, account.pk)[0], account.pk, account.client_ip
    )
    if not right:
        raise ValidationError(_("This is not your current password."), "wrong_password")


def set_other_address(*, account, address):
    """By the owner, an administrator or a mailbox user. The caller has asked for the password."""
    row = type(account).objects.select_for_update().get(pk=account.pk)
    old = row.email_other
    changes = changed_fields(row, {"email_other": address})
    validate_changed(row, changes)
    if not changes:
        return row
    row.modified = timezone.now()
    row.save(update_fields=["email_other", "modified"])
    action = "edit_mailbox" if row.is_mailbox_user else "edit_admin"
    domain = getattr(row, "domain_id", "")
    LogEntry.objects.record(account, action, domain=domain, target=row.pk, changes=changes)
    letters.tell("other-address", row, also=[old], new=address, by_owner=True)
    return row


def end_own_sessions(*, actor, current, key=None):
    """End the session of ``key``, or all but the ``current`` one, as whichever account; return how many there were."""
    rows = managers.sessions_of(actor.person).exclude(pk=current)
    number = (rows if key is None else rows.filter(pk=key)).delete()[0]
    if number:
        domain = getattr(actor, "domain_id", "")
        LogEntry.objects.record(actor, "end_own_sessions", domain=domain, target=actor.pk)
    return number


def set_preferences(account, **chosen):
    """Store what of ``language``, ``theme``, ``page_size`` and ``time_zone`` an administrator or a mailbox
    user chose.

    Not logged: it concerns nobody else.
    """
    changes = {name: value for name, value in chosen.items() if value}
    if changes:
        type(account).objects.filter(pk=account.pk).update(**changes)

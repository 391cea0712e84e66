"""Operations on administrators: lock, check, save, log, in one transaction.

``actor`` is the account named in the log, or None for the command line. Only superadmins may
call these for others; the caller checks that with ``Admin.objects.manageable_by(actor)``.
"""

import re

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import throttle
from accounts.models import Admin, LogEntry, SuperadminLock
from accounts.passwords import verify_password
from domains.models import DomainAdmin
from panel.addresses import lookup_key, lookup_keys
from panel.changes import changed_fields, created, removed, validate_changed
from panel.transactions import in_transaction

ALL_DOMAINS = "ALL"  # PostfixAdmin's row for a superadmin
LOGGED = ("superadmin", "active", "phone", "email_other")


@in_transaction
def create_admin(*, actor, username, password, superadmin=False, domains=(), **fields):
    """Create an administrator and return it. ``domains``: names of the domains to manage."""
    username = lookup_key(username)
    if not _is_address(username):
        raise ValidationError(
            {
                "username": ValidationError(
                    _("Write the login name like an e-mail address."), "invalid"
                )
            }
        )
    admin = Admin(username=username, superadmin=superadmin, **fields)
    _set_password(admin, password)
    admin.full_clean(validate_unique=False)
    taken = ValidationError(
        {"username": ValidationError(_("%(name)s exists already."), "taken", {"name": admin})}
    )
    if Admin.objects.filter(pk__in=lookup_keys(username)).exists():
        raise taken  # in Unicode maybe, by a row of another program
    try:
        with transaction.atomic():
            admin.save(force_insert=True)
    except IntegrityError as error:
        raise taken from error
    names = _assign(admin, superadmin, domains)
    LogEntry.objects.record(
        actor,
        "create_admin",
        target=username,
        changes=created(admin, *LOGGED) | {"domains": [None, names]},
    )
    return admin


@in_transaction
def update_admin(*, actor, admin, domains=None, **fields):
    """Change ``superadmin``, ``active``, ``phone``, ``email_other`` or the domains, and return the row.

    Refuses to demote or deactivate the last superadmin, and oneself: somebody must be able to
    come back. All superadmin rows are locked meanwhile.
    """
    superadmins = _lock_superadmins()
    admin = Admin.objects.select_for_update().get(pk=admin.pk)
    was_open = admin.superadmin and admin.active
    old_names = list(admin.domain_names)
    changes = changed_fields(admin, fields)
    validate_changed(admin, changes)
    columns = [*changes, "modified"]
    if was_open and not (admin.superadmin and admin.active):
        _refuse_locking_out(actor, admin, superadmins)
    names = _assign(admin, admin.superadmin, old_names if domains is None else domains)
    if names != old_names:
        changes["domains"] = [old_names, names]
    if not changes:
        return admin
    admin.modified = timezone.now()
    admin.save(update_fields=columns)
    LogEntry.objects.record(actor, "edit_admin", target=admin.pk, changes=changes)
    return admin


def set_admin_password(*, actor, admin, password):
    """Store a new password; every session of this administrator ends. Refuses oneself (``oneself``)."""
    if actor == admin:
        raise ValidationError(
            _("Change your own password on the page of your account, with the current one."),
            "oneself",
        )
    return _store_password(actor, admin, password)


def change_own_password(*, admin, old_password, password):
    """Let an administrator change the password; the old one must be right."""
    check_current_password(admin, old_password)
    return _store_password(admin, admin, password)


def check_current_password(account, password):
    """Raise ValidationError at ``old_password`` unless this is the password that is stored now.

    Of an administrator or a mailbox user; counted like a sign-in, from ``account.client_ip``.
    """
    # Not the one in memory: another session may have changed it since.
    stored = account.__class__.objects.values_list("password", flat=True).get(pk=account.pk)
    try:
        right = throttle.guarded(
            lambda: verify_password(password, stored)[0], account.pk, account.client_ip
        )
        if not right:
            raise ValidationError(_("This is not your current password."), "wrong_password")
    except ValidationError as error:
        raise ValidationError({"old_password": error.error_list}) from None


@in_transaction
def delete_admin(*, actor, admin):
    """Delete an administrator and the links to domains. The last superadmin and oneself stay."""
    superadmins = _lock_superadmins()
    admin = Admin.objects.select_for_update().get(pk=admin.pk)
    if admin.superadmin and admin.active:
        _refuse_locking_out(actor, admin, superadmins)
    names = list(admin.domain_names)
    DomainAdmin.objects.filter(username=admin).delete()
    Admin.objects.filter(pk=admin.pk).delete()
    LogEntry.objects.record(
        actor,
        "delete_admin",
        target=admin.pk,
        changes=removed(admin, *LOGGED) | {"domains": [names, None]},
    )


def _is_address(text):
    if re.fullmatch(r"[a-z0-9._-]+@[a-z0-9.-]+", text):
        return True
    try:
        validate_email(text)
    except ValidationError:
        return False
    return text.isascii()


@in_transaction
def _store_password(actor, admin, password):
    admin = Admin.objects.select_for_update().get(pk=admin.pk)
    _set_password(admin, password)
    admin.modified = timezone.now()
    admin.save(update_fields=["password", "modified"])
    LogEntry.objects.record(actor, "edit_password", target=admin.pk)
    return admin


def _set_password(admin, password):
    try:
        validate_password(password, admin)
    except ValidationError as error:
        raise ValidationError({"password": error.error_list}) from None
    admin.set_password(password)


def _lock_superadmins():
    SuperadminLock.hold()
    rows = Admin.objects.select_for_update().filter(superadmin=True, active=True).order_by("pk")
    return [row.pk for row in rows]


def _refuse_locking_out(actor, admin, superadmins):
    if actor is not None and actor.pk == admin.pk:
        raise ValidationError(
            _("You cannot remove your own superadmin rights. Ask another superadmin."), "oneself"
        )
    if superadmins == [admin.pk]:
        raise ValidationError(
            _("%(name)s is the last superadmin. Make another one first."),
            "last_superadmin",
            {"name": admin},
        )


def _assign(admin, superadmin, domains):
    """Write the rows of ``domain_admins`` and return the sorted names. ``ALL`` marks a superadmin."""
    names = sorted({str(getattr(domain, "pk", domain)) for domain in domains} - {ALL_DOMAINS})
    wanted = {*names, ALL_DOMAINS} if superadmin else set(names)
    links = DomainAdmin.objects.filter(username=admin)
    links.exclude(active=True, domain__in=wanted).delete()
    present = set(links.values_list("domain_id", flat=True))
    DomainAdmin.objects.bulk_create(
        DomainAdmin(username=admin, domain_id=name) for name in sorted(wanted - present)
    )
    return names

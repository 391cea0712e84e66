"""Operations on administrators: lock, check, save, log, in one transaction.

``actor`` is the account named in the log, or None for the command line. Only superadmins may
call these for others; the caller checks that with ``Admin.objects.manageable_by(actor)``.
"""

import re

from django.apps import apps
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Admin, LogEntry
from accounts.passwords import verify_password

ALL_DOMAINS = "ALL"  # PostfixAdmin's row for a superadmin


@transaction.atomic
def create_admin(*, actor, username, password, superadmin=False, domains=(), **fields):
    """Create an administrator and return it. ``domains``: names of the domains to manage."""
    username = str(username).strip().lower()
    try:
        validate_email(username)
    except ValidationError:
        if not re.fullmatch(r"[a-z0-9._-]+@[a-z0-9.-]+", username):
            raise ValidationError(
                {
                    "username": ValidationError(
                        _("Write the login name like an e-mail address."), "invalid"
                    )
                }
            ) from None
    admin = Admin(username=username, superadmin=superadmin, **fields)
    _set_password(admin, password)
    admin.full_clean()
    try:
        with transaction.atomic():
            admin.save(force_insert=True)
    except IntegrityError as error:
        raise ValidationError(
            {
                "username": ValidationError(
                    _("%(name)s exists already."), "taken", {"name": username}
                )
            }
        ) from error
    names = _assign(admin, superadmin, domains)
    LogEntry.objects.record(
        actor,
        "create_admin",
        target=username,
        changes={
            "superadmin": [None, superadmin],
            "domains": [None, names],
            "active": [None, admin.active],
        },
    )
    return admin


@transaction.atomic
def update_admin(*, actor, admin, domains=None, **fields):
    """Change ``superadmin``, ``active``, ``phone``, ``email_other`` or the domains, and return the row.

    Refuses to demote or deactivate the last superadmin, and oneself: somebody must be able to
    come back. All superadmin rows are locked meanwhile.
    """
    superadmins = _lock_superadmins()
    admin = Admin.objects.select_for_update().get(pk=admin.pk)
    was_open = admin.superadmin and admin.active
    old_names = list(admin.domain_names)
    changes = {}
    for field, new in fields.items():
        old = getattr(admin, field)
        if old != new:
            changes[field] = [old, new]
            setattr(admin, field, new)
    admin.full_clean()
    if was_open and not (admin.superadmin and admin.active):
        _refuse_locking_out(actor, admin, superadmins)
    names = _assign(admin, admin.superadmin, old_names if domains is None else domains)
    if names != old_names:
        changes["domains"] = [old_names, names]
    if not changes:
        return admin
    admin.modified = timezone.now()
    admin.save()
    LogEntry.objects.record(actor, "edit_admin", target=admin.pk, changes=changes)
    return admin


@transaction.atomic
def set_admin_password(*, actor, admin, password):
    """Store a new password; every other session of this administrator ends."""
    admin = Admin.objects.select_for_update().get(pk=admin.pk)
    _set_password(admin, password)
    admin.modified = timezone.now()
    admin.save(update_fields=["password", "modified"])
    LogEntry.objects.record(actor, "edit_password", target=admin.pk)
    return admin


def change_own_password(*, admin, old_password, password):
    """Let an administrator change the password; the old one must be right (``wrong_password``)."""
    stored = Admin.objects.values_list("password", flat=True).get(pk=admin.pk)
    if not verify_password(old_password, stored)[0]:
        raise ValidationError(
            {
                "old_password": ValidationError(
                    _("This is not your current password."), "wrong_password"
                )
            }
        )
    return set_admin_password(actor=admin, admin=admin, password=password)


@transaction.atomic
def delete_admin(*, actor, admin):
    """Delete an administrator and the links to domains. The last superadmin and oneself stay."""
    superadmins = _lock_superadmins()
    admin = Admin.objects.select_for_update().get(pk=admin.pk)
    if admin.superadmin and admin.active:
        _refuse_locking_out(actor, admin, superadmins)
    names = list(admin.domain_names)
    _links().filter(username=admin).delete()
    Admin.objects.filter(pk=admin.pk)._raw_delete("default")
    LogEntry.objects.record(
        actor,
        "delete_admin",
        target=admin.pk,
        changes={"superadmin": [admin.superadmin, None], "domains": [names, None]},
    )


def _set_password(admin, password):
    try:
        validate_password(password, admin)
    except ValidationError as error:
        raise ValidationError({"password": error.error_list}) from None
    admin.set_password(password)


def _lock_superadmins():
    rows = Admin.objects.select_for_update().filter(superadmin=True, active=True).order_by("pk")
    return [row.pk for row in rows]


def _refuse_locking_out(actor, admin, superadmins):
    if actor is not None and actor.pk == admin.pk:
        raise ValidationError(
            _("You cannot take this right from yourself. Ask another superadmin."), "oneself"
        )
    if superadmins == [admin.pk]:
        raise ValidationError(
            _("%(name)s is the last superadmin. Make another one first."),
            "last_superadmin",
            {"name": admin.pk},
        )


def _links():
    return apps.get_model("domains", "DomainAdmin").objects


def _assign(admin, superadmin, domains):
    """Write the rows of ``domain_admins`` and return the sorted names. ``ALL`` marks a superadmin."""
    names = sorted({str(getattr(domain, "pk", domain)) for domain in domains} - {ALL_DOMAINS})
    wanted = {*names, ALL_DOMAINS} if superadmin else set(names)
    links = _links().filter(username=admin)
    links.exclude(active=True, domain__in=wanted).delete()
    present = set(links.values_list("domain_id", flat=True))
    _links().bulk_create(
        _links().model(username=admin, domain_id=name) for name in sorted(wanted - present)
    )
    return names

"""Operations on administrators: lock, check, save, log, in one transaction.

``actor`` is the account named in the log, or None for the command line. Only superadmins may
call these for others; the caller checks that with ``Admin.objects.manageable_by(actor)``.
"""

import re

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import factors, letters, managers, reselling
from accounts.made_passwords import nobodys_password
from accounts.models import Admin, Adoption, DomainRole, LogEntry, PanelSession, SuperadminLock
from accounts.own_account import refuse_weak
from accounts.passwords import clear_text, hash_password, is_acceptable
from accounts.roles import check_roles, keyed, narrowed, refuse_unassigned, told_roles
from domains.models import Domain, DomainAdmin, RoutingLock
from panel.addresses import lookup_key, lookup_keys
from panel.changes import (
    changed_fields,
    collected,
    created,
    insert,
    refuse,
    removed,
    taken,
    validate_changed,
)
from panel.transactions import in_transaction

ALL_DOMAINS = "ALL"  # PostfixAdmin's row for a superadmin
LOGGED = ("superadmin", "active", "phone", "email_other", *reselling.BUDGET)


@in_transaction
def create_admin(
    *,
    actor,
    username,
    password=None,
    hashed=False,
    superadmin=False,
    domains=(),
    roles=None,
    resold=(),
    mailbox=None,
    **fields,
):
    """``hashed``: ``password`` is a stored hash from another server, as ``stored_hash`` returns it.

    ``mailbox`` is the address of the mailbox whose user this is, who signs in there and manages its domain: then there is no password, and
    no other domain. ``roles``: what may be done in which of the domains, where that is less than everything (panel/rights.py). ``resold`` are
    those of ``domains`` that count against the budget of a reseller.
    """
    domains, roles = list(domains), roles or {}
    if mailbox is not None:
        unknown = hash_password(nobodys_password())  # the slow part, so before the lock
        RoutingLock.hold()
    admin = check_new_admin(
        username=username,
        password=None if hashed else password,
        superadmin=superadmin,
        domains=domains,
        roles=roles,
        resold=resold,
        mailbox=mailbox,
        **fields,
    )
    username = admin.pk
    if not admin.has_own_sign_in:
        managers.take_over(admin)
        admin.password = unknown
        domains = [admin.own_domain]
    elif hashed:
        admin.password = password
    else:
        admin.set_password(password)
    insert(admin)
    if resold:
        RoutingLock.hold()
        reselling.check_resold(admin, known_domains(resold), known_domains(domains))
    factors.forget(admin)  # what another program left of one of this name
    names = _assign(admin, superadmin, known_domains(domains))
    counting = reselling.count(admin, known_domains(resold))
    kept = narrowed(roles)
    DomainRole.objects.store(admin, kept, set(names))
    LogEntry.objects.record(
        actor,
        "create_admin",
        target=username,
        changes=reselling.told(admin, created(admin, *LOGGED))
        | {"domains": [None, names]}
        | ({"mailbox": [None, admin.mailbox]} if admin.mailbox else {})
        | ({"roles": [None, told_roles(kept)]} if kept else {})
        | ({"resold": [None, counting]} if counting else {}),
    )
    return admin


def check_new_admin(
    *, username=None, password=None, domains=(), roles=None, resold=(), mailbox=None, **fields
):
    """Return the unsaved Admin. Raises all errors at once; an argument that is None is not checked."""
    errors = {}
    admin = Admin(**fields)
    if mailbox is not None:
        with collected(errors, "mailbox"):
            admin.mailbox = managers.check_mailbox(mailbox).pk
            domains = {*domains, admin.own_domain}
        with collected(errors):
            managers.refuse_more(admin, domains=domains, resold=resold, password=password, **fields)
    if username is not None:
        admin.username = lookup_key(username)
        with collected(errors, "username"):
            _check_login_name(admin, username)
    if password is not None:
        with collected(errors, "password"):
            validate_password(password, admin)
    names = set()
    with collected(errors, "domains"):
        names = {*known_domains(domains)}
    if "domains" not in errors:
        with collected(errors, "roles"):
            check_roles(roles or {}, names)
    with collected(errors, "resold"):
        managed = resold if "domains" in errors else names
        reselling.check_resold(admin, known_domains(resold), managed)
    with collected(errors):
        admin.full_clean(exclude=["username", "password"], validate_unique=False)
    refuse(errors)
    return admin


def _check_login_name(admin, typed):
    if not _is_address(admin.username):
        raise ValidationError(_("Write the login name like an e-mail address."), "invalid")
    admin.clean_fields(exclude={f.name for f in Admin._meta.fields} - {"username"})
    # Another program may have stored it in Unicode.
    if Admin.objects.filter(pk__in=lookup_keys(typed)).exists():
        raise taken(admin)


def known_domains(names):
    names = {str(getattr(name, "pk", name)) for name in names} - {ALL_DOMAINS}
    keys = set(map(lookup_key, names))
    known = set(Domain.objects.filter(pk__in=keys).values_list("pk", flat=True))
    if unknown := sorted(keys - known):
        raise ValidationError(
            _("No such domain: %(names)s. Create it first, or correct the name."),
            "unknown_domain",
            {"names": ", ".join(unknown[:10])},
        )
    return sorted(known)


@in_transaction
def update_admin(
    *,
    actor,
    admin,
    domains=None,
    added=(),
    removed=(),
    roles=None,
    given=None,
    resold=None,
    **fields,
):
    """Change ``superadmin``, ``active``, ``phone``, ``email_other``, the budget or the domains, and return the row.

    ``domains`` are the names of all domains assigned from now on; or ``added`` and ``removed`` say what changes. ``roles`` are all that
    are less than everything, by domain; or ``given`` says which change. A domain that is new has everything, unless they name it. ``resold``
    are those of them that count against the budget; None: as now. A budget may be less than what is in use: nothing more is made then.
    Refuses to demote or deactivate the last superadmin, or oneself. Locks all superadmins.
    """
    _lock_superadmins()
    RoutingLock.hold()
    admin = Admin.objects.select_for_update().get(pk=admin.pk)
    old_names, old_roles = list(admin.domain_names), admin.domain_roles
    were_counting = reselling.counting_for(admin)
    changes, names, wanted = check_admin(
        admin,
        actor=actor,
        domains=domains,
        added=added,
        removed=removed,
        roles=roles,
        given=given,
        resold=resold,
        **fields,
    )
    if "active" in changes and admin.active and not admin.has_own_sign_in:
        managers.refuse_gone(admin, lock=True)
    columns = [*changes, "modified"]
    names = _assign(admin, admin.is_superadmin, names)
    if names != old_names:
        changes["domains"] = [old_names, names]
    DomainRole.objects.store(admin, wanted, {*old_names, *names})
    if wanted != old_roles:
        changes["roles"] = [told_roles(old_roles), told_roles(wanted)]
    counting = were_counting if resold is None else known_domains(resold)
    counting = reselling.count(admin, set(counting) & {*names})
    if counting != were_counting:
        changes["resold"] = [were_counting, counting]
    if not changes:
        return admin
    admin.modified = timezone.now()
    admin.save(update_fields=columns)
    if "active" in changes and not admin.active:
        PanelSession.objects.of(admin).delete()
    LogEntry.objects.record(actor, "edit_admin", target=admin.pk, changes=changes)
    letters.tell_of_other_address(admin, changes)
    return admin


def check_admin(
    admin,
    *,
    actor,
    domains=None,
    added=(),
    removed=(),
    roles=None,
    given=None,
    resold=None,
    **fields,
):
    """Return what changes, the names of all domains then, and the roles then."""
    errors = {}
    was_open, names = admin.is_superadmin and admin.active, set(admin.domain_names)
    with collected(errors, "mailbox"):
        managers.refuse_another(admin, fields.pop("mailbox", admin.mailbox))
    if not admin.has_own_sign_in:
        given_domains = {*(domains or ()), *added}
        domains = domains or None  # it has its own by itself
        removed = {*map(lookup_key, removed)} & names
        with collected(errors):
            given_anew = {"domains": given_domains, "removed": removed, "resold": resold}
            managers.refuse_more(admin, **given_anew, **fields)
        with collected(errors, "active"):
            if fields.get("active") and not admin.active:
                managers.refuse_gone(admin)
    changes = changed_fields(admin, fields)
    with collected(errors):
        validate_changed(admin, changes)
    with collected(errors):
        if was_open and not (admin.is_superadmin and admin.active):
            _refuse_locking_out(actor, admin)
    if "email_other" in changes and actor == admin:
        with collected(errors, "email_other"):
            raise ValidationError(
                _("Change your own on the page of your account, with the password."), "oneself"
            )
    if domains is not None:
        with collected(errors, "domains"):
            new = {str(getattr(domain, "pk", domain)) for domain in domains}
            names = (new & names) | {*known_domains(new - names)}
    with collected(errors, "added"):
        names |= {*known_domains(added)}
    with collected(errors, "removed"):
        names -= _assigned(removed, names)
    stored = {domain: role for domain, role in admin.domain_roles.items() if domain in names}
    wanted = stored if roles is None else keyed(roles)
    if not errors.keys() & {"domains", "added", "removed"}:
        with collected(errors, "roles"):
            check_roles(wanted if roles is not None else {}, names)
        with collected(errors, "given"):
            check_roles(given or {}, names)
    with collected(errors, "resold"):
        reselling.check_resold(admin, known_domains(resold or ()), names)
    refuse(errors)
    return changes, names, narrowed(wanted | keyed(given or {}))


def _assigned(typed, names):
    keys = {lookup_key(name) for name in typed}
    refuse_unassigned(known_domains(keys - names))
    return keys


def set_admin_password(*, actor, admin, password, must_change=False, hashed=False):
    """``must_change``: with it the panel lets the person do nothing but set another one. ``hashed``: as of create_admin."""
    if actor == admin:
        raise ValidationError(
            _("Change your own password on the page of your account, with the current one."),
            "oneself",
        )
    managers.refuse_mailbox_sign_in(admin)
    return _store_password(actor, admin, password, must_change, hashed)


def set_own_password(*, admin, password):
    """Store it. The caller has asked ``check_own_password``, outside of a transaction: a wrong one is counted there."""
    managers.refuse_mailbox_sign_in(admin)
    return _store_password(admin, admin, password)


@in_transaction
def hash_in_place(*, actor, account):
    """Replace a stored clear-text password of an administrator or a mailbox by its hash; the
    password stays valid. Return whether it was clear text.

    Ends its sessions. Refused while PostfixAdmin, which may be unable to read the hash, works on
    the same rows.
    """
    if actor == account:
        raise ValidationError(
            _("Change your own password on the page of your account, with the current one."),
            "oneself",
        )
    if Adoption.objects.exists():
        raise ValidationError(
            _("PostfixAdmin may not read the hash: run `manage.py adopt --finish` first."),
            "adopted",
        )
    account = type(account).objects.select_for_update().get(pk=account.pk)
    password = clear_text(account.password)
    if password is None:
        return False
    if not is_acceptable(password):
        raise ValidationError(_("This can be no password: set a new one."), "no_password")
    account.set_password(password)
    account.modified = timezone.now()
    account.save(update_fields=["password", "modified"])
    LogEntry.objects.record(
        actor, "hash_password", domain=getattr(account, "domain_id", ""), target=account.pk
    )
    return True


@in_transaction
def delete_admin(*, actor, admin):
    _lock_superadmins()
    RoutingLock.hold()
    admin = Admin.objects.select_for_update().get(pk=admin.pk)
    if admin.is_superadmin and admin.active:
        _refuse_locking_out(actor, admin)
    names, roles = list(admin.domain_names), admin.domain_roles
    DomainAdmin.objects.filter(username=admin).delete()
    Domain.objects.filter(reseller=admin.pk).update(reseller="")
    DomainRole.objects.of(admin).delete()
    factors.forget(admin)
    Admin.objects.filter(pk=admin.pk).delete()
    LogEntry.objects.record(
        actor,
        "delete_admin",
        target=admin.pk,
        changes=reselling.told(admin, removed(admin, *LOGGED))
        | {"domains": [names, None]}
        | ({"mailbox": [admin.mailbox, None]} if admin.mailbox else {})
        | ({"roles": [told_roles(roles), None]} if roles else {}),
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
def _store_password(actor, admin, password, must_change=False, hashed=False):
    admin = Admin.objects.select_for_update().get(pk=admin.pk)
    if hashed:
        admin.password = password
    else:
        refuse_weak(password, admin)
        admin.set_password(password)
    admin.must_change, admin.modified = must_change, timezone.now()
    admin.save(update_fields=["password", "must_change", "modified"])
    changes = {"must_change": [None, True]} if must_change else None
    LogEntry.objects.record(actor, "edit_password", target=admin.pk, changes=changes)
    return admin


def _lock_superadmins():
    SuperadminLock.hold()
    list(Admin.objects.superadmins().select_for_update().filter(active=True).order_by("pk"))


def _refuse_locking_out(actor, admin):
    if actor is not None and actor.pk == admin.pk:
        raise ValidationError(
            _("You cannot remove your own superadmin rights. Ask another superadmin."), "oneself"
        )
    if not Admin.objects.superadmins().filter(active=True).exclude(pk=admin.pk).exists():
        raise ValidationError(
            _("%(name)s is the last superadmin. Make another one first."),
            "last_superadmin",
            {"name": admin},
        )


def _assign(admin, superadmin, domains):
    names = sorted(domains)
    wanted = {*names, ALL_DOMAINS} if superadmin else set(names)
    links = DomainAdmin.objects.filter(username=admin)
    links.exclude(active=True, domain__in=wanted).delete()
    present = set(links.values_list("domain_id", flat=True))
    DomainAdmin.objects.bulk_create(
        DomainAdmin(username=admin, domain_id=name) for name in sorted(wanted - present)
    )
    return names

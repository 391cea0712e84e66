"""Operations on mailboxes: lock, check, save, log, in one transaction.

``actor`` is the account named in the log, or None for the command line. Permission is the
caller's job: pass rows that came out of ``manageable_by(actor)``. Each function raises
ValidationError and then has written nothing. Postfix and Dovecot see a change at their next
look-up: the shipped Dovecot files cache no login.
"""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from accounts.passwords import verify_password
from aliases.loops import refuse_loops
from aliases.models import Alias
from aliases.services import clean_referrers, refuse_external_targets, refuse_role_address
from aliases.targets import parse_targets
from domains.addresses import MAX_ADDRESS, display_address, normalise_mailbox_name
from domains.models import RoutingLock
from mailboxes.models import Mailbox, QuotaUsage, RetiredMaildir
from panel.changes import changed_fields, created, insert, removed, validate_changed
from panel.scoping import starts_with

LOGGED = ("name", "quota", "phone", "email_other", "smtp_active", "active")


@transaction.atomic
def create_mailbox(*, actor, domain, local_part, password, quota=0, **fields):
    """Create a mailbox with its self-alias and return it.

    ``quota`` is in bytes, 0 no limit; ``fields`` are other columns of Mailbox (``name``,
    ``active``, ``smtp_active``, ``phone``, ``email_other``). Locks the domain: its limits hold
    under concurrency. Dovecot makes the maildir at the first delivery or login.
    """
    try:
        local_part = normalise_mailbox_name(local_part)
    except ValidationError as error:
        raise ValidationError({"local_part": error.error_list}) from None
    refuse_role_address(actor, local_part)
    address = f"{local_part}@{domain.pk}"
    if len(address) > MAX_ADDRESS:
        raise ValidationError(
            {
                "local_part": ValidationError(
                    _("An address has at most %(n)d characters."),
                    "invalid_address",
                    {"n": MAX_ADDRESS},
                )
            }
        )
    mailbox = Mailbox(username=address, local_part=local_part, domain=domain, quota=quota, **fields)
    _set_password(mailbox, password)  # the slow part, so before the locks
    RoutingLock.hold()
    domain = mailbox.domain = domain.fresh()
    limit_error = domain.limit_error("mailboxes")
    if limit_error:
        raise ValidationError({"domain": limit_error})
    if Alias.objects.filter(pk=address).exists() or Mailbox.objects.filter(pk=address).exists():
        raise ValidationError({"local_part": taken(address)})
    mailbox.maildir = _free_maildir(local_part, domain.pk)
    mailbox.full_clean()
    # The alias row comes first, as PostfixAdmin writes it: no catch-all may see the address free.
    try:
        insert(
            Alias(
                address=address, goto=address, domain=domain, active=mailbox.active, of_mailbox=True
            )
        )
        insert(mailbox)
    except ValidationError:
        raise ValidationError({"local_part": taken(address)}) from None
    LogEntry.objects.record(
        actor,
        "create_mailbox",
        domain=domain.pk,
        target=address,
        changes=created(mailbox, *LOGGED),
    )
    return mailbox


def taken(address):
    """Return the error for an address that is in use."""
    return ValidationError(
        _("%(address)s exists already, as a mailbox or an alias. Choose another name."),
        "taken",
        {"address": display_address(address)},
    )


def _free_maildir(local_part, domain):
    """Return a maildir nobody has or had: a new owner of an old name must not see the old mail.

    Other programs name them as they like. So it lies in nobody's directory, and nobody's in it.
    """
    path = settings.MAILDIR_LAYOUT.format(
        local_part=local_part, domain=domain, username=f"{local_part}@{domain}"
    )
    parts = path.rstrip("/").split("/")
    for depth, name in enumerate(parts, start=1):
        number = 1
        while _is_occupied("/".join(parts[:depth]), within=depth == len(parts)):
            number += 1
            # No name of ours has a ~, so this directory is no other mailbox's.
            parts[depth - 1] = f"{name}~{number}"
    return "/".join(parts) + "/"


def _is_occupied(path, *, within):
    """Say whether a mailbox has or had the directory ``path``, or with ``within`` one inside it."""
    for model in (Mailbox, RetiredMaildir):
        maildirs = Q(maildir__in=[path, f"{path}/"])
        if within:
            maildirs |= starts_with("maildir", f"{path}/")
        if model.objects.filter(maildirs).exists():
            return True
    return False


@transaction.atomic
def update_mailbox(*, actor, mailbox, **fields):
    """Change columns of a mailbox (``name``, ``quota`` in bytes, ``active``, ``smtp_active`` …).

    Its self-alias is activated or deactivated with it, so that nothing is accepted and then
    bounced, which would be backscatter.
    """
    RoutingLock.hold()
    domain = mailbox.domain.fresh()
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    mailbox.domain = domain
    changes = changed_fields(mailbox, fields)
    if not changes:
        return mailbox
    validate_changed(mailbox, changes)
    mailbox.modified = timezone.now()
    mailbox.save(update_fields=[*changes, "modified"])
    if "active" in changes:
        Alias.objects.filter(pk=mailbox.pk).update(active=mailbox.active, modified=mailbox.modified)
        refuse_loops(actor, [mailbox.pk])
    action = "edit_mailbox_state" if set(changes) == {"active"} else "edit_mailbox"
    LogEntry.objects.record(actor, action, domain=domain.pk, target=mailbox.pk, changes=changes)
    return mailbox


def set_mailbox_active(*, actor, mailbox, active):
    """Activate or deactivate a mailbox. While inactive its user cannot sign in, and its mail goes to the catch-all or is refused."""
    return update_mailbox(actor=actor, mailbox=mailbox, active=active)


@transaction.atomic
def set_mailbox_password(*, actor, mailbox, password):
    """Store a new password: other sessions end, the old one stops in IMAP and SMTP."""
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    _set_password(mailbox, password)
    mailbox.modified = timezone.now()
    mailbox.save(update_fields=["password", "password_expiry", "modified"])
    LogEntry.objects.record(actor, "edit_password", domain=mailbox.domain_id, target=mailbox.pk)
    return mailbox


def change_own_password(*, mailbox, old_password, password):
    """Let a mailbox user change the password; the old one must be right (``wrong_password``)."""
    stored = Mailbox.objects.values_list("password", flat=True).get(pk=mailbox.pk)
    if not verify_password(old_password, stored)[0]:
        raise ValidationError(
            {
                "old_password": ValidationError(
                    _("This is not your current password."), "wrong_password"
                )
            }
        )
    return set_mailbox_password(actor=mailbox, mailbox=mailbox, password=password)


def _set_password(mailbox, password):
    try:
        validate_password(password, mailbox)
    except ValidationError as error:
        raise ValidationError({"password": error.error_list}) from None
    mailbox.set_password(password)
    # PostfixAdmin's rule; only a Dovecot query that tests the column enforces it.
    mailbox.password_expiry = timezone.now() + timedelta(days=mailbox.domain.password_expiry or 0)


def self_alias(mailbox):
    """Return the mailbox's self-alias, or None where another program has left it out.

    No statement for a mailbox that came ``with_self_alias()``.
    """
    if hasattr(mailbox, "goto"):
        return mailbox.goto and Alias(
            address=mailbox.pk,
            goto=mailbox.goto,
            domain_id=mailbox.domain_id,
            active=mailbox.forwarding_active,
            of_mailbox=True,
        )
    return Alias.objects.filter(pk=mailbox.pk).first()


def forwarding(row):
    """Return (targets other than the mailbox itself, whether a copy is kept) of a self-alias or None."""
    if row is None:
        return [], True
    targets = row.targets
    return [t for t in targets if t != row.pk], row.pk in targets


def forwards(row):
    """Say whether mail is forwarded: not while the self-alias is inactive, as another program may leave it."""
    return row is not None and row.active and bool(forwarding(row)[0])


@transaction.atomic
def set_forwarding(*, actor, mailbox, targets=None, keep_copy=None):
    """Send the mailbox's mail to ``targets`` (text or list; empty ends forwarding), with or without a copy.

    What is None stays as it is stored.
    A forwarding that another program deactivated is as active as the mailbox again.
    """
    RoutingLock.hold()
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    row, is_new = Alias.objects.select_for_update().get_or_create(
        pk=mailbox.pk,
        defaults={
            "goto": mailbox.pk,
            "domain_id": mailbox.domain_id,
            "active": mailbox.active,
            "of_mailbox": True,
        },
    )
    stored, keeps_copy = forwarding(row)
    targets = stored if targets is None else targets
    keep_copy = keeps_copy if keep_copy is None else keep_copy
    text = targets if isinstance(targets, str) else "\n".join(targets)
    parsed = []
    if text.strip():
        try:
            parsed = [t for t in parse_targets(text, keep=row.targets) if t != mailbox.pk]
        except ValidationError as error:
            raise ValidationError({"targets": error.error_list}) from None
    refuse_external_targets(actor, parsed, row.targets)
    if not parsed or keep_copy:
        parsed = [mailbox.pk, *parsed]
    changes = changed_fields(row, {"goto": ",".join(parsed), "active": mailbox.active})
    if is_new:  # another program had left it out
        changes = created(row, "goto", "active")
    if not changes:
        return row
    row.modified = timezone.now()
    row.save(update_fields=[*changes, "modified"])
    refuse_loops(actor, [row.pk], "targets")
    action = "edit_alias_state" if set(changes) == {"active"} else "edit_alias"
    if is_new:
        action = "create_alias"
    LogEntry.objects.record(actor, action, domain=mailbox.domain_id, target=row.pk, changes=changes)
    return row


@transaction.atomic
def delete_mailbox(*, actor, mailbox, clean=None):
    """Delete a mailbox with its self-alias and quota figures.

    It is taken out of those of ``clean``, a queryset, that lead to it: pass what came out of
    ``Alias.objects.cleanable_by(actor)``. Files stay on disk; the maildir is remembered, so that a
    new mailbox of the same name starts empty.
    """
    RoutingLock.hold()
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    address = mailbox.pk
    own = Alias.objects.filter(pk=address).first()
    changes = removed(mailbox, *LOGGED, "maildir")
    if own is not None and own.goto != address:
        changes |= removed(own, "goto")
    QuotaUsage.objects.filter(pk=address).delete()
    Mailbox.objects.filter(pk=address).delete()
    Alias.objects.filter(pk=address).delete()
    LogEntry.objects.record(
        actor,
        "delete_mailbox",
        domain=mailbox.domain_id,
        target=address,
        changes=changes,
    )
    clean_referrers(actor=actor, address=address, aliases=clean)
    refuse_loops(actor, [address])

"""Operations on mailboxes: lock, check, save, log, in one transaction.

``actor`` is the account named in the log, or None for the command line. Permission is the
caller's job: pass rows that came out of ``manageable_by(actor)``. Each function raises
ValidationError and then has written nothing. Postfix and Dovecot see a change at their next
look-up: the shipped Dovecot files cache no login.
"""

from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import factors, letters, managers
from accounts.models import LogEntry
from accounts.passwords import stored_hash
from aliases.cleaning import KEEP, REMOVE, clean_referrers
from aliases.loops import refuse_loops
from aliases.models import Alias
from aliases.referrers import with_alias_domain_names
from aliases.refusals import refuse_role_address, refuse_taken, taken
from domains import sending_limits
from domains.copies import copies_about
from domains.copy_services import end_copies
from domains.models import RoutingLock
from mailboxes import quota_warnings
from mailboxes.deleted_rows import MAILBOX
from mailboxes.keeping import keep
from mailboxes.maildirs import (
    free_maildir,
    free_maildirs,
    is_outside,
    not_its_own,
    occupied_of,
)
from mailboxes.models import SWITCHES, Mailbox, QuotaUsage
from panel import helper
from panel.addresses import MAX_ADDRESS, normalise_mailbox_name
from panel.changes import (
    changed_fields,
    collected,
    created,
    insert,
    insert_many,
    refuse,
    refuse_rows,
    removed,
    validate_changed,
)
from panel.transactions import in_transaction

LOGGED = ("name", "quota", "phone", "email_other", "smtp_active", "active")
# What ends open sessions of mail programs, and at which value. Whether one may still send, Postfix asks before each message.
ENDING = {"active": False, "sign_in_active": False, "app_only": True}
ENDING |= {"imap_active": False, "pop3_active": False, "sieve_active": False}


@in_transaction
def create_mailbox(*, actor, domain, local_part, password, hashed=False, quota=0, **fields):
    """Create a mailbox with its self-alias and return it.

    ``hashed``: ``password`` is a stored hash from another server. ``quota`` is in bytes, 0 no limit;
    ``fields`` are other columns of Mailbox (``name``, ``active``, those of SWITCHES, ``phone``, ``email_other``). The
    domain's limits hold under concurrency. Dovecot creates the maildir at the first delivery or login.
    """
    values = {"actor": actor, "local_part": local_part, "quota": quota, **fields}
    mailbox = check_new_mailbox(domain=domain, password=password, hashed=hashed, **values)
    _set_password(mailbox, password, hashed)  # the slow part, so before the locks
    secret = mailbox.password
    RoutingLock.hold()
    domain = domain.fresh()
    mailbox = check_new_mailbox(domain=domain, **values)
    mailbox.password, mailbox.password_expiry = secret, password_expiry_of(domain)
    address = mailbox.pk
    mailbox.maildir = free_maildir(mailbox.local_part, domain.pk)
    mailbox.clean_fields(exclude=["domain"])
    # The alias row comes first, as PostfixAdmin writes it: no catch-all may see the address free.
    try:
        insert(
            Alias(
                address=address,
                goto=address,
                domain=domain,
                active=mailbox.active,
                is_self_alias=True,
            )
        )
        insert(mailbox)
    except ValidationError:
        raise ValidationError({"local_part": taken(address, wanted="mailbox")}) from None
    LogEntry.objects.record(
        actor,
        "create_mailbox",
        domain=domain.pk,
        target=address,
        changes=created(mailbox, *_logged(mailbox)),
    )
    return mailbox


def _logged(mailbox):
    """Of the switches, what is not as usual."""
    unusual = [name for name in SWITCHES if not getattr(mailbox, name)]
    return dict.fromkeys([*LOGGED, *unusual, *(["app_only"] if mailbox.app_only else [])])


# Set by create_mailbox itself, or checked separately.
OURS = (
    *("username", "local_part", "maildir", "domain", "password", "created", "modified"),
    *("password_expiry", "token", "token_validity", "totp_secret"),
)


def check_new_mailbox(
    *,
    actor,
    domain=None,
    local_part=None,
    password=None,
    hashed=False,
    quota=None,
    in_use=None,
    **fields,
):
    """Return the unsaved Mailbox. Raises all errors at once; an argument that is None is not checked.

    ``in_use`` are the taken addresses, where the caller has asked for those of many together.
    """
    errors = {}
    mailbox = Mailbox(domain=domain, quota=quota, **fields)
    if local_part is not None:
        with collected(errors, "local_part"):
            set_name(mailbox, actor, local_part)
    if domain is not None and (limit_error := domain.limit_error("mailboxes")):
        errors["domain"] = [limit_error]
    free = in_use is not None and mailbox.pk not in in_use
    if mailbox.pk and not free and "local_part" not in errors:
        with collected(errors, "local_part"):
            refuse_taken(mailbox.pk, wanted="mailbox")
    if password is not None:
        with collected(errors, "password"):
            _check_password(mailbox, password, hashed)
    with collected(errors):
        unknown = ["quota"] if quota is None else []
        mailbox.full_clean(exclude=[*OURS, *unknown], validate_unique=False)
    refuse(errors)
    return mailbox


def set_name(mailbox, actor, local_part):
    mailbox.local_part = normalise_mailbox_name(local_part)
    refuse_role_address(actor, mailbox.local_part)
    if mailbox.domain_id is None:
        return
    mailbox.username = f"{mailbox.local_part}@{mailbox.domain_id}"
    if len(mailbox.username) > MAX_ADDRESS:
        raise ValidationError(
            _("An address has at most %(n)d characters."), "invalid_address", {"n": MAX_ADDRESS}
        )


@in_transaction
def create_mailboxes(*, actor, domain, mailboxes):
    """Create many mailboxes of one domain by the rules of ``create_mailbox``: all of them, or none.

    ``mailboxes`` are dictionaries of ``local_part``, ``password_hash``, as Dovecot reads it, and
    the other fields; ``maildir`` among them where mail lies already. Holds RoutingLock: about a thousand at a time is a good number.
    The error has a line for each thing that is wrong.
    """
    if not mailboxes:
        return []
    new, refused, given, now = [], [], {}, timezone.now()
    moments = {"created": now, "modified": now, "token_validity": now}
    for fields in mailboxes:
        fields = dict(fields)
        name, password = fields.pop("local_part"), fields.pop("password_hash")
        maildir = fields.pop("maildir", "")
        mailbox = Mailbox(domain=domain, password=password, **(moments | fields))
        try:
            set_name(mailbox, actor, name)
        except ValidationError as error:
            refused.append((f"{name}@{domain}", error))
        else:
            new.append(mailbox)
            if maildir:
                given[mailbox.pk] = maildir
    RoutingLock.hold()
    domain = domain.fresh()
    names = [mailbox.pk for mailbox in new]
    in_use = {
        *Alias.objects.filter(pk__in=names).values_list("pk", flat=True),
        *Mailbox.objects.filter(pk__in=names).values_list("pk", flat=True),
    }
    expiry = password_expiry_of(domain)
    without = [mailbox for mailbox in new if mailbox.pk not in given]
    maildirs = given | (free_maildirs(without, domain.pk) if without else {})
    shared = occupied_of(given.values())
    for mailbox in new:
        mailbox.domain, mailbox.password_expiry = domain, expiry
        mailbox.maildir = maildirs[mailbox.pk]
        errors = {"domain": [limit]} if (limit := domain.limit_error("mailboxes")) else {}
        if mailbox.pk in in_use:
            errors["local_part"] = [taken(mailbox.pk, wanted="mailbox")]
        elif mailbox.maildir in shared or (mailbox.pk in given and is_outside(mailbox.maildir)):
            errors["maildir"] = [not_its_own(mailbox.maildir)]
        in_use.add(mailbox.pk)
        shared.add(mailbox.maildir)
        # The excluded fields are set here, or were checked above for all mailboxes together.
        with collected(errors):
            mailbox.full_clean(exclude=OURS, validate_unique=False, validate_constraints=False)
        if errors:
            refused.append((str(mailbox), ValidationError(errors)))
        # Count as the triggers will, for the next one's limits. Only this function has this object.
        domain.usage.mailboxes += 1
        domain.usage.allotted += mailbox.quota or 0
    refuse_rows(refused)
    insert_many(new)
    _insert_self_aliases(names)
    LogEntry.objects.record_many(
        actor,
        "create_mailbox",
        domain=domain.pk,
        changes={mailbox.pk: created(mailbox, *_logged(mailbox)) for mailbox in new},
    )
    return new


def _insert_self_aliases(usernames):
    # Rows made by the database itself: a fifth of the time of so many mailboxes.
    with connection.cursor() as cursor:
        names = ", ".join(["%s"] * len(usernames))
        cursor.execute(
            "INSERT INTO alias (address, goto, domain, created, modified, active, description, is_self_alias)"  # noqa: S608
            " SELECT username, username, domain, created, modified, active, '', TRUE FROM mailbox"
            f" WHERE username IN ({names})",
            usernames,
        )


@in_transaction
def update_mailbox(*, actor, mailbox, **fields):
    """Change columns of a mailbox (``name``, ``quota`` in bytes, ``active``, ``smtp_active`` …).

    Its self-alias is activated or deactivated with it: otherwise mail would be accepted and then
    bounced, which would be backscatter.
    """
    RoutingLock.hold()
    domain = mailbox.domain.fresh()
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    mailbox.domain = domain
    changes = check_mailbox(mailbox, **fields)
    if not changes:
        return mailbox
    sending_limits.refuse_others(actor, changes)
    if any(name in changes and not changes[name][1] for name in ("active", "sign_in_active")):
        managers.refuse_own_mailbox(actor, mailbox)
    if "email_other" in changes:  # where a link for a forgotten password goes
        managers.refuse_less(actor, mailbox)
    mailbox.modified = timezone.now()
    mailbox.save(update_fields=[*changes, "modified"])
    if "quota" in changes:
        quota_warnings.look_again(mailbox)
    if "active" in changes:
        Alias.objects.filter(pk=mailbox.pk).update(active=mailbox.active, modified=mailbox.modified)
        refuse_loops(actor, [mailbox.pk])
    if any(name in changes and changes[name][1] == value for name, value in ENDING.items()):
        helper.after_commit("kick", mailbox.pk)
    off = not (mailbox.active and mailbox.sign_in_active)
    if off and changes.keys() & {"active", "sign_in_active"}:
        managers.sessions_of(mailbox).delete()
    sending_limits.tell(changes)
    letters.tell_of_other_address(mailbox, changes)
    action = "edit_mailbox_state" if set(changes) == {"active"} else "edit_mailbox"
    LogEntry.objects.record(actor, action, domain=domain.pk, target=mailbox.pk, changes=changes)
    return mailbox


def check_mailbox(mailbox, **fields):
    changes = changed_fields(mailbox, fields)
    validate_changed(mailbox, changes)
    return changes


def set_mailbox_active(*, actor, mailbox, active):
    return update_mailbox(actor=actor, mailbox=mailbox, active=active)


@in_transaction
def set_mailbox_password(*, actor, mailbox, password, hashed=False, must_change=False):
    """``hashed``: ``password`` is a stored hash. All sessions end; IMAP and SMTP refuse the old password at once.

    ``must_change``: with it the panel lets the user do nothing but set another one. Refused to whoever may less than the user: managers.refuse_less().
    """
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    managers.refuse_less(actor, mailbox)
    errors = {}
    with collected(errors, "password"):
        _check_password(mailbox, password, hashed)
    refuse(errors)
    _set_password(mailbox, password, hashed)
    mailbox.must_change, mailbox.modified = must_change, timezone.now()
    mailbox.save(update_fields=["password", "password_expiry", "must_change", "modified"])
    LogEntry.objects.record(
        actor,
        "edit_password",
        domain=mailbox.domain_id,
        target=mailbox.pk,
        changes={"must_change": [None, True]} if must_change else None,
    )
    helper.after_commit("kick", mailbox.pk)
    return mailbox


def _check_password(mailbox, password, hashed):
    if hashed:
        _checked_hash(password)
    else:
        validate_password(password, mailbox)


def _set_password(mailbox, password, hashed):
    if hashed:
        mailbox.password = _checked_hash(password)
    else:
        mailbox.set_password(password)
    mailbox.password_expiry = password_expiry_of(mailbox.domain)


def password_expiry_of(domain):
    # PostfixAdmin's rule: without a lifetime it is now, and nothing reads it
    return timezone.now() + timedelta(days=domain.password_expiry or 0)


def _checked_hash(text):
    try:
        return stored_hash(text)
    except (ValueError, TypeError, LookupError):
        raise not_a_hash() from None


def not_a_hash():
    return ValidationError(
        _(
            "This is not a hash that Dovecot and the panel verify. Write it whole, with its scheme in"
            " front: {SHA512-CRYPT}$6$…, {BLF-CRYPT}$2y$…, {SSHA}…; or as crypt() does: $6$…, $y$…."
        ),
        "not_a_hash",
    )


@in_transaction
def delete_mailbox(*, actor, mailbox, clean=None, others=REMOVE, emptied=KEEP):
    """Delete a mailbox with its self-alias, quota figures, and the copies (BCC) that it gets or that are made of its mail.

    What happens to the aliases that lead to it: see ``clean_referrers``. Files stay on disk; the maildir is
    remembered, so that a new mailbox of the same name starts empty. Returns the Deleted, or None if nothing is kept.
    """
    managers.refuse_own_mailbox(actor, mailbox)
    RoutingLock.hold()
    rows = Mailbox.objects.annotate(manager=managers.active_manager())
    mailbox = rows.select_for_update().get(pk=mailbox.pk)
    address = mailbox.pk
    own = Alias.objects.filter(pk=address).first()
    copies = copies_about(with_alias_domain_names([address]))
    changes = removed(mailbox, *_logged(mailbox), "maildir")
    if own is not None and own.goto != address:
        changes |= removed(own, "goto")
    kept = keep(actor=actor, kind=MAILBOX, row=mailbox, note=mailbox.name, copies=copies)
    manage = managers.managers_at([address]) if mailbox.manager else []
    QuotaUsage.objects.filter(pk=address).delete()
    factors.forget(mailbox)
    mailbox.app_passwords.all().delete()
    Mailbox.objects.filter(pk=address).delete()
    Alias.objects.filter(pk=address).delete()
    LogEntry.objects.record(
        actor,
        "delete_mailbox",
        domain=mailbox.domain_id,
        target=address,
        changes=changes,
    )
    managers.record_off(actor, manage)
    end_copies(actor=actor, copies=copies)
    clean_referrers(actor=actor, addresses=[address], aliases=clean, others=others, emptied=emptied)
    refuse_loops(actor, [address])
    helper.after_commit("kick", address)
    return kept


@in_transaction
def end_sessions(*, actor, mailbox):
    """End the sessions of Dovecot that are open. Who may still sign in, may do so again at once."""
    LogEntry.objects.record(actor, "end_sessions", domain=mailbox.domain_id, target=mailbox.pk)
    # The last step: if the helper refuses, there is no entry either.
    helper.ask("kick", mailbox.pk)


def sessions_go_on():
    """What a page says of the sessions that are open while something is taken away; "" where the helper ends them."""
    if helper.is_there():
        return ""
    return _("Mail programs that are connected read on until their sessions end by themselves.")

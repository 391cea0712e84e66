"""Mailbox users who manage their own domain: an administrator with a ``mailbox`` has no sign-in but that of the mailbox.

Such an administrator is an ordinary domain admin of the mailbox's domain, and of nothing else (accounts/models.py). Whoever signs in
to the mailbox can become the administrator, and accounts/sessions.py looks at the mailbox at each request.
"""

from django.core.exceptions import ValidationError
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from accounts.models import Admin, LogEntry, PanelSession, PasswordLink, SignInLink
from accounts.reselling import BUDGET
from mailboxes.models import Mailbox
from panel.addresses import lookup_key
from panel.scoping import may, rights_of


def manager_of(address):
    """The administrator, on or off, that signs in with this mailbox; or None."""
    return Admin.objects.filter(mailbox=address).first()


def accounts_of(person):
    """``person``, an account that is signed in, and the other one that the same sign-in opens, if there is one."""
    other = manager_of(person.pk) if person.is_mailbox_user else person.signed_in_by
    return [person] if other is None else [person, other]


def refuse_less(actor, account):
    """Raise ``manages`` where ``actor`` would let themselves or others in to a mailbox whose user may do more than they may; ``oneself`` of
    the mailbox with which ``actor`` signs in: there the current password is asked for.

    ``account`` is whose password, second factor or link it is. None, the command line, and a domain admin gain nothing by it; an API token
    has to have all the rights of its account.
    """
    if actor is None or actor == account or not account.is_mailbox_user:
        return
    if is_of(actor, account):
        raise ValidationError(
            _("Go to your mailbox, and change it there: with the current password, or a code."),
            "oneself",
        )
    everything = actor.token_rights is None or rights_of(actor) <= actor.token_rights
    if everything and may(actor, None, account.domain_id):
        return
    if manager_of(account.pk) is not None:
        raise ValidationError(
            _(
                "Its user manages %(domain)s, and signs in with it. Ask somebody who may do everything there, on the pages."
            ),
            "manages",
            {"domain": account.domain},
        )


def is_of(actor, mailbox):
    """Whether ``actor`` is an administrator who signs in with ``mailbox``."""
    return not actor.is_mailbox_user and actor.mailbox == mailbox.pk


def sessions_of(account):
    """Of a mailbox, those of the administrator who signs in with it, too: both end together."""
    rows = PanelSession.objects.of(account)
    manager = manager_of(account.pk) if account.is_mailbox_user else None
    return rows if manager is None else rows | PanelSession.objects.of(manager)


def refuse_own_mailbox(actor, mailbox):
    """Raise ``oneself`` where the administrator would take away the mailbox with which they sign in."""
    if actor is not None and is_of(actor, mailbox):
        raise ValidationError(
            _("You sign in with this mailbox, so somebody else has to do it."), "oneself"
        )


def refuse_mailbox_sign_in(account):
    """Raise ``by_mailbox`` if the account has no password of its own."""
    if not account.has_own_sign_in:
        raise ValidationError(
            _("%(name)s signs in with the mailbox %(mailbox)s. Set the password there."),
            "by_mailbox",
            {"name": account, "mailbox": account.mailbox},
        )


def check_mailbox(typed):
    """The mailbox of a new administrator. Raises ``unknown_mailbox`` or ``has_manager``."""
    mailbox = Mailbox.objects.filter(pk=lookup_key(typed)).first()
    if mailbox is None:
        raise ValidationError(
            _("There is no mailbox %(address)s. Create it first, or correct the address."),
            "unknown_mailbox",
            {"address": typed},
        )
    if manager := manager_of(mailbox.pk):
        text = _("%(name)s signs in with this mailbox already.")
        if not manager.active:
            text = _("%(name)s signs in with this mailbox, and is off. Switch it on, or delete it.")
        raise ValidationError(text, "has_manager", {"name": manager})
    return mailbox


def refuse_another(admin, mailbox):
    """It stays as it was created: whose sign-in opens an account is nothing that changes under it."""
    if (mailbox and lookup_key(mailbox)) != admin.mailbox:
        raise ValidationError(
            _(
                "With which mailbox somebody signs in cannot be changed. Delete the administrator, and create it anew."
            ),
            "another_mailbox",
        )


def refuse_more(admin, *, domains, resold, removed=(), password=None, **fields):
    """Raise, by field, all that an administrator who signs in with a mailbox cannot have."""
    errors = {}
    if password is not None:
        text = _("Whoever signs in with a mailbox has no other password. Leave it empty.")
        errors["password"] = ValidationError(text, "by_mailbox")
    if fields.get("must_change"):
        text = _("There is no password to change here. Say it of the mailbox.")
        errors["must_change"] = ValidationError(text, "by_mailbox")
    if fields.get("email_other"):
        text = _(
            "Whoever signs in with a mailbox has no other address here. Say it of the mailbox."
        )
        errors["email_other"] = ValidationError(text, "by_mailbox")
    text = _("Whoever signs in with a mailbox manages only its domain.")
    for name in ("superadmin", *BUDGET):
        value = fields.get(name)
        if value is not None and value is not False:
            errors[name] = ValidationError(text, "by_mailbox")
    if resold:
        errors["resold"] = ValidationError(text, "by_mailbox")
    names = {lookup_key(str(getattr(domain, "pk", domain))) for domain in domains}
    if admin.mailbox and names - {admin.own_domain}:
        errors["domains"] = ValidationError(text, "by_mailbox")
    if removed:
        text = _("It manages its domain as long as it is there. Switch it off, or delete it.")
        errors["removed"] = ValidationError(text, "by_mailbox")
    if errors:
        raise ValidationError(errors)


def is_there(admin):
    return Mailbox.objects.filter(pk=admin.mailbox).exists()


def refuse_gone(admin, *, lock=False):
    """``lock``: it cannot be deleted meanwhile, nor renamed, by whatever program."""
    rows = Mailbox.objects.select_for_update() if lock else Mailbox.objects.all()
    mailbox = rows.filter(pk=admin.mailbox).first()
    if mailbox is None:
        raise ValidationError(
            _(
                "Its mailbox %(mailbox)s is not there any more. Restore it, or delete the administrator."
            ),
            "no_mailbox",
            {"mailbox": admin.mailbox},
        )
    return mailbox


def take_over(admin):
    """Of its mailbox, how the person likes the pages. Links that sign in to it, or set its password, were made for less: they end."""
    mailbox = refuse_gone(admin, lock=True)
    for links in (PasswordLink, SignInLink):
        links.objects.of(mailbox).delete()
    for name in ("language", "theme", "page_size", "time_zone"):
        setattr(admin, name, getattr(mailbox, name))


# --- With the mailbox, in the transaction of what becomes of it


def managers_at(mailboxes):
    """The administrators that are on and sign in with one of ``mailboxes``, a queryset or names."""
    return list(Admin.objects.filter(active=True, mailbox__in=mailboxes).order_by("pk"))


def active_manager():
    """The login name of the one of a mailbox, for queries of mailboxes."""
    rows = Admin.objects.filter(active=True, mailbox=OuterRef("pk"))
    return Subquery(rows.values("pk")[:1])


def record_off(actor, managers):
    """What a trigger has done, once their mailboxes are deleted: they are off."""
    for manager in managers:
        PanelSession.objects.of(manager).delete()
        record_state(actor, manager, False)


def record_renamed(actor, managers):
    """Those that a trigger switched off: the new name is that of a deleted mailbox, with an administrator of its own."""
    names = [manager.pk for manager in managers]
    off = {*Admin.objects.filter(pk__in=names, active=False).values_list("pk", flat=True)}
    record_off(actor, [manager for manager in managers if manager.pk in off])


def switch_on_again(actor, kept, at):
    """Those of ``kept``, rows of ``admin``, that are off since their mailboxes were deleted ``at`` that time, which are there again.

    Not those that somebody changed since: they were given to somebody else's mailbox of that name, or taken away.
    """
    names = [row["username"] for row in kept]
    rows = Admin.objects.filter(pk__in=names, modified__lte=at, active=False)
    rows = rows.filter(mailbox__in=[row["mailbox"] for row in kept])
    for manager in rows.order_by("pk"):
        Admin.objects.filter(pk=manager.pk).update(active=True)
        record_state(actor, manager, True)


def record_state(actor, manager, active):
    changes = {"active": [not active, active]}
    LogEntry.objects.record(actor, "edit_admin", target=manager.pk, changes=changes)

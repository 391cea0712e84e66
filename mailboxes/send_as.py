"""Who may send as which address or domain, besides those who receive it."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from aliases.models import Alias
from domains.models import AliasDomain, Domain, RoutingLock
from mailboxes.models import Mailbox, SendAs
from panel.addresses import display_address, normalise_address, normalise_domain, split_address
from panel.changes import collected, refuse
from panel.scoping import domains_managed
from panel.transactions import in_transaction

MOST = 100  # of one mailbox, and of one address or domain


@in_transaction
def let_send_as(*, actor, mailbox, sender):
    """Let the mailbox, an address, send as ``sender``: an address, or a domain for every name in it.

    Both must be in domains that ``actor`` sees; a mailbox user gives the own address to somebody of the own domain alone.
    Postfix knows it at the next message.
    """
    RoutingLock.hold()
    row = check_send_as(actor=actor, mailbox=mailbox, sender=sender)
    row.save(force_insert=True)
    _record(actor, row, [None, row.sender])
    return row


def check_send_as(*, actor, mailbox=None, sender=None):
    errors, row = {}, SendAs()
    if mailbox is not None:
        with collected(errors, "mailbox"):
            row.username = _checked_mailbox(actor, mailbox)
    if sender is not None:
        with collected(errors, "sender"):
            row.sender = _checked_sender(actor, sender)
    if row.username and row.sender and not errors:
        with collected(errors, "sender"):
            _check_pair(row)
    refuse(errors)
    return row


def _checked_mailbox(actor, text):
    address = normalise_address(text)
    seen = domains_managed(actor, {split_address(address)[1]})
    if not seen or not Mailbox.objects.filter(pk=address).exists():
        raise _error(_("%(name)s is no mailbox that you manage."), "no_mailbox", address)
    return address


def _checked_sender(actor, text):
    text = text.strip()
    if text.startswith("@") or "@" not in text:
        return _checked_domain(actor, normalise_domain(text.removeprefix("@")))
    address = normalise_address(text)
    name, domain = split_address(address)
    if not domains_managed(actor, {domain}) or not _is_own(actor, address):
        raise _error(_("%(name)s is no address that you manage."), "not_yours", address)
    if _is_there(address):
        return address
    link = AliasDomain.objects.filter(pk=domain).first()
    if link and _is_there(f"{name}@{link.target_domain_id}"):
        raise _error(
            _("Enter %(name)s: its names in alias domains are included."),
            "alias_domain",
            f"{name}@{link.target_domain_id}",
        )
    raise _error(_("There is no mailbox or alias %(name)s."), "no_address", address)


def _checked_domain(actor, name):
    seen = domains_managed(actor, {name})
    is_user = actor is not None and actor.is_mailbox_user
    if not seen or is_user or not Domain.objects.filter(pk=name).exists():
        raise _error(_("%(name)s is no domain that you manage."), "not_yours", name)
    if link := AliasDomain.objects.filter(pk=name).first():
        raise _error(
            _("Enter %(name)s: its alias domains are included."),
            "alias_domain",
            link.target_domain_id,
        )
    return f"@{name}"


def _is_own(actor, address):
    return actor is None or not actor.is_mailbox_user or address == actor.pk


def _is_there(address):
    return Mailbox.objects.filter(pk=address).exists() or Alias.objects.filter(pk=address).exists()


def _check_pair(row):
    if row.username == row.sender:
        raise _error(_("%(name)s may send as itself already."), "itself", row.sender)
    rows = SendAs.objects
    if rows.filter(username=row.username, sender=row.sender).exists():
        raise ValidationError(
            _("%(mailbox)s may send as %(sender)s already."),
            "taken",
            {"mailbox": display_address(row.username), "sender": row.whom},
        )
    for found in (rows.filter(username=row.username), rows.filter(sender=row.sender)):
        if found[:MOST].count() == MOST:
            raise ValidationError(
                _("A mailbox may send as at most %(n)d others, and as an address at most so many."),
                "too_many",
                {"n": MOST},
            )


def _error(text, code, name):
    return ValidationError(text, code, {"name": display_address(name)})


@in_transaction
def end_send_as(*, actor, row):
    """Postfix refuses the sender from the next message on, in a session that is open, too. Twice does no harm."""
    RoutingLock.hold()
    row = SendAs.objects.select_for_update().filter(pk=row.pk).first()
    if row is not None:
        SendAs.objects.filter(pk=row.pk).delete()
        _record(actor, row, [row.sender, None])


def _record(actor, row, change):
    LogEntry.objects.record(
        actor,
        "edit_send_as",
        domain=split_address(row.username)[1],
        target=row.username,
        changes={"sender": change},
    )


def rows_of(actor, **which):
    """The rows of send_as that ``actor`` sees, with what they are about."""
    rows = SendAs.objects.visible_to(actor).filter(**which)
    return list(rows.order_by("sender", "username")[: 2 * MOST])


def senders_of(actor, address):
    """Who may send as ``address`` by send_as, by its name or with its whole domain."""
    return rows_of(actor, sender__in=[address, f"@{split_address(address)[1]}"])

"""Aliases that the user of a mailbox makes: they lead to the mailbox, and nobody else's are within reach.

They are aliases like any other: administrators see, change and delete them, and they count against the domain's limit.
"""

import secrets

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Exists, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import LogEntry
from aliases import services
from aliases.ending_rows import OFF, let_go
from aliases.models import Alias, Ending, OwnAlias, OwnAliasLimit
from domains.deliveries import Delivery, DeliveryKey
from domains.models import RoutingLock
from mailboxes.app_passwords import LETTERS
from mailboxes.endings import remove_ending, set_ending
from mailboxes.maildirs import has_its_maildir
from mailboxes.models import Mailbox, RetiredMaildir
from panel.addresses import display_address, normalise_local_part
from panel.changes import collected, refuse
from panel.transactions import in_transaction

MOST = 1_000  # of one mailbox, whatever the limit
RANDOM = 10  # letters and digits of a name that nobody guesses: 49 bits
# Who gets mail for these is given a certificate for the domain, or is taken for its administrator (RFC 2142, CA/Browser Forum 3.2.2.4.4).
RESERVED = {
    *("abuse", "admin", "administrator", "daemon", "dmarc-reports", "ftp", "hostmaster", "it", "mailer-daemon", "news", "noc"),
    *("no-reply", "noreply", "nobody", "postmaster", "root", "security", "ssladmin", "ssladministrator", "sslwebmaster"),
    *("support", "sysadmin", "usenet", "uucp", "webmaster", "www"),
}  # fmt: skip


def limit_of(mailbox):
    """How many the mailbox may have: its own limit, or else that of its domain; 0 where neither is set."""
    rows = OwnAliasLimit.objects.filter(pk__in=[mailbox.pk, mailbox.domain_id])
    found = dict(rows.values_list("name", "most"))
    return found.get(mailbox.pk, found.get(mailbox.domain_id, 0))


def with_limit(mailboxes):
    """``own_limit`` as limit_of() has it, and ``has_own``, whether there are any, in the same statement."""
    limits = OwnAliasLimit.objects.values("most")
    of_mailbox = Subquery(limits.filter(pk=OuterRef("pk")))
    of_domain = Subquery(limits.filter(pk=OuterRef("domain")))
    own = OwnAlias.objects.filter(username=OuterRef("pk"))
    return mailboxes.annotate(own_limit=Coalesce(of_mailbox, of_domain, 0), has_own=Exists(own))


@in_transaction
def set_limit(*, actor, row, most):
    """``row`` is a Domain, for each of its mailboxes, or a Mailbox. ``most`` None: none, or for a mailbox as its domain has it."""
    domain = row.domain_id if isinstance(row, Mailbox) else row.pk
    if most is not None and not 0 <= most <= MOST:
        text = _("Enter a number from 0 to %(n)d.")
        raise ValidationError({"most": ValidationError(text, "most", {"n": MOST})})
    stored = OwnAliasLimit.objects.select_for_update().filter(pk=row.pk).first()
    old = stored and stored.most
    if old == most:
        return
    if most is None:
        stored.delete()
    else:
        OwnAliasLimit(name=row.pk, domain=domain, most=most).save()
    changes = {"own_aliases": [old, most]}
    LogEntry.objects.record(
        actor, "edit_own_aliases", domain=domain, target=row.pk, changes=changes
    )


@in_transaction
def create_own_alias(*, actor, local_part="", note="", last_day=None):
    """Make an alias of the mailbox ``actor`` and return it. Without a ``local_part`` it gets a name that nobody guesses.

    After ``last_day`` it is switched off. Holds RoutingLock: both limits hold under concurrency.
    """
    RoutingLock.hold()
    mailbox = Mailbox.objects.select_for_update().get(pk=actor.pk)
    domain, errors = mailbox.domain.fresh(), {}
    if limit_error := _limit_error(mailbox, domain):
        errors["limit"] = [limit_error]
    with collected(errors, "local_part"):
        name = _checked_name(local_part, domain) if local_part else _drawn(domain)
    refuse(errors)
    alias = services.create_alias(
        actor=actor, domain=domain, local_part=name, targets=[mailbox.pk], description=note
    )
    OwnAlias(address=alias.pk, username=mailbox.pk, domain=domain.pk).save(force_insert=True)
    if last_day is not None:
        set_ending(actor=actor, row=alias, last_day=last_day, action=OFF)
    return alias


def may_make(mailbox):
    return _limit_error(mailbox, mailbox.domain.fresh()) is None


def _limit_error(mailbox, domain):
    most = limit_of(mailbox)
    if OwnAlias.objects.filter(username=mailbox.pk).count() < most:
        if not domain.limit_error("aliases"):
            return None
        text = _("%(domain)s has all the aliases that it may have. Ask your administrator.")
        return ValidationError(text, "domain_limit", {"domain": domain})
    if not most:
        return ValidationError(_("You may not make addresses of your own."), "none_allowed")
    text = ngettext(
        "You have your %(n)d address already. Delete it first.",
        "You have your %(n)d addresses already. Delete one first.",
        most,
    )
    return ValidationError(text, "limit", {"n": most})


def _checked_name(text, domain):
    name = normalise_local_part(text)
    address = f"{name}@{domain.pk}"
    if name in RESERVED or name in settings.ROLE_ADDRESSES:
        text = _("%(name)s is a reserved name. Choose another one.")
        raise ValidationError(text, "reserved", {"name": name})
    if settings.RECIPIENT_DELIMITER in name:
        text = _("Mail for a name with “%(sign)s” goes to the name before it. Choose another one.")
        raise ValidationError(text, "delimiter", {"sign": settings.RECIPIENT_DELIMITER})
    if Alias.objects.filter(pk=address).exists() or Mailbox.objects.filter(pk=address).exists():
        text = _("%(address)s is taken. Choose another name.")
        raise ValidationError(text, "taken", {"address": display_address(address)})
    had = RetiredMaildir.objects.filter(username=address).exists()
    if had or has_its_maildir(name, domain.pk):
        # Else its mail could be had by whoever is the first to ask.
        text = _("%(address)s was somebody’s mailbox. Choose another name.")
        raise ValidationError(text, "was_mailbox", {"address": display_address(address)})
    return name


def _drawn(domain):
    while True:
        name = "".join(secrets.choice(LETTERS) for _n in range(RANDOM))
        if name[0].isalpha() and not Alias.objects.filter(pk=f"{name}@{domain.pk}").exists():
            return name


def aliases_of(mailbox):
    """The Alias rows of its own aliases, as they are now: another program, or an administrator, may have changed them.

    ``held`` as OwnAlias has it.
    """
    own = OwnAlias.objects.filter(username=mailbox.pk).values_list("address", flat=True)
    rows = Alias.objects.filter(pk__in=list(own[:MOST]), is_self_alias=False).order_by("pk")
    return rows.annotate(held=Exists(OwnAlias.objects.filter(pk=OuterRef("pk"), held=True)))


@in_transaction
def edit_own_alias(*, actor, address, note, last_day):
    """Change the note and the last day of one's own alias, None for no end. Raises Alias.DoesNotExist for any other one.

    What happens then stays as an administrator chose it.
    """
    RoutingLock.hold()
    alias = services.update_alias(
        actor=actor, alias=aliases_of(actor).get(pk=address), description=note
    )
    ending = Ending.objects.filter(pk=alias.pk).first()
    if last_day is None:
        remove_ending(actor=actor, row=alias)
    elif ending is None or ending.last_day != last_day:
        action = ending.action if ending else OFF
        set_ending(actor=actor, row=alias, last_day=last_day, action=action)
    return alias


@in_transaction
def update_own_alias(*, actor, address, **fields):
    """Change ``active`` of one's own alias. Raises Alias.DoesNotExist for any other one."""
    RoutingLock.hold()
    alias = aliases_of(actor).get(pk=address)
    if fields.get("active"):
        _refuse_held(alias)
    changed = services.update_alias(actor=actor, alias=alias, **fields)
    let_go(alias)
    return changed


@in_transaction
def delete_own_alias(*, actor, address):
    """Not one that is held: made again, it would be on."""
    RoutingLock.hold()
    alias = aliases_of(actor).get(pk=address)
    _refuse_held(alias)
    services.delete_alias(actor=actor, alias=alias)


def _refuse_held(alias):
    if alias.held and not alias.active:
        text = _("An administrator switched %(address)s off. Ask them to switch it on.")
        raise ValidationError(text, "held", {"address": alias})


def last_use(aliases):
    """{address: when mail for it came last}, as far as the delivery log goes back. No statement where there is no log."""
    if not settings.DELIVERY_LOGS or not aliases:
        return {}
    keys = DeliveryKey.objects.filter(
        domain=aliases[0].domain_id, address__in=[alias.pk for alias in aliases]
    )
    newest = dict(keys.values_list("address").annotate(newest=Max("delivery")))
    moments = dict(Delivery.objects.filter(pk__in=newest.values()).values_list("pk", "at"))
    return {address: moments[key] for address, key in newest.items() if key in moments}

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from aliases.models import Alias, page_of
from domains.models import Domain
from mailboxes.models import Mailbox
from panel.addresses import display_address, split_address
from panel.scoping import may_change_role_addresses, may_use_external_targets


def refuse_role_address(actor, local_part):
    """Only superadmins create role addresses: whoever reads their mail can get a TLS certificate."""
    if local_part in settings.ROLE_ADDRESSES and not may_change_role_addresses(actor):
        raise ValidationError(
            {
                "local_part": ValidationError(
                    _("%(name)s is a role address. Ask a superadmin to set it up."),
                    "role",
                    {"name": local_part},
                )
            }
        )


def refuse_own_whole_domain(targets, stored=()):
    """A catch-all may not lead to a whole domain of ours: that is an alias domain. ``stored`` targets stay."""
    kept = {target.lower() for target in stored}
    whole = [target for target in targets if target.startswith("@") and target not in kept]
    ours = Domain.objects.filter(pk__in=[target[1:] for target in whole]).first()
    if ours is not None:
        raise ValidationError(
            {
                "targets": ValidationError(
                    _(
                        "%(domain)s is a domain of this server. To send every name to the same"
                        " name there, make this domain an alias domain of it."
                    ),
                    "own_domain",
                    {"domain": ours},
                )
            }
        )


def refuse_external_targets(actor, targets, stored=()):
    if may_use_external_targets(actor):
        return
    new = set(targets) - {target.lower() for target in stored}
    domains = {target: split_address(target)[1] for target in targets if target in new}
    ours = set(Domain.objects.in_bulk(set(domains.values())))
    outside = [target for target in domains if domains[target] not in ours]
    if outside:
        raise ValidationError(
            {
                "targets": ValidationError(
                    _(
                        "%(target)s is an external address. Only a superadmin may forward mail"
                        " outside this server’s domains."
                    ),
                    "external",
                    {"target": display_address(outside[0])},
                )
            }
        )


def refuse_taken(address, *, wanted):
    # Every mailbox has an alias row, unless another program left it out.
    if Alias.objects.filter(pk=address).exists() or Mailbox.objects.filter(pk=address).exists():
        raise taken(address, wanted=wanted)


def refuse_itself(alias, targets, stored=()):
    """Refuse an alias that leads to itself: no mailbox has the address, unless the domain's next
    server knows it.

    Such a target that another program has ``stored`` beside others may stay.
    """
    kept = {target.lower() for target in stored} if len(targets) > 1 else set()
    if alias.address not in set(targets) - kept:
        return
    if alias.is_catch_all or alias.domain.ends_here:
        raise ValidationError(
            {
                "targets": ValidationError(
                    _(
                        "An alias cannot lead to itself, unless it is an address whose mail is"
                        " handed on to another server."
                    ),
                    "itself",
                )
            }
        )


def taken(address, *, wanted):
    """The error for an address in use; it says how to get what is ``wanted``, a mailbox or an alias.

    ``url`` among its params is the page of the row that has the address.
    """
    is_mailbox = Mailbox.objects.filter(pk=address).exists()
    messages = {
        (True, "mailbox"): _("%(address)s exists already: it is a mailbox. Choose another name."),
        (False, "mailbox"): _(
            "%(address)s exists already: it is an alias. Delete it first; its recipients can become the"
            " mailbox’s forwarding. Or choose another name."
        ),
        (True, "alias"): _(
            "%(address)s exists already: it is a mailbox. To send its mail on, use its forwarding, with a"
            " copy if mail is to stay there too. Or choose another name."
        ),
        (False, "alias"): _(
            "%(address)s exists already: it is an alias. Add the recipients there, or choose another name."
        ),
    }
    params = {"address": display_address(address), "url": page_of(address, is_mailbox)}
    return ValidationError(messages[is_mailbox, wanted], "taken", params)


def changed_since():
    return ValidationError(_("Somebody changed it since. It stays as it is."), "changed_since")

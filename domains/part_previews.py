"""What becomes of mail, and of what else, when an alias domain becomes a domain of its own: said before it is done."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Admin
from aliases.access import MEMBERS
from aliases.models import AliasTarget
from aliases.rename_previews import NAMED, Preview
from domains.dkim_keys import DKIMKey
from domains.parting import MOST, will_bounce
from panel.addresses import display_domain
from panel.formats import limit


def preview(parting, *, empty=False):
    """What ``part_alias_domain`` would do. ``parting`` is what ``check_parting`` returned."""
    link = parting.link
    said = Preview(display_domain(link.pk), _("a domain of its own"))
    params = {"old": said.old, "target": link.target_domain}
    if not link.active:
        text = _("It is off as an alias domain: no mail leads on by it, so %(old)s begins empty.")
        said.change(text % params)
    elif empty:
        _say_what_bounces(said, link, params)
    else:
        _say_of_aliases(said, parting, params)
    _say_of_senders(said, parting, params, empty=empty)
    _say_of_limits(said, link, params)
    text = _("What is created in %(target)s later has no name in %(old)s. New addresses are made there.")  # fmt: skip
    said.stay(text % params)
    if not empty and parting.aliases:
        text = _("Whoever is away answers mail to the name of the mailbox, no longer mail to %(old)s that reaches it by another alias.")  # fmt: skip
        said.stay(text % params)
    return said


def _say_of_aliases(said, parting, params):
    plain = [alias for alias in parting.aliases if not alias.pk.startswith("@")]
    lists = [alias for alias in plain if alias.access == MEMBERS]
    if plain:
        text = ngettext(
            "%(n)d alias is made, which leads to the same name in %(target)s. Mail goes on as it does now:",
            "%(n)d aliases are made, each of which leads to the same name in %(target)s. Mail goes on as it does now:",
            len(plain),
        )
        said.change(text % (params | {"n": len(plain)}), [alias.pk for alias in plain])
    else:
        said.change(_("No alias is needed: %(target)s has no address.") % params)
    for alias in parting.aliases:
        if alias.pk.startswith("@"):
            text = _("All other mail goes where the catch-all of %(target)s leads, by one of its own:")  # fmt: skip
            said.change(text % params, alias.targets)
    if lists:
        text = _("Lists for their members alone get the same recipients. Who is added to the one in %(target)s later is none here:")  # fmt: skip
        said.change(text % params, [alias.pk for alias in lists])
    if parting.endings:
        text = _("Have the last day that the one in %(target)s has:")
        said.change(text % params, [ending.pk for ending in parting.endings])
    if off := [alias.pk for alias in plain if not alias.active]:
        said.change(_("Off, as the address that they lead to:"), off)
    if parting.own:
        text = ngettext(
            "%(n)d address that it has already stays as it is.",
            "%(n)d addresses that it has already stay as they are.",
            parting.own,
        )
        said.change(text % {"n": parting.own})


def _say_what_bounces(said, link, params):
    found = will_bounce(link)
    if not found:
        said.change(_("No mail goes through it now, so none is refused."))
        return
    count = f"> {MOST}" if len(found) > MOST else len(found)
    text = ngettext(
        "Mail to %(n)s address of %(old)s is refused from then on:",
        "Mail to %(n)s addresses of %(old)s is refused from then on:",
        len(found),
    )
    named = [name for name in found if not name.startswith("@")]
    if named:
        said.change(text % (params | {"n": count}), named)
    if len(named) < len(found):
        text = _("So is all other mail to %(old)s, which the catch-all of %(target)s takes now.")
        said.change(text % params)
    leading = AliasTarget.objects.filter(domain=link.pk, unmatched=True).order_by("alias")
    if leading := list(leading.values_list("alias", flat=True)[: NAMED + 1]):
        said.change(_("Aliases that lead to such an address reach nobody by it:"), leading)


def _say_of_senders(said, parting, params, *, empty):
    if empty:
        text = _("Who sends as a name in %(old)s because of %(target)s may do so no longer.")
        said.change(text % params)
    elif parting.senders:
        text = ngettext(
            "%(n)d right to send as a name in %(old)s is written down, so that nobody loses it:",
            "%(n)d rights to send as a name in %(old)s are written down, so that nobody loses one:",
            len(parting.senders),
        )
        names = [username for username, _sender in parting.senders]
        said.change(text % (params | {"n": len(parting.senders)}), names)


def _say_of_limits(said, link, params):
    domain = link.alias_domain
    text = _("Its limits are those that it has: mailboxes %(mailboxes)s, aliases %(aliases)s.")
    shown = {"mailboxes": limit(domain.mailboxes), "aliases": limit(domain.aliases)}
    said.change(text % shown)
    if admins := list(Admin.objects.names_at(domain)):
        said.change(_("It is managed by those who manage it now, and by superadmins:"), admins)
    else:
        said.change(_("Superadmins alone manage it, until it has an administrator."))
    if DKIMKey.objects.filter(domain_name=link.pk).exists():
        said.change(_("Its DKIM keys go on signing."))
    text = _("Relay host, copies, rules about senders and its DNS are its own, and stay.")
    said.change(text)

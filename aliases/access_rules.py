"""What may be said of who writes to an alias, and the numbers of those for members only."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from aliases.access import CLOSED, CLOSED_TEXT, EVERYBODY, MAX_TEXT, MEMBERS, MOVED
from aliases.models import Alias, is_role_address
from aliases.referrers import with_alias_domain_names
from domains.sender_lists import MEMBER_LISTS
from panel.addresses import normalise_address, without_extension
from panel.changes import collected, refuse


def checked_access(alias):
    """The text that belongs to ``access``: what senders are told, or the new address."""
    access, text = alias.access, alias.access_text.strip()
    if access == EVERYBODY:
        return ""
    if alias.is_catch_all:
        raise _error("access", _("A catch-all takes mail from everybody."), "catch_all")
    if is_role_address(alias.address):
        role = _("Everybody must be able to write to %(address)s, which is a role address.")
        raise _error("access", role, "role", address=alias)
    if access == CLOSED:
        return _checked_text(text)
    if access == MOVED:
        return _checked_new_address(alias, text)
    return ""


def _checked_text(text):
    if len(text) > MAX_TEXT or not (text.isascii() and text.isprintable()):
        plain = _("Postfix takes at most %(n)d characters of plain ASCII in one line.")
        raise _error("access_text", plain, "invalid", n=MAX_TEXT)
    return text or CLOSED_TEXT


def _checked_new_address(alias, text):
    if not text:
        raise _error("access_text", _("Enter the address that it has moved to."), "required")
    errors = {}
    with collected(errors, "access_text"):
        text = normalise_address(text)
    refuse(errors)
    if _is_itself(alias, text):
        raise _error("access_text", _("That is the address itself."), "itself")
    return text


def _is_itself(alias, text):
    """With an extension that has no name of its own, and as its name in an alias domain, an address is the same."""
    names = with_alias_domain_names([alias.address])
    if text in names:
        return True
    return without_extension(text) in names and not Alias.objects.filter(pk=text).exists()


def refuse_name_it_moved_to(new):
    if new.access == MOVED and _is_itself(new, new.access_text):
        text = _("This alias has moved to %(address)s, so it cannot have that name.")
        raise ValidationError(text, "itself", {"address": new})


def list_number(alias):
    """The number by which main.cf asks for the members, or None if it is not for them only. The caller holds RoutingLock."""
    if alias.access != MEMBERS:
        return None
    if alias.access_list:
        return alias.access_list
    used = Alias.objects.exclude(access_list=None).values_list("access_list", flat=True)
    free = set(range(1, MEMBER_LISTS + 1)) - set(used)
    if not free:
        text = _("%(n)d aliases of this server are for their members only, and Postfix is set up for no more.")  # fmt: skip
        raise _error("access", text, "no_list", n=MEMBER_LISTS)
    return min(free)


def _error(field, text, code, **values):
    return ValidationError({field: ValidationError(text, code, values)})

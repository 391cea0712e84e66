"""What an administrator may do in a domain, ``{domain: role}``, as forms and programs say it."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from panel.addresses import lookup_key
from panel.rights import FULL, ROLES


def keyed(roles):
    return {lookup_key(str(domain)): role for domain, role in roles.items()}


def narrowed(roles):
    return {domain: role for domain, role in keyed(roles).items() if role != FULL}


def check_roles(roles, names):
    if unknown := sorted({str(role) for role in roles.values()} - ROLES.keys()):
        raise ValidationError(
            _("There is no role %(role)s. They are: %(roles)s."),
            "unknown_role",
            {"role": unknown[0], "roles": ", ".join(ROLES)},
        )
    refuse_unassigned(keyed(roles).keys() - names)


def told_roles(roles):
    """As the log has them."""
    return [f"{domain}: {role}" for domain, role in sorted(roles.items())]


def refuse_unassigned(names):
    if others := sorted(names):
        raise ValidationError(
            _("Not assigned: %(names)s. Correct the name, or leave it out."),
            "not_assigned",
            {"names": ", ".join(others[:10])},
        )

"""Every action that the log knows, in PostfixAdmin's words, and as a sentence about its {object}."""

from typing import NamedTuple

from django.utils.translation import gettext_lazy as _


class Action(NamedTuple):
    words: str
    # Of an action that only changes the state; ``words`` is for an entry that does not say which one.
    activated: str = ""
    deactivated: str = ""
    written: bool = True  # by us; PostfixAdmin writes the others


ACTIONS = {
    "create_domain": Action(_("Created domain {object}")),
    "edit_domain": Action(_("Changed domain {object}")),
    "delete_domain": Action(_("Deleted domain {object}")),
    "create_mailbox": Action(_("Created mailbox {object}")),
    "edit_mailbox": Action(_("Changed mailbox {object}")),
    "delete_mailbox": Action(_("Deleted mailbox {object}")),
    "create_alias": Action(_("Created alias {object}")),
    "edit_alias": Action(_("Changed alias {object}")),
    "delete_alias": Action(_("Deleted alias {object}")),
    "create_alias_domain": Action(_("Created alias domain {object}")),
    "edit_alias_domain": Action(_("Changed alias domain {object}")),
    "delete_alias_domain": Action(_("Deleted alias domain {object}")),
    "create_admin": Action(_("Created administrator {object}")),
    "edit_admin": Action(_("Changed administrator {object}")),
    "delete_admin": Action(_("Deleted administrator {object}")),
    "edit_mailbox_state": Action(
        _("Changed the state of mailbox {object}"),
        activated=_("Switched on mailbox {object}"),
        deactivated=_("Switched off mailbox {object}"),
    ),
    "edit_alias_state": Action(
        _("Changed the state of alias {object}"),
        activated=_("Switched on alias {object}"),
        deactivated=_("Switched off alias {object}"),
    ),
    "edit_alias_domain_state": Action(
        _("Changed the state of alias domain {object}"),
        activated=_("Switched on alias domain {object}"),
        deactivated=_("Switched off alias domain {object}"),
    ),
    "edit_password": Action(_("Set a new password for {object}")),
    "edit_domain_state": Action(
        _("Changed the state of domain {object}"),
        activated=_("Switched on domain {object}"),
        deactivated=_("Switched off domain {object}"),
        written=False,
    ),
    "edit_admin_state": Action(
        _("Changed the state of administrator {object}"),
        activated=_("Switched on administrator {object}"),
        deactivated=_("Switched off administrator {object}"),
        written=False,
    ),
}

WRITTEN = tuple(name for name, action in ACTIONS.items() if action.written)


def name_and_client(stored):
    """Part what an entry says of who acted, such as ``ann@example.org (192.0.2.7)``."""
    name, _bracket, client = stored.partition(" (")
    return name, client.rstrip(")")

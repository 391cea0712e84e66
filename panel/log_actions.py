"""Every action that the log knows, in PostfixAdmin's words, and as a sentence about its {object}."""

from typing import NamedTuple

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

SIGN_INS, MAILBOXES, ALIASES, DOMAINS, ADMINS = "sign-in", "mailbox", "alias", "domain", "admin"


class Action(NamedTuple):
    kind: str
    words: str
    many: str = ""  # of several in a row, with their number
    # Of an action that only changes the state; ``words`` is for an entry that does not say which one.
    activated: str = ""
    deactivated: str = ""
    written: bool = True  # by us; PostfixAdmin writes the others


ACTIONS = {
    "login": Action(SIGN_INS, _("{object} signed in")),
    "login_failed": Action(SIGN_INS, _("A wrong password for {object}")),
    "login_unknown": Action(
        SIGN_INS, _("Somebody tried to sign in with an address that does not exist")
    ),
    "create_domain": Action(
        DOMAINS,
        _("Created domain {object}"),
        ngettext_lazy("Created %(n)d domain", "Created %(n)d domains", "n"),
    ),
    "edit_domain": Action(
        DOMAINS,
        _("Changed domain {object}"),
        ngettext_lazy("Changed %(n)d domain", "Changed %(n)d domains", "n"),
    ),
    "delete_domain": Action(
        DOMAINS,
        _("Deleted domain {object}"),
        ngettext_lazy("Deleted %(n)d domain", "Deleted %(n)d domains", "n"),
    ),
    "publish_dns": Action(DOMAINS, _("Published DNS records of {object}")),
    "create_mailbox": Action(
        MAILBOXES,
        _("Created mailbox {object}"),
        ngettext_lazy("Created %(n)d mailbox", "Created %(n)d mailboxes", "n"),
    ),
    "edit_mailbox": Action(
        MAILBOXES,
        _("Changed mailbox {object}"),
        ngettext_lazy("Changed %(n)d mailbox", "Changed %(n)d mailboxes", "n"),
    ),
    "edit_forwarding": Action(
        MAILBOXES,
        _("Changed the forwarding of {object}"),
        ngettext_lazy(
            "Changed the forwarding of %(n)d mailbox",
            "Changed the forwarding of %(n)d mailboxes",
            "n",
        ),
    ),
    "delete_mailbox": Action(
        MAILBOXES,
        _("Deleted mailbox {object}"),
        ngettext_lazy("Deleted %(n)d mailbox", "Deleted %(n)d mailboxes", "n"),
    ),
    "create_alias": Action(
        ALIASES,
        _("Created alias {object}"),
        ngettext_lazy("Created %(n)d alias", "Created %(n)d aliases", "n"),
    ),
    "edit_alias": Action(
        ALIASES,
        _("Changed alias {object}"),
        ngettext_lazy("Changed %(n)d alias", "Changed %(n)d aliases", "n"),
    ),
    "delete_alias": Action(
        ALIASES,
        _("Deleted alias {object}"),
        ngettext_lazy("Deleted %(n)d alias", "Deleted %(n)d aliases", "n"),
    ),
    "create_alias_domain": Action(DOMAINS, _("Created alias domain {object}")),
    "edit_alias_domain": Action(DOMAINS, _("Changed alias domain {object}")),
    "delete_alias_domain": Action(DOMAINS, _("Deleted alias domain {object}")),
    "create_admin": Action(ADMINS, _("Created administrator {object}")),
    "edit_admin": Action(ADMINS, _("Changed administrator {object}")),
    "delete_admin": Action(ADMINS, _("Deleted administrator {object}")),
    "edit_mailbox_state": Action(
        MAILBOXES,
        _("Changed the state of mailbox {object}"),
        activated=_("Switched on mailbox {object}"),
        deactivated=_("Switched off mailbox {object}"),
    ),
    "edit_alias_state": Action(
        ALIASES,
        _("Changed the state of alias {object}"),
        activated=_("Switched on alias {object}"),
        deactivated=_("Switched off alias {object}"),
    ),
    "edit_alias_domain_state": Action(
        DOMAINS,
        _("Changed the state of alias domain {object}"),
        activated=_("Switched on alias domain {object}"),
        deactivated=_("Switched off alias domain {object}"),
    ),
    # Of a mailbox, or of an administrator, whose entries have no domain.
    "edit_password": Action(MAILBOXES, _("Set a new password for {object}")),
    "edit_domain_state": Action(
        DOMAINS,
        _("Changed the state of domain {object}"),
        activated=_("Switched on domain {object}"),
        deactivated=_("Switched off domain {object}"),
        written=False,
    ),
    "edit_admin_state": Action(
        ADMINS,
        _("Changed the state of administrator {object}"),
        activated=_("Switched on administrator {object}"),
        deactivated=_("Switched off administrator {object}"),
        written=False,
    ),
}

# Several switched on or off in a row, of those kinds that people switch by the dozen.
SWITCHED = {
    ("edit_mailbox_state", True): ngettext_lazy(
        "Switched on %(n)d mailbox", "Switched on %(n)d mailboxes", "n"
    ),
    ("edit_mailbox_state", False): ngettext_lazy(
        "Switched off %(n)d mailbox", "Switched off %(n)d mailboxes", "n"
    ),
    ("edit_alias_state", True): ngettext_lazy(
        "Switched on %(n)d alias", "Switched on %(n)d aliases", "n"
    ),
    ("edit_alias_state", False): ngettext_lazy(
        "Switched off %(n)d alias", "Switched off %(n)d aliases", "n"
    ),
}
WRITTEN = tuple(name for name, action in ACTIONS.items() if action.written)


def of_kind(kind):
    """The actions of a kind; a new password may be an administrator's."""
    names = [name for name, action in ACTIONS.items() if action.kind == kind]
    return (*names, "edit_password") if kind == ADMINS else tuple(names)


def name_and_client(stored):
    """Part what an entry says of who acted, such as ``ann@example.org (192.0.2.7)``."""
    name, _bracket, client = stored.partition(" (")
    return name, client.rstrip(")")

"""What an API token or a page may do: each right by its name, and in words; and which of them a role has. Who has which: panel/scoping.py."""

from django.utils.translation import gettext_lazy as _

RIGHTS = {
    "domains:read": _("See domains"),
    "domains:write": _("Create, change and delete domains"),
    "domains:rename": _("Rename and join domains, and part alias domains"),
    "relay-hosts:write": _("Change relay hosts of domains"),
    "mailboxes:read": _("See mailboxes"),
    "mailboxes:write": _("Create, change, rename and delete mailboxes"),
    "mailboxes:password": _("Set passwords of mailboxes, and invite to set them"),
    "mailboxes:sessions": _("End sessions of mailboxes"),
    "mailboxes:factor": _("Reset second factors of mailboxes"),
    "mailboxes:sign-in": _("Make links that sign in to mailboxes"),
    "forwarding:read": _("See forwarding"),
    "forwarding:write": _("Change forwarding"),
    "away-messages:read": _("See away messages"),
    "away-messages:write": _("Change away messages"),
    "fetching:read": _("See from where mail is fetched"),
    "fetching:write": _("Change from where mail is fetched"),
    "send-as:read": _("See who may send as which address"),
    "send-as:write": _("Change who may send as which address"),
    "sharing:read": _("See who opens shared mailboxes"),
    "sharing:write": _("Change who opens shared mailboxes"),
    "sign-ins:read": _("See sign-ins to mailboxes"),
    "app-passwords:read": _("See app passwords"),
    "app-passwords:write": _("Revoke app passwords"),
    "aliases:read": _("See aliases and catch-alls"),
    "aliases:write": _("Create, change and delete aliases and catch-alls"),
    "own-addresses:read": _("See the addresses that users made"),
    "own-addresses:write": _("Make, change and delete addresses of one’s own"),
    "own-addresses:limit": _("Change how many addresses users may make"),
    "alias-domains:read": _("See alias domains"),
    "alias-domains:write": _("Create, change and delete alias domains"),
    "deleted:read": _("See what was deleted and can be restored"),
    "deleted:write": _("Restore what was deleted"),
    "deleted:remove": _("Remove for good what was deleted"),
    "copies:read": _("See copies of mail (BCC)"),
    "copies:write": _("Change copies of mail (BCC)"),
    "sender-rules:read": _("See rules about senders to domains"),
    "sender-rules:write": _("Change rules about senders to domains"),
    "imports:read": _("See files that are imported"),
    "imports:write": _("Import files: of what the token may create, too"),
    "dns:read": _("See the DNS and the signing keys of domains"),
    "dns:write": _("Say that MX records are meant"),
    "dkim:write": _("Make, choose and delete signing keys"),
    "administrators:read": _("See administrators"),
    "administrators:write": _("Create, change and delete administrators"),
    "administrators:factor": _("Reset second factors of administrators"),
    "administrators:sign-in": _("Make links that sign in to administrators"),
    "server:read": _("See refused networks, and rules about senders to the whole server"),
    "server:write": _("Let networks in again, and change those rules"),
    "usage:read": _("See how much storage is used"),
    "deliveries:read": _("See the delivery log"),
    "log:read": _("See the log"),
    "trace:read": _("See where mail for an address goes"),
    "webhooks:read": _("See the webhooks of this account"),
    "webhooks:write": _("Change webhooks of this account, which are told what the log says"),
    "tokens:read": _("See the API tokens of this account"),
    "tokens:write": _("Revoke API tokens of this account"),
}
OF_SUPERADMINS_ALONE = {
    *("domains:write", "domains:rename", "relay-hosts:write", "administrators:read"),
    *("administrators:write", "administrators:sign-in"),
    *("administrators:factor", "dkim:write", "server:read", "server:write", "deleted:remove"),
}
# Of superadmins' rights, those that resellers have for their own domains.
OF_RESELLERS = {"domains:write"}
OF_MAILBOX_USERS_ALONE = {"own-addresses:write"}
# About the own mailbox alone.
OF_MAILBOX_USERS = OF_MAILBOX_USERS_ALONE | {
    *("mailboxes:read", "forwarding:read", "forwarding:write", "usage:read"),
    *("away-messages:read", "away-messages:write", "send-as:read", "send-as:write"),
    *("sharing:read", "sharing:write", "sign-ins:read", "own-addresses:read"),
    *("app-passwords:read", "app-passwords:write", "deliveries:read"),
    *("fetching:read", "fetching:write", "tokens:read", "tokens:write"),
}


def is_reading(right):
    return right is not None and right.endswith(":read")


# What somebody may do in a domain, below a domain admin: table domain_role. FULL is the domain admin, who has no row there.
FULL, ALIASES, PASSWORDS, READ = "full", "aliases", "passwords", "read"
ROLES = {
    FULL: _("Everything"),
    ALIASES: _("Aliases"),
    PASSWORDS: _("Passwords"),
    READ: _("Nothing, only see"),
}
# Besides seeing, each of them has what is about the own account.
OF_EVERY_ROLE = set(filter(is_reading, RIGHTS))
OF_EVERY_ROLE |= {"tokens:write", "webhooks:write"}
OF_ROLES = {
    ALIASES: {"aliases:write"},
    PASSWORDS: {"mailboxes:password", "mailboxes:sessions", "mailboxes:factor"},
    READ: set(),
}


# One of these is needed to write such an entry into the log, in the domain that it is about; what is not here takes a domain admin.
_OF_PASSWORDS = ("mailboxes:password",)
_OF_ALIASES = ("aliases:write",)
OF_ACTIONS = {
    **dict.fromkeys(("edit_password", "invite", "withdraw_invitation"), _OF_PASSWORDS),
    "end_sessions": ("mailboxes:sessions",),
    "end_factor": ("mailboxes:factor",),
    **dict.fromkeys(("create_alias", "edit_alias_state"), _OF_ALIASES),
    **dict.fromkeys(("rename_alias", "delete_alias"), _OF_ALIASES),
}
# These may follow, in any domain, from what is done to an address.
FOLLOWING = {
    *("edit_alias", "edit_forwarding", "set_ending", "remove_ending"),
    *("edit_copies_to", "edit_copies_from", "edit_send_as", "edit_share"),
}


def is_in_role(right, role):
    """Whether ``role`` has ``right``; one that nobody knows is the least, and what names no right needs a domain admin."""
    return role == FULL or right in OF_EVERY_ROLE or right in OF_ROLES.get(role, ())

"""Who may read and who may change what. Nothing else in the code tests a role."""

from copy import copy

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import models

from panel.addresses import lookup_keys
from panel.rights import (
    FOLLOWING,
    FULL,
    OF_ACTIONS,
    OF_EVERY_ROLE,
    OF_MAILBOX_USERS,
    OF_MAILBOX_USERS_ALONE,
    OF_RESELLERS,
    OF_SUPERADMINS_ALONE,
    RIGHTS,
    is_in_role,
)


def starts_with(field, text):
    """The Q of rows whose ``field``, a KeyField, begins with ``text``.

    A range, for which MariaDB reads the index; Django's ``__startswith`` becomes LIKE BINARY, for which
    it reads everything.
    """
    return models.Q(**{f"{field}__gte": text, f"{field}__lt": text + "\U0010ffff"})


def starts_with_name(text):
    ways = models.Q()
    for name in lookup_keys(text):
        ways |= starts_with("username", name)
    return ways


def role_in(account, domain):
    """What ``account``, an administrator, may do in a domain of theirs: one of panel.rights.ROLES."""
    return account.domain_roles.get(domain, FULL)


def managed_by(account):
    """Those of a domain admin's domains in which the role has ``account.right``: what the page or the operation does.

    None is the right of a domain admin.
    """
    names = account.scope_domains
    if not names or not account.domain_roles:
        return names
    return tuple([name for name in names if is_in_role(account.right, role_in(account, name))])


def acting(account, right):
    """``account`` on a page, or in an operation, that needs ``right``; the command line is None and needs none."""
    if account is None or account.right == right:
        return account
    if account.is_domain_admin:
        account.domain_names  # noqa: B018  the copy reads it with its own statement otherwise
    there = copy(account)
    there.right = right
    return there


def may(account, right, domain):
    """Whether ``account``, None for the command line or an administrator, may do in ``domain`` what needs ``right``."""
    if account is None or account.is_superadmin:
        return True
    if not account.is_active or not account.is_domain_admin or domain not in account.domain_names:
        return False
    return is_in_role(right, role_in(account, domain))


def may_anywhere(account, right):
    """Whether there is a domain for which ``may()`` is true; an administrator without domains sees the pages, empty."""
    if account is None or account.is_superadmin or not account.domain_roles:
        return True
    return bool(acting(account, right).managed_names)


def refuse_beyond_role(account, action, domain):
    """Raise PermissionDenied where the role of ``account`` in ``domain`` does not let it write this into the log.

    So what a service does is refused, too, whoever called it. What follows elsewhere from what was done needs a right to do something
    to addresses anywhere.
    """
    if not domain or account is None or not account.is_domain_admin:
        return
    if domain not in account.domain_roles:
        return
    if action in FOLLOWING:
        if not may_anywhere(account, "aliases:write"):
            raise PermissionDenied
    elif not any(may(account, right, domain) for right in OF_ACTIONS.get(action, [None])):
        raise PermissionDenied


class ScopedQuerySet(models.QuerySet):
    """Rows that belong to a mail domain.

    ``domain_lookup`` leads from the model to the domain's name; ``owner_lookup`` to the login name of
    the mailbox user who owns the row, if any. ``domain_first``: the list's index begins with the domain.
    """

    domain_lookup = "domain"
    owner_lookup = None
    domain_first = False

    def manageable_by(self, account):
        """What ``account`` may change on the page, or in the operation, that it is on: see ``managed_by()``."""
        return self.in_domains(account, account.managed_names)

    def in_domains(self, account, names):
        if not account.is_active:
            return self.none()
        if account.is_superadmin:
            return self.all()
        if account.is_domain_admin:
            if self.domain_first and len(names) == 1:
                return self.within(names[0])
            # Names, not a subquery: the list stays in index order and stops at its page's end.
            return self.filter(**{f"{self.domain_lookup}__in": names})
        return self.none()

    def within(self, domain):
        """Rows of one domain, to be listed by domain.

        A range of one value: with an equal sign, MariaDB drops the domain from the order and, if the domain
        holds many of all rows, walks the primary key until it meets the first of them.
        """
        return self.filter(
            **{f"{self.domain_lookup}__gte": domain, f"{self.domain_lookup}__lte": domain}
        )

    def visible_to(self, account):
        if account.is_active and account.is_mailbox_user and self.owner_lookup:
            return self.filter(**{self.owner_lookup: account.username})
        return self.in_domains(account, account.scope_domains)

    def open_to(self, account):
        """What the account sees where its role has the right of the operation: that may be one to see, or to change."""
        if account.is_mailbox_user:
            return self.visible_to(account)
        return self.in_domains(account, account.managed_names)


class SuperadminQuerySet(ScopedQuerySet):
    def in_domains(self, account, names):
        return self.all() if account.is_active and account.is_superadmin else self.none()


def sees_all_domains(account):
    """``account`` None is the command line. An admin without domains sees none, though nothing names what to leave out."""
    return account is None or account.is_superadmin


def domains_in_sight(account, names):
    """Those of ``names``, domains of ours, about which ``account`` may be told. Costs no statement.

    A mailbox user's is their own; None, the command line, may be told about all.
    """
    if account is not None and not account.is_active:
        return set()
    if sees_all_domains(account):
        return set(names)
    own = {account.domain_id} if account.is_mailbox_user else set(account.domain_names)
    return own & set(names)


def domains_managed(account, names):
    """Those of ``names`` in which ``account`` may do what it is doing (``account.right``), of domains in its sight."""
    seen = domains_in_sight(account, names)
    if account is None or account.is_superadmin or account.is_mailbox_user:
        return seen
    return seen & set(account.managed_names)


def may_change_role_addresses(account):
    """``account`` None is the command line.

    Who reads mail for postmaster@ and the like can get a TLS certificate for the domain.
    """
    # Without ROLE_ADDRESSES nothing is restricted; excluding an empty Q would exclude all rows.
    protected = settings.ROLE_ADDRESSES_PROTECTED and settings.ROLE_ADDRESSES
    return account is None or account.is_superadmin or not protected


def may_use_external_targets(account):
    return account is None or account.is_superadmin or settings.EXTERNAL_TARGETS


def may_broadcast(account):
    if account is None:
        return True
    allowed = account.is_superadmin or settings.DOMAIN_ADMINS_BROADCAST
    return may_open(acting(account, None)) and allowed


def may_send_tests(account, domain):
    """To an address that reaches them: of a domain whose role is less, nobody sends one."""
    if account is None or account.is_superadmin or domain not in account.domain_roles:
        return True
    return may(account, None, domain)


def may_bring_hashes(account):
    return account is None or account.is_superadmin


def may_set_sending_limits(account):
    return account is None or account.is_superadmin


def may_create_domains(account):
    """Within the budget, if it is a reseller's: domains/resellers.py. A token that is limited to domains makes no others."""
    if account is None:
        return True
    resells = account.is_reseller and account.token_domains is None
    return account.is_active and (account.is_superadmin or resells)


def resells(account, domain):
    """Whether ``account`` may change the limits of ``domain``, switch it and delete it. Nobody resells where the role is less than full."""
    if not account.is_active:
        return False
    own = account.is_reseller and domain.reseller == account.username
    return account.is_superadmin or (own and domain.pk in resellable_names(account))


def resellable_names(account):
    roles = account.domain_roles
    return [name for name in account.domain_names if name not in roles]


def may_open(account, *, superadmins_only=False, resellers_too=False):
    """Whether there is such a page for ``account`` at all; ``account.right`` is the page's."""
    if not account.is_active:
        return False
    if superadmins_only and resellers_too and account.is_reseller:
        return True
    if superadmins_only or not account.is_domain_admin:
        return account.is_superadmin
    return may_anywhere(account, account.right)


def rights_of(account):
    """The names of all that an API token of ``account`` can be given (panel/rights.py)."""
    return {right for right in _rights_of_kind(account) if has_right(account, right)}


def has_right(account, right):
    """Whether it is one of ``rights_of()``; that of whoever sees something costs no statement."""
    if right not in _rights_of_kind(account):
        return False
    if account.is_mailbox_user or right in OF_EVERY_ROLE or right in OF_RESELLERS:
        return True
    return may_anywhere(account, right)


def _rights_of_kind(account):
    if not account.is_active:
        return set()
    if account.is_mailbox_user:
        return OF_MAILBOX_USERS
    rights = RIGHTS.keys() - OF_MAILBOX_USERS_ALONE
    if account.is_superadmin:
        return rights
    return (rights - OF_SUPERADMINS_ALONE) | (OF_RESELLERS if account.is_reseller else set())

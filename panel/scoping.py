"""Who may read and who may change what. Nothing else in the code tests a role."""

from django.conf import settings
from django.db import models

from panel.addresses import lookup_keys
from panel.rights import (
    OF_MAILBOX_USERS,
    OF_MAILBOX_USERS_ALONE,
    OF_RESELLERS,
    OF_SUPERADMINS_ALONE,
    RIGHTS,
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


class ScopedQuerySet(models.QuerySet):
    """Rows that belong to a mail domain.

    ``domain_lookup`` leads from the model to the domain's name; ``owner_lookup`` to the login name of
    the mailbox user who owns the row, if any. ``domain_first``: the list's index begins with the domain.
    """

    domain_lookup = "domain"
    owner_lookup = None
    domain_first = False

    def manageable_by(self, account):
        if not account.is_active:
            return self.none()
        if account.is_superadmin:
            return self.all()
        if account.is_domain_admin:
            names = account.domain_names
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
        return self.manageable_by(account)


class SuperadminQuerySet(ScopedQuerySet):
    def manageable_by(self, account):
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
    return may_open(account) and allowed


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
    """Whether ``account`` may change the limits of ``domain``, switch it and delete it."""
    if not account.is_active:
        return False
    own = account.is_reseller and domain.reseller == account.username
    return account.is_superadmin or (own and domain.pk in account.domain_names)


def may_open(account, *, superadmins_only=False, resellers_too=False):
    if not account.is_active:
        return False
    if superadmins_only and resellers_too and account.is_reseller:
        return True
    return account.is_superadmin or (account.is_domain_admin and not superadmins_only)


def rights_of(account):
    """The names of all that an API token of ``account`` can be given (panel/rights.py)."""
    if not account.is_active:
        return set()
    if account.is_mailbox_user:
        return {*OF_MAILBOX_USERS}
    rights = RIGHTS.keys() - OF_MAILBOX_USERS_ALONE
    if account.is_superadmin:
        return rights
    return (rights - OF_SUPERADMINS_ALONE) | (OF_RESELLERS if account.is_reseller else set())

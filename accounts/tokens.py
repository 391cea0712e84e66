"""API tokens: what programs act with in the name of an account. Made on its page alone, shown once, stored as a SHA-256.

A token belongs to one account and never may more than it: account_of() returns that account, narrowed, and everything
else asks it as it asks whoever is signed in.
"""

import hashlib
import re
import secrets
import string
from contextlib import suppress
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import Error
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import factors, totp
from accounts.backends import active_account
from accounts.identity import must_set_password
from accounts.letters import tell_of_factor
from accounts.models import ApiToken
from accounts.throttle import address_of
from accounts.validity import end_of, read_networks
from domains.models import Domain
from panel.addresses import lookup_key
from panel.changes import collected, refuse
from panel.prepared import prepared
from panel.rights import RIGHTS
from panel.scoping import domains_in_sight, rights_of
from panel.transactions import in_transaction

PREFIX = "mailadmin_"  # by which programs that search for secrets know it
LENGTH = 43  # letters and digits: 256 bits
MOST = 50  # of one account
MOST_DOMAINS = 200
USED_EVERY = timedelta(minutes=1)  # last_used is not written more often
_LETTERS = string.ascii_letters + string.digits
_MADE = re.compile(rf"{PREFIX}[A-Za-z0-9]{{{LENGTH}}}")


def drawn():
    return PREFIX + "".join(secrets.choice(_LETTERS) for _n in range(LENGTH))


def offer(account):
    """A text for a form, which nobody else can read or make: the same form sent twice makes one token, and shows it twice."""
    return totp.offer(account, drawn())


def offered(account, text):
    """The token of an offer to this account, or None if it is too old or another's."""
    found = totp.offered(account, text)
    return found[0] if found and _MADE.fullmatch(found[0]) else None


def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


def is_used(token):
    return ApiToken.objects.filter(digest=digest(token)).exists()


@in_transaction
def make_token(*, actor, token, name, rights, domains="", networks="", until=None, code=""):
    """Let ``token``, which drawn() made, act for ``actor``; return the row. The person is told by mail.

    ``domains`` and ``networks`` are texts, "" for all; ``until`` is the last day, or None. An actor who has a second factor says
    a ``code`` of it. The caller has asked for the password.
    """
    if not _MADE.fullmatch(token):
        raise ValueError("not a token that drawn() made")
    account = factors.lock(actor)
    row = check_token(
        actor=account, name=name, rights=rights, domains=domains, networks=networks, until=until
    )
    if is_used(token):
        raise ValidationError(_("This token was made already."), "used")
    if factors.is_on(account):
        factors.use_in_form(account, code)
    row.digest, row.created = digest(token), timezone.now()
    row.save(force_insert=True)
    _record(actor, "create_token", account, row)
    tell_of_factor(account, "token", ip=actor.client_ip, name=row.name)
    return row


def check_token(*, actor, name=None, rights=None, domains=None, networks=None, until=None):
    """Return the unsaved row. Raises all errors at once; an argument that is None is not checked."""
    errors, row = {}, ApiToken(kind=actor.account_kind, username=actor.pk)
    if ApiToken.objects.of(actor).count() >= MOST:
        too_many = _("There are %(n)d already. Revoke those that nobody uses.")
        errors["name"] = ValidationError(too_many, "too_many", {"n": MOST})
    if name is not None:
        row.name = " ".join(name.split())
        if not row.name or len(row.name) > 60 or re.search(r"[(),]", row.name):
            text = _("Enter a name of at most 60 characters, without brackets and commas.")
            errors.setdefault("name", ValidationError(text, "no_name"))
    if rights is not None:
        given = {*rights}
        row.rights = ",".join(right for right in RIGHTS if right in given)
        if not given or given - rights_of(actor):
            text = _("Choose what it may do, of what you may do yourself.")
            errors["rights"] = ValidationError(text, "no_right")
    if domains is not None:
        with collected(errors, "domains"):
            row.domains = read_domains(actor, domains)
    if networks is not None:
        with collected(errors, "networks"):
            row.networks = read_networks(networks)
    if until is not None:
        with collected(errors, "until"):
            row.expires = end_of(until)
    refuse(errors)
    return row


def read_domains(actor, text):
    """The names of own domains that somebody typed, with commas between; "" for all."""
    names = sorted({lookup_key(name) for name in re.split(r"[\s,;]+", text) if name})
    if len(names) > MOST_DOMAINS:
        raise ValidationError(
            _("Write at most %(n)d domains."), "too_many_domains", {"n": MOST_DOMAINS}
        )
    known = Domain.objects.filter(pk__in=names).values_list("pk", flat=True)
    unknown = [] if actor.is_mailbox_user else {*names} - domains_in_sight(actor, [*known])
    if unknown or (actor.is_mailbox_user and names):
        raise ValidationError(
            _("You manage no domain of this name: %(names)s."),
            "not_yours",
            {"names": ", ".join(sorted(unknown or names)[:10])},
        )
    return ",".join(names)


@in_transaction
def revoke_token(*, actor, account, token):
    """A token of ``account``; ``actor`` None is the command line."""
    if ApiToken.objects.of(account).filter(pk=token.pk).delete()[0]:
        _record(actor, "delete_token", account, token)


def _record(actor, action, account, row):
    told = {"token": row.name, "rights": row.rights, "domains": row.domains}
    told |= {"networks": row.networks, "until": row.expires and row.expires.isoformat()}
    new = action == "create_token"
    changes = {
        field: [None, value] if new else [value, None] for field, value in told.items() if value
    }
    factors.record(actor, action, account, changes)


# --- Acting by one


class Refused(Exception):
    """The token is right, but nothing may be done with it now: the sentence says why."""


def account_of(text, ip):
    """(row, account) of a token, the account narrowed to what both may do; None if it opens nothing.

    An account that is off has no tokens, nor has a mailbox to which nobody signs in, or whose domain is off: the same rows sign in
    here. No code is asked for: whoever made the token has shown one. Raises Refused.
    """
    if not _MADE.fullmatch(text):
        return None
    row = next(iter(_tokens_with(digest(text))), None)
    if row is None or row.is_over:
        return None
    account = active_account(row.kind, row.username)
    # Another program may have deleted the account of this name, and made a new one.
    if account is None or row.created < account.created - timedelta(days=1):
        return None
    if not _is_within(ip, row.network_names):
        raise Refused(_("This token may not be used from %(ip)s.") % {"ip": ip})
    if must_set_password(account):
        raise Refused(_("Its account must set another password first, on the pages."))
    if factors.is_missing(account) and not factors.is_spared(account, ip):
        raise Refused(_("Its account must set up a second factor first, on the pages."))
    account.client_ip, account.by_token = ip, row.name
    account.token_rights = {*row.right_names}
    _narrow(account, row)
    return row, account


@prepared
def _tokens_with(digest):
    return ApiToken.objects.filter(digest=digest)


def _is_within(ip, networks):
    address = address_of(ip)
    if not networks:
        return True
    return address is not None and any(address in factors.network_of(text) for text in networks)


def _narrow(account, row):
    """Leave ``account``, which nobody saves, the domains of its token alone.

    A superadmin's that is limited to domains is as that of an administrator of these: so nothing beyond them is left.
    """
    names = row.domain_names
    if not names:
        return
    if account.is_mailbox_user:
        if account.domain_id not in names:
            account.active = False
    elif account.is_superadmin:
        account.superadmin, account.reseller = False, False
        account.domain_names, account.domain_roles = names, {}
    else:
        account.domain_names = tuple(name for name in account.domain_names if name in names)
    if not account.is_mailbox_user:
        account.token_domains = tuple(account.domain_names)


def note_use(row, ip):
    """Write when and from where a token was used last. A database that takes no changes now is no reason to refuse an answer."""
    now = timezone.now()
    if row.last_ip == ip and row.last_used and now - row.last_used < USED_EVERY:
        return
    with suppress(Error):
        ApiToken.objects.filter(pk=row.pk).update(last_used=now, last_ip=(ip or "")[:45])

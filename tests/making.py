"""Rows that tests begin with, made by the services."""

from functools import cache

from django.conf import settings

from accounts import passwords
from accounts.services import create_admin
from aliases.services import create_alias
from domains.models import Domain
from domains.services import create_domain
from mailboxes.services import create_mailbox

PASSWORD = "tangerine-7-bicycle"
UNLIMITED = {"aliases": 0, "mailboxes": 0, "maxquota": 0, "quota": 0}


@cache
def _prepared(password, _rounds):
    return passwords.prepared(password)


def hashed_once(password):
    """The password with its hash: to compute one takes as long as much of a test."""
    return _prepared(password, settings.PASSWORD_ROUNDS)


def add_domain(name="example.org", **fields):
    return create_domain(actor=None, name=name, **UNLIMITED | fields)


def add_mailbox(address, password=PASSWORD, **fields):
    local_part, _at, domain = address.rpartition("@")
    return create_mailbox(
        actor=None,
        domain=Domain.objects.get(pk=domain),
        local_part=local_part,
        password=password if fields.get("hashed") else hashed_once(password),
        **fields,
    )


def add_alias(address, *targets, **fields):
    local_part, _at, domain = address.rpartition("@")
    return create_alias(
        actor=None,
        domain=Domain.objects.get(pk=domain),
        local_part=local_part,
        targets=targets,
        **fields,
    )


def make_admin(username=None, superadmin=False, domains=(), password=PASSWORD, **fields):
    return create_admin(
        actor=None,
        username=username or ("super@example.org" if superadmin else "admin@example.org"),
        password=password if fields.get("hashed") else hashed_once(password),
        superadmin=superadmin,
        domains=domains,
        **fields,
    )


def make_reseller(username="reseller@example.org", domains=3, mailboxes=20, storage=1000, **fields):
    """A domain admin who may create ``domains`` of ``mailboxes`` and ``storage``, in MB, in all."""
    budget = {"max_domains": domains, "max_mailboxes": mailboxes, "max_storage": storage}
    return make_admin(username, reseller=True, **budget, **fields)


def make_manager(mailbox, username=None, **fields):
    """The administrator as whom the user of ``mailbox`` manages its domain."""
    return create_admin(actor=None, username=username or mailbox, mailbox=mailbox, **fields)

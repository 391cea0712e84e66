from types import SimpleNamespace

import pytest
from django.db import transaction

from accounts import factors, totp
from accounts import services as accounts
from accounts.factor_exceptions import add_exception
from accounts.models import Admin, FactorException, LogEntry, RecoveryCode, SecondFactor
from aliases import services as aliases
from aliases.models import Alias, AliasTarget
from domains import services as domains
from domains.models import AliasDomain, Domain, DomainAdmin, DomainUsage
from mailboxes import services as mailboxes
from mailboxes.domain_joining import join_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox
from tests.codes import code
from tests.strangers import fail_once

pytestmark = pytest.mark.django_db(transaction=True)


SERVICES = {
    "create_domain": lambda w: domains.create_domain(
        actor=w.root, name="new.test", role_target="joe@one.test"
    ),
    "update_domain": lambda w: domains.update_domain(actor=w.root, domain=w.domain, mailboxes=7),
    "delete_domain": lambda w: domains.delete_domain(
        actor=w.root, domain=w.domain, others="remove", emptied="delete"
    ),
    "create_alias_domain": lambda w: domains.create_alias_domain(
        actor=w.root, alias_domain=w.other, target_domain=w.domain
    ),
    "join_domain": lambda w: join_domain(
        actor=w.root,
        domain=w.domain,
        target_domain=w.other,
        add=(name for name in ()),
    ),
    "create_alias": lambda w: aliases.create_alias(
        actor=w.root,
        domain=w.domain,
        local_part="new",
        targets=(target for target in ["joe@one.test", "x@other.test"]),
    ),
    "update_alias": lambda w: aliases.update_alias(
        actor=w.root, alias=w.alias, targets=iter(["x@other.test"]), description="new"
    ),
    "delete_alias": lambda w: aliases.delete_alias(actor=w.root, alias=w.alias),
    "create_mailbox": lambda w: mailboxes.create_mailbox(
        actor=w.root, domain=w.domain, local_part="ann", password="tangerine-7-bicycle"
    ),
    "update_mailbox": lambda w: mailboxes.update_mailbox(
        actor=w.root, mailbox=w.mailbox, name="New", active=False
    ),
    "set_mailbox_password": lambda w: mailboxes.set_mailbox_password(
        actor=w.root, mailbox=w.mailbox, password="another-password-1"
    ),
    "set_forwarding": lambda w: set_forwarding(
        actor=w.root, mailbox=w.mailbox, targets=["x@other.test"], keep_copy=True
    ),
    "delete_mailbox": lambda w: mailboxes.delete_mailbox(actor=w.root, mailbox=w.mailbox),
    "create_admin": lambda w: accounts.create_admin(
        actor=w.root,
        username="new@admins.test",
        password="tangerine-7-bicycle",
        domains=(name for name in ["one.test"]),
    ),
    "update_admin": lambda w: accounts.update_admin(
        actor=w.root, admin=w.admin, domains=iter(["one.test", "two.test"]), phone="1"
    ),
    "delete_admin": lambda w: accounts.delete_admin(actor=w.root, admin=w.admin),
    "switch_on": lambda w: factors.switch_on(account=w.mailbox, offer=w.offer, code=w.code),
    "add_exception": lambda w: add_exception(actor=w.root, network="192.0.2.7", whose="one.test"),
}


@pytest.fixture
def world(add_domain, add_mailbox, add_alias, make_admin, clock, settings):
    world = SimpleNamespace(domain=add_domain("one.test"), other=add_domain("two.test"))
    world.mailbox = add_mailbox("joe@one.test")
    world.alias = add_alias("sales@one.test", "joe@one.test")
    world.root = make_admin("root@admins.test", superadmin=True)
    world.admin = make_admin("admin@admins.test", domains=["one.test"])
    settings.POSTFIXADMIN_BESIDE = True  # an encrypted secret is another text each time
    secret = totp.new_secret()
    world.offer, world.code = totp.offer(world.mailbox, secret), code(secret)
    return world


TABLES = (Domain, DomainUsage, Alias, AliasTarget, AliasDomain, Mailbox, Admin, DomainAdmin)
TABLES += (SecondFactor, RecoveryCode, FactorException)
# What differs by chance or by the moment.
VARYING = {
    "id",
    "password",
    "created",
    "modified",
    "timestamp",
    "password_expiry",
    "token_validity",
    *("since", "made"),
}


def contents():
    rows = {}
    for model in (*TABLES, LogEntry):
        fields = [field.attname for field in model._meta.concrete_fields]
        fields = [name for name in fields if name not in VARYING]
        rows[model.__name__] = sorted(map(repr, model._base_manager.values_list(*fields)))
    return rows


@pytest.mark.parametrize("name", SERVICES)
def test_at_the_second_attempt_a_service_does_what_it_would_have_done_at_the_first(
    name, world, monkeypatch
):
    """Nothing that it was handed was used up or changed by the first."""
    with transaction.atomic():
        SERVICES[name](world)
        wanted = contents()
        transaction.set_rollback(True)
    before = contents()
    record = type(LogEntry.objects).record
    fail, calls = fail_once(1213), []

    def fail_after(*args, **kwargs):
        entry = record(*args, **kwargs)
        calls.append(1)
        fail()
        return entry

    monkeypatch.setattr(type(LogEntry.objects), "record", fail_after)
    SERVICES[name](world)

    assert len(calls) > 1
    assert contents() == wanted != before

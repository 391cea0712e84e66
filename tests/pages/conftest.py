from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts.models import LogEntry
from accounts.services import update_admin
from domains.models import Domain
from domains.services import create_alias_domain
from mailboxes.services import delete_mailbox
from tests import making
from tests.servers.sink import Sink

NOON = datetime(2025, 3, 9, 12, tzinfo=UTC)


@pytest.fixture
def admin(example_org, other_net, make_admin, sign_in):
    make_admin("neighbour@other.net", domains=["other.net"])
    return sign_in(make_admin("theirs@example.org", domains=["example.org"]))


@pytest.fixture
def twin(add_domain, example_org):
    domain = add_domain("twin.example")
    return create_alias_domain(actor=None, alias_domain=domain, target_domain=example_org)


@pytest.fixture
def superadmin(example_org, make_admin, sign_in):
    return sign_in(make_admin(superadmin=True))


@pytest.fixture
def as_superadmin(sign_in, make_admin):
    return sign_in(make_admin(superadmin=True))


@pytest.fixture
def as_admin(sign_in, make_admin):
    def sign(*names):
        return sign_in(make_admin(domains=names))

    return sign


@pytest.fixture
def narrowed(example_org, other_net, make_admin, sign_in):
    """``narrowed(role)``: a domain admin of other.net who has less in example.org."""

    def client(role):
        roles = {"example.org": role}
        admin = make_admin(domains=["example.org", "other.net"])
        return sign_in(update_admin(actor=None, admin=admin, roles=roles))

    return client


@pytest.fixture
def link(add_domain):
    """``link("a.example", "b.example")``: both are created where they are missing."""

    def make(source, target, **fields):
        ends = [
            Domain.objects.filter(pk=name).first() or add_domain(name) for name in (source, target)
        ]
        return create_alias_domain(
            actor=None, alias_domain=ends[0], target_domain=ends[1], **fields
        )

    return make


@pytest.fixture
def root(make_admin):
    return make_admin("root@example.org", superadmin=True)


@pytest.fixture
def client_of_root(sign_in, root):
    return sign_in(root)


@pytest.fixture
def write(db):
    def entry(action, target="x", domain="", who="ann@example.org (192.0.2.7)", when=NOON, **more):
        return LogEntry.objects.create(
            action=action, data=target, domain=domain, username=who, timestamp=when, **more
        )

    LogEntry.objects.all().delete()
    return entry


@pytest.fixture
def reader(make_admin, sign_in):
    client = sign_in(make_admin("root@example.org", superadmin=True))
    LogEntry.objects.all().delete()
    return client


@pytest.fixture
def sign(client, password):
    """Send the first form of signing in."""

    def send(username, password=password, **fields):
        return client.post(reverse("login"), {"username": username, "password": password, **fields})

    return send


@pytest.fixture
def step(client):
    """Send the second form."""

    def send(code, **query):
        return client.post(reverse("second-step", query=query), {"code": code})

    return send


@pytest.fixture(params=["admin", "mailbox"])
def account(request, example_org, add_mailbox, make_admin):
    if request.param == "admin":
        return make_admin("joe@example.org", domains=["example.org"])
    return add_mailbox("joe@example.org")


@pytest.fixture
def sink(settings):
    sink = Sink().start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
    settings.DEFAULT_FROM_EMAIL = "The panel <postmaster@example.org>"
    settings.BROADCAST_RATE = 60_000
    yield sink
    sink.stop()


@pytest.fixture(scope="module")
def accounts_of_the_world(kept_rows):
    example_org, _other_net = making.add_domain("example.org"), making.add_domain("other.net")
    source = making.add_domain("alias.example.org")
    create_alias_domain(actor=None, alias_domain=source, target_domain=example_org)
    mailbox = making.add_mailbox("joe@example.org")
    making.add_alias("sales@example.org", "joe@example.org")
    foreign_mailbox = making.add_mailbox("ann@other.net")
    delete_mailbox(actor=None, mailbox=making.add_mailbox("sue@example.org"))
    own = ["example.org", "alias.example.org"]
    reseller = making.make_reseller("resells@example.org")
    update_admin(actor=None, admin=reseller, domains=own, resold=own)
    return {
        "superadmin": making.make_admin("root@example.org", superadmin=True),
        "own admin": making.make_admin("theirs@example.org", domains=own),
        "foreign admin": making.make_admin("others@other.net", domains=["other.net"]),
        "reseller": reseller,
        "foreign reseller": making.make_reseller("none@other.net"),
        "mailbox user": mailbox,
        "foreign mailbox user": foreign_mailbox,
    }


@pytest.fixture
def world(accounts_of_the_world, db, settings):
    settings.RESELLERS_PROVE_DOMAINS = False
    return {
        role: type(account).objects.get(pk=account.pk)
        for role, account in accounts_of_the_world.items()
    }

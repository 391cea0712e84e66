import os
import unicodedata

import hypothesis
import idna
import pyotp
import pytest
from django.db import transaction
from django.template.backends.jinja2 import Template as JinjaTemplate
from django.test.signals import template_rendered
from django.utils import translation

from accounts import totp
from tests import making
from tests.codes import NOW

pytest.register_assert_rewrite("tests.refusals")

# What only MariaDB can show: schema, locks, real daemons.
if os.environ.get("TEST_DATABASE") == "sqlite":
    collect_ignore_glob = ["*_on_mariadb.py"]

# The machine may be busy; rows of one example are rolled back by the test itself.
hypothesis.settings.register_profile(
    "mailadmin",
    database=None,
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.function_scoped_fixture,
        hypothesis.HealthCheck.too_slow,
    ],
)
hypothesis.settings.load_profile("mailadmin")


@pytest.fixture(autouse=True)
def context_of_jinja2(monkeypatch):
    """Give ``response.context`` for pages that Jinja2 draws too; Django does for its own templates only."""
    render = JinjaTemplate.render

    def told(template, context=None, request=None):
        html = render(template, context, request)
        if request is not None:
            template_rendered.send(sender=template, template=template, context=context)
        return html

    monkeypatch.setattr(JinjaTemplate, "render", told)


@pytest.fixture(autouse=True)
def language_of_no_other_test():
    """A request leaves its language to the thread."""
    yield
    translation.deactivate()


@pytest.fixture
def password():
    return making.PASSWORD


@pytest.fixture
def add_domain(db):
    """``add_domain("example.org", mailboxes=3)``: what is not named is unlimited."""
    return making.add_domain


@pytest.fixture
def example_org(add_domain):
    return add_domain("example.org")


@pytest.fixture
def other_net(add_domain):
    return add_domain("other.net")


@pytest.fixture
def add_mailbox(db):
    """``add_mailbox("info@example.org", quota=5_000_000)``: quota is in bytes."""
    return making.add_mailbox


@pytest.fixture
def add_alias(db):
    """``add_alias("sales@example.org", "a@example.org", "b@other.net")``; "@example.org" catches all."""
    return making.add_alias


@pytest.fixture
def make_admin(db):
    """A domain admin of ``domains``, or with ``superadmin=True`` a superadmin."""
    return making.make_admin


@pytest.fixture
def make_manager(db):
    """``make_manager("joe@example.org")``: the user of that mailbox, which is there, manages its domain."""
    return making.make_manager


@pytest.fixture(scope="module")
def kept_rows(django_db_setup, django_db_blocker):
    """What fixtures of module scope write is there for all tests of the module: their transactions are parts of this one."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def make_reseller(db, settings):
    """As making.make_reseller(); nobody asks the DNS whose the domains are."""
    settings.RESELLERS_PROVE_DOMAINS = False
    return making.make_reseller


@pytest.fixture
def longest(monkeypatch):
    """The texts given to Unicode normalisation and IDNA, which take quadratic time, by their length."""
    given = [0]

    def counted(function, position):
        def call(*args, **kwargs):
            given.append(len(args[position]))
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr("unicodedata.normalize", counted(unicodedata.normalize, 1))
    monkeypatch.setattr("idna.encode", counted(idna.encode, 0))
    monkeypatch.setattr("idna.decode", counted(idna.decode, 0))
    return lambda: max(given)


@pytest.fixture
def stranger():
    from tests.strangers import connect  # where MariaDB's client is

    stranger = connect()
    yield stranger
    stranger.close()


@pytest.fixture
def sign_in(client):
    def sign(account):
        is_self_alias = "mailboxes.backends.MailboxBackend"
        of_admin = "accounts.backends.AdminBackend"
        client.force_login(account, backend=is_self_alias if account.is_mailbox_user else of_admin)
        return client

    return sign


@pytest.fixture
def clock(monkeypatch):
    """The time of codes stands at codes.NOW; ``clock(seconds)`` sets another."""

    def at(seconds):
        monkeypatch.setattr("accounts.totp.time.time", lambda: seconds)

    at(NOW)
    return at


@pytest.fixture
def shows():
    """``shows(account)``: give the account a second factor and return its secret; its current step is not used."""

    def give(account):
        secret = pyotp.random_base32()
        account.totp_secret = totp.encrypted(secret)
        type(account).objects.filter(pk=account.pk).update(totp_secret=account.totp_secret)
        return secret

    return give

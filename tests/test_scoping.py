from datetime import date

import pytest
from django.utils import timezone

from accounts.models import Admin, FactorException, LetterText, LogEntry, LoginAttempt
from accounts.services import update_admin
from aliases.models import Alias, AliasTarget, Ending, OwnAlias, OwnAliasLimit
from domains.deliveries import (
    ALL,
    RECIPIENT,
    Delivery,
    DeliveryDay,
    DeliveryKey,
    SenderDay,
    found_under,
)
from domains.dkim_keys import DKIMKey, DKIMSigning
from domains.mail_reports import MODELS as OF_REPORTS
from domains.mail_reports import MailReport, ReportDay, ReportedSender, TLSFailure
from domains.models import (
    AliasDomain,
    Copy,
    Domain,
    DomainAdmin,
    DomainDNS,
    DomainSenderRule,
    DomainUsage,
    RelayHost,
    SenderRule,
    Word,
)
from domains.services import create_alias_domain
from mailboxes.models import (
    SERVER,
    AppPassword,
    Deleted,
    FullMailbox,
    IdleMailbox,
    LastLogin,
    Mailbox,
    QuotaUsage,
    QuotaWarning,
    RefusedNetwork,
    RemoteMailbox,
    SendAs,
    Share,
    SignIn,
    UsageDay,
    Vacation,
)

# Two domains alike. `own`: the admin of example.org and the owner of info@example.org ask.
MODELS = [Domain, DomainUsage, AliasDomain, DomainAdmin, Alias, AliasTarget, Mailbox, QuotaUsage]
MODELS += [FullMailbox, LogEntry, Admin, Word, UsageDay, LastLogin, DomainDNS]
MODELS += [DKIMKey, DKIMSigning, RelayHost, Copy, SenderRule, DomainSenderRule, FactorException]
MODELS += [
    AppPassword,
    LetterText,
    Vacation,
    Ending,
    OwnAlias,
    OwnAliasLimit,
    SendAs,
    Share,
    QuotaWarning,
    RemoteMailbox,
]
MODELS += [SignIn, IdleMailbox, RefusedNetwork, Deleted]
MODELS += OF_REPORTS
MODELS += [Delivery, DeliveryKey, DeliveryDay, SenderDay]

EVERYTHING = {
    Domain: {"example.org", "org.example", "other.net", "net.example"},
    DomainUsage: {"example.org", "org.example", "other.net", "net.example"},
    DomainDNS: {"example.org", "other.net", "mail.example.org"},
    DKIMKey: {"example.org", "other.net"},
    DKIMSigning: {"example.org", "other.net"},
    RelayHost: {"example.org", "other.net"},
    Copy: {"@example.org", "@other.net"},
    SenderRule: {"bad.example"},
    LetterText: {"", "example.org", "other.net"},
    DomainSenderRule: {"example.org", "other.net"},
    FactorException: {"info@example.org", "info@other.net", "super@example.org", None},
    AliasDomain: {"org.example", "net.example"},
    DomainAdmin: {"admin@example.org", "stranger@other.net", "super@example.org"},
    Alias: {"sales@example.org", "postmaster@example.org", "sales@other.net"},
    AliasTarget: {"sales@example.org", "postmaster@example.org", "sales@other.net"},
    Mailbox: {"info@example.org", "more@example.org", "info@other.net"},
    QuotaUsage: {"info@example.org", "more@example.org", "info@other.net"},
    FullMailbox: {"info@example.org", "info@other.net"},
    AppPassword: {"info@example.org", "info@other.net"},
    Vacation: {"info@example.org", "info@other.net"},
    **{model: {"sales@example.org", "sales@other.net"} for model in (Ending, OwnAlias)},
    OwnAliasLimit: {"example.org", "other.net"},
    SendAs: {"info@example.org", "info@other.net"},
    Share: {"info@example.org", "info@other.net"},
    **{model: {"info@example.org", "info@other.net"} for model in (QuotaWarning, RemoteMailbox)},
    Deleted: {"info@example.org", "info@other.net"},
    UsageDay: {"example.org", "other.net", SERVER},
    LastLogin: {"info@example.org", "info@other.net"},
    SignIn: {"info@example.org", "info@other.net", ""},
    IdleMailbox: {"info@example.org", "info@other.net"},
    RefusedNetwork: {"192.0.2.7/32"},
    LogEntry: {"example.org", "org.example", "other.net", "net.example", ""},
    Admin: {"admin@example.org", "stranger@other.net", "super@example.org"},
    Delivery: {"info@example.org", "info@other.net", "joe@elsewhere.test"},
    DeliveryKey: {"example.org", "other.net", ALL},
    DeliveryDay: {"example.org", "other.net", ALL},
    SenderDay: {"info@example.org", "info@other.net"},
}
EVERYTHING |= {model: {"example.org", "other.net"} for model in OF_REPORTS}
EVERYTHING[Word] = {key for model in (Domain, Alias, Mailbox, Admin) for key in EVERYTHING[model]}
OF_DOMAIN_ADMIN = {
    Domain: {"example.org", "org.example"},
    DomainUsage: {"example.org", "org.example"},
    DomainDNS: {"example.org"},
    DKIMKey: {"example.org"},
    DKIMSigning: {"example.org"},
    RelayHost: {"example.org"},
    Copy: {"@example.org"},
    SenderRule: set(),
    LetterText: set(),
    DomainSenderRule: {"example.org"},
    FactorException: {"info@example.org"},
    AliasDomain: {"org.example"},
    DomainAdmin: {"admin@example.org"},
    Alias: {"sales@example.org", "postmaster@example.org"},
    AliasTarget: {"sales@example.org", "postmaster@example.org"},
    Mailbox: {"info@example.org", "more@example.org"},
    QuotaUsage: {"info@example.org", "more@example.org"},
    FullMailbox: {"info@example.org"},
    AppPassword: {"info@example.org"},
    Vacation: {"info@example.org"},
    **{model: {"sales@example.org"} for model in (Ending, OwnAlias)},
    OwnAliasLimit: {"example.org"},
    SendAs: {"info@example.org"},
    Share: {"info@example.org"},
    **{model: {"info@example.org"} for model in (QuotaWarning, RemoteMailbox)},
    Deleted: {"info@example.org"},
    UsageDay: {"example.org"},
    LastLogin: {"info@example.org"},
    SignIn: {"info@example.org"},
    IdleMailbox: {"info@example.org"},
    RefusedNetwork: set(),
    LogEntry: {"example.org", "org.example"},
    Admin: set(),
    Delivery: {"info@example.org"},
    DeliveryKey: {"example.org"},
    DeliveryDay: {"example.org"},
    SenderDay: {"info@example.org"},
}
OF_DOMAIN_ADMIN |= {model: {"example.org"} for model in OF_REPORTS}
OF_DOMAIN_ADMIN[Word] = {
    key for model in (Domain, Alias, Mailbox) for key in OF_DOMAIN_ADMIN[model]
}
MANAGED_BY_DOMAIN_ADMIN = OF_DOMAIN_ADMIN | {Alias: {"sales@example.org"}}
NOTHING = {model: set() for model in MODELS}
OF_MAILBOX_USER = NOTHING | {
    key: {"info@example.org"}
    for key in (Mailbox, AppPassword, SignIn, Vacation, SendAs, Share, QuotaWarning)
}
OF_MAILBOX_USER[RemoteMailbox] = {"info@example.org"}
OF_MAILBOX_USER[OwnAlias] = {"sales@example.org"}

NAME = {
    LogEntry: "domain",
    DomainAdmin: "username",
    AliasTarget: "alias",
    Word: "row_key",
    UsageDay: "domain",
    LastLogin: "username",
    DKIMKey: "domain_name",
    DKIMSigning: "author",
    Copy: "address",
    DomainSenderRule: "domain",
    LetterText: "domain",
    **dict.fromkeys(OF_REPORTS, "domain"),
    Delivery: "recipient",
    DeliveryKey: "domain",
    DeliveryDay: "domain",
    SenderDay: "sender",
    FactorException: "username",
    AppPassword: "username",
    SignIn: "username",
    Deleted: "name",
    SendAs: "username",
    Share: "owner",
    RemoteMailbox: "mailbox",
}

ALIKE = {"day": date(2026, 1, 1), "protocol": "imap", "address": "192.0.2.7"}
ALIKE |= {"success": True, "reason": "", "app_password": 0, "at": 1}


@pytest.fixture
def accounts(make_admin, add_domain, add_mailbox, add_alias):
    for domain, twin in (("example.org", "org.example"), ("other.net", "net.example")):
        target, source = add_domain(domain), add_domain(twin)
        add_mailbox(f"info@{domain}", quota=100)
        QuotaUsage.objects.create(username_id=f"info@{domain}", bytes=90)
        LastLogin.objects.create(username=f"info@{domain}", protocol="imap", at=1)
        AppPassword.objects.create(username_id=f"info@{domain}")
        SignIn.objects.create(username=f"info@{domain}", **ALIKE)
        now = timezone.now()
        Deleted.objects.create(name=f"info@{domain}", domain=domain, at=now, until=now)
        IdleMailbox.objects.create(pk=f"info@{domain}", domain=domain, at=1)
        Vacation.objects.create(email_id=f"info@{domain}")
        RemoteMailbox.objects.create(mailbox_id=f"info@{domain}")
        SendAs.objects.create(username=f"info@{domain}", sender=f"@{domain}")
        QuotaWarning.objects.create(pk=f"info@{domain}", percent=80)
        Share.objects.create(owner=f"info@{domain}", person=f"more@{domain}")
        UsageDay.objects.create(domain=domain, day=date(2026, 1, 1))
        DomainDNS.objects.create(pk=domain)
        key = DKIMKey.objects.create(domain_name_id=domain, selector="s1")
        DKIMSigning.objects.create(dkim=key, author=domain)
        RelayHost.objects.create(pk=domain, next_hop="[smtp.example.net]:587")
        Copy.objects.create(domain=domain, direction="to", address=f"@{domain}", goto="a@b.example")
        DomainSenderRule.objects.create(
            domain=domain, list_number=len(domain), sender="bad.example", action="REJECT"
        )
        of_day = {"domain": domain, "day": date(2026, 1, 1)}
        MailReport.objects.create(digest=domain, **of_day)
        ReportDay.objects.create(**of_day)
        ReportedSender.objects.create(spf=True, dkim=True, failed=False, **of_day)
        TLSFailure.objects.create(**of_day)
        FactorException.objects.create(ip="192.0.2.7", username=f"info@{domain}")
        add_alias(f"sales@{domain}", f"info@{domain}")
        of_alias = {"address": f"sales@{domain}", "domain": domain}
        Ending.objects.create(last_day=date(2030, 1, 1), action="off", **of_alias)
        OwnAlias.objects.create(username=f"info@{domain}", **of_alias)
        OwnAliasLimit.objects.create(name=domain, domain=domain, most=5)
        create_alias_domain(actor=None, alias_domain=source, target_domain=target)
        deliver(f"info@{domain}", RECIPIENT)
        DeliveryDay.objects.create(domain=domain, day=date(2026, 1, 1))
        SenderDay.objects.create(sender=f"info@{domain}", domain=domain, day=date(2026, 1, 1))
    deliver("joe@elsewhere.test", 0)
    DeliveryDay.objects.create(domain=ALL, day=date(2026, 1, 1))
    UsageDay.objects.create(domain=SERVER, day=date(2026, 1, 1))
    DomainDNS.objects.create(pk="mail.example.org")
    for whose in ("super@example.org", None):
        FactorException.objects.create(ip="192.0.2.7", username=whose)
    SenderRule.objects.create(pk="bad.example", action="REJECT")
    for domain in ("", "example.org", "other.net"):
        LetterText.objects.create(kind="welcome", language="en", domain=domain)
    SignIn.objects.create(username="", **ALIKE)
    RefusedNetwork.objects.create(pk="192.0.2.7/32", since=1, until=2, failures=20)
    add_mailbox("more@example.org")
    QuotaUsage.objects.create(username_id="more@example.org", bytes=90)
    add_alias("postmaster@example.org", "info@example.org")
    make_admin("stranger@other.net", domains=["other.net", "net.example"])
    return {
        "superadmin": make_admin("super@example.org", superadmin=True),
        "domain admin": make_admin("admin@example.org", domains=["example.org", "org.example"]),
        "mailbox user": Mailbox.objects.get(pk="info@example.org"),
    }


def deliver(recipient, ours):
    now = timezone.now()
    row = Delivery.objects.create(at=now, changed=now, recipient=recipient, ours=ours)
    for domain, address in found_under(row):
        DeliveryKey.objects.create(domain=domain, address=address, delivery=row.pk)


def names(rows):
    return set(rows.values_list(NAME.get(rows.model, "pk"), flat=True))


VISIBLE = {
    "superadmin": EVERYTHING,
    "domain admin": OF_DOMAIN_ADMIN,
    "mailbox user": OF_MAILBOX_USER,
}
MANAGED = {
    "superadmin": EVERYTHING,
    "domain admin": MANAGED_BY_DOMAIN_ADMIN,
    "mailbox user": NOTHING,
}


@pytest.mark.parametrize("role", VISIBLE)
def test_what_each_role_sees(role, accounts):
    seen = {model: names(model.objects.visible_to(accounts[role])) for model in MODELS}

    assert seen == VISIBLE[role]


@pytest.mark.parametrize("role", MANAGED)
def test_what_each_role_manages(role, accounts):
    managed = {model: names(model.objects.manageable_by(accounts[role])) for model in MODELS}

    assert managed == MANAGED[role]


@pytest.mark.parametrize("role", VISIBLE)
def test_an_inactive_account_sees_and_manages_nothing(role, accounts):
    account = accounts[role]
    account.active = False

    seen = {model: names(model.objects.visible_to(account)) for model in MODELS}
    managed = {model: names(model.objects.manageable_by(account)) for model in MODELS}

    assert seen == NOTHING
    assert managed == NOTHING


def test_every_model_with_rows_of_a_domain_is_in_the_tables():
    scoped = {
        model
        for model in django_models()
        if hasattr(model._default_manager, "manageable_by") and model is not LoginAttempt
    }

    assert scoped == set(MODELS)


def django_models():
    from django.apps import apps

    ours = ("accounts", "domains", "aliases", "mailboxes")
    return [model for model in apps.get_models() if model._meta.app_label in ours]


def test_rows_are_never_doubled_by_a_join(accounts, make_admin):
    make_admin("second@example.org", domains=["example.org", "org.example"])

    for model in MODELS:
        rows = list(model.objects.visible_to(accounts["domain admin"]).values_list("pk", flat=True))
        assert len(rows) == len(set(rows))


def test_an_admin_of_no_domain_sees_nothing(accounts, make_admin):
    nobody = make_admin("nobody@example.org")

    assert {model: names(model.objects.visible_to(nobody)) for model in MODELS} == NOTHING


def test_an_alias_domain_is_managed_only_with_both_ends(accounts, make_admin):
    of_source = make_admin("source@example.org", domains=["org.example"])
    of_target = make_admin("target@example.org", domains=["example.org"])

    assert names(AliasDomain.objects.visible_to(of_source)) == {"org.example"}
    assert names(AliasDomain.objects.manageable_by(of_source)) == set()
    assert names(AliasDomain.objects.visible_to(of_target)) == set()


def test_a_right_to_send_is_managed_with_either_end(accounts, make_admin):
    SendAs.objects.create(username="info@other.net", sender="sales@example.org")
    pairs = {("info@example.org", "@example.org"), ("info@other.net", "sales@example.org")}

    rows = SendAs.objects.manageable_by(accounts["domain admin"])
    assert set(rows.values_list("username", "sender")) == pairs
    of_sender = make_admin("sender@example.org", domains=["example.org"])
    rows = SendAs.objects.visible_to(of_sender)
    assert set(rows.values_list("username", "sender")) == pairs


def test_mailboxes_own_rows_are_never_managed_as_aliases(accounts):
    assert Alias.objects.filter(pk="info@example.org", is_self_alias=True).exists()
    for account in accounts.values():
        assert "info@example.org" not in names(Alias.objects.visible_to(account))
        assert "info@example.org" not in names(Alias.objects.manageable_by(account))


@pytest.mark.parametrize(
    ("protected", "managed"),
    [(True, {"sales@example.org"}), (False, {"sales@example.org", "postmaster@example.org"})],
)
def test_role_addresses_are_the_superadmins_unless_configured(
    protected, managed, accounts, settings
):
    settings.ROLE_ADDRESSES_PROTECTED = protected

    assert names(Alias.objects.manageable_by(accounts["domain admin"])) == managed


def test_a_name_that_only_begins_like_a_role_address_is_not_protected(accounts, add_alias):
    add_alias("postmaster-team@example.org", "info@example.org")

    managed = names(Alias.objects.manageable_by(accounts["domain admin"]))

    assert "postmaster-team@example.org" in managed


def test_a_domain_taken_away_is_out_of_sight_at_once(accounts):
    update_admin(actor=None, admin=accounts["domain admin"], domains=["org.example"])
    admin = Admin.objects.get(pk="admin@example.org")

    assert names(Mailbox.objects.visible_to(admin)) == set()
    assert names(Domain.objects.visible_to(admin)) == {"org.example"}


def test_postfixadmins_dummy_domain_is_nobodys(accounts):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO domain (domain, description, transport) VALUES ('ALL', '', '')")

    assert names(Domain.objects.visible_to(accounts["superadmin"])) == EVERYTHING[Domain]
    assert Domain.objects.filter(pk="ALL").exists() is False

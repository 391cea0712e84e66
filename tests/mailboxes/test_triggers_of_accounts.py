"""What belongs to a name goes with its row, whoever deletes that: who has the name next inherits nothing."""

from datetime import date, timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from accounts.factors import OF_AN_ACCOUNT
from accounts.models import (
    ApiToken,
    FactorException,
    PanelSession,
    Passkey,
    PasswordLink,
    RecoveryCode,
    SecondFactor,
    SignInLink,
)
from aliases.models import Alias, Ending, OwnAlias, OwnAliasLimit
from domains.models import Copy
from mailboxes import triggers
from mailboxes.models import (
    AppPassword,
    FullMailbox,
    IdleMailbox,
    LastLogin,
    Mailbox,
    MailboxDay,
    QuotaUsage,
    QuotaWarning,
    SendAs,
    Share,
    ShareIndex,
    SignIn,
    Vacation,
)
from mailboxes.renaming import rename_mailbox
from tests.mailboxes.other_programs import OtherPrograms

pytestmark = pytest.mark.django_db

ANN, BOB = "ann@example.org", "bob@example.org"
OF_ACCOUNTS = (*OF_AN_ACCOUNT, PasswordLink, SignInLink, ApiToken, PanelSession)
LATER = timezone.now() + timedelta(days=1)
# What says who did something, or is true of the name whoever has it.
STAYS = {"LogEntry", "Event", "RetiredMaildir"}


def give(kind, name):
    """Everything that opens an account of this kind."""
    of = {"kind": kind, "username": name}
    digest = f"{kind} {name}"
    SecondFactor.objects.create(**of)
    RecoveryCode.objects.create(digest=digest, **of)
    Passkey.objects.create(digest=digest, credential="x", public_key="x", name="x", **of)
    PasswordLink.objects.create(purpose="reset", digest=digest, bound="x", until=LATER, **of)
    SignInLink.objects.create(digest=digest, until=LATER, **of)
    ApiToken.objects.create(name="x", digest=digest, rights="x", **of)
    PanelSession.objects.create(session_key=digest[:40], session_data="", expire_date=LATER, **of)
    FactorException.objects.create(ip="192.0.2.7", username=name, for_admin=kind == "admin")


def use(name):
    """Everything that a mailbox has."""
    give("mailbox", name)
    QuotaUsage.objects.create(username_id=name, bytes=95)
    QuotaWarning.objects.create(pk=name, percent=95)
    AppPassword.objects.create(username_id=name)
    Vacation.objects.create(email_id=name)
    SendAs.objects.create(username=name, sender="@example.org")
    SendAs.objects.create(username="carl@example.org", sender=name)
    share = Share.objects.create(owner=name, person="carl@example.org")
    Share.objects.create(owner="carl@example.org", person=name)
    ShareIndex.objects.create(group_name=share.group, owner=name)
    LastLogin.objects.create(username=name, protocol="imap", at=1)
    alike = {"protocol": "imap", "address": "192.0.2.7", "success": True, "reason": ""}
    SignIn.objects.create(username=name, day=date(2026, 1, 1), app_password=0, at=1, **alike)
    IdleMailbox.objects.create(pk=name, domain="example.org", at=1)
    MailboxDay.objects.create(username=name, day=date(2026, 1, 1), bytes=1)
    Ending.objects.create(address=name, domain="example.org", last_day=LATER.date(), action="off")
    own = f"own.{name}"
    Alias.objects.create(address=own, goto="carl@example.org", domain_id="example.org")
    OwnAlias.objects.create(address=own, username=name, domain="example.org")
    OwnAliasLimit.objects.create(name=name, domain="example.org", most=5)
    Copy.objects.create(domain="example.org", direction="to", address=name, goto="a@b.example")


def tables_with(name):
    """The models of which a row holds exactly this in a column."""
    ours = {"accounts", "aliases", "domains", "mailboxes"}
    return {
        model.__name__
        for model in apps.get_models()
        if model._meta.app_label in ours
        and any(name in row.values() for row in model.objects.values())
    } - STAYS


@pytest.fixture
def others(example_org, add_mailbox):
    for name in (ANN, BOB, "carl@example.org"):
        add_mailbox(name, quota=100)
    use(ANN)
    use(BOB)
    with connection.cursor() as cursor:
        yield OtherPrograms(cursor)


def test_a_mailbox_that_another_program_deletes_and_makes_anew_inherits_nothing(others):
    of_bob = tables_with(BOB)
    assert {model.__name__ for model in (*OF_ACCOUNTS, FactorException, FullMailbox)} <= of_bob

    others.delete_mailbox(ANN, with_alias=True)
    assert tables_with(ANN) == set()
    others.add_mailbox(ANN, 100, alias_first=True)

    assert tables_with(ANN) <= {"Mailbox", "Alias", "Word"}
    assert tables_with(BOB) == of_bob


def test_an_administrator_of_the_same_name_keeps_everything(others, make_admin):
    make_admin(ANN)
    give("admin", ANN)

    others.delete_mailbox(ANN, with_alias=True)

    assert {model: model.objects.filter(username=ANN).count() for model in OF_ACCOUNTS} == (
        dict.fromkeys(OF_ACCOUNTS, 1)
    )
    assert [row.for_admin for row in FactorException.objects.filter(username=ANN)] == [True]


def test_an_administrator_who_is_deleted_leaves_nothing_but_what_is_the_mailbox_s(
    others, make_admin
):
    make_admin(ANN)
    give("admin", ANN)

    others.run("DELETE FROM admin WHERE username = %s", ANN)

    kinds = [list(model.objects.filter(username=ANN).values_list("kind")) for model in OF_ACCOUNTS]
    assert kinds == [[("mailbox",)]] * len(OF_ACCOUNTS)
    assert [row.for_admin for row in FactorException.objects.filter(username=ANN)] == [False]


def test_whoever_renames_a_mailbox_takes_everything_along(others):
    kept = (*OF_AN_ACCOUNT, PasswordLink, ApiToken, FactorException)

    rename_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=ANN), local_part="anna")

    assert {model: model.objects.filter(username="anna@example.org").count() for model in kept} == (
        dict.fromkeys(kept, 1)
    )


# --- Aliases


SALES, SHOP = "sales@example.org", "shop@example.org"


def last_day(address, action="off"):
    return Ending.objects.create(
        address=address, domain="example.org", last_day=LATER.date(), action=action
    )


def endings():
    return dict(Ending.objects.exclude(pk=BOB).values_list("address", "domain"))


def owners(*addresses):
    rows = OwnAlias.objects.filter(pk__in=addresses)
    return {row.pk: (row.username, row.domain) for row in rows}


@pytest.fixture
def sales(others, add_alias):
    """Ann's own alias, which has a last day."""
    add_alias(SALES, ANN)
    OwnAlias.objects.create(address=SALES, username=ANN, domain="example.org")
    Ending.objects.filter(pk=ANN).delete()
    last_day(SALES)


@pytest.mark.parametrize("place", [SHOP, "sales@other.net"])
def test_last_day_and_user_go_along_with_an_alias_that_is_renamed_by_sql(
    others, sales, other_net, place
):
    others.move_alias(SALES, place)

    domain = place.partition("@")[2]
    assert endings() == {place: domain}
    assert owners(SALES, place) == {place: (ANN, domain)}


def test_what_was_left_under_the_new_name_is_not_the_aliass(others, sales):
    last_day(SHOP, "delete")
    OwnAlias.objects.create(address=SHOP, username=BOB, domain="example.org", held=True)

    others.move_alias(SALES, SHOP)

    assert Ending.objects.get(pk=SHOP).action == "off"
    assert owners(SALES, SHOP) == {SHOP: (ANN, "example.org")}


def test_one_that_is_renamed_and_switched_off_at_once_is_held(others, sales):
    others.run("UPDATE alias SET address = %s, active = %s WHERE address = %s", SHOP, False, SALES)

    assert OwnAlias.objects.get(pk=SHOP).held is True


def test_who_has_the_old_name_next_inherits_nothing(others, sales, add_alias):
    others.move_alias(SALES, SHOP)
    add_alias(SALES, BOB)

    assert (endings(), owners(SALES)) == ({SHOP: "example.org"}, {})


def test_an_alias_that_becomes_a_mailboxs_own_is_nobodys_and_does_not_end(others, sales):
    others.run("DELETE FROM alias WHERE address = %s", BOB)
    ending = Ending.objects.get(pk=BOB)

    others.move_alias(SALES, BOB)

    assert owners(SALES, BOB) == {}
    assert list(Ending.objects.all()) == [ending]


@pytest.mark.parametrize("alias_first", [True, False])
def test_the_last_day_of_a_mailbox_goes_along_with_the_mailbox(others, sales, alias_first):
    last_day(ANN, "delete")
    moves = [
        lambda: others.move_alias(ANN, "anna@example.org"),
        lambda: others.move_mailbox(ANN, "anna@example.org", with_alias=False),
    ]
    for move in moves if alias_first else reversed(moves):
        move()

    assert endings() == {SALES: "example.org", "anna@example.org": "example.org"}
    assert owners(SALES) == {SALES: ("anna@example.org", "example.org")}


def test_what_was_left_before_the_triggers_were_there_goes_when_all_is_counted_anew(
    others, make_admin
):
    make_admin("it@example.org")
    give("admin", "it@example.org")
    give("admin", "gone@example.org")
    give("mailbox", "gone@example.org")
    give("mailbox", "it@example.org")

    triggers.rebuild(connection)

    left = [
        sorted({(row.kind, row.username) for row in model.objects.all()}) for model in OF_ACCOUNTS
    ]
    wanted = [("admin", "it@example.org"), ("mailbox", ANN), ("mailbox", BOB)]
    assert left == [wanted] * len(OF_ACCOUNTS)

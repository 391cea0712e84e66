"""Another name for a domain: what of it is refused, what becomes of mail, and what nobody inherits."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Admin, ApiToken, LogEntry, PanelSession, Webhook
from aliases.answers import ELSEWHERE, answer
from aliases.models import Alias, AliasTarget
from domains.deliveries import DeliveryDay
from domains.dkim_keys import NEXT, SIGNS, DKIMKey, DKIMSigning
from domains.flow_services import set_relay_host
from domains.mail_reports import ReportDay
from domains.models import (
    AliasDomain,
    Copy,
    Domain,
    DomainAdmin,
    DomainSenderRule,
    RelayHost,
)
from domains.renaming import check_new_name, rename_domain
from domains.resellers import use_of
from domains.sender_services import set_domain_sender_rule
from domains.services import create_alias_domain, create_domain, delete_domain, update_domain
from mailboxes.deleted_rows import MAILBOX
from mailboxes.models import Deleted, Mailbox, QuotaUsage, RetiredMaildir, SendAs
from mailboxes.restoring import restore, warning_about
from mailboxes.services import create_mailbox, delete_mailbox
from tests.domains.renamed import ANN, BOB, NEW, OLD, OTHER, fill

pytestmark = pytest.mark.django_db


@pytest.fixture
def domain(add_domain, add_mailbox, add_alias, make_admin):
    return fill(add_domain, add_mailbox, add_alias, make_admin)


@pytest.fixture
def old(add_domain):
    return add_domain(OLD)


def renamed(domain, name=NEW, **options):
    return rename_domain(actor=None, domain=domain, name=name, **options)


def refusal(domain, name=NEW, **options):
    """{field: codes}, and nothing is changed."""
    with pytest.raises(ValidationError) as caught:
        renamed(domain, name, **options)
    assert [*Domain.objects.filter(pk=domain.pk)] == [domain]
    return {
        field: [error.code for error in errors] for field, errors in caught.value.error_dict.items()
    }


def gotos(*names):
    return dict(Alias.objects.filter(domain__in=names).values_list("address", "goto"))


# --- What follows


def test_all_columns_of_the_domain_follow(add_domain):
    limits = {"aliases": 9, "mailboxes": 8, "maxquota": 7, "quota": 70, "password_expiry": 60}
    domain = add_domain(OLD, description="Customer 7", active=False, **limits)
    update_domain(actor=None, domain=domain, sending_limit=500)
    before = Domain.objects.filter(pk=OLD).values().get()

    renamed(domain)

    after = Domain.objects.filter(pk=NEW).values().get()
    assert after | {"name": OLD, "modified": before["modified"]} == before


def test_mailboxes_keep_directory_password_and_what_they_hold(domain):
    columns = ("maildir", "password", "local_part", "name", "quota", "created")
    before = Mailbox.objects.filter(pk=ANN).values(*columns).get()

    renamed(domain)

    assert Mailbox.objects.filter(pk=f"ann@{NEW}").values(*columns).get() == before
    assert QuotaUsage.objects.get(pk=f"ann@{NEW}").messages == 7
    assert not QuotaUsage.objects.filter(pk=ANN).exists()
    assert not RetiredMaildir.objects.filter(pk=before["maildir"]).exists()


def test_recipients_follow_in_the_domain_and_elsewhere(domain):
    renamed(domain)

    assert gotos(NEW) == {
        f"ann@{NEW}": f"ann@{NEW}",
        f"bob@{NEW}": f"bob@{NEW},joe@home.example",
        f"sales@{NEW}": f"ann@{NEW},partner@elsewhere.example,bob+list@{NEW}",
        f"shop@{NEW}": f"ann@{NEW}",
        f"both@{NEW}": f"bob@{NEW}",
        f"@{NEW}": f"bob@{NEW}",
    }
    # Domains with a like name are others.
    assert gotos("other.example")["all@other.example"] == (
        f"ann@{NEW},{OTHER},bob@sub.{OLD},x@{OLD}.net"
    )
    assert Alias.objects.get(pk="moved@other.example").access_text == f"bob@{NEW}"
    own = Alias.objects.filter(is_self_alias=True, domain=NEW).values_list("pk", flat=True)
    assert {*own} == {f"ann@{NEW}", f"bob@{NEW}"}
    assert not AliasTarget.objects.filter(unmatched=True, domain=NEW).exists()


def test_where_postfixadmins_away_message_answers_it_goes_on(old, add_mailbox):
    add_mailbox(ANN)
    Alias.objects.filter(pk=ANN).update(goto=f"{ANN},ann#{OLD}@autoreply.example.com")

    renamed(old)

    assert gotos(NEW) == {f"ann@{NEW}": f"ann@{NEW},ann#{NEW}@autoreply.example.com"}


@pytest.mark.parametrize(
    ("goto", "then"),
    [
        (f"Ann Lee <ann@{OLD}>", f"Ann Lee <ann@{NEW}>"),
        (f"ann@{OLD}.", f"ann@{NEW}."),
        (f"@{OLD}", f"@{NEW}"),
        (f"ANN@{OLD.upper()},x@y.example", f"ANN@{NEW},x@y.example"),
        (f"ann@{OLD},ann@{NEW}", f"ann@{NEW}"),
        (f"ann@my-{OLD}", f"ann@my-{OLD}"),
        (f"ann@{OLD}-group.example", f"ann@{OLD}-group.example"),
    ],
)
def test_recipients_that_another_program_wrote_are_read_as_postfix_reads_them(
    old, add_domain, add_alias, goto, then
):
    add_domain("other.example")
    add_alias("all@other.example", "x@y.example")
    Alias.objects.filter(pk="all@other.example").update(goto=goto)

    renamed(old)

    assert gotos("other.example") == {"all@other.example": then}


def test_each_row_elsewhere_and_both_names_have_an_entry_in_the_log(domain, make_admin):
    root = make_admin("root@other.example", superadmin=True)
    before = LogEntry.objects.latest("pk").pk

    rename_domain(actor=root, domain=domain, name=NEW)

    entries = LogEntry.objects.filter(pk__gt=before).order_by("pk")
    assert {(one.action, one.domain, one.data) for one in entries} == {
        ("edit_alias", "other.example", "all@other.example"),
        ("set_ending", "other.example", OTHER),
        ("edit_alias_domain", "twin.example", "twin.example"),
        ("rename_domain", OLD, OLD),
        ("rename_domain", NEW, NEW),
        ("create_alias_domain", OLD, OLD),
    }
    assert {one.username for one in entries} == {"root@other.example (localhost)"}
    told = entries.filter(action="rename_domain").values_list("changes", flat=True)
    assert [*told] == [{"name": [OLD, NEW]}] * 2


def test_sessions_of_its_users_end_and_those_of_administrators_go_on(domain):
    renamed(domain)

    assert [row.kind for row in PanelSession.objects.all()] == ["admin"]


def test_administrators_manage_the_new_name_and_the_old_one_while_it_leads_there(domain):
    renamed(domain)

    [boss] = Admin.objects.filter(domainadmin__domain=NEW)
    assert {*boss.domain_names} == {OLD, NEW, "twin.example"}


def test_who_has_tokens_and_webhooks_for_it_has_them_for_both(domain):
    renamed(domain)

    assert {row.domains for row in ApiToken.objects.all()} == {f"a.example,{OLD},{NEW}"}


def test_a_key_signs_for_the_new_name_once_its_dns_has_it(domain):
    renamed(domain)

    keys = DKIMKey.objects.with_roles()
    assert {key.selector: key.role for key in keys.filter(domain_name=NEW)} == {"s1": NEXT}
    assert keys.get(domain_name=OLD, selector="s1").role == SIGNS
    halves = {(key.private_key, key.public_key) for key in DKIMKey.objects.filter(selector="s1")}
    assert halves == {("private", "public")}


def test_alias_domains_lead_to_the_new_name(domain):
    renamed(domain)

    links = dict(AliasDomain.objects.values_list("pk", "target_domain"))
    assert links == {"twin.example": NEW, OLD: NEW}


def test_mail_to_either_name_is_copied_and_what_went_there_goes_on(domain):
    renamed(domain)

    assert {(row.address, row.goto) for row in Copy.objects.all()} == {
        (ANN, "a@archive.example"),
        (f"ann@{NEW}", "a@archive.example"),
        (f"@{OLD}", OTHER),
        (f"@{NEW}", OTHER),
        (f"nobody@{OLD}", f"bob@{NEW}"),
        (f"nobody@{NEW}", f"bob@{NEW}"),
        (OTHER, f"ann@{NEW}"),
        ("ann@twin.example", OTHER),
    }


def test_rules_about_senders_and_the_relay_host_count_for_both(domain):
    renamed(domain)

    rules = DomainSenderRule.objects.values_list("domain", "sender", "list_number")
    assert {*rules} == {(NEW, "bad.example", 1), (OLD, "bad.example", 2)}
    logins = RelayHost.objects.values_list("next_hop", "salt", "secret")
    assert len({*logins}) == 1
    assert {row.pk for row in RelayHost.objects.all()} == {OLD, NEW}


def test_rights_to_send_as_somebody_follow(domain):
    renamed(domain)

    pairs = SendAs.objects.values_list("username", "sender")
    assert {*pairs} == {(f"ann@{NEW}", f"@{NEW}"), (OTHER, f"ann@{NEW}")}


# --- Where mail goes


@pytest.mark.parametrize("name", ["ann", "sales", "shop", "anybody"])
def test_mail_to_the_old_names_arrives_where_that_to_the_new_ones_does(domain, name):
    renamed(domain)

    old, new = (answer(None, f"{name}@{place}").reached for place in (OLD, NEW))
    assert {*old} == {*new} != set()


@pytest.mark.parametrize("to", [NEW, "twin.example"])
@pytest.mark.parametrize("with_catch_all", [True, False])
def test_every_answer_is_the_one_before_under_the_new_name(domain, add_alias, to, with_catch_all):
    add_alias(f"list@{OLD}", f"sales@{OLD}", "moved@other.example", f"ann+x@{OLD}")
    add_alias("far@other.example", f"list@{OLD}", "ann@twin.example")
    if not with_catch_all:
        Alias.objects.filter(pk=f"@{OLD}").delete()
    local_parts = ("ann", "bob", "sales", "shop", "list", "ann+tag", "nobody", "both", "moved")
    places = (OLD, "twin.example", "other.example")
    asked = [f"{name}@{place}" for name in (*local_parts, "far", "all") for place in places]
    before = {address: reached(address) for address in asked}

    renamed(domain, to)

    for address in asked:
        wanted = {moved_to(to, one) for one in before[address]}
        assert (address, reached(address)) == (address, wanted)
        same = moved_to(to, address)
        assert (same, reached(same)) == (same, wanted)


def moved_to(place, address):
    local_part, _at, name = address.partition("@")
    return f"{local_part}@{place}" if name == OLD else address


def reached(address):
    return {*answer(None, address).reached}


def test_a_name_that_is_given_up_is_no_domain_any_more(domain):
    renamed(domain, keep_alias=False)

    assert answer(None, ANN).kind == ELSEWHERE
    assert answer(None, f"ann@{NEW}").row == f"ann@{NEW}"
    assert not DomainAdmin.objects.filter(domain=OLD).exists()


@pytest.mark.parametrize("keep_alias", [True, False])
def test_reports_and_figures_stay_with_the_old_name_and_go_with_it(old, keep_alias):
    today = timezone.localdate()
    DeliveryDay.objects.create(domain=OLD, day=today)
    ReportDay.objects.create(domain=OLD, day=today)

    renamed(old, keep_alias=keep_alias)

    left = [OLD] if keep_alias else []
    assert [row.domain for row in DeliveryDay.objects.all()] == left
    assert [row.domain for row in ReportDay.objects.all()] == left


def test_a_domain_that_is_off_takes_mail_to_either_name_once_it_is_on(add_domain, add_mailbox):
    old = add_domain(OLD, active=False)
    add_mailbox(ANN)

    new = renamed(old)
    assert [reached(f"ann@{name}") for name in (OLD, NEW)] == [set(), set()]
    update_domain(actor=None, domain=new, active=True)

    assert [reached(f"ann@{name}") for name in (OLD, NEW)] == [{f"ann@{NEW}"}] * 2


def test_a_resellers_budget_counts_it_once(make_reseller, add_domain):
    reseller = make_reseller()
    firm = create_domain(actor=reseller, name=OLD, mailboxes=10, quota=100, maxquota=1)
    before = use_of(reseller.pk)

    new = renamed(firm)
    assert use_of(reseller.pk) == before
    twin = create_domain(actor=reseller, name="twin.example", alias_of=new)
    with_two = use_of(reseller.pk)

    renamed(new, twin.pk)
    assert use_of(reseller.pk) == with_two
    resold = Domain.objects.exclude(reseller="").values_list("pk", flat=True)
    assert {*resold} == {NEW, "twin.example"}


def test_the_old_name_takes_no_addresses_of_its_own(domain, password):
    renamed(domain)

    left = Domain.objects.get(pk=OLD)
    with pytest.raises(ValidationError, match=r"old\.example may have no mailboxes"):
        create_mailbox(actor=None, domain=left, local_part="eve", password=password)


def test_a_new_mailbox_of_an_old_name_has_a_directory_of_its_own(old, add_mailbox):
    ann = add_mailbox(ANN)
    renamed(old, keep_alias=False)
    create_domain(actor=None, name=OLD, mailboxes=0, maxquota=0, quota=0)

    assert add_mailbox(ANN).maildir != ann.maildir


def test_it_gets_its_old_name_back(domain):
    before = gotos(OLD, "other.example")
    renamed(domain, keep_alias=False)

    renamed(Domain.objects.get(pk=NEW), OLD, keep_alias=False)

    assert gotos(OLD, "other.example") == {
        address: goto.replace("ANN", "ann") for address, goto in before.items()
    }


# --- An alias domain of it


@pytest.fixture
def twin(domain):
    return Domain.objects.get(pk="twin.example")


def test_an_alias_domain_changes_places_with_the_domain_it_leads_to(domain, twin):
    renamed(domain, twin.pk)

    assert dict(AliasDomain.objects.values_list("pk", "target_domain")) == {OLD: twin.pk}
    assert gotos(twin.pk)["ann@twin.example"] == "ann@twin.example"
    row = Domain.objects.get(pk=twin.pk)
    assert (row.mailboxes, row.description) == (50, domain.description)
    assert {*answer(None, ANN).reached} == {"ann@twin.example"}
    [boss] = Admin.objects.filter(domainadmin__domain=twin.pk).distinct()
    assert sorted(boss.domain_names) == [OLD, twin.pk]
    assert DomainAdmin.objects.filter(domain=twin.pk).count() == 1
    assert Deleted.objects.get(kind=MAILBOX).name == "zoe@twin.example"


def test_either_name_keeps_what_is_said_of_its_own_mail(domain, twin):
    key = DKIMKey.objects.create(domain_name=twin, selector="t1", public_key="x")
    set_relay_host(actor=None, domain=twin, server="smtp.other.example")
    set_domain_sender_rule(actor=None, domain=twin, sender="worse.example", action="REJECT")

    renamed(domain, twin.pk)

    assert [*DKIMKey.objects.filter(domain_name=twin.pk)] == [key]
    assert RelayHost.objects.get(pk=twin.pk).next_hop == "[smtp.other.example]:587"
    rules = DomainSenderRule.objects.values_list("domain", "sender")
    assert {*rules} == {(twin.pk, "worse.example"), (OLD, "bad.example")}
    copies = Copy.objects.filter(domain=twin.pk).values_list("address", "goto")
    assert {*copies} == {
        ("ann@twin.example", OTHER),
        ("@twin.example", OTHER),
        ("nobody@twin.example", "bob@twin.example"),
    }


def test_they_change_places_and_back_again(domain, twin):
    before = gotos(OLD, "other.example")
    renamed(domain, twin.pk)

    renamed(Domain.objects.get(pk=twin.pk), OLD)

    assert gotos(OLD, "other.example") == before | {
        "all@other.example": before["all@other.example"].replace("ANN", "ann")
    }
    assert dict(AliasDomain.objects.values_list("pk", "target_domain")) == {twin.pk: OLD}


def test_the_name_that_it_had_is_given_up_for_that_of_an_alias_domain(domain, twin):
    renamed(domain, twin.pk, keep_alias=False)

    assert {*Domain.objects.values_list("pk", flat=True)} == {twin.pk, "other.example"}
    assert not AliasDomain.objects.exists()
    assert {key.selector for key in DKIMKey.objects.filter(domain_name=twin.pk)} == {"s0", "s1"}


def test_an_alias_domain_with_addresses_of_its_own_stays_one(domain, twin, add_alias):
    add_alias("info@twin.example", OTHER)

    assert refusal(domain, twin.pk) == {"name": ["own_addresses"]}


@pytest.mark.parametrize("keep_alias", [True, False])
def test_who_may_do_less_in_the_domain_may_do_no_more_under_its_new_name(domain, keep_alias):
    rename_domain(actor=None, domain=domain, name=NEW, keep_alias=keep_alias)

    [boss] = Admin.objects.filter(domainadmin__domain=NEW)
    there = {OLD: "read", NEW: "read"} if keep_alias else {NEW: "read"}
    assert boss.domain_roles == there


def test_who_may_do_less_in_the_domain_may_do_no_more_after_it_changed_places(domain, twin):
    rename_domain(actor=None, domain=domain, name=twin.pk)

    [boss] = Admin.objects.filter(domainadmin__domain=twin.pk).distinct()
    assert boss.domain_roles == {OLD: "read", twin.pk: "read"}


def test_who_has_the_alias_domain_alone_does_not_get_the_mailboxes_by_it(domain, twin, make_admin):
    make_admin("eve@other.example", domains=[twin.pk])

    assert refusal(domain, twin.pk) == {"name": ["alone"]}
    DomainAdmin.objects.create(username_id="eve@other.example", domain=domain)
    renamed(domain, twin.pk)
    assert Admin.objects.get(pk="eve@other.example").domain_names == (OLD, twin.pk)


@pytest.mark.parametrize("domains", ["twin.example", "other.example,twin.example"])
def test_nor_does_a_token_or_webhook_for_the_alias_domain_alone(domain, twin, domains):
    limit = {"rights": "mailboxes:write", "domains": domains}
    token = ApiToken.objects.create(kind="admin", username="eve@x.example", name="x", **limit)

    assert refusal(domain, twin.pk) == {"name": ["alone"]}
    token.delete()
    hook = Webhook.objects.create(
        owner="eve@x.example", url="https://x.example", secret="x", events="", domains=domains
    )
    with pytest.raises(ValidationError, match=r"eve@x\.example: these manage twin\.example"):
        check_new_name(domain=domain.fresh(), name=twin.pk)
    hook.delete()
    assert renamed(domain, twin.pk).pk == twin.pk


def test_a_right_that_another_program_took_away_does_not_come_back(domain, twin, make_admin):
    eve = make_admin("eve@other.example", domains=[OLD])
    DomainAdmin.objects.create(username=eve, domain=twin, active=False)
    DomainAdmin.objects.create(username=make_admin("joe@other.example"), domain=twin, active=False)

    renamed(domain, twin.pk)

    rows = DomainAdmin.objects.filter(domain=twin.pk).order_by("pk")
    assert [(row.username_id, row.active) for row in rows] == [
        ("boss@old.example", True),
        ("eve@other.example", True),
    ]


# --- What nobody inherits


def test_what_another_domain_of_the_new_name_left_is_nobodys(old, add_mailbox, make_admin):
    add_mailbox(ANN)
    boss = make_admin("boss@other.example")
    DomainAdmin.objects.create(username=boss, domain_id=NEW)
    QuotaUsage.objects.create(username_id=f"ann@{NEW}", bytes=999)
    SendAs.objects.create(username="eve@x.example", sender=f"ann@{NEW}")
    Copy.objects.create(domain=NEW, direction="to", address=f"ann@{NEW}", goto="eve@x.example")

    renamed(old)

    assert not DomainAdmin.objects.filter(domain=NEW).exists()
    assert not QuotaUsage.objects.exists()
    assert not SendAs.objects.exists()
    assert not Copy.objects.exists()


def test_what_was_deleted_in_it_can_be_restored_under_the_new_name(domain):
    renamed(domain)

    deletion = Deleted.objects.get(kind=MAILBOX)
    assert (deletion.name, deletion.domain) == (f"zoe@{NEW}", NEW)
    zoe = restore(actor=None, deletion=deletion)
    assert (zoe.pk, zoe.maildir, zoe.name) == (f"zoe@{NEW}", f"{OLD}/zoe/", "Zoe")
    assert QuotaUsage.objects.get(pk=zoe.pk).bytes == 3
    assert gotos(NEW)[f"both@{NEW}"] == f"zoe@{NEW},bob@{NEW}"


def test_what_the_bin_has_of_another_domain_of_the_new_name_is_not_its_administrators(
    add_domain, add_mailbox, make_admin
):
    old = add_domain(OLD)
    Domain.objects.filter(pk=OLD).update(created=timezone.now() - timedelta(days=400))
    boss = make_admin(domains=[OLD])
    add_domain(NEW)
    delete_mailbox(actor=None, mailbox=add_mailbox(f"eve@{NEW}"))
    delete_domain(actor=None, domain=Domain.objects.get(pk=NEW))

    renamed(old)

    boss = Admin.objects.get(pk=boss.pk)
    assert NEW in boss.domain_names
    assert not Deleted.objects.manageable_by(boss).exists()
    assert warning_about(None or make_admin(superadmin=True), NEW).startswith("A deleted domain")


def test_nor_is_what_it_has_of_a_domain_before_an_alias_domain_that_changes_places(
    add_domain, add_mailbox, make_admin
):
    old, boss = add_domain(OLD), make_admin(domains=[OLD])
    add_domain(NEW)
    delete_mailbox(actor=None, mailbox=add_mailbox(f"eve@{NEW}"))
    delete_domain(actor=None, domain=Domain.objects.get(pk=NEW))
    Deleted.objects.update(at=timezone.now() - timedelta(days=2))
    twin = add_domain(NEW)
    DomainAdmin.objects.create(username=boss, domain=twin)
    create_alias_domain(actor=None, alias_domain=twin, target_domain=old)
    Domain.objects.filter(pk=OLD).update(created=timezone.now() - timedelta(days=400))

    renamed(old)

    assert NEW in Admin.objects.get(pk=boss.pk).domain_names
    assert not Deleted.objects.manageable_by(Admin.objects.get(pk=boss.pk)).exists()
    assert Domain.objects.get(pk=NEW).created <= twin.created


# --- What is refused


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "invalid_domain"),
        ("nodots", "invalid_domain"),
        ("-x.example", "invalid_domain"),
        ("ann@new.example", "invalid_domain"),
        ("xn--a.example", "invalid_domain"),
        (OLD, "same"),
        (OLD.upper(), "same"),
        ("other.example", "taken"),
        ("link.example", "taken"),
        (settings.MAIL_HOSTNAME, "own_host"),
    ],
)
def test_a_name_that_cannot_be_is_refused(domain, add_domain, name, code):
    other = Domain.objects.get(pk="other.example")
    create_alias_domain(actor=None, alias_domain=add_domain("link.example"), target_domain=other)

    assert refusal(domain, name) == {"name": [code]}
    assert gotos(OLD)[ANN] == ANN


def test_a_name_is_stored_in_ascii_and_may_be_below_the_old_one(old, add_mailbox):
    add_mailbox(ANN)

    below = renamed(old, f"mail.{OLD}", keep_alias=False)
    there = renamed(below, " Müller.example ")

    assert there.pk == "xn--mller-kva.example"
    assert gotos(there.pk) == {f"ann@{there.pk}": f"ann@{there.pk}"}


def test_an_alias_domain_has_another_way(domain):
    twin = Domain.objects.get(pk="twin.example")

    assert refusal(twin) == {"name": ["alias_domain"]}


@pytest.mark.parametrize("fields", [{"backupmx": True}, {"transport": "smtp:[mx.example.net]:25"}])
def test_a_domain_that_is_handed_on_can_only_give_its_name_up(add_domain, fields):
    domain = add_domain(OLD, **fields)

    assert refusal(domain) == {"keep_alias": ["handed_on"]}
    assert renamed(domain, keep_alias=False).ends_here is False


def test_an_address_that_would_be_too_long_is_named(old, add_alias):
    add_alias(f"{'a' * 64}@{OLD}", "x@y.example")
    long = f"{'b' * 63}.{'c' * 63}.{'d' * 58}.example"

    assert refusal(old, long) == {"name": ["too_long"]}


def test_an_alias_to_the_same_name_elsewhere_would_lead_to_itself(old, add_alias):
    add_alias(f"sales@{OLD}", f"sales@{NEW}")

    assert refusal(old) == {"name": ["itself"]}


def test_a_loop_that_comes_to_be_by_the_new_name_is_refused(old, add_domain, add_alias):
    add_domain("other.example")
    add_alias(f"a@{OLD}", "b@other.example")
    add_alias("b@other.example", f"a@{NEW}")  # another server's, until now

    with pytest.raises(ValidationError, match="mail loop"):
        renamed(old)


def test_recipients_without_room_for_a_longer_name_are_an_error_that_says_whose(
    old, add_domain, add_alias
):
    add_domain("other.example")
    add_alias("all@other.example", "x@y.example")
    many = ",".join(f"member{number:06}@{OLD}" for number in range(2600))
    Alias.objects.filter(pk="all@other.example").update(goto=many[:64_900])

    with pytest.raises(ValidationError, match=r"all@other\.example has so many recipients"):
        renamed(old, "a-much-longer-name.example")


@pytest.mark.parametrize("name", ["list", "ann"])
def test_so_are_those_of_its_own_aliases_before_anything_is_done(old, add_mailbox, name):
    add_mailbox(ANN)
    Alias.objects.get_or_create(address=f"{name}@{OLD}", defaults={"domain": old})
    for goto, fits in [(",".join(f"m{n:04}@{OLD}" for n in range(3_600)), False), (ANN, True)]:
        Alias.objects.filter(pk=f"{name}@{OLD}").update(goto=goto)
        if fits:
            assert renamed(old, "a-much-longer-name.example").pk == "a-much-longer-name.example"
        else:
            assert refusal(old, "a-much-longer-name.example") == {"name": ["too_long"]}


def test_a_domain_with_too_many_addresses_is_refused(old, add_mailbox):
    add_mailbox(ANN)
    add_mailbox(BOB)

    assert refusal(old, most=1) == {"name": ["too_many"]}
    assert renamed(old, most=2).pk == NEW


@pytest.mark.parametrize("author", ["other.example", OTHER, "twin.example"])
@pytest.mark.parametrize("to", [NEW, "twin.example"])
def test_a_name_by_which_mail_of_others_is_signed_is_not_given_up(domain, to, author):
    key = DKIMKey.objects.get(domain_name=OLD, selector="s1")
    DKIMSigning.objects.create(author=author, dkim=key)

    assert refusal(domain, to, keep_alias=False) == {"keep_alias": ["signs_for_others"]}
    renamed(domain, to)
    assert DKIMSigning.objects.get(author=author).dkim == key


def test_all_errors_are_told_at_once(add_domain):
    domain = add_domain(OLD, backupmx=True)

    assert refusal(domain, "nodots") == {"name": ["invalid_domain"], "keep_alias": ["handed_on"]}


def test_where_no_list_of_senders_is_free_the_old_name_cannot_have_one(domain, monkeypatch):
    monkeypatch.setattr("domains.sender_services.LISTS", 1)

    assert refusal(domain) == {"keep_alias": ["no_list"]}
    assert renamed(domain, keep_alias=False).pk == NEW


def test_whoever_is_no_superadmin_gives_no_domain_another_name(old, make_admin, make_reseller):
    for actor in (make_admin("boss@other.example", domains=[OLD]), make_reseller()):
        with pytest.raises(ValidationError, match="Only a superadmin"):
            rename_domain(actor=actor, domain=old, name=NEW)

    assert Domain.objects.get() == old


def test_a_name_that_is_free_is_checked_without_a_change(old):
    new = check_new_name(domain=old.fresh(), name=NEW)

    assert (new.pk, Domain.objects.filter(pk=NEW).exists()) == (NEW, False)


def test_a_chain_of_alias_domains_is_not_made(domain, add_domain):
    add_domain("third.example")
    renamed(domain)

    with pytest.raises(ValidationError):
        create_alias_domain(
            actor=None,
            alias_domain=Domain.objects.get(pk="third.example"),
            target_domain=Domain.objects.get(pk=OLD),
        )

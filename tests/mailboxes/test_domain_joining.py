from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import ApiToken, LogEntry, PanelSession, Webhook
from aliases.lookup import Lookup
from aliases.models import Alias, Ending, OwnAlias
from domains import resellers
from domains.copy_services import add_copy
from domains.models import AliasDomain, Copy, Domain
from domains.services import create_alias_domain, set_domain_active, update_domain
from mailboxes import app_passwords, joining
from mailboxes.domain_joining import join_domain
from mailboxes.endings import set_ending, today
from mailboxes.forwarding import set_forwarding
from mailboxes.identities import identities_of
from mailboxes.join_previews import preview
from mailboxes.joining import check_joining, clashes_of
from mailboxes.models import Deleted, Mailbox, QuotaUsage, SendAs
from mailboxes.restoring import restore
from mailboxes.send_as import let_send_as
from mailboxes.services import set_mailbox_active, update_mailbox
from mailboxes.vacations import set_vacation
from tests.domains.ways import names, ways
from tests.refusals import refused

OLD, NEW = "old.example", "new.example"


@pytest.fixture
def both(add_domain):
    return add_domain(OLD), add_domain(NEW)


def joined(**answers):
    domain, target = Domain.objects.get(pk=OLD), Domain.objects.get(pk=NEW)
    return join_domain(actor=None, domain=domain, target_domain=target, **answers)


def said(**answers):
    domain, target = (Domain.objects.get(pk=name).fresh() for name in (OLD, NEW))
    told = preview(check_joining(actor=None, domain=domain, target=target, **answers))
    return dict(told.changes), [text for text, _names in told.stays]


def rows():
    return dict(Alias.objects.order_by("pk").values_list("pk", "goto"))


def ends(*addresses):
    return [ways([address])[address][0] for address in addresses]


# --- What moves


def test_mailboxes_and_aliases_move_and_the_domain_is_another_name(both, add_mailbox, add_alias):
    box = add_mailbox("ann@old.example", quota=5_000_000)
    add_alias("sales@old.example", "ann@old.example", "x@elsewhere.test")

    link = joined()

    assert (link.pk, link.target_domain_id, link.active) == (OLD, NEW, True)
    ann = Mailbox.objects.get()
    assert (ann.pk, ann.domain_id, ann.maildir, ann.password, ann.quota) == (
        "ann@new.example",
        NEW,
        box.maildir,
        box.password,
        5_000_000,
    )
    assert rows() == {
        "ann@new.example": "ann@new.example",
        "sales@new.example": "ann@new.example,x@elsewhere.test",
    }
    assert ends("ann@old.example", "sales+x@old.example") == [
        {"ann@new.example"},
        {"ann+x@new.example", "x+x@elsewhere.test"},
    ]
    usage = [Domain.objects.get(pk=name).fresh().usage for name in (OLD, NEW)]
    assert [(row.mailboxes, row.alias_rows, row.allotted) for row in usage] == [
        (0, 0, 0),
        (1, 2, 5_000_000),
    ]


def test_what_belongs_to_a_mailbox_goes_along(both, add_mailbox, add_alias, example_org):
    ann = add_mailbox("ann@old.example")
    add_mailbox("joe@old.example")
    add_mailbox("eve@example.org")
    add_alias("all@example.org", "ann+list@old.example", "eve@example.org")
    set_forwarding(actor=None, mailbox=ann, targets="joe@old.example", keep_copy=True)
    QuotaUsage.objects.create(username=ann, bytes=7)
    app_passwords.make_app_password(
        actor=ann, password=app_passwords.drawn(), name="Phone", protocols=["imap"]
    )
    let_send_as(actor=None, mailbox="eve@example.org", sender="ann@old.example")
    let_send_as(actor=None, mailbox="ann@old.example", sender="eve@example.org")
    set_ending(actor=None, row=ann, last_day=today() + timedelta(days=9), action="off")
    add_copy(actor=None, domain=both[0], direction="to", local_part="ann", goto="eve@example.org")
    later = timezone.now() + timedelta(days=1)
    PanelSession.objects.create(pk="k", kind="mailbox", username=ann.pk, expire_date=later)
    set_vacation(actor=None, mailbox=ann, subject="Away", body="Back soon")

    joined()

    new = Mailbox.objects.get(pk="ann@new.example")
    assert rows()["ann@new.example"] == "ann@new.example,joe@new.example"
    assert rows()["all@example.org"] == "ann+list@new.example,eve@example.org"
    assert (new.usage.bytes, new.app_passwords.count()) == (7, 1)
    assert sorted(SendAs.objects.values_list("username", "sender")) == [
        ("ann@new.example", "eve@example.org"),
        ("eve@example.org", "ann@new.example"),
    ]
    assert Ending.objects.get().pk == "ann@new.example"
    assert sorted(Copy.objects.values_list("address", "goto")) == [
        ("ann@new.example", "eve@example.org"),
        ("ann@old.example", "eve@example.org"),
    ]
    assert PanelSession.objects.count() == 0
    assert {"ann@new.example", "ann@old.example"} <= set(identities_of(new))


def test_an_aliass_own_things_go_along(both, add_mailbox, add_alias):
    add_mailbox("ann@old.example")
    alias = add_alias("sales@old.example", "ann@old.example", access="members", description="Shop")
    OwnAlias.objects.create(address=alias.pk, username="ann@old.example", domain=OLD)

    joined()

    moved = Alias.objects.get(pk="sales@new.example")
    assert (moved.access, moved.access_list, moved.description) == ("members", 1, "Shop")
    assert list(OwnAlias.objects.values_list("address", "username", "domain")) == [
        ("sales@new.example", "ann@new.example", NEW)
    ]


def test_copies_of_the_whole_domain_end_under_the_new_names_and_this_is_said(
    both, add_mailbox, example_org
):
    add_mailbox("eve@example.org")
    add_mailbox("ann@old.example")
    add_copy(actor=None, domain=both[0], direction="from", goto="eve@example.org")
    add_copy(actor=None, domain=both[0], direction="to", goto="eve@example.org")

    told, _stays = said()
    joined()

    assert [(text, names) for text, names in told.items() if "opies" in text] == [
        (
            "Attention: copies (BCC) of all mail to or from old.example are made under its own names alone. What is sent to the new addresses, or as one of them, is copied no more, unless new.example gets such copies. These no longer get it:",
            ("eve@example.org",),
        )
    ]
    assert sorted(Copy.objects.values_list("address", "direction")) == [
        ("@old.example", "from"),
        ("@old.example", "to"),
    ]


def test_copies_of_one_address_are_made_under_both_names_and_this_is_said(
    both, add_mailbox, example_org
):
    add_mailbox("eve@example.org")
    add_mailbox("ann@old.example")
    add_copy(actor=None, domain=both[0], direction="to", local_part="ann", goto="eve@example.org")

    told, _stays = said()

    assert [text for text in told if "opies" in text] == [
        "Copies (BCC) of mail to and from single addresses of old.example stay, and are made under the new addresses of what moves, too."
    ]


# --- The same on both sides


def test_aliases_with_the_same_recipients_become_one(both, add_mailbox, add_alias):
    add_mailbox("ann@new.example")
    add_alias("ann@old.example", "ann@new.example")
    add_alias("sales@old.example", "x@elsewhere.test", "ann@new.example")
    add_alias("sales@new.example", "ann@new.example", "x@elsewhere.test")
    add_mailbox("eve@new.example")
    let_send_as(actor=None, mailbox="eve@new.example", sender="sales@old.example")
    before = ways(names(OLD))

    told, _stays = said()
    joined()

    assert told["2 aliases lead to the same recipients there: one is left of both."] == (
        "ann@old.example",
        "sales@old.example",
    )
    assert [name for name in rows() if name.endswith(OLD)] == []
    asked = ["ann@old.example", "sales@old.example"]
    assert {name: ways(asked)[name] for name in asked} == {name: before[name] for name in asked}
    assert list(SendAs.objects.values_list("username", "sender")) == [
        ("eve@new.example", "sales@new.example")
    ]


def test_an_alias_that_is_one_with_another_can_be_restored(both, add_mailbox, add_alias):
    add_mailbox("eve@new.example")
    add_alias("sales@old.example", "eve@new.example")
    add_alias("sales@new.example", "eve@new.example")
    add_alias("shop@old.example", "x@elsewhere.test")
    add_alias("shop@new.example", "eve@new.example")

    joined(add=["shop"])

    kept = Deleted.objects.order_by("pk").values_list("name", "kind", "domain", "note")
    assert list(kept) == [
        ("sales@old.example", "alias", OLD, "eve@new.example"),
        ("shop@old.example", "alias", OLD, "x@elsewhere.test"),
    ]
    update_domain(actor=None, domain=Domain.objects.get(pk=OLD), aliases=1)
    restore(actor=None, deletion=Deleted.objects.get(name="shop@old.example"))
    assert rows()["shop@old.example"] == "x@elsewhere.test"


@pytest.mark.parametrize(
    "differs",
    [{"access": "closed"}, {"access": "internal"}, {"active": False}],
)
def test_what_differs_in_who_may_write_is_not_the_same(both, add_mailbox, add_alias, differs):
    add_mailbox("ann@new.example")
    add_alias("ann@old.example", "ann@new.example", **differs)

    with refused("off" if "active" in differs else "clash", field="names"):
        joined()


def test_aliases_that_are_both_off_become_one(both, add_mailbox, add_alias):
    for domain in (OLD, NEW):
        add_alias(f"sales@{domain}", "x@elsewhere.test", active=False)

    joined()

    assert dict(Alias.objects.values_list("pk", "active")) == {"sales@new.example": False}
    assert Lookup().match("sales@old.example") is None


@pytest.mark.parametrize("off", [OLD, NEW])
def test_one_that_is_off_is_not_the_same_as_one_that_is_on(both, add_alias, off):
    for domain in (OLD, NEW):
        add_alias(f"sales@{domain}", "x@elsewhere.test", active=domain != off)

    with refused("off" if off == OLD else "clash", field="names"):
        joined()


@pytest.mark.parametrize("ending", [OLD, NEW])
def test_one_that_has_a_last_day_is_asked_about(both, add_mailbox, add_alias, ending):
    add_mailbox("ann@new.example")
    found = {domain: add_alias(f"sales@{domain}", "ann@new.example") for domain in (OLD, NEW)}
    day = today() + timedelta(days=2)
    set_ending(actor=None, row=found[ending], last_day=day, action="delete")

    with refused("clash", field="names"):
        joined()
    with refused("ending", field="names"):
        joined(add=["sales"])
    joined(leave=["sales"])

    assert Ending.objects.get().pk == f"sales@{ending}"
    assert rows()["sales@old.example"] == "ann@new.example"


def test_an_alias_with_a_last_day_does_not_become_the_mailbox_it_leads_to(
    both, add_mailbox, add_alias
):
    add_mailbox("ann@new.example")
    alias = add_alias("ann@old.example", "ann@new.example")
    day = today() + timedelta(days=2)
    set_ending(actor=None, row=alias, last_day=day, action="delete")

    with refused("clash", field="names"):
        joined()


def test_an_alias_of_its_name_that_leads_to_a_mailbox_becomes_its_address(
    both, add_mailbox, add_alias, example_org
):
    add_mailbox("eve@example.org")
    add_mailbox("ann@old.example")
    add_alias("ann@new.example", "ann@old.example")
    let_send_as(actor=None, mailbox="eve@example.org", sender="ann@new.example")
    add_copy(actor=None, domain=both[1], direction="to", local_part="ann", goto="eve@example.org")

    told, _stays = said()
    joined()

    assert told["Aliases there that lead to the mailbox of their name become its address:"] == (
        "ann@new.example",
    )
    assert Mailbox.objects.get(domain=NEW).pk == "ann@new.example"
    row = Alias.objects.get(pk="ann@new.example")
    assert (row.goto, row.is_self_alias) == ("ann@new.example", True)
    assert SendAs.objects.get().sender == "ann@new.example"
    assert Copy.objects.get().address == "ann@new.example"
    usage = Domain.objects.get(pk=NEW).fresh()
    assert (usage.usage.mailboxes, usage.alias_count) == (1, 0)


def test_the_name_of_an_alias_that_takes_mail_is_not_for_a_mailbox_that_only_sends(
    both, add_mailbox, add_alias
):
    update_mailbox(actor=None, mailbox=add_mailbox("ann@old.example"), receives=False)
    add_alias("ann@new.example", "ann@old.example")
    assert ends("ann@new.example") == [{"ann@old.example"}]

    with refused("clash", field="names"):
        joined()
    joined(names={"ann": "ann.old"})

    assert ends("ann@new.example") == [{"ann.old@new.example"}]


def test_nor_is_one_with_a_last_day_for_any_mailbox(both, add_mailbox, add_alias):
    add_mailbox("ann@old.example")
    alias = add_alias("ann@new.example", "ann@old.example")
    day = today() + timedelta(days=2)
    set_ending(actor=None, row=alias, last_day=day, action="delete")

    with refused("clash", field="names"):
        joined()


# --- Names that are taken


@pytest.fixture
def clash(both, add_mailbox, add_alias):
    for domain in (OLD, NEW):
        add_mailbox(f"info@{domain}")
    add_mailbox("ann@new.example")
    add_alias("sales@old.example", "info@old.example", "x@elsewhere.test")
    add_alias("sales@new.example", "ann@new.example")
    add_alias("ann@old.example", "info@old.example")


def state():
    return rows(), sorted(Mailbox.objects.values_list("pk", flat=True)), LogEntry.objects.count()


def test_each_needs_an_answer_and_nothing_is_done_before(clash):
    before = state()

    with refused("clash", "clash", "clash", field="names") as refusal:
        joined()

    assert refusal.value.messages == [
        "info: info@old.example is a mailbox, and info@new.example exists, too. Enter another name for the mailbox.",
        "ann: ann@old.example and ann@new.example exist and differ. Choose what becomes of ann@old.example.",
        "sales: sales@old.example and sales@new.example exist and differ. Choose what becomes of sales@old.example.",
    ]
    assert (state(), AliasDomain.objects.count()) == (before, 0)


def test_each_answer_keeps_all_mail_where_it_went(clash):
    joined(names={"info": "info.old"}, add=["sales"], leave=["ann"])

    assert rows() == {
        "ann@new.example": "ann@new.example",
        "ann@old.example": "info.old@new.example",
        "info.old@new.example": "info.old@new.example",
        "info@new.example": "info@new.example",
        "info@old.example": "info.old@new.example",
        "sales@new.example": "ann@new.example,info.old@new.example,x@elsewhere.test",
    }
    old = ["info@old.example", "info+x@old.example", "ann@old.example", "sales@old.example"]
    assert ends(*old) == [
        {"info.old@new.example"},
        {"info.old+x@new.example"},
        {"info.old@new.example"},
        {"ann@new.example", "info.old@new.example", "x@elsewhere.test"},
    ]


def test_an_alias_gets_another_name_too(clash):
    joined(names={"info": "info.old", "sales": "shop@new.example", "ann": "ann.old"})

    assert rows()["shop@new.example"] == "info.old@new.example,x@elsewhere.test"
    assert rows()["sales@old.example"] == "shop@new.example"
    assert ends("sales@old.example") == [{"info.old@new.example", "x@elsewhere.test"}]


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"names": {"info": "ann"}}, "taken"),
        ({"names": {"info": "sales"}}, "taken"),
        ({"names": {"info": "in fo"}}, "invalid_local_part"),
        ({"leave": ["info"]}, "mailbox"),
        ({"add": ["info"]}, "mailbox"),
        ({"names": {"info": "info.old"}, "leave": ["info"]}, "several"),
    ],
)
def test_a_wrong_answer_is_refused(both, add_mailbox, add_alias, answers, code):
    add_mailbox("info@old.example")
    add_mailbox("info@new.example")
    add_mailbox("ann@new.example")
    add_alias("sales@old.example", "x@elsewhere.test")
    before = state()

    with refused(code, field="names"):
        joined(**answers)

    assert state() == before


def test_recipients_are_added_to_an_alias_that_is_on_alone(both, add_mailbox, add_alias):
    add_mailbox("ann@new.example")
    add_alias("ann@old.example", "x@elsewhere.test")

    with refused("no_alias", field="names"):
        joined(add=["ann"])


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ({}, {"access": "closed", "access_text": "no"}),
        ({"access": "members"}, {}),
        ({"access": "closed", "access_text": "a"}, {"access": "closed", "access_text": "b"}),
    ],
)
def test_recipients_are_added_only_where_the_same_people_may_write(
    both, add_mailbox, add_alias, here, there
):
    add_mailbox("ann@new.example")
    add_alias("sales@old.example", "x@elsewhere.test", **here)
    add_alias("sales@new.example", "ann@new.example", **there)
    before = state()

    domain, target = (Domain.objects.get(pk=name).fresh() for name in (OLD, NEW))
    assert [clash.choices for clash in clashes_of(domain, target)] == [("leave", "name")]
    with refused("other_writers", field="names") as refusal:
        joined(add=["sales"])

    assert refusal.value.messages == [
        "sales: Who may write to sales@new.example differs from who may write to sales@old.example, so it gets no recipients of that. Choose something else, or make both alike first."
    ]
    assert state() == before


def test_two_cannot_get_the_same_name(both, add_mailbox):
    for name in ("info", "shop"):
        add_mailbox(f"{name}@old.example")
        add_mailbox(f"{name}@new.example")

    with refused("taken", field="names"):
        joined(names={"info": "one", "shop": "one"})


def test_an_answer_about_nothing_is_refused(both, add_mailbox):
    add_mailbox("info@old.example")

    with refused("no_clash", field="names"):
        joined(names={"inof": "info.old"})


def test_mail_to_one_that_is_off_must_not_go_to_somebody_else(both, add_mailbox):
    box = add_mailbox("info@old.example")
    add_mailbox("info@new.example")
    set_mailbox_active(actor=None, mailbox=box, active=False)

    with refused("off", field="names"):
        joined(names={"info": "info.old"})


def test_an_alias_that_names_the_one_it_joins_does_not_lead_to_itself(both, add_mailbox, add_alias):
    add_mailbox("ann@new.example")
    add_alias("sales@old.example", "ann@new.example", "x@elsewhere.test")
    add_alias("sales@new.example", "sales@old.example", "y@elsewhere.test")

    joined(add=["sales"])

    assert rows()["sales@new.example"] == "y@elsewhere.test,ann@new.example,x@elsewhere.test"


def test_an_alias_that_leads_to_its_own_name_there_stays(both, add_alias):
    add_alias("news@old.example", "news@new.example", "x@elsewhere.test")

    told, _stays = said()
    joined()

    assert told["Stay addresses of their own, and lead where they lead now:"] == (
        "news@old.example",
    )
    assert rows() == {"news@old.example": "news@new.example,x@elsewhere.test"}


# --- Extensions


def test_an_extension_of_a_name_that_is_taken_stays_where_it_is(both, add_mailbox, add_alias):
    add_mailbox("joe@new.example")
    Alias.objects.create(address="joe+news@old.example", goto="x@elsewhere.test", domain_id=OLD)

    joined()

    assert ends("joe+news@new.example", "joe+news@old.example") == [
        {"joe+news@new.example"},
        {"x@elsewhere.test"},
    ]


def test_an_extension_there_must_not_take_mail_from_here(both, add_mailbox):
    add_mailbox("joe@old.example")
    Alias.objects.create(address="joe+news@new.example", goto="x@elsewhere.test", domain_id=NEW)

    with refused("extension"):
        joined()


# --- Catch-alls


def test_the_catch_all_stays_for_what_is_no_name_anywhere(both, add_mailbox, add_alias):
    add_mailbox("ann@new.example")
    add_alias("@old.example", "x@elsewhere.test")
    add_alias("@new.example", "ann@new.example")

    told, _stays = said()
    joined()

    text = (
        "The catch-all of old.example stays: mail to what is no name in either domain goes on to:"
    )
    assert told[text] == ("x@elsewhere.test",)
    assert ends("nobody@old.example", "ann@old.example", "nobody@new.example") == [
        {"x@elsewhere.test"},
        {"ann@new.example"},
        {"ann@new.example"},
    ]


def test_without_one_that_of_the_other_domain_takes_unknown_names_and_this_is_said(both, add_alias):
    add_alias("@new.example", "x@elsewhere.test")

    told, _stays = said()
    joined()

    text = "The catch-all of new.example takes mail to unknown names in old.example, too, which is refused now:"
    assert told[text] == ("x@elsewhere.test",)
    assert ends("nobody@old.example") == [{"x@elsewhere.test"}]


# --- Rights


def test_the_right_to_send_as_every_name_ends_and_this_is_said(both, add_mailbox, make_admin):
    make_admin("tom@example.com", domains=[both[0]])
    add_mailbox("ann@new.example")
    let_send_as(actor=None, mailbox="ann@new.example", sender="@old.example")

    told, _stays = said()
    joined()

    assert told[
        "May no longer send as every name of old.example, for these are the names of new.example:"
    ] == ("ann@new.example",)
    assert told["What moves is managed by the administrators of new.example. No longer by:"] == (
        "tom@example.com",
    )
    assert SendAs.objects.count() == 0


@pytest.mark.parametrize("model", [ApiToken, Webhook])
def test_what_is_limited_to_the_domain_stays_so_and_this_is_said(both, model):
    text = "API tokens and webhooks that are limited to old.example stay limited to it, and know nothing of what moved."
    row = model.objects.create(domains=f"{NEW},bold.example")
    assert text not in said()[1]

    model.objects.filter(pk=row.pk).update(domains=f"bold.example,{OLD}")
    assert text in said()[1]
    joined()

    assert model.objects.get().domains == f"bold.example,{OLD}"


# --- Refused


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"mailboxes": 2}, "limit_reached"),
        ({"mailboxes": -1}, "limit_reached"),
        ({"aliases": 1}, "limit_reached"),
        ({"maxquota": 4}, "above_maxquota"),
        ({"quota": 12, "maxquota": 10}, "above_domain_quota"),
    ],
)
def test_the_other_domain_needs_room(both, add_mailbox, add_alias, limits, code):
    add_mailbox("one@new.example", quota=5 * 1024000)
    for name in ("ann", "joe"):
        add_mailbox(f"{name}@old.example", quota=5 * 1024000)
        add_alias(f"list-{name}@old.example", "x@elsewhere.test")
    update_domain(actor=None, domain=both[1], **limits)
    before = state()

    with pytest.raises(ValidationError) as refusal:
        joined()

    codes = {error.code for error in refusal.value.error_dict["target_domain"]}
    assert (codes, list(refusal.value.error_dict)) == ({code}, ["target_domain"])
    assert state() == before


def test_its_limits_count_for_nobody_afterwards(both, add_mailbox, make_admin):
    for domain in both:
        update_domain(actor=None, domain=domain, mailboxes=10, quota=100)
    Domain.objects.update(reseller="tom@example.com")
    add_mailbox("ann@old.example", quota=5 * 1024000)

    joined()

    old = Domain.objects.get(pk=OLD)
    assert (old.mailboxes, old.aliases, old.quota, old.active) == (-1, -1, 0, True)
    use = resellers.use_of("tom@example.com")
    assert (use.mailboxes, use.storage) == (10, 100)


def test_as_many_as_there_is_room_for_move(both, add_mailbox, add_alias):
    add_mailbox("ann@old.example", quota=5 * 1024000)
    add_alias("sales@old.example", "x@elsewhere.test")
    update_domain(actor=None, domain=both[1], mailboxes=1, aliases=1, quota=5, maxquota=5)

    joined()

    assert Mailbox.objects.get().domain_id == NEW


def test_a_domain_that_is_off_or_handed_on_or_itself_is_refused(both):
    with refused("itself", field="target_domain"):
        join_domain(actor=None, domain=both[0], target_domain=both[0])
    set_domain_active(actor=None, domain=both[1], active=False)
    with refused("off", field="target_domain"):
        joined()
    update_domain(actor=None, domain=both[1], active=True, transport="smtp:[192.0.2.1]")
    with refused("handed_on", field="target_domain"):
        joined()


def test_alias_domains_are_made_their_own_first(both, add_domain):
    third = add_domain("third.example")
    create_alias_domain(actor=None, alias_domain=third, target_domain=both[0])
    with refused("alias_domains"):
        joined()

    AliasDomain.objects.all().delete()
    create_alias_domain(actor=None, alias_domain=both[0], target_domain=third)
    with refused("taken"):
        joined()

    AliasDomain.objects.all().delete()
    create_alias_domain(actor=None, alias_domain=both[1], target_domain=third)
    with refused("chain", field="target_domain"):
        joined()


def test_all_errors_are_told_at_once(both, add_mailbox, add_alias):
    add_mailbox("ann@old.example")
    add_mailbox("ann@new.example")
    add_alias("sales@old.example", "x@elsewhere.test")
    update_domain(actor=None, domain=both[1], mailboxes=1, aliases=-1)

    with pytest.raises(ValidationError) as refusal:
        joined()

    assert {name: len(found) for name, found in refusal.value.error_dict.items()} == {
        "names": 1,
        "target_domain": 2,
    }


def test_a_mailbox_that_postfixadmin_answers_for_is_refused(both, add_mailbox, settings):
    box = add_mailbox("ann@old.example")
    settings.VACATION_DOMAIN = "autoreply.example"
    away = f"{box.pk},ann#old.example@autoreply.example"
    Alias.objects.filter(pk=box.pk).update(goto=away)

    with refused("away"):
        joined()


def test_an_alias_that_leads_to_itself_is_refused(both, add_alias):
    add_alias("sales@old.example", "x@elsewhere.test")
    Alias.objects.update(goto="sales@old.example,x@elsewhere.test")

    with refused("itself"):
        joined()


def test_a_loop_is_refused_and_nothing_is_written(both, add_mailbox, add_alias):
    add_mailbox("ann@new.example")
    add_alias("b@new.example", "a@old.example", "ann@new.example")
    add_alias("a@old.example", "ann@new.example", "x@elsewhere.test")
    add_alias("a@new.example", "b@new.example")
    before = state()

    with refused("loop"):
        joined(add=["a"])

    assert state() == before


# --- Many


def test_more_addresses_than_join_at_once_are_refused_before_they_are_read(
    both, add_mailbox, add_alias, monkeypatch, django_assert_max_num_queries
):
    for name in ("a", "b"):
        add_mailbox(f"{name}@old.example")
    add_alias("list@old.example", "a@old.example")
    before = state()

    with refused("too_many") as refusal:
        joined(most=2)
    assert refusal.value.messages == [
        "old.example has more than 2 addresses, which takes long: use the command “domain join”."
    ]
    with monkeypatch.context() as patch:
        patch.setattr(joining, "MOST", 2)
        with refused("too_many") as refusal:
            joined(most=2)
        domain, target = (Domain.objects.get(pk=name).fresh() for name in (OLD, NEW))
        with django_assert_max_num_queries(5), refused("too_many"):
            clashes_of(domain, target, most=2)
    assert refusal.value.messages == [
        "old.example has more than 2 addresses, which is all that join another domain at once."
    ]
    assert state() == before
    joined(most=3)

    assert Mailbox.objects.filter(domain=NEW).count() == 2


# --- The log


def test_both_domains_read_what_moved(both, add_mailbox, add_alias):
    add_mailbox("ann@old.example")
    add_mailbox("eve@new.example")
    add_alias("eve@old.example", "eve@new.example")
    LogEntry.objects.all().delete()

    joined()

    entries = LogEntry.objects.order_by("pk").values_list("action", "domain", "data")
    assert list(entries) == [
        ("rename_mailbox", OLD, "ann@old.example"),
        ("rename_mailbox", NEW, "ann@new.example"),
        ("delete_alias", OLD, "eve@old.example"),
        ("create_alias_domain", OLD, OLD),
        ("join_domain", OLD, OLD),
    ]
    assert LogEntry.objects.get(action="join_domain").changes == {
        "target_domain": [None, NEW],
        "mailbox_count": [1, None],
        "alias_count": [1, None],
    }


def test_a_lifetime_of_passwords_begins_there(both, add_mailbox):
    box = add_mailbox("ann@old.example")
    update_domain(actor=None, domain=both[1], password_expiry=30)

    told, _stays = said()
    joined()

    text = "Passwords have a lifetime in new.example: that of the mailboxes that move begins then."
    assert text in told
    assert Mailbox.objects.get().password_expiry > box.password_expiry


def test_a_mailbox_that_only_sends_takes_no_mail_under_either_name(both, add_mailbox):
    update_mailbox(actor=None, mailbox=add_mailbox("ann@old.example"), receives=False)

    joined()

    assert [Lookup().access(name).kind for name in ("ann@old.example", "ann@new.example")] == [
        "sends",
        "sends",
    ]

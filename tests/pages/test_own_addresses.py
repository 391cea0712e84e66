from datetime import timedelta

import pytest
from django.core.management import call_command

from accounts.models import LogEntry
from aliases.answers import ACCEPTED, REFUSED, answer
from aliases.models import Alias, Ending, OwnAlias, OwnAliasLimit
from aliases.services import set_alias_active
from domains.deliveries import ASKED, RECIPIENT, Delivery, DeliveryKey, found_under
from domains.models import Domain
from domains.services import delete_domain
from mailboxes.endings import end_due, set_ending, today
from mailboxes.models import Mailbox
from mailboxes.own_aliases import create_own_alias, edit_own_alias, limit_of, set_limit
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox
from tests.pages.reading import error_codes, errors, sent, text

JOE, SHOP = "joe@example.org", "shop@example.org"
PAGE = "/account/addresses/"


@pytest.fixture
def joe(example_org, add_mailbox):
    add_mailbox("ann@example.org")
    return add_mailbox(JOE)


@pytest.fixture
def allowed(joe, example_org):
    set_limit(actor=None, row=example_org, most=2)
    return joe


@pytest.fixture
def own(sign_in, allowed):
    return sign_in(allowed)


def make(client, name="shop", **values):
    return client.post(PAGE, {"local_part": name, "note": "", "last_day": ""} | values, follow=True)


def test_nobody_may_make_one_unless_it_is_allowed(sign_in, joe):
    client = sign_in(joe)

    assert client.get(PAGE).status_code == 404
    assert client.post(PAGE, {"local_part": "shop"}).status_code == 404
    assert "Own addresses" not in text(client.get("/account/"))
    assert Alias.objects.filter(pk=SHOP).exists() is False


def test_its_user_makes_one_switches_it_off_and_on_and_deletes_it(own):
    said = text(make(own, note="Book shop"))
    assert "shop@example.org is yours: its mail comes to this mailbox." in said
    assert "shop@example.org Book shop" in said
    alias = Alias.objects.get(pk=SHOP)
    assert (alias.goto, alias.description) == (JOE, "Book shop")
    assert answer(None, SHOP).kind == ACCEPTED
    entry = LogEntry.objects.get(action="create_alias")
    assert entry.username.startswith(f"{JOE} ")

    assert "shop@example.org is off." in text(own.post(PAGE, {"off": SHOP}, follow=True))
    assert answer(None, SHOP).kind == REFUSED
    assert "shop@example.org is on." in text(own.post(PAGE, {"on": SHOP}, follow=True))
    assert "shop@example.org is deleted" in text(own.post(PAGE, {"delete": SHOP}, follow=True))
    assert (Alias.objects.filter(pk=SHOP).exists(), OwnAlias.objects.count()) == (False, 0)
    assert own.post(PAGE, {"delete": SHOP}).status_code == 302  # the second of two clicks


def test_without_a_name_it_is_one_that_nobody_guesses(own):
    make(own, name="")
    make(own, name="")

    names = [row.pk.partition("@")[0] for row in OwnAlias.objects.all()]
    assert [len(name) for name in names] == [10, 10]
    assert len(set(names)) == 2


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("postmaster", "reserved"),
        ("Admin", "reserved"),
        ("ann", "taken"),
        ("sales", "taken"),
        ("gone", "was_mailbox"),
        ("joe+shop", "delimiter"),
        ("a b", "invalid_local_part"),
        ("*", "invalid_local_part"),
        ("a..b", "invalid_local_part"),
        ("x@other.net", "invalid_local_part"),
    ],
)
def test_names_that_are_not_to_be_had_are_refused_with_the_reason(
    name, code, own, add_alias, add_mailbox, settings
):
    settings.ROLE_ADDRESSES_PROTECTED = False
    add_alias("sales@example.org", "ann@example.org")
    delete_mailbox(actor=None, mailbox=add_mailbox("gone@example.org"))

    page = make(own, name)

    assert page.status_code == 422
    assert error_codes(page) == {"local_part": [code]}
    assert OwnAlias.objects.count() == 0


def test_the_former_name_of_a_mailbox_is_not_to_be_had(own, add_mailbox):
    """Its owner may have given it up to be rid of it, and people go on writing to it."""
    for name in ("kim", "lee"):
        renamed = rename_mailbox(
            actor=None,
            mailbox=add_mailbox(f"{name}@example.org"),
            local_part=f"{name}2",
            keep_alias=False,
        )
    delete_mailbox(actor=None, mailbox=renamed)

    for name in ("kim", "lee"):
        assert error_codes(make(own, name)) == {"local_part": ["was_mailbox"]}
    assert OwnAlias.objects.count() == 0


def test_the_limit_of_the_domain_s_mailboxes_holds(own):
    make(own, "one")
    make(own, "two")
    assert "You have all the addresses that you may have: 2." in text(own.get(PAGE))

    page = make(own, "three")

    assert page.status_code == 422
    assert errors(page)["__all__"] == ["You have your 2 addresses already. Delete one first."]
    assert OwnAlias.objects.count() == 2
    own.post(PAGE, {"off": "one@example.org"})
    assert make(own, "three").status_code == 422  # one that is off counts
    own.post(PAGE, {"delete": "one@example.org"})
    assert make(own, "three").status_code == 200


def test_the_domain_s_limit_of_aliases_holds(own, example_org):
    Domain.objects.filter(pk="example.org").update(aliases=1)
    make(own, "one")

    page = make(own, "two")

    assert page.status_code == 422
    assert "has all the aliases that it may have" in errors(page)["__all__"][0]


def test_a_mailbox_may_have_a_limit_of_its_own(joe, example_org):
    assert limit_of(joe) == 0
    set_limit(actor=None, row=joe, most=1)
    assert limit_of(joe) == 1
    set_limit(actor=None, row=example_org, most=5)
    assert limit_of(joe) == 1
    set_limit(actor=None, row=joe, most=0)
    assert limit_of(joe) == 0
    set_limit(actor=None, row=joe, most=None)
    assert limit_of(joe) == 5


def test_nobody_touches_what_is_not_theirs(own, sign_in, allowed, add_alias):
    create_own_alias(actor=Mailbox.objects.get(pk="ann@example.org"), local_part="hers")
    add_alias("sales@example.org", JOE)  # leads to joe, but an administrator made it

    for address in ("hers@example.org", "sales@example.org", JOE, "no@example.org"):
        for action in ("off", "on"):
            assert own.post(PAGE, {action: address}).status_code == 404
        own.post(PAGE, {"delete": address})
        assert Alias.objects.filter(pk=address).exists() is (address != "no@example.org")
    assert Alias.objects.filter(active=False).count() == 0
    assert "hers@" not in text(own.get(PAGE))
    assert "sales@" not in text(own.get(PAGE))


def test_after_its_last_day_it_is_off(own):
    make(own, last_day=str(today() + timedelta(days=3)))
    assert "until" in text(own.get(PAGE))
    Ending.objects.update(last_day=today() - timedelta(days=1))

    assert end_due() == [(SHOP, "switched off", False)]

    assert Alias.objects.get(pk=SHOP).active is False
    page = make(own, "other", last_day="2020-01-01")
    assert error_codes(page) == {"last_day": ["past"]}
    assert Alias.objects.filter(pk="other@example.org").exists() is False


def edit(client, **values):
    page = f"{PAGE}{SHOP}/"
    return client.post(page, sent(client.get(page)) | values, follow=True)


def test_its_note_and_its_last_day_can_be_changed(own):
    make(own, note="Book shop")
    later = today() + timedelta(days=3)
    assert f'href="{PAGE}{SHOP}/"' in own.get(PAGE).text

    assert "shop@example.org is saved." in text(edit(own, note="Shoes", last_day=str(later)))
    assert (Alias.objects.get(pk=SHOP).description, Ending.objects.get().last_day) == (
        "Shoes",
        later,
    )
    assert LogEntry.objects.get(action="edit_alias").changes == {
        "description": ["Book shop", "Shoes"]
    }

    edit(own, last_day="")
    assert Ending.objects.count() == 0
    assert Alias.objects.get(pk=SHOP).description == "Shoes"


def test_what_happens_then_stays_as_an_administrator_chose_it(own):
    make(own)
    row, later = Alias.objects.get(pk=SHOP), today() + timedelta(days=3)
    set_ending(actor=None, row=row, last_day=later, action="delete")

    edit(own, note="Shoes", last_day=str(later + timedelta(days=1)))

    assert list(Ending.objects.values_list("last_day", "action")) == [
        (later + timedelta(days=1), "delete")
    ]


def test_a_last_day_that_is_over_stays_and_no_other_such_day_is_taken(own):
    make(own, last_day=str(today()))
    yesterday = today() - timedelta(days=1)
    Ending.objects.update(last_day=yesterday)

    edit(own, note="Shoes")
    assert Alias.objects.get(pk=SHOP).description == "Shoes"
    page = edit(own, note="Hats", last_day="2020-01-01")
    assert (page.status_code, error_codes(page)) == (422, {"last_day": ["past"]})
    assert Alias.objects.get(pk=SHOP).description == "Shoes"
    assert Ending.objects.get().last_day == yesterday


def test_what_somebody_else_wrote_meanwhile_is_told(own):
    make(own, note="Books")
    opened = sent(own.get(f"{PAGE}{SHOP}/"))
    Alias.objects.filter(pk=SHOP).update(description="Theirs")

    refused = own.post(f"{PAGE}{SHOP}/", opened | {"note": "Mine"})

    assert (refused.status_code, error_codes(refused)) == (422, {"note": ["edit_conflict"]})
    assert Alias.objects.get(pk=SHOP).description == "Theirs"


@pytest.mark.parametrize(
    "address", ["hers@example.org", "sales@example.org", JOE, "no@example.org"]
)
def test_nobody_changes_the_note_of_what_is_not_theirs(address, own, allowed, add_alias):
    create_own_alias(actor=Mailbox.objects.get(pk="ann@example.org"), local_part="hers")
    add_alias("sales@example.org", JOE)
    values = {"note": "Mine", "last_day": str(today())}

    assert own.get(f"{PAGE}{address}/").status_code == 404
    assert own.post(f"{PAGE}{address}/", values).status_code == 404
    with pytest.raises(Alias.DoesNotExist):
        edit_own_alias(actor=allowed, address=address, note="Mine", last_day=today())
    assert (Ending.objects.count(), Alias.objects.filter(description="Mine").count()) == (0, 0)


def test_an_administrator_has_no_such_page(admin, allowed):
    create_own_alias(actor=allowed, local_part="shop")

    assert admin.get(f"{PAGE}{SHOP}/").status_code == 404


def test_when_it_was_used_last_is_said_where_the_delivery_log_knows(own, settings):
    settings.DELIVERY_LOGS = ["journal"]
    make(own)
    assert "Last used" not in text(own.get(PAGE))
    row = Delivery.objects.create(
        at=LogEntry.objects.latest("pk").timestamp,
        changed=LogEntry.objects.latest("pk").timestamp,
        recipient=JOE,
        asked=SHOP,
        ours=RECIPIENT | ASKED,
    )
    for domain, address in found_under(row):
        DeliveryKey.objects.create(domain=domain, address=address, delivery=row.pk)

    assert "Last used just now" in text(own.get(PAGE))


def test_what_an_administrator_switched_off_stays_off(own, allowed):
    alias = create_own_alias(actor=allowed, local_part="shop")
    own.post(PAGE, {"off": SHOP})
    own.post(PAGE, {"on": SHOP})
    set_alias_active(actor=None, alias=alias, active=False)

    for action in ("on", "off", "on", "delete"):
        said = text(own.post(PAGE, {action: SHOP}, follow=True))
        if action != "off":
            assert (
                "An administrator switched shop@example.org off. Ask them to switch it on." in said
            )
        assert Alias.objects.get(pk=SHOP).active is False
    assert "switched off by an administrator" in text(own.get(PAGE))
    assert f'name="on" value="{SHOP}"' not in own.get(PAGE).text

    set_alias_active(actor=None, alias=alias, active=True)
    own.post(PAGE, {"off": SHOP})
    assert "shop@example.org is on." in text(own.post(PAGE, {"on": SHOP}, follow=True))


def test_after_its_last_day_its_user_may_switch_it_on_but_not_what_an_administrator_switched_off(
    own, allowed
):
    for name in ("shop", "books"):
        create_own_alias(actor=allowed, local_part=name, last_day=today())
    books = Alias.objects.get(pk="books@example.org")
    set_alias_active(actor=None, alias=books, active=False)
    Ending.objects.update(last_day=today() - timedelta(days=1))
    end_due()

    for address in (SHOP, books.pk):
        own.post(PAGE, {"on": address})

    assert [Alias.objects.get(pk=key).active for key in (SHOP, books.pk)] == [True, False]


def test_administrators_see_and_change_them_and_set_the_limits(admin, allowed):
    create_own_alias(actor=allowed, local_part="shop", note="Books")
    assert "shop@example.org" in text(admin.get("/aliases/"))
    assert "shop@example.org" in text(admin.get(f"/mailboxes/{JOE}/own-addresses/"))
    set_alias_active(actor=None, alias=Alias.objects.get(pk=SHOP), active=False)

    admin.post("/domains/example.org/own-addresses/", {"most": "7"})
    assert OwnAliasLimit.objects.get(pk="example.org").most == 7
    admin.post(f"/mailboxes/{JOE}/own-addresses/", {"most": "0"})
    assert limit_of(allowed) == 0
    entry = LogEntry.objects.filter(action="edit_own_aliases").latest("pk")
    assert (entry.data, entry.changes) == (JOE, {"own_aliases": [None, 0]})
    admin.post(f"/mailboxes/{JOE}/own-addresses/", {"most": ""})
    assert limit_of(allowed) == 7
    assert admin.post("/domains/example.org/own-addresses/", {"most": "1001"}).status_code == 422
    assert admin.post("/domains/other.net/own-addresses/", {"most": "7"}).status_code == 404


def test_who_has_some_keeps_them_when_the_limit_is_taken_away(own, example_org):
    make(own)
    set_limit(actor=None, row=example_org, most=None)

    assert "shop@example.org" in text(own.get(PAGE))
    assert make(own, "two").status_code == 422
    own.post(PAGE, {"delete": SHOP})
    assert own.get(PAGE).status_code == 404


def test_they_go_along_with_a_new_name_and_what_is_kept_goes_with_the_mailbox(allowed):
    set_limit(actor=None, row=allowed, most=3)
    create_own_alias(actor=allowed, local_part="shop")

    renamed = rename_mailbox(actor=None, mailbox=allowed, local_part="joseph")

    assert list(OwnAlias.objects.values_list("username", flat=True)) == ["joseph@example.org"]
    assert limit_of(renamed) == 3
    delete_mailbox(actor=None, mailbox=renamed)
    assert (OwnAlias.objects.count(), OwnAliasLimit.objects.count()) == (0, 1)


def test_nothing_is_left_of_a_domain_that_is_deleted(own, example_org):
    make(own, last_day=str(today()))

    delete_domain(actor=None, domain=Domain.objects.get(pk="example.org"))

    assert [model.objects.count() for model in (OwnAlias, OwnAliasLimit, Ending)] == [0, 0, 0]


def test_the_command_lists_them_and_sets_limits(joe, capsys):
    call_command("mailbox", "own-addresses", "example.org", "--most", "3")
    create_own_alias(actor=joe, local_part="shop", note="Books")
    capsys.readouterr()

    call_command("mailbox", "own-addresses", JOE)
    assert capsys.readouterr().out == f"{SHOP}\ton\tBooks\n"
    call_command("mailbox", "own-addresses", JOE, "--most", "0")
    assert limit_of(joe) == 0
    call_command("mailbox", "own-addresses", JOE, "--most", "usual")
    assert limit_of(joe) == 3


@pytest.mark.parametrize(
    "path", ["/domains/example.org/own-addresses/", f"/mailboxes/{JOE}/own-addresses/"]
)
def test_a_limit_that_somebody_else_set_meanwhile_is_told(path, admin, joe, example_org):
    opened = sent(admin.get(path))
    for row in (joe, example_org):
        set_limit(actor=None, row=row, most=3)

    refused = admin.post(path, opened | {"most": "9"})

    assert (refused.status_code, error_codes(refused)) == (422, {"most": ["edit_conflict"]})
    assert limit_of(joe) == 3

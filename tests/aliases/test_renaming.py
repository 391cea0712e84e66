from datetime import timedelta

import pytest

from accounts.models import LogEntry
from aliases.models import Alias, Ending, OwnAlias
from aliases.rename_previews import preview
from aliases.renaming import check_new_name, rename_alias
from aliases.services import update_alias
from domains.sender_lists import MEMBER_LISTS
from mailboxes.endings import end_due, set_ending, today
from mailboxes.models import Mailbox, SendAs
from mailboxes.own_aliases import aliases_of, create_own_alias, set_limit
from mailboxes.renaming import rename_mailbox
from mailboxes.send_as import let_send_as
from panel.changes import insert
from tests.refusals import refused

ANN, SALES, SHOP = "ann@example.org", "sales@example.org", "shop@example.org"
BOTH_WAYS = pytest.mark.parametrize("keep_alias", [True, False])


@pytest.fixture
def sales(example_org, add_mailbox, add_alias):
    add_mailbox(ANN)
    add_mailbox("eve@example.org")
    return add_alias(SALES, ANN)


def renamed(alias=None, **options):
    alias = alias or Alias.objects.get(pk=SALES)
    return rename_alias(actor=None, alias=alias, local_part="shop", **options)


def access_of(address):
    alias = Alias.objects.get(pk=address)
    return alias.access, alias.access_list


def said_of(alias, *, keep_alias=True):
    new = check_new_name(
        actor=None, alias=alias, local_part="shop", domain=alias.domain, keep_alias=keep_alias
    )
    return dict(preview(None, alias, new, keep_alias=keep_alias).changes)


# --- Who may write to it


def test_a_list_for_members_has_a_number_under_both_names(sales):
    update_alias(actor=None, alias=sales, access="members")

    renamed()

    assert (access_of(SALES), access_of(SHOP)) == (("members", 1), ("members", 2))


@BOTH_WAYS
@pytest.mark.parametrize("text", [SHOP, "shop+new@example.org"])
def test_it_is_not_given_the_name_to_which_it_has_moved(sales, keep_alias, text):
    update_alias(actor=None, alias=sales, access="moved", access_text=text)

    with refused("itself", field="local_part"):
        renamed(keep_alias=keep_alias)

    assert access_of(SALES) == ("moved", None)
    assert not Alias.objects.filter(pk=SHOP).exists()


def test_the_number_goes_along_where_the_old_name_is_given_up(sales):
    update_alias(actor=None, alias=sales, access="members")
    for number in range(2, MEMBER_LISTS + 1):
        Alias.objects.create(
            address=f"list{number}@example.org",
            goto=ANN,
            domain_id="example.org",
            access="members",
            access_list=number,
        )

    with refused("no_list"):
        renamed()
    assert Alias.objects.filter(pk=SHOP).exists() is False
    renamed(keep_alias=False)

    assert access_of(SHOP) == ("members", 1)
    assert Alias.objects.filter(pk=SALES).exists() is False


def test_one_that_is_closed_is_closed_under_both_names(sales):
    update_alias(actor=None, alias=sales, access="closed")

    renamed()

    assert (access_of(SALES), access_of(SHOP)) == (("closed", None), ("closed", None))


def test_what_another_constraint_refuses_does_not_exist_already(sales):
    update_alias(actor=None, alias=sales, access="members")
    row = Alias(address=SHOP, goto=ANN, domain_id="example.org", access="members", access_list=1)

    with pytest.raises(Exception, match="access_list") as raised:
        insert(row)

    assert type(raised.value).__name__ == "IntegrityError"
    row.address = SALES
    with refused("taken"):
        insert(row)


# --- What belongs to it


@BOTH_WAYS
def test_its_last_day_goes_along(sales, keep_alias):
    set_ending(actor=None, row=sales, last_day=today(), action="off")

    renamed(keep_alias=keep_alias)

    assert list(Ending.objects.values_list("pk", "domain")) == [(SHOP, "example.org")]
    Ending.objects.update(last_day=today() - timedelta(days=1))
    assert end_due() == [(SHOP, "switched off", False)]


@BOTH_WAYS
def test_it_is_its_users_own_address_still(sales, example_org, keep_alias):
    set_limit(actor=None, row=example_org, most=2)
    ann = Mailbox.objects.get(pk=ANN)
    own = create_own_alias(actor=ann, local_part="books")

    renamed(own, keep_alias=keep_alias)

    assert [alias.pk for alias in aliases_of(ann)] == [SHOP]
    assert OwnAlias.objects.count() == 1


@BOTH_WAYS
def test_it_goes_along_into_another_domain(sales, other_net, keep_alias):
    set_ending(actor=None, row=sales, last_day=today(), action="off")
    OwnAlias.objects.create(address=SALES, username=ANN, domain="example.org")

    renamed(domain=other_net, keep_alias=keep_alias)

    for model in (Ending, OwnAlias):
        assert list(model.objects.values_list("pk", "domain")) == [("shop@other.net", "other.net")]


@BOTH_WAYS
def test_who_may_send_as_it_may_send_as_the_new_name(sales, keep_alias):
    let_send_as(actor=None, mailbox="eve@example.org", sender=SALES)

    renamed(keep_alias=keep_alias)

    assert list(SendAs.objects.values_list("username", "sender")) == [("eve@example.org", SHOP)]


def test_what_another_program_left_under_the_new_name_does_not_come_to_life(sales):
    Ending.objects.create(address=SHOP, domain="example.org", last_day=today(), action="delete")
    OwnAlias.objects.create(address=SHOP, username="eve@example.org", domain="example.org")
    SendAs.objects.create(username="eve@example.org", sender=SHOP)

    renamed()

    assert [model.objects.count() for model in (Ending, OwnAlias, SendAs)] == [0, 0, 0]


def test_what_goes_along_is_said_before(sales):
    set_ending(actor=None, row=sales, last_day=today(), action="off")
    OwnAlias.objects.create(address=SALES, username=ANN, domain="example.org")
    let_send_as(actor=None, mailbox="eve@example.org", sender=SALES)

    said = said_of(sales)

    assert said["Its end date goes along, and sales@example.org has none then."] == ()
    assert said["It is an own address still, of:"] == (ANN,)
    text = "Who was let send as sales@example.org may send as shop@example.org, and no longer as sales@example.org:"
    assert said[text] == ("eve@example.org",)


# --- Mail of those that end goes there


@pytest.mark.parametrize("rename", ["alias", "mailbox"])
def test_mail_of_a_mailbox_that_ends_goes_to_the_new_name(rename, sales, add_mailbox):
    joe = add_mailbox("joe@example.org")
    goto = {"alias": SALES, "mailbox": ANN}[rename]
    set_ending(actor=None, row=joe, last_day=today(), action="lead", goto=goto, days=3)

    if rename == "alias":
        renamed(keep_alias=False)
    else:
        ann = Mailbox.objects.get(pk=ANN)
        rename_mailbox(actor=None, mailbox=ann, local_part="shop", keep_alias=False)

    assert list(Ending.objects.values_list("pk", "goto")) == [("joe@example.org", SHOP)]
    entry = LogEntry.objects.get(
        action="set_ending", data="joe@example.org", changes={"goto": [goto, SHOP]}
    )
    assert entry.domain == "example.org"

import pytest

from accounts.models import LogEntry
from aliases.models import Alias
from aliases.services import create_alias, delete_alias, put_back, update_alias
from domains.sender_lists import MEMBER_LISTS
from domains.services import create_alias_domain
from tests.refusals import refused


@pytest.fixture
def sales(example_org, add_alias):
    return add_alias("sales@example.org", "ann@elsewhere.example")


def stored(address="sales@example.org"):
    alias = Alias.objects.get(pk=address)
    return alias.access, alias.access_text, alias.access_list


def test_everybody_may_write_to_a_new_alias(sales):
    assert stored() == ("", "", None)


@pytest.mark.parametrize(
    ("access", "text", "after"),
    [
        ("internal", "", ("internal", "", None)),
        ("internal", "left over", ("internal", "", None)),
        ("members", "", ("members", "", 1)),
        ("closed", "", ("closed", "This address is closed", None)),
        ("closed", " Gone fishing ", ("closed", "Gone fishing", None)),
        ("moved", " New@Other.NET ", ("moved", "new@other.net", None)),
        ("moved", "new@müller.example", ("moved", "new@xn--mller-kva.example", None)),
    ],
)
def test_it_is_stored_with_the_text_that_belongs_to_it(sales, access, text, after):
    update_alias(actor=None, alias=sales, access=access, access_text=text)

    assert stored() == after
    assert LogEntry.objects.latest("pk").changes["access"] == ["", access]
    update_alias(actor=None, alias=sales, access="")
    assert stored() == ("", "", None)


@pytest.mark.parametrize(
    ("access", "text", "code"),
    [
        ("nobody", "", "invalid_choice"),
        ("closed", "Größe", "invalid"),
        ("closed", "two\nlines", "invalid"),
        ("closed", "x" * 201, "invalid"),
        ("moved", "", "required"),
        ("moved", "nowhere", "invalid_address"),
        ("moved", "jürgen@other.net", "invalid_address"),
        ("moved", "sales@example.org", "itself"),
        ("moved", " Sales@EXAMPLE.org ", "itself"),
        ("moved", "sales+new@example.org", "itself"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_saved(sales, access, text, code):
    with refused(code):
        update_alias(actor=None, alias=sales, access=access, access_text=text)

    assert stored() == ("", "", None)


def test_its_name_in_an_alias_domain_is_the_address_itself(sales, add_domain):
    create_alias_domain(
        actor=None, alias_domain=add_domain("other.example"), target_domain=sales.domain
    )

    for text in ("sales@other.example", "sales+new@other.example"):
        with refused("itself", field="access_text"):
            update_alias(actor=None, alias=sales, access="moved", access_text=text)

    update_alias(actor=None, alias=sales, access="moved", access_text="shop@other.example")
    assert stored() == ("moved", "shop@other.example", None)


@pytest.mark.parametrize("text", ["sales+open@example.org", "sales+open@other.example"])
def test_one_whose_name_has_an_extension_has_not_moved_to_itself(
    example_org, add_domain, add_alias, text
):
    add_alias("sales@example.org", "ann@elsewhere.example")
    open_to_all = add_alias("sales+open@example.org", "ann@elsewhere.example")
    create_alias_domain(
        actor=None, alias_domain=add_domain("other.example"), target_domain=example_org
    )

    with refused("itself", field="access_text"):
        update_alias(actor=None, alias=open_to_all, access="moved", access_text=text)

    assert stored(open_to_all.pk) == ("", "", None)


def test_what_has_a_name_of_its_own_with_an_extension_is_another_address(sales, add_alias):
    add_alias("sales+open@example.org", "ann@elsewhere.example")

    update_alias(actor=None, alias=sales, access="moved", access_text="sales+open@example.org")

    assert stored() == ("moved", "sales+open@example.org", None)


def test_to_the_name_before_an_extension_an_alias_can_move(sales, add_alias):
    open_to_all = add_alias("sales+open@example.org", "ann@elsewhere.example")

    update_alias(actor=None, alias=open_to_all, access="moved", access_text="sales@example.org")

    assert stored(open_to_all.pk) == ("moved", "sales@example.org", None)


def test_a_new_alias_has_not_moved_to_itself(example_org, add_alias):
    with refused("itself", field="access_text"):
        add_alias(
            "sales@example.org",
            "ann@elsewhere.example",
            access="moved",
            access_text="sales@example.org",
        )

    assert not Alias.objects.exists()


def test_a_catch_all_and_a_role_address_take_mail_from_everybody(example_org, add_alias):
    with refused("catch_all"):
        add_alias("@example.org", "ann@elsewhere.example", access="closed")
    postmaster = add_alias("postmaster@example.org", "ann@elsewhere.example")
    with refused("role"):
        update_alias(actor=None, alias=postmaster, access="internal")


def test_each_alias_for_members_has_a_number_and_one_that_is_free_is_used_again(example_org):
    def create(name):
        return create_alias(
            actor=None,
            domain=example_org,
            local_part=name,
            targets="ann@elsewhere.example",
            access="members",
        )

    first, second, third = (create(name) for name in ("a", "b", "c"))
    assert [first.access_list, second.access_list, third.access_list] == [1, 2, 3]
    update_alias(actor=None, alias=second, access="")
    delete_alias(actor=None, alias=first)

    assert (create("d").access_list, create("e").access_list) == (1, 2)
    update_alias(actor=None, alias=third, description="The number stays")
    assert stored("c@example.org") == ("members", "", 3)


def test_there_are_no_more_than_postfix_is_set_up_for(sales):
    for number in range(1, MEMBER_LISTS + 1):
        Alias.objects.create(
            address=f"list{number}@example.org",
            goto="ann@elsewhere.example",
            domain_id="example.org",
            access="members",
            access_list=number,
        )

    with refused("no_list"):
        update_alias(actor=None, alias=sales, access="members")
    assert stored() == ("", "", None)


def test_what_is_put_back_is_a_list_for_members_again(sales):
    update_alias(actor=None, alias=sales, access="members")
    update_alias(actor=None, alias=sales, access="")

    put_back(actor=None, alias=sales, changes={"access": ["members", ""]})

    assert stored() == ("members", "", 1)

import pytest
from django.urls import reverse

from aliases.models import Alias
from tests.pages.reading import rows, text


def test_a_domain_admin_sees_the_own_aliases_without_the_mailboxes_own_rows(
    admin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")
    add_alias("@example.org", "joe@example.org")
    add_alias("theirs@other.net", "joe@example.org")

    page = admin.get(reverse("alias-list"))

    assert rows(page) == ["@example.org", "sales@example.org"]
    assert page.context["count"] == 2
    assert "@example.org Catch-all joe" in text(page)
    assert rows(admin.get(reverse("alias-list"), {"domain": "other.net"})) == []
    assert rows(admin.get(reverse("alias-list"), {"q": "theirs"})) == []


def test_a_recipient_that_is_gone_is_marked_and_of_others_domains_nothing_is_told(
    sign_in, make_admin, add_mailbox, add_alias, example_org, other_net
):
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org", "gone@example.org", "gone@other.net")

    def shown(**role):
        return text(sign_in(make_admin(**role)).get(reverse("alias-list")))

    assert "gone is gone joe, gone@other.net" in shown(domains=["example.org"])
    assert "gone is gone gone@other.net is gone joe" in shown(superadmin=True)


def test_search_and_state_narrow_the_list(admin, add_alias):
    for name in ("anna", "andy", "bob"):
        add_alias(f"{name}@example.org", "x@elsewhere.example")
    add_alias("ann@example.org", "x@elsewhere.example", active=False)

    def found(**query):
        return rows(admin.get(reverse("alias-list"), query))

    assert found(q="AN") == ["andy@example.org", "ann@example.org", "anna@example.org"]
    assert found(q="an", state="on") == ["andy@example.org", "anna@example.org"]
    assert found(state="off") == ["ann@example.org"]


def test_pages_lead_forwards_and_back_by_key(admin, add_alias):
    names = [f"a{number:02}@example.org" for number in range(60)]
    for name in names:
        add_alias(name, "x@elsewhere.example", "y@elsewhere.example", "z@elsewhere.example")
    address = reverse("alias-list")

    first = admin.get(address, {"size": 25})
    second = admin.get(address + first.context["next_url"])
    third = admin.get(address + second.context["next_url"])
    again = admin.get(address + third.context["previous_url"])

    assert [rows(first), rows(second), rows(third)] == [names[:25], names[25:50], names[50:]]
    assert (first.context["previous_url"], third.context["next_url"]) == (None, None)
    assert rows(again) == names[25:50]
    assert rows(admin.get(address, {"jump": "a58@example.org"})) == names[58:]
    assert rows(admin.get(address, {"sort": "-address", "size": 25})) == names[:-26:-1]
    assert "x@elsewhere.example, y@elsewhere.example, z@elsewhere.example" in text(first)
    assert len(admin.get(address).content) < 100_000


@pytest.mark.parametrize("number", [1, 3])
def test_more_rows_cost_no_more_statements(number, admin, add_alias, django_assert_max_num_queries):
    for index in range(number):
        add_alias(f"a{index}@example.org", "x@elsewhere.example", description="For x")

    with django_assert_max_num_queries(7):
        page = admin.get(reverse("alias-list"))

    assert len(rows(page)) == number


def test_an_empty_list_says_what_it_is_for_and_an_empty_search_what_was_searched(admin, add_alias):
    assert "No aliases yet" in text(admin.get(reverse("alias-list")))

    add_alias("sales@example.org", "x@elsewhere.example")

    assert "Nothing found for “zz”" in text(admin.get(reverse("alias-list"), {"q": "zz"}))


def test_rows_of_other_programs_show_and_open_whatever_they_hold(superadmin, example_org):
    hostile = '"><script>alert(1)</script>'
    Alias.objects.create(pk="a/b@example.org", goto=f"{hostile}@x.example,root", domain=example_org)
    Alias.objects.create(
        pk="<script>@example.org", goto="a/b@example.org", domain=example_org, description=hostile
    )

    pages = [
        superadmin.get(address)
        for address in (
            reverse("alias-list"),
            reverse("alias", args=["a/b@example.org"]),
            reverse("alias-edit", args=["a/b@example.org"]),
            reverse("alias-delete", args=["a/b@example.org"]),
        )
    ]

    assert rows(pages[0]) == ["<script>@example.org", "a/b@example.org"]
    for page in pages:
        assert page.status_code == 200
        assert b"<script>alert" not in page.content
        assert b"<script>@" not in page.content


def test_role_addresses_show_to_domain_admins_but_offer_nothing(admin, add_alias):
    add_alias("postmaster@example.org", "x@elsewhere.example")

    listed = admin.get(reverse("alias-list"))
    page = admin.get(reverse("alias", args=["postmaster@example.org"]))

    assert rows(listed) == ["postmaster@example.org"]
    assert b'name="selected"' not in listed.content
    assert b"postmaster@example.org/edit/" not in listed.content + page.content
    assert "This is a role address: only a superadmin can change it." in text(page)
    for name in ("alias-edit", "alias-state", "alias-delete"):
        address = reverse(name, args=["postmaster@example.org"])
        assert (admin.get(address).status_code, admin.post(address).status_code) == (404, 404)
    chosen = {"action": "delete", "selected": ["postmaster@example.org"], "confirmed": "1"}
    assert admin.post(reverse("alias-bulk"), chosen).status_code == 404
    assert Alias.objects.count() == 1

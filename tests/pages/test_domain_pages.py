"""The list of domains and the page of one: what they say, and to whom."""

import pytest
from django.urls import reverse

from domains.models import Domain
from domains.services import set_domain_active, update_domain
from mailboxes.models import QuotaUsage
from tests.pages.reading import links, rows, text

MB = 1_024_000


def page_of(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)


def test_the_list_shows_limits_in_words(as_superadmin, add_domain, add_mailbox, add_alias):
    add_domain("a.example", mailboxes=4, aliases=-1, quota=2000, maxquota=1000)
    add_mailbox("one@a.example", quota=1000 * MB)

    said = text(page_of(as_superadmin, "domain-list"))

    assert "a.example 1 of 4, 25 % 0, none allowed 0.98 GB of 2 GB, 50 % Active" in said


def test_the_list_says_unlimited_where_nothing_limits(as_superadmin, example_org):
    said = text(page_of(as_superadmin, "domain-list"))

    assert "example.org 0, no limit 0, no limit 0 MB, no limit Active" in said


def test_a_domain_admin_sees_only_the_own_domains_and_no_buttons_to_change_them(
    as_admin, example_org, other_net
):
    client = as_admin("example.org")

    page = page_of(client, "domain-list")

    assert rows(page) == ["example.org"]
    assert reverse("domain-create") not in links(page)
    assert reverse("domain-edit", args=["example.org"]) not in links(page)


@pytest.mark.parametrize(("length", "size", "most"), [(3, 50, 100_000), (50, 75, 160_000)])
def test_a_page_of_domains_with_limits_stays_small(length, size, most, as_superadmin):
    limits = {"mailboxes": 1234, "aliases": 1234, "quota": 1_234_567, "backupmx": True}
    names = [f"{number:02}{'x' * length}.example" for number in range(80)]
    Domain.objects.bulk_create(Domain(name=name, **limits) for name in names)
    as_superadmin.cookies["django_language"] = "fr"

    first = page_of(as_superadmin, "domain-list", size=size)
    second = as_superadmin.get(reverse("domain-list") + first.context["next_url"])

    assert [*rows(first), *rows(second)] == names
    assert max(len(page.content) for page in (first, second)) <= most


def test_the_list_finds_domains_by_their_beginning(as_superadmin, add_domain):
    for name in ("alpha.example", "alps.example", "beta.example"):
        add_domain(name)

    assert rows(page_of(as_superadmin, "domain-list", q=" AL ")) == [
        "alpha.example",
        "alps.example",
    ]


@pytest.mark.parametrize("sort", ["name", "-name"])
def test_one_jumps_to_the_beginning_of_a_name_in_either_direction(sort, as_superadmin, add_domain):
    for name in ("alpha.example", "beta.example", "gamma.example"):
        add_domain(name)

    assert rows(page_of(as_superadmin, "domain-list", sort=sort, jump="be"))[0] == "beta.example"


def test_the_list_finds_a_domain_by_its_unicode_name(as_superadmin, add_domain):
    add_domain("müller.example")
    add_domain("other.example")

    assert rows(page_of(as_superadmin, "domain-list", q="müller.example")) == [
        "xn--mller-kva.example"
    ]


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("", ["backup.example", "off.example", "on.example"]),
        ("active", ["backup.example", "on.example"]),
        ("inactive", ["off.example"]),
        ("backupmx", ["backup.example"]),
        ("nonsense", ["backup.example", "off.example", "on.example"]),
    ],
)
def test_the_list_filters_by_state(state, found, as_superadmin, add_domain):
    add_domain("on.example")
    add_domain("off.example", active=False)
    add_domain("backup.example", backupmx=True)

    assert rows(page_of(as_superadmin, "domain-list", state=state)) == found


def test_nothing_found_says_what_was_searched_and_offers_to_clear_it(as_superadmin, example_org):
    page = page_of(as_superadmin, "domain-list", q="zzz")

    assert "Nothing found for “zzz”" in text(page)
    assert reverse("domain-list") in links(page)


def test_the_empty_list_offers_to_create_the_first_domain(as_superadmin):
    page = page_of(as_superadmin, "domain-list")

    assert "No domains yet" in text(page)
    assert reverse("domain-create") in links(page)


def test_the_empty_list_of_a_domain_admin_says_whom_to_ask(as_admin):
    page = page_of(as_admin(), "domain-list")

    assert "You manage no domain so far. A superadmin can give you one." in text(page)
    assert reverse("domain-create") not in links(page)


@pytest.mark.parametrize("kind", ["mailbox", "alias", "aliasdomain"])
def test_who_manages_no_domain_is_offered_nothing_to_put_into_one(kind, as_admin):
    client = as_admin()

    for query in ({}, {"q": "a"}):
        assert reverse(f"{kind}-create") not in links(page_of(client, f"{kind}-list", **query))
    assert "You manage no domain so far. A superadmin can give you one." in text(
        page_of(client, f"{kind}-list")
    )


@pytest.mark.parametrize("names", [[], ["example.org"]])
@pytest.mark.parametrize("kind", ["mailbox", "alias", "aliasdomain"])
def test_who_manages_no_domain_gets_no_form_for_something_in_one(
    kind, names, as_admin, example_org
):
    client, address = as_admin(*names), reverse(f"{kind}-create")

    for page in (client.get(address), client.post(address)):
        told_whom_to_ask = "A superadmin can give you one." in text(page)
        assert (told_whom_to_ask, "Create " in text(page)) == (not names, bool(names))


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_asks_as_often_for_any_number_of_domains(
    number, as_superadmin, add_domain, django_assert_num_queries
):
    for n in range(number):
        add_domain(f"d{n}.example")

    with django_assert_num_queries(5):  # session, account, keys, rows, count
        page = page_of(as_superadmin, "domain-list")

    assert len(rows(page)) == number


def test_hostile_text_is_only_text(as_superadmin, example_org):
    hostile = "<script>alert(1)</script>"
    update_domain(actor=None, domain=example_org, description=hostile)

    for page in (
        page_of(as_superadmin, "domain", "example.org"),
        page_of(as_superadmin, "domain-edit", "example.org"),
        page_of(as_superadmin, "domain-list", q=hostile),
        page_of(as_superadmin, "aliasdomain-list", q=hostile, domain=hostile),
    ):
        assert hostile not in page.content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.content.decode()


def test_the_page_says_what_is_used_allotted_and_allowed(as_superadmin, add_domain, add_mailbox):
    add_domain("a.example", mailboxes=50, aliases=0, quota=4000, maxquota=2000)
    mailbox = add_mailbox("one@a.example", quota=1000 * MB)
    QuotaUsage.objects.create(username=mailbox, bytes=300 * MB, messages=3)

    said = text(page_of(as_superadmin, "domain", "a.example"))

    assert (
        "Mailboxes 1 of 50, 2 % Aliases 0, no limit Allocated storage 0.98 GB of 3.9 GB, 25 %"
        " Storage used 300 MB Largest mailbox 2 GB"
    ) in said


def test_the_page_shows_a_unicode_name_and_its_form_in_dns(as_superadmin, add_domain):
    add_domain("müller.example")

    said = text(page_of(as_superadmin, "domain", "xn--mller-kva.example"))

    assert "müller.example Active" in said
    assert "Name in DNS xn--mller-kva.example" in said


def test_the_tabs_are_links_to_the_lists_of_the_domain(as_superadmin, example_org):
    found = links(page_of(as_superadmin, "domain", "example.org"))

    assert [link for link in found if link.endswith("?domain=example.org")] == [
        "/mailboxes/?domain=example.org",
        "/aliases/?domain=example.org",
        "/alias-domains/?domain=example.org",
        "/log/?domain=example.org",
    ]


def test_a_domain_admin_sees_the_limits_and_no_way_to_change_them(as_admin, example_org):
    page = page_of(as_admin("example.org"), "domain", "example.org")

    assert "Limits and use" in text(page)
    for name in ("domain-edit", "domain-state", "domain-delete"):
        assert reverse(name, args=["example.org"]) not in links(page)


def test_the_page_says_where_unknown_names_go(
    as_superadmin, example_org, other_net, add_mailbox, add_alias, link
):
    def lead():
        return text(page_of(as_superadmin, "domain", "example.org")).partition("Log ")[2]

    assert lead().startswith(
        "Mail for its mailboxes and aliases is delivered. Everything else is refused."
    )

    add_mailbox("joe@other.net")
    add_alias("@example.org", "joe@other.net")
    assert "Everything else goes to the catch-all." in lead()

    link("example.org", "other.net")
    assert "goes to the same name in other.net." in lead()

    set_domain_active(actor=None, domain=other_net, active=False)
    assert "That domain is inactive, so this mail is refused." in lead()

    set_domain_active(actor=None, domain=example_org, active=False)
    assert lead().startswith("Inactive. Mail from outside for it and through it is refused")


def test_a_foreign_domain_is_named_to_a_domain_admin_but_not_linked(as_admin, link):
    link("own.example", "foreign.example")

    page = page_of(as_admin("own.example"), "domain", "own.example")

    assert "Leads to foreign.example" in text(page)
    assert reverse("domain", args=["foreign.example"]) not in links(page)


def test_the_page_of_a_domain_stays_within_ten_statements(
    as_admin, link, add_alias, add_mailbox, django_assert_max_num_queries
):
    link("other.example", "own.example")
    link("more.example", "own.example")
    for n in range(3):
        add_mailbox(f"m{n}@own.example")
    client = as_admin("own.example")

    with django_assert_max_num_queries(10):
        page_of(client, "domain", "own.example")


def test_suggestions_are_the_own_domains_that_begin_so(as_admin, add_domain):
    for name in ("alpha.example", "alps.example", "beta.example", "alien.example"):
        add_domain(name)
    client = as_admin("alpha.example", "alps.example", "beta.example")

    page = client.get(reverse("domain-suggestions"), {"domain": "al"})

    assert page.content.decode() == (
        '<option value="alpha.example">alpha.example</option>'
        '<option value="alps.example">alps.example</option>'
    )


@pytest.mark.parametrize("field", ["domain", "alias_domain", "target_domain"])
def test_suggestions_are_for_the_domain_that_is_typed_and_nothing_else(as_admin, add_domain, field):
    for name in ("alpha.example", "beta.example"):
        add_domain(name)
    client = as_admin("alpha.example", "beta.example")

    page = client.get(reverse("domain-suggestions"), {"q": "be", "state": "inactive", field: "al"})
    assert page.text == '<option value="alpha.example">alpha.example</option>'

    page = client.get(reverse("domain-suggestions"), {"state": "be", field: ""})
    assert page.text.count("<option") == 2


def test_its_page_warns_of_a_transport_that_the_shipped_files_do_not_serve(
    as_superadmin, add_domain
):
    add_domain("a.example", transport="dovecot")
    add_domain("b.example", transport="smtp:[192.0.2.9]")

    warning = "Postfix needs a service “dovecot” in its master.cf"
    assert warning in text(page_of(as_superadmin, "domain", "a.example"))
    assert "master.cf" not in text(page_of(as_superadmin, "domain", "b.example"))

import pytest
from django.urls import reverse

from domains.models import Domain
from domains.services import update_domain
from mailboxes import snapshots
from mailboxes.models import QuotaUsage
from tests.pages.reading import links, rows, text
from tests.pages.test_domain_pages import MB, page_of


def test_the_list_shows_limits_in_words(as_superadmin, add_domain, add_mailbox, add_alias):
    add_domain("a.example", mailboxes=4, aliases=-1, quota=2000, maxquota=1000)
    box = add_mailbox("one@a.example", quota=1000 * MB)
    QuotaUsage.objects.create(pk=box.pk, bytes=500 * MB, messages=1)
    snapshots.take()

    said = text(page_of(as_superadmin, "domain-list"))

    assert "a.example 1 / 4 — 25 % of 2 GB" in said


def test_tags_and_description_stand_under_the_name(as_superadmin, link, add_domain):
    add_domain("other.example", description="The other shop", backupmx=True, active=False)
    link("alias.example", "target.example")

    said = text(page_of(as_superadmin, "domain-list"))

    assert "other.example off Backup MX The other shop 0 0" in said
    assert "alias.example another name for target.example 0 0" in said


def test_the_list_says_unlimited_where_nothing_limits(as_superadmin, example_org):
    said = text(page_of(as_superadmin, "domain-list"))

    assert "example.org 0 0 ⋯" in said


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


def test_the_list_sorts_by_mailboxes_and_by_storage(as_admin, add_domain, add_mailbox):
    names = [f"{letter}.example" for letter in "abcd"]
    for name, sizes in zip(names, ([5], [1, 1, 1], [], [9, 1]), strict=True):
        add_domain(name)
        for n, size in enumerate(sizes):
            box = add_mailbox(f"m{n}@{name}")
            QuotaUsage.objects.create(pk=box.pk, bytes=size * MB, messages=1)
    snapshots.take()
    client = as_admin(*names)

    def order(sort):
        return "".join(name[0] for name in rows(page_of(client, "domain-list", sort=sort)))

    assert order("mailboxes") == "cadb"
    assert order("-mailboxes") == "bdac"
    assert order("storage") == "cbad"
    assert order("-storage") == "dabc"
    assert order("nonsense") == "abcd"


@pytest.mark.parametrize("sort", ["mailboxes", "-storage"])
def test_a_sorted_list_pages_through_all_domains(sort, as_superadmin):
    names = [f"d{n:02}.example" for n in range(60)]
    Domain.objects.bulk_create(Domain(name=name) for name in names)
    found, url = [], f"{reverse('domain-list')}?size=25&sort={sort}"
    while True:
        page = as_superadmin.get(url)
        found += rows(page)
        if not page.context["next_url"]:
            break
        url = reverse("domain-list") + page.context["next_url"]

    assert found == sorted(names, reverse=sort.startswith("-"))


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
        ("on", ["backup.example", "on.example"]),
        ("off", ["off.example"]),
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
        button = "Add name" if kind == "aliasdomain" else "Create "
        assert (told_whom_to_ask, button in text(page)) == (not names, bool(names))


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

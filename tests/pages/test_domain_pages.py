"""The list of domains and the page of one: what they say, and to whom."""

import re

import pytest
from django.urls import reverse

from aliases.models import Alias
from domains.models import Domain
from domains.services import set_domain_active, update_domain
from mailboxes import snapshots
from mailboxes.models import QuotaUsage
from tests.pages.reading import links, rows, text

MB = 1_024_000


def page_of(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)


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


def test_the_page_says_what_is_used_allotted_and_allowed(as_superadmin, add_domain, add_mailbox):
    add_domain("a.example", mailboxes=50, aliases=0, quota=4000, maxquota=2000)
    mailbox = add_mailbox("one@a.example", quota=1000 * MB)
    QuotaUsage.objects.create(username=mailbox, bytes=300 * MB, messages=3)

    said = text(page_of(as_superadmin, "domain", "a.example"))

    assert "Storage 300 MB used · 0.98 of 3.9 GB promised" in said
    assert "All 1 Mailboxes 1 / 50 Aliases 0 Nearly full" in said
    settings = text(page_of(as_superadmin, "domain-settings", "a.example"))
    assert (
        "Mailboxes 1 of 50, 2 % Aliases 0, no limit Promised to mailboxes 0.98 of 3.9 GB, 25 %"
        " Largest mailbox 2 GB"
    ) in settings


def test_the_page_shows_a_unicode_name_and_its_form_in_dns(as_superadmin, add_domain):
    add_domain("müller.example")

    assert text(page_of(as_superadmin, "domain", "xn--mller-kva.example")).startswith(
        "müller.example"
    )
    assert "Name müller.example xn--mller-kva.example" in text(
        page_of(as_superadmin, "domain-settings", "xn--mller-kva.example")
    )


def test_the_kinds_of_addresses_are_links(as_superadmin, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    found = links(page_of(as_superadmin, "domain", "example.org", q="jo"))

    assert [link for link in found if link.endswith("q=jo")] == [
        "/domains/example.org/?q=jo",
        "/mailboxes/?domain=example.org&q=jo",
        "/aliases/?domain=example.org&q=jo",
        "/mailboxes/?domain=example.org&state=full&q=jo",
        "/domains/example.org/?state=off&q=jo",
        "/domains/example.org/?state=dead&q=jo",
    ]


def all_rows(client, **query):
    """The list of example.org, page by page."""
    found, url = [], reverse("domain", args=["example.org"])
    page = client.get(url, query)
    while True:
        found += [row.pk for row in page.context["object_list"]]
        if not page.context["next_url"]:
            return found
        page = client.get(url + page.context["next_url"])


def test_mailboxes_and_aliases_stand_in_one_list_page_by_page(
    as_admin, example_org, add_mailbox, add_alias, other_net
):
    boxes = [f"m{number:02}@example.org" for number in range(40)]
    aliases = [f"m{number:02}.x@example.org" for number in range(40)]
    for box, alias in zip(boxes, aliases, strict=True):
        add_mailbox(box)
        add_alias(alias, box)
    add_alias("@example.org", boxes[0])
    add_mailbox("m00@other.net")
    client = as_admin("example.org")

    assert all_rows(client, size=25) == sorted(boxes + aliases)
    assert all_rows(client, size=25, sort="-address") == sorted(boxes + aliases, reverse=True)
    assert all_rows(client, q="m07") == ["m07.x@example.org", "m07@example.org"]
    assert all_rows(client, q="m07@") == ["m07@example.org"]
    assert all_rows(client, jump="m39") == ["m39.x@example.org", "m39@example.org"]
    page = page_of(client, "domain", "example.org", size=25)
    page = client.get(reverse("domain", args=["example.org"]) + page.context["next_url"])
    back = client.get(reverse("domain", args=["example.org"]) + page.context["previous_url"])
    assert [row.pk for row in back.context["object_list"]] == sorted(boxes + aliases)[:25]
    assert "All 81" in text(back)


def test_what_is_off_or_leads_nowhere_is_marked_in_the_list(
    as_admin, example_org, add_mailbox, add_alias
):
    add_mailbox("ann@example.org", name="Ann", active=False)
    add_mailbox("joe@example.org", name="Joe")
    add_alias("off@example.org", "joe@example.org", active=False)
    add_alias("sales@example.org", "joe@example.org", "gone@example.org")
    client = as_admin("example.org")

    said = text(page_of(client, "domain", "example.org"))

    assert "ann@example.org Mailbox off Ann" in said
    assert "sales@example.org Alias gone is gone joe, gone" in said
    assert all_rows(client, state="off") == ["ann@example.org", "off@example.org"]


def test_the_catch_all_is_the_list_s_last_row_and_is_set_there(as_admin, example_org, add_mailbox):
    client = as_admin("example.org")
    joe = add_mailbox("joe@example.org")
    page = page_of(client, "domain", "example.org")
    assert "any other name refused Set a catch-all" in text(page)
    [address] = re.findall('action="(/domains/[^"]*)"', page.text)

    set_there = {"domain": "example.org", "targets": joe.pk, "next": "/domains/example.org/"}
    answer = client.post(address, set_there)
    assert (answer.status_code, answer.url) == (302, "/domains/example.org/")
    assert Alias.objects.get(pk="@example.org").goto == "joe@example.org"
    page = page_of(client, "domain", "example.org")

    assert "any other name → joe Catch-all" in text(page)
    assert [row.pk for row in page.context["object_list"]] == ["joe@example.org"]


def test_who_manages_one_domain_lands_in_it_and_has_no_switcher(
    sign_in, make_admin, example_org, other_net
):
    switcher = 'class="menu switcher"'
    client = sign_in(make_admin("one@example.org", domains=["example.org"]))
    response = page_of(client, "dashboard")
    assert (response.status_code, response.url) == (302, "/domains/example.org/")
    assert switcher not in client.get(response.url).content.decode()

    client = sign_in(make_admin("two@example.org", domains=["example.org", "other.net"]))
    assert page_of(client, "dashboard").status_code == 200
    assert switcher in client.get("/domains/example.org/").content.decode()


def test_the_switcher_offers_the_own_domains_alone(as_admin, example_org, other_net, add_domain):
    add_domain("other.example")
    client = as_admin("example.org", "other.net")

    found = page_of(client, "domain-places", q="o").content.decode()

    assert found == '<a href="/domains/other.net/">other.net</a>'


def places(client, **query):
    return re.findall(r'href="/domains/([^"]*)/"', page_of(client, "domain-places", **query).text)


def test_the_switcher_has_the_last_seven_domains_first(
    as_superadmin, sign_in, make_admin, add_domain
):
    names = [f"d{n:02}.example" for n in range(20)]
    for name in names:
        add_domain(name)
    assert places(as_superadmin) == names[:10]

    for name in [*names[10:], names[13]]:
        page_of(as_superadmin, "domain", name)

    late = [names[n] for n in (13, 19, 18, 17, 16, 15, 14)]
    assert places(as_superadmin) == late + names[:3]
    assert places(as_superadmin, q="d1") == names[10:20]
    other = sign_in(make_admin("other@example.org", domains=names[12:14]))
    other.cookies["mailadmin_domains"] = as_superadmin.cookies["mailadmin_domains"].value
    assert places(other) == names[12:14]


def test_a_domain_taken_away_or_deleted_is_no_place_to_go_to(as_admin, add_domain):
    for name in ("a.example", "b.example", "c.example"):
        add_domain(name)
    client = as_admin("a.example", "b.example", "c.example")
    for name in ("a.example", "c.example"):
        page_of(client, "domain", name)
    assert places(client) == ["c.example", "a.example", "b.example"]

    Domain.objects.filter(pk="c.example").delete()

    assert places(client) == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("names", "offered"), [(["example.org"], 0), (["example.org", "other.net"], 1)]
)
def test_another_name_is_offered_to_whom_it_can_be_made(
    names, offered, as_admin, example_org, other_net
):
    client = as_admin(*names)

    for name in ("mailbox-list", "aliasdomain-list"):
        page = page_of(client, name).text
        assert ("/alias-domains/new/" in page) == bool(offered)
        assert ">Mailbox</a>" in page


def test_saving_leads_back_to_the_list_that_one_came_from(as_superadmin, example_org, add_mailbox):
    address = add_mailbox("joe@example.org").pk
    form = {"name": "Joe", "quota_mb": "0", "active": "on", "smtp_active": "on"}
    edit, here = reverse("mailbox-edit", args=[address]), {"host": "testserver"}

    def after(came_from):
        page = as_superadmin.get(edit, headers=here | {"referer": came_from})
        found = re.search('name="next" value="([^"]*)"', page.content.decode())
        back = {"next": found[1]} if found else {}
        return as_superadmin.post(edit, form | back).url

    assert after("http://testserver/mailboxes/?q=jo") == "/mailboxes/?q=jo"
    assert after("http://testserver/domains/example.org/") == "/domains/example.org/"
    for elsewhere in (
        "",
        "http://evil.example/mailboxes/",
        f"http://testserver/mailboxes/{address}/",
    ):
        assert after(elsewhere) == f"/mailboxes/{address}/"


def test_a_domain_admin_sees_the_limits_and_no_way_to_change_them(as_admin, example_org):
    page = page_of(as_admin("example.org"), "domain-settings", "example.org")

    assert "Limits and use" in text(page)
    for name in ("domain-edit", "domain-state", "domain-delete"):
        assert reverse(name, args=["example.org"]) not in links(page)


def test_the_page_says_where_unknown_names_go(
    as_superadmin, example_org, other_net, add_mailbox, add_alias, link
):
    def lead():
        return text(page_of(as_superadmin, "domain", "example.org")).partition("example.org ")[2]

    assert lead().startswith("Everything not listed here is refused.")

    add_mailbox("joe@other.net")
    add_alias("@example.org", "joe@other.net")
    assert "Everything not listed here goes to the catch-all." in lead()

    link("example.org", "other.net")
    assert "goes to the same name in other.net." in lead()

    set_domain_active(actor=None, domain=other_net, active=False)
    assert "That domain is off, so this mail is refused." in lead()

    set_domain_active(actor=None, domain=example_org, active=False)
    assert ("Off. Mail from outside for it and through it is refused") in lead()


def test_a_foreign_domain_is_named_to_a_domain_admin_but_not_linked(as_admin, link):
    link("own.example", "foreign.example")

    client = as_admin("own.example")

    for name in ("domain", "domain-settings"):
        page = page_of(client, name, "own.example")
        assert "foreign.example" in text(page)
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


def test_options_for_several_are_the_own_domains_that_begin_so(as_admin, add_domain):
    for name in ("alpha.example", "alps.example", "beta.example", "alien.example"):
        add_domain(name)
    client = as_admin("alpha.example", "alps.example", "beta.example")

    page = client.get(reverse("domain-options"), {"q": "AL", "domain": "beta.example"})

    assert re.findall('role="option".*?data-address="(.*?)"', page.text) == [
        "alpha.example",
        "alps.example",
    ]


@pytest.mark.parametrize("field", ["domain", "alias_domain", "target_domain"])
def test_suggestions_are_for_the_domain_that_is_typed_and_nothing_else(as_admin, add_domain, field):
    for name in ("alpha.example", "beta.example"):
        add_domain(name)
    client = as_admin("alpha.example", "beta.example")

    page = client.get(reverse("domain-suggestions"), {"q": "be", "state": "off", field: "al"})
    assert page.text == '<option value="alpha.example">alpha.example</option>'

    page = client.get(reverse("domain-suggestions"), {"state": "be", field: ""})
    assert page.text.count("<option") == 2


def test_its_page_warns_of_a_transport_that_the_shipped_files_do_not_serve(
    as_superadmin, add_domain
):
    add_domain("a.example")
    Domain.objects.update(transport="dovecot")
    add_domain("b.example", transport="smtp:[192.0.2.9]")

    warning = "Postfix needs a service “dovecot” in its master.cf"
    assert warning in text(page_of(as_superadmin, "domain", "a.example"))
    assert "master.cf" not in text(page_of(as_superadmin, "domain", "b.example"))


@pytest.mark.parametrize("name", ["mailbox-list", "alias-list", "aliasdomain-list"])
def test_before_there_is_a_domain_a_list_offers_to_create_one(name, as_superadmin, add_domain):
    page = as_superadmin.get(reverse(name))

    assert "First create a domain" in text(page)
    assert reverse("domain-create") in links(page)
    add_domain("example.org")
    assert "First create a domain" not in text(as_superadmin.get(reverse(name)))

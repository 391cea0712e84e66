import re

import pytest
from django.urls import reverse

from aliases.models import Alias
from domains.models import Domain
from domains.services import set_domain_active
from mailboxes.models import QuotaUsage
from tests.pages.reading import links, text

MB = 1_024_000


def page_of(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)


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
    assert "sales@example.org Alias gone is gone joe" in said
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

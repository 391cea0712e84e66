import pytest
from django.urls import reverse

from domains.services import create_alias_domain
from mailboxes.forwarding import set_forwarding
from tests.pages.reading import links, text


@pytest.fixture
def as_superadmin(sign_in, make_admin):
    return sign_in(make_admin(superadmin=True))


def search(client, q=""):
    return client.get(reverse("search"), {"q": q})


def found(page):
    kinds = ("people", "addresses", "domains", "admins")
    rows = {kind: [getattr(row, "pk", row) for row in page.context[kind]] for kind in kinds}
    return {kind: names for kind, names in rows.items() if names}


def test_whatever_has_a_word_that_begins_so_is_found(
    as_superadmin, add_domain, add_mailbox, add_alias, make_admin
):
    for name in ("joe.example", "other.net"):
        add_domain(name)
    add_mailbox("joe@other.net", name="J. Doe")
    add_mailbox("ann@other.net", name="Ann Joel")
    add_alias("old.joes@other.net", "ann@other.net")
    add_alias("sales@other.net", "joe@other.net", "ann@other.net")
    make_admin("it.joe@panel.example", domains=["other.net"])

    page = search(as_superadmin, " Joe ")

    assert found(page) == {
        "people": ["joe@other.net", "ann@other.net"],
        "addresses": ["sales@other.net", "old.joes@other.net"],
        "domains": ["joe.example", "other.net"],
        "admins": ["it.joe@panel.example"],
    }
    for link in (
        reverse("domain", args=["joe.example"]),
        reverse("mailbox", args=["joe@other.net"]),
        reverse("mailbox", args=["ann@other.net"]),
        reverse("alias", args=["old.joes@other.net"]),
        reverse("alias", args=["sales@other.net"]),
        reverse("admin", args=["it.joe@panel.example"]),
        reverse("mailbox-password", args=["joe@other.net"]),
        reverse("domain-new-address", args=["joe.example"]),
    ):
        assert link in links(page)


def test_a_mailbox_is_found_once_with_name_and_address(as_superadmin, example_org, add_mailbox):
    mailbox = add_mailbox("joe@example.org", name="Joe Miller")
    set_forwarding(actor=None, mailbox=mailbox, targets=["joe@elsewhere.example"], keep_copy=True)

    page = search(as_superadmin, "joe")

    assert found(page) == {"people": ["joe@example.org"]}
    assert "Joe Miller joe@example.org" in text(page)


def test_the_pages_of_the_panel_are_found_by_their_names(as_superadmin, sign_in, make_admin):
    page = search(as_superadmin, "dom")
    assert [hit.label for hit in page.context["goto"]] == ["Domains"]
    page = search(as_superadmin, "find")
    assert [hit.label for hit in page.context["goto"]] == ["Findings"]
    page = search(as_superadmin, "new ma")
    assert [hit.label for hit in page.context["actions"]] == ["New mailbox"]
    admin = sign_in(make_admin(domains=[]))
    assert "New domain" not in text(search(admin, "new"))
    assert [hit.label for hit in search(admin, "where").context["goto"]] == ["Where mail goes"]
    assert search(admin, "find").context["goto"] == []


def test_htmx_gets_what_was_found_and_no_page_around_it(as_superadmin, example_org):
    page = as_superadmin.get(reverse("search"), {"q": "org"}, headers={"HX-Request": "true"})

    assert b"<html" not in page.content
    assert "4 results" in page.content.decode()


def test_a_forwarding_is_found_by_its_target_and_leads_to_its_mailbox(
    as_superadmin, example_org, add_mailbox
):
    mailbox = add_mailbox("joe@example.org")
    set_forwarding(actor=None, mailbox=mailbox, targets=["zoe@elsewhere.example"], keep_copy=True)

    for typed in ("zoe@", "zoe", "elsewhere"):
        page = search(as_superadmin, typed)

        assert "joe@example.org → zoe@elsewhere.example" in text(page)
        assert reverse("mailbox", args=["joe@example.org"]) in links(page)


@pytest.mark.parametrize("typed", ["müller.example", "MÜLLER.example", "xn--mller", "info@xn--m"])
def test_unicode_domains_are_found_in_either_form(typed, as_superadmin, add_domain, add_mailbox):
    add_domain("müller.example")
    add_mailbox("info@xn--mller-kva.example")

    kind = "people" if "@" in typed else "domains"
    key = "info@xn--mller-kva.example" if "@" in typed else "xn--mller-kva.example"

    assert found(search(as_superadmin, typed)) == {kind: [key]}


@pytest.mark.parametrize("typed", ["müll", "%", "_", "@", "..", "'", "\\", "a" * 300, "ü@", "\0"])
def test_odd_texts_are_no_error(typed, as_superadmin, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    assert search(as_superadmin, typed).status_code == 200


def test_without_a_text_it_says_what_can_be_found(as_superadmin, example_org):
    page = search(as_superadmin)

    assert "An address says where its mail goes." in text(page)
    assert found(page) == {}
    assert reverse("log") in links(page)


def test_nothing_found_says_what_was_searched(as_superadmin, example_org):
    assert "Nothing found for “zzz”" in text(search(as_superadmin, "zzz"))


def test_more_than_a_few_lead_to_the_list(as_superadmin, example_org, add_mailbox):
    for n in range(11):
        add_mailbox(f"m{n:02}@example.org")

    page = search(as_superadmin, "m")

    assert "m07@example.org" in text(page)
    assert "m08@example.org" not in text(page)
    assert f"{reverse('mailbox-list')}?q=m" in links(page)


def test_a_domain_admin_finds_only_what_is_in_the_own_domains(
    sign_in, make_admin, example_org, other_net, add_mailbox, add_alias
):
    for domain in ("example.org", "other.net"):
        add_mailbox(f"joe@{domain}", name="Joe")
        add_alias(f"joes@{domain}", f"joe@{domain}")

    page = search(sign_in(make_admin(domains=["example.org"])), "jo")

    assert found(page) == {"people": ["joe@example.org"], "addresses": ["joes@example.org"]}
    assert b"other.net" not in page.content
    assert found(search(sign_in(make_admin("x@panel.example", domains=[])), "jo")) == {}


def test_a_mailbox_user_is_led_to_the_own_page(sign_in, add_mailbox, example_org):
    response = search(sign_in(add_mailbox("joe@example.org")), "j")

    assert (response.status_code, response.url) == (302, reverse("account"))


def test_hostile_text_is_only_text(as_superadmin, example_org, add_mailbox):
    hostile = "<script>alert(1)</script>"
    add_mailbox("joe@example.org", name=hostile)

    for typed in ("joe", hostile, f'"{hostile}'):
        page = search(as_superadmin, typed).content.decode()
        assert hostile not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("number", [1, 3])
def test_a_search_asks_as_often_for_any_number_of_finds(
    number, sign_in, make_admin, add_domain, add_mailbox, add_alias, django_assert_num_queries
):
    names = [f"m{n}.example" for n in range(number)]
    for name in names:
        add_domain(name)
        add_mailbox(f"m@{name}", name="Me")
        add_alias(f"ma@{name}", f"m@{name}")
    client = sign_in(make_admin(domains=names))

    with django_assert_num_queries(7):
        page = search(client, "m")
    with django_assert_num_queries(8):  # one to count by which word to begin
        search(client, "m ex")

    assert [len(names) for names in found(page).values()] == [number] * 3


@pytest.mark.parametrize(
    ("domains", "offered"), [(["example.org"], False), (["example.org", "other.net"], True)]
)
def test_another_name_is_offered_where_there_is_a_domain_to_give_it(
    domains, offered, make_admin, sign_in, example_org, other_net
):
    client = sign_in(make_admin(domains=domains))
    label, link = "Another name for example.org", "/alias-domains/new/?domain=example.org"

    found = client.get(reverse("search"), {"q": "example"}).context["actions"]
    new = client.get(reverse("search")).context["actions"]

    assert ((link, label) in [(hit.url, hit.label) for hit in found]) is offered
    assert ("New alias domain" in [hit.label for hit in new]) is offered


def test_a_backup_mx_is_offered_neither_a_mailbox_nor_another_name(as_superadmin, add_domain):
    add_domain("kept.example", backupmx=True)

    context = search(as_superadmin, "kept").context

    assert [row.pk for row in context["domains"]] == ["kept.example"]
    assert context["actions"] == []


def test_what_is_another_name_itself_gets_none(as_superadmin, example_org, add_domain):
    create_alias_domain(
        actor=None, alias_domain=add_domain("twin.example"), target_domain=example_org
    )

    offered = [hit.label for hit in search(as_superadmin, "twin").context["actions"]]

    assert offered == ["New mailbox in twin.example"]

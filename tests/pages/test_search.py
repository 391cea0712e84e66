"""The search over everything an administrator may see."""

import pytest
from django.urls import reverse

from mailboxes.forwarding import set_forwarding
from tests.pages.reading import links, text


@pytest.fixture
def as_superadmin(sign_in, make_admin):
    return sign_in(make_admin(superadmin=True))


def search(client, q=""):
    return client.get(reverse("search"), {"q": q})


def found(page):
    """What was found, by kind, without the empty kinds."""
    kinds = ("domains", "mailboxes", "people", "aliases", "targets")
    rows = {kind: [str(row) for row in page.context.get(kind, ())] for kind in kinds}
    return {kind: names for kind, names in rows.items() if names}


def test_whatever_begins_with_the_text_is_found(as_superadmin, add_domain, add_mailbox, add_alias):
    for name in ("joe.example", "other.net"):
        add_domain(name)
    add_mailbox("joe@other.net", name="J. Doe")
    add_mailbox("ann@other.net", name="Joe Miller")
    add_alias("joes@other.net", "ann@other.net")
    add_alias("sales@other.net", "joe@other.net", "ann@other.net")

    page = search(as_superadmin, " Joe ")

    assert found(page) == {
        "domains": ["joe.example"],
        "mailboxes": ["joe@other.net"],
        "people": ["ann@other.net"],
        "aliases": ["joes@other.net"],
        "targets": ["sales@other.net → joe@other.net"],
    }
    for link in (
        reverse("domain", args=["joe.example"]),
        reverse("mailbox", args=["joe@other.net"]),
        reverse("mailbox", args=["ann@other.net"]),
        reverse("alias", args=["joes@other.net"]),
        reverse("alias", args=["sales@other.net"]),
    ):
        assert link in links(page)


def test_a_forwarding_is_found_by_its_target_and_leads_to_its_mailbox(
    as_superadmin, example_org, add_mailbox
):
    mailbox = add_mailbox("joe@example.org")
    set_forwarding(actor=None, mailbox=mailbox, targets=["zoe@elsewhere.example"], keep_copy=True)

    page = search(as_superadmin, "zoe@")

    assert "joe@example.org → zoe@elsewhere.example" in text(page)
    assert reverse("mailbox", args=["joe@example.org"]) in links(page)


@pytest.mark.parametrize(
    "typed", ["müller.example", "MÜLLER.example", "xn--mller", "info@müller.example"]
)
def test_unicode_domains_are_found_in_either_form(typed, as_superadmin, add_domain, add_mailbox):
    add_domain("müller.example")
    add_mailbox("info@xn--mller-kva.example")

    assert list(found(search(as_superadmin, typed)).values()) in (
        [["müller.example"]],
        [["info@müller.example"]],
    )


@pytest.mark.parametrize("typed", ["müll", "%", "_", "@", "..", "'", "\\", "a" * 300, "ü@", "\0"])
def test_odd_texts_are_no_error(typed, as_superadmin, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    assert search(as_superadmin, typed).status_code == 200


def test_without_a_text_it_says_what_can_be_found(as_superadmin, example_org):
    page = search(as_superadmin)

    assert "Finds domains, mailboxes, people, aliases, and where aliases lead" in text(page)
    assert found(page) == {}


def test_nothing_found_says_what_was_searched(as_superadmin, example_org):
    assert "Nothing begins with “zzz”" in text(search(as_superadmin, "zzz"))


def test_more_than_ten_lead_to_the_list(as_superadmin, example_org, add_mailbox):
    for n in range(11):
        add_mailbox(f"m{n:02}@example.org")

    page = search(as_superadmin, "m")

    assert "m09@example.org" in text(page)
    assert "m10@example.org" not in text(page)
    assert f"{reverse('mailbox-list')}?q=m" in links(page)


def test_a_domain_admin_finds_only_what_is_in_the_own_domains(
    sign_in, make_admin, example_org, other_net, add_mailbox, add_alias
):
    for domain in ("example.org", "other.net"):
        add_mailbox(f"joe@{domain}", name="Joe")
        add_alias(f"joes@{domain}", f"joe@{domain}")

    page = search(sign_in(make_admin(domains=["example.org"])), "jo")

    assert found(page) == {
        "mailboxes": ["joe@example.org"],
        "people": ["joe@example.org"],
        "aliases": ["joes@example.org"],
        "targets": ["joes@example.org → joe@example.org"],
    }
    assert b"other.net" not in page.content


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

    with django_assert_num_queries(9):
        page = search(client, "m")

    assert {len(names) for names in found(page).values()} == {number}

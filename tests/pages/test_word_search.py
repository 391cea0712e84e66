import re

import pytest
from django.db import connection
from django.urls import reverse

from domains import words
from mailboxes.services import set_mailbox_active
from tests.pages.reading import links


@pytest.fixture
def as_superadmin(sign_in, make_admin):
    return sign_in(make_admin(superadmin=True))


def found(client, page, q, **query):
    response = client.get(reverse(page), {"q": q, **query})
    assert response.status_code == 200
    return [row.pk for row in response.context["object_list"]]


@pytest.fixture
def people(example_org, other_net, add_mailbox, add_alias):
    add_mailbox("m.castellanos@example.org", name="Maria Castellanos Ruiz")
    add_mailbox("ole@example.org", name="Ole Tangen")
    add_mailbox("casper@other.net", name="Casper")
    add_alias(
        "info@example.org", "ole@example.org", "desk@agency.example", description="Front office"
    )
    add_alias("sales@other.net", "casper@other.net")


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("castellanos", ["m.castellanos@example.org"]),
        ("cas", ["casper@other.net", "m.castellanos@example.org"]),
        ("RUIZ maria", ["m.castellanos@example.org"]),
        ("m. castell", ["m.castellanos@example.org"]),
        ("m.castellanos@exam", ["m.castellanos@example.org"]),
        ("cas other", ["casper@other.net"]),
        ("cas example.org", ["m.castellanos@example.org"]),
        ("stellanos", []),
        ("casper ole", []),
        ("%", []),
        ("_", []),
        ("'; --", []),
    ],
)
def test_mailboxes_are_found_by_each_word_of_name_and_address(typed, keys, as_superadmin, people):
    assert found(as_superadmin, "mailbox-list", typed) == keys


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("info", ["info@example.org"]),
        ("office", ["info@example.org"]),
        ("agency", ["info@example.org"]),
        ("ole", ["info@example.org"]),
        ("ole@example.org", ["info@example.org"]),
        ("casper", ["sales@other.net"]),
        ("front desk", ["info@example.org"]),
        ("tangen", []),
    ],
)
def test_aliases_are_found_by_name_description_and_recipients(typed, keys, as_superadmin, people):
    assert found(as_superadmin, "alias-list", typed) == keys


def test_domains_are_found_by_label_description_and_administrator(
    as_superadmin, add_domain, make_admin
):
    add_domain("harbour-books.example", description="Books & Café at the quay")
    add_domain("quayside.example")
    make_admin("nadia.haddad@panel.example", domains=["harbour-books.example"])

    for typed in (
        "books",
        "harbour",
        "cafe" if connection.vendor == "mysql" else "café",
        "nadia",
        "haddad",
    ):
        assert found(as_superadmin, "domain-list", typed) == ["harbour-books.example"]
    assert found(as_superadmin, "domain-list", "quay") == [
        "harbour-books.example",
        "quayside.example",
    ]


def test_capitals_and_accents_do_not_matter(as_superadmin, example_org, add_mailbox):
    add_mailbox(
        "maria@example.org", name="MARÍA Ibáñez" if connection.vendor == "mysql" else "MARíA Ibáñez"
    )

    assert found(as_superadmin, "mailbox-list", "maría") == ["maria@example.org"]
    if connection.vendor == "mysql":
        assert found(as_superadmin, "mailbox-list", "ibanez") == ["maria@example.org"]


@pytest.mark.parametrize("page", ["mailbox-list", "alias-list", "domain-list"])
def test_an_administrator_finds_only_what_is_in_the_own_domains(page, sign_in, make_admin, people):
    keys = {
        "mailbox-list": ["casper@other.net"],
        "alias-list": ["sales@other.net"],
        "domain-list": ["other.net"],
    }
    client = sign_in(make_admin(domains=["other.net"]))
    typed = {"mailbox-list": "c", "alias-list": "s", "domain-list": "o"}[page]

    assert found(client, page, typed) == keys[page]
    assert found(client, page, "ole") == []


def test_who_looks_for_a_domain_among_the_addresses_is_led_to_its_addresses(
    as_superadmin, people, sign_in, make_admin
):
    response = as_superadmin.get(reverse("mailbox-list"), {"q": "other"})
    assert list(response.context["object_list"]) == []
    assert f"{reverse('mailbox-list')}?domain=other.net" in links(response)
    hidden = sign_in(make_admin("x@panel.example", domains=["example.org"]))
    assert b"other.net" not in hidden.get(reverse("mailbox-list"), {"q": "other"}).content


def test_the_filters_narrow_what_is_found(as_superadmin, people, add_mailbox):
    off = add_mailbox("castor@example.org")
    set_mailbox_active(actor=None, mailbox=off, active=False)

    assert found(as_superadmin, "mailbox-list", "cas", state="off") == ["castor@example.org"]
    assert found(as_superadmin, "mailbox-list", "cas", domain="other.net") == ["casper@other.net"]
    assert found(as_superadmin, "mailbox-list", "cas", domain="nowhere.example") == []


@pytest.mark.parametrize("names", [[], ["example.org"], ["example.org", "other.net"]])
@pytest.mark.parametrize("scan", [7, 1_000])
def test_pages_go_on_and_back_through_all_that_is_found(
    names, scan, monkeypatch, sign_in, make_admin, example_org, other_net, add_mailbox
):
    monkeypatch.setattr(words, "SCAN", scan)
    for n in range(60):
        domain = "other.net" if len(names) == 2 and n % 2 else "example.org"
        # Each row has two words that begin so, and one in two has the other word.
        add_mailbox(f"m{n:02}.min{n:02}@{domain}", name="Nurse" if n % 2 else "")
    client = sign_in(make_admin(superadmin=not names, domains=names))

    for typed, number in (("m", 60), ("m nurse", 30), ("m0 nurse", 5)):
        seen, url, back = [], f"{reverse('mailbox-list')}?q={typed}&size=25", None
        while url:
            context = client.get(url).context
            seen += [row.pk for row in context["object_list"]]
            back = context["previous_url"] or back
            url = context["next_url"] and reverse("mailbox-list") + context["next_url"]
        assert len(seen) == len(set(seen)) == number
        assert (back is None) == (number <= 25 and scan > 60)


def test_the_title_counts_no_more_than_is_known(
    monkeypatch, as_superadmin, example_org, add_mailbox
):
    for n in range(30):
        add_mailbox(f"m{n:02}@example.org", name="Nurse" if n < 3 else "")

    def title(q):
        page = as_superadmin.get(reverse("mailbox-list"), {"q": q, "size": 25})
        counted = re.search(r'id="count" role="status">(.*)', page.content.decode())[1]
        return re.sub("<[^>]+>", "", counted).removeprefix("Results ")

    assert title("nurse") == "3"
    assert title("m") == "more than 25"
    monkeypatch.setattr(words, "SCAN", 2)
    assert title("m nurse") == ""


def test_as_many_statements_for_any_number_of_finds(
    as_superadmin, example_org, add_mailbox, django_assert_max_num_queries
):
    for n in range(30):
        add_mailbox(f"m{n}@example.org", name="Nurse")

    with django_assert_max_num_queries(10):
        page = as_superadmin.get(reverse("mailbox-list"), {"q": "m nurse", "size": 25})

    assert len(page.context["object_list"]) == 25
    assert any("after=" in link for link in links(page))


@pytest.mark.parametrize("glance", [0, 1, 60])
def test_the_search_of_many_domains_finds_the_own_and_only_these(
    glance, sign_in, make_admin, add_domain, add_mailbox, add_alias, monkeypatch
):
    """Whether a word is rare in all domains or not; the domains come in their order."""
    names = [f"d{number}.example" for number in range(6)]
    for name in names:
        add_domain(name)
        add_mailbox(f"anna@{name}", name="Anna Becker")
        add_alias(f"annas@{name}", f"anna@{name}", description="Desk of Becker")
    client = sign_in(make_admin(domains=[names[4], names[1], names[2], names[5]]))
    monkeypatch.setattr(words, "GLANCE", glance)
    monkeypatch.setattr(words, "FEW_DOMAINS", 2)

    def people_and_addresses(q):
        context = client.get(reverse("search"), {"q": q}).context
        return [[row.pk for row in context[kind]] for kind in ("people", "addresses")]

    own = [names[1], names[2], names[4], names[5]]
    expected = [[f"{local_part}@{name}" for name in own] for local_part in ("anna", "annas")]
    assert people_and_addresses("becker") == expected
    if glance == 60:  # of fewer entries of common words fewer are looked at
        assert people_and_addresses("becker anna") == expected
    assert people_and_addresses("anna@d")[0] == expected[0]
    assert people_and_addresses("annas@d")[1] == expected[1]
    assert people_and_addresses("anna@d0") == [[], []]
    assert people_and_addresses("nobody") == [[], []]

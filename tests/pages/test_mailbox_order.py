import pytest
from django.urls import reverse

from mailboxes import order
from mailboxes.models import LastLogin, QuotaUsage
from tests.pages.reading import links, rows, text

MB = 1_024_000
HELD = {"b": 40, "c": 90, "d": 5, "f": 45, "g": 7}  # MB
QUOTA = {"a": 100, "b": 100, "c": 100, "d": 0, "e": 0, "f": 50, "g": 0}


@pytest.fixture
def filled(example_org, other_net, add_mailbox):
    for name, quota in QUOTA.items():
        add_mailbox(f"{name}@example.org", quota=quota * MB)
    for name, held in HELD.items():
        QuotaUsage.objects.create(pk=f"{name}@example.org", bytes=held * MB, messages=1)
    add_mailbox("z@other.net", quota=MB)
    QuotaUsage.objects.create(pk="z@other.net", bytes=MB, messages=1)


def asked(client, **query):
    page = client.get(reverse("mailbox-list"), {"domain": "example.org"} | query)
    return [key.partition("@")[0] for key in rows(page)], page


def test_the_fullest_come_first_and_those_without_a_limit_by_what_they_hold(admin, filled):
    found, page = asked(admin, sort="-storage")

    # f and c are equally full; of those without a limit g holds more than d.
    assert found == ["c", "f", "b", "a", "g", "d", "e"]
    assert page.context["sort"] == "-storage"
    assert "90 of 100 MB" in text(page)
    assert asked(admin, sort="storage")[0] == found[::-1]
    assert "90 of 100 MB" not in text(asked(admin)[1])


@pytest.mark.parametrize("sort", ["storage", "-storage", "signed_in", "-signed_in"])
def test_every_row_comes_once_on_the_way_forth_and_back(sort, admin, filled, monkeypatch):
    monkeypatch.setattr("panel.paging.PAGE_SIZES", (2, 50))
    for name, moment in {"a": 1_700_000_000, "c": 1_700_000_000, "d": 1_600_000_000}.items():
        LastLogin.objects.create(username=f"{name}@example.org", protocol="imap", at=moment)
    whole, _page = asked(admin, sort=sort, size=50)

    forth, pages = [], []
    _found, page = asked(admin, sort=sort, size=2)
    while True:
        pages.append(rows(page))
        if page.context["next_url"] is None:
            break
        page = admin.get(reverse("mailbox-list") + page.context["next_url"])
    forth = [key.partition("@")[0] for keys in pages for key in keys]
    for expected in pages[-2::-1]:
        page = admin.get(reverse("mailbox-list") + page.context["previous_url"])
        assert rows(page) == expected

    assert len(pages) == 4
    assert forth == whole


def test_who_never_signed_in_comes_before_who_did_long_ago(admin, filled):
    for name, protocol, moment in [
        ("a", "imap", 1_700_000_000),
        ("a", "pop3", 1_500_000_000),
        ("c", "pop3", 1_600_000_000),
    ]:
        LastLogin.objects.create(username=f"{name}@example.org", protocol=protocol, at=moment)

    found, page = asked(admin, sort="signed_in")

    assert found == ["b", "d", "e", "f", "g", "c", "a"]
    assert asked(admin, sort="-signed_in")[0] == found[::-1]
    # Those who never did have no date, yet the column stays to be turned round.
    assert "?domain=example.org&sort=-signed_in" in links(page)


def test_the_nearly_full_come_fullest_first_of_a_domain_and_of_all(admin, as_superadmin, filled):
    found, page = asked(admin, state="full")

    assert found == ["f", "c"]
    assert page.context["sort"] == "-storage"
    assert asked(admin, state="full", sort="address")[0] == ["c", "f"]
    page = as_superadmin.get(reverse("mailbox-list"), {"state": "full"})
    assert rows(page) == ["z@other.net", "f@example.org", "c@example.org"]


def test_only_a_domain_of_bounded_size_is_sorted(admin, as_superadmin, filled, monkeypatch):
    assert as_superadmin.get(reverse("mailbox-list"), {"sort": "-storage"}).context["sort"] == (
        "address"
    )
    href = "/mailboxes/?domain=example.org&sort=-storage"
    domain_page = reverse("domain", args=["example.org"])
    assert href in links(admin.get(domain_page))
    monkeypatch.setattr(order, "SORTED", len(QUOTA) - 1)

    found, page = asked(admin, sort="-storage")

    assert found == sorted(QUOTA)
    assert page.context["sort"] == "address"
    assert href not in links(admin.get(domain_page))
    assert asked(admin, sort="-storage", state="full")[0] == ["f", "c"]


def test_a_position_that_no_page_has_shows_the_first_page(admin, filled):
    found, _page = asked(admin, sort="-storage", after=["x", "y", "z"])

    assert found[0] == "c"


def test_another_domain_stays_out_of_the_order(admin, filled):
    assert asked(admin, domain="other.net", sort="-storage")[0] == []
    assert asked(admin, domain="other.net", state="full")[0] == []


def test_a_menu_has_the_orders_too_and_says_where_there_is_none(admin, filled, monkeypatch):
    here = "?domain=example.org&sort="
    assert f"{here}-signed_in" not in links(asked(admin)[1])  # nobody was seen signing in
    LastLogin.objects.create(username="a@example.org", protocol="imap", at=1_700_000_000)
    _found, page = asked(admin)
    assert {f"{here}-address", f"{here}-storage", f"{here}-signed_in"} <= set(links(page))
    reason = "By storage and last sign-in only up to 2 mailboxes, as"
    assert reason not in text(page)

    monkeypatch.setattr(order, "SORTED", 2)
    for url in ("/mailboxes/?domain=example.org", "/domains/example.org/"):
        page = admin.get(url)
        assert not [link for link in links(page) if "sort=-storage" in link]
        assert reason.partition("up to")[0] in text(page)
    # A domain page's orders are those of its mailboxes.
    assert reason in text(page)

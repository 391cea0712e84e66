"""Somebody who may set passwords in a domain and nothing else: given so by a superadmin, and what the pages show then."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Visitors, create_domain, create_mailbox, fill, submit
from tests.e2e.test_axe import WITH_AXE, broken_rules

pytestmark = pytest.mark.xdist_group("mail")

PASSWORD = "tangerine-7-bicycle"
DOMAIN = "helpdesk.example"
HELP, MIA = f"help@{DOMAIN}", f"mia@{DOMAIN}"


@pytest.fixture(scope="module", autouse=True)
def people(browser, panel, accounts):
    with Visitors(browser, panel.url) as visitors:
        page = visitors.sign_in(*next(iter(accounts.items())), **WITH_AXE)
        create_domain(page, DOMAIN)
        create_mailbox(page, MIA, PASSWORD)
        page.goto("/administrators/new/")
        fill(page, {"E-mail address": HELP, "Password": PASSWORD})
        page.get_by_text("Domains where less may be done").click()
        fill(page, {"Passwords only": DOMAIN})
        submit(page)
        page.goto(f"/administrators/{HELP}/")
        expect(page.locator("#main")).to_contain_text("Less than everything")
        assert broken_rules(page, f"/administrators/{HELP}/edit/") == []


def test_the_helpdesk_sees_everything_and_is_offered_what_it_may_do(visitors):
    page = visitors.sign_in(HELP, PASSWORD)

    page.goto(f"/domains/{DOMAIN}/")
    expect(page.get_by_role("link", name=MIA.partition("@")[0])).to_be_visible()
    for name in ("New address", "New"):
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    expect(page.locator(".new-menu")).to_have_count(0)
    expect(page.locator("[name=selected]")).to_have_count(0)

    page.goto(f"/mailboxes/{MIA}/")
    expect(page.get_by_role("link", name="New password")).to_be_visible()
    page.locator("summary[aria-label=More]").click()
    offered = page.locator(".more-menu[open] a").all_inner_texts()
    assert [word.strip() for word in offered if "deliver" not in word] == [
        "Where mail goes",
        "Invite…",
        "Activity",
        "End sessions…",
    ]
    assert page.goto(f"/mailboxes/{MIA}/edit/").status == 404


def test_it_sets_a_password(visitors):
    page = visitors.sign_in(HELP, PASSWORD)
    page.goto(f"/mailboxes/{MIA}/password/")

    fill(page, {"New password": "another-8-bicycle"})
    submit(page)

    expect(page.locator("#main")).to_contain_text("another-8-bicycle")


def test_axe_finds_nothing_on_what_it_sees(visitors):
    page = visitors.sign_in(HELP, PASSWORD, **WITH_AXE)
    paths = [f"/domains/{DOMAIN}/", f"/mailboxes/?domain={DOMAIN}", f"/mailboxes/{MIA}/"]
    paths += ["/account/", f"/domains/{DOMAIN}/flow/", f"/domains/{DOMAIN}/dns/"]

    found = [line for path in paths for line in broken_rules(page, path)]

    assert not found, "\n".join(found)

"""The user of a mailbox manages its domain with one password, and goes back."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import create_domain, create_mailbox, fill, message, submit

pytestmark = pytest.mark.xdist_group("mail")
DOMAIN, PASSWORD = "firm.example", "tangerine-7-bicycle"
OWNER = f"owner@{DOMAIN}"


@pytest.fixture
def owner(visitors, accounts):
    """Made in the browser: a superadmin lets the user of a mailbox manage the domain."""
    page = visitors.sign_in(*next(iter(accounts.items())))
    create_domain(page, DOMAIN)
    user = create_mailbox(page, OWNER, PASSWORD)
    page.goto(f"/mailboxes/{OWNER}/")
    page.locator(".object-head .actions summary").click()
    page.get_by_role("link", name="Let its user manage the domain…").click()
    expect(page.get_by_label("E-mail address", exact=True)).to_have_value(OWNER)
    expect(page.get_by_label("None: the user of the mailbox")).to_be_checked()
    expect(page.locator(".by-password")).to_be_hidden()
    submit(page)
    expect(page.get_by_text("Signs in with the mailbox", exact=True)).to_be_visible()
    return user


def test_a_mailbox_user_manages_the_domain_and_goes_back(visitors, owner):
    page = visitors.sign_in(*owner)
    expect(page.get_by_role("heading", name=OWNER)).to_be_visible()
    page.get_by_role("button", name=f"Manage {DOMAIN}").click()
    page.wait_for_url(f"**/domains/{DOMAIN}/")

    page.goto("/mailboxes/new/")  # in the only domain there is
    fill(page, {"Address": "clerk", "Password": PASSWORD, "Quota": "100"})
    submit(page)
    assert f"clerk@{DOMAIN}" in message(page)
    page.goto("/account/")
    expect(page.get_by_text(f"With the mailbox {OWNER}")).to_be_visible()

    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Your mailbox").click()
    page.wait_for_url("**/account/")
    expect(page.get_by_role("button", name=f"Manage {DOMAIN}")).to_be_visible()
    assert page.goto("/mailboxes/").status == 404

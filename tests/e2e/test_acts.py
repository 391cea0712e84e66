"""What is done to one row or to some: at once with Undo, or after a question."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import message

PASSWORD = "correct-horse-7-battery"


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without"])
def page(request, visitors, accounts):
    return visitors.sign_in(*next(iter(accounts.items())), java_script_enabled=request.param)


def test_one_mailbox_is_off_by_its_row_s_menu_and_on_again_by_undo(page):
    page.goto("/domains/brightwater.example/?q=okafor")
    row = page.locator("#list tbody tr").filter(
        has=page.locator("[value='grace.okafor@brightwater.example']")
    )
    row.locator("summary").click()
    with page.expect_navigation():
        row.get_by_role("button", name="Switch off").click()

    assert message(page).startswith("grace.okafor@brightwater.example is off: mail is refused")
    assert page.url.endswith("/domains/brightwater.example/?q=okafor")
    expect(row.locator(".tag").first).to_have_text("off")
    expect(page.get_by_role("button", name="Undo")).to_be_in_viewport()
    with page.expect_navigation():
        page.get_by_role("button", name="Undo").click()
    assert message(page).startswith("grace.okafor@brightwater.example is on: mail ")
    assert page.url.endswith("/domains/brightwater.example/?q=okafor")

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import create_alias, create_domain, create_mailbox, message

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


@pytest.fixture
def scripted(visitors, accounts):
    return visitors.sign_in(*next(iter(accounts.items())))


def dialog(page, heading):
    found = page.get_by_role("dialog", name=heading)
    expect(found).to_be_visible()
    return found


def test_a_deletion_asks_above_the_list_and_leads_back_to_it(scripted):
    page = scripted
    create_domain(page, "asks.example")
    create_mailbox(page, "ada@asks.example", PASSWORD)
    create_alias(page, "info", "asks.example", "ada@asks.example")
    page.goto("/mailboxes/?domain=asks.example")
    opener = page.locator(".row-menu summary")
    opener.click()
    page.get_by_role("link", name="Delete…").click()

    asked = dialog(page, "Delete ada@asks.example?")
    expect(asked.locator(":focus")).to_have_count(1)
    expect(asked).to_contain_text("1 alias would have no recipient")
    asked.get_by_label("Address that gets their mail").press_sequentially(
        "grace.okafor@brightwater.example"
    )
    expect(asked.get_by_label("Send their mail to:")).to_be_checked()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")  # the first one closes the suggestions
    expect(page.locator("dialog.ask")).to_have_count(0)
    expect(opener).to_be_focused()
    assert page.url.endswith("/mailboxes/?domain=asks.example")

    page.keyboard.press("Enter")
    page.get_by_role("link", name="Delete…").press("Enter")
    asked = dialog(page, "Delete ada@asks.example?")
    asked.get_by_label("Keep, to be given a recipient later").check()
    with page.expect_navigation():
        asked.get_by_role("button", name="Delete").click()
    assert message(page) == "Mailbox ada@asks.example deleted.Restore"
    assert page.url.endswith("/mailboxes/?domain=asks.example")


def test_several_are_deleted_after_a_dialog(scripted):
    page = scripted
    create_domain(page, "several.example")
    for name in ("ada", "ben"):
        create_mailbox(page, f"{name}@several.example", PASSWORD)
    page.goto("/domains/several.example/")
    for name in ("ada", "ben"):
        page.get_by_label(f"Select {name}@several.example").check()
    page.get_by_role("button", name="Delete…").click()

    asked = dialog(page, "Delete 2 addresses?")
    asked.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("button", name="Delete…")).to_be_focused()
    page.keyboard.press("Enter")
    with page.expect_navigation():
        dialog(page, "Delete 2 addresses?").get_by_role("button", name="Delete").click()

    assert message(page) == "2 addresses deleted. Restore"


def test_a_domain_asks_before_it_is_off_and_before_it_is_gone(scripted):
    page = scripted
    create_domain(page, "gone.example")
    page.goto("/domains/gone.example/settings/")
    page.get_by_role("link", name="Switch off…").click()
    with page.expect_navigation():
        dialog(page, "Switch off gone.example?").get_by_role("button", name="Switch off").click()
    assert message(page) == "gone.example is off."

    page.goto("/domains/gone.example/settings/")
    page.get_by_role("link", name="Delete…").click()
    asked = dialog(page, "Delete gone.example?")
    expect(asked.get_by_label("Type gone.example to confirm")).to_be_focused()
    expect(asked.get_by_role("button", name="Delete domain")).to_be_disabled()
    page.keyboard.type("gone.example")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert message(page) == "Domain gone.example deleted.Restore"


def test_what_does_not_ask_any_more_is_a_page(scripted):
    page = scripted
    page.goto("/mailboxes/")
    page.locator(".row-menu summary").first.click()
    page.context.clear_cookies()
    page.get_by_role("link", name="Delete…").first.click()

    expect(page.locator("h1")).to_have_text("Sign in")


def test_an_administrator_s_domains_are_chips_with_suggestions(scripted):
    page = scripted
    page.goto("/administrators/new/")
    page.get_by_label("E-mail address", exact=True).fill("chips@elsewhere.example")
    field = page.locator("#id_domains")
    field.press_sequentially("brightw")
    page.get_by_role("option", name="brightwater.example", exact=True).click()
    field.press_sequentially("harbour-books.example")
    field.press("Enter")
    chips = page.get_by_role("list", name="Chosen").get_by_role("listitem")
    expect(chips).to_contain_text(["brightwater.example", "harbour-books.example"])
    with page.expect_navigation():
        page.get_by_role("button", name="Create administrator").click()

    page.goto("/administrators/chips@elsewhere.example/edit/")
    expect(chips).to_contain_text(["brightwater.example", "harbour-books.example"])
    field.press("Backspace")
    expect(chips).to_have_count(1)
    with page.expect_navigation():
        page.get_by_role("button", name="Save administrator").click()
    page.goto("/administrators/chips@elsewhere.example/edit/")
    expect(chips).to_contain_text(["brightwater.example"])
    expect(chips).to_have_count(1)

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.test_browser import MARIA

pytestmark = pytest.mark.xdist_group("mail")


@pytest.fixture
def superadmin(accounts):
    return next(iter(accounts.items()))


@pytest.fixture
def page(visitors, superadmin):
    return visitors.sign_in(*superadmin)


def palette_shows(page, text):
    """Wait for what was found for ``text``; return the field."""
    expect(page.locator(f"#palette-found [data-q='{text}']")).to_be_attached()
    return page.locator("#palette input")


def test_slash_opens_the_search_above_the_page_and_the_keyboard_leads_on(page):
    page.goto("/domains/")
    page.locator("#q").focus()
    page.keyboard.press("Control+k")
    field = page.locator("#palette input")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    expect(page.locator("#q")).to_be_focused()

    page.locator("main").focus()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    expect(page.locator("#palette-found")).to_contain_text("New mailbox")
    page.keyboard.type("castell/")
    palette_shows(page, "castell/")
    page.keyboard.press("Backspace")
    palette_shows(page, "castell")
    expect(page.locator("#palette [role=status]")).to_have_text(re.compile("result"))
    links = page.locator("#palette-found a")
    page.keyboard.press("ArrowDown")
    expect(links.first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(field).to_be_focused()
    expect(field).to_have_value("castell")
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_contain_text("María")


def test_an_address_typed_into_the_field_gets_its_answer_and_what_can_be_done(page):
    page.locator("[data-global-search]").press_sequentially("info@harbour")
    palette_shows(page, "info@harbour").press_sequentially("-books.example")
    answer = page.locator("#palette .answer")

    expect(answer).to_contain_text("No mailbox or alias has this name.")
    expect(answer).to_contain_text("counter@harbour-books.example")
    expect(page.locator("#palette [role=status]")).to_have_text(
        "There is an answer for this address."
    )
    answer.get_by_role("link", name="Create alias info").click()
    expect(page.locator("[name=local_part]")).to_have_value("info")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("castellanos", MARIA),  # of a name
        ("sailing school", "brightwater.example"),  # of a description
        ("office@brightwater", "office@brightwater.example"),  # an administrator
        ("ole.tangen", "postmaster@brightwater.example"),  # a recipient
        (MARIA.replace("@", "+x@"), MARIA),  # a tagged address
        (MARIA.replace("water.", "water-sailing."), MARIA),  # in an alias domain
    ],
)
def test_any_word_and_any_address_that_takes_mail_is_found(text, found, page):
    page.keyboard.press("Control+k")
    page.locator("#palette input").fill(text)
    palette_shows(page, text)

    expect(page.locator("#palette-found")).to_contain_text(found)


def test_a_list_of_aliases_is_searched_by_recipient_too(page):
    page.goto("/aliases/")
    page.locator("#q").fill("ole.tangen")

    expect(page.locator("#list tbody th a")).to_have_text(
        [
            f"{name}@brightwater.example"
            for name in ("abuse", "hostmaster", "info", "postmaster", "webmaster")
        ]
    )


def test_a_search_without_a_connection_says_so_and_tries_again(page):
    page.goto("/mailboxes/")
    page.route("**/mailboxes/?q=*", lambda route: route.abort())
    page.locator("#q").fill("castellanos")
    expect(page.get_by_role("alert")).to_contain_text("No connection.")
    page.unroute("**/mailboxes/?q=*")
    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator("#list")).to_contain_text(MARIA)

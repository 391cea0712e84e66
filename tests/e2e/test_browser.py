import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import create_domain, create_mailbox, fill, message, submit

pytestmark = pytest.mark.xdist_group("mail")

PASSWORD = "tangerine-7-bicycle"
MARIA = "maria.castellanos@brightwater.example"


@pytest.fixture
def superadmin(accounts):
    return next(iter(accounts.items()))


@pytest.fixture
def page(visitors, superadmin):
    return visitors.sign_in(*superadmin)


def addresses(page):
    return page.locator("#list tbody th[scope=row] a").all_text_contents()


def test_the_first_tab_offers_to_skip_to_the_content(page):
    page.goto("/mailboxes/")
    page.keyboard.press("Tab")
    link = page.locator(".skip-link")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()

    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


def test_typing_searches_the_list_and_leaves_the_rest_of_the_page_alone(page):
    page.goto("/mailboxes/")
    page.evaluate("window.untouched = true")
    search = page.locator("#q")

    search.press_sequentially("mar")

    expect(page).to_have_url(re.compile(r"/mailboxes/\?q=mar$"))
    expect(page.locator("#count")).to_have_text("Results 1")
    assert addresses(page) == [MARIA]
    expect(search).to_be_focused()
    search.press_sequentially("zipan")
    expect(page.locator("#list")).to_contain_text("marzipan")
    expect(page.locator("#count")).to_have_text("Results 0")
    for _letter in "zipan":
        search.press("Backspace")
    expect(page.locator("#list")).to_contain_text(MARIA)
    assert page.evaluate("window.untouched")

    page.locator("#list").get_by_role("link", name=MARIA).click(delay=300)  # as slow as a finger
    expect(page.locator("main")).to_contain_text(MARIA)
    page.go_back()
    expect(search).to_have_value("mar")
    assert addresses(page) == [MARIA]


def test_filters_sorting_and_paging_keep_each_other(page):
    page.goto("/mailboxes/?size=25&sort=address")
    first = addresses(page)
    assert len(first) == 25

    page.locator("#next").click()
    expect(page).to_have_url(re.compile("after="))
    expect(page.locator("#previous")).to_be_focused()  # there is no next one
    second = addresses(page)
    assert second
    assert not set(first) & set(second)
    page.locator("#previous").click()
    expect(page).to_have_url(re.compile("before="))
    expect(page.locator("#next")).to_be_visible()
    assert addresses(page) == first
    page.go_back()
    expect(page.locator("#list")).to_contain_text(second[0])
    assert addresses(page) == second

    page.get_by_role("link", name="Off", exact=True).click()
    expect(page).to_have_url(re.compile(r"state=off"))
    expect(page.locator("#list tbody th a")).to_have_text(["sam.whitlock@brightwater.example"])
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "brightwater" not in stored  # what a list showed is gone with its page


def test_the_switcher_finds_a_domain_and_the_column_becomes_its_own(page):
    page.goto("/mailboxes/")
    page.locator(".switcher summary").click()
    field = page.get_by_label("Domain begins with", exact=True)
    field.press_sequentially("harb")
    expect(page.locator("#places a")).to_have_count(1)

    with page.expect_navigation():
        page.locator("#places").get_by_role("link", name="harbour-books.example").click()

    expect(page.locator("h1")).to_contain_text("harbour-books.example")
    column = page.locator("nav.side li a")
    assert column.all_inner_texts() == [
        *("Addresses", "Other names", "Mail flow", "DNS", "Activity", "Settings")
    ]
    for name in ("Activity", "Other names", "Mail flow", "DNS", "Settings", "Addresses"):
        with page.expect_navigation():
            column.get_by_text(name, exact=True).click()
        assert page.locator("nav.side [aria-current]").all_inner_texts() == [name]
        expect(page.locator(".switcher summary")).to_contain_text("harbour-books.example")


def test_a_domain_shows_mailboxes_and_aliases_in_one_list(page):
    page.goto("/domains/brightwater.example/")

    shown = addresses(page)
    assert shown == sorted(shown)
    assert len(shown) == 27
    row = page.locator("#list tbody tr", has_text="instructors")
    expect(row).to_contain_text("piet.de.vries is gone")
    page.locator("#q").press_sequentially("inst")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=inst$"))


def test_saving_leads_back_to_the_list_with_its_filter(page):
    page.goto("/mailboxes/?q=yuki")
    page.locator(".row-menu summary").first.click()
    with page.expect_navigation():
        page.locator(".row-menu").get_by_role("link", name="Edit").first.click()
    fill(page, {"Phone": "+47 5550 1234"})
    submit(page)

    assert page.url.endswith("/mailboxes/?q=yuki")


def test_going_to_an_address(page):
    page.goto("/mailboxes/?size=25")

    page.locator("#jump").fill("friederike@xn--mller-kva.example")
    page.locator("#jump").press("Enter")

    expect(page.locator("#list tbody tr").first).to_contain_text("friederike@müller.example")


def test_several_rows_at_once_after_a_question(page):
    create_domain(page, "bulk.example")
    for name in ("ada", "ben", "cem"):
        create_mailbox(page, f"{name}@bulk.example", PASSWORD)
    page.goto("/mailboxes/?domain=bulk.example")
    expect(page.get_by_role("button", name="Switch off", exact=True)).to_be_hidden()

    page.get_by_label("Select all on this page").check()
    page.get_by_label("Select ben@bulk.example").uncheck()
    expect(page.locator("[data-bulk-count]")).to_have_text("2 selected")
    with page.expect_navigation():
        page.get_by_role("button", name="Switch off", exact=True).click()

    assert message(page).startswith("2 mailboxes are off: mail for them is refused.")
    assert page.url.endswith("/mailboxes/?domain=bulk.example")
    rows = page.locator("#list tbody tr")
    assert ["off" in row.split() for row in rows.all_inner_texts()] == [True, False, True]
    with page.expect_navigation():
        page.get_by_role("button", name="Undo").click()
    assert message(page) == "2 mailboxes are on."
    assert page.url.endswith("/mailboxes/?domain=bulk.example")
    assert ["off" in row.split() for row in rows.all_inner_texts()] == [False, False, False]

    page.get_by_label("Select cem@bulk.example").check()
    page.get_by_role("button", name="Delete…").click()
    submit(page, ".ask form")
    assert message(page).startswith("1 mailbox ")
    assert addresses(page) == ["ada@bulk.example", "ben@bulk.example"]


def test_the_chosen_colours_stay(visitors, superadmin):
    page = visitors.sign_in(*superadmin, color_scheme="light")
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "light")

    page.locator(".account-menu summary").click()
    with page.expect_response("**/preferences/"):
        page.get_by_role("button", name="Dark").click()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    light_ground = "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light_ground
    page.goto("/domains/")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.locator(".account-menu summary").click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")

    other = visitors.sign_in(*superadmin, color_scheme="light")
    expect(other.locator("html")).to_have_attribute("data-bs-theme", "dark")

    with page.expect_response("**/preferences/"):
        page.get_by_role("button", name="As the system").click()
    expect(html).to_have_attribute("data-bs-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(html).to_have_attribute("data-bs-theme", "dark")


def test_colours_and_rows_are_chosen_without_javascript_too(visitors, superadmin):
    page = visitors.sign_in(*superadmin, java_script_enabled=False)
    page.goto("/mailboxes/?size=25")
    page.locator(".account-menu summary").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Dark").click()

    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert page.url.endswith("/mailboxes/?size=25")
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_visible()
    page.get_by_label("More for this list").click()
    page.get_by_label("Rows on a page").select_option("25")
    with page.expect_navigation():
        page.get_by_role("button", name="Go", exact=True).click()
    assert page.url.endswith("/mailboxes/?")
    expect(page.locator(".list tbody tr")).to_have_count(25)

    page.get_by_label("More for this list").click()
    page.get_by_label("Rows on a page").select_option("50")
    with page.expect_navigation():
        page.get_by_role("button", name="Go", exact=True).click()
    page.locator(".account-menu summary").click()
    with page.expect_navigation():
        page.get_by_role("button", name="As the system").click()
    expect(page.locator("html")).not_to_have_attribute("data-bs-theme", "dark")


def test_without_javascript_nothing_beside_a_form_takes_away_what_is_typed(visitors, superadmin):
    page = visitors.sign_in(*superadmin, java_script_enabled=False)
    for path, offered in (("/", True), ("/account/", False), ("/domains/new/", False)):
        page.goto(path)
        page.locator(".account-menu summary").click()
        expect(page.get_by_role("button", name="Français")).to_be_visible(visible=offered)
        expect(page.get_by_role("button", name="Dark")).to_be_visible(visible=offered)
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_refused_form_keeps_what_was_typed_and_takes_one_to_the_errors(page):
    page.goto("/mailboxes/new/")
    fill(
        page,
        {
            "Address": "new",
            "Domain": "brightwater.example",
            "Password": "short",
            "Quota": "much",
        },
    )
    submit(page)

    summary = page.locator("[data-error-summary]")
    expect(summary).to_be_focused()
    expect(page.get_by_label("Address", exact=True)).to_have_value("new")
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    summary.get_by_role("link", name="Password").click()
    expect(page.get_by_label("Password", exact=True)).to_be_focused()


def test_a_limit_is_said_in_words(page):
    page.goto("/domains/new/")
    page.locator("main details.more summary").click()
    limit = page.get_by_role("group", name="Mailboxes", exact=True)
    number = limit.get_by_label("Limit", exact=True)
    expect(number).to_have_value("10")

    limit.get_by_label("Kind of limit").select_option("Unlimited")
    expect(number).to_be_hidden()
    fill(page, {"Domain": "endless.example"})
    submit(page)

    page.goto("/domains/endless.example/edit/")
    expect(limit.get_by_label("Kind of limit")).to_have_value("unlimited")


def test_deleting_a_domain_waits_for_its_name(page):
    create_domain(page, "brief.example")
    page.goto("/domains/brief.example/delete/")
    button = page.locator("main .form-actions [type=submit]")
    expect(button).to_be_disabled()

    page.locator("#confirm").fill("brief.exampl")
    expect(button).to_be_disabled()
    page.locator("#confirm").press("End")
    page.keyboard.type("e")
    expect(button).to_be_enabled()
    submit(page)

    assert "brief.example" in message(page)
    assert page.goto("/domains/brief.example/").status == 404


def test_a_rows_menu_opens_and_closes_by_keyboard(page):
    page.goto("/mailboxes/")
    menu = page.locator(".row-menu details").first
    menu.locator("summary").focus()

    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    expect(menu.get_by_role("link").first).to_be_visible()
    page.keyboard.press("Escape")

    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


def test_arrows_open_a_menu_and_go_through_it(page):
    page.goto("/mailboxes/")
    menu = page.locator(".row-menu details").first
    offers = menu.locator("div").locator("a, button")
    menu.locator("summary").focus()

    page.keyboard.press("ArrowDown")
    expect(offers.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(offers.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(offers.last).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(offers.first).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu.locator("summary")).to_be_focused()


def test_on_a_phone_the_menu_comes_by_a_button(visitors, superadmin):
    page = visitors.sign_in(*superadmin, viewport={"width": 390, "height": 844}, has_touch=True)
    link = page.locator("nav.side").get_by_role("link", name="Addresses")
    expect(link).to_be_hidden()

    page.get_by_role("button", name="Menu").tap()
    expect(link).to_be_visible()
    with page.expect_navigation():
        link.tap()

    assert page.url.endswith("/mailboxes/")


def test_a_list_asked_for_after_the_session_ended_leads_to_the_login(page):
    page.goto("/mailboxes/")
    page.context.clear_cookies()

    with page.expect_navigation(url=re.compile("/login/")):
        page.locator("#q").press_sequentially("m")

    expect(page.locator("h1")).to_have_text("Sign in")


def test_everything_works_without_javascript(visitors, superadmin):
    page = visitors.sign_in(*superadmin, java_script_enabled=False)
    create_domain(page, "plain.example")
    create_mailbox(page, "first@plain.example", PASSWORD)
    create_mailbox(page, "second@plain.example", PASSWORD)

    page.goto("/mailboxes/")
    page.locator("#q").fill("second@p")
    with page.expect_navigation():
        page.locator("#toolbar > [type=submit]").click()
    assert addresses(page) == ["second@plain.example"]

    page.get_by_label("Select second@plain.example").check()
    with page.expect_navigation():
        page.get_by_role("button", name="Switch off", exact=True).click()
    expect(page.locator("#list tbody .tag")).to_have_text("off")

    page.locator(".row-menu summary").click()
    with page.expect_navigation():
        page.locator(".row-menu").get_by_role("link", name="Delete").click()
    submit(page)
    assert "second@plain.example" in message(page)
    assert page.goto("/mailboxes/second@plain.example/").status == 404

    page.goto("/domains/plain.example/delete/")
    page.locator("#confirm").fill("plain.example")
    submit(page)
    assert page.goto("/mailboxes/first@plain.example/").status == 404

    page.goto("/")
    page.locator(".account-menu summary").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Sign out").click()
    assert "/login/" in page.url

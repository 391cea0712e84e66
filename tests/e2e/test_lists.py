import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import create_domain, create_mailbox

pytestmark = pytest.mark.xdist_group("mail")

WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DOMAIN = "/domains/brightwater.example/"
LISTS = ["/mailboxes/", "/aliases/", "/domains/", "/administrators/", "/alias-domains/", DOMAIN]
EDGES = "rows => rows.map((row) => row.getBoundingClientRect()).map((box) => [box.top, box.bottom])"


@pytest.fixture
def superadmin(accounts):
    return next(iter(accounts.items()))


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def page(request, visitors, superadmin):
    return visitors.sign_in(*superadmin, **request.param)


def above_the_fold(page):
    edges = page.locator("#list tbody tr").evaluate_all(EDGES)
    return len([bottom for _top, bottom in edges if bottom <= page.viewport_size["height"]])


@pytest.mark.parametrize("path", ["/mailboxes/", DOMAIN])
def test_twenty_rows_are_above_the_fold(path, visitors, superadmin):
    page = visitors.sign_in(*superadmin, **WIDE)
    page.goto(path)

    assert above_the_fold(page) >= 20


@pytest.mark.parametrize("path", ["/mailboxes/", "/aliases/", DOMAIN])
def test_nine_rows_are_above_the_fold_of_a_phone(path, visitors, superadmin):
    page = visitors.sign_in(*superadmin, **PHONE)
    page.goto(path)

    assert above_the_fold(page) >= 9


def test_an_address_of_forty_letters_stays_in_one_line(visitors, superadmin):
    page = visitors.sign_in(*superadmin, **WIDE)
    create_domain(page, "a-quite-long-name.example")
    address = "maximiliane.mueller@a-quite-long-name.example"
    assert len(address) >= 40
    create_mailbox(page, address, "tangerine-7-bicycle")
    longest = f"maximiliane{'m' * 50}@a-quite-long-name.example"
    create_mailbox(page, longest, "tangerine-7-bicycle", Name="Maximiliane Müller, " * 9)

    for width in (992, 1200, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        for path in [*LISTS, "/domains/a-quite-long-name.example/"]:
            page.goto(path)
            edges = page.locator("#list tbody tr").evaluate_all(EDGES)
            heights = {round(bottom - top) for top, bottom in edges}
            # A domain's description stands under its name.
            assert heights <= ({48, 49} if path == "/domains/" else {36, 37}), (path, width)
    page.set_viewport_size({"width": 992, "height": 900})
    page.goto("/mailboxes/?q=maximiliane")
    links = page.locator("#list tbody th a")
    cut = links.evaluate_all("links => links.map((link) => link.scrollWidth > link.clientWidth)")
    assert links.all_inner_texts() == [address, longest]
    assert cut[0] is False


@pytest.mark.parametrize("path", ["/mailboxes/", "/aliases/", "/domains/", DOMAIN])
def test_a_tick_moves_nothing(path, page):
    page.goto(path)
    if page.viewport_size["width"] < 768:
        page.get_by_role("button", name="Select", exact=True).tap()
    boxes = page.locator("[name=selected]:enabled")
    parts = page.locator("main, #list tbody tr, .pager")
    before = parts.evaluate_all(EDGES)

    boxes.nth(1).click()

    expect(page.locator("[data-bulk-count]")).to_have_text("1 selected")
    assert parts.evaluate_all(EDGES) == before


def test_shift_takes_a_range_and_ticks_survive_a_search(visitors, superadmin):
    page = visitors.sign_in(*superadmin)
    page.goto("/mailboxes/")
    boxes = page.locator("[name=selected]")

    boxes.nth(1).click()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(page.locator("[data-bulk-count]")).to_have_text("4 selected")
    page.locator("#q").fill("zzz")
    expect(page.locator("#list")).to_contain_text("zzz")
    page.locator("#q").fill("sam")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    boxes.first.click()
    expect(page.locator("[data-bulk-count]")).to_have_text("5 selected")
    page.get_by_role("button", name="Show", exact=True).click()
    ticked = page.locator(".ticked li")
    expect(ticked).to_have_count(5)
    expect(ticked.last).to_have_text("sam.whitlock@brightwater.example")
    ticked.nth(1).locator("input").click()
    expect(ticked).to_have_count(4)
    expect(page.locator("[data-bulk-count]")).to_have_text("4 selected")
    page.locator("#q").fill("")
    expect(page.locator("[name=selected]:checked")).to_have_count(4)
    page.get_by_role("button", name="Delete…").click()

    asked = page.get_by_role("dialog", name="Delete 4 mailboxes?")
    expect(asked).to_contain_text("bookings@brightwater.example")
    expect(asked).to_contain_text("sam.whitlock@brightwater.example")


def test_enter_leads_from_a_tick_box_to_what_can_be_done_and_escape_back(visitors, superadmin):
    page = visitors.sign_in(*superadmin)
    page.goto("/mailboxes/")
    box = page.locator("[name=selected]").nth(3)
    box.focus()

    page.keyboard.press("Enter")
    expect(page.locator(".bulk-bar")).to_be_hidden()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator(".bulk-bar button").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(box).to_be_focused()
    expect(page.locator(".messages .alert")).to_have_count(0)


def test_ticks_survive_paging(visitors, superadmin):
    page = visitors.sign_in(*superadmin)
    page.goto("/mailboxes/?size=25")
    first = page.locator("#list tbody th a").first.inner_text()
    boxes = page.locator("[name=selected]")
    boxes.first.click()

    page.locator("#next").click()
    expect(page).to_have_url(re.compile("after="))
    boxes.first.click()
    expect(page.locator("[data-bulk-count]")).to_have_text("2 selected")
    page.locator("#previous").click()
    expect(page.locator("#list tbody th a").first).to_have_text(first)

    expect(boxes.first).to_be_checked()
    expect(page.locator("[data-bulk-count]")).to_have_text("2 selected")


def test_what_stands_last_is_not_under_the_bar(page):
    page.goto("/mailboxes/?size=25")
    if page.viewport_size["width"] < 768:
        page.get_by_role("button", name="Select", exact=True).tap()
    page.locator("[name=selected]").first.click()
    bar = page.locator(".bulk-bar")
    expect(bar).to_be_visible()

    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")

    last, bar = page.locator(".pager").bounding_box(), bar.bounding_box()
    assert last["y"] + last["height"] <= bar["y"]


def test_columns_rows_csv_and_print_are_behind_three_dots(visitors, superadmin):
    page = visitors.sign_in(*superadmin, **WIDE)
    page.add_init_script("window.print = () => (window.printed = true)")
    page.goto("/mailboxes/?domain=brightwater.example")
    menu = page.get_by_label("More for this list")
    storage = page.get_by_role("columnheader", name="Storage")
    expect(page.locator("#toolbar").get_by_role("button", name="Search")).to_be_hidden()

    menu.click()
    page.get_by_role("checkbox", name="Storage").uncheck()
    expect(storage).to_be_hidden()
    page.reload()
    expect(storage).to_be_hidden()
    menu.click()
    page.get_by_role("checkbox", name="Storage").check()
    expect(storage).to_be_visible()
    page.get_by_role("button", name="Print").click()
    page.wait_for_function("window.printed")
    page.locator("#q").fill("maria")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename == "mailboxes.csv"
    assert download.value.path().read_text().count("maria.castellanos@") == 1
    with page.expect_navigation():
        page.get_by_label("Rows on a page").select_option("25")
    assert page.url.endswith("/mailboxes/?q=maria&domain=brightwater.example")
    menu.click()
    expect(page.get_by_label("Rows on a page")).to_have_value("25")
    with page.expect_navigation():  # the account keeps it: other tests have 50 again
        page.get_by_label("Rows on a page").select_option("50")


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_each_download_of_a_list_has_a_line_of_its_menu(screen, visitors, superadmin):
    page = visitors.sign_in(*superadmin, **screen)
    page.goto("/mailboxes/")

    page.get_by_label("More for this list").click()

    downloads = page.get_by_role("link", name="Download as")
    csv, lines = (downloads.nth(place).bounding_box() for place in range(2))
    file = page.get_by_role("link", name="Import a file").bounding_box()
    assert csv["y"] + csv["height"] <= lines["y"]
    assert {(box["x"], box["width"], box["height"]) for box in (csv, lines, file)} == {
        (csv["x"], csv["width"], csv["height"])
    }


def test_on_a_phone_filters_are_behind_a_button_that_counts_them(visitors, superadmin):
    page = visitors.sign_in(*superadmin, **PHONE)
    page.goto("/administrators/")
    role = page.get_by_label("Role")
    expect(role).to_be_hidden()

    page.get_by_role("button", name="Filter", exact=True).tap()
    role.select_option("superadmin")

    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page.get_by_role("button", name="Filter (1)")).to_be_visible()
    page.goto("/administrators/?role=domain&state=off")
    expect(page.get_by_role("button", name="Filter (2)")).to_be_visible()
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(role).to_be_visible()


def test_on_a_phone_the_activity_has_its_filters_behind_a_button(visitors, superadmin):
    page = visitors.sign_in(*superadmin, **PHONE)
    page.goto("/log/")
    begin = page.get_by_label("From", exact=True)
    expect(begin).to_be_hidden()

    page.get_by_role("button", name="Filter", exact=True).tap()
    begin.fill("2001-01-01")

    expect(page.get_by_role("button", name="Filter (1)")).to_be_visible()
    expect(page).to_have_url(re.compile("from=2001-01-01"))


def test_on_a_phone_a_list_is_sorted_by_its_menu(visitors, superadmin):
    page = visitors.sign_in(*superadmin, **PHONE)
    page.goto("/mailboxes/?domain=brightwater.example")

    page.get_by_label("More for this list").tap()
    page.locator("#sorts").get_by_role("link", name="Storage").tap()

    expect(page.locator("#list tbody tr").first).to_contain_text("hanna.virtanen")


def test_what_a_page_is_about_comes_before_its_buttons_for_the_keyboard_too(visitors, superadmin):
    page = visitors.sign_in(*superadmin, **PHONE)
    paths = [
        "/mailboxes/maria.castellanos@brightwater.example/",
        "/aliases/instructors@brightwater.example/",
        "/administrators/office@brightwater.example/",
        f"{DOMAIN}dns/",
        DOMAIN,
    ]
    for path in paths:
        page.goto(path)
        links = page.locator(".page-head").locator("a:visible, button:visible, summary:visible")
        tops = links.evaluate_all("found => found.map((one) => one.getBoundingClientRect().top)")
        assert tops == sorted(tops), path


def test_a_printed_list_is_the_rows_alone(visitors, superadmin):
    page = visitors.sign_in(*superadmin, **WIDE)
    page.goto("/mailboxes/?domain=brightwater.example")
    page.emulate_media(media="print")

    expect(page.locator("#list tbody tr").first).to_be_visible()
    expect(page.get_by_role("columnheader", name="Storage")).to_be_visible()
    for gone in ("#toolbar", ".side", ".top", ".actions", ".row-menu", ".row-select", ".pager"):
        for part in page.locator(gone).all():
            expect(part).to_be_hidden()


def test_a_click_with_control_opens_the_row_in_another_tab(visitors, superadmin):
    page = visitors.sign_in(*superadmin)
    page.goto("/mailboxes/?domain=brightwater.example")
    here = page.url
    row = page.locator("#list tbody tr", has_text="Hanna Virtanen")

    with page.context.expect_page() as opened:
        row.click(modifiers=["ControlOrMeta"])

    expect(opened.value).to_have_url(re.compile("/mailboxes/hanna.virtanen@brightwater.example/$"))
    assert page.url == here
    row.click()
    expect(page).to_have_url(re.compile("/mailboxes/hanna.virtanen@brightwater.example/$"))


def test_when_something_was_deleted_stands_on_a_phone_too(visitors, superadmin):
    page = visitors.sign_in(*superadmin, **PHONE)
    create_domain(page, "deleted.example")
    create_mailbox(page, "ada@deleted.example", "tangerine-7-bicycle")
    page.goto("/mailboxes/ada@deleted.example/delete/")
    page.locator("main form .btn-danger").click()
    page.goto("/deleted/?q=ada@deleted.example")

    moment = page.locator("#list tbody tr .when.always")

    expect(moment).to_be_visible()
    expect(moment).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

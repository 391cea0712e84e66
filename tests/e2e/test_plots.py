import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.xdist_group("mail")

SIZES = [{"width": 1440, "height": 900}, {"width": 390, "height": 844}]


@pytest.fixture
def page(visitors, accounts):
    return visitors.sign_in(*next(iter(accounts.items())))


@pytest.mark.parametrize("size", SIZES, ids=["wide", "phone"])
@pytest.mark.parametrize("path", ["/?figure=changes&days=365", "/domains/brightwater.example/"])
def test_a_page_with_plots_is_no_wider_than_its_window(path, size, page):
    page.set_viewport_size(size)
    page.goto(path)

    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_the_pointer_tells_a_day_and_its_figure(page):
    page.goto("/?figure=mailboxes&days=90")
    plot = page.locator("[data-plot]")
    first, last = (
        ": ".join(plot.locator("tbody tr").nth(n).locator("th, td").all_text_contents())
        for n in (0, -1)
    )
    svg = plot.locator("svg")
    svg.hover(position={"x": 1, "y": 60})
    expect(plot.locator("output")).to_have_text(first)

    svg.hover(position={"x": svg.bounding_box()["width"] - 1, "y": 60})
    expect(plot.locator("output")).to_have_text(last)

    page.locator("h1").hover()
    expect(plot.locator("output")).to_be_empty()


def test_the_tabs_and_the_days_lead_on_and_stay_in_the_address(page):
    page.goto("/")
    figures = page.locator("#figures")
    for name in ("1 year", "Changes"):
        with page.expect_navigation():
            figures.get_by_role("link", name=name).click()

    assert page.url.endswith("/?figure=changes&days=365#figures")
    assert figures.locator("h2").inner_text().startswith("Last year")
    assert figures.get_by_role("img").get_attribute("aria-label").startswith("Changes from ")

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.xdist_group("mail")


@pytest.fixture
def page(visitors, accounts):
    page = visitors.sign_in(*next(iter(accounts.items())))
    page.goto("/")
    return page


def test_an_address_is_answered_under_the_box(page):
    box, answer = page.locator(".address-box input"), page.locator("#answered")
    expect(answer).to_be_hidden()

    box.fill("info@harbour-books.example")
    expect(answer).to_contain_text("counter@harbour-books.example")
    expect(page.locator("main [data-announced]")).to_have_text(
        "There is an answer for this address."
    )
    box.press("Enter")
    expect(answer.get_by_role("link", name="Create alias info")).to_be_visible()
    assert page.url.endswith("/")

    box.fill("")
    expect(answer).to_be_hidden()


def test_whoever_was_signed_out_meanwhile_is_led_to_the_sign_in_page(page):
    page.context.clear_cookies()

    page.locator(".address-box input").fill("info@harbour-books.example")

    page.wait_for_url("**/login/?next=/search/%3Fq%3Dinfo%2540harbour-books.example")

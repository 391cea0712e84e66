"""How many clicks and fields a task takes, from the home page on; a key is neither."""

import re

import pytest
from playwright.sync_api import expect

from tests.screenshots import MAILBOX_USER


class Hand:
    """Somebody's hand at a page, which counts what it does."""

    def __init__(self, page):
        self.page = page
        self.clicks = self.fields = 0

    def click(self, target, **options):
        self.clicks += 1
        target.click(**options)

    def press_button(self, name):
        self.click(self.page.get_by_role("button", name=name, exact=True))

    def follow(self, name):
        self.click(self.page.get_by_role("link", name=name, exact=True).first)

    def type(self, text):
        """Type into the field that has the focus already."""
        self.fields += 1
        expect(self.page.locator("input:focus, textarea:focus")).to_have_count(1)
        self.page.keyboard.type(text)

    def open_palette(self):
        self.page.keyboard.press("Control+k")
        expect(self.page.locator("#palette input:focus")).to_have_count(1)

    @property
    def count(self):
        return self.clicks, self.fields


@pytest.fixture
def hand(visitors, accounts):
    page = visitors.sign_in(*next(iter(accounts.items())))
    page.goto("/")
    return Hand(page)


def new_domain(hand, name):
    hand.open_palette()
    hand.follow("New domain")
    hand.page.wait_for_url("**/domains/new/")
    hand.type(name)
    hand.press_button("Create domain")
    hand.page.wait_for_url(f"**/domains/{name}/")


def again(hand):
    """Begin to count anew: what was done so far is another task."""
    return Hand(hand.page)


def test_a_domain_then_a_mailbox_an_alias_and_a_catch_all(hand):
    new_domain(hand, "clicks.example")
    assert hand.count == (2, 1)

    hand = again(hand)
    hand.follow("New mailbox")
    hand.type("ann")
    hand.press_button("Create mailbox")
    expect(hand.page.locator("#secret")).to_have_text(re.compile(r"\S{12,}"))
    assert hand.count == (2, 1)

    hand = again(hand)
    hand.follow("Add an alias for it")
    hand.type("info")
    hand.press_button("Create alias")
    expect(hand.page.locator(".messages")).to_contain_text("info@clicks.example")
    assert hand.count == (2, 1)
    hand.page.goto("/domains/clicks.example/")

    hand = again(hand)
    hand.click(hand.page.get_by_text("Set a catch-all", exact=True))
    hand.type("ann@clicks.example")
    hand.page.keyboard.press("Enter")  # takes the address
    hand.page.keyboard.press("Enter")  # sends the form
    expect(hand.page.locator(".catch-all-row")).to_contain_text("→ ann")
    assert hand.count == (1, 1)


def test_another_name_of_a_domain_with_its_domain(hand):
    hand.page.goto("/domains/brightwater.example/")
    hand.follow("Other names")
    hand.follow("Add a name")
    hand.type("clicks-name.example")
    hand.press_button("Add name")
    expect(hand.page.locator(".messages")).to_contain_text("Domain clicks-name.example created.")
    assert hand.count == (3, 1)


def test_another_name_of_a_domain_from_the_home_page(hand):
    hand.open_palette()
    hand.type("brightwater")
    hand.follow("Another name for brightwater.example")
    hand.type("clicks-home.example")
    hand.press_button("Add name")
    expect(hand.page.locator(".messages")).to_contain_text("Domain clicks-home.example created.")
    assert hand.count == (2, 2)


def test_a_new_password_for_somebody(hand):
    hand.open_palette()
    hand.type("okafor")
    hand.follow("New password for Grace Okafor")
    hand.press_button("Save new password")
    expect(hand.page.locator("#secret")).to_have_text(re.compile(r"\S{12,}"))
    hand.press_button("Copy the password")
    assert hand.count == (3, 1)


def test_who_gets_mail_for_an_address(hand):
    hand.open_palette()
    hand.type("info@harbour-books.example")
    expect(hand.page.locator("#palette .answer")).to_contain_text("counter@harbour-books.example")
    assert hand.count == (0, 1)


def test_which_mailboxes_are_nearly_full(hand):
    first = hand.page.locator(".needs li").first
    expect(first).to_contain_text("hanna.virtanen@brightwater.example")
    expect(first).to_contain_text("99 %")
    assert hand.count == (0, 0)


def test_a_user_forwards_on_a_phone_and_sees_it(visitors, accounts):
    size = {"width": 390, "height": 844}
    page = visitors.sign_in(*list(accounts.items())[MAILBOX_USER], viewport=size)
    hand = Hand(page)

    hand.click(page.locator(".own-rows a").filter(has_text="Forwarding"))
    hand.type("maria@elsewhere.example")
    hand.press_button("Save forwarding")

    row = page.locator(".own-rows a").filter(has_text="Forwarding")
    expect(row).to_contain_text("to maria@elsewhere.example · copy kept Saved just now")
    expect(row).to_be_in_viewport(ratio=1)
    assert hand.count == (2, 1)


@pytest.mark.parametrize("width", [320, 360, 390])
def test_nothing_of_a_user_s_pages_is_wider_than_a_phone(width, visitors, accounts):
    account = list(accounts.items())[MAILBOX_USER]
    page = visitors.sign_in(*account, viewport={"width": width, "height": 800})

    widths = {}
    for task in ("", "forwarding/", "password/", "room/", "setup/"):
        page.goto(f"/account/{task}")
        widths[task] = page.evaluate("document.documentElement.scrollWidth")

    assert set(widths.values()) == {width}, widths

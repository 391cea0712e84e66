import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import create_domain, create_mailbox
from tests.screenshots import MAILBOX_USER

pytestmark = pytest.mark.xdist_group("mail")

PASSWORD = "tangerine-7-bicycle"
MANY, ROWS = {"addresses.example": 5_000, "rows.example": 2_000}, "2000"
FILL = f"""
from domains.models import UNLIMITED
from domains.services import create_domain
from mailboxes.services import create_mailboxes
free = dict(aliases=UNLIMITED, quota=UNLIMITED, maxquota=UNLIMITED)
for name, number in {MANY}.items():
    domain = create_domain(actor=None, name=name, mailboxes=number, **free)
    rows = [
        dict(local_part="%s%04d" % ("bdfhjlnprt"[n // (number // 10)], n), name="Person %d" % n, password_hash="{{PLAIN}}x", quota=0)
        for n in range(number)
    ]
    create_mailboxes(actor=None, domain=domain, mailboxes=rows)
"""


class Hand:
    def __init__(self, page, path="/"):
        self.page = page
        self.clicks = self.fields = 0
        page.goto(path)

    def click(self, target, **options):
        self.clicks += 1
        target.click(**options)

    def press_button(self, name):
        self.click(self.page.get_by_role("button", name=name, exact=True))

    def follow(self, name):
        self.click(self.page.get_by_role("link", name=name, exact=True).first)

    def type(self, text):
        self.fields += 1
        expect(self.page.locator("input:focus, textarea:focus")).to_have_count(1)
        self.page.keyboard.type(text)

    def follow_chip(self, name):
        chip = self.page.locator(".chips").get_by_role("link", name=name)
        self.click(chip)
        expect(chip).to_have_attribute("aria-current", "true")

    def press(self, key):
        self.page.keyboard.press(key)

    def ask(self, text):
        self.press("Control+k")
        expect(self.page.locator("#palette input:focus")).to_have_count(1)
        self.type(text)
        expect(self.page.locator(f"#palette-found [data-q='{text}']")).to_be_attached()


@pytest.fixture(scope="module")
def thousands(panel, accounts):
    panel.manage("shell", "-c", FILL)
    yield
    for name in MANY:
        panel.manage("domain", "delete", name, "--yes")


def a_domain(page):
    hand = Hand(page)
    hand.press("Control+k")
    hand.follow("New domain")
    page.wait_for_url("**/domains/new/")
    hand.type("one.example")
    hand.press_button("Create domain")
    page.wait_for_url("**/domains/one.example/")
    return hand


def a_domain_by_the_keyboard(page):
    hand = Hand(page)
    hand.press("Control+k")
    hand.follow("New domain")
    page.wait_for_url("**/domains/new/")
    hand.type("two.example")
    hand.press("Enter")
    page.wait_for_url("**/domains/two.example/")
    return hand


def a_mailbox_whose_password_is_made_and_copied(page):
    create_domain(page, "three.example")
    hand = Hand(page, "/domains/three.example/")
    hand.follow("New address")
    hand.type("ann")
    hand.press("Enter")
    expect(page.locator("#secret")).to_have_text(re.compile(r"\S{12,}"))
    hand.press_button("Copy all")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.locator("#secret").inner_text() in page.evaluate("navigator.clipboard.readText()")
    return hand


def an_alias_to_a_mailbox(page):
    create_domain(page, "four.example")
    create_mailbox(page, "ann@four.example", PASSWORD)
    hand = Hand(page, "/mailboxes/ann@four.example/")
    hand.follow("Add alias")
    hand.type("info")
    hand.press_button("Create alias")
    expect(page.locator(".messages")).to_contain_text("info@four.example")
    return hand


def a_catch_all(page):
    create_domain(page, "five.example")
    create_mailbox(page, "ann@five.example", PASSWORD)
    hand = Hand(page, "/domains/five.example/")
    hand.click(page.get_by_text("Set a catch-all", exact=True))
    hand.type("ann@five.example")
    hand.press("Enter")  # takes the address
    hand.press("Enter")  # sends the form
    expect(page.locator(".catch-all-row")).to_contain_text("→ ann")
    return hand


def another_name_and_its_domain(page):
    hand = Hand(page, "/domains/brightwater.example/")
    hand.follow("Other names")
    hand.follow("Add a name")
    hand.type("six.example")
    hand.press_button("Add name")
    expect(page.locator(".messages")).to_contain_text("Domain six.example created.")
    return hand


def another_name_from_the_home_page(page):
    hand = Hand(page)
    hand.ask("brightwater")
    hand.follow("Another name for brightwater.example")
    hand.type("seven.example")
    hand.press_button("Add name")
    expect(page.locator(".messages")).to_contain_text("Domain seven.example created.")
    return hand


def another_name_by_the_menu(page):
    page.goto("/domains/brightwater.example/")  # where one was last
    hand = Hand(page)
    hand.click(page.locator(".new-menu summary"))
    hand.follow("Domain")
    page.wait_for_url("**/domains/new/")
    hand.type("eight.example")
    hand.click(page.get_by_label("Another name for…"))
    page.keyboard.press("Enter")
    expect(page.locator(".messages")).to_contain_text("same name in brightwater.example")
    return hand


def a_new_password_for_somebody(page):
    hand = Hand(page)
    hand.ask("okafor")
    hand.follow("New password for Grace Okafor")
    hand.press_button("Save new password")
    expect(page.locator("#secret")).to_have_text(re.compile(r"\S{12,}"))
    hand.press_button("Copy the password")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#secret").inner_text()
    return hand


def who_gets_what_a_catch_all_takes(page):
    hand = Hand(page)
    hand.ask("info@harbour-books.example")
    expect(page.locator("#palette .answer")).to_contain_text("counter@harbour-books.example")
    return hand


def who_gets_mail_for_a_tagged_address_in_an_alias_domain(page):
    hand = Hand(page)
    hand.ask("luc.moreau+x@brightwater-sailing.example")
    expect(page.locator("#palette .answer")).to_contain_text("luc.moreau@brightwater.example")
    return hand


def which_mailboxes_are_nearly_full(page):
    hand = Hand(page)
    first = page.locator(".needs li").filter(has_text=" %").first
    expect(first).to_contain_text("hanna.virtanen@brightwater.example")
    expect(first).to_contain_text("99 %")
    return hand


def ten_mailboxes_of_a_domain_off(page):
    hand = Hand(page)
    hand.follow("brightwater.example")
    hand.follow_chip("Mailboxes")
    boxes = page.locator("[name=selected]")
    hand.click(boxes.nth(0))
    hand.click(boxes.nth(9), modifiers=["Shift"])
    expect(page.locator("[data-bulk-count]")).to_have_text("10 selected")
    hand.press_button("Switch off")
    expect(page.locator(".messages")).to_contain_text("10 mailboxes are off")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".messages")).to_contain_text("10 mailboxes are on")
    return hand


def two_thousand_mailboxes_off(page):
    hand = Hand(page)
    hand.follow("rows.example")
    hand.follow_chip("Mailboxes")
    hand.click(page.locator("[data-select-all]"))
    hand.click(page.get_by_label(re.compile("Select all .* that match")))
    hand.press_button("Switch off")
    hand.type(ROWS)
    hand.press("Enter")
    expect(page.locator("#task")).to_contain_text(re.compile(r"of 2,?000, about \d+ \w+ left"))
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#task")).to_contain_text("Stopped.")
    page.get_by_role("button", name="Leave it so").click()  # or each page would link to it
    expect(page.get_by_role("button", name="Leave it so")).to_have_count(0)
    return hand


def one_of_five_thousand_by_the_letter(page):
    hand = Hand(page)
    hand.follow("addresses.example")
    hand.follow("T")
    expect(page.locator("#list tbody tr").first).to_contain_text("t4500")
    return hand


def one_of_five_thousand_by_a_word(page):
    hand = Hand(page, "/domains/addresses.example/")
    hand.ask("4711")
    hand.press("Enter")
    expect(page.locator("h1")).to_have_text("Person 4711")
    return hand


def what_is_wrong_with_the_mail_server(page):
    hand = Hand(page)
    hand.follow("Mail server")
    expect(page.locator("h1")).to_have_text("Mail server")
    return hand


def what_the_dns_says_about_the_mail_server(page):
    hand = what_is_wrong_with_the_mail_server(page)
    hand.follow("DNS")
    expect(page.locator("h1")).to_have_text("DNS of this mail server")
    return hand


def where_mail_goes_step_by_step(page):
    hand = Hand(page)
    hand.press("Control+k")
    hand.follow("Where mail goes")
    page.wait_for_url("**/trace/")
    hand.type("info@harbour-books.example")
    hand.press("Enter")
    expect(page.get_by_role("button", name="Send a test message")).to_be_visible()
    return hand


TASKS = {
    # at most so many clicks, and so many fields
    a_domain: (2, 1),
    a_domain_by_the_keyboard: (1, 1),
    a_mailbox_whose_password_is_made_and_copied: (2, 1),
    an_alias_to_a_mailbox: (2, 1),
    a_catch_all: (1, 1),
    another_name_and_its_domain: (3, 1),
    another_name_from_the_home_page: (2, 2),
    another_name_by_the_menu: (3, 1),
    a_new_password_for_somebody: (3, 1),
    who_gets_what_a_catch_all_takes: (0, 1),
    who_gets_mail_for_a_tagged_address_in_an_alias_domain: (0, 1),
    which_mailboxes_are_nearly_full: (1, 0),
    ten_mailboxes_of_a_domain_off: (5, 0),
    two_thousand_mailboxes_off: (5, 1),
    one_of_five_thousand_by_the_letter: (2, 0),
    one_of_five_thousand_by_a_word: (0, 1),
    what_is_wrong_with_the_mail_server: (1, 0),
    what_the_dns_says_about_the_mail_server: (2, 0),
    where_mail_goes_step_by_step: (1, 1),
}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_it_takes_no_more_clicks_and_fields_than(task, visitors, accounts, thousands):
    superadmin = next(iter(accounts.items()))
    page = visitors.sign_in(*superadmin, permissions=["clipboard-read", "clipboard-write"])

    hand = task(page)

    clicks, fields = TASKS[task]
    assert hand.clicks <= clicks
    assert hand.fields <= fields


def test_a_user_forwards_on_a_phone_in_two_clicks_and_sees_it(visitors, accounts):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = visitors.sign_in(*list(accounts.items())[MAILBOX_USER], **phone)

    hand = Hand(page)
    hand.click(page.locator(".own-rows a").filter(has_text="Forwarding"))
    hand.type("maria@elsewhere.example")
    hand.press_button("Save forwarding")

    row = page.locator(".own-rows a").filter(has_text="Forwarding")
    expect(row).to_contain_text("to maria@elsewhere.example · copy kept Saved just now")
    expect(row).to_be_in_viewport(ratio=1)
    assert (hand.clicks, hand.fields) == (2, 1)


@pytest.mark.parametrize("width", [320, 360, 390])
def test_nothing_of_a_user_s_pages_is_wider_than_a_phone(width, visitors, accounts):
    account = list(accounts.items())[MAILBOX_USER]
    page = visitors.sign_in(*account, viewport={"width": width, "height": 800})

    widths = {}
    for task in ("", "forwarding/", "password/", "room/", "setup/"):
        page.goto(f"/account/{task}")
        widths[task] = page.evaluate("document.documentElement.scrollWidth")

    assert set(widths.values()) == {width}, widths

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import (
    Visitors,
    create_domain,
    create_mailbox,
    fill,
    message,
    submit,
)

pytestmark = pytest.mark.xdist_group("mail")

PASSWORD = "tangerine-7-bicycle"
SIZES = [{"width": 390, "height": 844}, {"width": 1440, "height": 900}]
HEARD = """
addEventListener("DOMContentLoaded", () => {
  window.heard = [];
  let loaded = false;
  const isRead = (node) => node.closest?.("[role=status], [role=alert]");
  addEventListener("load", () => (loaded = true));
  new MutationObserver((changes) => {
    if (!loaded) return;
    for (const { target, addedNodes } of changes)
      for (const node of addedNodes) if ([target, node].some(isRead)) heard.push(node.textContent.trim());
  }).observe(document.body, { childList: true, subtree: true });
});"""


@pytest.fixture
def superadmin(accounts):
    return next(iter(accounts.items()))


@pytest.fixture
def page(visitors, superadmin):
    return visitors.sign_in(*superadmin)


@pytest.fixture(scope="module")
def user(browser, panel, accounts):
    with Visitors(browser, panel.url) as visitors:
        page = visitors.sign_in(*next(iter(accounts.items())))
        create_domain(page, "forms.example")
        return create_mailbox(page, "mia@forms.example", PASSWORD)


def swallow(page, address):
    """Let POSTs to ``address`` lead nowhere, as on a line that is slow for ever; they are counted."""
    posts = []

    def handle(route):
        if route.request.method != "POST":
            return route.continue_()
        posts.append(route.request)
        return route.fulfill(status=204)

    page.route(f"**{address}", handle)
    return posts


@pytest.mark.parametrize("size", SIZES, ids=["phone", "desk"])
def test_a_mailbox_user_sees_and_hears_that_it_is_saved(size, visitors, user):
    page = visitors.sign_in(*user, viewport=size)
    page.add_init_script(HEARD)
    page.goto("/account/")

    for row, values, words in (
        ("Forwarding", {"Address 1": "mia@elsewhere.example"}, "Saved just now"),
        ("Forwarding", {"Address 1": ""}, "Saved just now"),
        (
            "Password",
            {"Current password": PASSWORD, "New password": PASSWORD},
            "Saved just now. Use the new one in your mail programs too.",
        ),
    ):
        page.locator(".own-rows a").filter(has_text=re.compile(rf"^\s*{row}")).click()
        fill(page, values)
        submit(page)

        expect(page.locator(".saved")).to_have_text(words)
        expect(page.locator(".saved")).to_be_in_viewport(ratio=1)
        page.wait_for_function("words => window.heard.includes(words)", arg=words)


def test_a_form_under_way_is_locked_and_says_so(page):
    page.clock.install(time=0)
    page.goto("/aliases/new/")
    posts = swallow(page, "/aliases/new/")
    fill(page, {"Address": "slow", "Domain": "brightwater.example", "Mail goes to": "a@b.example"})
    form, button = page.locator("main form"), page.locator("main .form-actions [type=submit]")

    page.clock.pause_at(3600)  # or the time that the machine takes would count
    button.click()
    expect(form).to_have_attribute("aria-busy", "true")
    page.clock.run_for(10)
    expect(button).to_be_disabled()
    page.get_by_label("Address", exact=True).press("Enter")
    page.clock.run_for(300)
    expect(button).to_have_text("Saving…")
    expect(page.locator(".form-status")).to_have_text("Saving…")
    page.clock.run_for(8000)
    expect(button).to_have_text("Still working…")
    page.clock.run_for(30_000)
    expect(button).to_be_enabled()
    expect(button).to_have_text("Create alias")

    assert len(posts) == 1


def test_two_clicks_without_javascript_are_one_alias_and_no_error(visitors, superadmin):
    page = visitors.sign_in(*superadmin, java_script_enabled=False)
    page.goto("/aliases/new/")
    fill(page, {"Address": "twice", "Domain": "brightwater.example", "Mail goes to": "a@b.example"})

    page.locator("main .form-actions [type=submit]").dblclick(no_wait_after=True)

    page.wait_for_url("**/aliases/twice@brightwater.example/")
    assert message(page) == "Alias twice@brightwater.example created."


def test_another_language_keeps_what_was_typed(visitors, user):
    page = visitors.sign_in(*user)
    page.goto("/account/forwarding/")
    page.locator("#id_targets").fill("mia@elsewhere.example")

    for language, put_back in (
        ("Français", "Rétabli tel que vous l’aviez saisi"),
        ("English", "Put back as you had typed it."),
    ):
        page.locator(".account-menu summary").click()
        with page.expect_navigation():
            page.get_by_role("button", name=language, exact=True).click()
        expect(page.locator("#id_targets")).to_have_value("mia@elsewhere.example")
        expect(page.locator("main .alert-info")).to_contain_text(put_back)


def test_without_a_line_nothing_is_sent_and_the_form_stays(page):
    page.goto("/aliases/new/")
    fill(page, {"Address": "late", "Domain": "brightwater.example", "Mail goes to": "a@b.example"})
    button = page.locator("main .form-actions [type=submit]")
    page.context.set_offline(True)
    page.wait_for_function("!navigator.onLine")

    button.click()

    said = page.get_by_role("alert").filter(has_text="Nothing was sent")
    expect(said).to_contain_text(
        "No connection. Nothing was sent, and what you typed is still here."
    )
    expect(said).to_be_in_viewport()
    expect(page.get_by_label("Address", exact=True)).to_have_value("late")
    page.context.set_offline(False)
    page.wait_for_function("navigator.onLine")
    submit(page)
    assert "late@brightwater.example created" in message(page)


def test_a_form_that_the_server_never_got_is_filled_again(page):
    page.goto("/mailboxes/new/")
    fill(page, {"Address": "lost", "Domain": "brightwater.example", "Password": PASSWORD})
    page.route("**/mailboxes/new/", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.locator("main .form-actions [type=submit]").click(no_wait_after=True)
    page.wait_for_url("chrome-error://**")
    page.unroute("**/mailboxes/new/")

    page.goto("/")
    page.goto("/mailboxes/new/")

    expect(page.get_by_role("alert")).to_have_text(
        "Put back as you had typed it. Only passwords were not kept."
    )
    expect(page.get_by_label("Address", exact=True)).to_have_value("lost")
    expect(page.get_by_label("Password", exact=True)).not_to_have_value(PASSWORD)


def test_a_new_password_is_handed_over_once(visitors, superadmin, user):
    page = visitors.sign_in(*superadmin, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/mailboxes/new/?domain=forms.example")
    fill(page, {"Address": "new.person"})
    page.get_by_role("button", name="Generate").click()
    password = page.get_by_label("Password", exact=True).input_value()
    submit(page)

    assert "new.person@forms.example created" in message(page)
    expect(page.locator("#secret")).to_have_text(password)
    page.get_by_role("button", name="Copy all").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[:2] == ["Login name: new.person@forms.example", f"Password: {password}"]
    assert [line.partition(":")[0] for line in lines[2:]] == [
        "Receiving (IMAP)",
        "Sending (SMTP)",
        "Panel",
    ]
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert password not in stored

    with page.expect_navigation():
        page.get_by_role("link", name="Done").click()
    assert page.url.endswith("/mailboxes/new.person@forms.example/")
    assert password not in page.content()


def test_a_generated_password_survives_an_error_and_a_typed_one_does_not(page, user):
    page.goto("/mailboxes/new/?domain=forms.example")
    fill(page, {"Address": "a+b"})
    page.get_by_role("button", name="Generate").click()
    password = page.get_by_label("Password", exact=True)
    generated = password.input_value()
    submit(page)

    expect(page.get_by_label("Address", exact=True)).to_be_focused()
    expect(password).to_have_value(generated)
    expect(password).to_have_attribute("type", "text")
    password.fill("typed-by-hand-9")
    submit(page)
    expect(password).to_have_value("")


def test_the_first_field_of_a_form_has_the_focus(page):
    for path, label in (
        ("/domains/new/", "Domain"),
        ("/mailboxes/new/", "Address"),
        ("/aliases/new/", "Address"),
        ("/administrators/new/", "E-mail address"),
    ):
        page.goto(path)
        expect(page.get_by_label(label, exact=True)).to_be_focused()


def test_leaving_a_form_that_is_begun_asks_and_back_shows_what_was_typed(page):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("/domains/")
    page.goto("/domains/brightwater.example/new/?kind=alias")
    page.locator("nav.side").get_by_role("link", name="Activity").click()
    page.wait_for_url("**/log/**")
    assert asked == []  # nothing was typed

    page.go_back()
    expect(page.get_by_label("Address", exact=True)).to_be_focused()
    page.keyboard.type("begun")
    page.get_by_role("combobox", name="Mail goes to").press_sequentially("a@b.example,")
    with page.expect_navigation():
        page.locator("nav.side").get_by_role("link", name="Activity").click()
    assert asked == ["beforeunload"]

    page.go_back()

    expect(page.get_by_label("Address", exact=True)).to_have_value("begun")
    expect(page.locator(".recipients li[data-kind]")).to_contain_text(["a@b.example"])
    with page.expect_navigation():
        page.get_by_role("link", name="Cancel").click()
    assert asked == ["beforeunload"]
    page.goto("/domains/brightwater.example/new/?kind=alias")
    expect(page.get_by_label("Address", exact=True)).to_have_value("")

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import fill, submit
from tests.e2e.conftest import DOMAIN, MAILBOX, PASSWORD
from tests.e2e.test_forms import HEARD

pytestmark = pytest.mark.xdist_group("mail")

WINDOWS = [
    (width, height, scheme)
    for width, height in ((390, 844), (1440, 900))
    for scheme in ("light", "dark")
]


def of_a_domain(page):
    page.goto(f"/domains/{DOMAIN}/edit/")
    fill(page, {"Description": "A description"})
    submit(page)


def of_a_mailbox(page):
    page.goto(f"/mailboxes/{MAILBOX}/edit/")
    fill(page, {"Phone": "+47 5550 1234"})
    submit(page)


def of_what_is_changed_where_it_stands(page):
    page.goto(f"/mailboxes/{MAILBOX}/")
    page.get_by_role("link", name="Change the quota").click()
    fill(page, {"Quota": "200 MB"})
    page.get_by_role("button", name="Save", exact=True).click()


def of_an_alias(page):
    page.goto(f"/domains/{DOMAIN}/new/?kind=alias")
    fill(page, {"Address": "info", "Mail goes to": MAILBOX})
    submit(page)


def of_an_alias_deleted(page):
    page.goto(f"/aliases/info@{DOMAIN}/delete/")
    submit(page)


def of_a_mailbox_switched_off(page):
    page.goto(f"/mailboxes/?domain={DOMAIN}")
    if page.locator("[data-select]").is_visible():
        page.locator("[data-select]").click()
    page.get_by_label(f"Select {MAILBOX}").check()
    page.get_by_role("button", name="Switch off", exact=True).click()


def of_undo(page):
    page.get_by_role("button", name="Undo").click()


def of_a_password(page):
    page.goto("/account/")
    fill(page, {"Current password": PASSWORD, "New password": PASSWORD})
    submit(page)


SAVES = {
    "superadmin": {
        of_a_domain: f"Domain {DOMAIN} saved.",
        of_a_mailbox: f"Mailbox {MAILBOX} saved.",
        of_what_is_changed_where_it_stands: f"Mailbox {MAILBOX} saved.",
    },
    "domain admin": {
        of_an_alias: f"Alias info@{DOMAIN} created.",
        of_an_alias_deleted: f"Alias info@{DOMAIN} deleted.",
        of_a_mailbox_switched_off: f"{MAILBOX} is off: mail is refused.",
        of_undo: f"{MAILBOX} is on",
        of_a_password: "Password changed. Other sessions are signed out.",
    },
}


@pytest.mark.parametrize("role", SAVES)
@pytest.mark.parametrize(("width", "height", "scheme"), WINDOWS)
def test_a_save_is_seen_and_heard(width, height, scheme, role, visitors, people):
    window = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    page = visitors.sign_in(*people[role], **window)
    page.add_init_script(HEARD)

    for save, words in SAVES[role].items():
        save(page)

        told = page.locator(".messages")
        expect(told).to_contain_text(words)
        page.wait_for_load_state()
        # At once: a message that has floated for a while lies still at the top.
        box = told.get_by_text(words).bounding_box()
        assert 0 <= box["y"] <= height - box["height"], words
        page.wait_for_function(
            "words => window.heard.some((heard) => heard.includes(words))", arg=words
        )


def test_a_message_floats_for_a_while_and_one_with_a_button_until_one_leaves(visitors, people):
    page = visitors.sign_in(*people["domain admin"])
    page.clock.install()
    told = page.locator(".messages")

    of_a_password(page)
    expect(told).to_have_css("position", "sticky")
    page.clock.run_for(8_000)
    expect(told).to_have_css("position", "static")
    expect(told).to_contain_text("Password changed.")

    of_a_mailbox_switched_off(page)
    expect(told.get_by_role("button", name="Undo")).to_be_visible()
    page.clock.run_for(60_000)
    expect(told).to_have_css("position", "sticky")
    of_undo(page)


def domain(page, name):
    page.goto("/domains/new/")
    fill(page, {"Domain": f"{name}.example"})


def mailbox(page, name):
    page.goto(f"/domains/{DOMAIN}/new/")
    fill(page, {"Address": name, "Password": PASSWORD})


def forwarding(page, name):
    page.goto("/account/forwarding/")
    page.locator("#id_targets").fill(f"{name}@elsewhere.example")


def click_without_an_answer(button):
    """The server does what the form says, and its answer does not come."""
    page = button.page
    page.route("**", lambda route: (route.fetch(max_redirects=0), route.abort("aborted")), times=1)
    with page.expect_event("requestfailed"):
        button.click(no_wait_after=True)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
@pytest.mark.parametrize(
    ("role", "form", "words", "action"),
    [
        ("superadmin", domain, "Domain {}.example created.", "create_domain"),
        ("domain admin", mailbox, f"Mailbox {{}}@{DOMAIN} created.", "create_mailbox"),
        ("mailbox user", forwarding, "to {}@elsewhere.example", "edit_forwarding"),
    ],
)
def test_two_clicks_are_one_row_and_no_error(
    role, form, words, action, scripts, visitors, people, panel
):
    name = "twice" if scripts else "again"
    page = visitors.sign_in(*people[role], java_script_enabled=scripts)
    form(page, name)

    button = page.locator("main .form-actions [type=submit]")
    if scripts:
        button.dblclick(no_wait_after=True)
    else:
        # Of two fast clicks Chromium would send one.
        click_without_an_answer(button)
        button.click()

    expect(page.get_by_text(words.format(name)).first).to_be_visible()
    assert not page.locator(".alert-danger, .field-errors").count()
    where = f"{name}.example" if form is domain else DOMAIN
    entries = panel.manage("log", "--json", "--domain", where, "--lines", 0).splitlines()
    done = [entry for entry in map(json.loads, entries) if entry["action"] == action]
    assert len([entry for entry in done if name in str(entry)]) == 1

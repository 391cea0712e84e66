"""A second factor in a browser, for an administrator and a mailbox user: set up, asked for, recovery codes, taken away."""

import re
import time
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Visitors, create_domain, create_mailbox, fill, message, submit
from tests.e2e.test_axe import IN_ITS_COLOURS, OF_COLOURS, OPTIONS, SIZES, violations

pytestmark = pytest.mark.xdist_group("mail")

PASSWORD = "tangerine-7-bicycle"
DOMAIN = "factors.example"
PEOPLE = {"domain admin": f"it@{DOMAIN}", "mailbox user": f"mia@{DOMAIN}"}
LOOKED_AT = f"noa@{DOMAIN}"  # by axe


@pytest.fixture(scope="module")
def superadmin(accounts):
    return next(iter(accounts.items()))


@pytest.fixture(scope="module", autouse=True)
def people(browser, panel, superadmin):
    with Visitors(browser, panel.url) as visitors:
        page = visitors.sign_in(*superadmin)
        create_domain(page, DOMAIN)
        create_mailbox(page, PEOPLE["mailbox user"], PASSWORD)
        create_mailbox(page, LOOKED_AT, PASSWORD)
        page.goto("/administrators/new/")
        fill(
            page,
            {"E-mail address": PEOPLE["domain admin"], "Password": PASSWORD, "Domains": DOMAIN},
        )
        submit(page)


def code(secret, steps=0):
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


def set_up(page):
    """Return the secret; the page shows the recovery codes then."""
    page.goto("/account/factor/")
    page.get_by_role("link", name="Set up", exact=True).click()
    expect(page.get_by_role("img", name=re.compile("QR code"))).to_be_visible()
    secret = page.locator("#factor-key").inner_text().replace(" ", "")
    fill(page, {"Current password": PASSWORD, "Code that the app shows": code(secret)})
    submit(page)
    expect(page.locator("#recovery-codes > div")).to_have_count(10)
    return secret


def show_password(page, name):
    page.goto("/login/")
    fill(page, {"E-mail address": name, "Password": PASSWORD})
    submit(page)
    expect(page).to_have_url(re.compile("/login/second/"))


def sign_out(page):
    page.context.clear_cookies()


@pytest.mark.parametrize("role", PEOPLE)
def test_it_is_set_up_asked_for_and_switched_off(role, visitors):
    may = ["clipboard-read", "clipboard-write"]
    page = visitors.sign_in(PEOPLE[role], PASSWORD, accept_downloads=True, permissions=may)

    secret = set_up(page)
    codes = page.locator("#recovery-codes > div").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    file = Path(download.value.path()).read_text()
    assert download.value.suggested_filename == "recovery-codes.txt"
    assert [line for line in file.splitlines() if line in codes] == codes
    page.get_by_role("button", name="Copy all").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").split("\n") == codes
    page.get_by_role("link", name="Done").click()
    expect(page.locator("main")).to_contain_text("Recovery codes left")

    sign_out(page)
    show_password(page, PEOPLE[role])
    page.goto("/account/")
    expect(page).to_have_url(re.compile("/login/"))
    show_password(page, PEOPLE[role])
    fill(page, {"Code": "000000"})
    submit(page)
    expect(page.get_by_label("Code")).to_be_focused()
    fill(page, {"Code": code(secret, 1)})
    submit(page)
    expect(page).not_to_have_url(re.compile("/login/"))

    sign_out(page)
    show_password(page, PEOPLE[role])
    page.get_by_role("link", name="Use a recovery code").click()
    fill(page, {"Recovery code": codes[0]})
    submit(page)
    page.goto("/account/factor/")
    expect(page.get_by_text("Recovery codes left").locator("xpath=..")).to_contain_text("9")

    page.get_by_role("link", name="Switch off…").click()
    fill(page, {"Current password": PASSWORD, "Code": codes[1]})
    submit(page)
    expect(page.get_by_role("link", name="Set up", exact=True)).to_be_visible()


def test_a_manager_takes_it_away(visitors):
    name = PEOPLE["mailbox user"]
    user = visitors.sign_in(name, PASSWORD)
    set_up(user)
    manager = visitors.sign_in(PEOPLE["domain admin"], PASSWORD)
    manager.goto(f"/mailboxes/{name}/factor/")

    submit(manager)

    assert "Its sessions are signed out." in message(manager)
    user.goto("/account/")
    expect(user).to_have_url(re.compile("/login/"))
    fill(user, {"E-mail address": name, "Password": PASSWORD})
    submit(user)
    expect(user).to_have_url(re.compile("/account/$"))


def broken_rules(page):
    """What axe says of the page as it stands, in both sizes and colours."""
    found = set()
    for size in SIZES:
        page.set_viewport_size(size)
        for scheme, options in (("light", OPTIONS), ("dark", OF_COLOURS)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_function(IN_ITS_COLOURS, arg=scheme)
            found |= {
                f"{rule['id']} on {page.url} at {size['width']}, {scheme}: {node['html'][:120]}"
                for rule in violations(page, None, options)
                for node in rule["nodes"]
            }
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.add(f"scrolls sideways: {page.url} at {size['width']}")
    return found


def test_axe_finds_nothing_while_it_is_on(visitors):
    page = visitors.sign_in(LOOKED_AT, PASSWORD, bypass_csp=True)
    found = set()

    set_up(page)
    codes = page.locator("#recovery-codes > div").all_inner_texts()
    found |= broken_rules(page)
    for path in ("", "codes/", "off/", "setup/"):
        page.goto(f"/account/factor/{path}")
        found |= broken_rules(page)
    submit(page)
    found |= broken_rules(page)
    sign_out(page)
    show_password(page, LOOKED_AT)
    found |= broken_rules(page)
    fill(page, {"Code": "000000"})
    submit(page)
    found |= broken_rules(page)
    page.get_by_role("link", name="Use a recovery code").click()
    found |= broken_rules(page)
    fill(page, {"Recovery code": codes[0]})
    submit(page)
    page.goto("/account/factor/off/")
    fill(page, {"Current password": PASSWORD, "Code": codes[1]})
    submit(page)
    found |= broken_rules(page)

    assert not found, "\n".join(sorted(found))

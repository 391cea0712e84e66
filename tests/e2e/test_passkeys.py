"""Passkeys in Chromium with a virtual device: added, in place of the password, after it, removed."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Visitors, create_domain, create_mailbox, fill, submit
from tests.e2e.test_second_factor import broken_rules

pytestmark = pytest.mark.xdist_group("mail")

PASSWORD = "tangerine-7-bicycle"
DOMAIN = "passkeys.example"
PEOPLE = {"domain admin": f"it@{DOMAIN}", "mailbox user": f"mia@{DOMAIN}"}
LOOKED_AT = f"noa@{DOMAIN}"  # by axe
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
SUGGESTS_NOTHING = (
    "PublicKeyCredential.isConditionalMediationAvailable = () => Promise.resolve(false)"
)


@pytest.fixture(scope="module", autouse=True)
def people(browser, panel, accounts):
    with Visitors(browser, panel.url) as visitors:
        page = visitors.sign_in(*next(iter(accounts.items())))
        create_domain(page, DOMAIN)
        create_mailbox(page, PEOPLE["mailbox user"], PASSWORD)
        create_mailbox(page, LOOKED_AT, PASSWORD)
        page.goto("/administrators/new/")
        named = {"E-mail address": PEOPLE["domain admin"], "Password": PASSWORD}
        fill(page, named | {"Domains": DOMAIN})
        submit(page)


@pytest.fixture
def at_home(browser, panel):
    """Visitors of the panel's own name: no passkey belongs to an address."""
    with Visitors(browser, f"http://localhost:{panel.port}") as visitors:
        yield visitors


def with_device(page):
    """Return how to speak to the browser, and its device."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    found = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return session, found["authenticatorId"]


def add(page, name="Laptop"):
    page.goto("/account/passkeys/new/")
    fill(page, {"Name": name, "Current password": PASSWORD})
    submit(page)


def show_password(page, name):
    page.context.clear_cookies()
    page.goto("/login/")
    fill(page, {"E-mail address": name, "Password": PASSWORD})
    submit(page)
    expect(page).to_have_url(re.compile("/login/second/"))


@pytest.mark.parametrize("role", PEOPLE)
def test_added_in_place_of_the_password_after_it_and_removed(role, at_home):
    page = at_home.sign_in(PEOPLE[role], PASSWORD)
    cdp, device = with_device(page)

    add(page)
    expect(page.locator("#recovery-codes > div")).to_have_count(10)
    stored = cdp.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert [one["rpId"] for one in stored] == ["localhost"]
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("link", name="Laptop", exact=True)).to_be_visible()

    # The browser suggests it by itself, and this device answers at once.
    page.context.clear_cookies()
    page.goto("/login/")
    expect(page).not_to_have_url(re.compile("/login/"))

    page.context.clear_cookies()
    page.add_init_script(SUGGESTS_NOTHING)
    page.goto("/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).not_to_have_url(re.compile("/login/"))
    page.goto("/account/factor/")
    expect(page.locator("#passkeys")).to_contain_text("last used")

    show_password(page, PEOPLE[role])
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).not_to_have_url(re.compile("/login/"))

    page.goto("/account/factor/")
    page.get_by_role("link", name="Remove the passkey Laptop…").click()
    fill(page, {"Current password": PASSWORD})
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("button", name="Passkey shown")).to_be_visible()
    submit(page)
    expect(page.get_by_role("link", name="Set up", exact=True)).to_be_visible()


def test_a_device_that_answers_nothing_is_said_and_the_password_still_works(at_home):
    name = PEOPLE["mailbox user"]
    page = at_home.open()
    page.add_init_script(SUGGESTS_NOTHING)
    page.add_init_script(
        "CredentialsContainer.prototype.get = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    )
    page.goto("/login/")

    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("alert")).to_contain_text("No passkey was shown.")
    fill(page, {"E-mail address": name, "Password": PASSWORD})
    submit(page)
    expect(page).not_to_have_url(re.compile("/login/"))


def test_elsewhere_than_at_its_own_address_no_button_offers_what_cannot_work(visitors):
    page = visitors.open()
    page.goto("/login/")

    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_axe_finds_nothing_on_the_pages_of_passkeys_and_sessions(at_home):
    page = at_home.sign_in(LOOKED_AT, PASSWORD, bypass_csp=True)
    page.add_init_script(SUGGESTS_NOTHING)
    with_device(page)
    found = set()

    add(page, "A key with a rather long name, blue, at the ring of keys")
    for path in ("factor/", "passkeys/new/", "sessions/"):
        page.goto(f"/account/{path}")
        found |= broken_rules(page)
    page.goto("/account/factor/")
    page.locator("#passkeys li a").first.click()
    found |= broken_rules(page)
    page.get_by_role("link", name="Remove…").click()
    found |= broken_rules(page)
    show_password(page, LOOKED_AT)
    found |= broken_rules(page)

    assert not found, "\n".join(sorted(found))

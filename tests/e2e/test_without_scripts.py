import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.e2e.browsing import fill, message, submit
from tests.e2e.conftest import DOMAIN, PASSWORD
from tests.e2e.test_pages import FACTOR, NOT_THERE, OWN, TOO_WIDE, every_path

pytestmark = pytest.mark.xdist_group("mail")

# By the domain of the mailbox user here, and by a setting.
NONE_ALLOWED = {reverse(name) for name in ("own-addresses", "own-fetching", "own-fetching-form")}
SIZES = [{"width": 390, "height": 844}, {"width": 1440, "height": 900}]
# Buttons of many rows come with the first tick; Enter sends a form of one text field.
DEAD = """() => {
  const seen = (element) => element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
  const say = (what, elements) => elements.map((element) => `${what}: ${element.outerHTML.slice(0, 120)}`);
  return [
    ...say("a button that does nothing", all("button[type=button]:not([popovertarget])")),
    ...say("a form that nothing sends", all("form").filter((form) => ![...form.elements].some(
      (button) => button.type === "submit" && (seen(button) || button.closest(".bulk-bar")))
      && [...form.elements].filter(({ type }) => type === "text" || type === "search").length !== 1)),
    ...(document.querySelectorAll("h1").length === 1 ? [] : ["not one heading"]),
  ];
}"""


@pytest.fixture
def without_scripts(visitors, people):
    def sign_in(role, **options):
        return visitors.sign_in(*people[role], java_script_enabled=False, **options)

    return sign_in


PAGES = {
    "superadmin": [path for path in every_path() if "?" not in path],
    "domain admin": [
        "/",
        "/domains/",
        f"/domains/{DOMAIN}/",
        f"/domains/{DOMAIN}/settings/",
        *(f"/domains/{DOMAIN}/new/?kind={kind}" for kind in ("mailbox", "alias", "catch-all")),
        f"/mailboxes/?domain={DOMAIN}",
        f"/mailboxes/mia@{DOMAIN}/",
        f"/mailboxes/mia@{DOMAIN}/edit/",
        f"/mailboxes/mia@{DOMAIN}/forwarding/",
        f"/mailboxes/mia@{DOMAIN}/password/",
        f"/mailboxes/mia@{DOMAIN}/delete/",
        "/aliases/",
        "/alias-domains/",
        "/log/",
        f"/search/?q=mia@{DOMAIN}",
        f"/trace/?address=mia@{DOMAIN}",
        "/deliveries/",
        f"/domains/{DOMAIN}/reports/",
        f"/domains/{DOMAIN}/dns/",
        f"/domains/{DOMAIN}/flow/",
        f"/mailboxes/mia@{DOMAIN}/factor/",
        "/exceptions/",
        "/account/",
        *FACTOR,
    ],
    "mailbox user": ["/account/", *FACTOR, *map(reverse, OWN)],
}


@pytest.mark.parametrize("role", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_offers_what_only_a_script_would_do(scheme, role, without_scripts):
    page = without_scripts(role, color_scheme=scheme)

    found = []
    for path in PAGES[role]:
        answer = page.goto(path)
        assert answer.status == (404 if path in NOT_THERE | NONE_ALLOWED else 200), path
        for size in SIZES:
            page.set_viewport_size(size)
            faults = page.evaluate(DEAD) + page.evaluate(TOO_WIDE)
            found += [f"{path} at {size['width']}: {fault}" for fault in faults]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("size", SIZES, ids=["phone", "desk"])
def test_a_mailbox_user_does_everything_without_scripts(size, without_scripts):
    page = without_scripts("mailbox user", viewport=size)
    page.locator(".own-rows a").filter(has_text="Forwarding").click()
    page.get_by_label("Address 1").fill("mia@elsewhere.example")
    page.get_by_role("button", name="Add another").click()
    expect(page.get_by_label("Address 2")).to_be_focused()
    page.get_by_label("Address 2").fill("mia@work.example")
    submit(page)
    row = page.locator(".own-rows a").filter(has_text="Forwarding")
    expect(row).to_contain_text("Saved just now")
    expect(row).to_be_in_viewport(ratio=1)

    row.click()
    for number in (1, 2):
        page.get_by_label(f"Address {number}").fill("")
    submit(page)
    expect(row).to_contain_text("Off")

    page.locator(".own-rows a").filter(has_text=re.compile(r"^\s*Password")).click()
    fill(page, {"Current password": PASSWORD, "New password": PASSWORD})
    submit(page)
    expect(page.locator(".saved")).to_contain_text("Saved just now")

    page.locator(".own-rows a").filter(has_text="Set up").click()
    page.get_by_role("link", name="Thunderbird").click()
    expect(page.locator("main")).to_contain_text("993, SSL/TLS")
    page.get_by_role("link", name="Your mailbox").click()
    page.get_by_role("button", name="Français").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="As the system").click()
    expect(page.locator("html")).not_to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")


@pytest.mark.parametrize("size", SIZES, ids=["phone", "desk"])
def test_an_administrator_does_a_day_s_work_without_scripts(size, without_scripts):
    page = without_scripts("domain admin", viewport=size)
    page.goto(f"/domains/{DOMAIN}/")
    page.locator(".catch-all-row summary").click()
    page.locator(".catch-all-row [name=targets]").fill(f"mia@{DOMAIN}")
    with page.expect_navigation():
        page.locator(".catch-all-row [type=submit]").click()
    # At the second size, what the first deleted is named, too.
    said, _word, _of_before = message(page).partition(" A deleted alias of this name")
    assert said == f"Catch-all of {DOMAIN} set."
    page.goto(f"/search/?q=anybody@{DOMAIN}")
    expect(page.locator(".answer")).to_contain_text(f"mia@{DOMAIN}")

    page.goto(f"/mailboxes/mia@{DOMAIN}/")
    page.get_by_role("link", name="Change the quota").click()
    fill(page, {"Quota": "200 MB"})
    submit(page)
    assert f"mia@{DOMAIN} saved." in message(page)

    page.goto(f"/mailboxes/?domain={DOMAIN}")
    page.get_by_label(f"Select mia@{DOMAIN}").check()
    page.get_by_role("button", name="Switch off", exact=True).click()
    with page.expect_navigation():
        page.get_by_role("button", name="Undo").click()
    assert f"mia@{DOMAIN} is on" in message(page)

    page.goto(f"/aliases/@{DOMAIN}/delete/")
    submit(page)
    page.goto("/log/?kind=alias")
    expect(page.locator(".activity li").first).to_contain_text(f"deleted alias @{DOMAIN}")

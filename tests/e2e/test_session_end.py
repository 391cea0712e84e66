import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Visitors, create_domain, create_mailbox, fill, message, submit

pytestmark = pytest.mark.xdist_group("mail")

PASSWORD = "tangerine-7-bicycle"
DOMAIN = "ended.example"
MIA = f"mia@{DOMAIN}"


@pytest.fixture(scope="module")
def superadmin(accounts):
    return next(iter(accounts.items()))


@pytest.fixture(scope="module")
def user(browser, panel, superadmin):
    with Visitors(browser, panel.url) as visitors:
        page = visitors.sign_in(*superadmin)
        create_domain(page, DOMAIN)
        create_mailbox(page, f"noa@{DOMAIN}", PASSWORD)
        return create_mailbox(page, MIA, PASSWORD)


@pytest.fixture
def page(visitors, superadmin, user):
    return visitors.sign_in(*superadmin)


def end_sessions(panel):
    """Let every session be two hours old, as the database has it."""
    panel.manage(
        "shell",
        "-c",
        "from accounts.models import PanelSession\n"
        "from accounts.session_store import SessionStore\n"
        "for row in PanelSession.objects.all():\n"
        "    store = SessionStore(row.session_key)\n"
        "    data = store.load()\n"
        "    if 'used' in data:\n"
        "        data['used'] -= 7200\n"
        "        row.session_data = store.encode(data)\n"
        "        row.save()\n",
    )


def sign_in_again(page, login):
    page.wait_for_url("**/login/**")
    expect(page.locator("main")).to_contain_text("You were signed out after 2 hours.")
    fill(page, {"E-mail address": login[0], "Password": login[1]})
    submit(page)


def test_a_session_that_ends_in_a_form_says_so_and_loses_no_word(page, superadmin, panel, user):
    page.goto("/mailboxes/new/")
    fill(page, {"Address": "kept", "Domain": "ended.example", "Password": PASSWORD})
    fill(page, {"Name": "Kept Well"})
    end_sessions(panel)

    submit(page)
    expect(page.locator("main")).to_contain_text("You were signed out after 2 hours.")
    expect(page.locator("main")).to_contain_text("What you typed is put back when you sign in")
    stored = page.evaluate("JSON.stringify({...sessionStorage})")
    assert "Kept Well" in stored
    assert PASSWORD not in stored
    assert "csrf" not in stored
    fill(page, {"E-mail address": superadmin[0], "Password": superadmin[1]})
    submit(page)

    assert page.url.endswith("/mailboxes/new/")
    expect(page.get_by_label("Address", exact=True)).to_have_value("kept")
    expect(page.get_by_label(re.compile("^Name"))).to_have_value("Kept Well")
    expect(page.get_by_label("Password", exact=True)).not_to_have_value(PASSWORD)
    assert page.evaluate("sessionStorage.getItem('draft')") is None
    fill(page, {"Password": PASSWORD})
    submit(page)
    assert "kept@ended.example" in message(page)


def test_what_was_typed_is_shown_to_nobody_else(page, accounts, panel):
    page.goto("/mailboxes/new/")
    fill(page, {"Address": "mine", "Domain": "brightwater.example"})
    end_sessions(panel)
    submit(page)

    other = list(accounts.items())[1]
    fill(page, {"E-mail address": other[0], "Password": other[1]})
    submit(page)

    expect(page.get_by_label("Address", exact=True)).to_have_value("")


def test_five_minutes_before_the_end_one_may_stay(page):
    page.clock.install()
    page.goto("/aliases/new/")
    page.clock.run_for(114 * 60 * 1000)
    expect(page.locator(".session-end")).to_have_count(0)

    page.clock.run_for(2 * 60 * 1000)
    expect(page.get_by_role("alert")).to_contain_text("signed out in less than five minutes")
    with page.expect_response("**/session/"):
        page.get_by_role("button", name="Stay signed in").click()

    expect(page.locator(".session-end")).to_have_count(0)


def test_a_mailbox_user_s_forwarding_is_put_back(visitors, user, panel):
    page = visitors.sign_in(*user)
    page.goto("/account/forwarding/")
    page.locator("#id_targets").fill("mia@elsewhere.example")
    page.get_by_role("button", name="Add another").click()
    expect(page.locator("input[type=email]").last).to_be_focused()
    page.keyboard.type("second@elsewhere.example")
    end_sessions(panel)
    submit(page)

    sign_in_again(page, user)

    assert page.url.endswith("/account/forwarding/")
    typed = [field.input_value() for field in page.locator("input[type=email]").all()]
    assert typed == ["mia@elsewhere.example", "second@elsewhere.example"]
    submit(page)
    expect(page.locator(".own-rows")).to_contain_text("to 2 external addresses")


def test_a_mailbox_user_is_asked_for_the_passwords_again(visitors, user, panel):
    page = visitors.sign_in(*user)
    page.goto("/account/password/")
    fill(page, {"Current password": PASSWORD, "New password": PASSWORD})
    end_sessions(panel)
    submit(page)
    assert PASSWORD not in page.evaluate("JSON.stringify({...sessionStorage})")

    sign_in_again(page, user)

    assert page.url.endswith("/account/password/")
    expect(page.get_by_label("New password", exact=True)).to_have_value("")


def test_a_field_changed_where_it_stands_is_open_again_with_what_was_typed(page, superadmin, panel):
    page.goto(f"/mailboxes/{MIA}/")
    page.get_by_role("link", name="Change the quota").click()
    fill(page, {"Quota": "77 MB"})
    end_sessions(panel)
    page.get_by_role("button", name="Save", exact=True).click()

    sign_in_again(page, superadmin)

    assert page.url.endswith(f"/mailboxes/{MIA}/")
    expect(page.get_by_label("Quota", exact=True)).to_have_value("77 MB")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messages")).to_contain_text("saved")
    expect(page.locator("#place-quota_mb")).to_contain_text("77 MB")


def test_a_catch_all_half_set_is_there_again(page, superadmin, panel):
    page.goto(f"/domains/{DOMAIN}/")
    page.get_by_text("Set a catch-all", exact=True).click()
    expect(page.get_by_role("combobox", name="Mail for every other name goes to")).to_be_focused()
    page.keyboard.type(f"{MIA},")
    end_sessions(panel)
    page.get_by_role("button", name="Set catch-all").click()

    sign_in_again(page, superadmin)

    assert page.url.endswith(f"/domains/{DOMAIN}/")
    expect(page.locator(".recipients li[data-kind]")).to_contain_text([MIA])
    page.get_by_role("button", name="Set catch-all").click()
    expect(page.locator(".catch-all-row")).to_contain_text("→ mia")


def test_ticked_rows_are_ticked_again_for_the_same_person(page, superadmin, accounts, panel):
    page.goto(f"/mailboxes/?domain={DOMAIN}")
    page.get_by_label(f"Select {MIA}").check()
    end_sessions(panel)
    page.get_by_role("button", name="Switch off", exact=True).click()

    sign_in_again(page, superadmin)

    assert page.url.endswith(f"/mailboxes/?domain={DOMAIN}")
    expect(page.get_by_label(f"Select {MIA}")).to_be_checked()
    expect(page.locator("[data-bulk-count]")).to_have_text("1 selected")
    page.reload()
    expect(page.locator("[data-bulk-count]")).to_have_text("0 selected")
    page.goto("/aliases/?domain=brightwater.example")
    page.locator("[name=selected]").first.check()
    end_sessions(panel)
    page.get_by_role("button", name="Switch off", exact=True).click()
    sign_in_again(page, list(accounts.items())[1])
    expect(page.locator("[name=selected]").first).not_to_be_checked()

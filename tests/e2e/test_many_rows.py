import re

import pytest
from playwright.sync_api import expect

from tests.e2e import states
from tests.e2e.browsing import create_domain
from tests.e2e.test_axe import OPTIONS, broken_rules, violations

NUMBER = 2_000
COUNT = """
from mailboxes.models import Mailbox
print(Mailbox.objects.filter(domain="many.example", active=False).count())
"""


@pytest.fixture
def many(panel, visitors, accounts):
    login, password = next(iter(accounts.items()))
    page = visitors.sign_in(login, password, bypass_csp=True)  # for axe
    create_domain(page, states.MANY)
    states.fill(panel, NUMBER)
    page.goto(states.LIST)
    return page


def test_two_thousand_rows_are_switched_off_with_a_stop_between(panel, many):
    page = many
    top = page.locator("#list").bounding_box()["y"]
    page.locator("[data-select-all]").check()
    assert page.locator("#list").bounding_box()["y"] == top
    page.get_by_label(re.compile("Select all 2,?000 that match")).check()
    expect(page.locator("[data-bulk-count]")).to_have_text("All selected")
    page.get_by_role("button", name="Switch off", exact=True).click()
    page.get_by_label("Type 2000 to confirm").fill("2000")
    page.keyboard.press("Enter")

    expect(page.locator("#task")).to_contain_text(re.compile(r"of 2,?000, about \d+ \w+ left"))
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#task")).to_contain_text("Stopped. What was done until then stays done.")
    assert violations(page, None, OPTIONS) == []
    stopped = int(panel.manage("shell", "-c", COUNT).split()[-1])
    assert 0 < stopped < NUMBER

    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#task")).to_contain_text(
        re.compile("2,?000 mailboxes are off"), timeout=300_000
    )
    assert int(panel.manage("shell", "-c", COUNT).split()[-1]) == NUMBER

    # In each size and colour, while nothing is done to any row.
    found = [line for state in states.TASK for line in broken_rules(page, *state)]
    page.unroute(states.STEPS)
    assert not found, "\n".join(found)

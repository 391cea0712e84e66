import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.xdist_group("mail")


@pytest.fixture
def page(visitors, accounts):
    superadmin = next(iter(accounts.items()))
    return visitors.sign_in(*superadmin, permissions=["clipboard-read", "clipboard-write"])


def test_a_password_is_made_shown_and_copied(page):
    page.goto("/mailboxes/new/")
    field = page.get_by_label("Password", exact=True)
    field.fill("abc")
    expect(field).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show").click()
    expect(field).to_have_attribute("type", "text")

    page.get_by_role("button", name="Generate").click()
    password = field.input_value()
    assert re.fullmatch(r"([a-z]{4}-){3}[a-z]{4}", password)  # four groups that can be read out
    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == password
    page.get_by_role("button", name="Generate").click()
    assert field.input_value() != password


def test_a_password_is_made_by_the_rules_of_its_field(page):
    page.goto("/mailboxes/new/")
    field = page.get_by_label("Password", exact=True)
    expect(field).to_have_attribute("minlength", "10")
    field.evaluate(
        "f => Object.assign(f, {minLength: 40}) && Object.assign(f.dataset, {digits: 18, letters: 20})"
    )

    page.get_by_role("button", name="Generate").click()

    password = field.input_value()
    assert len(password) >= 40
    assert len(re.findall(r"\d", password)) >= 18
    assert len(re.findall(r"[A-Za-z]", password)) >= 20

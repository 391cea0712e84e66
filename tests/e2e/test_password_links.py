"""Forgotten passwords and invitations, from the browser through Postfix to whoever reads the other address, and back."""

import email
import email.policy
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import create_mailbox, fill, message, submit
from tests.e2e.conftest import DOMAIN, PASSWORD
from tests.servers import clients
from tests.servers.processes import wait_until

pytestmark = pytest.mark.xdist_group("mail")

NEW = "seven-quiet-otters-8"


@pytest.fixture
def office(people, visitors):
    return visitors.sign_in(*people["superadmin"])


def letter_to(mail_server, login, words):
    """The text of the mail in this mailbox that has these words."""

    def found():
        with clients.imap(mail_server, *login) as session:
            session.select(readonly=True)
            _ok, [numbers] = session.search(None, "ALL")
            for number in numbers.split():
                _ok, answer = session.fetch(number, "(BODY[])")
                letter = email.message_from_bytes(answer[0][1], policy=email.policy.default)
                text = letter.get_body(("plain",)).get_content()
                if words in text:
                    return text
        return None

    return wait_until(found, f"{words!r} for {login[0]}")


def link_in(text):
    return re.search(r"https?://\S+/login/link/\S+/", text)[0]


def come_from_elsewhere(page, panel, link):
    """Follow the link on a page of another site, as in a webmail."""
    page.goto(f"{panel.url}/healthz")
    with page.expect_navigation():
        page.evaluate("link => { location.href = link }", link)


def test_a_forgotten_password_is_set_anew_by_the_mail_to_the_other_address(
    office, visitors, panel, mail_server, people
):
    other = people["mailbox user"]
    name, old = f"nora@{DOMAIN}", PASSWORD
    create_mailbox(office, name, old)
    office.goto(f"/mailboxes/{name}/edit/")
    fill(office, {"Other e-mail address": other[0]})
    submit(office)
    at_work = visitors.sign_in(name, old)

    page = visitors.open()
    page.goto("/login/")
    page.get_by_role("link", name="Forgotten password?").click()
    fill(page, {"E-mail address": name})
    submit(page)
    expect(page.locator("h1")).to_have_text("Look into your other mailbox")
    link = link_in(letter_to(mail_server, other, f"set a new password for {name}"))
    assert link.startswith(panel.public_url)
    come_from_elsewhere(page, panel, link)

    assert page.url == f"{panel.public_url}login/link/"
    fill(page, {"New password": NEW})
    submit(page)

    expect(page.locator("h1")).to_have_text("Your password is saved")
    assert clients.may_imap(mail_server, name, NEW)
    assert not clients.may_imap(mail_server, name, old)
    at_work.reload()
    assert "/login/" in at_work.url
    letter_to(mail_server, other, f"A new password was set for {name}")
    assert len(clients.subjects(mail_server, name, NEW)) >= 1
    visitors.sign_in(name, NEW)
    page.goto(link)
    expect(page.locator("h1")).to_have_text("This link is not valid any more")


def test_who_is_invited_chooses_the_password_and_a_second_factor(
    office, visitors, panel, mail_server
):
    name = f"otto@{DOMAIN}"
    office.goto("/mailboxes/new/")
    fill(office, {"Address": "otto", "Domain": DOMAIN, "Quota": "100"})
    expect(office.get_by_label("Password", exact=True)).to_be_visible()
    office.get_by_role("radio", name="hand over a link").check()
    expect(office.get_by_label("Password", exact=True)).to_be_hidden()
    submit(office)

    link = office.locator("#secret").inner_text()
    expect(office.locator("img.qr-code")).to_be_visible()
    assert not clients.may_imap(mail_server, name, PASSWORD)
    subject = clients.send(mail_server, "eve@outside.test", name)

    page = visitors.open()
    page.goto(link)
    fill(page, {"New password": NEW})
    submit(page)
    clients.wait_for(mail_server, name, NEW, subject)
    page.get_by_role("link", name="Sign in and set up a second factor").click()
    fill(page, {"E-mail address": name, "Password": NEW})
    submit(page)
    assert page.url.endswith("/account/factor/setup/")


def test_an_invitation_is_sent_and_a_password_that_must_be_changed_is(
    office, visitors, mail_server, people
):
    other, name = people["mailbox user"], f"pia@{DOMAIN}"
    office.goto("/mailboxes/new/")
    fill(office, {"Address": "pia", "Domain": DOMAIN, "Quota": "100"})
    office.get_by_role("radio", name="send the link").check()
    office.locator("main details.more summary").click()
    fill(office, {"Other e-mail address": other[0]})
    submit(office)
    assert name in message(office)
    page = visitors.open()
    page.goto(link_in(letter_to(mail_server, other, f"The mailbox {name}")))
    fill(page, {"New password": PASSWORD})
    submit(page)
    assert clients.may_imap(mail_server, name, PASSWORD)

    office.goto(f"/mailboxes/{name}/edit/")
    fill(office, {"Must change the password at the next sign-in": True})
    submit(office)
    user = visitors.sign_in(name, PASSWORD)
    assert "/account/password/due/" in user.url
    user.goto("/account/forwarding/")
    assert "/account/password/due/" in user.url
    fill(user, {"Current password": PASSWORD, "New password": NEW})
    user.get_by_role("button", name="Change password").click()
    expect(user.locator(".own-rows")).to_be_visible()
    assert clients.may_imap(mail_server, name, NEW)

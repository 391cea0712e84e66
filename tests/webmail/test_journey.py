"""The test that the old wiki page ended with: from the panel to a mail in the browser, and back."""

import email
import json
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import create_alias, create_domain, create_mailbox
from tests.servers import clients
from tests.servers.fail2ban import guesses

pytestmark = pytest.mark.xdist_group("webmail")

PASSWORD, NEW = "tangerine-7-bicycle", "seven-quiet-otters-8"
ANNA, SALES, EVE = "anna@town.example", "sales@town.example", "eve@town.example"
SUPERADMIN = "boss@town.example"


class Webmail:
    """Roundcube in a browser."""

    def __init__(self, visitors, site, address=ANNA):
        self.address = address
        self.page = visitors.open(ignore_https_errors=True)
        self.url = site.webmail_url
        self.mail_server = site.mail_server

    def try_to_sign_in(self, password):
        self.page.goto(f"{self.url}/?_task=login")
        self.page.get_by_label("Username").fill(self.address)
        self.page.get_by_label("Password").fill(password)
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Login").click()

    def sign_in(self, password=PASSWORD):
        self.try_to_sign_in(password)
        expect(self.page.locator("#messagelist")).to_be_attached()
        return self

    def press(self, button, command):
        """Press ``button``, which does nothing before the page's script knows its command, and wait for the next page."""
        self.page.wait_for_function("command => window.rcmail?.commands[command]", arg=command)
        with self.page.expect_navigation():
            self.page.locator(button).first.click()

    def goto(self, action, task="mail", **values):
        # Roundcube writes the whole session at the end of each request: one under way forgets what this one opens.
        self.page.wait_for_load_state("networkidle")
        values = {"_task": task, "_action": action, **values}
        self.page.goto(f"{self.url}/?{urlencode(values)}")

    def addresses(self):
        """The addresses to choose from, the chosen one first."""
        self.goto("compose")
        options = self.page.locator("#_from option")
        expect(options.first).to_be_attached()  # Roundcube goes on to an address of this message
        return options.all_inner_texts()

    def write(self, to, subject):
        self.goto("compose")
        page = self.page
        page.locator("#compose_to input").fill(to)
        page.locator("#compose_to input").press("Enter")
        page.get_by_label("Subject").fill(subject)
        self.send()

    def send(self):
        self.page.locator("#composebody").fill("Dear all")
        self.press("button.send", "send")
        expect(self.page.locator("#messagelist")).to_be_attached()

    def answer(self, subject, password=PASSWORD):
        """Open the message and press Reply; return the address that stands under From."""
        clients.wait_for(self.mail_server, ANNA, password, subject)
        self.goto("", _mbox="INBOX")
        row = self.page.locator("#messagelist tr.message", has_text=subject)
        expect(row).to_have_count(1)
        uid = row.evaluate("row => row.uid")
        self.goto("show", _mbox="INBOX", _uid=uid)
        self.press("#toolbar-menu a.reply", "reply")
        return self.page.locator("#_from option:checked").inner_text()

    def change_password(self, old, new):
        """Return what Roundcube says."""
        self.goto("plugin.password", task="settings")
        for field, value in {"curpasswd": old, "newpasswd": new, "confpasswd": new}.items():
            self.page.locator(f"#{field}").fill(value)
        self.press("button.submit", "plugin.password-save")
        said = self.page.locator("#messagestack")
        expect(said).not_to_be_empty()
        return said.inner_text()


def sender_of(mail_server, subject, password=PASSWORD, folder="INBOX"):
    """The From line of a message, and the Return-Path that Postfix gave it."""
    with clients.imap(mail_server, ANNA, password) as session:
        session.select(folder, readonly=True)
        _ok, [numbers] = session.search(None, "SUBJECT", f'"{subject}"')
        _ok, answer = session.fetch(numbers.split()[-1], "(BODY.PEEK[HEADER])")
    mail = email.message_from_bytes(answer[0][1])
    return mail["From"], mail["Return-Path"]


@pytest.fixture(scope="module")
def office(site, visitors):
    """The superadmin at the panel, with a domain, a mailbox and an alias made by hand."""
    made = site.manage("admin", "add", SUPERADMIN, "--superadmin", "--generate", "--json")
    page = visitors.sign_in(SUPERADMIN, json.loads(made)["password"], ignore_https_errors=True)
    create_domain(page, "town.example")
    create_mailbox(page, ANNA, PASSWORD)
    create_alias(page, "sales", "town.example", ANNA)
    return page


@pytest.fixture(scope="module")
def webmail(site, office, visitors):
    return Webmail(visitors, site).sign_in()


def test_mail_to_oneself_arrives(webmail, site):
    webmail.write(ANNA, "to myself")

    assert webmail.answer("to myself") == ANNA
    assert sender_of(site.mail_server, "to myself") == (ANNA, f"<{ANNA}>")
    assert sender_of(site.mail_server, "to myself", folder="Sent") == (ANNA, None)


def test_mail_to_an_alias_is_answered_as_the_alias(webmail, site):
    assert webmail.addresses() == [ANNA, SALES]
    webmail.write(SALES, "a question")

    assert webmail.answer("a question") == SALES
    webmail.send()
    clients.wait_for(site.mail_server, ANNA, PASSWORD, "Re: a question")

    assert sender_of(site.mail_server, "Re: a question") == (SALES, f"<{SALES}>")


def test_identities_follow_the_panel_and_keep_what_was_written(webmail, office, site):
    site.execute(
        "UPDATE roundcube.identities SET signature = 'The sales team' WHERE email = %s", SALES
    )

    site.manage("alias", "off", SALES)
    assert webmail.sign_in().addresses() == [ANNA]
    site.manage("alias", "on", SALES)
    site.manage("alias", "add", "info@town.example", ANNA)
    assert webmail.sign_in().addresses() == [ANNA, "info@town.example", SALES]

    rows = site.execute(
        "SELECT email, signature FROM roundcube.identities WHERE del = 0 ORDER BY email"
    )
    assert [*rows] == [(ANNA, None), ("info@town.example", None), (SALES, "The sales team")]


def test_an_identity_that_somebody_deleted_does_not_come_back(webmail, site):
    site.execute("UPDATE roundcube.identities SET del = 1 WHERE email = %s", "info@town.example")

    assert webmail.sign_in().addresses() == [ANNA, SALES]


def test_the_password_is_the_panels(webmail, visitors, site):
    mail_server = site.mail_server
    refused = webmail.change_password(PASSWORD, "short")
    assert "at least 10 characters" in refused
    assert "incorrect" in webmail.change_password("not mine at all", NEW)
    assert clients.may_imap(mail_server, ANNA, PASSWORD)

    assert webmail.change_password(PASSWORD, NEW) == "Successfully saved."

    webmail.write(ANNA, "with the new one")  # the session goes on
    clients.wait_for(mail_server, ANNA, NEW, "with the new one")
    assert not clients.may_imap(mail_server, ANNA, PASSWORD)
    elsewhere = Webmail(visitors, site)
    elsewhere.try_to_sign_in(PASSWORD)
    expect(elsewhere.page.locator("#messagestack")).to_contain_text("Login failed")
    elsewhere.sign_in(NEW)
    log = json.loads(site.manage("log", "--json", "--lines", "1"))
    assert (log["action"], log["object"], log["by"]) == ("edit_password", ANNA, ANNA)
    visitors.sign_in(ANNA, NEW, ignore_https_errors=True)


def in_roundcube(site, address):
    """Contacts and signatures of the user."""
    return site.execute(
        "SELECT c.name, i.signature FROM roundcube.users u"
        " LEFT JOIN roundcube.contacts c USING (user_id) LEFT JOIN roundcube.identities i USING (user_id)"
        " WHERE u.username = %s",
        address,
    )


def test_who_has_the_name_of_a_deleted_mailbox_finds_nothing_of_it(office, visitors, site):
    def add():
        made = site.manage("mailbox", "add", EVE, "--generate", "--json")
        return json.loads(made)["password"]

    password = add()
    site.execute("UPDATE mailbox SET created = created - INTERVAL 10 DAY WHERE username = %s", EVE)
    visitor = Webmail(visitors, site, EVE)
    visitor.sign_in(password)
    site.execute(
        "INSERT INTO roundcube.contacts (user_id, name, email) SELECT user_id, 'Joe', ''"
        " FROM roundcube.users WHERE username = %s",
        EVE,
    )
    site.execute("UPDATE roundcube.identities SET signature = 'Yours' WHERE email = %s", EVE)
    visitor.page.wait_for_load_state("networkidle")
    visitor.sign_in(password)
    assert [*in_roundcube(site, EVE)] == [("Joe", "Yours")]

    site.manage("mailbox", "delete", EVE, "--yes")
    password = add()
    successor = Webmail(visitors, site, EVE).sign_in(password)

    assert [*in_roundcube(site, EVE)] == [(None, None)]
    assert successor.addresses() == [EVE]


def test_a_wrong_password_is_counted_for_fail2ban_with_the_visitors_address(visitors, site):
    log, files = site.temp / "userlogins.log", site.files / "fail2ban"
    before = guesses(files, "mailadmin-webmail", log)["127.0.0.1"]
    visitor = Webmail(visitors, site)
    visitor.try_to_sign_in("not mine at all")
    visitor.try_to_sign_in(NEW)

    assert guesses(files, "mailadmin-webmail", log)["127.0.0.1"] == before + 1

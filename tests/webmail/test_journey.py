import email
import json

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import create_alias, create_domain, create_mailbox
from tests.servers import clients
from tests.servers.fail2ban import guesses
from tests.webmail.roundcube import Webmail

pytestmark = pytest.mark.xdist_group("webmail")

PASSWORD, NEW = "tangerine-7-bicycle", "seven-quiet-otters-8"
ANNA, SALES, EVE = "anna@town.example", "sales@town.example", "eve@town.example"
SUPERADMIN = "boss@town.example"


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
    made = site.manage("admin", "add", SUPERADMIN, "--superadmin", "--generate", "--json")
    page = visitors.sign_in(SUPERADMIN, json.loads(made)["password"], ignore_https_errors=True)
    create_domain(page, "town.example")
    create_mailbox(page, ANNA, PASSWORD)
    create_alias(page, "sales", "town.example", ANNA)
    return page


@pytest.fixture(scope="module")
def webmail(site, office, visitors):
    return Webmail(visitors, site.webmail_url, ANNA).sign_in(PASSWORD)


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
    assert webmail.sign_in(PASSWORD).addresses() == [ANNA]
    site.manage("alias", "on", SALES)
    site.manage("alias", "add", "info@town.example", ANNA)
    assert webmail.sign_in(PASSWORD).addresses() == [ANNA, "info@town.example", SALES]

    rows = site.execute(
        "SELECT email, signature FROM roundcube.identities"
        " WHERE del = 0 AND email LIKE '%%@town.example' ORDER BY email"
    )
    assert [*rows] == [(ANNA, None), ("info@town.example", None), (SALES, "The sales team")]


def test_an_identity_that_somebody_deleted_does_not_come_back(webmail, site):
    site.execute("UPDATE roundcube.identities SET del = 1 WHERE email = %s", "info@town.example")

    assert webmail.sign_in(PASSWORD).addresses() == [ANNA, SALES]


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
    elsewhere = Webmail(visitors, site.webmail_url, ANNA)
    elsewhere.try_to_sign_in(PASSWORD)
    expect(elsewhere.page.locator("#messagestack")).to_contain_text("Login failed")
    elsewhere.sign_in(NEW)
    log = json.loads(site.manage("log", "--json", "--lines", "1"))
    assert (log["action"], log["object"], log["by"]) == ("edit_password", ANNA, ANNA)
    visitors.sign_in(ANNA, NEW, ignore_https_errors=True)


def in_roundcube(site, address):
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
    visitor = Webmail(visitors, site.webmail_url, EVE)
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
    successor = Webmail(visitors, site.webmail_url, EVE).sign_in(password)

    assert [*in_roundcube(site, EVE)] == [(None, None)]
    assert successor.addresses() == [EVE]


def test_a_wrong_password_is_counted_for_fail2ban_with_the_visitors_address(visitors, site):
    log, files = site.temp / "userlogins.log", site.files / "fail2ban"
    before = guesses(files, "mailadmin-webmail", log)["127.0.0.1"]
    visitor = Webmail(visitors, site.webmail_url, ANNA)
    visitor.try_to_sign_in("not mine at all")
    visitor.try_to_sign_in(NEW)

    assert guesses(files, "mailadmin-webmail", log)["127.0.0.1"] == before + 1

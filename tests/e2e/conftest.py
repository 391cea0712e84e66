"""One panel, one mail server and one browser for all journeys.

Package scope throughout: while Playwright runs, Django takes this thread for an asynchronous one,
and tests of other packages must not meet that. Rows come in through the browser or manage.py.
"""

import environ
import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.browsing import CHROMIUM, Visitors, create_domain, create_mailbox, fill, submit
from tests.e2e.panel import Panel
from tests.mariadb import MariaDB
from tests.servers.mail import HOSTNAME, MailServer

PASSWORD = "tangerine-7-bicycle"
DOMAIN = "people.example"
MAILBOX = f"mia@{DOMAIN}"


@pytest.fixture(scope="package")
def database_url():
    with MariaDB() as server:
        yield server.url


@pytest.fixture(scope="package")
def stopped_mail_server(database_url):
    """Its ports are known; what it is granted to read are the panel's tables, which come first."""
    # The sample data have domains and aliases for which mailconf writes these too.
    blocks = ("backup-mx", "transport", "recipient-access")
    server = MailServer(environ.Env.db_url_config(database_url), blocks=blocks)
    yield server
    server.stop()


@pytest.fixture(scope="package")
def mail_server(stopped_mail_server, panel):
    return stopped_mail_server.start()


@pytest.fixture(scope="package")
def panel(database_url, stopped_mail_server, tmp_path_factory):
    panel = Panel(
        database_url,
        tmp_path_factory.mktemp("panel"),
        EMAIL_URL=f"smtp://127.0.0.1:{stopped_mail_server.smtp_port}",
        FROM_EMAIL=f"postmaster@{HOSTNAME}",
    )
    try:
        yield panel.start()
    finally:
        panel.stop()


@pytest.fixture(scope="package")
def accounts(panel):
    """{login: password} of the sample data's accounts; the first one is the superadmin's."""
    return panel.fill_with_demo()


@pytest.fixture(scope="package")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def visitors(browser, panel):
    with Visitors(browser, panel.url) as visitors:
        yield visitors


@pytest.fixture(scope="package")
def people(browser, panel, accounts):
    """{role: login} of the superadmin, and of DOMAIN's administrator and mailbox user."""
    superadmin, admin = next(iter(accounts.items())), f"it@{DOMAIN}"
    with Visitors(browser, panel.url) as visitors:
        page = visitors.sign_in(*superadmin)
        create_domain(page, DOMAIN)
        user = create_mailbox(page, MAILBOX, PASSWORD)
        page.goto("/administrators/new/")
        fill(page, {"E-mail address": admin, "Password": PASSWORD, "Domains": DOMAIN})
        submit(page)
    return {"superadmin": superadmin, "domain admin": (admin, PASSWORD), "mailbox user": user}

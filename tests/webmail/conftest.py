from pathlib import Path

import environ
import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.browsing import CHROMIUM, Visitors
from tests.mariadb import MariaDB
from tests.servers.mail import MailServer
from tests.webmail.site import WebmailSite


@pytest.fixture(scope="package")
def site():
    with MariaDB() as database_server:
        database = environ.Env.db_url_config(database_server.url)
        mail_server = MailServer(database, blocks=["sieve"])
        site = WebmailSite(database, mail_server)
        try:
            site.migrate()
            mail_server.start()
            yield site.start()
        finally:
            site.stop()
            mail_server.stop()


@pytest.fixture(scope="package")
def browser():
    options = [*CHROMIUM["args"], "--host-resolver-rules=MAP *.example.org 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM | {"args": options})
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visitors(browser, site):
    with Visitors(browser, site.panel_url) as visitors:
        yield visitors


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    site = getattr(item, "funcargs", {}).get("site")
    if report.failed and site:
        logs = [
            *site.temp.glob("*.log"),
            *site.directory.glob("*.log"),
            site.mail_server.postfix.log,
        ]
        report.sections += [
            (page.url, page.content()[:3000])
            for visitors in filter(None, [item.funcargs.get("visitors")])
            for page in visitors.pages()
        ]
        for log in filter(Path.exists, logs):
            report.sections.append((log.name, log.read_text(errors="replace")[-3000:]))
    return report

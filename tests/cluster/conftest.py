"""One cluster for all these tests, which go to one worker; each brings domains of its own."""

import environ
import pytest

from tests.cluster.site import Site
from tests.servers.mail import MailServer


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items):
    for item in items:
        if "/cluster/" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("cluster"))


@pytest.fixture(scope="package")
def site():
    site = Site()
    try:
        yield site.start()
    finally:
        site.stop()


@pytest.fixture(scope="package")
def people(site):
    return [site.sign_in(panel) for panel in site.panels]


@pytest.fixture(scope="package")
def mail_server(site):
    database = environ.Env.db_url_config(site.nodes[0].database_url)
    keeper = {"USER": "keeper", "PASSWORD": site.cluster.passwords["keeper"]}
    hosts = ",".join(f"{node.host}:{node.port}" for node in site.nodes)
    with MailServer(database | keeper, SQL_HOSTS=hosts, SQL_CLIENT="127.0.0.%") as server:
        yield server


@pytest.fixture(scope="package")
def crowd(site, mail_server):
    site.execute("INSERT INTO domain (domain) VALUES ('load.test')")
    for name in ("ann", "ben"):
        site.execute(
            "INSERT INTO mailbox (username, password, maildir, local_part, domain)"
            " VALUES (%s, '{PLAIN}tangerine-7-bicycle', %s, %s, 'load.test')",
            [f"{name}@load.test", f"load.test/{name}/", name],
        )
        site.execute(
            "INSERT INTO alias (address, goto, domain) VALUES (%s, %s, 'load.test')",
            [f"{name}@load.test"] * 2,
        )
    site.execute(
        "INSERT INTO alias (address, goto, domain)"
        " VALUES ('both@load.test', 'ann@load.test,ben@load.test', 'load.test')"
    )
    return [site.sign_in(panel) for panel in site.panels]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    site = getattr(item, "funcargs", {}).get("site")
    if report.failed and site:
        for panel in [*site.panels, site.lone]:
            log = panel.log.read_text(errors="replace")[-5000:] if panel.log.exists() else ""
            report.sections.append((str(panel.log), log))
    server = getattr(item, "funcargs", {}).get("mail_server")
    if report.failed and server:
        log = server.postfix.log.read_text(errors="replace")[-5000:]
        report.sections += [("Postfix", log), ("Its queue", server.postfix.listing())]
    return report

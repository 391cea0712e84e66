"""One mail server for all contract tests of a process, on the test database, filled by the services.

Its daemons see only what is committed, so these tests do not roll back: each module brings its
own rows and empties the tables afterwards.
"""

import os

import pytest
from django.core.management import call_command
from django.db import connection

from tests.contract.world import World
from tests.servers.mail import MailServer


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items):
    # Everything that shares the server and its rows goes to one worker.
    for item in items:
        if "/contract/" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("contract"))
            item.add_marker(pytest.mark.django_db)


@pytest.fixture(scope="session")
def mail_server(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        database = connection.settings_dict
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    with MailServer(database, worker=f"{os.getpid()}{worker}") as server:
        yield server


@pytest.fixture(scope="session")
def server_with(django_db_setup, django_db_blocker):
    """A server of its own whose main.cf has blocks that ``mail_server`` lacks, for one module."""
    with django_db_blocker.unblock():
        database = connection.settings_dict
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")

    def run(*blocks, **markers):
        name = f"{os.getpid()}{blocks[0]}{worker}"
        with MailServer(database, worker=name, blocks=blocks, **markers) as server:
            yield server

    return run


@pytest.fixture(scope="session")
def postfix(mail_server):
    return mail_server.postfix


@pytest.fixture(scope="session")
def dovecot(mail_server):
    return mail_server.dovecot


@pytest.fixture(scope="module")
def empty_world(django_db_setup, django_db_blocker):
    """The services to fill the tables with; the tables are emptied after the module."""
    with django_db_blocker.unblock():
        yield World()
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def worlds(empty_world):
    """``worlds()``: the services again, on tables that are empty, for the next parameter of a module."""

    def anew():
        call_command("flush", interactive=False, verbosity=0)
        return empty_world

    return anew


@pytest.fixture
def _django_db_helper(django_db_setup, django_db_blocker):
    """Replaces pytest-django's: access to the database without a transaction around the test."""
    with django_db_blocker.unblock():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    server = getattr(item, "funcargs", {}).get("mail_server")
    if report.failed and server:
        for log in (server.postfix.log, server.dovecot.log):
            if log.exists():
                report.sections.append((log.name, log.read_text(errors="replace")[-5000:]))
    return report

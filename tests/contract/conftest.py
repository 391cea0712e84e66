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


def pytest_collection_modifyitems(items):
    # Everything that shares the server and its rows goes to one worker.
    for item in items:
        if "/contract/" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("contract"))
            item.add_marker(pytest.mark.django_db)


@pytest.fixture(scope="session")
def mail_server(tt, django_db_setup, ttt, django_db_blocker):
    """Everything running; see tests/servers/mail.py."""
    with django_db_blocker.unblock():
        database = connection.settings_dict
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    import time
    print("T", time.time())
    for cls in (MailServer,):
        pass
    import tests.servers.mail as mm
    for k in ("install","_grant","_certify"):
        def wrap(f=getattr(MailServer,k),k=k):
            def g(self):
                t=time.time(); r=f(self); print("TIME",k,time.time()-t); return r
            return g
        setattr(MailServer,k,wrap())
    for c in (mm.Postfix,mm.Dovecot,mm.Gate):
        for k in ("start","install","open","prepare"):
            if hasattr(c,k):
                def wrap(f=getattr(c,k),k=k,c=c):
                    def g(self):
                        t=time.time(); r=f(self); print("TIME",c.__name__,k,time.time()-t); return r
                    return g
                setattr(c,k,wrap())
    with MailServer(database, worker=f"{os.getpid()}{worker}") as server:
        yield server


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


@pytest.fixture
def _django_db_helper(django_db_setup, django_db_blocker):
    """Replaces pytest-django's: access to the database without a transaction around the test."""
    with django_db_blocker.unblock():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Show the end of the daemons' logs with a failure."""
    report = yield
    server = getattr(item, "funcargs", {}).get("mail_server")
    if report.failed and server:
        for log in (server.postfix.log, server.dovecot.log):
            if log.exists():
                report.sections.append((log.name, log.read_text(errors="replace")[-5000:]))
    return report

@pytest.fixture(scope="session")
def tt():
    import time; print("TT", time.time())
@pytest.fixture(scope="session")
def ttt():
    import time; print("TTT", time.time())

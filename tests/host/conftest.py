import contextlib
import signal

import pytest

from tests.host.facts import files_of
from tests.host.machine import Machine
from tests.host.roots import RELEASES


@pytest.fixture(scope="module", params=RELEASES)
def machine(request):
    """One for each file of tests and release of Debian; the tests of a file go on from one another."""
    machine = Machine(request.param)
    try:
        yield machine.start()
    finally:
        machine.stop()


@pytest.fixture(scope="module")
def bare(machine):
    return files_of(machine)


# Far above what the longest one takes, on a slow machine too: of what never ends, the test that waits for it is named.
SECONDS = 900


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup():
    with time_limit():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    with time_limit():
        return (yield)


@contextlib.contextmanager
def time_limit():
    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def too_long(*_):
    raise TimeoutError(f"more than {SECONDS} seconds")

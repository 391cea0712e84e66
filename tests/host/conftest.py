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
    """Every file before anything was done."""
    return files_of(machine)

"""One cluster for all these tests, which go to one worker; each brings domains of its own."""

import pytest

from tests.cluster.site import Site


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
    """Somebody who is signed in at each of the two panels."""
    return [site.sign_in(panel) for panel in site.panels]

import pytest

from tests.strangers import another_database


@pytest.fixture
def elsewhere(db):
    """The panel's database is a new, empty one."""
    with another_database() as name:
        yield name

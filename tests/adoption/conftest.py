import pytest

from tests.adoption import postfixadmin
from tests.strangers import another_database


@pytest.fixture
def elsewhere(db):
    with another_database() as name:
        yield name


@pytest.fixture
def site(elsewhere):
    postfixadmin.create()
    postfixadmin.add_domain("example.org")
    postfixadmin.add_mailbox("joe@example.org")
    postfixadmin.add_alias("info@example.org", "joe@example.org")
    postfixadmin.add_admin("boss@example.org", "example.org")
    return elsewhere

"""Debian's own PostfixAdmin, filled through its pages and its command, adopted while it is used: one evening for all tests here."""

import pytest
from django.test import Client

from tests.accounts.test_passwords import RAW
from tests.adoption.evening import SECRET, Evening, Life
from tests.adoption.filled import fill, names_of_stored
from tests.adoption.tables import everything

NEW = "lantern-58-orchard"
ACCEPTED = (
    *("--accept", "superadmins-by-row"),
    *("--accept", "names-with-the-delimiter"),
)


@pytest.fixture
def _django_db_helper(evening):
    """Replaces pytest-django's: the pages of PostfixAdmin see only what is committed."""


@pytest.fixture(scope="package")
def evening(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        evening = Evening().start()
        try:
            fill(evening)
            evening.before = everything(evening.name)
            evening.read_before = {
                name for name in names_of_stored() if evening.may_read(name, RAW)
            }
            evening.adopt("--apply", "--no-dump", *ACCEPTED)
            evening.adopt("--undo")
            evening.after_undo = everything(evening.name)
            with Life(evening) as evening.life:
                evening.adopt("--apply", "--no-dump", *ACCEPTED)
            yield evening
        finally:
            evening.stop()


@pytest.fixture
def root(evening):
    return evening.visitor("root@example.org")


@pytest.fixture
def ours(evening):
    client = Client()
    assert client.login(username="root@example.org", password=SECRET)
    return client

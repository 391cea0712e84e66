"""The maps with another recipient delimiter, one that domain names are made of too."""

import pytest
from django.db import connection
from django.test import override_settings

from aliases import heard
from mailboxes import triggers


@pytest.fixture(scope="module")
def dash(postfix, empty_world):
    """As after `manage.py mailconf` and `manage.py recount`."""
    written = {path: path.read_text() for path in postfix.maps.iterdir()}
    for path, text in written.items():
        path.write_text(text.replace("'+'", "'-'"))
    with override_settings(RECIPIENT_DELIMITER="-"):
        triggers.create(connection)
        heard.create(connection)
        yield
    triggers.create(connection)
    heard.create(connection)
    for path, text in written.items():
        path.write_text(text)


@pytest.fixture(scope="module", autouse=True)
def world(empty_world, dash):
    world = empty_world
    world.domain("my-firm.example")
    world.mailbox("ann@my-firm.example")
    world.mailbox("bob@my-firm.example")
    world.alias("@my-firm.example", "bob@my-firm.example")
    world.domain("old-firm.example")
    world.alias_domain("old-firm.example", "my-firm.example")
    world.domain("new-firm.example")
    world.mailbox("cat@new-firm.example")
    world.alias("sales@new-firm.example", "cat-list@new-firm.example")
    world.domain("whole-firm.example")
    world.alias("@whole-firm.example", "@new-firm.example")
    return world


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("ann@my-firm.example", "ann@my-firm.example"),
        ("ann@old-firm.example", "ann@my-firm.example"),
        ("ann-list@my-firm.example", None),
        ("@my-firm.example", "bob@my-firm.example"),
        ("sales@new-firm.example", "cat-list@new-firm.example"),
        ("cat@whole-firm.example", "cat@new-firm.example"),
        ("cat-list@whole-firm.example", "cat-list@new-firm.example"),
        ("dog-list@whole-firm.example", None),
    ],
)
def test_a_dash_in_a_domain_begins_no_extension(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


def test_a_mailbox_in_a_domain_with_a_dash_is_there(postfix):
    assert postfix.lookup("mailbox", "ann@my-firm.example") == "my-firm.example/ann/"

from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from mailadmin import checks
from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.mail import MailServer


@pytest.fixture(scope="module", autouse=True)
def dash_server(empty_world):
    """A mail server of its own, installed with the other delimiter; nothing else asks meanwhile."""
    world = empty_world
    try:
        with override_settings(RECIPIENT_DELIMITER="-"):
            call_command("recount", stdout=StringIO())
            world.domain("example.org")
            for name in ("ann", "owner", "sales", "catch"):
                world.mailbox(f"{name}@example.org")
            world.alias("@example.org", "catch@example.org")
            world.alias("team@example.org", "ann-team@example.org")
            world.domain("my-firm.example")
            world.mailbox("ann@my-firm.example")
            world.mailbox("bob@my-firm.example")
            world.alias("@my-firm.example", "bob@my-firm.example")
            world.domain("old-firm.example")
            world.alias_domain("old-firm.example", "my-firm.example")
            world.domain("new-firm.example")
            world.mailbox("cat@new-firm.example")
            world.alias("sales@new-firm.example", "cat-list@new-firm.example")
            world.domain("linked-firm.example")
            world.alias_domain("linked-firm.example", "new-firm.example")
            with MailServer(connection.settings_dict, worker="dash") as server:
                yield server
    finally:
        call_command("recount", stdout=StringIO())


def test_the_map_and_what_the_database_keeps_agree_on_it(dash_server):
    assert settings.RECIPIENT_DELIMITER == "-"
    assert checks.check_triggers(databases=["default"]) == []


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("ann@my-firm.example", "ann@my-firm.example"),
        ("ann@old-firm.example", "ann@my-firm.example"),
        ("ann-list@my-firm.example", None),
        ("@my-firm.example", "bob@my-firm.example"),
        ("sales@new-firm.example", "cat-list@new-firm.example"),
        ("cat@linked-firm.example", "cat@new-firm.example"),
        ("cat-list@linked-firm.example", None),
        ("dog-list@linked-firm.example", None),
    ],
)
def test_a_dash_in_a_domain_begins_no_extension(dash_server, key, answer):
    assert dash_server.postfix.lookup("alias", key) == answer


def test_a_mailbox_in_a_domain_with_a_dash_is_there(dash_server):
    assert dash_server.postfix.lookup("mailbox", "ann@my-firm.example") == "my-firm.example/ann/"


@pytest.mark.parametrize(
    ("recipient", "name"),
    [
        ("ann-list@example.org", "ann"),
        ("ann-list-more@example.org", "ann"),
        ("team@example.org", "ann"),
        # Postfix by itself would take these two for names as a whole, and the catch-all would get them.
        ("owner-sales@example.org", "owner"),
        ("sales-request@example.org", "sales"),
        ("ann+list@example.org", "catch"),
        ("nobody-list@example.org", "catch"),
    ],
)
def test_mail_with_an_extension_goes_to_the_name_before_it(dash_server, recipient, name):
    subject = clients.send(dash_server, "joe@elsewhere.test", recipient)

    clients.wait_for(dash_server, f"{name}@example.org", PASSWORD, subject)


def test_a_login_may_send_from_its_addresses_with_an_extension(dash_server):
    ann = ("ann@example.org", PASSWORD)

    subject = clients.send(dash_server, "ann-list@example.org", "sales@example.org", login=ann)

    clients.wait_for(dash_server, "sales@example.org", PASSWORD, subject)
    assert (
        clients.refusal(dash_server, "owner-list@example.org", "sales@example.org", login=ann)[0]
        == 553
    )

import pytest


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    world = empty_world
    world.domain("example.org")
    for name in ("ann", "bob", "cat", "dan", "eve"):
        world.mailbox(f"{name}@example.org")
    world.domain("other.example")
    world.mailbox("bob@other.example")
    world.mailbox("eve@other.example")

    world.domain("own.example")
    world.domain("plain.example")
    world.domain("before.example")
    world.alias_domain("before.example", "plain.example")

    world.domain("twin.example")
    world.alias_domain("twin.example", "other.example")
    world.alias("far@example.org", "bob+list@twin.example")
    world.alias("eve@twin.example", "ann@example.org")
    world.raw("alias", "eve@twin.example", goto="former@example.org")
    world.alias("on-the-way@example.org", "eve@twin.example")

    world.mailbox("bob@own.example")
    world.alias("written@example.org", "ann@example.org")
    world.raw("alias", "written@example.org", goto="Joe@Elsewhere.test,bob@own.example")
    world.domain("no-transport.example")
    world.alias("gone@example.org", "x@no-transport.example")
    world.raw("domain", "no-transport.example", transport="")
    return world


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("far@example.org", "bob+list@twin.example"),
        ("eve@twin.example", "eve@other.example"),
        ("on-the-way@example.org", None),
    ],
)
def test_only_mail_for_an_alias_itself_goes_on_where_the_alias_leads_to_nobody(
    postfix, key, answer
):
    assert postfix.lookup("alias", key) == answer


def test_what_everybody_takes_is_told_as_it_is_written(postfix):
    assert postfix.lookup("alias", "written@example.org") == "Joe@Elsewhere.test,bob@own.example"


def test_a_domain_without_a_transport_ends_here(postfix):
    assert postfix.lookup("alias", "gone@example.org") is None


def test_a_mailbox_whose_name_begins_with_the_delimiter_is_found(postfix, mail_server):
    mail_server.execute(
        "INSERT INTO mailbox (username, password, name, maildir, local_part, domain)"
        " VALUES ('+odd@plain.example', '', '', 'plain.example/+odd/', '+odd', 'plain.example')"
    )
    try:
        assert postfix.lookup("mailbox", "+odd@plain.example") == "plain.example/+odd/"
        assert postfix.lookup("alias", "+odd@plain.example") == "+odd@plain.example"
        assert postfix.lookup("alias", "+odd@before.example") == "+odd@plain.example"
    finally:
        mail_server.execute("DELETE FROM mailbox WHERE username = '+odd@plain.example'")

"""Catch-alls to a whole domain beside what else a name, or its alias domain, may lead to."""

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
    world.mailbox("ann@own.example")
    world.raw("alias", "ann@own.example", active=False)
    world.alias("bob@own.example", "cat@example.org")
    world.mailbox("cat@own.example", active=False)
    world.alias("dan@own.example", "ann@example.org")
    world.raw("alias", "dan@own.example", goto="former@example.org")
    world.alias("@own.example", "@example.org")
    world.domain("linked.example")
    world.alias_domain("linked.example", "own.example")
    world.alias("eve@linked.example", "bob@example.org")

    world.domain("plain.example")
    world.mailbox("ann@plain.example")
    world.alias("@plain.example", "ann@plain.example")
    world.domain("before.example")
    world.alias_domain("before.example", "plain.example")
    world.alias("@before.example", "@example.org")
    world.domain("caught.example")
    world.alias_domain("caught.example", "own.example")
    world.alias("@caught.example", "ann@example.org")
    world.domain("asleep.example")
    world.alias_domain("asleep.example", "own.example")
    world.alias("@asleep.example", "@other.example", active=False)
    world.domain("resting.example")
    world.alias_domain("resting.example", "own.example")
    world.alias("@resting.example", "ann@example.org", active=False)
    world.domain("sleeping.example")
    world.alias("@sleeping.example", "@other.example", active=False)
    world.domain("asleep-too.example")
    world.alias_domain("asleep-too.example", "sleeping.example")
    world.domain("both.example")
    world.alias_domain("both.example", "own.example")  # eve is there too, by way of example.org
    world.alias("@both.example", "@other.example")

    world.domain("twin.example")
    world.alias_domain("twin.example", "other.example")
    world.alias("far@example.org", "bob+list@twin.example")
    world.alias("eve@twin.example", "ann@example.org")
    world.raw("alias", "eve@twin.example", goto="former@example.org")
    world.alias("on-the-way@example.org", "eve@twin.example")

    world.alias("written@example.org", "ann@example.org")
    world.raw("alias", "written@example.org", goto="Joe@Elsewhere.test,bob@own.example")
    world.domain("no-transport.example")
    world.alias("gone@example.org", "x@no-transport.example")
    world.raw("domain", "no-transport.example", transport="")
    return world


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        # Who has the name without its extension gets the mail: Postfix asks for that next.
        ("ann+list@own.example", None),
        ("bob+list@own.example", None),
        ("ann+list@linked.example", None),
        ("eve+list@linked.example", None),
        ("ann+list@before.example", None),
        # What is inactive or leads to nobody has no name.
        ("cat+list@own.example", "cat+list@example.org"),
        ("dan@own.example", "dan@example.org"),
        ("dan+list@own.example", None),
    ],
)
def test_a_name_that_the_domain_has_itself_is_not_passed_on(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("eve@before.example", "eve@example.org"),
        ("@before.example", "ann@plain.example"),
        ("eve@caught.example", None),
        ("@caught.example", "ann@example.org"),
        ("eve@asleep.example", "eve@example.org"),
        ("eve@resting.example", "eve@example.org"),
        ("eve@asleep-too.example", None),
        ("eve@both.example", "eve@other.example"),
        ("dan@both.example", "dan@example.org"),
        ("@linked.example", None),
    ],
)
def test_the_catch_all_of_an_alias_domain_comes_before_its_targets(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


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


@pytest.mark.parametrize("blank", [" ", "\t", "\n", "\r"])
def test_a_whole_domain_is_one_behind_any_blank(postfix, world, blank):
    world.raw("alias", "@own.example", goto=f"former@example.org,{blank}@example.org")
    try:
        for domain in ("own", "linked"):
            assert postfix.lookup("alias", f"@{domain}.example") is None
            assert postfix.lookup("alias", f"cat@{domain}.example") == "cat@example.org"
    finally:
        world.raw("alias", "@own.example", goto="@example.org")


def test_a_mailbox_whose_name_begins_with_the_delimiter_is_found(postfix, mail_server):
    mail_server.execute(
        "INSERT INTO mailbox (username, password, name, maildir, local_part, domain)"
        " VALUES ('+odd@plain.example', '', '', 'plain.example/+odd/', '+odd', 'plain.example')"
    )
    try:
        assert postfix.lookup("mailbox", "+odd@plain.example") == "plain.example/+odd/"
        assert postfix.lookup("alias", "+odd@plain.example") == "+odd@plain.example"
        mail_server.execute("DELETE FROM alias WHERE address = '@before.example'")
        assert postfix.lookup("alias", "+odd@before.example") == "+odd@plain.example"
    finally:
        mail_server.execute("DELETE FROM mailbox WHERE username = '+odd@plain.example'")

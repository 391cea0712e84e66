import json

import pytest
from django.core.management.base import CommandError

from aliases.models import Alias
from domains.services import create_alias_domain


def goto(address):
    return Alias.objects.get(pk=address).goto


def test_add_takes_several_targets(run, example_org):
    printed = run("alias", "add", "Info@example.org", "joe@example.org", "other@x.example")

    assert printed == "Created alias info@example.org.\n"
    assert goto("info@example.org") == "joe@example.org,other@x.example"


@pytest.mark.parametrize("address", ["@example.org", "*@example.org"])
def test_an_address_without_a_name_is_the_catch_all(run, example_org, address):
    run("alias", "add", address, "joe@example.org")

    assert goto("@example.org") == "joe@example.org"
    assert json.loads(run("alias", "show", address, "--json"))["address"] == "@example.org"


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "example.org", "joe@elsewhere.example"],
        ["show", "example.org"],
        ["off", "example.org"],
        ["delete", "example.org", "--yes"],
    ],
)
def test_a_domain_alone_is_not_taken_for_its_catch_all(run, example_org, add_alias, arguments):
    add_alias("@example.org", "ann@other.net")

    with pytest.raises(CommandError, match=r"^“example\.org” is not an e-mail address\.") as error:
        run("alias", *arguments)

    assert error.value.returncode == 1
    assert list(Alias.objects.values_list("pk", "goto", "active")) == [
        ("@example.org", "ann@other.net", True)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info@example.org", "nobody"], "^Mail goes to: “nobody” is not an e-mail address"),
        (["info@example.org", "info@example.org"], "^Mail goes to: An alias cannot lead to itself"),
        (["in fo@example.org", "a@b.example"], "^Address: “in fo” is not a valid local part"),
        (["info@absent.example", "a@b.example"], r"^There is no domain absent\.example"),
        (["info@example.org", "@b.example"], "^Mail goes to: “@b.example”: only a catch-all"),
    ],
)
def test_what_cannot_be_is_refused(run, example_org, arguments, message):
    with pytest.raises(CommandError, match=message):
        run("alias", "add", *arguments)

    assert Alias.objects.count() == 0


def test_a_loop_is_refused_with_its_path(run, example_org, add_alias):
    add_alias("a@example.org", "b@example.org")

    with pytest.raises(CommandError, match=r"^Mail goes to: .*b@example.org → a@example.org → b@"):
        run("alias", "add", "b@example.org", "a@example.org")

    assert Alias.objects.count() == 1


def test_the_limit_of_the_domain_holds(run, add_domain):
    add_domain("example.org", aliases=-1)

    with pytest.raises(CommandError, match=r"^Domain: example\.org may have no aliases"):
        run("alias", "add", "info@example.org", "joe@other.net")


def test_every_error_has_its_line(run, example_org):
    with pytest.raises(CommandError) as error:
        run("alias", "add", "info@example.org", "one", "two")

    assert [line.partition(" is not")[0] for line in str(error.value).splitlines()] == [
        "Mail goes to: “one”",
        "Mail goes to: “two”",
    ]


def test_list_leaves_the_mailboxes_own_rows_out(run, example_org, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "joe@example.org", "a@b.example")

    assert run("alias", "list") == "info@example.org\tjoe@example.org, a@b.example\ton\n"


def test_list_filters(run, example_org, other_net, add_alias):
    add_alias("info@example.org", "a@b.example")
    add_alias("info@other.net", "a@b.example", active=False)

    assert run("alias", "list", "--domain", "other.net", "--json").count("\n") == 1
    assert run("alias", "list", "--off").split("\t")[0] == "info@other.net"
    assert run("alias", "list", "--search", "inf").count("\n") == 2
    assert run("alias", "list", "--search", "info@o").split("\t")[0] == "info@other.net"
    assert run("alias", "list", "--search", "b.example", "--domain", "example.org").count("\n") == 1


def test_edit_replaces_adds_and_removes_targets(run, example_org, add_alias):
    add_alias("info@example.org", "a@b.example")

    run("alias", "edit", "info@example.org", "--add", "c@d.example")
    assert goto("info@example.org") == "a@b.example,c@d.example"

    run("alias", "edit", "info@example.org", "--remove", "A@b.example")
    run("alias", "off", "info@example.org")
    assert goto("info@example.org") == "c@d.example"
    assert Alias.objects.get().active is False

    run("alias", "edit", "info@example.org", "--recipients", "e@f.example", "g@h.example")
    assert goto("info@example.org") == "e@f.example,g@h.example"


def test_a_target_is_removed_as_it_is_shown(run, example_org, add_alias):
    add_alias("info@example.org", "joe@müller.example", "a@b.example")
    assert "joe@müller.example" in run("alias", "show", "info@example.org")

    run("alias", "edit", "info@example.org", "--remove", "joe@müller.example")

    assert goto("info@example.org") == "a@b.example"


@pytest.mark.parametrize("typed", ["Joe@B.example", "joe@b.example"])
def test_a_target_that_another_program_stored_with_capitals_can_be_removed(
    run, example_org, add_alias, typed
):
    add_alias("info@example.org", "c@d.example")
    Alias.objects.update(goto="Joe@B.example,c@d.example")

    run("alias", "edit", "info@example.org", "--remove", typed)

    assert goto("info@example.org") == "c@d.example"


def test_a_target_that_is_not_there_cannot_be_removed(run, example_org, add_alias):
    add_alias("info@example.org", "a@b.example")

    with pytest.raises(CommandError, match=r"^info@example\.org does not lead to x@y\.example\.$"):
        run("alias", "edit", "info@example.org", "--remove", "x@y.example")


def test_the_last_target_cannot_be_removed(run, example_org, add_alias):
    add_alias("info@example.org", "a@b.example")

    with pytest.raises(CommandError, match=r"^Mail goes to: Name at least one address"):
        run("alias", "edit", "info@example.org", "--remove", "a@b.example")

    assert goto("info@example.org") == "a@b.example"


def test_show_names_dangling_targets(run, example_org, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "joe@example.org", "gone@example.org")

    record = json.loads(run("alias", "show", "info@example.org", "--json"))

    assert record["dangling"] == ["gone@example.org"]
    assert record["targets"] == ["joe@example.org", "gone@example.org"]


def test_a_mailbox_is_no_alias(run, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    with pytest.raises(CommandError, match=r"^joe@example\.org is a mailbox"):
        run("alias", "delete", "joe@example.org", "--yes")

    assert Alias.objects.count() == 1


def test_delete_wants_the_address_and_can_drop_recipients(run, example_org, add_alias):
    add_alias("info@example.org", "a@b.example")
    add_alias("all@example.org", "info@example.org", "c@d.example")

    with pytest.raises(CommandError, match=r"^Not confirmed"):
        run("alias", "delete", "info@example.org", typed=["no"])
    assert run.screen.splitlines() == [
        "info@example.org leads to a@b.example.",
        "Aliases and forwardings that lead to info@example.org (1): all@example.org.",
        "They will lead to an address that does not exist; --drop-recipients removes it from them.",
    ]

    run("alias", "delete", "info@example.org", "--drop-recipients", "--yes")
    assert list(Alias.objects.values_list("pk", "goto")) == [("all@example.org", "c@d.example")]


def test_what_leads_here_through_an_alias_domain_is_named_and_taken_out(
    run, example_org, add_domain, add_alias
):
    twin = add_domain("twin.example")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)
    add_alias("info@example.org", "a@b.example")
    add_alias("all@example.org", "info@twin.example", "c@d.example")

    with pytest.raises(CommandError, match=r"^Not confirmed"):
        run("alias", "delete", "info@example.org", typed=["no"])
    assert (
        run.screen.splitlines()[1]
        == "Aliases and forwardings that lead to info@example.org (1): all@example.org."
    )

    run("alias", "delete", "info@example.org", "--drop-recipients", "--yes")
    assert list(Alias.objects.values_list("pk", "goto")) == [("all@example.org", "c@d.example")]


@pytest.mark.parametrize(
    ("number", "said"),
    [(10, "Aliases and forwardings that lead to info@example.org (10): "), (12, " and 2 more.")],
)
def test_of_many_that_lead_here_ten_are_named(number, said, run, example_org, add_alias):
    add_alias("info@example.org", "a@b.example")
    for n in range(number):
        add_alias(f"all{n:02}@example.org", "info@example.org")

    with pytest.raises(CommandError, match=r"^Not confirmed"):
        run("alias", "delete", "info@example.org", typed=["no"])

    line = run.screen.splitlines()[1]
    assert (said in line, line.count("@"), " more" in line) == (True, 11, number > 10)


def test_a_missing_alias_is_named(run, example_org):
    with pytest.raises(CommandError, match=r"^There is no alias info@example\.org\."):
        run("alias", "off", "info@example.org")


def test_who_may_write_to_it(run, add_alias, example_org):
    run("alias", "add", "team@example.org", "joe@elsewhere.example", "--access", "members")
    assert json.loads(run("alias", "show", "team@example.org", "--json"))["access"] == "members"

    run("alias", "edit", "team@example.org", "--access", "closed", "--text", "Gone fishing")
    record = json.loads(run("alias", "show", "team@example.org", "--json"))
    assert (record["access"], record["access_text"], record["mail"]) == (
        *("closed", "Gone fishing", "refused"),
    )
    assert "Who may write" in run("alias", "show", "team@example.org")

    run("alias", "edit", "team@example.org", "--access", "everybody")
    record = json.loads(run("alias", "show", "team@example.org", "--json"))
    assert (record["access"], record["access_text"]) == ("everybody", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--access", "internal", "--text", "No"], "^Only an alias that is closed or has moved"),
        (["--access", "moved"], "^Text: Enter the address that it has moved to"),
        (["--access", "moved", "--text", "nowhere"], "^Text: “nowhere” is not an e-mail address"),
    ],
)
def test_what_cannot_be_said_of_who_may_write_is_refused(
    run, example_org, add_alias, arguments, message
):
    add_alias("team@example.org", "joe@elsewhere.example")

    with pytest.raises(CommandError, match=message):
        run("alias", "edit", "team@example.org", *arguments)
    assert Alias.objects.get(pk="team@example.org").access == ""

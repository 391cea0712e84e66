import json
import os
import subprocess
import sys

import pytest
from django.core.management.base import CommandError

from accounts.models import LogEntry
from aliases.models import Alias
from domains.models import Domain
from mailboxes.models import Mailbox
from tests.servers.processes import ROOT


def states():
    return dict(Mailbox.objects.order_by("pk").values_list("pk", "active"))


def test_switching_off_and_on_goes_through_the_service(run, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    assert run("mailbox", "off", "Joe@example.org") == "joe@example.org is off.\n"
    assert states() == {"joe@example.org": False}
    assert Alias.objects.get().active is False
    assert LogEntry.objects.latest("pk").action == "edit_mailbox_state"

    assert run("mailbox", "on", "joe@example.org") == "joe@example.org is on.\n"
    assert states() == {"joe@example.org": True}


@pytest.mark.parametrize(
    ("noun", "key"),
    [
        ("domain", "example.org"),
        ("alias", "sales@example.org"),
        ("alias", "@example.org"),
        ("aliasdomain", "other.net"),
        ("admin", "theirs@example.org"),
    ],
)
def test_every_row_has_the_pair_of_verbs(
    noun, key, run, example_org, other_net, add_alias, make_admin
):
    add_alias("sales@example.org", "a@b.example")
    add_alias("@example.org", "a@b.example")
    make_admin("theirs@example.org", domains=["example.org"])
    run("aliasdomain", "add", "other.net", "example.org")

    assert json.loads(run(noun, "off", key, "--json"))["active"] is False
    assert run(noun, "list", "--off").split("\t")[0] == key
    assert run(noun, "on", key) == f"{key} is on.\n"
    assert run(noun, "list", "--off") == ""


def test_one_that_is_refused_stops_none_of_the_others(run, example_org, add_mailbox, capsys):
    add_mailbox("a@example.org")
    add_mailbox("b@example.org")

    with pytest.raises(CommandError) as refusal:
        run("mailbox", "off", "a@example.org", "gone@example.org", "b", "b@example.org")

    assert str(refusal.value) == "2 mailboxes off, 2 refused."
    assert run.screen == "a@example.org is off.\nb@example.org is off.\n"
    assert capsys.readouterr().err.splitlines() == [
        "gone@example.org: There is no mailbox gone@example.org. Is the address right?",
        "b: “b” is not an e-mail address. Write it like name@example.org.",
    ]
    assert states() == {"a@example.org": False, "b@example.org": False}


def test_refusals_are_json_for_whoever_asks_for_it(run, example_org, add_mailbox, capsys):
    add_mailbox("a@example.org")

    with pytest.raises(CommandError):
        run("mailbox", "off", "a@example.org", "gone@example.org", "--json")

    assert json.loads(run.screen)["address"] == "a@example.org"
    assert json.loads(capsys.readouterr().err) == {
        "name": "gone@example.org",
        "error": "There is no mailbox gone@example.org. Is the address right?",
    }


def test_names_come_from_standard_input_as_a_list_prints_them(run, example_org, add_mailbox):
    for name in ("a", "b", "c"):
        add_mailbox(f"{name}@example.org", name="Somebody")
    listed = run("mailbox", "list", "--search", "a") + "\n  b@example.org\n"

    assert run("mailbox", "off", "-", stdin=listed).count(" is off.\n") == 2
    assert states() == {"a@example.org": False, "b@example.org": False, "c@example.org": True}


def test_a_change_of_several(run, example_org, add_mailbox, add_alias):
    for name in ("a", "b"):
        add_mailbox(f"{name}@example.org")
        add_alias(f"info.{name}@example.org", f"{name}@example.org")

    run("mailbox", "edit", "a@example.org", "b@example.org", "--name", "Both")
    run(
        "alias",
        "edit",
        "-",
        "--add",
        "c@d.example",
        stdin="info.a@example.org\ninfo.b@example.org\n",
    )

    assert set(Mailbox.objects.values_list("name", flat=True)) == {"Both"}
    assert [alias.goto for alias in Alias.objects.filter(pk__startswith="info").order_by("pk")] == [
        "a@example.org,c@d.example",
        "b@example.org,c@d.example",
    ]


def test_several_are_deleted_after_their_number_was_typed(run, example_org, add_mailbox):
    for name in ("a", "b", "c"):
        add_mailbox(f"{name}@example.org")

    with pytest.raises(CommandError, match=r"^Not confirmed\. Nothing was deleted\.$"):
        run("mailbox", "delete", "a@example.org", "b@example.org", typed=["a@example.org"])
    assert run.asked == ["Type 2 to delete these 2 mailboxes: "]

    run("mailbox", "delete", "a@example.org", "b@example.org", typed=["2"])
    assert run.screen.splitlines() == [
        "Deleted mailbox a@example.org.",
        "Deleted mailbox b@example.org.",
        "2 mailboxes deleted.",
    ]
    assert list(states()) == ["c@example.org"]


def test_names_from_standard_input_are_deleted_only_with_yes(run, add_domain):
    add_domain("a.example")
    add_domain("b.example")

    with pytest.raises(CommandError, match=r"^Names from standard input"):
        run("domain", "delete", "-", stdin="a.example\n")
    assert Domain.objects.count() == 2

    run("domain", "delete", "-", "--yes", stdin="a.example\nb.example\n")
    assert Domain.objects.count() == 0


def test_a_file_that_is_not_utf_8_is_one_sentence(run, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    with pytest.raises(CommandError, match=r"^Standard input is not valid UTF-8 text\.$"):
        run("mailbox", "off", "-", stdin="müller@example.org\n".encode("latin-1"))


def test_a_bar_is_drawn_at_a_terminal_from_fifty_rows_on(own_database):
    names = [f"n{number}@example.org" for number in range(60)]

    few, _status = in_terminal(own_database, "mailbox", "off", *names[:49])
    many, status = in_terminal(own_database, "mailbox", "off", *names)

    assert "━" not in few
    assert "━" in many
    assert "0 mailboxes off, 60 refused." in many
    assert status == 1


def in_terminal(environment, *arguments):
    terminal, inside = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from mailadmin.program import main; main()", *arguments],
        cwd=ROOT,
        env=environment | {"TERM": "xterm", "COLUMNS": "120"},
        stdin=inside,
        stdout=inside,
        stderr=inside,
    )
    os.close(inside)
    drawn = b""
    try:
        while part := os.read(terminal, 65_536):
            drawn += part
    except OSError:  # its other end is closed
        pass
    os.close(terminal)
    return drawn.decode(), process.wait()

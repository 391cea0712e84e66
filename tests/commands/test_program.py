import json

import pytest
from django.core.management import get_commands

from mailadmin import program
from tests.servers.processes import ROOT


@pytest.fixture
def say(db, capsys):
    """``say("mailbox", "list")`` returns (status, what is printed, what goes to standard error)."""

    def call(*arguments):
        try:
            status = program.run(list(arguments))
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return call


def test_it_lists_its_own_commands_and_none_of_djangos(say):
    status, shown, _errors = say()

    listed = {line.split()[0] for line in shown.splitlines() if line.startswith("  ")}
    ours = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")}
    # Django's, with another answer here: `admin` has a verb for two of them, the third is for developers.
    left_out = {"createsuperuser", "changepassword", "makemessages"}
    assert listed == ours - left_out | {"migrate", "check"}
    assert status == 0


def test_each_command_is_where_django_finds_it():
    assert {name: about[0] for name, about in program.COMMANDS.items()} == {
        name: app for name, app in get_commands().items() if name in program.COMMANDS
    }


@pytest.mark.parametrize("name", program.COMMANDS)
def test_help_has_two_examples_and_no_option_of_djangos(say, name):
    status, shown, _errors = say(name, "--help")

    assert status == 0
    assert shown.count(f"\n  mailadmin {name}") == 2
    for option in (
        "--pythonpath",
        "--settings",
        "--traceback",
        "--no-color",
        "--verbosity",
        "--skip-checks",
    ):
        assert option not in shown


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["mailbox", "delte", "joe@example.org"], "Did you mean delete?"),
        (["mailbx", "list"], "Did you mean mailbox?"),
        (["shell"], "There is no command 'shell'.\n"),
    ],
)
def test_a_word_that_it_does_not_know_is_refused_with_the_nearest_one(say, arguments, suggestion):
    status, shown, errors = say(*arguments)

    assert (status, shown) == (2, "")
    assert errors.startswith("error: ")
    assert suggestion in errors


def test_an_error_is_a_sentence_or_a_json_object(say):
    sentence = "There is no mailbox joe@example.org. Is the address right?"

    assert say("mailbox", "show", "joe@example.org") == (1, "", f"error: {sentence}\n")
    status, shown, errors = say("mailbox", "show", "joe@example.org", "--json")
    assert (status, shown, json.loads(errors)) == (1, "", {"error": sentence})


def test_it_does_what_manage_py_does(say, example_org):
    status, shown, errors = say("alias", "add", "sales@example.org", "joe@elsewhere.test", "--json")

    assert (status, errors) == (0, "")
    assert json.loads(shown)["targets"] == ["joe@elsewhere.test"]

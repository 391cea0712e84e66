"""Completion, generated from the parsers of the commands."""

import subprocess

import pytest
from django.core.management import call_command

from mailadmin import program


@pytest.fixture(scope="module")
def bash(tmp_path_factory):
    """``bash("mailbox", "o")``: the words that bash offers after these."""
    path = tmp_path_factory.mktemp("completion") / "mailadmin"
    with path.open("w") as file:
        call_command("completion", "bash", stdout=file)

    def offered(*words):
        script = (
            'source "$0"; COMP_WORDS=(mailadmin "$@"); COMP_CWORD=$#; _mailadmin;'
            ' echo "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            ["bash", "-c", script, path, *words], capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        return done.stdout.split()

    return offered


def test_bash_completes_commands_verbs_and_options(bash):
    assert bash("") == list(program.COMMANDS)
    assert bash("mailb") == ["mailbox"]
    assert bash("mailbox", "o") == ["off", "on"]
    assert bash("mailbox", "list", "--s") == ["--search", "--sort"]
    assert bash("alias", "edit", "info@example.org", "--rem") == ["--remove"]
    assert bash("log", "--fo") == ["--follow"]
    assert bash("recount", "--s") == []
    assert bash("nothing", "--") == []

import subprocess

import pytest
from django.core.management import call_command

from mailadmin import program
from tests.servers.processes import find

SHELLS = {
    # What bash and zsh offer is filtered by what was begun; here zsh's own part of that is left out.
    "bash": """
        source "$0"; COMP_WORDS=(mailadmin "$@"); COMP_CWORD=$#; _mailadmin
        printf '%s\\n' "${COMPREPLY[@]}"
    """,
    "zsh": """
        compdef() {}; compadd() { shift; print -l -- ${(M)@:#${words[CURRENT]}*} }; _files() {}
        source "$0"; words=(mailadmin "$@"); CURRENT=$#words; _mailadmin
    """,
    "fish": """
        source $argv[1]; complete -C "mailadmin $argv[2..-1]"
    """,
}


@pytest.fixture(scope="module", params=SHELLS)
def offered(request, tmp_path_factory):
    """``offered("mailbox", "o")``: the words that a shell offers in place of the last of these."""
    shell = request.param
    script = tmp_path_factory.mktemp("completion") / shell
    with script.open("w") as file:
        call_command("completion", shell, stdout=file)

    def words(*begun):
        done = subprocess.run(
            [find(shell), "-c", SHELLS[shell], script, *begun],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return sorted(done.stdout.split())

    return words


def test_a_shell_completes_commands_verbs_and_options(offered):
    assert offered("") == sorted(program.COMMANDS)
    assert offered("mailb") == ["mailbox"]
    assert offered("mailbox", "o") == ["off", "on", "own-addresses"]
    assert offered("mailbox", "list", "--s") == ["--search", "--sort"]
    assert offered("alias", "edit", "info@example.org", "--rem") == ["--remove"]
    assert offered("log", "--fo") == ["--follow"]
    assert offered("recount", "--s") == []

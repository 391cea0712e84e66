import json

import pytest
from django.core.management import CommandError

from tests.commands.conftest import run as run


@pytest.fixture
def exported(run):
    """``exported()`` returns what `export` writes, as a dictionary."""

    def read(*arguments):
        return json.loads(run("export", "--format", "json", *arguments))

    return read


@pytest.fixture
def apply(run, tmp_path):
    """``apply(state, "--prune")`` returns the exit status and what was printed."""

    def act(state, *options):
        path = tmp_path / "state.json"
        path.write_text(state if isinstance(state, str) else json.dumps(state))
        try:
            return 0, run("apply", str(path), *options).splitlines()
        except SystemExit as stopped:
            return stopped.code, run.screen.splitlines()
        except CommandError as error:
            return error.returncode, [*run.screen.splitlines(), *str(error).splitlines()]

    return act

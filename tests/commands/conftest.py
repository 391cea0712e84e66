import getpass
import io
import os
import subprocess
import sys

import pytest
from django.core.management import call_command

from tests.servers.processes import ROOT


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def run(db, monkeypatch):
    """``run("mailbox", "list")`` returns what the command prints.

    ``stdin`` is what a pipe holds, as text or as bytes; ``typed`` are the answers of somebody at a terminal, whose
    questions end up in ``run.asked``.
    """

    def call(*arguments, stdin="", typed=None, columns=120):
        screen = io.StringIO() if typed is None else Terminal()
        answers = iter(typed or [])
        call.asked = []

        def ask(question=""):
            call.asked.append(question)
            try:
                return next(answers)
            except StopIteration:
                raise EOFError from None

        piped = io.TextIOWrapper(io.BytesIO(stdin if isinstance(stdin, bytes) else stdin.encode()))
        monkeypatch.setattr(sys, "stdin", piped if typed is None else Terminal())
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(getpass, "getpass", ask)
        monkeypatch.setattr("builtins.input", ask)
        try:
            call_command(*arguments, stdout=screen, no_color=True)
        finally:
            call.screen = screen.getvalue()
        return call.screen

    call.asked, call.screen = [], ""
    return call


@pytest.fixture(scope="module")
def own_database(tmp_path_factory):
    path = tmp_path_factory.mktemp("commands") / "mail.sqlite3"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": f"sqlite:///{path}",
    }
    migrated = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--no-input", "-v0"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert migrated.stderr == ""
    return environment

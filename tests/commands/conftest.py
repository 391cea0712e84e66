import getpass
import io
import sys

import pytest
from django.core.management import call_command


class Terminal(io.StringIO):
    """Somebody is there to read and to type."""

    def isatty(self):
        return True


@pytest.fixture
def run(db, monkeypatch):
    """``run("mailbox", "list")`` returns what the command prints.

    ``stdin`` is what a pipe holds; ``typed`` are the answers of somebody at a terminal, whose
    questions end up in ``run.asked``.
    """

    def call(*arguments, stdin="", typed=None):
        screen = io.StringIO() if typed is None else Terminal()
        answers = iter(typed or [])
        call.asked = []

        def ask(question=""):
            call.asked.append(question)
            try:
                return next(answers)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin) if typed is None else Terminal())
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setattr(getpass, "getpass", ask)
        monkeypatch.setattr("builtins.input", ask)
        try:
            call_command(*arguments, stdout=screen, no_color=True)
        finally:
            call.screen = screen.getvalue()
        return call.screen

    call.asked, call.screen = [], ""
    return call

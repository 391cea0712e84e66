import json
from contextlib import suppress
from io import StringIO

import pytest
from django.core.management import call_command

from accounts.passwords import hash_password
from domains.models import Domain
from tests.importing.hand_made import HandMade


@pytest.fixture
def run(db):
    """``run("postfix", "--users", path)`` returns (exit status, the report as JSON has it)."""

    def call(*arguments):
        out, status = StringIO(), 0
        try:
            call_command("import", *map(str, arguments), "--json", stdout=out, stderr=StringIO())
        except SystemExit as end:
            status = end.code
        return status, json.loads(out.getvalue())

    return call


@pytest.fixture
def said(db):
    def call(*arguments):
        out = StringIO()
        with suppress(SystemExit):
            call_command("import", *map(str, arguments), stdout=out, stderr=StringIO())
        return out.getvalue()

    return call


@pytest.fixture
def refused(run):
    """``refused(…)`` are the findings that keep an import from beginning, as {name: examples}. Nothing is written then."""

    def call(*arguments):
        status, report = run(*arguments)
        assert (status, report["written"], Domain.objects.count()) == (1, False, 0)
        found = {finding["name"]: finding["examples"] for finding in report["findings"]}
        return {name: found[name] for name in report["in_the_way"]}

    return call


@pytest.fixture
def noted(run):
    """``noted(…)`` are all findings of a dry run, as {name: examples}."""

    def call(*arguments):
        _status, report = run(*arguments, "--dry-run")
        return {finding["name"]: finding["examples"] for finding in report["findings"]}

    return call


@pytest.fixture
def secret(password):
    return hash_password(password)


@pytest.fixture
def server(tmp_path, secret):
    made = HandMade(tmp_path)
    made.add_users(secret)
    return made

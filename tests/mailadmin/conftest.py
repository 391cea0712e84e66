from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from mailadmin import shipped
from tests.mailadmin.written import MYSQL


@pytest.fixture
def run(db, tmp_path, monkeypatch):
    """Run mailconf into a new directory, on a database of MariaDB at the default socket."""
    for name, value in MYSQL.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    monkeypatch.setattr(shipped, "postfix_here", lambda: "3.7.9")

    def run(*options):
        output = StringIO()
        call_command("mailconf", str(tmp_path / "out"), *options, stdout=output)
        return output.getvalue()

    return run

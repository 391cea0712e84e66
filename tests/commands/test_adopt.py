from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

pytestmark = pytest.mark.django_db

SAID = {
    "sqlite": "DATABASE_URL names no MariaDB server: PostfixAdmin's database is adopted there only.",
    "mysql": "The database “{}” is already this panel's.",
}


@pytest.mark.parametrize("option", [[], ["--apply"]])
def test_it_says_why(option):
    with pytest.raises(CommandError) as stop:
        call_command("adopt", "--config", "/dev/null", *option, stdout=StringIO())

    assert str(stop.value) == SAID[connection.vendor].format(connection.settings_dict["NAME"])

import pytest

from tests.servers.mail import MailServer


def test_a_mail_server_says_that_it_needs_mariadb(tmp_path):
    on_sqlite = {"ENGINE": "django.db.backends.sqlite3", "HOST": "", "PORT": ""}

    with pytest.raises(RuntimeError, match="read MariaDB: run this without TEST_DATABASE=sqlite"):
        MailServer(on_sqlite, tmp_path)

import pytest
from django.core.management.base import CommandError

from accounts.passwords import hash_password
from tests.importing import databases, stored
from tests.importing.iredmail import Site

URL = "IMPORT_DATABASE_URL"


@pytest.fixture
def site(tmp_path, password):
    return Site(databases.in_file(tmp_path), hash_password(password))


def test_its_url_may_be_in_the_environment(run, site, monkeypatch):
    monkeypatch.setenv(URL, site.database.url_file.read_text())

    assert run("iredmail")[0] == 0
    assert "ann@example.org" in stored.mailboxes("name")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "in a file with --url-file, or in the environment as IMPORT_DATABASE_URL"),
        ("postgres://vmail:secret@127.0.0.1/vmail", "cannot be read here: mysql:// or sqlite://"),
        ("nonsense", "is not understood"),
        ("sqlite:////nowhere/vmail", "/nowhere/vmail: there is no such file"),
        ("mysql://vmail:secret@127.0.0.1:9/vmail", "cannot be opened"),
    ],
)
def test_one_that_cannot_be_opened_is_a_sentence_without_its_password(run, monkeypatch, url, said):
    monkeypatch.setenv(URL, url)

    with pytest.raises(CommandError, match=said) as error:
        run("iredmail")
    assert "secret" not in str(error.value)


def test_another_panels_database_is_recognised(run, tmp_path):
    database = databases.in_file(tmp_path)
    database.run("CREATE TABLE domain (domain TEXT)")

    with pytest.raises(CommandError, match="no database of iRedMail: it has no table alias_domain"):
        run("iredmail", *database.arguments)


def test_the_source_is_not_written(run, site):
    before = site.database.url_file.with_name("source.sqlite3").read_bytes()
    run("iredmail", *site.arguments)

    assert site.database.url_file.with_name("source.sqlite3").read_bytes() == before

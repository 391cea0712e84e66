import pytest
from django.db import connection

from mailadmin.adoption import configuration, report
from mailadmin.adoption.source import Source
from mailadmin.adoption.surroundings import needed_settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source(site):
    return Source(connection, configuration.read([]))


def wanted(source, etc):
    return {found.name: (found.wanted, found.is_right) for found in needed_settings(source, etc)}


@pytest.mark.parametrize(("line", "is_right"), [("+", True), ("-", False), ("+-", False)])
def test_the_delimiter_is_that_of_postfix(source, tmp_path, settings, line, is_right):
    settings.RECIPIENT_DELIMITER = "+"
    (tmp_path / "postfix").mkdir()
    text = f"recipient_delimiter = =\n# recipient_delimiter = x\nrecipient_delimiter = {line}\n"
    (tmp_path / "postfix" / "main.cf").write_text(text)

    assert wanted(source, tmp_path)["RECIPIENT_DELIMITER"] == (line, is_right)


def test_without_a_postfix_here_nothing_is_said_of_its_delimiter(source, tmp_path):
    assert "RECIPIENT_DELIMITER" not in wanted(source, tmp_path)


@pytest.fixture
def in_nepal(source, tmp_path):
    """The database server's clock is a zone that has minutes, too."""
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Asia/Kathmandu")
    source.run("SET time_zone = '+05:45'")
    yield tmp_path
    connection.close()


def test_the_zone_is_the_servers_in_which_postfixadmin_wrote_the_time(source, in_nepal, settings):
    settings.TIME_ZONE = "UTC"

    assert wanted(source, in_nepal)["TIME_ZONE"] == ("Asia/Kathmandu", False)


def test_nothing_is_said_of_a_zone_that_is_the_servers(source, in_nepal, settings):
    settings.TIME_ZONE = "Asia/Kathmandu"

    assert "TIME_ZONE" not in wanted(source, in_nepal)


def test_the_report_names_the_files_that_name_the_database_too(source, tmp_path):
    name = connection.settings_dict["NAME"]
    (tmp_path / "dovecot").mkdir()
    (tmp_path / "dovecot" / "sql.conf.ext").write_text(f"connect = dbname={name} password=secret\n")

    made = report.make(source, f"{name}_adopt", etc=tmp_path)

    place = f"{tmp_path}/dovecot/sql.conf.ext:1"
    assert made.record()["named_in"] == [place]
    assert f"  {place}" in made.lines()
    assert f"<code>{place}</code>" in made.html()
    assert "secret" not in made.html()

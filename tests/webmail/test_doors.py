from urllib.parse import urlencode

import MySQLdb
import pytest

from tests.e2e.web import HOST
from tests.webmail.site import SECRET, WEBMAIL

pytestmark = pytest.mark.xdist_group("webmail")

HIDDEN = [
    "/config/config.inc.php",
    "/installer/",
    "/installer/index.php",
    "/logs/errors.log",
    "/temp/",
    "/SQL/mysql.initial.sql",
    "/bin/gc.sh",
    "/.htaccess",
    "/program/lib/Roundcube/rcube.php",
    "/plugins/mailadmin/mailadmin.php",
    "/plugins/password/config.inc.php.dist",
    "/plugins/password/helpers/chpass-wrapper.py",
    "/skins/elastic/templates/login.html",
    "/skins/elastic/composer.json",
    "/index.php/x.php",
    "/webmail/password/",
]


@pytest.mark.parametrize("path", HIDDEN)
def test_nothing_but_the_one_script_and_files_for_browsers_is_served(site, path):
    assert site.visit(path, host=WEBMAIL)[0] == 404


@pytest.mark.parametrize(
    "path", ["/", "/index.php", "/skins/elastic/watermark.html", "/program/js/app.min.js"]
)
def test_a_browser_gets_what_it_needs_with_strict_headers(site, path):
    status, headers, _text = site.visit(path, host=WEBMAIL)

    assert status == 200
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "object-src 'none'" in headers["Content-Security-Policy"]
    assert "max-age" in headers["Strict-Transport-Security"]
    assert "X-Powered-By" not in headers


def test_the_session_cookie_is_for_this_name_and_https_alone(site):
    _status, headers, _text = site.visit("/", host=WEBMAIL)

    [cookie] = headers.get_all("Set-Cookie")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "samesite=lax"} <= parts
    assert not any(part.startswith("domain") for part in parts)


@pytest.mark.parametrize("name", ["password", "identities"])
def test_the_panel_answers_the_webmail_on_this_machine_only(site, name):
    body = urlencode({"user": "nobody@town.example"})
    headers = {
        "Authorization": f"Bearer {SECRET}",
        "Content_Type": "application/x-www-form-urlencoded",
    }

    for path in (
        f"/webmail/{name}/",
        f"//webmail/{name}/",
        f"/webmail//{name}/",
        f"/%77ebmail/{name}/",
    ):
        status, _headers, text = site.visit(path, body, host=HOST, **headers)
        assert (status, "This mailbox" in text) == (404, False), path


def test_the_webmails_sql_user_has_its_own_rows_and_nothing_else(site):
    password = site.passwords["roundcube"]
    for statement in (
        f"SELECT * FROM {site.database['NAME']}.mailbox",
        "CREATE TABLE roundcube.mine (a INT)",
        "DROP TABLE roundcube.session",
    ):
        connection = site.mail_server.connect("roundcube", password, database="roundcube")
        with pytest.raises(MySQLdb.OperationalError, match="denied"):
            site.mail_server.execute(statement, connection=connection)

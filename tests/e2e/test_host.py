import contextlib
import http.client
import re
import runpy
import shutil
import socket
import ssl
import subprocess
from base64 import b64encode
from hashlib import sha256
from urllib.parse import urlencode

import pytest

from tests.e2e.web import HOST, WebHost
from tests.servers.certificate import certify
from tests.servers.fail2ban import guesses
from tests.servers.processes import ROOT, find

pytestmark = pytest.mark.xdist_group("mail")


@pytest.fixture(scope="module")
def host(database_url, accounts, tmp_path_factory):
    host = WebHost(database_url, tmp_path_factory.mktemp("host"))
    try:
        yield host.start()
    finally:
        host.stop()


@pytest.fixture(scope="module")
def superadmin(accounts):
    return next(iter(accounts.items()))


def cookies(lines):
    return "; ".join(line.partition(";")[0] for line in lines)


def submit(host, path, values, session="", **headers):
    """Open the form at ``path`` and send it; return (status, Set-Cookie lines)."""
    _status, answered, page = host.visit(path, Cookie=session, **headers)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    csrf = cookies(answered.get_all("Set-Cookie"))
    status, answered, _page = host.visit(
        path,
        urlencode(values | {"csrfmiddlewaretoken": token}),
        Cookie=f"{session}; {csrf}",
        Origin=f"https://{HOST}",
        Content_Type="application/x-www-form-urlencoded",
        **headers,
    )
    return status, answered.get_all("Set-Cookie", [])


def sign_in(host, login, password, **headers):
    return submit(host, "/login/", {"username": login, "password": password}, **headers)


def test_plain_http_leads_to_https(host):
    status, headers, _page = host.visit("/domains/?q=a", tls=False)

    assert (status, headers["Location"]) == (301, f"https://{HOST}/domains/?q=a")


def test_the_panel_answers_through_nginx_and_the_socket(host):
    assert host.visit("/healthz")[::2] == (200, "ok\n")
    assert host.visit("/")[0] == 302


def test_monitoring_on_this_machine_is_answered_and_believes_no_client(host):
    status, headers, text = host.visit("/metrics", X_Forwarded_For="203.0.113.9")

    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "\nmailadmin_database_up 1\n" in text


def test_another_name_is_refused(host):
    assert host.visit("/login/", host="evil.example")[0] == 400


def test_a_person_signs_in_with_cookies_that_never_leave_https(host, superadmin):
    status, lines = sign_in(host, *superadmin)

    assert status == 302
    names = {line.partition("=")[0] for line in lines}
    assert names == {"mailadmin_session", "mailadmin_csrf"}
    for line in lines:
        parts = {part.strip() for part in line.split(";")}
        assert {"Secure", "HttpOnly", "SameSite=Strict"} <= parts
    _status, headers, page = host.visit("/", Cookie=cookies(lines))
    assert int(re.search(r"max-age=(\d+)", headers["Strict-Transport-Security"])[1]) >= 86_400
    assert "<h1" in page


def test_the_client_s_address_is_the_one_nginx_saw(host, superadmin):
    """A header of the client's own is thrown away: else it would name somebody else in the log."""
    elsewhere = {"X_Forwarded_For": "203.0.113.9"}
    session = cookies(sign_in(host, *superadmin, **elsewhere)[1])
    host.manage("domain", "add", "switched.example")
    path = "/domains/switched.example/state/"
    assert submit(host, path, {"active": "0"}, session, **elsewhere)[0] == 302

    query = "/log/?domain=switched.example&action=edit_domain"
    _status, _headers, log = host.visit(query, Cookie=session)
    assert "127.0.0.1" in log
    assert "203.0.113.9" not in log


def test_a_wrong_password_at_the_sign_in_page_is_counted_by_fail2ban(host, superadmin, tmp_path):
    before = len(host.log.read_text())
    forged = "x' from 203.0.113.9"
    for login in (superadmin[0], "nobody@example.org", forged):
        assert sign_in(host, login, "wrong", X_Forwarded_For="203.0.113.9")[0] == 422
    assert sign_in(host, *superadmin)[0] == 302
    host.visit("/WARNING%20accounts.throttle:%20login%20failed%20for%20'a'%20from%20203.0.113.9")

    lines = host.log.read_text()[before:]
    as_in_the_journal = re.sub(r"(?m)^(?=.)", "Nov 28 13:03:04 vm python[670]: ", lines)
    for number, text in enumerate([lines, as_in_the_journal]):
        log = tmp_path / f"log{number}"
        log.write_text(text)
        assert guesses(host.files / "fail2ban", "mailadmin-panel", log) == {"127.0.0.1": 3}


@pytest.mark.parametrize("tls", [False, True])
def test_thunderbird_is_answered_under_the_names_of_domains(host, tls):
    host.manage("domain", "add", f"{'with' if tls else 'without'}.example")
    name = f"autoconfig.{'with' if tls else 'without'}.example"
    path = "/mail/config-v1.1.xml?emailaddress=ann%40x.example"
    status, _headers, text = (
        visit_name(host, name, path) if tls else host.visit(path, tls=False, host=name)
    )

    assert (status, "<hostname>mail.example.org</hostname>" in text) == (200, True)
    foreign = "autoconfig.foreign.example"
    assert (visit_name(host, foreign, path) if tls else host.visit(path, tls=False, host=foreign))[
        0
    ] == 404


def test_outlook_is_answered_however_it_writes_the_path(host):
    host.manage("domain", "add", "outlook.example")
    body = "<Autodiscover><Request><EMailAddress>ann@outlook.example</EMailAddress></Request></Autodiscover>"
    for path in ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.XML"):
        status, _headers, text = visit_name(host, "autodiscover.outlook.example", path, body)
        assert (status, "<LoginName>ann@outlook.example</LoginName>" in text) == (200, True)


def test_newer_apple_programs_get_the_file_whose_checksum_the_dns_page_wants(host):
    host.manage("domain", "add", "apple.example")
    path = "/.well-known/user-agent-configuration.json"
    status, headers, text = visit_name(host, "ua-auto-config.apple.example", path)
    digest = b64encode(sha256(text.encode()).digest()).decode()

    assert (status, headers["Content-Type"]) == (200, "application/json")
    wanted = host.manage("checkdns", "--wanted", "apple.example")
    assert f'_ua-auto-config.apple.example. 3600 IN TXT "v=UAAC1; a=sha256; d={digest}"' in wanted
    assert visit_name(host, "ua-auto-config.foreign.example", path)[0] == 404


def test_the_panel_itself_has_no_other_name(host):
    assert visit_name(host, "autoconfig.foreign.example", "/login/")[0] == 404


def visit_name(host, name, path, body=None):
    names = host.directory / "names"
    names.mkdir(exist_ok=True)
    certificate, key = host.directory / f"{name}.crt", host.directory / f"{name}.key"
    certify(name, certificate, key)
    names.joinpath(f"{name}.pem").write_text(certificate.read_text() + key.read_text())
    context = ssl.create_default_context(cafile=certificate)
    with (
        socket.create_connection(("127.0.0.1", host.https_port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname=name) as encrypted,
    ):
        connection = http.client.HTTPConnection(name)
        connection.sock = encrypted
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def test_static_files_may_be_kept_for_ever(host):
    _status, _headers, page = host.visit("/login/")
    path = re.search(r'href="(/static/[^"]+\.css)"', page)[1]

    status, headers, _text = host.visit(path, Accept_Encoding="gzip")

    assert status == 200
    assert "immutable" in headers["Cache-Control"]
    assert headers["Content-Encoding"] == "gzip"


def test_a_huge_upload_ends_at_nginx(host):
    """Its length says enough. The rest is not sent: nobody might be there to read it."""
    head = f"POST /login/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {256 * 1024 + 1}\r\n\r\n"
    with host.connect() as connection:
        connection.sendall(head.encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()

        assert (answer.status, b"nginx" in answer.read()) == (413, True)


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /login/ HTTP/1.1\r\nHost: panel.example.org\r\nX-Slow: a",
        b"POST /login/ HTTP/1.1\r\nHost: panel.example.org\r\nContent-Length: 1000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
        # So that Django reads the body: for the other half of the token.
        b"Origin: https://panel.example.org\r\nCookie: mailadmin_csrf="
        + 32 * b"a"
        + b"\r\n\r\nusername=",
    ],
    ids=["headers", "body"],
)
def test_clients_that_never_finish_keep_no_thread_of_the_panel(host, beginning):
    """Several times as many as the panel has threads: nginx waits for them, the panel does not."""
    with contextlib.ExitStack() as slow:
        for _client in range(64):
            slow.enter_context(host.connect()).sendall(beginning)

        assert [host.visit("/login/")[0] for _visit in range(8)] == [200] * 8


def test_nginx_has_nothing_to_say_against_the_site(host):
    nginx = [find("nginx"), "-t", "-q", "-p", host.directory, "-e", "stderr", "-c", host.conf]
    run = subprocess.run(nginx, capture_output=True, text=True)

    assert (run.returncode, run.stderr) == (0, "")


def test_browsers_are_offered_http_2(host):
    context = ssl.create_default_context(cafile=host.certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("localhost", host.https_port)) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as encrypted,
    ):
        assert encrypted.selected_alpn_protocol() == "h2"


def test_nginx_waits_longer_than_gunicorn(host):
    site = (host.files / "nginx" / "mailadmin.conf").read_text()
    seconds = int(re.search(r"proxy_read_timeout (\d+)s;", site)[1])

    assert seconds > runpy.run_path(ROOT / "deploy" / "gunicorn.conf.py")["timeout"]


def test_systemd_takes_the_units_as_they_are(host):
    assert [unit.name for unit in host.units()] == [
        "mailadmin-checkdns.service",
        "mailadmin-checkdns.timer",
        "mailadmin-daily.service",
        "mailadmin-daily.timer",
        "mailadmin-doctor.service",
        "mailadmin-doctor.timer",
        "mailadmin-endings.service",
        "mailadmin-endings.timer",
        "mailadmin-expunge.service",
        "mailadmin-expunge.timer",
        "mailadmin-fetchmail.service",
        "mailadmin-fetchmail.timer",
        "mailadmin-reports.service",
        "mailadmin-reports.timer",
        "mailadmin-snapshot.service",
        "mailadmin-snapshot.timer",
        "mailadmin-webhooks.service",
        "mailadmin.service",
        "mailadmin.socket",
    ]
    assert host.complaints(host.units()) == []


def test_letters_of_strangers_are_read_with_bounds_of_memory_and_time_alone(host):
    commands = {
        (unit.name, line.partition("manage.py ")[2]): unit.read_text()
        for unit in host.units()
        for line in unit.read_text().splitlines()
        if "manage.py reports" in line and line.startswith("ExecStart=")
    }

    assert set(commands) == {
        ("mailadmin-daily.service", "reports --forget"),
        ("mailadmin-reports.service", "reports"),
    }
    bounded = commands["mailadmin-reports.service", "reports"].splitlines()
    assert {"MemoryMax=1G", "TimeoutStartSec=10min"} <= set(bounded)


def test_a_wrong_unit_would_be_seen_here(host, tmp_path):
    unit = tmp_path / "mailadmin-wrong.service"
    unit.write_text(host.units()[0].read_text().replace("ExecStart=", "ExecStrat="))

    assert host.complaints([unit]) != []


@pytest.mark.parametrize(
    "name",
    [
        "mailadmin.service",
        "mailadmin-checkdns.service",
        "mailadmin-daily.service",
        "mailadmin-doctor.service",
        "mailadmin-endings.service",
        "mailadmin-fetchmail.service",
        "mailadmin-reports.service",
        "mailadmin-snapshot.service",
        "mailadmin-webhooks.service",
    ],
)
def test_the_panel_can_reach_little_of_its_machine(host, name):
    """systemd's own mark, from 0 (nothing) to 10 (everything), for a unit that is not running."""
    [unit] = [unit for unit in host.units() if unit.name == name]
    command = [find("systemd-analyze"), "security", "--offline=yes", "--threshold=15", unit]
    run = subprocess.run(command, capture_output=True, text=True)

    assert (run.returncode, name in run.stdout) == (0, True), run.stdout + run.stderr


# As far as it matters here, what Debian's package mariadb-server installs.
MARIADB_UNIT = "[Service]\nType=notify\nUser=mysql\nExecStart=/bin/true\n"


@pytest.fixture
def added(host, tmp_path):
    shutil.copytree(host.files / "systemd", tmp_path / "units")
    (tmp_path / "units" / "mariadb.service").write_text(MARIADB_UNIT)
    return tmp_path / "units"


def test_systemd_takes_what_is_added_to_other_units(host, added):
    assert sorted(host.drop_ins()) == ["dovecot.service", "mariadb.service"]
    assert host.complaints(["dovecot.service", "mariadb.service"], added) == []


@pytest.mark.parametrize("unit", ["dovecot.service", "mariadb.service"])
def test_a_wrong_addition_would_be_seen_here(host, added, unit):
    [file] = (added / f"{unit}.d").iterdir()
    file.write_text(file.read_text() + "ExecStrat=/bin/true\n")

    assert host.complaints([unit], added) != []


def test_postfix_is_reloaded_by_root_though_mariadb_is_started_by_mysql(host):
    """To any other user Postfix says "reserved for the superuser", and "-" would hide that."""
    text = host.drop_ins()["mariadb.service"]

    [(prefix, command)] = re.findall(r"(?m)^ExecStartPost=([-+]*)(.+)$", text)
    assert (sorted(prefix), command) == (["+", "-"], "/usr/sbin/postfix reload")

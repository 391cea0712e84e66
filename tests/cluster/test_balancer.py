import contextlib
import csv
import http.client
import io
import re
import socket
import ssl

import pytest

from tests.cluster.site import HOST
from tests.servers.processes import wait_until

# As in the file and in mailadmin/settings.py.
LARGEST_BODY = 262_144


@pytest.fixture
def visit(site):
    context = ssl.create_default_context(cafile=site.certificate)

    def ask(path, **headers):
        port = site.front.panel_port
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
        try:
            connection.request("GET", path, headers={"Host": HOST} | headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    return ask


@pytest.fixture
def post(site):
    """Send (a part of) a form of ``length`` bytes; return (status, text)."""
    context = ssl.create_default_context(cafile=site.certificate)

    def send(body, length, **headers):
        port = site.front.panel_port
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest("POST", "/login/", skip_host=True)
            form = {"Host": HOST, "Content-Type": "application/x-www-form-urlencoded"}
            for name, value in (form | headers | {"Content-Length": str(length)}).items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    return send


def up(balancer, backend):
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect(str(balancer.directory / "admin.sock"))
        admin.sendall(b"show stat\n")
        text = b"".join(iter(lambda: admin.recv(65536), b"")).decode()
    rows = csv.DictReader(io.StringIO(text.removeprefix("# ")))
    return {
        row["svname"] for row in rows if row["pxname"] == backend and row["status"].startswith("UP")
    } - {"BACKEND", "FRONTEND"}


def test_a_person_stays_with_one_panel(visit):
    status, headers, text = visit("/login/")
    [cookie] = [c for c in headers.get_all("Set-Cookie") if c.startswith("mailadmin_panel=")]
    name, *attributes = cookie.split("; ")

    assert status == 200
    assert 'name="username"' in text
    assert {"HttpOnly", "Secure", "SameSite=Strict"} <= set(attributes)
    # It came along, so it need not be set again.
    again = visit("/login/", Cookie=name)[1].get_all("Set-Cookie")
    assert [c for c in again if c.startswith("mailadmin_panel=")] == []


def test_a_panel_that_is_down_is_not_seen(site, visit):
    wait_until(lambda: len(up(site.front, "panels")) == 2, "both panels are up")
    site.panels[1].stop()

    answers = {visit("/login/")[0] for _visit in range(6)}

    site.panels[1].start()
    assert answers == {200}


def test_a_body_as_large_as_a_form_may_be_reaches_a_panel(post, visit):
    _status, headers, text = visit("/login/")
    # With them the panel reads the whole form before it answers.
    cookies = "; ".join(cookie.partition(";")[0] for cookie in headers.get_all("Set-Cookie"))
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)[1]
    form = f"csrfmiddlewaretoken={token}&filler=".encode().ljust(LARGEST_BODY, b"x")

    status, text = post(form, len(form), Cookie=cookies, Referer=f"https://{HOST}/login/")

    # The form comes back: nobody is named in it.
    assert status == 422
    assert 'name="username"' in text


def test_a_larger_body_is_refused_before_a_panel_reads_it(post):
    # No more is sent than what HAProxy holds of a request: it answers by the length alone.
    status, text = post(b"x" * 16_384, LARGEST_BODY + 1)

    assert status == 413
    # The panel's own 413 has no page.
    assert "<html" in text


def test_when_nothing_can_be_saved_a_panel_says_why(site, visit):
    for node in site.nodes:
        node.execute("SET GLOBAL read_only = 1")
    try:
        wait_until(lambda: up(site.balancers[0], "database") == set(), "no node is taken")
        wait_until(lambda: up(site.front, "panels") == set(), "no panel is taken")
        status, _headers, text = visit("/", Cookie=f"mailadmin_session={'a' * 32}")
    finally:
        for node in site.nodes:
            node.execute("SET GLOBAL read_only = 0")
    wait_until(lambda: len(up(site.front, "panels")) == 2, "both panels are up")

    assert status == 503
    assert "Mail is waiting, not lost" in text

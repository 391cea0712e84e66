"""The shipped HAProxy file before two panels."""

import contextlib
import csv
import http.client
import io
import socket
import ssl

import pytest

from tests.cluster.site import HOST
from tests.servers.processes import wait_until


@pytest.fixture
def visit(site):
    """Ask the balancer for a page as a browser does; return (status, headers, text)."""
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


def up(balancer, backend):
    """Return the servers of ``backend`` that HAProxy takes to be up."""
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


@pytest.mark.parametrize(("length", "status"), [(262_144, 403), (262_145, 413)])
def test_a_body_that_no_form_has_is_refused_before_a_panel_reads_it(site, length, status):
    context = ssl.create_default_context(cafile=site.certificate)
    connection = http.client.HTTPSConnection("127.0.0.1", site.front.panel_port, context=context)
    with contextlib.closing(connection):
        connection.putrequest("POST", "/login/", skip_host=True)
        connection.putheader("Host", HOST)
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        # No more than what HAProxy holds of a request, if that is enough for its answer.
        connection.send(b"x" * (16_384 if status == 413 else length))
        answer = connection.getresponse()

        assert answer.status == status
        # The panel's own 413 has no page.
        assert "<html" in answer.read().decode()


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

"""The API of doveadm on other machines, as far as it misbehaves; with Dovecot: tests/contract/test_ended_sessions.py."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.servers.processes import ROOT

DONE = [["doveadmResponse", [{"result": "1"}], "kick"]]
NOBODY = [["error", {"type": "exitCode", "exitCode": 68}, "kick"]]


@pytest.fixture
def mail_hosts(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "deploy/helper")
    for name in ("mail_hosts", "refused"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import mail_hosts

    yield mail_hosts
    for name in ("mail_hosts", "refused"):
        sys.modules.pop(name, None)


@pytest.fixture
def host():
    """Answers what ``answer`` is: (status, body, headers). ``asked`` are (path, key, body)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.asked.append((self.path, self.headers["Authorization"], body))
            status, said, headers = server.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said if isinstance(said, bytes) else json.dumps(said).encode())

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.answer = [], (200, DONE, {})
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def listed(tmp_path):
    def of(*lines, mode=0o600):
        file = tmp_path / "mail-hosts"
        file.write_text("\n".join(lines))
        file.chmod(mode)
        return file

    return of


@pytest.mark.parametrize("answer", [DONE, NOBODY])
def test_each_is_asked_with_its_key(answer, mail_hosts, host, listed):
    host.answer = (200, answer, {})
    file = listed("# mail 1", f"{host.url} one", "", f"{host.url} two")

    assert mail_hosts.kick(file, "ann@example.org") == ""

    body = [["kick", {"mask": ["ann@example.org"]}, "kick"]]
    assert sorted(host.asked) == [
        ("/doveadm/v1", "X-Dovecot-API b25l", body),
        ("/doveadm/v1", "X-Dovecot-API dHdv", body),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        (401, b"", {}),
        (500, DONE, {}),
        (302, DONE, {"Location": "/doveadm/v1"}),
        (200, b"no JSON", {}),
        (200, [], {}),
        (200, {"x": 1}, {}),
        (200, [["error", {"type": "exitCode", "exitCode": 75}, "kick"]], {}),
        (200, [["error", {"type": "unknownMethod"}, "kick"]], {}),
        (200, [["error", None, "kick"]], {}),
    ],
)
def test_what_did_not_do_it_is_named(answer, mail_hosts, host, listed):
    host.answer = answer

    with pytest.raises(mail_hosts.Refused, match=host.url):
        mail_hosts.kick(listed(f"{host.url} one"), "ann@example.org")

    assert len(host.asked) == 1


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "127.0.0.1:8080", "http://[x", "http://127.0.0.1:x"]
)
def test_what_is_no_url_is_named(url, mail_hosts, listed):
    with pytest.raises(mail_hosts.Refused) as refused:
        mail_hosts.kick(listed(f"{url} one"), "ann@example.org")

    assert str(refused.value).startswith(f"{url}: ")


@pytest.mark.parametrize("lines", [[], ["# nothing"], ["http://127.0.0.1:1"], ["a b c"]])
def test_a_file_without_url_and_key_in_each_line_is_refused(lines, mail_hosts, listed):
    with pytest.raises(mail_hosts.Refused, match="has not a URL and a key"):
        mail_hosts.kick(listed(*lines), "ann@example.org")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_may_read_is_not_used(mode, mail_hosts, host, listed):
    with pytest.raises(mail_hosts.Refused, match="may be read by others"):
        mail_hosts.kick(listed(f"{host.url} one", mode=mode), "ann@example.org")

    assert host.asked == []

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import urlencode

from tests.bench.pages import HTMX, Part

COOKIE = re.compile(rb"(?i)\r\nset-cookie: ([^=;]+)=([^;]*)")
LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")


@dataclass
class Answer:
    status: int
    head: bytes
    body: bytes
    seconds: float

    def header(self, name):
        found = re.search(rb"(?i)\r\n" + name.encode() + rb": ([^\r]*)", self.head)
        return found[1].decode() if found else ""


@dataclass
class Browser:
    port: int
    cookies: dict = field(default_factory=dict)
    connection: socket.socket | None = None

    def sign_in(self, username, password):
        self.get("/login/")
        answer = self.post("/login/", {"username": username, "password": password})
        if answer.status != 302:
            raise RuntimeError(f"{username} cannot sign in: {answer.status}")
        return self

    def get(self, path, **headers):
        return self._ask("GET", path, headers)

    def post(self, path, values, **headers):
        values = {"csrfmiddlewaretoken": self.cookies.get("mailadmin_csrf", ""), **values}
        return self._ask("POST", path, headers, urlencode(values).encode())

    def ask(self, page):
        if not isinstance(page, Part):
            return self.get(page)
        if page.values:
            return self.post(page, page.values, **HTMX)
        return self.get(page, **HTMX)

    def _ask(self, method, path, headers, body=b""):
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += ["Connection: keep-alive", "Accept-Language: en"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if cookies:
            lines.append(f"Cookie: {cookies}")
        if method == "POST":
            lines += [
                "Content-Type: application/x-www-form-urlencoded",
                f"Content-Length: {len(body)}",
            ]
        request = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
        start = perf_counter()
        head, content = self._exchange(request)
        answer = Answer(int(head[9:12]), head, content, perf_counter() - start)
        for name, value in COOKIE.findall(head):
            self.cookies[name.decode()] = value.decode()
        return answer

    def _exchange(self, request):
        for attempt in (1, 2):  # the server may have closed a connection that was idle
            if self.connection is None:
                self.connection = socket.create_connection(("127.0.0.1", self.port))
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.connection.sendall(request)
                data = b""
                while b"\r\n\r\n" not in data:
                    data += self._more()
                head, _end, body = data.partition(b"\r\n\r\n")
                length = LENGTH.search(head)
                while len(body) < int(length[1]) if length else not body.endswith(b"0\r\n\r\n"):
                    body += self._more()
            except ConnectionError:
                self.close()
                if attempt == 2:
                    raise
                continue
            if re.search(rb"(?i)\r\nconnection: close", head):
                self.close()
            return head, body
        raise AssertionError

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def _more(self):
        data = self.connection.recv(1 << 18)
        if not data:
            raise ConnectionError("closed")
        return data


def load(browsers, path, seconds):
    """Ask for ``path`` with all ``browsers`` at once; return the seconds each answer took."""
    with ThreadPoolExecutor(len(browsers)) as pool:
        parts = pool.map(lambda browser: _ask_for(browser, path, seconds), browsers)
        return [took for part in parts for took in part]


def _ask_for(browser, path, seconds):
    times = []
    end = perf_counter() + seconds
    while not times or perf_counter() < end:
        answer = browser.ask(path)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        times.append(answer.seconds)
    return times

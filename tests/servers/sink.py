"""The rest of the world: an SMTP server that takes everything and remembers it."""

import socketserver
import threading
from dataclasses import dataclass


@dataclass
class Received:
    sender: str
    recipients: list
    text: str


class _Session(socketserver.StreamRequestHandler):
    def handle(self):
        sender, recipients = "", []
        self._say("220 sink")
        while line := self.rfile.readline().decode(errors="replace").strip():
            verb = line[:4].upper()
            if verb == "RCPT" and _address(line) in self.server.unknown:
                self._say("550 5.1.1 no such user")
                continue
            if verb == "MAIL":
                sender, recipients = _address(line), []
            elif verb == "RCPT":
                recipients.append(_address(line))
            elif verb == "DATA":
                self._say("354 go")
                self.server.received.append(Received(sender, recipients, self._text()))
            elif verb == "QUIT":
                self._say("221 bye")
                return
            self._say("250 ok")

    def _text(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        return b"".join(lines).decode(errors="replace")

    def _say(self, answer):
        self.wfile.write(answer.encode() + b"\r\n")


def _address(line):
    return line.partition("<")[2].partition(">")[0]


class Sink(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1:``port``; what came is in ``received``. Recipients in ``unknown`` are refused."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Session)
        self.port = self.server_address[1]
        self.received = []
        self.unknown = set()
        self._thread = threading.Thread(target=self.serve_forever, args=[0.05], daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        if self._thread.is_alive():
            self.shutdown()
        self.server_close()

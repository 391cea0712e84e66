import socketserver
import ssl
import threading
from base64 import b64decode
from dataclasses import dataclass


@dataclass
class Received:
    sender: str
    recipients: list
    text: str
    login: str = ""  # with which it was sent, as login:password


class _Session(socketserver.StreamRequestHandler):
    login = ""

    def handle(self):
        sender, recipients = "", []
        self._say("220 sink")
        while line := self.rfile.readline().decode(errors="replace").strip():
            verb = line[:4].upper()
            if verb == "RCPT" and _address(line) in self.server.unknown:
                self._say("550 5.1.1 no such user")
                continue
            if verb == "EHLO" and self.server.tls:
                offered = "AUTH PLAIN" if isinstance(self.connection, ssl.SSLSocket) else "STARTTLS"
                self._say(f"250-sink\r\n250 {offered}")
                continue
            if verb == "STAR":
                self._say("220 go")
                self._encrypt()
                continue
            if verb == "AUTH":
                _nobody, name, password = b64decode(line.split()[2]).decode().split("\0")
                self.login = f"{name}:{password}"
                self._say("235 ok")
                continue
            if verb == "MAIL":
                sender, recipients = _address(line), []
                if self.server.of_senders:
                    self._say(self.server.of_senders.pop(0))
                    continue
            elif verb == "RCPT":
                recipients.append(_address(line))
            elif verb == "DATA":
                self._say("354 go")
                mail = Received(sender, recipients, self._text(), self.login)
                answer = self.server.answers.pop(0) if self.server.answers else "250 ok"
                if answer.startswith("250"):
                    self.server.received.append(mail)
                self._say(answer)
                continue
            elif verb == "QUIT":
                self._say("221 bye")
                return
            self._say("250 ok")

    def _encrypt(self):
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

    def finish(self):
        super().finish()
        self.connection.close()

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
    """Listens on 127.0.0.1:``port``; what came is in ``received``. Recipients in ``unknown`` are refused.

    ``answers`` are what the next messages are answered, each once, and ``of_senders`` the next MAIL. It speaks LMTP too, with one recipient.

    With a ``certificate`` and its ``key`` it offers TLS, and then takes any login.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, certificate=None, key=None):
        super().__init__(("127.0.0.1", 0), _Session)
        self.port = self.server_address[1]
        self.received = []
        self.unknown = set()
        self.answers = []
        self.of_senders = []
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate, key)
        self._thread = threading.Thread(target=self.serve_forever, args=[0.05], daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        if self._thread.is_alive():
            self.shutdown()
        self.server_close()

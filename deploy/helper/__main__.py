"""The few things that only root can do for the panel: `python3 -I -B deploy/helper --panel mailadmin …`, see its unit.

It listens on a socket of systemd, or on --socket, takes one line from the panel's user, does what that line is one of the
fixed words for (verbs.py), and answers with one line of JSON. No shell, no text of anybody's in a command, nothing else.
"""

import argparse
import contextlib
import json
import os
import pwd
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path

from facts import look
from verbs import VERBS, Refused, Settings

VERBS = VERBS | {"look": look}

LINE = 400  # bytes: a word and an address
SECONDS = 5  # for the line, and for the answer to be read
LEFT, LEFT_SECONDS = 65536, 0.2  # of what nobody wants to read
KEYS_SECONDS = 60
AT_ONCE = 4  # connections; a fifth is sent away


def main(arguments=None):
    options = parser().parse_args(arguments)
    settings = Settings(
        mail_root=options.mail_root,
        mailboxes=options.mailboxes,
        certificate=options.certificate,
        directories=options.directories,
        signer=options.signer,
        keys=options.keys,
        postfix=options.postfix,
        dovecot=options.dovecot,
        webmail=tuple(options.webmail),
        mail_hosts=options.mail_hosts,
    )
    if options.look is not None:
        sys.stdout.write(json.dumps(look(settings, options.look)))
        return
    server = Server(listening(options.socket), pwd.getpwnam(options.panel).pw_uid, settings)
    if options.keys:
        threading.Thread(target=server.keep_keys, daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    server.serve()


def parser():
    parser = argparse.ArgumentParser(prog="helper", description=__doc__)
    parser.add_argument("--panel", default="mailadmin", help="The user whose processes may ask.")
    parser.add_argument("--socket", type=Path, help="Where to listen if systemd gives no socket.")
    parser.add_argument("--mail-root", type=Path, default=Path("/var/vmail"))
    parser.add_argument("--mailboxes", default="", help="Postfix's map of all mailboxes.")
    parser.add_argument(
        "--directories", default="", help="Postfix's map of where mail lies and shall lie."
    )
    parser.add_argument("--certificate", type=Path, help="The mail server's, to look at.")
    parser.add_argument("--signer", type=Path, help="Options of mariadb, to read the keys with.")
    parser.add_argument("--keys", type=Path, help="Where to write them for rspamd, each minute.")
    parser.add_argument("--postfix", type=Path, default=Settings.postfix)
    parser.add_argument("--dovecot", type=Path, default=Settings.dovecot)
    parser.add_argument("--webmail", type=Path, nargs="*", default=Settings.webmail)
    parser.add_argument(
        "--mail-hosts",
        type=Path,
        default=Settings.mail_hosts,
        help="A URL of a doveadm's HTTP API and its key in each line. Without the file: this machine.",
    )
    parser.add_argument(
        "--look", metavar="ADDRESS", help="Print what `look` answers, about this mailbox, and end."
    )
    return parser


def listening(path):
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        return socket.socket(fileno=3)
    if path is None:
        sys.exit("helper: no socket from systemd; say --socket")
    path.unlink(missing_ok=True)
    one = socket.socket(socket.AF_UNIX)
    before = os.umask(0o111)  # who may connect at all is asked of each: see peer()
    one.bind(str(path))
    os.umask(before)
    one.listen(16)
    return one


class Server:
    def __init__(self, listener, uid, settings):
        self.listener, self.uid, self.settings = listener, uid, settings
        self.places = threading.BoundedSemaphore(AT_ONCE)
        self.acting = threading.Lock()  # one act at a time
        self.looking = threading.Lock()  # which nothing else waits for

    def serve(self):
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:
                return
            if not self.places.acquire(blocking=False):
                self.answer(connection, {"error": "busy"})
                connection.close()
                continue
            threading.Thread(target=self.serve_one, args=[connection], daemon=True).start()

    def keep_keys(self):
        # Also what the panel could not say: the helper was away, or a domain was switched off.
        while True:
            try:
                with self.acting:
                    VERBS["write-signing-files"](self.settings, "")
            except (OSError, Refused) as error:
                log(f"keys: {', '.join(map(str, error.args))}")
            time.sleep(KEYS_SECONDS)

    def stop(self):
        self.listener.close()
        os._exit(0)

    def serve_one(self, connection):
        try:
            with connection:
                connection.settimeout(SECONDS)
                self.answer(connection, self.answer_to(connection))
        finally:
            self.places.release()

    def answer_to(self, connection):
        try:
            uid = peer(connection)
            if uid != self.uid:
                raise Refused("not for you", f"user id {uid}")
            line = read_line(connection)
            verb, _blank, argument = line.partition(" ")
            if verb not in VERBS:
                raise Refused("no such verb", verb)
            if verb == "look":
                return {"ok": self.look(line, argument)}
            with self.acting:
                log(line)
                return {"ok": VERBS[verb](self.settings, argument)}
        except (OSError, Refused) as error:
            log(f"refused: {', '.join(map(str, error.args))}")
            return {"error": str(error.args[0])}

    def look(self, line, argument):
        if not self.looking.acquire(blocking=False):
            raise Refused("busy")
        try:
            log(line)
            return look(self.settings, argument)
        finally:
            self.looking.release()

    @staticmethod
    def answer(connection, answer):
        with contextlib.suppress(OSError):
            connection.sendall(json.dumps(answer).encode() + b"\n")
            connection.shutdown(socket.SHUT_WR)
            # What was not read when it is closed would take the answer away from the other end.
            connection.settimeout(LEFT_SECONDS)
            connection.recv(LEFT)


def peer(connection):
    size = struct.calcsize("3i")
    _pid, uid, _gid = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return uid


def read_line(connection):
    read = b""
    while not read.endswith(b"\n"):
        some = connection.recv(LINE + 1 - len(read))
        if not some:
            raise Refused("no line")
        read += some
        if len(read) > LINE:
            raise Refused("line too long")
    line = read[:-1]
    if not line or not all(32 <= byte < 127 for byte in line):
        raise Refused("not a line of printable ASCII")
    return line.decode("ascii")


def log(text):
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()

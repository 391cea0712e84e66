"""Sessions with mail servers of other people, by IMAP and POP3, which may answer slowly, endlessly or anything at all.

Only public addresses are connected to, but those of FETCHMAIL_NETWORKS; TLS is checked, certificate and name. What goes wrong is a RemoteError.
"""

import imaplib
import io
import ipaddress
import poplib
import re
import socket
import ssl
from base64 import b64encode
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic

from django.conf import settings

from mailboxes.fetch_rows import POP3, STARTTLS, TLS
from panel.public_addresses import is_public

WAIT = 20  # seconds for a connection and for each answer
LIST_BYTES = 30_000_000  # of all that is no message
MESSAGE_MORE = 100_000  # bytes that an answer may have besides its message
SAID = 300  # characters of what a server said
_TOGETHER = 100  # messages that are removed at a time


class RemoteError(Exception):
    """``code`` is a key of fetching.OUTCOMES, ``said`` what the other server said, if anything."""

    def __init__(self, code, said=""):
        super().__init__(code, said)
        self.code, self.said = code, plain(said)


def largest():
    return settings.FETCHMAIL_LARGEST_MB * 1_048_576


def plain(said):
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(text.split())[:SAID]


@dataclass
class Limits:
    """``until``, of time.monotonic(), for all of a session; ``left`` bytes until allow() is called again."""

    until: float
    left: int = LIST_BYTES

    def allow(self, size):
        self.left = size

    def seconds(self):
        seconds = self.until - monotonic()
        if seconds <= 0:
            raise RemoteError("slow")
        return min(WAIT, seconds)


@dataclass
class Message:
    """``name`` is the server's own, which it never gives to another message; ``wanted`` is False for what is read or deleted there."""

    number: str
    name: str
    size: int
    wanted: bool = True


class _Bounded(io.RawIOBase):
    def __init__(self, line, limits):
        self.line, self.limits = line, limits

    def readable(self):
        return True

    def readinto(self, buffer):
        self.line.settimeout(self.limits.seconds())
        size = self.line.recv_into(buffer)
        self.limits.left -= size
        if self.limits.left < 0:
            raise RemoteError("too_much")
        return size


class _Bounds:
    """Reads what imaplib and poplib read. What came before TLS began is not read any more after it."""

    _of = _incoming = None

    def _lines(self):
        if self._of is not self.sock:
            self._of = self.sock
            self._incoming = io.BufferedReader(_Bounded(self.sock, self.limits))
        return self._incoming

    def _line(self):
        return self._lines().readline(max(1, self.limits.left))


class _Imap(_Bounds, imaplib.IMAP4):
    def __init__(self, line, host, limits):
        self._connected, self.limits = line, limits
        super().__init__(host)

    def open(self, host="", port=0, timeout=None):
        self.host, self.port, self.sock = host, port, self._connected

    def read(self, size):
        if size > self.limits.left:
            raise RemoteError("too_much")
        found = self._lines().read(size)
        if len(found) < size:
            raise self.abort("the connection broke off")
        return found

    def readline(self):
        return self._line()

    def shutdown(self):
        held = vars(self).get("file") or vars(self).get(
            "_file"
        )  # which starttls() made: before Python 3.14, and since
        if held:
            held.close()
        self.sock.close()


class _Pop(_Bounds, poplib.POP3):
    def __init__(self, line, host, limits):
        self._connected, self.limits = line, limits
        super().__init__(host)

    def _create_socket(self, timeout):
        return self._connected

    def _getline(self):  # poplib's own takes lines of 2,048 bytes at most
        line = self._line()
        if not line:
            raise EOFError
        return line.rstrip(b"\r\n"), len(line)


def may_connect(text):
    """Whether the address is public, or in one of FETCHMAIL_NETWORKS."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if getattr(address, "scope_id", None):  # fe80::1%eth0: in a network it counts without its zone
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    networks = [ipaddress.ip_network(network) for network in settings.FETCHMAIL_NETWORKS]
    return any(address in network for network in networks) or is_public(address)


def _connect(host, port, limits):
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [one[4][0] for one in found if may_connect(one[4][0])]
    if not addresses:
        raise RemoteError("private_address", ", ".join({one[4][0] for one in found}))
    for address in addresses:
        try:
            return socket.create_connection((address, port), limits.seconds())
        except OSError as error:
            failed = error
    raise failed


@contextmanager
def _in_words(refused="broken"):
    """``refused`` is the code of a server's plain "no"."""
    try:
        yield
    except RemoteError:
        raise
    except ssl.SSLCertVerificationError as error:
        raise RemoteError("certificate", error.verify_message) from error
    except ssl.SSLError as error:
        raise RemoteError("no_tls", error.reason or "") from error
    except socket.gaierror as error:
        raise RemoteError("no_address") from error
    except TimeoutError as error:
        raise RemoteError("slow") from error
    except OSError as error:
        raise RemoteError("no_connection", error.strerror or "") from error
    except (imaplib.IMAP4.abort, EOFError) as error:
        raise RemoteError("broken") from error
    except (imaplib.IMAP4.error, poplib.error_proto) as error:
        raise RemoteError(refused, error.args[0] if error.args else "") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise RemoteError("broken") from error  # an answer that is none of the protocol's


def open_session(row, password, limits):
    """Sign in to what a RemoteMailbox says and return an ImapSession or a PopSession, at its folder."""
    with _in_words("no_connection"):
        line = _connect(row.src_server, row.port, limits)
    context, session = ssl.create_default_context(), None
    try:
        with _in_words():
            if row.tls == TLS:
                line.settimeout(limits.seconds())
                line = context.wrap_socket(line, server_hostname=row.src_server)
            kind = PopSession if row.protocol == POP3 else ImapSession
            session = kind(line, row, limits)
        with _in_words("no_tls"):
            if row.tls == STARTTLS:
                session.start_tls(context)
        try:
            with _in_words("wrong_password"):
                session.sign_in(row.src_user, password)
        except RemoteError as error:  # a server that repeats what it was told
            raise RemoteError(error.code, error.said.replace(password, "…")) from error
        with _in_words("no_folder"):
            session.enter(row)
    except BaseException:
        (session or line).close()
        raise
    return session


class ImapSession:
    def __init__(self, line, row, limits):
        self.limits, self.doomed = limits, []
        self.imap = _Imap(line, row.src_server, limits)

    def start_tls(self, context):
        if "STARTTLS" not in self.imap.capabilities:
            raise RemoteError("no_tls")
        self.imap.starttls(context)

    def sign_in(self, user, password):
        known = self.imap.capabilities
        if "AUTH=PLAIN" in known or "LOGINDISABLED" in known:
            secret = f"\0{user}\0{password}".encode()
            self.imap.authenticate("PLAIN", lambda _challenge: secret)
        else:
            self.imap.login(self.imap._quote(user), password)

    def enter(self, row):
        known = _answer(self.imap.capability())[-1].upper()
        self.has_uids = b"UIDPLUS" in known.split()
        folder = self.imap._quote(_in_utf7(row.src_folder or "INBOX"))
        [count] = _answer(self.imap.select(folder, readonly=row.keep))
        self.count = int(count)
        validity = self.imap.response("UIDVALIDITY")[1][-1]
        self.validity = validity.decode() if validity else ""
        self.reads_all = row.fetchall

    @_in_words()
    def messages(self):
        if not self.count:
            return []
        self.limits.allow(LIST_BYTES)
        found = []
        for line in _answer(self.imap.uid("FETCH", "1:*", "(UID RFC822.SIZE FLAGS)")):
            text = line.decode(errors="replace") if isinstance(line, bytes) else ""
            uid, size = re.search(r"\bUID (\d+)", text), re.search(r"\bRFC822\.SIZE (\d+)", text)
            if uid and size:
                flags = re.search(r"\bFLAGS \(([^)]*)\)", text)
                flags = set(flags[1].lower().split()) if flags else set()
                wanted = "\\deleted" not in flags and (self.reads_all or "\\seen" not in flags)
                name = f"{self.validity}:{uid[1]}"
                found.append(Message(uid[1], name, int(size[1]), wanted))
        return found

    @_in_words()
    def fetch(self, message):
        """Its bytes, or None if it is not there any more."""
        self.limits.allow(largest() + MESSAGE_MORE)  # whatever size it was said to have
        for part in _answer(self.imap.uid("FETCH", message.number, "(BODY.PEEK[])")):
            if isinstance(part, tuple) and b"BODY[]" in part[0].upper():
                return part[1]
        return None

    @_in_words()
    def remove(self, message):
        self.limits.allow(LIST_BYTES)
        _answer(self.imap.uid("STORE", message.number, "+FLAGS.SILENT", r"(\Deleted)"))
        self.doomed.append(message.number)
        if len(self.doomed) == _TOGETHER:
            self._expunge()

    @_in_words()
    def finish(self):
        self.limits.allow(LIST_BYTES)
        if self.doomed:
            self._expunge()
        self.imap.logout()

    def _expunge(self):
        # Without UIDPLUS what others marked as deleted goes with it.
        uids = ",".join(self.doomed)
        _answer(self.imap.uid("EXPUNGE", uids) if self.has_uids else self.imap.expunge())
        self.doomed = []

    def close(self):
        self.imap.shutdown()


class PopSession:
    def __init__(self, line, row, limits):
        self.limits = limits
        self.pop = _Pop(line, row.src_server, limits)

    def start_tls(self, context):
        self.pop.stls(context)

    def sign_in(self, user, password):
        self.pop.user(user)
        self.pop.pass_(password)

    def enter(self, row):
        pass

    def messages(self):
        self.limits.allow(LIST_BYTES)
        with _in_words():
            sizes = dict(line.split()[:2] for line in self.pop.list()[1])
        with _in_words("no_names"):
            names = [line.split()[:2] for line in self.pop.uidl()[1]]
        with _in_words():
            return [
                Message(number.decode(), name.decode(errors="replace"), int(sizes[number]))
                for number, name in names
                if number in sizes
            ]

    @_in_words()
    def fetch(self, message):
        self.limits.allow(largest() + MESSAGE_MORE)
        return b"\r\n".join(self.pop.retr(int(message.number))[1]) + b"\r\n"

    @_in_words()
    def remove(self, message):
        self.limits.allow(LIST_BYTES)
        self.pop.dele(int(message.number))

    @_in_words()
    def finish(self):
        self.limits.allow(LIST_BYTES)
        self.pop.quit()  # only now it removes anything

    def close(self):
        with suppress(OSError):
            self.pop.close()


def _answer(answered):
    kind, found = answered
    if kind != "OK":
        raise imaplib.IMAP4.error(found[-1] if found else b"")
    return found


def _in_utf7(folder):
    """The name of a folder as IMAP has it: RFC 3501, 5.1.3."""

    def shifted(found):
        text = b64encode(found[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        return f"&{text}-"

    return re.sub(r"[^\x20-\x7e]+", shifted, folder.replace("&", "&-"))

import base64
import contextlib
import imaplib
import poplib
import re
import smtplib
import socket
import ssl
import uuid

from tests.servers.processes import PATIENCE_SECONDS, wait_until


def trusting(server):
    return ssl.create_default_context(cafile=server.certificate)


@contextlib.contextmanager
def smtp(server, port, *, login=None, starttls=None, source=None):
    """A session with ``port``. With ``login`` (user, password) or on 587 it uses TLS."""
    options = {"timeout": PATIENCE_SECONDS, "source_address": (source, 0) if source else None}
    if port == server.submissions_port:
        session = smtplib.SMTP_SSL("127.0.0.1", port, context=trusting(server), **options)
    else:
        session = smtplib.SMTP("127.0.0.1", port, **options)
    try:
        session.ehlo("client.example.net")
        if starttls if starttls is not None else port == server.submission_port:
            session.starttls(context=trusting(server))
            session.ehlo("client.example.net")
        if login:
            session.login(*login)
        yield session
    finally:
        session.close()


def message(sender, recipient, size=0):
    """Return (subject, text) of a message nobody sent before; ``size`` adds about as many bytes."""
    subject = f"test {uuid.uuid4().hex}"
    body = "".join("x" * 70 + "\r\n" for _ in range(size // 72)) or "Hello\r\n"
    head = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n"
    return subject, f"{head}\r\n{body}"


def send(server, sender, recipient, *, port=None, login=None, size=0, **options):
    """Send one message to one recipient or a list, and return its subject.

    A refusal raises smtplib's exception.
    """
    recipients = [recipient] if isinstance(recipient, str) else recipient
    subject, text = message(sender, recipients[0], size)
    port = port or (server.submission_port if login else server.smtp_port)
    with smtp(server, port, login=login, **options) as session:
        session.sendmail(sender, recipients, text)
    return subject


def refusal(server, sender, recipient, **options):
    """Send as send() does; return the code and text with which it was refused, or None."""
    try:
        send(server, sender, recipient, **options)
    except smtplib.SMTPRecipientsRefused as error:
        [(code, text)] = error.recipients.values()
    except smtplib.SMTPResponseException as error:
        code, text = error.smtp_code, error.smtp_error
    else:
        return None
    return code, text.decode()


@contextlib.contextmanager
def imap(server, username, password):
    session = imaplib.IMAP4_SSL("localhost", server.imaps_port, ssl_context=trusting(server))
    try:
        session.login(username, password)
        yield session
    finally:
        with contextlib.suppress(imaplib.IMAP4.error):
            session.logout()


def may_imap(server, username, password):
    """Whether this login works in IMAP; a fault of the server raises."""
    try:
        with imap(server, username, password):
            return True
    except imaplib.IMAP4.error as error:
        if "AUTHENTICATIONFAILED" in str(error):
            return False
        raise


def may_submit(server, username, password):
    try:
        with smtp(server, server.submission_port, login=(username, password)):
            return True
    except smtplib.SMTPAuthenticationError:
        return False


@contextlib.contextmanager
def pop(server, username, password):
    session = poplib.POP3_SSL("localhost", server.pop3s_port, context=trusting(server))
    try:
        session.user(username)
        session.pass_(password)
        yield session
    finally:
        session.close()


def may_pop(server, username, password):
    try:
        with pop(server, username, password):
            return True
    except poplib.error_proto:
        return False


def subjects(server, username, password, folder="INBOX"):
    with imap(server, username, password) as session:
        session.select(folder, readonly=True)
        _ok, [numbers] = session.search(None, "ALL")
        found = []
        for number in numbers.split():
            _ok, answer = session.fetch(number, "(BODY[HEADER.FIELDS (SUBJECT)])")
            found.append(answer[0][1].decode().removeprefix("Subject:").strip())
        return found


def wait_for(server, username, password, subject, seconds=PATIENCE_SECONDS):
    what = f"{subject!r} for {username}"
    wait_until(lambda: subject in subjects(server, username, password), what, seconds)


def may_sieve(server, username, password):
    """Whether this login works in ManageSieve (RFC 5804), where the server has filters."""
    plain = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
    with socket.create_connection(
        ("127.0.0.1", server.dovecot.sieve_port), PATIENCE_SECONDS
    ) as raw:
        _sieve_answer(raw)
        raw.sendall(b"STARTTLS\r\n")
        _sieve_answer(raw)
        with trusting(server).wrap_socket(raw, server_hostname="localhost") as session:
            _sieve_answer(session)
            session.sendall(f'AUTHENTICATE "PLAIN" "{plain}"\r\n'.encode())
            return _sieve_answer(session).startswith(b"OK")


def _sieve_answer(session):
    said = b""
    while not re.search(rb"^(OK|NO|BYE)\b.*\r\n", said, re.MULTILINE):
        got = session.recv(4096)
        if not got:
            raise ConnectionError(said)
        said += got
    return re.search(rb"^(OK|NO|BYE)\b.*\r\n", said, re.MULTILINE)[0]

"""Mailboxes elsewhere, from which mail is fetched: who says so, and how the last run went. mailboxes/fetch_runs.py fetches."""

import re
from base64 import b64decode, b64encode
from copy import copy

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import factors, totp
from accounts.models import LogEntry
from domains.models import RoutingLock
from domains.transports import read_server
from mailboxes.fetch_rows import IMAP, PLAIN, POP3, PORTS, STARTTLS, TLS
from mailboxes.models import FetchedMessage, Mailbox, RemoteMailbox
from panel.changes import collected, refuse
from panel.transactions import in_transaction

MOST = 10  # of one mailbox
SECRET_BYTES = 120  # encrypted, they fit the column: totp.LONGEST
MINUTES = {
    5: gettext_lazy("Every 5 minutes"),
    10: gettext_lazy("Every 10 minutes"),
    30: gettext_lazy("Every half hour"),
    60: gettext_lazy("Every hour"),
    360: gettext_lazy("Every six hours"),
    1440: gettext_lazy("Once a day"),
}
KINDS = {IMAP: "IMAP", POP3: "POP3"}
SECURITY = {
    TLS: gettext_lazy("TLS from the start"),
    STARTTLS: gettext_lazy("STARTTLS"),
    PLAIN: gettext_lazy("None: everybody on the way can read it"),
}
# What came of a run, by the code that the row has.
OUTCOMES = {
    "fetched": gettext_lazy("All that was there is fetched."),
    "more": gettext_lazy("There is more, which the next run fetches."),
    "ready": gettext_lazy("Signing in works. The next run fetches what waits there."),
    # The other server
    "no_address": gettext_lazy("The DNS has no server of this name."),
    "private_address": gettext_lazy(
        "The server has no public address, and others are not connected to."
    ),
    "no_connection": gettext_lazy("The other server cannot be reached."),
    "slow": gettext_lazy("The other server takes too long to answer."),
    "no_tls": gettext_lazy("The other server offers no TLS here. Choose another port or kind."),
    "certificate": gettext_lazy("The other server’s certificate is not valid for its name."),
    "wrong_password": gettext_lazy("The other server refuses this login or its password."),
    "no_folder": gettext_lazy("The other server does not open this folder."),
    "no_names": gettext_lazy(
        "The other server has no lasting names for its messages, without which some would come twice."
    ),
    "broken": gettext_lazy("The connection broke off, or the other server is none of this kind."),
    "too_much": gettext_lazy("The other server sends more than it may."),
    # The row
    "plain_refused": gettext_lazy("Without TLS nothing is fetched. Choose TLS or STARTTLS."),
    "unsupported": gettext_lazy(
        "PostfixAdmin’s protocol or way to sign in of this entry is not known here. Choose IMAP or POP3."
    ),
    "unreadable": gettext_lazy("The stored password cannot be read. Enter it again."),
    # This server
    "no_door": gettext_lazy("This mail server does not take fetched mail now. It stays there."),
    "deferred": gettext_lazy("This mail server puts the mail off. It stays there."),
    "not_here": gettext_lazy("This mail server takes no mail for the mailbox. It stays there."),
    "full": gettext_lazy("The mailbox is full. Its mail stays there."),
    "refused": gettext_lazy(
        "This mail server refuses a message, which stays there. It is tried again once a day."
    ),
    "too_large": gettext_lazy("A message is too large, and stays there."),
}
FINE = {"", "fetched", "more", "ready"}
OURS = {"no_door", "deferred"}  # nothing is wrong with the row
# PostfixAdmin's ways to sign in that are a password.
SIGN_INS = {None, "", "password", "any"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LOGGED = (
    "src_server",
    "port",
    "protocol",
    "tls",
    "src_user",
    "src_folder",
    "keep",
    "fetchall",
    "poll_time",
    "active",
)
# What decides who is told the password.
_TOLD_TO = ("src_server", "src_port", "protocol", "src_user")


def is_offered():
    return bool(settings.FETCHMAIL_TO)


def is_offered_to_users():
    return is_offered() and settings.FETCHMAIL_FOR_USERS


@in_transaction
def add_remote(*, actor, mailbox, **values):
    """Fetch mail into ``mailbox`` and return the RemoteMailbox. ``values``: as check_remote() takes them."""
    RoutingLock.hold()
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    row = check_remote(mailbox=mailbox, **values)
    row.save(force_insert=True)
    _record(actor, "fetch_mail", row, {}, _told(row), new_secret=True)
    return row


@in_transaction
def change_remote(*, actor, remote, **values):
    """An empty password keeps the stored one, while server, port and login stay as they are and TLS too: nobody else is told it."""
    RoutingLock.hold()
    stored = RemoteMailbox.objects.select_for_update().get(pk=remote.pk)
    row = check_remote(mailbox=stored.mailbox, stored=stored, **values)
    before, after = _told(stored), _told(row)
    if before == after and not values.get("password"):
        return stored
    row.modified, row.next_run, row.failures = timezone.now(), 0, 0
    row.save(force_update=True)
    _record(actor, "edit_fetching", row, before, after, new_secret=bool(values.get("password")))
    return row


@in_transaction
def delete_remote(*, actor, remote):
    """Nothing is fetched from there any more. What was fetched stays, here and there. Twice does no harm."""
    RoutingLock.hold()
    row = RemoteMailbox.objects.select_for_update().filter(pk=remote.pk).first()
    if row is None:
        return
    RemoteMailbox.objects.filter(pk=row.pk).delete()
    FetchedMessage.objects.filter(remote=row.pk).delete()
    _record(actor, "end_fetching", row, _told(row), {}, new_secret=False)


def check_remote(
    *,
    mailbox,
    server,
    login,
    protocol=IMAP,
    tls=TLS,
    port=None,
    password="",
    folder="",
    keep=True,
    fetchall=True,
    poll_time=10,
    active=True,
    stored=None,
):
    """Return the unsaved row, over ``stored`` if there is one. Raises all errors at once. ``port`` None: the usual one."""
    errors = {}
    row = copy(stored) if stored else RemoteMailbox(mailbox=mailbox, domain=mailbox.domain_id)
    if stored is None and mailbox.remote_mailboxes.count() >= MOST:
        text = _("A mailbox has at most %(n)d of these.")
        errors["server"] = ValidationError(text, "too_many", {"n": MOST})

    # What PostfixAdmin wrote, or other settings allowed, can be switched off as it is; a run refuses it.
    def is_new(name, value):
        return stored is None or (value or "") != (getattr(stored, name) or "")

    if is_new("protocol", protocol):
        row.protocol = protocol
        if protocol not in KINDS:
            errors["protocol"] = ValidationError(_("Choose IMAP or POP3."), "invalid")
    if row.src_auth not in SIGN_INS:
        row.src_auth = "password"
    if is_new("src_server", server):
        with collected(errors, "server"):
            row.src_server = _server(server)
    is_known = tls in SECURITY and (tls != PLAIN or settings.FETCHMAIL_PLAIN)
    if not is_known and is_new("tls", tls):
        errors["tls"] = ValidationError(_("Choose TLS or STARTTLS."), "invalid")
    row.usessl, row.plain, row.sslcertck = tls == TLS, tls == PLAIN, tls != PLAIN
    if is_new("src_port", port):
        if port is not None and not 1 <= port <= 65535:
            text = _("A port is a number from 1 to 65535.")
            errors["port"] = ValidationError(text, "invalid")
        row.src_port = 0 if port in {None, PORTS.get((protocol, row.usessl))} else port
    for field, name, text in (("login", "src_user", login), ("folder", "src_folder", folder)):
        if is_new(name, text) and (_CONTROL.search(text) or len(text) > 255):
            said = _("Write at most 255 characters, in one line.")
            errors[field] = ValidationError(said, "invalid")
        setattr(row, name, text)
    if not login and (stored is None or stored.src_user):
        errors["login"] = ValidationError(_("Enter the login at the other server."), "required")
    if poll_time not in MINUTES and is_new("poll_time", poll_time):
        errors["poll_time"] = ValidationError(_("Choose how often."), "invalid")
    row.keep, row.fetchall, row.poll_time, row.active = keep, fetchall, poll_time, active
    with collected(errors, "password"):
        row.src_password = _secret(row, stored, password)
    refuse(errors)
    return row


def _server(text):
    server = read_server(text)
    if server is None or server.port or server.bracketed:
        raise ValidationError(
            _("“%(server)s” is no server. Write a name such as imap.example.net."),
            "no_server",
            {"server": text},
        )
    if server.host in {settings.MAIL_HOSTNAME.lower(), "localhost"}:
        raise ValidationError(_("That is this mail server itself."), "itself")
    return server.host


def _secret(row, stored, password):
    if not password:
        same = stored is not None and all(
            getattr(row, name) == getattr(stored, name) for name in _TOLD_TO
        )
        if not same or (row.tls != stored.tls and row.tls != TLS):
            text = _("Enter the password of this login at this server.")
            raise ValidationError(text, "required")
        return stored.src_password
    if _CONTROL.search(password) or len(password.encode()) > SECRET_BYTES:
        text = _("A password has at most %(n)d characters here, in one line.")
        raise ValidationError(text, "invalid", {"n": SECRET_BYTES})
    return stored_secret(password)


def stored_secret(password):
    """As PostfixAdmin has it while that works on the same rows; else encrypted (accounts/totp.py). Raises ValueError if it is too long for that."""
    if factors.is_stored_in_clear():
        return b64encode(password.encode()).decode()
    return totp.encrypted(password)


def secret_of(row):
    """The password, or None if it cannot be read."""
    if totp.is_encrypted(row.src_password):
        return totp.unsealed(row.src_password)
    try:
        return b64decode(row.src_password, validate=True).decode() or None
    except ValueError:
        return None


def store_secrets_as_now():
    """Encrypt what PostfixAdmin wrote, once it is gone, and what an older key encrypted; return how many."""
    in_clear, count = factors.is_stored_in_clear(), 0
    rows = RemoteMailbox.objects.exclude(src_password="")
    for pk, stored in rows.values_list("pk", "src_password"):
        is_encrypted = totp.is_encrypted(stored)
        if is_encrypted != in_clear and (in_clear or totp.is_under_first_key(stored)):
            continue
        secret = secret_of(RemoteMailbox(src_password=stored))
        # What PostfixAdmin wrote, and is too long to be encrypted, stays.
        if secret and (in_clear or len(secret.encode()) <= totp.LONGEST):
            same = rows.filter(pk=pk, src_password=stored)
            count += same.update(src_password=stored_secret(secret))
    return count


def _told(row):
    told = {name: getattr(row, name) for name in _LOGGED}
    return {name: value for name, value in told.items() if value not in (None, "")}


def _record(actor, action, row, before, after, *, new_secret):
    names = [name for name in _LOGGED if before.get(name) != after.get(name)]
    changes = {name: [before.get(name), after.get(name)] for name in names}
    if new_secret:
        changes["remote_password"] = [None, True]  # that there is a new one, and nothing of it
    address = row.mailbox_id
    domain = address.rpartition("@")[2]
    LogEntry.objects.record(actor, action, domain=domain, target=address, changes=changes)


def remotes_of(actor, mailbox):
    rows = RemoteMailbox.objects.visible_to(actor).filter(mailbox=mailbox.pk)
    return list(rows.order_by("pk")[: 10 * MOST])  # PostfixAdmin may have made more


def in_words(row):
    """Sentences about the last run."""
    said = []
    if row.taken and row.outcome != "ready":
        text = ngettext("%(n)d message fetched.", "%(n)d messages fetched.", row.taken)
        said.append(text % {"n": row.taken})
    if row.outcome == "ready":
        text = ngettext("%(n)d message waits there.", "%(n)d messages wait there.", row.taken)
        said.append(text % {"n": row.taken})
    if row.outcome in OUTCOMES:
        said.append(str(OUTCOMES[row.outcome]))
    return " ".join(said)

"""App passwords: each opens a mailbox to one mail program, and neither the panel nor another app password's mail program.

Dovecot finds one by its SHA-256 (deploy/dovecot). What is changed here counts at the next sign-in.
"""

import hashlib
import re
import secrets

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import totp
from accounts.letters import tell_of_factor
from accounts.models import LogEntry
from accounts.validity import end_of, read_networks
from mailboxes.models import PROTOCOLS, AppPassword, Mailbox
from panel import helper
from panel.changes import collected, refuse
from panel.transactions import in_transaction

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # that nobody takes for another
GROUPS, GROUP = 7, 4  # 28 of 31 letters and digits: 138 bits
MOST = 50  # of one mailbox
_MADE = re.compile(rf"[{LETTERS}]{{{GROUP}}}(-[{LETTERS}]{{{GROUP}}}){{{GROUPS - 1}}}")


def drawn():
    groups = ["".join(secrets.choice(LETTERS) for _n in range(GROUP)) for _m in range(GROUPS)]
    return "-".join(groups)


def offer(mailbox):
    """A text for a form, which nobody else can read or make: the same form sent twice makes one password, and shows it twice."""
    return totp.offer(mailbox, drawn())


def offered(mailbox, text):
    """The password of an offer to this mailbox, or None if it is too old or another's."""
    found = totp.offered(mailbox, text)
    return found[0] if found and _MADE.fullmatch(found[0]) else None


def is_used(mailbox, password):
    return mailbox.app_passwords.filter(password_hash=digest(password)).exists()


def digest(password):
    return hashlib.sha256(password.replace("-", "").encode()).hexdigest()


@in_transaction
def make_app_password(*, actor, password, name, protocols, networks="", until=None):
    """Let ``password``, which drawn() made, open the mailbox ``actor`` by ``protocols``; return the row. Its owner is told by mail.

    ``networks`` is a text of addresses and networks, "" for everywhere; ``until`` the last day, or None. The caller has asked for
    the mailbox's password.
    """
    if not _MADE.fullmatch(password):
        raise ValueError("not a password that drawn() made")
    mailbox = Mailbox.objects.select_for_update().get(pk=actor.pk)
    row = check_app_password(
        mailbox=mailbox, name=name, protocols=protocols, networks=networks, until=until
    )
    if is_used(mailbox, password):  # two rows of one password: revoking one would not end it
        raise ValidationError(_("This app password was made already."), "used")
    row.password_hash, row.created = digest(password), timezone.now()
    row.save(force_insert=True)
    _record(actor, "create_app_password", row)
    tell_of_factor(mailbox, "app-password", ip=actor.client_ip, name=row.description)
    return row


def check_app_password(*, mailbox, name=None, protocols=None, networks=None, until=None):
    """Return the unsaved row. Raises all errors at once; of ``name``, ``protocols`` and ``networks`` None is not checked."""
    errors, row = {}, AppPassword(username=mailbox)
    if mailbox.app_passwords.count() >= MOST:
        too_many = _("There are %(n)d already. Revoke those that nobody uses.")
        errors["name"] = ValidationError(too_many, "too_many", {"n": MOST})
    if name is not None:
        row.description = " ".join(name.split())
        if not row.description or len(row.description) > 255:
            text = _("Enter a name of at most 255 characters, such as “Phone”.")
            errors.setdefault("name", ValidationError(text, "no_name"))
    if protocols is not None:
        row.protocols = ",".join(one for one in PROTOCOLS if one in protocols)
        if not row.protocols or set(protocols) - PROTOCOLS.keys():
            text = _("Choose what it is for.")
            errors["protocols"] = ValidationError(text, "no_protocol")
    if networks is not None:
        with collected(errors, "networks"):
            row.networks = read_networks(networks)
    if until is not None:
        with collected(errors, "until"):
            row.expires = int(end_of(until).timestamp())
    refuse(errors)
    return row


@in_transaction
def revoke_app_password(*, actor, app_password):
    """Whoever made it. Sessions of the mailbox end, where the panel may end them: which password opened one Dovecot does not say."""
    if not AppPassword.objects.filter(pk=app_password.pk).delete()[0]:
        return
    _record(actor, "delete_app_password", app_password)
    helper.after_commit("kick", app_password.username_id)


def _record(actor, action, row):
    new = action == "create_app_password"
    told = {"app_password": row.description or "", "protocols": row.protocols}
    told |= {"networks": row.networks, "until": row.last_day and row.last_day.isoformat()}
    changes = {
        field: [None, value] if new else [value, None] for field, value in told.items() if value
    }
    domain = row.username_id.rpartition("@")[2]
    LogEntry.objects.record(actor, action, domain=domain, target=row.username_id, changes=changes)

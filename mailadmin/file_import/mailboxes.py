"""Lines that make mailboxes."""

from typing import NamedTuple

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.made_passwords import made_password, nobodys_password
from accounts.password_links import check_can_be_sent, invite
from accounts.passwords import hash_password, kept_hash, looks_like_hash, stored_hash
from mailadmin.file_import import texts
from mailadmin.file_import.readings import MadeTogether, Reading
from mailboxes.forwarding import read_targets, set_forwarding
from mailboxes.models import Mailbox, first_quota
from mailboxes.services import check_new_mailbox, create_mailbox, create_mailboxes, not_a_hash
from mailboxes.welcome import send_welcome
from panel.changes import collected, refuse
from panel.scoping import may_bring_hashes

MADE, INVITE, SEND = "made", "invite", "send"
HIDDEN = {"password", "hash"}  # fields of which no page shows what a file has


class Secret(NamedTuple):
    """A password or a hash. ``invites``: nobody knows it, and the person is to choose another one."""

    text: str
    is_made: bool = False
    invites: bool = False


class Mailboxes(MadeTogether):
    name = "mailbox"
    words = gettext_lazy("Mailboxes")
    counted = ngettext_lazy("Import %(n)s mailbox", "Import %(n)s mailboxes", "count")
    made = ngettext_lazy("%(n)s mailbox created", "%(n)s mailboxes created", "count")
    fields = {
        "address": gettext_lazy("Address"),
        "local_part": gettext_lazy("Name before the @"),
        "domain": gettext_lazy("Domain"),
        "name": gettext_lazy("Name"),
        "first_name": gettext_lazy("First name"),
        "last_name": gettext_lazy("Last name"),
        "quota": gettext_lazy("Quota"),
        "password": gettext_lazy("Password"),
        "hash": gettext_lazy("Password hash"),
        "email_other": gettext_lazy("Other e-mail address"),
        "phone": gettext_lazy("Phone"),
        "active": gettext_lazy("Active"),
        "sign_in_active": gettext_lazy("People sign in"),
        "smtp_active": gettext_lazy("May send"),
        "forward": gettext_lazy("Forward to"),
        "keep_copy": gettext_lazy("Keep a copy here"),
    }
    shown_at = {"local_part": "address", "targets": "forward"}

    def read(self, given, options):
        reading = Reading()
        first, last, name = texts.names(given)
        texts.own_address(reading, given, options, proposed=texts.from_names(first, last, options))
        reading.values["name"] = name
        reading.take("quota", given.get("quota"), texts.bytes_of)
        reading.forward = given.get("forward", "")
        reading.take("keep_copy", given.get("keep_copy"), texts.yes_or_no)
        reading.keep_copy = reading.values.pop("keep_copy", True)
        for field in ("active", "sign_in_active", "smtp_active"):
            reading.take(field, given.get(field), texts.yes_or_no)
        for field in ("email_other", "phone"):
            if given.get(field):
                reading.values[field] = given[field]
        password, hash = given.get("password", ""), given.get("hash", "")
        if not hash and looks_like_hash(password):
            password, hash = "", password
        reading.password, reading.hash = password, hash
        return reading

    def check(self, actor, reading, domains, in_use, options):
        errors, domain = {}, domains.get(reading.domain)
        values = self._values(reading, domain, options)
        reading.size = values["quota"]
        with collected(errors):
            check_new_mailbox(
                actor=actor,
                domain=domain,
                local_part=reading.name_to_check,
                password=None if reading.hash else reading.password or None,
                in_use=in_use,
                **values,
            )
        with collected(errors, "forward"):
            read_targets(actor=actor, address=reading.key, targets=reading.forward)
        if reading.hash:
            with collected(errors, "hash" if "hash" in options["columns"] else "password"):
                self._check_hash(actor, reading.hash)
        elif not reading.password and options["how"] == SEND:
            with collected(errors, "email_other"):
                check_can_be_sent(values.get("email_other", ""), reading.key)
        refuse(errors)

    def _check_hash(self, actor, hash):
        if not may_bring_hashes(actor):
            raise ValidationError(
                _("Only a superadmin may bring hashes. Leave it empty: a password is made."), "hash"
            )
        try:
            kept_hash(hash)  # to compute it is left to the service
        except (ValueError, TypeError, LookupError):
            raise not_a_hash() from None

    def _values(self, reading, domain, options):
        values = {name: value for name, value in reading.values.items() if name != "quota"}
        quota = reading.values.get("quota", options["quota"])
        if quota is None and domain is not None:
            quota = texts.in_bytes(first_quota(domain))
        return values | {"quota": quota or 0}

    def count(self, domain, lines, size):
        domain.usage.mailboxes += lines
        domain.usage.alias_rows += lines
        domain.usage.allotted += size

    def create(self, actor, reading, domains, options):
        """Return what is handed out: ("password", …), ("link", token) or None."""
        domain = domains[reading.domain]
        values, secret = (
            self._values(reading, domain, options),
            self._secret(actor, reading, options),
        )
        mailbox = create_mailbox(
            actor=actor,
            domain=domain,
            local_part=reading.local_part,
            password=secret.text,
            hashed=bool(reading.hash),
            must_change=options["must_change"] and not secret.invites,
            **values,
        )
        return self._afterwards(actor, reading, mailbox, secret, options)

    def prepared(self, actor, reading, domain, options):
        secret = self._secret(actor, reading, options)
        fields = self._values(reading, domain, options) | {
            "local_part": reading.local_part,
            "password_hash": self._hashed(reading, domain, secret),
            "must_change": options["must_change"] and not secret.invites,
        }
        return fields, secret

    def create_of_one(self, actor, domain, rows, options):
        fields = [fields for _reading, (fields, _secret) in rows]
        made = create_mailboxes(actor=actor, domain=domain, mailboxes=fields)
        return [
            self._afterwards(actor, reading, mailbox, secret, options)
            for (reading, (_fields, secret)), mailbox in zip(rows, made, strict=True)
        ]

    def _secret(self, actor, reading, options):
        if reading.hash:
            self._check_hash(actor, reading.hash)
            return Secret(reading.hash)
        if reading.password:
            return Secret(reading.password)
        if options["how"] == MADE:
            return Secret(made_password(), is_made=True)
        if options["how"] == SEND:
            check_can_be_sent(reading.values.get("email_other", ""), reading.key)
        return Secret(nobodys_password(), invites=True)

    def _hashed(self, reading, domain, secret):
        if reading.hash:
            try:
                return stored_hash(reading.hash)
            except (ValueError, TypeError, LookupError):
                raise not_a_hash() from None
        mailbox = Mailbox(username=reading.key, domain=domain, name=reading.values["name"])
        validate_password(secret.text, mailbox)
        return hash_password(secret.text)

    def _afterwards(self, actor, reading, mailbox, secret, options):
        if reading.forward:
            targets, keep_copy = reading.forward, reading.keep_copy
            set_forwarding(actor=actor, mailbox=mailbox, targets=targets, keep_copy=keep_copy)
        if options["welcome"] and mailbox.active:
            transaction.on_commit(lambda: send_welcome(mailbox), robust=True)
        if secret.invites:
            send = options["how"] == SEND
            token = invite(actor=actor, account=mailbox, send=send)
            return ("sent", "") if send else ("link", token)
        return ("password", secret.text) if secret.is_made else None

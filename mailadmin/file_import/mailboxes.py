"""Lines that make mailboxes."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.made_passwords import made_password
from accounts.password_links import check_can_be_sent, invite, nobodys_password
from accounts.passwords import kept_hash, looks_like_hash
from mailadmin.file_import import texts
from mailadmin.file_import.readings import OfAddresses, Reading
from mailboxes.forwarding import read_targets, set_forwarding
from mailboxes.models import first_quota
from mailboxes.services import check_new_mailbox, create_mailbox, not_a_hash
from mailboxes.welcome import send_welcome
from panel.changes import collected, refuse
from panel.scoping import may_bring_hashes

MADE, INVITE, SEND = "made", "invite", "send"
HIDDEN = {"password", "hash"}  # fields of which no page shows what a file has


class Mailboxes(OfAddresses):
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
        values = self._values(reading, domains[reading.domain], options)
        invites = not (reading.hash or reading.password) and options["how"] != MADE
        if invites and options["how"] == SEND:
            check_can_be_sent(values.get("email_other", ""), reading.key)
        handed, password = None, reading.hash or reading.password
        if reading.hash:
            self._check_hash(actor, reading.hash)
        elif invites:
            password = nobodys_password()
        elif not password:
            password = made_password()
            handed = "password", password
        mailbox = create_mailbox(
            actor=actor,
            domain=domains[reading.domain],
            local_part=reading.local_part,
            password=password,
            hashed=bool(reading.hash),
            must_change=options["must_change"] and not invites,
            **values,
        )
        if reading.forward:
            targets, keep_copy = reading.forward, reading.keep_copy
            set_forwarding(actor=actor, mailbox=mailbox, targets=targets, keep_copy=keep_copy)
        if options["welcome"] and mailbox.active:
            transaction.on_commit(lambda: send_welcome(mailbox), robust=True)
        return self._invited(actor, mailbox, options["how"]) if invites else handed

    def _invited(self, actor, mailbox, how):
        token = invite(actor=actor, account=mailbox, send=how == SEND)
        return ("sent", "") if how == SEND else ("link", token)

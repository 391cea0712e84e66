"""What a line of a file can make: what its columns hold, whether the services would take it, and the call that makes it.

The rules are those of the services; here a line's texts are only understood.
"""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.made_passwords import made_password
from accounts.password_links import check_can_be_sent, invite, nobodys_password
from accounts.passwords import kept_hash, looks_like_hash
from aliases.models import Alias
from aliases.services import check_new_alias, create_alias
from domains.models import Domain
from domains.services import (
    check_new_alias_domain,
    check_new_domain,
    create_alias_domain,
    create_domain,
)
from mailadmin.file_import import texts
from mailboxes.models import Mailbox, first_quota
from mailboxes.services import check_new_mailbox, create_mailbox, not_a_hash
from panel.changes import collected, refuse

MADE, INVITE, SEND = "made", "invite", "send"
HIDDEN = {"password", "hash"}  # fields of which no page shows what a file has


class Reading:
    """A line as it was understood. ``key`` and ``domain`` are stored names, or "" where the text is none."""

    def __init__(self):
        self.key = self.domain = self.local_part = self.domain_text = ""
        self.domain_field = ""  # where the domain stands, if not where the kind has it
        self.values, self.notes, self.errors = {}, [], {}
        self.size = 0  # bytes of the quota, after check()

    @property
    def name_to_check(self):
        return None if "address" in self.errors else self.local_part

    def take(self, name, text, understood):
        """Let ``understood(text)`` be the value, if there is a text; what it refuses is an error of the line."""
        if text:
            with collected(self.errors, name):
                self.values[name] = understood(text)


class Kind:
    superadmins_only = False
    domain_field = "domain"

    def required(self, reading):
        """Names of the domains that must be there, and the account's own."""
        return [reading.domain]

    def domains(self, reading):
        """Names of all domains that ``check()`` and ``create()`` ask for."""
        return self.required(reading)

    def in_use(self, keys):
        return set()

    def count(self, domain, reading):
        """Count the line as the triggers will, for the next one's limits."""


class OfAddresses(Kind):
    def in_use(self, keys):
        return {
            *Alias.objects.filter(pk__in=keys).values_list("pk", flat=True),
            *Mailbox.objects.filter(pk__in=keys).values_list("pk", flat=True),
        }


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
    }
    shown_at = {"local_part": "address"}
    list_url_name = "mailbox-list"

    def read(self, given, options):
        reading = Reading()
        first, last, name = texts.names(given)
        texts.own_address(reading, given, options, proposed=texts.from_names(first, last, options))
        reading.values["name"] = name
        reading.take("quota", given.get("quota"), texts.bytes_of)
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
        values = self._values(reading, domain)
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
        if reading.hash:
            with collected(errors, "hash" if "hash" in options["columns"] else "password"):
                self._check_hash(actor, reading.hash)
        elif not reading.password and options["how"] == SEND:
            with collected(errors, "email_other"):
                check_can_be_sent(values.get("email_other", ""), reading.key)
        refuse(errors)

    def _check_hash(self, actor, hash):
        if not actor.is_superadmin:
            raise ValidationError(
                _("Only a superadmin may bring hashes. Leave it empty: a password is made."), "hash"
            )
        try:
            kept_hash(hash)  # to compute it is left to the service
        except (ValueError, TypeError, LookupError):
            raise not_a_hash() from None

    def _values(self, reading, domain):
        values = {name: value for name, value in reading.values.items() if name != "quota"}
        quota = reading.values.get("quota")
        if quota is None and domain is not None:
            quota = texts.in_bytes(first_quota(domain))
        return values | {"quota": quota or 0}

    def count(self, domain, reading):
        domain.usage.mailboxes += 1
        domain.usage.alias_rows += 1
        domain.usage.allotted += reading.size

    def create(self, actor, reading, domains, options):
        """Return what is handed out: ("password", …), ("link", token) or None."""
        domain = domains[reading.domain]
        values = self._values(reading, domain)
        common = {"actor": actor, "domain": domain, "local_part": reading.local_part, **values}
        must_change = options["must_change"]
        if reading.hash:
            self._check_hash(actor, reading.hash)
            create_mailbox(password=reading.hash, hashed=True, must_change=must_change, **common)
            return None
        if reading.password:
            create_mailbox(password=reading.password, must_change=must_change, **common)
            return None
        if options["how"] == MADE:
            password = made_password()
            create_mailbox(password=password, must_change=must_change, **common)
            return "password", password
        send = options["how"] == SEND
        if send:
            check_can_be_sent(values.get("email_other", ""), reading.key)
        mailbox = create_mailbox(password=nobodys_password(), **common)
        token = invite(actor=actor, account=mailbox, send=send)
        return ("sent", "") if send else ("link", token)


class Aliases(OfAddresses):
    name = "alias"
    words = gettext_lazy("Aliases")
    counted = ngettext_lazy("Import %(n)s alias", "Import %(n)s aliases", "count")
    made = ngettext_lazy("%(n)s alias created", "%(n)s aliases created", "count")
    fields = {
        "address": gettext_lazy("Address"),
        "local_part": gettext_lazy("Name before the @"),
        "domain": gettext_lazy("Domain"),
        "targets": gettext_lazy("Recipients"),
        "description": gettext_lazy("Description"),
        "active": gettext_lazy("Active"),
    }
    shown_at = {"local_part": "address"}
    list_url_name = "alias-list"

    def read(self, given, options):
        reading = Reading()
        texts.own_address(reading, given, options, catch_all=True)
        reading.take("active", given.get("active"), texts.yes_or_no)
        reading.values["targets"] = given.get("targets", "")
        if given.get("description"):
            reading.values["description"] = given["description"]
        return reading

    def check(self, actor, reading, domains, in_use, options):
        check_new_alias(
            actor=actor,
            domain=domains.get(reading.domain),
            local_part=reading.name_to_check,
            in_use=in_use,
            **reading.values,
        )

    def count(self, domain, reading):
        domain.usage.alias_rows += 1

    def create(self, actor, reading, domains, options):
        create_alias(
            actor=actor,
            domain=domains[reading.domain],
            local_part=reading.local_part,
            **reading.values,
        )


class AliasDomains(Kind):
    name = "alias-domain"
    words = gettext_lazy("Alias domains")
    counted = ngettext_lazy("Import %(n)s alias domain", "Import %(n)s alias domains", "count")
    made = ngettext_lazy("%(n)s alias domain created", "%(n)s alias domains created", "count")
    fields = {
        "domain": gettext_lazy("Alias domain"),
        "target": gettext_lazy("Leads to"),
        "description": gettext_lazy("Description"),
        "active": gettext_lazy("Active"),
    }
    shown_at = {"alias_domain": "domain", "target_domain": "target", "name": "domain"}
    domain_field = "target"
    list_url_name = "aliasdomain-list"

    def read(self, given, options):
        reading = Reading()
        texts.own_domain(reading, given.get("domain", ""))
        target = given.get("target") or options["domain"]
        reading.values["target"] = ""
        with collected(reading.errors, "target"):
            reading.values["target"] = texts.domain_name(target, "@")
        reading.take("active", given.get("active"), texts.yes_or_no)
        if given.get("description"):
            reading.values["description"] = given["description"]
        return reading

    def required(self, reading):
        return [reading.values["target"]]

    def domains(self, reading):
        return [reading.domain, reading.values["target"]]

    def check(self, actor, reading, domains, in_use, options):
        errors, source = {}, domains.get(reading.domain)
        target = domains.get(reading.values["target"])
        if reading.domain and source is None:
            with collected(errors, "domain"):
                self._check_new(actor, reading.domain)
        with collected(errors):
            check_new_alias_domain(alias_domain=source, target_domain=target, **self._more(reading))
        refuse(errors)

    def _check_new(self, actor, name):
        if not actor.is_superadmin:
            raise texts.not_yours(name)
        check_new_domain(name=name)

    def _more(self, reading):
        more = {name: v for name, v in reading.values.items() if name in {"description", "active"}}
        return {"active": True, **more}

    def create(self, actor, reading, domains, options):
        target, source = domains[reading.values["target"]], domains.get(reading.domain)
        more = self._more(reading)
        if source is None:
            self._check_new(actor, reading.domain)
            source = create_domain(
                actor=actor, name=reading.domain, description=more.get("description", "")
            )
        create_alias_domain(actor=actor, alias_domain=source, target_domain=target, **more)


class Domains(Kind):
    name = "domain"
    words = gettext_lazy("Domains")
    counted = ngettext_lazy("Import %(n)s domain", "Import %(n)s domains", "count")
    made = ngettext_lazy("%(n)s domain created", "%(n)s domains created", "count")
    superadmins_only = True
    fields = {
        "domain": gettext_lazy("Domain"),
        "description": gettext_lazy("Description"),
        "mailboxes": gettext_lazy("Most mailboxes"),
        "aliases": gettext_lazy("Most aliases"),
        "maxquota": gettext_lazy("Largest mailbox"),
        "domain_quota": gettext_lazy("Domain quota"),
        "active": gettext_lazy("Active"),
    }
    shown_at = {"name": "domain", "quota": "domain_quota"}
    list_url_name = "domain-list"

    def read(self, given, options):
        reading = Reading()
        texts.own_domain(reading, given.get("domain", ""))
        reading.take("active", given.get("active"), texts.yes_or_no)
        for name in ("mailboxes", "aliases"):
            reading.take(name, given.get(name), texts.limit)
        for name in ("maxquota", "domain_quota"):
            reading.take(name, given.get(name), texts.whole_mb)
        if given.get("description"):
            reading.values["description"] = given["description"]
        return reading

    def required(self, reading):
        return []

    def _fields(self, reading):
        values = dict(reading.values)
        if "domain_quota" in values:
            values["quota"] = values.pop("domain_quota")
        return values

    def check(self, actor, reading, domains, in_use, options):
        check_new_domain(name=reading.domain_text, **self._fields(reading))

    def create(self, actor, reading, domains, options):
        create_domain(actor=actor, name=reading.domain_text, **self._fields(reading))


KINDS = {kind.name: kind for kind in (Mailboxes(), Aliases(), AliasDomains(), Domains())}


def kinds_of(actor):
    return {
        name: kind
        for name, kind in KINDS.items()
        if actor.is_superadmin or not kind.superadmins_only
    }


def domains_of(actor, names):
    """{name: Domain} of those that the account manages, with their counters."""
    rows = Domain.objects.manageable_by(actor).select_related("usage")
    return rows.in_bulk([name for name in set(names) if name])

"""What a line of a file can make: what its columns hold, whether the services would take it, and the call that makes it.

The rules are those of the services; here a line's texts are only understood. Mailboxes have a file of their own.
"""

from django.utils.translation import gettext_lazy, ngettext_lazy

from aliases.many import create_aliases
from aliases.services import check_new_alias, create_alias
from domains.copies import TO
from domains.copy_services import add_copy, check_copy
from domains.models import Domain
from domains.services import (
    check_new_alias_domain,
    check_new_domain,
    create_alias_domain,
    create_domain,
)
from mailadmin.file_import import texts
from mailadmin.file_import.mailboxes import Mailboxes
from mailadmin.file_import.readings import Kind, MadeTogether, Reading
from panel.changes import collected, refuse
from panel.scoping import sees_all_domains


class Aliases(MadeTogether):
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

    def count(self, domain, lines, size):
        domain.usage.alias_rows += lines

    def create(self, actor, reading, domains, options):
        create_alias(
            actor=actor,
            domain=domains[reading.domain],
            local_part=reading.local_part,
            **reading.values,
        )

    def prepared(self, actor, reading, domain, options):
        return {"local_part": reading.local_part, **reading.values}

    def create_of_one(self, actor, domain, rows, options):
        create_aliases(actor=actor, domain=domain, aliases=[fields for _reading, fields in rows])
        return [None] * len(rows)


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
        if not sees_all_domains(actor):
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


class Copies(Kind):
    """Copies of mail to an address, or to a whole domain: what recipient_bcc_maps has."""

    name = "copy"
    words = gettext_lazy("Copies of mail (BCC)")
    counted = ngettext_lazy("Import %(n)s copy", "Import %(n)s copies", "count")
    made = ngettext_lazy("%(n)s copy created", "%(n)s copies created", "count")
    fields = {
        "address": gettext_lazy("Mail to"),
        "local_part": gettext_lazy("Name before the @"),
        "domain": gettext_lazy("Domain"),
        "copy_to": gettext_lazy("Copy to"),
    }
    shown_at = {"local_part": "address", "goto": "copy_to"}

    def read(self, given, options):
        reading = Reading()
        texts.own_address(reading, given, options, catch_all=True)
        reading.values["goto"] = given.get("copy_to", "")
        if reading.key.startswith("@"):  # of mail to all of the domain
            reading.local_part = ""
        return reading

    def check(self, actor, reading, domains, in_use, options):
        if reading.key and (domain := domains.get(reading.domain)):
            also = getattr(domain, "copies_of_lines", 0)
            check_copy(actor=actor, also=also, **self._fields(reading, domain))

    def count(self, domain, lines, size):
        domain.copies_of_lines = getattr(domain, "copies_of_lines", 0) + lines

    def _fields(self, reading, domain):
        return {
            "domain": domain,
            "direction": TO,
            "local_part": reading.local_part,
            **reading.values,
        }

    def create(self, actor, reading, domains, options):
        add_copy(actor=actor, **self._fields(reading, domains[reading.domain]))


KINDS = {kind.name: kind for kind in (Mailboxes(), Aliases(), AliasDomains(), Domains(), Copies())}


def kinds_of(actor):
    return {
        name: kind
        for name, kind in KINDS.items()
        if sees_all_domains(actor) or not kind.superadmins_only
    }


def domains_of(actor, names):
    """{name: Domain} of those that the account manages, with their counters. ``actor`` None is the command line."""
    rows = Domain.objects.all() if actor is None else Domain.objects.manageable_by(actor)
    return rows.select_related("usage").in_bulk([name for name in set(names) if name])

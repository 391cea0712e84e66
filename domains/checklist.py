import json
from typing import NamedTuple

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import View
from django.views.generic.detail import SingleObjectMixin

from aliases.lookup import Lookup, keys_of
from aliases.models import Alias
from domains.dns.findings import DIFFERS, OK, Finding
from domains.models import Domain
from panel.pages import ScopedMixin

NEW = "new_domains"  # in the session, which each page reads anyway
MOST = 20


class Step(NamedTuple):
    words: str
    done: bool
    url: str


def begin(request, domain):
    request.session[NEW] = [*request.session.get(NEW, ()), domain.pk][-MOST:]


def is_wanted(request, domain):
    return domain.pk in request.session.get(NEW, ()) and domain.ends_here


def steps(domain, rows):
    new = reverse("domain-new-address", args=[domain.pk])
    postmaster = f"postmaster@{domain.pk}"
    return [
        Step(
            _("Mail for postmaster@ reaches somebody"),
            is_answered(postmaster, domain, rows),
            f"{new}?kind=alias&local_part=postmaster",
        ),
        Step(_("A first mailbox"), domain.usage.mailboxes > 0, new),
        Step(_("An administrator of its own"), bool(domain.first_admin), reverse("admin-create")),
        Step(
            _("DNS: its MX record leads here"),
            mx_leads_here(domain),
            reverse("domain-dns", args=[domain.pk]),
        ),
    ]


def is_answered(address, domain, rows):
    aliases = [
        Alias(row.pk, ",".join(row.targets), active=row.active, is_self_alias=bool(row.mailbox))
        for row in rows
    ]
    if domain.catch_all is not None:
        aliases.append(Alias(f"@{domain.pk}", domain.catch_all, active=domain.catch_all_active))
    lookup = Lookup()
    lookup.know_all(domain, aliases, {row.pk: row.on for row in rows if row.mailbox})
    lookup.prepare((), [alias for alias in aliases if alias.address in keys_of(address)])
    return lookup.answers([address])[address] is not None


def mx_leads_here(domain):
    # By the last check of the DNS: a page does not wait for a resolver.
    found = map(Finding.stored, json.loads(domain.dns_findings or "[]"))
    return any(one.topic == "mx" and one.state in {OK, DIFFERS} for one in found)


class DomainChecklist(ScopedMixin, SingleObjectMixin, View):
    model = Domain
    scope = "manageable_by"
    superadmins_only = resellers_too = True
    http_method_names = ["post", "options"]

    def post(self, request, *args, **kwargs):
        domain = self.get_object()
        left = [name for name in request.session.get(NEW, ()) if name != domain.pk]
        request.session[NEW] = left
        return HttpResponseRedirect(domain.get_absolute_url())

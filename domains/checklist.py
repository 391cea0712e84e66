"""What a new domain still needs, for whoever created it: on the domain's page, until it is done or not wanted."""

from typing import NamedTuple

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import View
from django.views.generic.detail import SingleObjectMixin

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


def steps(request, domain, rows, catch_all):
    """The Steps, or none; ``rows`` are all addresses of the domain as its list has them, ``catch_all`` its targets."""
    if domain.pk not in request.session.get(NEW, ()) or not domain.ends_here:
        return []
    new = reverse("domain-new-address", args=[domain.pk])
    return [
        Step(
            _("Mail for postmaster@ reaches somebody"),
            reaches_somebody(f"postmaster@{domain.pk}", rows, catch_all),
            f"{new}?kind=alias&local_part=postmaster",
        ),
        Step(_("A first mailbox"), domain.usage.mailboxes > 0, new),
        Step(_("An administrator of its own"), bool(domain.first_admin), reverse("admin-create")),
        Step(_("DNS: its MX record leads here"), False, reverse("domain-dns", args=[domain.pk])),
    ]


def reaches_somebody(address, rows, catch_all):
    by_address = {row.pk: row for row in rows}
    row = by_address.get(address)
    if row is None or not row.active:
        return bool(catch_all)
    off = {other.pk for other in rows if not other.active}
    return row.mailbox is not None or not off.union(row.gone).issuperset(row.targets)


class DomainChecklist(ScopedMixin, SingleObjectMixin, View):
    """Leaves the list out from now on."""

    model = Domain
    scope = "manageable_by"
    superadmins_only = True
    http_method_names = ["post", "options"]

    def post(self, request, *args, **kwargs):
        domain = self.get_object()
        left = [name for name in request.session.get(NEW, ()) if name != domain.pk]
        request.session[NEW] = left
        return HttpResponseRedirect(domain.get_absolute_url())

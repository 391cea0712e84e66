from django.utils.functional import cached_property

from domains.models import Domain
from panel.addresses import lookup_key
from panel.paging import KeysetMixin
from panel.prepared import in_scope, prepared


@in_scope(prepared)
def _visible(actor, name):
    return Domain.objects.visible_to(actor).select_related("usage").filter(pk=name)


class InDomainMixin:
    @cached_property
    def domain_asked(self):
        return lookup_key(self.request.GET.get("domain", ""))

    @cached_property
    def domain(self):
        name = self.domain_asked
        if not name:
            return None
        return next(iter(_visible(self.actor, name)), None)

    def in_domain(self, rows):
        return rows.filter(domain=self.domain_asked) if self.domain_asked else rows

    def filters(self):
        get = self.request.GET.get
        return {
            "q": get("q", "").strip(),
            "domain_name": self.domain_asked,
            "state": get("state", ""),
        }

    def filter_rows(self, rows):
        filters = self.filters()
        rows = self.in_domain(rows)
        if filters["q"]:
            rows = rows.search(lookup_key(filters["q"]))
        if filters["state"] in {"active", "inactive"}:
            rows = rows.filter(active=filters["state"] == "active")
        return rows

    def get_context_data(self, **kwargs):
        return super().get_context_data(domain=self.domain, **kwargs)


class AddressListMixin(InDomainMixin, KeysetMixin):
    """A list of addresses, sorted by domain and then by address.

    ``orderings["address"]`` is (domain, address): the order of the index that every scope can use.
    """

    def sortable(self):
        """No index sorts several domains, but not all, by the last change."""
        several = not self.domain_asked and len(self.actor.scope_domains) > 1
        return self.orderings.keys() - {"changed"} if several else self.orderings.keys()

    def columns(self):
        """A search over all domains sorts by address, the order of the index it reads."""
        columns = super().columns()
        if self.ordering.endswith("address") and self.filters()["q"] and not self.is_narrow():
            return columns[1:]
        return columns

    def in_domain(self, rows):
        names = (self.domain_asked,) if self.domain_asked else self.actor.scope_domains
        if len(names) != 1:
            return rows
        return rows.within(names[0]) if self.leads_by_domain() else rows.filter(domain=names[0])

    def leads_by_domain(self):
        return self.columns()[0] == "domain_id"

    def is_narrow(self):
        return bool(self.filters()["domain_name"] or self.actor.scope_domains)

    def jump_values(self, text):
        text = lookup_key(text)
        if len(self.columns()) == 1:
            return (text + self.end,)
        names = (self.domain_asked,) if self.domain_asked else self.actor.scope_domains
        if len(names) == 1:
            return (names[0], text + self.end)
        if "@" in text:
            return (text.rpartition("@")[2], text + self.end)
        return (text + self.end, self.end)

"""What lists of rows in domains share: narrowing to one domain, search, state, order."""

from django.utils.functional import cached_property

from domains.models import Domain
from panel.addresses import lookup_key
from panel.paging import KeysetMixin


class InDomainMixin:
    """A list that may be narrowed to one domain (``?domain=``) and then wears its header and tabs."""

    @cached_property
    def domain_asked(self):
        return lookup_key(self.request.GET.get("domain", ""))

    @cached_property
    def domain(self):
        name = self.domain_asked
        if not name:
            return None
        return Domain.objects.visible_to(self.actor).select_related("usage").filter(pk=name).first()

    def in_domain(self, rows):
        """Narrow ``rows``; the name of a domain that is not the actor's finds nothing."""
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

    ``orderings["address"]`` is (domain, address): the order of the index that serves every scope.
    """

    def sortable(self):
        """The last changed of several domains are in no index: one domain, or all."""
        several = not self.domain_asked and len(self.actor.scope_domains) > 1
        return self.orderings.keys() - {"changed"} if several else self.orderings.keys()

    def columns(self):
        """Searching everywhere goes by address, for that is the index it reads."""
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
        """The rows are those of some domains, so an index begins with the domain."""
        return bool(self.filters()["domain_name"] or self.actor.scope_domains)

    def jump_values(self, text):
        """In one domain the beginning of an address will do, in many that of a domain, for its first."""
        text = lookup_key(text)
        if len(self.columns()) == 1:
            return (text + self.end,)
        names = (self.domain_asked,) if self.domain_asked else self.actor.scope_domains
        if len(names) == 1:
            return (names[0], text + self.end)
        if "@" in text:
            return (text.rpartition("@")[2], text + self.end)
        return (text + self.end, self.end)

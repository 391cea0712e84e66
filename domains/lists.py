from itertools import islice

from django.utils.functional import cached_property

from domains import addresses, words
from domains.models import Domain
from panel.addresses import lookup_key
from panel.paging import PAGE_SIZES, TOGETHER, KeysetMixin
from panel.prepared import in_scope, prepared


@in_scope(prepared)
def _visible(actor, name):
    return Domain.objects.visible_to(actor).select_related("usage").filter(pk=name)


DOMAINS = 5  # that a search leads to which finds nothing else


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

    @cached_property
    def filters(self):
        get = self.request.GET.get
        return {
            "q": get("q", "").strip(),
            "domain_name": self.domain_asked,
            "state": get("state", ""),
        }

    def filter_rows(self, rows):
        filters = self.filters
        rows = self.in_domain(rows)
        if filters["q"] and not self.words:
            rows = rows.search(lookup_key(filters["q"]))
        if filters["state"] in {"on", "off"}:
            rows = rows.filter(active=filters["state"] == "on")
        return rows

    def get_context_data(self, **kwargs):
        self.request.no_such_domain = self.domain is None
        context = super().get_context_data(domain=self.domain, **kwargs)
        if not context["object_list"]:
            context["no_domain_yet"] = not Domain.objects.exists()
        return context


class WordSearchMixin(KeysetMixin):
    """A list that ``q`` searches by words (domains/words.py), in the order of the words found.

    Text with an ``@`` that keys begin with finds those, in the list's own order.
    """

    word_kinds = ()
    domain_asked = ""

    @cached_property
    def words(self):
        text = lookup_key(self.request.GET.get("q", ""))
        if "@" in text and self.begins_with(text):
            return ()
        return words.words_of(text)

    def begins_with(self, text):
        return self.get_queryset().search(text).exists()

    def sortable(self):
        return () if self.words else super().sortable()

    def paginate(self, rows):
        if not self.words:
            return super().paginate(rows)
        names = words.names_in_scope(self.actor, self.domain_asked)
        found = self.found(names) if names is not None else {"keys": []}
        keys = found.pop("keys")
        narrow = words.IN_DOMAINS.issuperset(self.word_kinds) and not self.domain_asked
        lost = narrow and not keys and names is not None and not found.get("next_url")
        return {
            "object_list": self.rows_found(rows, keys) if keys else [],
            "next_url": None,
            "previous_url": None,
            "first_url": None,
            # Nobody counts beyond the page.
            "at": None,
            "count_bound": len(keys),
            "page_sizes": PAGE_SIZES,
            "size": self.size,
            "sort": self.ordering,
            "sortable": (),
            "jump": False,
            "domains_found": words.first_keys("domain", self.words, names, DOMAINS) if lost else (),
            **found,
            "count": self.count_of(keys, found),
        }

    def every_row(self):
        if not self.words:
            yield from super().every_row()
            return
        names = words.names_in_scope(self.actor, self.domain_asked)
        if names is None:
            return
        rows = self.filter_rows(self.get_queryset())
        keys = words.every_key(self.word_kinds, self.words, names, self.state_wanted())
        while some := list(islice(keys, TOGETHER)):
            yield from self.rows_found(rows, some)

    def count_of(self, keys, found):
        """The number of rows found, one more than are shown if there are more; None if it is not
        known."""
        if found.get("first_url") or (found.get("next_url") and len(keys) < self.size):
            return None
        return len(keys) + bool(found.get("next_url"))

    def rows_found(self, rows, keys):
        """The rows of ``keys``, in their order; in scope once more: the table of words is a derived one."""
        rows = self.annotated(rows.filter(pk__in=keys))
        shown = rows.values_list(*self.shown, named=True) if self.shown else rows
        by_key = {row.pk: row for row in shown}
        return [by_key[key] for key in keys if key in by_key]

    def found(self, names):
        query, length = self.request.GET, 3 if len(names) > 1 else 2
        after, before = query.getlist("after"), query.getlist("before")
        backwards = len(after) != length and len(before) == length
        position = before if backwards else after if len(after) == length else []
        rows, rest = words.page(
            *(self.word_kinds, self.lead, names, self.size + 1),
            position=position,
            descending=backwards,
            state=self.state_wanted(),
        )
        more = len(rows) > self.size
        rows = rows[: self.size]
        beyond = words.position_of(rows[-1], names) if more else rest
        back = words.position_of(rows[0], names) if position and rows else None
        if backwards:
            rows.reverse()
            beyond, back = back, beyond
        return {
            "keys": [row.row_key for row in rows],
            "next_url": self.at("after", beyond),
            "previous_url": self.at("before", back),
            "first_url": self.url_with(after=None, before=None, jump=None) if position else None,
        }

    @cached_property
    def lead(self):
        names = words.names_in_scope(self.actor, self.domain_asked)
        return words.lead_of(self.word_kinds, self.words, names)

    def at(self, parameter, position):
        if position is None:
            return None
        return self.url_with(**{"after": None, "before": None, "jump": None, parameter: position})

    def state_wanted(self):
        state = self.filters["state"]
        if state not in {"on", "off"}:
            return None
        return self.of_rows("active =", state == "on")

    def of_rows(self, condition, value):
        meta = self.model._meta
        return {self.word_kinds[0]: (meta.db_table, meta.pk.column, condition, value)}


class AddressListMixin(InDomainMixin, WordSearchMixin):
    """A list of addresses, sorted by domain and then by address.

    ``orderings["address"]`` is (domain, address): the order of the index that every scope can use.
    """

    def get_context_data(self, **kwargs):
        of_kind = addresses.counts(self.actor, self.domain.pk) if self.domain else None
        return super().get_context_data(of_kind=of_kind, **kwargs)

    def sortable(self):
        # No index sorts several domains, but not all, by the last change.
        several = not self.domain_asked and len(self.actor.scope_domains) > 1
        return [name for name in super().sortable() if not several or name != "changed"]

    def columns(self):
        # A search over all domains sorts by address, the order of the index it reads.
        columns = super().columns()
        if self.ordering.endswith("address") and self.filters["q"] and not self.is_narrow():
            return columns[1:]
        return columns

    def in_domain(self, rows):
        names = (self.domain_asked,) if self.domain_asked else self.actor.scope_domains
        if len(names) != 1:
            return rows
        return rows.within(names[0]) if self.leads_by_domain() else rows.filter(domain=names[0])

    def count(self, rows):
        return self.in_all(self.domain) if self.counted() else super().count(rows)

    def counted(self):
        filters = self.filters
        return bool(self.domain) and not filters["q"] and not filters["state"]

    def leads_by_domain(self):
        return self.columns()[0] == "domain_id"

    def is_narrow(self):
        return bool(self.filters["domain_name"] or self.actor.scope_domains)

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

"""The bases of every page: the scope, the actor, saving, and lists that page by key."""

from itertools import accumulate
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist, ValidationError
from django.db.models import Q
from django.http import Http404, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.generic import DetailView, FormView, TemplateView
from django.views.generic.detail import SingleObjectMixin

from accounts.scoping import may_open

PAGE_SIZES = (25, 50, 75)
ROOM = 85_000  # bytes of HTML that the rows of a page may have together: it has 100 kB
COUNT_BOUND = 1_000


class ActorMixin:
    """Give the view ``actor``: the signed-in account, with the client's address for the log."""

    @cached_property
    def actor(self):
        account = self.request.user
        account.client_ip = client_ip(self.request)
        return account


class ScopedMixin(ActorMixin):
    """Limit a generic view to the rows its account may work with.

    ``scope`` names a ScopedQuerySet method and has no default: a view that forgets it must not
    work. A row outside it is a 404, never a 403, which would tell.
    """

    scope = None
    superadmins_only = False
    model = None

    def dispatch(self, request, *args, **kwargs):
        if not may_open(self.actor, superadmins_only=self.superadmins_only):
            raise Http404
        try:
            return super().dispatch(request, *args, **kwargs)
        except ObjectDoesNotExist as error:  # deleted between our look and the service's lock
            raise Http404 from error

    def get_queryset(self):
        if self.scope not in {"visible_to", "manageable_by"}:
            raise ImproperlyConfigured(f"{type(self).__name__} names no scope.")
        return getattr(self.model.objects.all(), self.scope)(self.actor)


class SaveMixin(ScopedMixin):
    """A form view whose form gets the actor and calls a service in ``save()``.

    A ValidationError of the service (somebody was faster) becomes an error of the form, at the
    field it names when the form shows that field.
    """

    success_message = ""

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"actor": self.actor}

    def form_valid(self, form):
        try:
            self.object = form.save()
        except ValidationError as error:
            add_errors(form, error)
            return self.form_invalid(form)
        message = self.get_success_message(form)
        if message:
            messages.success(self.request, message)
        return HttpResponseRedirect(self.get_success_url())

    def form_invalid(self, form):
        response = super().form_invalid(form)
        response.status_code = 422
        return response

    def get_success_message(self, form):
        return self.success_message % {"object": self.object}


def add_errors(form, error):
    """Show a service's ValidationError on ``form``; fields it does not show go to the top."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for field, errors in error.error_dict.items():
        form.add_error(field if field in form.fields else None, errors)


class ScopedDetailView(ScopedMixin, DetailView):
    """The page of one row."""


class ScopedFormView(SaveMixin, SingleObjectMixin, FormView):
    """A form about one row (``pk`` in the URL), or about a new one."""

    object = None
    http_method_names = ["get", "head", "post", "options"]  # Django's forms take PUT for POST

    def get(self, request, *args, **kwargs):
        self.load()
        return super().get(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        self.load()
        return super().post(request, *args, **kwargs)

    def load(self):
        """Find the row, in scope or 404."""
        if "pk" in self.kwargs:
            self.object = self.get_object()

    def get_form_kwargs(self):
        kwargs = super().get_form_kwargs()
        if self.object is not None:
            kwargs["instance"] = self.object
        return kwargs


class ConfirmView(ScopedMixin, SingleObjectMixin, TemplateView):
    """A page that says what will happen, and the POST that does it.

    ``perform()`` calls a service and returns where to go; a ValidationError is shown on the page.
    """

    success_message = ""

    def get(self, request, *args, **kwargs):
        self.object = self.get_object()
        return self.render_to_response(self.get_context_data())

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        try:
            url = self.perform()
        except ValidationError as error:
            context = self.get_context_data(errors=error.messages)
            return self.render_to_response(context, status=422)
        if self.success_message:
            messages.success(request, self.success_message % {"object": self.object})
        return HttpResponseRedirect(url)

    def perform(self):
        raise NotImplementedError


class StateView(ConfirmView):
    """Switch a row on (``active=1``) or off; the page says what stops. ``switch()`` calls the service."""

    def get_context_data(self, **kwargs):
        return super().get_context_data(activate=not self.object.active, **kwargs)

    def perform(self):
        active = self.request.POST.get("active") == "1"
        self.switch(active)
        self.success_message = (
            _("%(object)s is active.") if active else _("%(object)s is inactive.")
        )
        return self.get_success_url()

    def switch(self, active):
        raise NotImplementedError


class ScopedListView(ScopedMixin, TemplateView):
    """A list that pages by key; combine with KeysetMixin, which stands on its left."""

    def get_context_data(self, **kwargs):
        rows = self.filter_rows(self.get_queryset())
        return super().get_context_data(**self.paginate(rows), **self.filters(), **kwargs)

    def filters(self):
        """The filters in force, for the toolbar: name → text."""
        return {}

    def filter_rows(self, rows):
        return rows


class KeysetMixin:
    """Page through an index instead of counting rows.

    ``orderings`` maps the ``sort`` parameter to the tuple of columns of an index (the last one
    unique); ``-`` in front turns it round. ``after`` and ``before`` hold the columns' values at
    a page's edge; ``jump`` starts at a key, in the orders ``jumpable``. ``related`` names relations to fetch with the rows
    shown. A page ends early where its rows are long; none costs more than the rows it shows.
    """

    orderings = {"address": ("pk",)}
    default_ordering = "address"
    jumpable = ("address", "name")
    related = ()
    page_size = 50

    @cached_property
    def ordering(self):
        name = self.request.GET.get("sort", "")
        if name.removeprefix("-") not in self.sortable():
            name = self.default_ordering
        return name

    def sortable(self):
        """The names of ``orderings`` that an index serves for the rows at hand."""
        return self.orderings.keys()

    @cached_property
    def size(self):
        try:
            size = int(self.request.GET.get("size", ""))
        except ValueError:
            size = self.page_size
        return size if size in PAGE_SIZES else self.page_size

    def columns(self):
        """The columns of the current order, without direction; the last one is unique."""
        return self.orderings[self.ordering.removeprefix("-")]

    def jump_values(self, text):
        """Translate what a person typed into the jump field to values of ``columns()``."""
        return (text + self.end,)

    @property
    def end(self):
        """What makes a beginning the last of its names, for an order that goes backwards."""
        return "\U0010ffff" if self.ordering.startswith("-") else ""

    def paginate(self, rows):
        """Return the context of one page of ``rows``: object_list, next, previous, count."""
        columns = self.columns()
        descending = self.ordering.startswith("-")
        query = self.request.GET
        values, backwards, inclusive = (), False, False
        if len(query.getlist("after")) == len(columns):
            values = query.getlist("after")
        elif len(query.getlist("before")) == len(columns):
            values, backwards = query.getlist("before"), True
        elif query.get("jump", "").strip():
            values, inclusive = self.jump_values(query["jump"].strip().lower()), True
        down = descending != backwards
        try:
            edge = beyond(columns, values, descending=down, inclusive=inclusive) if values else Q()
            keys = self.keys(rows.filter(edge), columns, down)
        except (ValidationError, ValueError, OverflowError):  # a cursor nobody was given
            values, backwards = (), False
            keys = self.keys(rows, columns, descending)
        page = self.rows_of(keys[: self.size])
        # One at least, or nobody would see what comes behind it.
        fitting = max(1, sum(end <= ROOM for end in accumulate(map(self.bytes_of, page))))
        more = len(keys) > self.size or len(page) > fitting
        page = page[:fitting]
        if backwards:
            page.reverse()
        has_next, has_previous = (bool(values), more) if backwards else (more, bool(values))
        return {
            "object_list": page,
            "next_url": self.edge_url("after", page[-1]) if page and has_next else None,
            "previous_url": self.edge_url("before", page[0]) if page and has_previous else None,
            "first_url": self.url_with(after=None, before=None, jump=None) if values else None,
            "count": bounded_count(rows),
            "count_bound": COUNT_BOUND,
            "page_sizes": PAGE_SIZES,
            "size": self.size,
            "sort": self.ordering,
            "sortable": self.sortable(),
            "jump": self.ordering.removeprefix("-") in self.jumpable,
        }

    def keys(self, rows, columns, descending):
        """The keys of one page and one more, read from the list's index alone."""
        order = (f"-{column}" if descending else column for column in columns)
        return list(rows.order_by(*order).values_list("pk", flat=True)[: self.size + 1])

    def rows_of(self, keys):
        """The rows of ``keys``, in their order, with what ``related`` names.

        A second statement: asked for whole rows at once, MariaDB walks from the domain's start.
        """
        found = self.whole_rows().in_bulk(keys)
        return [found[key] for key in keys if key in found]

    def whole_rows(self):
        """The queryset that the rows shown are fetched from."""
        rows = self.model.objects.all()
        return rows.select_related(*self.related) if self.related else rows

    def bytes_of(self, row):
        """About how much HTML the row is: it says its name nine times."""
        return 850 + 9 * len(str(row.pk))

    def edge_url(self, parameter, row):
        values = []
        for column in self.columns():
            value = row.pk if column == "pk" else getattr(row, column)
            values.append(value.isoformat() if hasattr(value, "isoformat") else str(value))
        return self.url_with(**{"after": None, "before": None, "jump": None, parameter: values})

    def url_with(self, **changes):
        query = {key: self.request.GET.getlist(key) for key in self.request.GET} | changes
        return "?" + urlencode({k: v for k, v in query.items() if v and v != [""]}, doseq=True)


def beyond(columns, values, *, descending, inclusive=False):
    """Return the Q of rows after ``values`` in the order of ``columns``.

    Written as ``a >= x AND (a > x OR (a = x AND b > y))``: the first part gives the database a
    range of the index, the second the exact edge.
    """
    operator = "lt" if descending else "gt"
    condition = Q(**{f"{columns[-1]}__{operator}{'e' if inclusive else ''}": values[-1]})
    for column, value in zip(columns[-2::-1], values[-2::-1], strict=True):
        condition = Q(**{f"{column}__{operator}": value}) | (Q(**{column: value}) & condition)
        condition &= Q(**{f"{column}__{operator}e": value})
    return condition


def bounded_count(rows, bound=COUNT_BOUND):
    """Count at most ``bound + 1`` rows: a list says "more than 1,000" instead of scanning."""
    return rows.order_by()[: bound + 1].count()


def client_ip(request):
    """The client's address: with a proxy in front (BEHIND_PROXY) the one the proxy saw, its own last word."""
    peer = request.META.get("REMOTE_ADDR") or ""
    if settings.BEHIND_PROXY:
        # What a client writes into the header itself stands before the proxy's entry.
        return request.META.get("HTTP_X_FORWARDED_FOR", peer).rpartition(",")[2].strip()
    return peer


def safe_next(request, default):
    """Return the ``next`` parameter when it leads to this site, else ``default``."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return target
    return default

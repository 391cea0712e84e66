from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import Resolver404, resolve
from django.utils.functional import cached_property
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.generic import DetailView, FormView, TemplateView
from django.views.generic.detail import SingleObjectMixin

from panel import once
from panel.prepared import in_scope, prepared
from panel.rights import is_reading
from panel.scoping import may_open
from panel.transactions import Unavailable

RETRY_SECONDS = 30


class ActorMixin:
    """``right`` is what one must be allowed to do to open the page (panel/rights.py), and ``right_to_change`` to send its form, if
    the page itself is only looked at. None is a domain admin, or a superadmin.
    """

    right = None
    right_to_change = None

    @cached_property
    def actor(self):
        account = self.request.user
        account.client_ip = client_ip(self.request)
        account.right = self.right_needed()
        return account

    def right_needed(self):
        looks = self.request.method in {"GET", "HEAD", "OPTIONS"} or not is_reading(self.right)
        return self.right if looks else self.right_to_change


class ScopedMixin(ActorMixin):
    """Limit a generic view to the rows its account may work with.

    ``scope`` names a ScopedQuerySet method and has no default: a view without one must not
    work. A row outside it is a 404, never a 403, which would tell that it exists.
    """

    scope = None
    superadmins_only = False
    resellers_too = False  # where it is superadmins_only
    model = None
    # Besides the row itself: what may be deleted before the service has its lock, such as the row's domain.
    also_gone = ()

    def dispatch(self, request, *args, **kwargs):
        only, too = self.superadmins_only, self.resellers_too
        if not may_open(self.actor, superadmins_only=only, resellers_too=too):
            raise Http404
        try:
            response = super().dispatch(request, *args, **kwargs)
        except (Http404, once.Repeated, self.model.DoesNotExist, *self.also_gone) as error:
            response = self.answer_again()
            if response is None:
                raise Http404 from error
        # A second click finds the name taken, or the row gone, by the first one.
        refused = response.status_code in {404, 422}
        return (self.answer_again() or response) if refused else response

    def answer_again(self):
        earlier = once.earlier(self.request)
        return earlier and self.answer(earlier.url, earlier.told)

    def answer(self, url, told):
        once.tell(self.request, told)
        return HttpResponseRedirect(url)

    def options(self, request, *args, **kwargs):
        self._refuse_missing()
        return super().options(request, *args, **kwargs)

    def http_method_not_allowed(self, request, *args, **kwargs):
        self._refuse_missing()
        return super().http_method_not_allowed(request, *args, **kwargs)

    def _refuse_missing(self):
        # Otherwise OPTIONS would tell that a row out of scope exists.
        if "pk" in self.kwargs:
            self.get_object()

    def get_queryset(self):
        if self.scope not in {"visible_to", "manageable_by", "resold_by"}:
            raise ImproperlyConfigured(f"{type(self).__name__} names no scope.")
        rows = getattr(self.model.objects.all(), self.scope)(self.actor)
        seen, managed = self.actor.scope_domains, self.actor.managed_names
        if self.scope == "visible_to" and managed != seen:  # what changes something, too
            rows = rows.in_domains(self.actor, managed)
        return rows

    def get_success_url(self):
        return self.back or self.object.get_absolute_url()

    @cached_property
    def back(self):
        """The list that one came from, with its filter, to return to from a page about a row; or ""."""
        if "pk" not in self.kwargs:
            return ""
        # request.headers would be put together of all that was sent.
        referer = self.request.META.get("HTTP_REFERER", "")
        came_from = urlsplit(referer)
        here = referer and came_from.netloc == self.request.get_host() and is_list(came_from.path)
        return safe_next(
            self.request, came_from._replace(scheme="", netloc="").geturl() if here else ""
        )

    def get_context_data(self, **kwargs):
        return super().get_context_data(back=self.back, **kwargs)

    def get_object(self, queryset=None):
        """Return the row of the URL, in scope or 404. Its statement is put together once for each view and role."""
        found = _named_row(type(self))(self.actor, self.kwargs["pk"])
        if not found:
            raise Http404
        return found[0]

    def row_named(self, pk):
        return self.get_queryset().filter(pk=pk)


@cache
def _named_row(view_class):
    @in_scope(prepared)
    def row(actor, pk):
        view = view_class()
        view.actor = actor
        return view.row_named(pk)

    return row


class SaveMixin(ScopedMixin):
    """A form view whose form gets the actor and calls a service in ``save()``.

    A ValidationError of the service becomes an error of the form, at its field if the form shows it.
    """

    success_message = ""

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"actor": self.actor}

    def form_valid(self, form):
        try:
            url, told = once.done(self.request, lambda: self.save(form))
        except ValidationError as error:
            form.add_error(None, error)
            return with_status(self.form_invalid(form), error)
        return self.answer(url, told)

    def save(self, form):
        """Return where to go then and what to say there. It is called again if its transaction is."""
        self.object = form.save()
        message = self.get_success_message(form)
        return self.get_success_url(), [Message(messages.SUCCESS, message)] if message else []

    def form_invalid(self, form):
        response = super().form_invalid(form)
        response.status_code = 422
        return response

    def get_success_message(self, form):
        return self.success_message % {"object": self.object}


def with_status(response, error):
    response.status_code = 422
    if isinstance(error, Unavailable):
        response.status_code = 503
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


class ScopedDetailView(ScopedMixin, DetailView):
    pass


class ScopedFormView(SaveMixin, SingleObjectMixin, FormView):
    object = None
    template_engine = "jinja2"
    http_method_names = ["get", "head", "post", "options"]  # Django's FormView treats PUT like POST

    def get(self, request, *args, **kwargs):
        self.load()
        return super().get(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        self.load()
        return super().post(request, *args, **kwargs)

    def load(self):
        if "pk" in self.kwargs:
            self.object = self.get_object()

    def get_form_kwargs(self):
        kwargs = super().get_form_kwargs()
        if self.object is not None:
            kwargs["instance"] = self.object
        return kwargs


class PreviewMixin:
    """A page whose button ``preview`` shows what the form would change, by its ``preview()``, and changes nothing."""

    def form_valid(self, form):
        if "preview" not in self.request.POST:
            return super().form_valid(form)
        try:
            said = form.preview()
        except ValidationError as error:
            form.add_error(None, error)
            return self.form_invalid(form)
        return self.render_to_response(self.get_context_data(form=form, said=said))


class ConfirmView(ScopedMixin, SingleObjectMixin, TemplateView):
    """A page that says what will happen, and the POST that does it.

    ``perform()`` calls a service and returns the URL to go to; its ValidationError is shown on the page.
    """

    template_engine = "jinja2"
    success_message = ""
    tag = None  # of that message: parts/base.html puts a button beside some

    def get(self, request, *args, **kwargs):
        self.object = self.get_object()
        return self.render_to_response(self.get_context_data())

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        try:
            url, told = once.done(request, self.act)
        except ValidationError as error:
            context = self.get_context_data(errors=error.messages)
            return with_status(self.render_to_response(context), error)
        return self.answer(url, told)

    def act(self):
        url = self.perform()
        text = self.success_message % {"object": self.object}
        return url, [Message(messages.SUCCESS, text, self.tag)]

    def perform(self):
        raise NotImplementedError


class StateView(ConfirmView):
    """Switch a row on (``active=1``) or off, after a page with the consequences. ``set_active()`` calls the service."""

    def get_context_data(self, **kwargs):
        return super().get_context_data(activate=not self.object.active, **kwargs)

    def perform(self):
        active = self.request.POST.get("active") == "1"
        self.set_active(active)
        self.success_message = _("%(object)s is on.") if active else _("%(object)s is off.")
        return self.get_success_url()

    def set_active(self, active):
        raise NotImplementedError


class ScopedListView(ScopedMixin, TemplateView):
    """A list that pages by key; KeysetMixin must stand before it among the bases."""

    template_engine = "jinja2"

    def get_context_data(self, **kwargs):
        # What is not narrowed is prepared.
        rows = self.filter_rows(self.get_queryset()) if self.narrowed() else None
        return super().get_context_data(**self.paginate(rows), **self.filters, **kwargs)

    @cached_property
    def filters(self):
        return {}

    def filter_rows(self, rows):
        return rows


LISTS = {"dashboard", "search", "domain", "log"}


def is_list(path):
    try:
        name = resolve(path).url_name or ""
    except Resolver404:
        return False
    return name in LISTS or name.endswith("-list")


def client_ip(request):
    """The client's address; with BEHIND_PROXY the one that the proxy saw, the header's last entry."""
    peer = request.META.get("REMOTE_ADDR") or ""
    if settings.BEHIND_PROXY:
        # The client may send this header itself; the proxy appends its entry at the end.
        return request.META.get("HTTP_X_FORWARDED_FOR", peer).rpartition(",")[2].strip()
    return peer


def safe_next(request, default):
    target = request.POST.get("next") or request.GET.get("next") or ""
    if target and url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return target
    return default

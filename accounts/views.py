import re
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import get_script_prefix, resolve, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django.views.generic import FormView
from django.views.i18n import set_language

from accounts import factors, services, sessions, sign_ins
from accounts.forms import (
    AdminCreateForm,
    AdminForm,
    AdminPasswordForm,
    LoginForm,
    PreferencesForm,
)
from accounts.models import NAMED, Admin, LogEntry
from panel import once, tasks
from panel.addresses import display_address, lookup_key
from panel.bulk import BulkView
from panel.export import TableMixin
from panel.formats import minutes
from panel.log_actions import ADMINS, of_kind
from panel.pages import (
    ConfirmView,
    ScopedDetailView,
    ScopedFormView,
    ScopedListView,
    StateView,
    client_ip,
    safe_next,
)
from panel.paging import KeysetMixin
from panel.prepared import prepared
from panel.scoping import starts_with_name
from panel.transactions import REASONS

hide_passwords = method_decorator(sensitive_post_parameters(), name="dispatch")


@method_decorator([login_not_required, never_cache], name="dispatch")
@hide_passwords
class SignIn(FormView):
    http_method_names = ["get", "head", "post", "options"]

    template_name = "registration/login.html"
    template_engine = "jinja2"
    form_class = LoginForm

    def get(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            return HttpResponseRedirect(safe_next(request, reverse("dashboard")))
        return super().get(request, *args, **kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {
            "request": self.request,
            "ip": client_ip(self.request),
        }

    def get_context_data(self, **kwargs):
        sessions.forget_messages(self.request)
        return super().get_context_data(
            next=safe_next(self.request, ""),
            signed_out_after=self.signed_out_after(),
            firm=settings.FIRM_NAME,
            **kwargs,
        )

    def signed_out_after(self):
        seconds = self.request.COOKIES.get(sessions.ENDED, "")
        return minutes(int(seconds) // 60) if re.fullmatch(r"[0-9]{1,9}", seconds) else ""

    def form_valid(self, form):
        account, ip = form.account, client_ip(self.request)
        spared = factors.is_on(account) and factors.is_spared(account, ip)
        if spared or not factors.is_on(account):
            sessions.begin(self.request, account, spared=spared)
            return let_in(self.request, account)
        sessions.await_second_step(self.request, account)
        place = safe_next(self.request, "")
        return HttpResponseRedirect(
            reverse("second-step") + (f"?{urlencode({'next': place})}" if place else "")
        )

    def form_invalid(self, form):
        return refused(super().form_invalid(form), form)


def let_in(request, account):
    """The answer to whoever has signed in: where they wanted to go. Who shall have a second factor is led to it first."""
    if not account.is_mailbox_user and (task := tasks.unfinished(account)):
        request.session[tasks.IN_SESSION] = task
    sign_ins.record(account, client_ip(request))
    place = safe_next(request, reverse("dashboard"))
    if factors.is_asked_to_set_up(account, client_ip(request)):
        place = f"{reverse('own-factor-setup')}?{urlencode({'next': place})}"
    response = HttpResponseRedirect(place)
    if sessions.ENDED in request.COOKIES:
        response.delete_cookie(sessions.ENDED, samesite=settings.SESSION_COOKIE_SAMESITE)
    return response


def refused(response, form):
    codes = {error.code for errors in form.errors.as_data().values() for error in errors}
    response.status_code = 429 if "throttled" in codes else 503 if codes & REASONS.keys() else 422
    if response.status_code == 503:
        response["Retry-After"] = "5"
    return response


def session_left(request):
    # in seconds; whoever wants to stay signed in asks here, as any page that is read prolongs the
    # session
    return HttpResponse(getattr(request, "session_left", ""), content_type="text/plain")


class SignOut(LogoutView):
    http_method_names = ["post", "options"]


@require_POST
def preferences(request):
    form = PreferencesForm(request.POST)
    if form.is_valid():
        services.set_preferences(request.user, **form.cleaned_data)
    return set_language(request)  # for the page to sign in on, too; and back to where one was


class HandOverMixin:
    """The answer to a form that set a password shows it, once: no other response holds it, nothing stores it."""

    def get_success_url(self):
        # Not the list one came from: the answer tells the row by it.
        return self.object.get_absolute_url()

    def answer(self, url, told):
        once.tell(self.request, told)
        key = resolve(f"/{url.removeprefix(get_script_prefix())}").kwargs["pk"]
        context = {
            "login": self.login_name(key),
            "password": self.request.POST["password"],
            "rows": self.how_to_sign_in(),
            "next": url,
        }
        return TemplateResponse(self.request, "hand_over.html", context, using="jinja2")

    def login_name(self, key):
        return display_address(key)

    def how_to_sign_in(self):
        return [(_("Panel"), self.request.build_absolute_uri(reverse("login")))]


class FactorReset(ConfirmView):
    """Take away the second factor of an account. One's own is switched off on the own page."""

    template_name = "accounts/factor_reset.html"
    success_message = gettext_lazy(
        "The second factor of %(object)s is off. Its sessions are signed out."
    )

    def get_context_data(self, **kwargs):
        nothing = not factors.is_on(self.object) or self.object == self.actor
        return super().get_context_data(nothing_to_do=nothing, own=self.actor, **kwargs)

    def perform(self):
        factors.reset(actor=self.actor, account=self.object)
        return self.get_success_url()


class AdminPages:
    model = Admin
    scope = "manageable_by"
    superadmins_only = True
    context_object_name = "admin"


class AdminList(AdminPages, TableMixin, KeysetMixin, ScopedListView):
    template_name = "accounts/admin_list.html"
    shown = ("pk", "superadmin", "active", "domain_count", *(f"domain_{n}" for n in range(NAMED)))

    table_name = "administrators"
    headings = (
        *(gettext_lazy("Login name"), gettext_lazy("Superadmin")),
        *(gettext_lazy("Domains"), gettext_lazy("Active")),
    )

    def line(self, row):
        links = Admin.domains.through.objects.filter(username=row.pk).order_by("domain")
        names = () if row.superadmin else links.values_list("domain", flat=True).distinct()
        return row.pk, row.superadmin, ", ".join(names), row.active

    def filters(self):
        get = self.request.GET.get
        return {
            "q": get("q", "").strip(),
            "domain_name": lookup_key(get("domain", "")),
            "state": get("state", ""),
            "role": get("role", ""),
        }

    def filter_rows(self, rows):
        filters = self.filters()
        if filters["q"]:
            rows = rows.filter(starts_with_name(filters["q"]))
        if filters["domain_name"]:
            links = Admin.domains.through.objects.filter(domain=filters["domain_name"])
            rows = rows.filter(pk__in=links.values("username"))
        if filters["state"] in {"on", "off"}:
            rows = rows.filter(active=filters["state"] == "on")
        if filters["role"] in {"superadmin", "domain"}:
            rows = rows.filter(superadmin=filters["role"] == "superadmin")
        return rows

    def jump_values(self, text):
        return (lookup_key(text) + self.end,)

    @staticmethod
    def annotated(rows):
        return rows.with_domains()


class AdminPage(AdminPages, ScopedDetailView):
    template_name = "accounts/admin_detail.html"
    SHOWN = 200

    def get_context_data(self, **kwargs):
        names = _first_assigned_to(self.object.pk)
        return super().get_context_data(
            domain_names=names[: self.SHOWN],
            more_domains=len(names) > self.SHOWN,
            log_entries=_entries_about(self.object.pk),
            **kwargs,
        )


@prepared
def _assigned_to(name):
    return Admin(pk=name).assigned


@prepared
def _first_assigned_to(name):
    return Admin(pk=name).assigned[: AdminPage.SHOWN + 1]


@prepared
def _entries_about(name):
    # Entries of no domain about this name are about the administrator, not a mailbox.
    entries = LogEntry.objects.filter(domain="", action__in=of_kind(ADMINS), data=name)
    return entries.order_by("-timestamp", "-pk").stored()[:5]


@hide_passwords
class AdminCreate(AdminPages, HandOverMixin, ScopedFormView):
    template_name = "accounts/admin_form.html"
    form_class = AdminCreateForm
    success_message = gettext_lazy("Administrator %(object)s created.")


class AdminEdit(AdminPages, ScopedFormView):
    template_name = "accounts/admin_form.html"
    form_class = AdminForm
    success_message = gettext_lazy("Administrator %(object)s saved.")

    def get_initial(self):
        admin = self.object
        return {
            "superadmin": admin.superadmin,
            "domains": "\n".join(_assigned_to(admin.pk)),
            "phone": admin.phone,
            "email_other": admin.email_other,
        }


@hide_passwords
class AdminPassword(AdminPages, HandOverMixin, ScopedFormView):
    template_name = "accounts/admin_password.html"
    form_class = AdminPasswordForm
    success_message = gettext_lazy("New password of %(object)s saved. Its sessions are signed out.")

    def get(self, request, *args, **kwargs):
        if self.get_object() == self.actor:
            return HttpResponseRedirect(reverse("account"))
        return super().get(request, *args, **kwargs)


class AdminFactor(AdminPages, FactorReset):
    pass


class AdminState(AdminPages, StateView):
    template_name = "accounts/admin_confirm_state.html"

    def set_active(self, active):
        services.update_admin(actor=self.actor, admin=self.object, active=active)


class AdminDelete(AdminPages, ConfirmView):
    template_name = "accounts/admin_confirm_delete.html"
    success_message = gettext_lazy("Administrator %(object)s deleted.")

    def perform(self):
        services.delete_admin(actor=self.actor, admin=self.object)
        return self.back or reverse("admin-list")

    def get_context_data(self, **kwargs):
        return super().get_context_data(domain_count=self.object.assigned.count(), **kwargs)


class AdminBulk(AdminPages, BulkView):
    template_name = "accounts/admin_confirm_bulk.html"
    list_url_name = "admin-list"
    summaries = {
        "activate": ngettext_lazy(
            "%(n)d administrator is on.", "%(n)d administrators are on.", "n"
        ),
        "deactivate": ngettext_lazy(
            "%(n)d administrator is off.", "%(n)d administrators are off.", "n"
        ),
        "delete": ngettext_lazy(
            "%(n)d administrator deleted.", "%(n)d administrators deleted.", "n"
        ),
    }

    def get_queryset(self):
        return super().get_queryset().with_domain_count()

    def activate(self, row):
        services.update_admin(actor=self.actor, admin=row, active=True)

    def deactivate(self, row):
        services.update_admin(actor=self.actor, admin=row, active=False)

    def delete(self, row):
        services.delete_admin(actor=self.actor, admin=row)

import re
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django.views.generic import FormView
from django.views.i18n import set_language

from accounts import (
    challenges,
    factors,
    identity,
    managers,
    own_account,
    password_due,
    services,
    sessions,
    sign_ins,
)
from accounts.admin_forms import BY_MAILBOX, NARROWED, AdminCreateForm, AdminForm, AdminPasswordForm
from accounts.forms import (
    LoginForm,
    PreferencesForm,
)
from accounts.hand_over import HandOverMixin, InvitationPage
from accounts.models import NAMED, Admin, LogEntry
from accounts.reselling import BUDGET, counting_for
from domains import resellers
from panel import tasks
from panel.addresses import lookup_key
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
from panel.rights import FULL, READ, ROLES
from panel.scoping import starts_with_name
from panel.transactions import Unavailable

SIGNED_OUT = "signed-out"  # in the query of the page to sign in
hide_passwords = method_decorator(sensitive_post_parameters(), name="dispatch")


@method_decorator([login_not_required, never_cache], name="dispatch")
@hide_passwords
class SignIn(FormView):
    http_method_names = ["get", "head", "post", "options"]

    template_name = "registration/login.html"
    template_engine = "jinja2"
    form_class = LoginForm
    refusal = None  # a ValidationError: why somebody who came another way is not signed in

    def get(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            return HttpResponseRedirect(place_for(request.user, safe_next(request, "")))
        name = "" if SIGNED_OUT in request.GET else identity.remote_user(request)
        if name:
            try:
                return self.let_in_by_proxy(name)
            except ValidationError as error:
                self.refusal = error
        response = super().get(request, *args, **kwargs)
        if self.refusal:
            response.status_code = 503 if self.refusal.code == "busy" else 422
        return response

    def let_in_by_proxy(self, name):
        account = identity.account_named(name, settings.REMOTE_USER_ROLES)
        return after_first_step(
            self.request,
            account,
            asked_elsewhere=settings.REMOTE_USER_SECOND_FACTOR,
            remote_user=name,
        )

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
            refusal=self.refusal and self.refusal.messages[0],
            provider=settings.OIDC_NAME,
            with_password=identity.opens_by_password(),
            forgotten=any(settings.FORGOTTEN_PASSWORDS.values()),
            passkeys=challenges.site(),
            **kwargs,
        )

    def signed_out_after(self):
        seconds = self.request.COOKIES.get(sessions.ENDED, "")
        return minutes(int(seconds) // 60) if re.fullmatch(r"[0-9]{1,9}", seconds) else ""

    def form_valid(self, form):
        try:
            identity.refuse_password(form.account)
        except ValidationError as error:
            form.add_error(None, error)
            return self.form_invalid(form)
        if form.by_passkey:  # which is two factors: the device, and that it knew its owner
            sessions.begin(self.request, form.account)
            return let_in(self.request, form.account)
        return after_first_step(self.request, form.account)

    def form_invalid(self, form):
        return refused(super().form_invalid(form), form)


def after_first_step(
    request, account, place=None, *, asked_elsewhere=False, remote_user=None, by_provider=False
):
    """Begin the session of ``account``, or let the second step follow; return a redirect, to ``place`` in the end.

    ``asked_elsewhere``: a second factor was asked for by whoever says that it is this account. ``remote_user``: the
    proxy's name for it, with which the session ends. ``by_provider``: the identity provider said who it is.
    """
    place = safe_next(request, "") if place is None else place
    ip, by = client_ip(request), {"remote_user": remote_user, "by_provider": by_provider}
    spared = not asked_elsewhere and factors.is_on(account) and factors.is_spared(account, ip)
    if asked_elsewhere or spared or not factors.is_on(account):
        sessions.begin(request, account, spared=spared, asked_elsewhere=asked_elsewhere, **by)
        return let_in(request, account, place)
    sessions.await_second_step(request, account, **by)
    query = f"?{urlencode({'next': place})}" if place else ""
    return HttpResponseRedirect(reverse("second-step") + query)


def let_in(request, account, place=None):
    """The answer to whoever has signed in: where they wanted to go. Who shall have a second factor is led to it first."""
    if not account.is_mailbox_user and (task := tasks.unfinished(account)):
        request.session[tasks.IN_SESSION] = task
    sign_ins.record(account, client_ip(request))
    place = place_for(account, place or safe_next(request, ""))
    if identity.must_set_password(account):
        place = f"{reverse('password-due')}?{urlencode({'next': place})}"
    elif until := password_due.ends_soon(account):
        text = _("Your password can be used until %(date)s. Choose another one before.")
        messages.warning(request, text % {"date": date_format(timezone.localtime(until))})
    elsewhere = sessions.ASKED_ELSEWHERE in request.session
    if not elsewhere and factors.is_asked_to_set_up(account, client_ip(request)):
        place = f"{reverse('own-factor-setup')}?{urlencode({'next': place})}"
    response = HttpResponseRedirect(place)
    if sessions.ENDED in request.COOKIES:
        response.delete_cookie(sessions.ENDED, samesite=settings.SESSION_COOKIE_SAMESITE)
    return response


def place_for(account, wanted):
    """Where somebody goes after signing in: to ``wanted``, unless it is a page of the domain where a session as its manager ended,
    for the sign-in that opens it is that of the mailbox.
    """
    if not wanted:
        return reverse("dashboard")
    own = reverse("account")
    if not account.is_mailbox_user or urlsplit(wanted).path.startswith(own):
        return wanted
    return wanted if managers.manager_of(account.pk) is None else own


def refused(response, form):
    errors = [error for errors in form.errors.as_data().values() for error in errors]
    if any(error.code == "throttled" for error in errors):
        response.status_code = 429
    elif any(isinstance(error, Unavailable) or error.code == "busy" for error in errors):
        response.status_code = 503
        response["Retry-After"] = "5"
    else:
        response.status_code = 422
    return response


def session_left(request):
    # in seconds; whoever wants to stay signed in asks here, as any page that is read prolongs the
    # session
    return HttpResponse(getattr(request, "session_left", ""), content_type="text/plain")


class SignOut(LogoutView):
    http_method_names = ["post", "options"]

    def get_default_redirect_url(self):
        # The proxy would sign in again at once who just signed out.
        stays = identity.remote_user(self.request)
        return super().get_default_redirect_url() + (f"?{SIGNED_OUT}" if stays else "")


@require_POST
def preferences(request):
    form = PreferencesForm(request.POST)
    if form.is_valid():
        own_account.set_preferences(request.user, **form.cleaned_data)
    return set_language(request)  # for the page to sign in on, too; and back to where one was


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


class OwnSignInPages(AdminPages):
    """About a password, or what stands for one: not of those who sign in with a mailbox."""

    def get_queryset(self):
        return super().get_queryset().filter(mailbox=None)


class AdminList(AdminPages, TableMixin, KeysetMixin, ScopedListView):
    template_name = "accounts/admin_list.html"
    shown = (
        "pk",
        "superadmin",
        "mailbox",
        "active",
        "domain_count",
        *(f"domain_{n}" for n in range(NAMED)),
    )

    table_name = "administrators"
    table_columns = {
        "username": gettext_lazy("Login name"),
        "superadmin": gettext_lazy("Superadmin"),
        "domains": gettext_lazy("Domains"),
        "active": gettext_lazy("Active"),
        "mailbox": gettext_lazy("Signs in with the mailbox"),
    }

    def line(self, row):
        links = Admin.domains.through.objects.filter(username=row.pk).order_by("domain")
        superadmin = row.superadmin and row.mailbox is None
        names = () if superadmin else list(links.values_list("domain", flat=True).distinct())
        if row.mailbox is not None:
            own = Admin(mailbox=row.mailbox).own_domain
            names = [name for name in names if name == own]
        return row.pk, superadmin, [*names], row.active, row.mailbox

    @cached_property
    def filters(self):
        get = self.request.GET.get
        return {
            "q": get("q", "").strip(),
            "domain_name": lookup_key(get("domain", "")),
            "state": get("state", ""),
            "role": get("role", ""),
        }

    def filter_rows(self, rows):
        filters = self.filters
        if filters["q"]:
            rows = rows.filter(starts_with_name(filters["q"]))
        if filters["domain_name"]:
            links = Admin.domains.through.objects.filter(domain=filters["domain_name"])
            rows = rows.filter(pk__in=links.values("username"))
        if filters["state"] in {"on", "off"}:
            rows = rows.filter(active=filters["state"] == "on")
        if filters["role"] in {"superadmin", "domain"}:
            rows = rows.superadmins(filters["role"] == "superadmin")
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
        admin = self.object
        names = _first_assigned_to(admin.pk) if admin.has_own_sign_in else admin.domain_names
        budget = resellers.budget_in_words(self.object) if self.object.is_reseller else ()
        return super().get_context_data(
            budget=budget,
            domain_names=names[: self.SHOWN],
            roles_there=[
                (name, ROLES.get(role, ROLES[READ]))
                for name, role in sorted(self.object.domain_roles.items())[: self.SHOWN]
            ],
            more_domains=len(names) > self.SHOWN,
            log_entries=_entries_about(self.object.pk),
            mailbox_there=not admin.has_own_sign_in and managers.is_there(admin),
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

    def get_initial(self):
        mailbox = self.request.GET.get("mailbox", "")  # from its page
        return {"username": mailbox, "how": BY_MAILBOX} if mailbox else {}


class AdminEdit(AdminPages, ScopedFormView):
    template_name = "accounts/admin_form.html"
    form_class = AdminForm
    success_message = gettext_lazy("Administrator %(object)s saved.")

    def get_initial(self):
        admin, names = self.object, {role: [] for role in ROLES}
        for name in _assigned_to(admin.pk) if admin.has_own_sign_in else admin.domain_names:
            role = admin.domain_roles.get(name, FULL)
            names[role if role in names else READ].append(name)
        lists = {"domains": FULL, **NARROWED}
        return {
            "superadmin": admin.superadmin,
            **{field: "\n".join(names[role]) for field, role in lists.items()},
            **{name: getattr(admin, name) for name in BUDGET},
            "resold": "\n".join(counting_for(admin)),
            "phone": admin.phone,
            "email_other": admin.email_other,
            "must_change": admin.must_change,
        }


@hide_passwords
class AdminPassword(OwnSignInPages, HandOverMixin, ScopedFormView):
    template_name = "accounts/admin_password.html"
    form_class = AdminPasswordForm
    success_message = gettext_lazy("New password of %(object)s saved. Its sessions are signed out.")

    def get(self, request, *args, **kwargs):
        if self.get_object() == self.actor:
            return HttpResponseRedirect(reverse("account"))
        return super().get(request, *args, **kwargs)


class AdminFactor(OwnSignInPages, FactorReset):
    pass


class AdminInvite(OwnSignInPages, InvitationPage):
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

    def asks(self, action, rows):
        by_mailbox = any(not (row.active or row.has_own_sign_in) for row in rows)
        return by_mailbox or super().asks(action, rows)

    def activate(self, row):
        services.update_admin(actor=self.actor, admin=row, active=True)

    def deactivate(self, row):
        services.update_admin(actor=self.actor, admin=row, active=False)

    def delete(self, row):
        services.delete_admin(actor=self.actor, admin=row)

"""Pages about mailboxes, and the one page of a mailbox's own user."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from accounts.bulk import BulkView
from accounts.generic import (
    ActorMixin,
    ConfirmView,
    KeysetMixin,
    ScopedDetailView,
    ScopedFormView,
    ScopedListView,
    add_errors,
)
from accounts.views import hide_passwords
from aliases.views import catch_all_of, leading_here, pointing, recent_entries
from domains.models import Domain
from domains.views import InDomainMixin
from mailboxes import services
from mailboxes.forms import (
    ForwardingForm,
    MailboxCreateForm,
    MailboxForm,
    MailboxPasswordForm,
    OwnMailboxPasswordForm,
)
from mailboxes.models import NEARLY_FULL, Mailbox, megabytes


class MailboxPages:
    """What all pages about one mailbox or many share."""

    model = Mailbox
    scope = "manageable_by"
    context_object_name = "mailbox"

    def get_queryset(self):
        return super().get_queryset().select_related("usage", "domain__usage")

    def get_success_url(self):
        return reverse("mailbox", args=[self.object.pk])


class MailboxList(MailboxPages, InDomainMixin, KeysetMixin, ScopedListView):
    template_name = "mailboxes/mailbox_list.html"
    orderings = {"address": ("domain_id", "username"), "changed": ("modified", "username")}

    def get_queryset(self):
        return super(MailboxPages, self).get_queryset().select_related("usage")

    def columns(self):
        """Searching everywhere goes by address, for that is the index it reads."""
        columns = super().columns()
        if self.ordering.endswith("address") and self.filters()["q"] and not self.is_narrow():
            return columns[1:]
        return columns

    def is_narrow(self):
        """The rows are those of some domains, so an index begins with the domain."""
        return bool(self.filters()["domain_name"] or self.actor.domain_names)

    def jump_values(self, text):
        if len(self.columns()) == 1:
            return (text,)
        return (text.rpartition("@")[2], text if "@" in text else "")

    def filters(self):
        get = self.request.GET.get
        return {
            "q": get("q", "").strip(),
            "domain_name": get("domain", "").strip().lower(),
            "state": get("state", ""),
        }

    def filter_rows(self, rows):
        filters = self.filters()
        rows = self.in_domain(rows)
        if filters["q"]:
            rows = rows.search(filters["q"])
        if filters["state"] in {"active", "inactive"}:
            rows = rows.filter(active=filters["state"] == "active")
        elif filters["state"] == "full":
            rows = rows.filter(full__percent__gte=NEARLY_FULL)
        return rows


class MailboxPage(MailboxPages, ScopedDetailView):
    template_name = "mailboxes/mailbox_detail.html"

    def get_context_data(self, **kwargs):
        mailbox = self.object
        forward, keeps_copy = services.forwarding(mailbox)
        return super().get_context_data(
            forward=forward,
            keeps_copy=keeps_copy,
            catch_all=None if mailbox.active else catch_all_of(mailbox),
            leading_here=leading_here(self.actor, mailbox.pk),
            log_entries=recent_entries(mailbox),
            **kwargs,
        )


@hide_passwords
class MailboxCreate(MailboxPages, ScopedFormView):
    template_name = "mailboxes/mailbox_form.html"
    form_class = MailboxCreateForm

    def get_initial(self):
        name = self.request.GET.get("domain", "").strip().lower()
        domain = Domain.objects.manageable_by(self.actor).filter(pk=name).first() if name else None
        return {
            "domain": domain.pk if domain else "",
            "quota_mb": max(0, (domain.maxquota if domain else settings.DOMAIN_DEFAULTS["maxquota"])),
            "welcome": settings.WELCOME_MAIL,
        }

    def get_success_message(self, form):
        return format_html(
            '{} <a href="{}?domain={}&target={}">{}</a>',
            _("Mailbox %(object)s created.") % {"object": self.object},
            reverse("alias-create"),
            self.object.domain_id,
            self.object.pk,
            _("Add an alias for it"),
        )


class MailboxEdit(MailboxPages, ScopedFormView):
    template_name = "mailboxes/mailbox_form.html"
    form_class = MailboxForm
    success_message = gettext_lazy("Mailbox %(object)s saved.")

    def get_initial(self):
        mailbox = self.object
        fields = ("name", "smtp_active", "phone", "email_other", "active")
        return {name: getattr(mailbox, name) for name in fields} | {"quota_mb": _plain(mailbox.quota_mb)}


def _plain(number):
    return int(number) if number == int(number) else number


class MailboxForwarding(MailboxPages, ScopedFormView):
    template_name = "mailboxes/mailbox_forwarding.html"
    form_class = ForwardingForm
    success_message = gettext_lazy("Forwarding of %(object)s saved.")

    def get_initial(self):
        targets, keep_copy = services.forwarding(self.object)
        return {"targets": "\n".join(targets), "keep_copy": keep_copy}


@hide_passwords
class MailboxPassword(MailboxPages, ScopedFormView):
    template_name = "mailboxes/mailbox_password.html"
    form_class = MailboxPasswordForm
    success_message = gettext_lazy("New password of %(object)s saved.")


class MailboxState(MailboxPages, ConfirmView):
    template_name = "mailboxes/mailbox_confirm_state.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            activate=not self.object.active,
            catch_all=catch_all_of(self.object),
            **pointing(self.actor, [self.object.pk]),
            **kwargs,
        )

    def perform(self):
        active = self.request.POST.get("active") == "1"
        services.set_mailbox_active(actor=self.actor, mailbox=self.object, active=active)
        return self.get_success_url()


class MailboxDelete(MailboxPages, ConfirmView):
    template_name = "mailboxes/mailbox_confirm_delete.html"
    success_message = gettext_lazy("Mailbox %(object)s deleted.")

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            catch_all=catch_all_of(self.object), **pointing(self.actor, [self.object.pk]), **kwargs
        )

    def perform(self):
        drop_from = pointing(self.actor, [self.object.pk])["pointing"] if "drop" in self.request.POST else ()
        services.delete_mailbox(actor=self.actor, mailbox=self.object, drop_from=drop_from)
        return reverse("mailbox-list")


class MailboxBulk(MailboxPages, BulkView):
    template_name = "mailboxes/mailbox_confirm_bulk.html"
    list_url_name = "mailbox-list"

    def consequences(self, rows):
        return pointing(self.actor, [row.pk for row in rows])

    def activate(self, row):
        services.set_mailbox_active(actor=self.actor, mailbox=row, active=True)

    def deactivate(self, row):
        services.set_mailbox_active(actor=self.actor, mailbox=row, active=False)

    def delete(self, row):
        services.delete_mailbox(actor=self.actor, mailbox=row, drop_from=self.drop_from)


@hide_passwords
class OwnMailbox(ActorMixin, TemplateView):
    """A mailbox user's page: password, forwarding, storage. Who you are comes from the session alone."""

    template_name = "mailboxes/own.html"

    def dispatch(self, request, *args, **kwargs):
        if not self.actor.is_mailbox_user:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def forms(self, data=None):
        """Both forms; the one whose button was pressed is bound."""
        targets, keep_copy = services.forwarding(self.actor)
        chosen = data.get("form") if data is not None else None
        return {
            "password_form": OwnMailboxPasswordForm(
                data if chosen == "password" else None, actor=self.actor, prefix="password"
            ),
            "forwarding_form": ForwardingForm(
                data if chosen == "forwarding" else None,
                actor=self.actor,
                instance=self.actor,
                prefix="forwarding",
                initial={"targets": "\n".join(targets), "keep_copy": keep_copy},
            ),
        }

    def get_context_data(self, **kwargs):
        mailbox = self.actor
        return super().get_context_data(
            mailbox=mailbox,
            used_mb=megabytes(mailbox.used),
            mail_hostname=settings.MAIL_HOSTNAME,
            **(self.forms() | kwargs),
        )

    def post(self, request, *args, **kwargs):
        forms = self.forms(request.POST)
        name = f"{request.POST.get('form')}_form"
        form = forms.get(name)
        if form is None:
            raise Http404
        if form.is_valid():
            try:
                account = form.save()
            except ValidationError as error:
                add_errors(form, error)
            else:
                if name == "password_form":
                    update_session_auth_hash(request, account)
                    messages.success(request, _("Password changed. Use the new one in your mail programs too."))
                else:
                    messages.success(request, _("Forwarding saved."))
                return HttpResponseRedirect(reverse("account"))
        return self.render_to_response(self.get_context_data(**forms), status=422)

from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.views import hide_passwords
from aliases.forms import AliasCreateForm, CatchAllForm
from aliases.models import Alias
from aliases.previews import preview_of_mailbox, preview_of_targets
from aliases.services import check_new_alias
from domains.forms import with_pasted_address
from domains.models import Domain
from mailboxes.forms import MailboxCreateForm, most_offered, quota_left
from mailboxes.forwarding import self_alias
from mailboxes.models import Mailbox, first_quota
from mailboxes.restoring import warning_about
from mailboxes.services import check_new_mailbox
from mailboxes.suggestions import suggested
from mailboxes.views import MailboxHandOver
from panel.addresses import display_address, lookup_key
from panel.pages import ScopedFormView, ScopedMixin
from panel.prepared import in_scope, prepared
from panel.scoping import acting, may, may_anywhere, may_open

MAILBOX, ALIAS, CATCH_ALL = "mailbox", "alias", "catch-all"
FORMS = {MAILBOX: MailboxCreateForm, ALIAS: AliasCreateForm, CATCH_ALL: CatchAllForm}


def right_to_make(kind):
    return "mailboxes:write" if kind == MAILBOX else "aliases:write"


@in_scope(prepared)
def _manageable(actor, name):
    return Domain.objects.manageable_by(actor).select_related("usage").filter(pk=name)


@hide_passwords
class NewAddress(MailboxHandOver, ScopedFormView):
    """``?kind=`` chooses, else it is ``kind``. The domain is the URL's, or the one of ``?domain=``."""

    model = Domain
    scope = "manageable_by"
    right = "mailboxes:write"  # or that of aliases, if one is made
    template_name = "mailboxes/new_address.html"
    form_class = MailboxCreateForm
    extra_context = {"in_own_domain": True}
    kind = MAILBOX

    def right_needed(self):
        return right_to_make(self.wanted)

    def get_queryset(self):
        return super().get_queryset().select_related("usage")

    def load(self):
        if "pk" in self.kwargs and self.domain is None:
            raise Http404

    @cached_property
    def wanted(self):
        kind = self.request.GET.get("kind")
        catch_all = self.kind == ALIAS and self.request.GET.get("local_part") == "*"
        return CATCH_ALL if catch_all else kind if kind in FORMS else self.kind

    @cached_property
    def domain(self):
        if "pk" in self.kwargs:
            return self.get_object()
        names = self.actor.managed_names
        name = lookup_key(self.request.GET.get("domain", ""))
        name = name or (names[0] if len(names) == 1 else "")
        return next(iter(_manageable(self.actor, name)), None) if name else None

    def get_form_class(self):
        return FORMS[self.wanted]

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"domain": self.domain}

    def get_initial(self):
        get = self.request.GET.get
        typed = lookup_key(get("local_part", "")).partition("@")[0]
        initial = {"domain": self.domain.pk if self.domain else "", "local_part": typed}
        if self.wanted == MAILBOX:
            quota = first_quota(self.domain)
            return initial | {"quota_mb": quota, "welcome": settings.WELCOME_MAIL}
        return initial | {"targets": get("target", "")}

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            domain=self.domain,
            kind=self.wanted,
            kinds=self.kinds(),
            left=quota_left(self.domain),
            most=most_offered(self.domain),
            **kwargs,
        )

    def kinds(self):
        words = {MAILBOX: _("Mailbox"), ALIAS: _("Alias"), CATCH_ALL: _("Catch-all")}
        if self.domain is None:
            here = reverse("mailbox-create")
        else:
            here = reverse("domain-new-address", args=[self.domain.pk])
        return [
            (kind, label, f"{here}?kind={kind}")
            for kind, label in words.items()
            if self.may_make(kind)
        ]

    def may_make(self, kind):
        if self.domain is None:
            return may_anywhere(self.actor, right_to_make(kind))
        return may(self.actor, right_to_make(kind), self.domain.pk)

    def answer(self, url, told):
        if self.wanted == MAILBOX:
            return super().answer(url, told)
        return ScopedMixin.answer(self, url, told)

    def get_success_url(self):
        if self.wanted == CATCH_ALL and self.back:  # the list that it was set in
            return self.back
        return self.object.get_absolute_url()

    def get_success_message(self, form):
        made = self.created_message()
        in_bin = warning_about(self.actor, self.object.pk)
        return format_html("{} {}", made, in_bin) if in_bin else made

    def created_message(self):
        if self.wanted == CATCH_ALL:
            return _("Catch-all of %(domain)s set.") % {"domain": self.object.domain}
        if self.wanted == ALIAS:
            return _("Alias %(object)s created.") % {"object": self.object}
        query = urlencode({"kind": ALIAS, "target": self.object.pk})
        return format_html(
            '{} <a href="{}?{}">{}</a>',
            _("Mailbox %(object)s created.") % {"object": self.object},
            reverse("domain-new-address", args=[self.object.domain_id]),
            query,
            _("Add an alias for it"),
        )


class NewAlias(NewAddress):
    right = "aliases:write"
    form_class = AliasCreateForm
    kind = ALIAS


# --- What the forms for addresses ask while they are filled in


@require_safe
def address_suggestions(request):
    actor = acting(request.user, "aliases:read")
    if not may_open(actor):
        raise Http404
    rows = suggested(actor, request.GET.get("q", ""), request.GET.get("domain", ""))
    return render(request, "mailboxes/suggestions.html", {"rows": rows}, using="jinja2")


@require_POST
def address_preview(request):
    asked, kind = request.POST.get, request.POST.get("kind", "")
    right = "forwarding:write" if kind == "forwarding" else right_to_make(kind)
    actor = acting(request.user, right)
    if not may_open(actor):
        raise Http404
    if kind in FORMS:
        context = _of_a_new_one(actor, kind, with_pasted_address(request.POST))
    else:
        context = _of_a_row(actor, kind, asked("address", ""), request.POST)
    return render(request, "mailboxes/preview.html", context, using="jinja2")


def _of_a_new_one(actor, kind, typed):
    name = lookup_key(typed.get("domain", ""))
    rows = Domain.objects.manageable_by(actor).select_related("usage", "alias_of__target_domain")
    domain = rows.filter(pk=name).first() if name else None
    local_part = "*" if kind == CATCH_ALL else typed.get("local_part", "").strip().removesuffix("@")
    context = {"kind": kind, "problems": [], "recipients": (), "left": ""}
    check = check_new_mailbox if kind == MAILBOX else check_new_alias
    row = None
    try:
        if local_part and domain is not None:
            row = check(actor=actor, domain=domain, local_part=local_part)
    except ValidationError as error:
        context["problems"] = [one for errors in error.error_dict.values() for one in errors]
    in_bin = []
    if row is not None:
        context["free"] = display_address(row.pk)
        in_bin = [text for text in [warning_about(actor, row.pk)] if text]
    if kind == MAILBOX:
        context |= {"left": quota_left(domain), "most": most_offered(domain)}
        said = preview_of_mailbox(actor, domain, row.pk) if row else []
        return context | {"said": [*in_bin, *said]}
    said, recipients = preview_of_targets(
        actor, row or Alias(domain=domain), typed.get("targets", "")
    )
    return context | {"said": [*in_bin, *said], "recipients": recipients}


def _of_a_row(actor, kind, address, typed):
    if kind == "forwarding":
        mailboxes = Mailbox.objects.manageable_by(actor).select_related("domain")
        mailbox = mailboxes.filter(pk=address).first()
        row = mailbox and (self_alias(mailbox) or Alias(address=address, is_self_alias=True))
        if row:
            row.domain = mailbox.domain
            row.goto = mailbox.pk if typed.get("keep_copy") else ""
    else:
        rows = Alias.objects.manageable_by(actor).select_related("domain")
        row = rows.filter(pk=address).first()
    if not row:
        raise Http404
    said, recipients = preview_of_targets(actor, row, typed.get("targets", ""))
    return {"kind": kind, "said": said, "recipients": recipients, "problems": [], "left": ""}

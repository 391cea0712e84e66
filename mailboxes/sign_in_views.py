from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from mailboxes import sign_ins
from mailboxes.models import RefusedNetwork, SignIn
from mailboxes.own import OwnPages
from mailboxes.views import MailboxPages
from panel.pages import ScopedDetailView, ScopedMixin
from panel.paging import beyond

SHOWN = 50
NETWORKS = 200
KINDS = {"": {}, "in": {"success": True}, "failed": {"success": False}}


class SignInList:
    """Sign-ins of one mailbox, the last one first. ``only``: a word of KINDS; ``after``: the last row shown before."""

    def listed(self, mailbox):
        get = self.request.GET
        only = get.get("only", "") if get.get("only", "") in KINDS else ""
        rows = SignIn.objects.visible_to(self.actor).filter(username=mailbox.pk, **KINDS[only])
        edge = [int(text) for text in get.getlist("after") if text.isascii() and text.isdigit()]
        if len(edge) == 2 and max(edge) < 2**62:
            rows = rows.filter(beyond(("at", "pk"), edge, descending=True))
        found = list(rows.order_by("-at", "-pk")[: SHOWN + 1])
        more = found[SHOWN - 1] if len(found) > SHOWN else None
        return {
            "rows": sign_ins.with_words(found[:SHOWN], mailbox),
            "only": only,
            "older_url": more and f"?only={only}&after={more.at}&after={more.pk}",
            "newest_url": f"?only={only}" if edge else "",
            "is_on": sign_ins.are_kept(),
            "kept_days": settings.SIGN_INS_DAYS,
        }


class MailboxSignIns(SignInList, MailboxPages, ScopedDetailView):
    right = "sign-ins:read"
    template_engine = "jinja2"
    template_name = "mailboxes/sign_ins.html"
    http_method_names = ["get", "head", "options"]

    def get_context_data(self, **kwargs):
        return super().get_context_data(**self.listed(self.object), **kwargs)


class OwnSignIns(SignInList, OwnPages, TemplateView):
    template_name = "own/sign_ins.html"
    http_method_names = ["get", "head", "options"]

    def get_context_data(self, **kwargs):
        return super().get_context_data(**self.listed(self.actor), **kwargs)


class RefusedNetworks(ScopedMixin, TemplateView):
    """Networks from which nobody signs in to mail for now. POST: let one in again."""

    template_engine = "jinja2"
    template_name = "mailadmin/networks.html"
    http_method_names = ["get", "head", "post", "options"]
    model = RefusedNetwork
    scope = "manageable_by"
    superadmins_only = True

    def post(self, request, *args, **kwargs):
        network = self.get_queryset().filter(pk=request.POST.get("let_in", "")[:60]).first()
        if network is None:
            raise Http404
        sign_ins.let_in(actor=self.actor, network=network)
        text = _("People sign in from %(network)s again within seconds.")
        messages.success(request, text % {"network": network})
        return HttpResponseRedirect(request.path)

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            rows=sign_ins.refused_networks(self.get_queryset())[:NETWORKS],
            is_on=sign_ins.are_kept(),
            failures=settings.SIGN_INS_FAILURES,
            minutes=settings.SIGN_INS_MINUTES,
            refused_minutes=settings.SIGN_INS_REFUSED_MINUTES,
            slowed=settings.SIGN_INS_SLOWED_SECONDS,
            **kwargs,
        )

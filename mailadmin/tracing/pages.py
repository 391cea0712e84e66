"""The page that says where mail for an address goes, step by step."""

from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from domains.models import Domain
from mailadmin.tracing.trace import recipient_in, sender_in, trace
from mailadmin.tracing.words import SHOWN, about, lines, verdict
from panel.pages import ScopedMixin


class TracePage(ScopedMixin, TemplateView):
    http_method_names = ["get", "head", "options"]
    template_engine = "jinja2"
    template_name = "mailadmin/trace.html"
    model = Domain
    scope = "visible_to"

    def get_context_data(self, **kwargs):
        texts = {name: self.request.GET.get(name, "").strip() for name in ("address", "sender")}
        address, sender = recipient_in(texts["address"]), sender_in(texts["sender"])
        read = {"address": address, "sender": sender is not None}
        errors = {name: wrong(text) for name, text in texts.items() if text and not read[name]}
        if address and not errors:
            kwargs |= self.answered(address, sender)
        return super().get_context_data(texts=texts, errors=errors, shown=SHOWN, **kwargs)

    def answered(self, address, sender):
        found = trace(self.actor, address, sender)
        return {
            "trace": found,
            "lines": lines(found),
            "verdict": verdict(found),
            "about": about,
            "due": found.due,
        }


def wrong(text):
    return _("“%(text)s” is no address. Write it like name@example.org.") % {"text": text[:100]}

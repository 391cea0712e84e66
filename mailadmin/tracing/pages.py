from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from accounts.letters import envelope_sender
from aliases.answers import ELSEWHERE as NOT_OURS
from domains.models import Domain
from mailadmin.deliveries.finding import Asked, find, has_ended
from mailadmin.tracing.sending import new_message_id, send_test
from mailadmin.tracing.trace import recipient_in, sender_in, trace
from mailadmin.tracing.words import SHOWN, about, lines, verdict
from panel import once
from panel.pages import ScopedMixin, with_status
from panel.scoping import may_send_tests

MOST_LOOKS = 40  # for a test message, of a page that is left open


class TracePage(ScopedMixin, TemplateView):
    right = "trace:read"
    http_method_names = ["get", "head", "post", "options"]
    template_engine = "jinja2"
    template_name = "mailadmin/trace.html"
    model = Domain
    scope = "visible_to"

    def post(self, request, *args, **kwargs):
        address = recipient_in(request.POST.get("address", ""))
        message_id = new_message_id()
        asked = {"address": address} | ({"test": message_id} if settings.DELIVERY_LOGS else {})
        here = f"{request.path}?{urlencode(asked)}"
        if not address:
            return self.render_to_response(self.get_context_data(), status=422)
        try:
            with once.under_way(request, here) as told:
                said = send_test(actor=self.actor, address=address, message_id=message_id)
                told.append(answered(said))
        except ValidationError as error:
            context = self.get_context_data(refused=error.messages)
            return with_status(self.render_to_response(context), error)
        return self.answer(here, told)

    def get_context_data(self, **kwargs):
        asked = self.request.POST if self.request.method == "POST" else self.request.GET
        texts = {name: asked.get(name, "").strip() for name in ("address", "sender")}
        address, sent_by = recipient_in(texts["address"]), sender_in(texts["sender"])
        read = {"address": address, "sender": sent_by is not None}
        errors = {name: wrong(text) for name, text in texts.items() if text and not read[name]}
        if address and not errors:
            kwargs |= self.traced(address, sent_by)
        return super().get_context_data(texts=texts, errors=errors, shown=SHOWN, **kwargs)

    def traced(self, address, sent_by):
        found = trace(self.actor, address, sent_by)
        return {
            "trace": found,
            "lines": lines(found),
            "verdict": verdict(found),
            "about": about,
            "due": found.due,
            "may_test": self.may_test(found),
            "tests_from": envelope_sender(),
            **self.followed(),
        }

    def may_test(self, found):
        domain = found.address.rpartition("@")[2]
        here = found.everything or found.card.kind != NOT_OURS
        return here and may_send_tests(self.actor, domain)

    def followed(self):
        """What the delivery log has of the test message that was just sent; it is looked for again until its end."""
        test = self.request.GET.get("test", "")[:255]
        if not test or not settings.DELIVERY_LOGS:
            return {"test": ""}
        rows = find(self.actor, Asked(domains=None, name=test)).rows
        looks = self.request.GET.get("looks", "")
        looks = int(looks) + 1 if looks.isascii() and looks.isdigit() and len(looks) < 4 else 1
        query = {"address": self.request.GET.get("address", ""), "test": test, "looks": looks}
        return {
            "test": test,
            "test_rows": rows,
            "look_again": "" if has_ended(rows) else f"?{urlencode(query)}",
            "looks_by_itself": looks < MOST_LOOKS,
        }


def wrong(text):
    return _("“%(text)s” is no address. Write it like name@example.org.") % {"text": text[:100]}


def answered(said):
    """What is told of a test message: what the mail server said, and that this is no delivery."""
    if not said.queue_id:
        return Message(
            messages.WARNING,
            _("The mail server did not take it: “%(reply)s”.") % {"reply": said.reply},
        )
    if settings.DELIVERY_LOGS:
        text = _("The mail server took it: “%(reply)s”. What becomes of it is below.")
        return Message(messages.SUCCESS, text % {"reply": said.reply})
    text = _("The mail server took it: “%(reply)s”. Whether it arrives is in the mail server’s log, under %(id)s.")  # fmt: skip
    return Message(messages.SUCCESS, text % {"reply": said.reply, "id": said.queue_id})

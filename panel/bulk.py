from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from panel import once, tasks
from panel.pages import ScopedMixin, safe_next, with_status
from panel.paging import PAGE_SIZES
from panel.transactions import Unavailable

AT_ONCE = max(PAGE_SIZES)
ACTIONS = ("activate", "deactivate", "delete")


def selected_keys(post):
    return list(dict.fromkeys([*post.getlist("selected"), *post.get("also", "").splitlines()]))


class BulkView(ScopedMixin, TemplateView):
    """POST ``action`` and ``selected`` (several keys, see selected_keys()); without ``confirmed`` the page says what will happen.

    Each row is its own transaction: what cannot be done is named with its reason, the rest is done.
    A row outside the scope makes the whole request a 404. ``perform()`` may ask for more than a click; its
    ValidationError is shown on the page.
    """

    template_engine = "jinja2"
    http_method_names = ["post", "options"]
    list_url_name = None
    counts_rows = True  # whoever deletes many rows types how many they are
    summaries = {}  # by action, with the kind of row: ngettext_lazy(…, …, "n")

    def post(self, request, *args, **kwargs):
        action = request.POST.get("action", "")
        keys = selected_keys(request.POST)
        back = safe_next(request, reverse(self.list_url_name))
        if action not in ACTIONS:
            raise Http404
        if len(keys) > AT_ONCE:
            text = _("At most %(most)s rows at once: %(n)s are selected. Nothing was changed.")
            messages.error(request, text % {"most": AT_ONCE, "n": len(keys)})
            return HttpResponseRedirect(back)
        rows = self.rows_of(keys)
        if len(rows) != len(keys):
            raise Http404
        if not rows:
            messages.info(request, _("Nothing was selected."))
            return HttpResponseRedirect(back)
        asks = self.asks(action, rows)
        consequences = self.consequences(rows) if asks else {}
        context = {"action": action, "rows": rows, "next": back, **consequences}
        if action == "delete" and self.counts_rows:
            context["typed"] = tasks.typed(len(rows))
        if asks and "confirmed" not in request.POST:
            return self.render_to_response(self.get_context_data(**context))
        try:
            if "typed" in context:
                tasks.check_typed(len(rows), request.POST.get("confirm", ""))
            with once.under_way(request, back) as self.told:
                self.perform(action, rows)
        except ValidationError as error:
            context = self.get_context_data(errors=error.messages, **context)
            return with_status(self.render_to_response(context), error)
        return self.answer(back, self.told)

    def rows_of(self, keys):
        return list(self.get_queryset().filter(pk__in=keys).order_by("pk"))

    def answer_again(self):
        earlier = once.earlier(self.request)
        under_way = _("This is being done already. Load the list again to see how far it is.")
        return earlier and self.answer(
            earlier.url, earlier.told or [Message(messages.INFO, under_way)]
        )

    def asks(self, action, rows):
        """Whether a page says first what will happen."""
        return action != "activate"

    def consequences(self, rows):
        return {}

    def perform(self, action, rows):
        self.run(action, rows)

    def run(self, action, rows):
        done = 0
        for row in rows:
            try:
                getattr(self, action)(row)
                done += 1
            except ValidationError as error:
                text = _("%(row)s: %(reason)s")
                reason = " ".join(error.messages)
                self.told.append(Message(messages.ERROR, text % {"row": row, "reason": reason}))
                if isinstance(error, Unavailable):  # the rows after it would not be saved either
                    break
            except type(row).DoesNotExist:
                # Deleted together with an earlier row, or by somebody else.
                done += action == "delete"
        if done:
            self.told.append(Message(messages.SUCCESS, self.summary(action, done)))

    def summary(self, action, done):
        return self.summaries[action] % {"n": done}

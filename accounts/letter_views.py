from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import Http404
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from accounts import letter_texts
from accounts.letter_forms import LetterTextForm
from accounts.models import LetterText
from panel import once
from panel.addresses import display_domain, lookup_key
from panel.pages import ScopedFormView, ScopedMixin, with_status

SHOWN = 200  # texts of one page


class LetterPages:
    model = LetterText
    scope = "manageable_by"
    superadmins_only = True
    template_engine = "jinja2"


class Letters(LetterPages, ScopedMixin, TemplateView):
    template_name = "accounts/letters.html"

    def get_context_data(self, **kwargs):
        texts = self.get_queryset().order_by("kind", "domain", "language")[:SHOWN]
        own = {}
        for text in texts:
            own.setdefault(text.kind, []).append((page_of(text), said_of(text)))
        kinds = [(name, kind, own.get(name, [])) for name, kind in letter_texts.KINDS.items()]
        return super().get_context_data(kinds=kinds, **kwargs)


def page_of(text):
    query = urlencode({"language": text.language, "domain": text.domain})
    return f"{reverse('letter', args=[text.kind])}?{query}"


def said_of(text):
    language = dict(settings.LANGUAGES).get(text.language, text.language)
    return f"{display_domain(text.domain) if text.domain else _('All domains')}, {language}"


class LetterPage(LetterPages, ScopedFormView):
    """One kind of mail in the language, and for the domain, that the query names. "preview" saves nothing."""

    template_name = "accounts/letter_form.html"
    form_class = LetterTextForm
    letter = None

    @cached_property
    def of(self):
        kind, asked = self.kwargs["pk"], self.request.GET
        language = asked.get("language") or get_language()
        if kind not in letter_texts.KINDS or language not in dict(settings.LANGUAGES):
            raise Http404
        return {
            "kind": kind,
            "language": language,
            "domain": lookup_key(asked.get("domain", "").strip()),
        }

    def get_object(self, queryset=None):
        """The stored text, or None for the panel's own."""
        text = letter_texts.text_of(**self.of)
        if text is None and self.of["domain"]:
            try:
                letter_texts.check_domain(self.of["domain"])
            except ValidationError as error:
                raise Http404 from error
        return text

    def get_initial(self):
        if self.object is not None:
            return {"subject": self.object.subject, "body": self.object.body}
        return {"subject": letter_texts.draft_subject(**self.of), "body": "{text}"}

    def get_form_kwargs(self):
        return super().get_form_kwargs() | self.of

    def post(self, request, *args, **kwargs):
        if "remove" in request.POST:
            return self.answer(*once.done(request, self.remove))
        return super().post(request, *args, **kwargs)

    def form_valid(self, form):
        if "preview" not in self.request.POST:
            return super().form_valid(form)
        try:
            self.letter = self.preview(form.checked())
        except ValidationError as error:
            form.add_error(None, error)
            return with_status(self.form_invalid(form), error)
        return self.render_to_response(self.get_context_data(form=form))

    def remove(self):
        letter_texts.remove_text(actor=self.actor, **self.of)
        told = _("The panel’s own text is used again.")
        return self.get_success_url(), [Message(messages.SUCCESS, told)]

    def preview(self, own):
        return letter_texts.preview(**self.of, own=own)

    def get_success_url(self):
        return reverse("server-letters")

    def get_success_message(self, form):
        return _("The text is used from now on.")

    def get_context_data(self, **kwargs):
        kind = self.of["kind"]
        placeholders = [
            (name, letter_texts.PLACEHOLDERS[name]) for name in letter_texts.placeholders_of(kind)
        ]
        return super().get_context_data(
            kind=letter_texts.KINDS[kind],
            of=self.of,
            languages=settings.LANGUAGES,
            placeholders=placeholders,
            letter=self.letter or self.preview(self.object),
            **kwargs,
        )

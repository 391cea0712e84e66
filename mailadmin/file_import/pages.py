from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import FormView, TemplateView
from django_htmx.http import HttpResponseClientRedirect

from accounts import password_links
from accounts.views import hide_passwords
from mailadmin.file_import import judging, keeping, result, work
from mailadmin.file_import.forms import MatchForm, UploadForm
from mailadmin.file_import.kinds import KINDS, kinds_of
from mailadmin.file_import.mailboxes import HIDDEN
from mailadmin.file_import.receiving import RIGHT
from panel import file_imports, once, tasks
from panel.addresses import display_address
from panel.formats import size
from panel.models import FileImport, FileLine
from panel.pages import ActorMixin, with_status
from panel.scoping import may_open
from panel.transactions import Unavailable

STEP_SECONDS = 5  # of judging lines in one request
PAGE = 50
EXAMPLES = 3
FILTERS = ("", "bad", "good", "left-out", "made")
LONGEST = 70_000
State = FileLine.State


class OfAdministrators(ActorMixin):
    """``once``: a second click on the same form is answered as the first one."""

    right = RIGHT
    http_method_names = ["get", "head", "post", "options"]
    template_engine = "jinja2"

    def dispatch(self, request, *args, **kwargs):
        if not may_open(self.actor):
            raise Http404
        try:
            return super().dispatch(request, *args, **kwargs)
        except once.Repeated:
            earlier = once.earlier(request)
            if earlier is None:
                raise Http404 from None
            return self.answer(earlier.url, earlier.told)

    def answer(self, url, told=()):
        once.tell(self.request, told)
        return HttpResponseRedirect(url)


class FormOnce(OfAdministrators, FormView):
    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"actor": self.actor}

    def form_valid(self, form):
        try:
            url, told = once.done(self.request, lambda: (self.save(form), []))
        except ValidationError as error:
            form.add_error(self.at_field, error)
            return with_status(self.render_to_response(self.get_context_data(form=form)), error)
        return self.answer(url, told)

    def form_invalid(self, form):
        response = super().form_invalid(form)
        response.status_code = 422
        return response


class Imports(FormOnce):
    """Upload a file; and the account's files that are not done."""

    template_name = "imports/upload.html"
    form_class = UploadForm
    at_field = "file"

    def get_initial(self):
        asked = self.request.GET.get("kind", "")
        return {"kind": asked if asked in kinds_of(self.actor) else "mailbox"}

    def get_context_data(self, **kwargs):
        file_imports.forget()
        rows = keeping.of(self.actor).order_by("-pk")[: file_imports.MOST_OF_ONE]
        return super().get_context_data(
            files=[(row, KINDS[row.kind].words) for row in rows], **kwargs
        )

    def save(self, form):
        return reverse("import-columns", args=[form.save().pk])


class OfFile(OfAdministrators):
    """A file of one's own; for everybody else it does not exist."""

    def dispatch(self, request, *args, **kwargs):
        if may_open(self.actor) and (
            self.file is None or self.file.kind not in kinds_of(self.actor)
        ):
            raise Http404
        try:
            return super().dispatch(request, *args, **kwargs)
        except (FileImport.DoesNotExist, FileLine.DoesNotExist) as error:
            raise Http404 from error

    @cached_property
    def file(self):
        return keeping.found(self.actor, self.kwargs["pk"])

    @property
    def kind(self):
        return KINDS[self.file.kind]


class ImportColumns(OfFile, FormOnce):
    template_name = "imports/columns.html"
    form_class = MatchForm
    at_field = None

    def get_form_kwargs(self):
        lines = self.file.lines.order_by("number")[:EXAMPLES]
        first = [keeping.content_of(line)["cells"] for line in lines]
        return super().get_form_kwargs() | {"file": self.file, "first": first}

    def get_context_data(self, **kwargs):
        return super().get_context_data(file=self.file, kind=self.kind, **kwargs)

    def save(self, form):
        return form.save().get_absolute_url()

    def answer(self, url, told=()):
        self.file.refresh_from_db()
        check(self.actor, self.file)
        return super().answer(url, told)


def check(actor, file):
    return judging.judge_for(STEP_SECONDS, actor=actor, file=file)


@hide_passwords
class ImportPage(OfFile, TemplateView):
    """All lines of a file with what is wrong with each; the buttons send what is to be done as ``do``."""

    def get_template_names(self):
        if judging.is_judged(self.file):
            return ["imports/preview.html"]
        part = "HX-Request" in self.request.headers
        return ["imports/checking.html" if part else "imports/check.html"]

    def get(self, request, *args, **kwargs):
        if self.file.columns is None:
            return HttpResponseRedirect(reverse("import-columns", args=[self.file.pk]))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        context = {
            "file": self.file,
            "kind": self.kind,
            "goes_on": "HX-Request" in self.request.headers,
        }
        if judging.is_judged(self.file):
            context |= self.preview()
        return super().get_context_data(**context | kwargs)

    # --- What it shows

    def preview(self):
        found = judging.counts(self.file)
        state = self.asked_state
        lines = self.file.lines.filter(state=state) if state else self.file.lines
        after = self.request.GET.get("after", "")
        after = int(after) if after.isascii() and after.isdigit() and len(after) < 9 else -1
        page = list(lines.filter(number__gt=after).order_by("number")[: PAGE + 1])
        task = self.file.task
        return {
            "found": found,
            "said": judging.said(self.file, found),
            "state": state,
            "lines": [self.shown(line) for line in page[:PAGE]],
            "next_after": page[PAGE - 1].number if len(page) > PAGE else None,
            "first": after < 0,
            "running": task and task.state == tasks.Running,
            "unfinished": task and task.state in tasks.UNFINISHED,
            "secrets": file_imports.has_secrets(self.file),
            "submit": self.kind.counted % {"count": found["good"], "n": found["good"]},
        }

    @property
    def asked_state(self):
        state = self.request.GET.get("show", "")
        return state if state in FILTERS else ""

    def shown(self, line):
        problems = dict.fromkeys(field for field, _text in line.problems)
        texts = {} if line.state == State.MADE else judging.texts_in(self.file, line)
        names = [
            name
            for name in self.kind.fields
            if name in self.file.columns or name in texts or name in problems
        ]
        return {
            "number": line.number,
            "state": line.state,
            "title": display_address(line.address) or self.title(texts),
            "problems": [text for _field, text in line.problems],
            "notes": line.notes if line.state != State.MADE else [],
            "texts": self.told(line, texts, problems),
            "fields": [
                {
                    "name": name,
                    "label": self.kind.fields[name],
                    "text": "" if name in HIDDEN else texts.get(name, ""),
                    "hidden": name in HIDDEN and bool(texts.get(name)),
                    "wrong": name in problems,
                }
                for name in names
            ],
        }

    def title(self, texts):
        shown = (texts.get(name) for name in self.kind.fields if name not in HIDDEN)
        return next(filter(None, shown), _("empty"))[:100]

    def told(self, line, texts, problems):
        """What else stands in the line, but no password."""
        if line.size and "quota" not in problems:
            texts = texts | {"quota": size(line.size)}
        rest = ("name", "targets", "target", "copy_to", "quota", "forward", "description")
        return " · ".join(texts[name][:100] for name in rest if texts.get(name))

    # --- What the buttons do

    def post(self, request, *args, **kwargs):
        act = self.acts.get(request.POST.get("do", ""))
        if act is None:
            raise Http404
        try:
            return act(self)
        except Unavailable as error:
            messages.error(request, error.messages[0])
            return with_status(self.get(request), error)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return HttpResponseRedirect(self.here())

    def here(self, number=None):
        """This page with its filter, at a line."""
        query = self.request.META.get("QUERY_STRING", "")
        anchor = f"#line-{number}" if number else ""
        return f"{self.request.path}{'?' if query else ''}{query}{anchor}"

    def check(self):
        self.file = check(self.actor, self.file)
        if "HX-Request" not in self.request.headers:
            return HttpResponseRedirect(self.file.get_absolute_url())
        if not judging.is_judged(self.file):
            return self.render_to_response(self.get_context_data())
        return HttpResponseClientRedirect(self.file.get_absolute_url())

    def judge_anew(self):
        self.file = check(self.actor, judging.judge_anew(self.file))
        return HttpResponseRedirect(self.file.get_absolute_url())

    def correct(self):
        number, post = self.number(), self.request.POST
        texts = {}
        for name in self.kind.fields:
            given = post.get(f"to-{name}")
            if given is None:
                continue
            if name in HIDDEN and not given and f"without-{name}" not in post:
                continue  # it is not shown, so it stays
            texts[name] = given.strip()[:LONGEST]
        judging.correct(actor=self.actor, file=self.file, number=number, texts=texts)
        return HttpResponseRedirect(self.here(number))

    def leave_out(self, *, back=False):
        number = self.number()
        judging.leave_out(actor=self.actor, file=self.file, number=number, back=back)
        return HttpResponseRedirect(self.here(number))

    def take_back(self):
        return self.leave_out(back=True)

    def number(self):
        text = self.request.POST.get("line", "")
        if not (text.isascii() and text.isdigit() and len(text) < 9):
            raise Http404
        return int(text)

    def begin(self):
        url, _told = once.done(self.request, self.begun)
        return self.answer(url)

    def begun(self):
        task = work.begin(actor=self.actor, file=self.file)
        return f"{task.get_absolute_url()}?go=1", []

    def delete(self):
        judging.locked(self.file)
        file_imports.delete(self.file.pk)
        told = _("%(name)s is deleted here. What was imported stays.") % {"name": self.file.name}
        return self.answer(reverse("imports"), [Message(messages.SUCCESS, told)])

    acts = {
        "check": check,
        "again": judge_anew,
        "correct": correct,
        "leave-out": leave_out,
        "take-back": take_back,
        "begin": begin,
        "delete": delete,
    }


class ImportResult(OfFile, TemplateView):
    http_method_names = ["post", "options"]

    def post(self, request, *args, **kwargs):
        if self.file.columns is None:
            raise Http404
        try:
            return result.download(self.file, self.link_of)
        except ValidationError as error:
            messages.error(request, error.messages[0])
            return HttpResponseRedirect(self.file.get_absolute_url())

    def link_of(self, token):
        if settings.PANEL_URL:
            return password_links.url_of(token)
        place = reverse("password-link-token", args=[token])
        return self.request.build_absolute_uri(place)

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from aliases.bulk import AliasWork
from mailadmin.file_import.work import ImportWork
from mailadmin.findings import cures
from mailboxes.address_bulk import AddressesWork
from mailboxes.broadcasts import BroadcastWork
from mailboxes.bulk import MailboxWork
from mailboxes.own import OwnForwardingWork
from panel import once, tasks
from panel.formats import number
from panel.models import Task
from panel.pages import ActorMixin, safe_next, with_status
from panel.scoping import may_open
from panel.transactions import Unavailable

OWN = (MailboxWork, AliasWork, AddressesWork, BroadcastWork, ImportWork)
WORKS = {work.kind: work for work in OWN} | cures.WORKS
OF_USERS = {OwnForwardingWork.kind: OwnForwardingWork}
OPPOSITE = {"activate": "deactivate", "deactivate": "activate"}
NAMED = 5  # rows on the page that asks
State = Task.State


class OwnTask(ActorMixin, TemplateView):
    """A task of one's own; for everybody else it does not exist."""

    right = "log:read"
    right_to_change = "log:read"

    def dispatch(self, request, *args, **kwargs):
        if self.task is None or self.task.kind not in self.works():
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def works(self):
        return WORKS if may_open(self.actor) else {}

    @cached_property
    def task(self):
        key = self.kwargs["pk"]
        if not (key.isascii() and key.isdigit() and len(key) < 19):
            return None
        return Task.objects.filter(admin=self.actor.pk, pk=int(key)).first()

    @cached_property
    def work(self):
        return self.works()[self.task.kind](self.actor)

    def at(self, task, query=""):
        return HttpResponseRedirect(task.get_absolute_url() + query)


class TaskPage(OwnTask):
    """Asks; then says how far it is, and asks for the next step by itself as long as the page is open.

    It goes on by itself only after somebody pressed a button: who opens the page again decides anew.
    """

    template_engine = "jinja2"
    http_method_names = ["get", "head", "post", "options"]

    def get_template_names(self):
        if self.task.state == State.ASKED:
            return [self.work.asking]
        part = "HX-Request" in self.request.headers
        return ["tasks/progress.html" if part else "tasks/task.html"]

    def get_context_data(self, **kwargs):
        show = self.asked if self.task.state == State.ASKED else self.progress
        return super().get_context_data(task=self.task, **show(), **kwargs)

    def asked(self):
        task, work = self.task, self.work
        first, _rest = tasks.entries_of(task, work, [], NAMED)
        return {
            "question": self.question(),
            "lead": work.leads[task.action],
            "detail": work.details.get(task.action, ""),
            "names": work.names(first),
            "submit": work.submits.get(task.action, ""),
            "choices": self.choices(),
            "more": number(max(0, task.total - len(first))) if task.total <= tasks.COUNTED else "",
            "typed": tasks.typed(task.total),
            "back": task.back,
        }

    def choices(self):
        """[(name, words, what was chosen before an error)] of what is as it is, on or off."""
        offered = self.work.choices(self.task.action)
        return [(name, words, self.request.POST.get(name, "")) for name, words in offered]

    def question(self):
        task = self.task
        more = _("more than %(count)s") % {"count": number(tasks.COUNTED)}
        shown = number(task.total) if task.total <= tasks.COUNTED else more
        return self.work.questions[task.action] % {"count": task.total, "n": shown}

    def progress(self):
        task, work = self.task, self.work
        self.remember(task)
        changed = task.scope != tasks.scope_of(self.actor)
        may_go_on = tasks.may_go_on(task, work)
        return {
            "question": self.question().rstrip(" ?\xa0"),
            "result": work.result(task) if work.number_done(task) else "",
            "refusals": work.refusals(task),
            "counted": tasks.COUNTED,
            "seconds_left": tasks.seconds_left(task),
            "goes_on": task.state == State.RUNNING and may_go_on and self.by_itself(),
            "may_go_on": task.state in tasks.UNFINISHED and may_go_on,
            "scope_changed": changed,
            "can_undo": tasks.can_undo(task, work) and not hasattr(task, "undone_by"),
            "back": task.back or reverse(work.list_url_name),
            "pause": work.pause(task),
            "notes": work.notes(task),
            "file": work.file_of(task),
            "back_words": work.back_words,
        }

    def remember(self, task):
        session = self.request.session
        if task.state in tasks.UNFINISHED:
            if session.get(tasks.IN_SESSION) != task.pk:
                session[tasks.IN_SESSION] = task.pk
        elif session.get(tasks.IN_SESSION) == task.pk:
            del session[tasks.IN_SESSION]

    def by_itself(self):
        return "go" in self.request.GET or "HX-Request" in self.request.headers

    def post(self, request, *args, **kwargs):
        asked = request.POST.get("do", "")
        if asked == "stop":
            return self.at(tasks.stop(self.task))
        if asked == "end":
            return self.at(tasks.end(self.task, self.work))
        if asked == "begin":
            return self.begin()
        if asked == "try" and self.work.tries and self.task.state == State.ASKED:
            return self.try_out()
        if asked not in {"go", "step"} or self.task.state == State.ASKED:
            raise Http404
        if asked == "go":
            self.task = tasks.begin(self.task)
        return self.step()

    def begin(self):
        task, post = self.task, self.request.POST
        if task.state != State.ASKED:  # a second click
            return self.at(task, "?go=1")
        try:
            tasks.check_typed(task.total, post.get("confirm", ""))
            task = tasks.begin(task, self.work, **self.work.check_options(task, post))
        except ValidationError as error:
            return self.asked_again(error)
        return self.at(task, "?go=1")

    def try_out(self):
        here = self.task.get_absolute_url()
        try:
            with once.under_way(self.request, here) as told:
                told.append(self.work.try_out(self.task))
        except once.Repeated:
            told = []
        except ValidationError as error:
            return self.asked_again(error)
        once.tell(self.request, told)
        return HttpResponseRedirect(here)

    def asked_again(self, error):
        context = self.get_context_data(errors=error.messages)
        return with_status(self.render_to_response(context), error)

    def step(self):
        part = "HX-Request" in self.request.headers
        trouble = ""
        try:
            self.task = tasks.step(self.task, self.work)
        except Unavailable as error:
            # The next attempt may find the database in a better state.
            self.task.refresh_from_db()
            trouble = " ".join(error.messages)
            if not part:
                messages.error(self.request, trouble)
        if not part:
            return self.at(self.task, "?go=1")
        response = self.render_to_response(self.get_context_data(trouble=trouble))
        # Loaded again, the page does not go on by itself.
        response.headers["HX-Replace-Url"] = self.task.get_absolute_url()
        return response


class TaskUndo(OwnTask):
    http_method_names = ["post", "options"]

    def works(self):
        # An administrator may have the same address: what the mailbox's user does is of a kind of its own.
        return OF_USERS if self.actor.is_mailbox_user else super().works()

    def post(self, request, *args, **kwargs):
        back = safe_next(request, self.task.back or reverse("dashboard"))
        if not tasks.can_undo(self.task, self.work):
            raise Http404
        done, action = self.task, OPPOSITE.get(self.task.action, self.task.action)
        try:
            tasks.stop(done)
            task = tasks.begin(tasks.ask(self.work, action, undoes=done, back=back))
            if task.total <= tasks.STEP:
                task = tasks.step(task, self.work)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return HttpResponseRedirect(back)
        if task.state != State.DONE:
            return self.at(task, "?go=1")
        once.tell(request, self.work.told(task) or [tasks.nothing_left()])
        return HttpResponseRedirect(back)

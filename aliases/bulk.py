from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from aliases import cleaning, services
from aliases.effects import DOMAIN_OFF, REFUSED, fates, find_fallbacks
from aliases.models import Alias, AliasTarget
from aliases.referrers import with_alias_domain_names
from aliases.refusals import changed_since
from aliases.switching import in_a_sentence, undone_in_a_sentence
from aliases.views import COLUMNS, AliasList, AliasPages, deletion_context, treatment_of_referrers
from domains.matching import Matching
from domains.models import RoutingLock
from panel import once, tasks
from panel.addresses import display_address
from panel.bulk import BulkView, selected_keys
from panel.export import table
from panel.formats import number
from panel.pages import safe_next, with_status
from panel.task_work import Work
from panel.transactions import Unavailable, in_transaction

MANY = 1_000  # aliases that are looked at for what else leads nowhere
SWITCHES = ("activate", "deactivate")
ELSEWHERE = gettext_lazy(
    "Mail for them is refused, unless a catch-all, an alias domain or the domain’s next server takes it."
)


def about(row, reason):
    return _("%(row)s: %(reason)s") % {"row": row, "reason": reason}


class AddressWork(Work):
    model = None
    list_view = None
    list_url_name = None
    details = {"deactivate": ELSEWHERE, "delete": ELSEWHERE}
    actions = (*SWITCHES, "delete")
    undoable = (*SWITCHES, "edit")
    asks = ()  # actions whose page asks for more than yes, of one row too

    def rows(self):
        return self.model.objects.manageable_by(self.actor)

    def all_of(self, listed, since, lead=None):
        return Matching(self.list_view, self.actor, listed, since, lead)

    def all_of_task(self, task):
        return self.all_of(task.listed, task.started, task.options.get("lead"))

    def matching(self, task, position, size):
        return self.all_of_task(task).after(position, size)

    def act(self, task, entry):
        RoutingLock.hold()
        row = self.rows().get(pk=entry.key)
        if task.undoes_id:
            return self.put_back(row, entry.changes)
        return getattr(self, task.action)(row, task.options)

    def put_back(self, row, changes):
        if any(getattr(row, name) != new for name, (_old, new) in changes.items()):
            raise changed_since()
        return self.change(row, **{name: old for name, (old, _new) in changes.items()})

    def change(self, row, **fields):
        before = {name: getattr(row, name) for name in fields}
        after = self.update(row, **fields)
        pairs = {name: [old, getattr(after, name)] for name, old in before.items()}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]} or None

    def told(self, task):
        told = [
            Message(messages.ERROR, about(row, reason) if row else reason)
            for row, reason in self.refusals(task)
        ]
        if self.number_done(task):
            tag = tasks.undo_tag(task) if tasks.can_undo(task, self) else None
            if task.action == "delete" and settings.DELETED_DAYS:
                tag = "deleted-list"
            told.append(Message(messages.SUCCESS, self.result(task), tag))
        return told

    def result(self, task):
        done = self.number_done(task)
        rows = list(self.changed_rows(task)) if task.action in (*SWITCHES, "edit") else []
        if task.undoes_id and task.action == "edit" and rows:
            return undone_in_a_sentence(self.actor, rows[0], self.alias_of(rows[0]))
        if task.undoes_id and task.action not in SWITCHES:
            return _("Undone.")
        if len(rows) == 1 == done and task.action != "edit":
            return in_a_sentence(self.actor, rows[0], self.alias_of(rows[0]))
        text = self.results[task.action] % {"count": done, "n": number(done), **self.said(task)}
        # Of what was off before nothing is known here.
        all_now = task.action == "deactivate" and len(rows) == done
        refused = self.refused_mail(rows) if all_now else 0
        if not refused:
            return _("%(text)s.") % {"text": text}
        if refused == done:
            return _("%(text)s: mail for them is refused.") % {"text": text}
        one_or_many = ngettext(
            "%(text)s: mail for %(n)s of them is refused.",
            "%(text)s: mail for %(n)s of them is refused.",
            refused,
        )
        return one_or_many % {"text": text, "n": refused}

    def said(self, task):
        return {}

    def changed_rows(self, task):
        keys = list(task.rows.values_list("key", flat=True)[: tasks.STEP + 1])
        rows = self.rows().select_related("domain__alias_of__target_domain")
        return rows.filter(pk__in=keys) if len(keys) <= tasks.STEP else []

    def refused_mail(self, rows):
        find_fallbacks(self.actor, rows)
        return sum(row.stopped.kind in {REFUSED, DOMAIN_OFF} for row in rows)

    def number_done(self, task):
        return task.done + (task.gone if task.action == "delete" else 0)

    def refusals(self, task):
        return [(display_address(key) if key else "", reason) for key, reason in task.refusals]

    def activate(self, row, _options):
        return self.change(row, active=True)

    def deactivate(self, row, _options):
        return self.change(row, active=False)

    def settle(self, task, keys):
        treatment = {name: task.options.get(name, cleaning.KEEP) for name in ("others", "emptied")}
        if task.action != "delete" or set(treatment.values()) == {cleaning.KEEP}:
            return
        back = set(Alias.objects.filter(pk__in=keys).values_list("pk", flat=True))
        gone = [key for key in keys if key not in back]
        if treatment["others"] == cleaning.KEEP:
            gone += self.gone_before(task, gone)
        cleaning.clean_referrers(
            actor=self.actor,
            addresses=gone,
            aliases=Alias.objects.cleanable_by(self.actor),
            **treatment,
        )

    def gone_before(self, task, gone):
        """What the task deleted before, of the targets of aliases that lead to ``gone``: both
        together may leave an alias without a target."""
        targets = AliasTarget.objects.referring_to(with_alias_domain_names(gone))
        aliases = list(targets.values_list("alias", flat=True).distinct()[:MANY])
        others = AliasTarget.objects.filter(alias__in=aliases).values_list("bare", flat=True)
        earlier = task.rows.filter(key__in=set(others)).exclude(key__in=gone)
        return list(earlier.values_list("key", flat=True))

    def check_options(self, task, post):
        if task.action != "delete":
            return {}
        if task.total > tasks.COUNTED:
            raise ValidationError(
                _("At most %(most)s are deleted at once. Narrow the list by a search or a domain."),
                "too_many",
                {"most": number(tasks.COUNTED)},
            )
        treatment = treatment_of_referrers(post)
        others, emptied = cleaning.check_treatment(self.actor, [], **treatment)
        if self.is_meant(task, emptied):
            text = _("%(address)s itself is being deleted. Enter another address.")
            raise ValidationError(text, "itself", {"address": display_address(emptied)})
        return {"others": others, "emptied": emptied}

    def is_meant(self, task, address):
        if task.keys is not None:
            return address in task.keys
        return self.all_of_task(task).includes(address)


class ManyBulk(BulkView):
    """POST for mailboxes or aliases: ``selected`` and ``also`` (keys, one a line), or ``all``, the
    rows that the list with the query ``listed`` shows.

    At most tasks.STEP rows are switched at once, or deleted after a page that says what happens;
    more are a task.
    """

    work_class = None
    table_columns = {}  # of an export

    @cached_property
    def work(self):
        return self.work_class(self.actor)

    @property
    def list_url_name(self):
        return self.work.list_url_name

    def post(self, request, *args, **kwargs):
        action = request.POST.get("action", "")
        back = safe_next(request, reverse(self.list_url_name))
        if action not in (*self.work.actions, "export"):
            raise Http404
        keys = self.chosen()
        if action == "export":
            self.refuse_others(keys)
            return self.export(keys)
        if keys is None or len(keys) > tasks.STEP or (keys and action in self.work.asks):
            self.refuse_others(keys)
            return HttpResponseRedirect(self.ask(action, keys, back).get_absolute_url())
        if not keys:
            messages.info(request, _("Nothing was selected."))
            return HttpResponseRedirect(back)
        rows = self.rows_of(keys)
        if len(rows) != len(keys):
            raise Http404
        if action == "delete" and "confirmed" not in request.POST:
            return self.confirm(rows, back)
        try:
            with once.under_way(request, back) as self.told:
                self.at_once(action, rows, back)
        except ValidationError as error:
            return with_status(self.confirm(rows, back, errors=error.messages), error)
        return self.answer(back, self.told)

    def chosen(self):
        """The keys of the rows that are meant; None for all that match, where these are more than a step."""
        post = self.request.POST
        if "all" in post:
            entries, rest = self.all_that_match().after([], tasks.STEP + 1)
            return None if rest else [entry.key for entry in entries]
        return selected_keys(post)

    def refuse_others(self, keys):
        # A row outside the scope makes the whole request a 404.
        if keys is not None and self.work.rows().filter(pk__in=keys).count() != len(keys):
            raise Http404

    def all_that_match(self):
        return self.work.all_of(self.request.POST.get("listed", ""), timezone.now())

    def ask(self, action, keys, back):
        options = {}
        if keys is None:
            options = {"listed": self.request.POST.get("listed", "")}
            if lead := self.all_that_match().lead():
                options["lead"] = lead
        return tasks.ask(self.work, action, keys=keys, back=back, **options)

    def confirm(self, rows, back, **context):
        find_fallbacks(self.actor, rows)
        context |= {
            "rows": rows,
            "next": back,
            "fates": fates(rows),
            "typed": tasks.typed(len(rows)),
            **deletion_context(self.actor, [row.pk for row in rows]),
        }
        return self.render_to_response(self.get_context_data(action="delete", **context))

    def at_once(self, action, rows, back):
        task = self.begun(action, rows, back)
        try:
            task = tasks.step(task, self.work)
        except Unavailable as error:  # what was done until then stays done
            task.refresh_from_db()
            next_row = tasks.entries_of(task, self.work, task.position, 1)[0][0].key
            task = tasks.stop(task, task.State.DONE)
            text = about(display_address(next_row), " ".join(error.messages))
            self.told.append(Message(messages.ERROR, text))
        self.told += self.work.told(task)
        self.told = self.told or [tasks.nothing_left()]

    @in_transaction
    def begun(self, action, rows, back):
        task = self.ask(action, [row.pk for row in rows], back)
        post = self.request.POST
        if action == "delete":
            tasks.check_typed(task.total, post.get("confirm", ""))
        return tasks.begin(task, **self.work.check_options(task, post))

    def export(self, keys):
        if keys is not None:
            batches = (keys[i : i + MANY] for i in range(0, len(keys), MANY))
        else:
            batches = self.batches()
        lines = (line for batch in batches for line in self.lines(batch))
        return table("csv", self.work.plural, self.table_columns, lines)

    def batches(self):
        position, found = [], self.all_that_match()
        while position is not None:
            entries, position = found.after(position, MANY)
            yield [entry.key for entry in entries]

    def lines(self, keys):
        raise NotImplementedError


class AliasWork(AddressWork):
    right = "aliases:write"
    kind, plural = "alias", "aliases"
    model = Alias
    list_view = AliasList
    list_url_name = "alias-list"
    questions = {
        "activate": ngettext_lazy("Switch on %(n)s alias?", "Switch on %(n)s aliases?", "count"),
        "deactivate": ngettext_lazy(
            "Switch off %(n)s alias?", "Switch off %(n)s aliases?", "count"
        ),
        "delete": ngettext_lazy("Delete %(n)s alias?", "Delete %(n)s aliases?", "count"),
        "edit": gettext_lazy("Recipients of an alias"),
    }
    leads = {
        "activate": gettext_lazy("They work again immediately, with the same recipients."),
        "deactivate": gettext_lazy(
            "They are off at once. Their recipients are kept, and they can be switched on again."
        ),
        "delete": gettext_lazy(
            "They are deleted immediately. Their recipients are not changed; the log keeps the list of them."
        ),
    }
    results = {
        "activate": ngettext_lazy("%(n)s alias is on", "%(n)s aliases are on", "count"),
        "deactivate": ngettext_lazy("%(n)s alias is off", "%(n)s aliases are off", "count"),
        "delete": ngettext_lazy("%(n)s alias deleted", "%(n)s aliases deleted", "count"),
        "edit": gettext_lazy("Recipients changed"),
    }

    def alias_of(self, row):
        return row

    def update(self, row, **fields):
        return services.update_alias(actor=self.actor, alias=row, **fields)

    def put_back(self, row, changes):
        if "goto" not in changes:
            return super().put_back(row, changes)
        return services.put_back(actor=self.actor, alias=row, changes=changes)

    def delete(self, row, _options):
        services.delete_alias(actor=self.actor, alias=row)
        return {}


class AliasBulk(AliasPages, ManyBulk):
    right = "aliases:write"
    template_name = "aliases/alias_confirm_bulk.html"
    work_class = AliasWork
    table_columns = COLUMNS

    def lines(self, keys):
        rows = self.work.rows().filter(pk__in=keys)
        shown = rows.values_list("pk", "goto", "description", "active", named=True)
        found = {row.pk: self.work.list_view().line(row) for row in shown}
        return [found[key] for key in keys if key in found]

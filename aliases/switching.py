from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aliases.effects import REFUSED, after_switch, find_fallbacks
from aliases.models import Alias, AliasTarget
from aliases.referrers import with_alias_domain_names
from domains.models import RoutingLock
from panel import tasks
from panel.addresses import without_extension
from panel.pages import StateView

NAMED = 50  # aliases that are looked at


class SwitchView(StateView):
    """Switches a mailbox or an alias at once, by POST, as it can be undone. The page is only shown
    if that is refused."""

    kind = None

    def act(self):
        active = self.request.POST.get("active") == "1"
        RoutingLock.hold()
        before = self.get_queryset().get(pk=self.object.pk).active
        self.set_active(active)
        row = self.get_queryset().get(pk=self.object.pk)
        text = in_a_sentence(self.actor, row, self.alias_of(row))
        tag, back = None, self.get_success_url()
        if before != active:
            changes = {row.pk: {"active": [before, active]}}
            action = "activate" if active else "deactivate"
            tag = tasks.undo_tag(tasks.note(self.actor, self.kind, action, changes, back=back))
        return back, [Message(messages.SUCCESS, text, tag)]

    def alias_of(self, row):
        raise NotImplementedError


class UndoableEdit:
    kind = None
    restored = ("goto", "description", "active", "access", "access_text")

    def save(self, form):
        RoutingLock.hold()
        before = self.stored()
        url, told = super().save(form)
        after = self.stored()
        if before and before["goto"] != after["goto"]:
            changes = {
                name: [before[name], after[name]] for name in after if before[name] != after[name]
            }
            task = tasks.note(self.actor, self.kind, "edit", {self.row_key(): changes}, back=url)
            place = told[0].extra_tags or ""
            told[0].extra_tags = f"{place} {tasks.undo_tag(task)}".strip()
        return url, told

    def row_key(self):
        return self.object.pk

    def stored(self):
        return Alias.objects.filter(pk=self.row_key()).values(*self.restored).first()


def in_a_sentence(actor, row, alias):
    lookup = find_fallbacks(actor, [row], [alias] if alias else [])
    effects = [after_switch(actor, row, alias, lookup)]
    if not row.active and row.stopped.kind == REFUSED:
        effects += losing(actor, row.pk)
    text = _("%(name)s is on: %(effects)s.") if row.active else _("%(name)s is off: %(effects)s.")
    return text % {"name": row, "effects": ", ".join(effects)}


def undone_in_a_sentence(actor, row, alias):
    lookup = find_fallbacks(actor, [row], [alias])
    effect = after_switch(actor, row, alias, lookup)
    return _("%(name)s is as it was: %(effect)s.") % {"name": row, "effect": effect}


def losing(actor, address):
    names = set(with_alias_domain_names([address]))
    targets = AliasTarget.objects.referring_to(names).visible_to(actor)
    found = [alias for alias in targets.aliases(NAMED + 1) if alias.active]
    empty = [
        alias
        for alias in found
        if not any(without_extension(target.lower()) not in names for target in alias.targets)
    ]
    others = [alias for alias in found if alias not in empty]
    said = []
    if len(others) > NAMED:
        said.append(_("many aliases lose a recipient"))
    elif len(others) == 1:
        said.append(_("%(name)s loses a recipient") % {"name": others[0]})
    elif others:
        one_or_many = ngettext(
            "%(n)d alias loses a recipient", "%(n)d aliases lose a recipient", len(others)
        )
        said.append(one_or_many % {"n": len(others)})
    if len(empty) == 1:
        said.append(_("%(name)s has no other recipient") % {"name": empty[0]})
    elif empty:
        one_or_many = ngettext(
            "%(n)d alias has no other recipient",
            "%(n)d aliases have no other recipient",
            len(empty),
        )
        said.append(one_or_many % {"n": len(empty)})
    return said

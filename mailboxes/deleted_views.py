from django.http import Http404
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from domains.lists import InDomainMixin
from mailboxes import restoring
from mailboxes.models import Deleted
from panel.api.lists import number_in
from panel.export import TableMixin
from panel.pages import ConfirmView, ScopedListView
from panel.paging import KeysetMixin
from panel.scoping import sees_all_domains


class DeletedPages:
    model = Deleted
    scope = "manageable_by"
    context_object_name = "deletion"


class DeletedList(DeletedPages, TableMixin, InDomainMixin, KeysetMixin, ScopedListView):
    right = "deleted:read"
    template_name = "mailboxes/deleted_list.html"
    orderings = {"deleted": ("pk",)}
    default_ordering = "-deleted"
    jumpable = ()
    shown = ("pk", "kind", "name", "at", "until", "who", "note", "mailboxes", "aliases")
    table_name = "deleted"
    table_columns = {
        "kind": _("Kind"),
        "name": _("Name"),
        "note": _("What it was"),
        "deleted": _("Deleted"),
        "who": _("Who"),
        "until": _("Can be restored until"),
    }

    @cached_property
    def filters(self):
        return super().filters | {"state": ""}

    def line(self, row):
        return row.kind, row.name, row.note, row.at, row.who, row.until


class OneDeletion(DeletedPages, ConfirmView):
    def get_object(self, queryset=None):
        row = self.get_queryset().filter(pk=number_in(self.kwargs["pk"])).first()
        if row is None:
            raise Http404
        return row


class DeletedRestore(OneDeletion):
    right = "deleted:write"
    template_name = "mailboxes/deleted_confirm_restore.html"
    success_message = _("%(object)s restored.")

    def get_context_data(self, **kwargs):
        reasons = restoring.reasons_against(self.actor, self.object)
        more = {"reasons": reasons, "nothing_to_do": bool(reasons)}
        more["gives_all_back"] = sees_all_domains(self.actor)
        return super().get_context_data(**more, **kwargs)

    def perform(self):
        row = restoring.restore(actor=self.actor, deletion=self.object)
        return row.get_absolute_url()


class DeletedRemove(OneDeletion):
    superadmins_only = True
    template_name = "mailboxes/deleted_confirm_remove.html"
    success_message = _("%(object)s removed for good.")

    def perform(self):
        restoring.remove(actor=self.actor, deletion=self.object)
        return self.back or reverse("deleted-list")

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from domains import copy_services
from domains.copies import TO
from domains.flow_forms import CopyForm
from domains.models import Copy, Domain
from domains.views import DomainPages
from mailboxes.models import Mailbox
from panel.addresses import split_address
from panel.pages import ConfirmView, ScopedFormView


def targets_that_take(copies):
    targets = {copy.goto for copy in copies}
    hosts = {split_address(target)[1] for target in targets}
    ours = dict(Domain.objects.filter(pk__in=hosts).values_list("pk", "active"))
    here = {target for target in targets if split_address(target)[1] in ours}
    taken = set(Mailbox.objects.filter(pk__in=here, active=True).values_list("pk", flat=True))
    return targets - {one for one in here if one not in taken or not ours[split_address(one)[1]]}


class DomainCopy(DomainPages, ScopedFormView):
    right = "copies:write"
    scope = "manageable_by"
    template_name = "domains/copy_form.html"
    form_class = CopyForm
    success_message = _("Copies are made from now on.")

    def get_initial(self):
        return {"direction": TO}

    def get_success_url(self):
        return reverse("domain-flow", args=[self.object.pk])


class DomainCopyRemove(DomainPages, ConfirmView):
    right = "copies:write"
    scope = "manageable_by"
    http_method_names = ["post", "options"]
    success_message = _("No copies of it any more.")

    def perform(self):
        rows = Copy.objects.manageable_by(self.actor).filter(domain=self.object.pk)
        number = self.request.POST.get("copy", "")
        copy = rows.filter(pk=number).first() if number.isdecimal() and len(number) < 10 else None
        if copy is not None:
            copy_services.remove_copy(actor=self.actor, copy=copy)
        return reverse("domain-flow", args=[self.object.pk])

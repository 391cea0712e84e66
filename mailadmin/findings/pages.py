from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from accounts.models import Adoption
from domains.models import Domain
from mailadmin.findings.cures import by_hand, offered
from mailadmin.findings.looking import is_small, look
from mailadmin.findings.rows import HERE
from panel import tasks
from panel.bulk import AT_ONCE as DOMAINS_AT_ONCE
from panel.export import table
from panel.models import FoundRows
from panel.pages import ScopedMixin


class FindingsPage(ScopedMixin, TemplateView):
    """Shows what the last look found. POST looks again, or begins a cure, whose page asks first."""

    template_engine = "jinja2"
    template_name = "mailadmin/findings.html"
    http_method_names = ["get", "head", "post", "options"]
    model = Domain
    scope = "manageable_by"
    superadmins_only = True

    @cached_property
    def found(self):
        rows = {row.pk: row for row in FoundRows.objects.defer("keys")}
        return [(HERE[name], rows[name]) for name in HERE if name in rows]

    def get(self, request, *args, **kwargs):
        if "list" not in request.GET:
            return super().get(request, *args, **kwargs)
        found = FoundRows.objects.filter(pk=request.GET["list"]).first()
        if found is None or found.pk not in HERE:
            raise Http404
        return table("csv", found.pk, {"key": HERE[found.pk].title}, ([key] for key in found.keys))

    def post(self, request, *args, **kwargs):
        name = request.POST.get("cure")
        if name is None:
            return self.look_again()
        found = FoundRows.objects.filter(pk=name).first()
        cures = offered()
        if found is None or name not in cures:
            raise Http404
        if not found.keys:
            messages.info(request, _("There was nothing left to do."))
            return HttpResponseRedirect(request.path)
        work, action, _words = cures[name]
        task = tasks.ask(
            work(self.actor),
            action,
            keys=found.keys,
            back=reverse("findings"),
            check=name,
            panel=request.build_absolute_uri(reverse("login")),
        )
        return HttpResponseRedirect(task.get_absolute_url())

    def look_again(self):
        if is_small():
            look()
        else:
            text = _(
                "There are too many rows to look at while you wait. Once a day it is done by a timer; at once, type: %(command)s"
            )
            messages.info(self.request, text % {"command": "mailadmin check_rows"})
        return HttpResponseRedirect(self.request.path)

    def get_context_data(self, **kwargs):
        found = [(check, row) for check, row in self.found if row.count]
        orphans = next((row for check, row in found if check.name == "domains-of-orphans"), None)
        return super().get_context_data(
            found=found,
            looked=min((row.looked for _check, row in self.found), default=None),
            number_of_checks=len(self.found) or len(HERE),
            cures=offered(),
            by_hand=by_hand(),
            side_by_side=Adoption.objects.exists(),
            counted=tasks.COUNTED,
            orphans=orphans.keys[:DOMAINS_AT_ONCE] if orphans else [],
            **kwargs,
        )

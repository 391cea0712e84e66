"""What crosses all apps: the dashboard, the search over everything, one's own account, health."""

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.generic import TemplateView, View

from accounts.generic import ActorMixin, bounded_count
from accounts.models import LogEntry
from accounts.scoping import may_open
from accounts.views import OwnAccount
from aliases.models import Alias, AliasTarget
from domains.addresses import normalise_domain
from domains.models import Domain, DomainUsage
from mailboxes.models import FullMailbox, Mailbox
from mailboxes.views import OwnMailbox

SHOWN = 10
NEAR_LIMIT = 90  # percent
FULL = 90  # percent


class Dashboard(ActorMixin, TemplateView):
    """What needs attention in the account's domains, and what happened last."""

    template_name = "mailadmin/dashboard.html"

    def get(self, request, *args, **kwargs):
        if not may_open(self.actor):
            return HttpResponseRedirect(reverse("account"))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        actor = self.actor
        usages = DomainUsage.objects.visible_to(actor).filter(fullness__gte=NEAR_LIMIT)
        full = FullMailbox.objects.visible_to(actor).filter(percent__gte=FULL)
        dangling = AliasTarget.objects.visible_to(actor).filter(dangling=True)
        return super().get_context_data(
            near_limit=list(usages.select_related("domain").order_by("-fullness")[:SHOWN]),
            full_mailboxes=list(
                full.select_related("username__usage").order_by("-percent")[:SHOWN]
            ),
            dangling=list(dangling[:SHOWN]),
            log_entries=list(LogEntry.objects.visible_to(actor).order_by("-timestamp", "-pk")[:SHOWN]),
            domain_count=bounded_count(Domain.objects.visible_to(actor)),
            mailbox_count=bounded_count(Mailbox.objects.visible_to(actor)),
            **kwargs,
        )


class Search(ActorMixin, TemplateView):
    """Everything that begins with the text: domains, mailboxes, people, aliases, and targets."""

    template_name = "mailadmin/search.html"

    def get(self, request, *args, **kwargs):
        if not may_open(self.actor):
            return HttpResponseRedirect(reverse("account"))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        text = self.request.GET.get("q", "").strip()
        key = ascii_form(text.lower())
        found = self.find(key, text) if key else {}
        return super().get_context_data(q=text, nothing=bool(text) and not any(found.values()), **found, **kwargs)

    def find(self, key, text):
        actor = self.actor
        mailboxes = Mailbox.objects.visible_to(actor).select_related("usage")
        targets = AliasTarget.objects.visible_to(actor).filter(bare__startswith=key)
        return {
            "domains": list(Domain.objects.visible_to(actor).search(key).order_by("pk")[:SHOWN]),
            "mailboxes": list(mailboxes.search(key).order_by("pk")[:SHOWN]),
            "people": list(mailboxes.filter(name__istartswith=text).order_by("name")[:SHOWN]),
            "aliases": list(Alias.objects.visible_to(actor).search(key).order_by("pk")[:SHOWN]),
            "targets": list(targets.order_by("bare")[:SHOWN]),
        }


def ascii_form(text):
    """The stored form of what was typed: a Unicode domain becomes its A-label."""
    if text.isascii():
        return text
    local_part, at, domain = text.rpartition("@")
    try:
        return f"{local_part}{at}{normalise_domain(domain)}"
    except ValueError:
        return text


class Account(View):
    """One's own page; which one depends on who signed in."""

    def dispatch(self, request, *args, **kwargs):
        page = OwnMailbox if request.user.is_mailbox_user else OwnAccount
        return page.as_view()(request, *args, **kwargs)


@login_not_required
def health(request):
    """For monitoring: 200 when the database answers, else 503. Says nothing else."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("database away\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")

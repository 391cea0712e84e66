from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from domains import main_cf, sender_services
from domains.flow_forms import NAME_INPUT
from domains.senders import ACTIONS, MOST, REJECT, DomainSenderRule, SenderRule
from domains.views import DomainPages
from panel.forms import ActorForm
from panel.pages import ConfirmView, ScopedFormView


class SenderRuleForm(ActorForm):
    sender = forms.CharField(
        label=_("Address or domain"),
        max_length=255,
        help_text=_("Such as joe@example.net, or example.net with all domains below it."),
        widget=forms.TextInput(NAME_INPUT),
    )
    action = forms.ChoiceField(
        label=_("What becomes of its mail"), choices=ACTIONS, widget=forms.RadioSelect
    )
    text = forms.CharField(
        label=_("What the other server is told"),
        max_length=sender_services.MAX_TEXT,
        required=False,
        help_text=_("In plain ASCII. Empty: “Access denied”."),
    )

    def check(self):
        if {"sender", "action", "text"} <= self.cleaned_data.keys():
            sender_services.check_sender_rule(**self.cleaned_data)

    def save(self):
        return sender_services.set_sender_rule(actor=self.actor, **self.cleaned_data)


class SenderRules(ScopedFormView):
    model = SenderRule
    scope = "manageable_by"
    superadmins_only = True
    template_name = "domains/senders.html"
    form_class = SenderRuleForm
    success_message = _("Rule for %(object)s saved.")

    def get_initial(self):
        return {"action": REJECT}

    def get_success_url(self):
        return reverse("server-senders")

    def get_context_data(self, **kwargs):
        rules = self.get_queryset().order_by("pk")[:MOST]
        due = sorted(main_cf.due({main_cf.SENDER_ACCESS} if rules else ()))
        return super().get_context_data(rules=rules, due=due, **kwargs)

    def post(self, request, *args, **kwargs):
        if "remove" not in request.POST:
            return super().post(request, *args, **kwargs)
        sender = request.POST["remove"]
        try:
            sender_services.remove_sender_rule(actor=self.actor, sender=sender)
        except ValidationError as error:
            messages.error(request, error.messages[0])
        return HttpResponseRedirect(self.get_success_url())


class DomainSenderForm(SenderRuleForm):
    def check(self):
        if {"sender", "action", "text"} <= self.cleaned_data.keys():
            sender_services.check_domain_sender_rule(domain=self.instance, **self.cleaned_data)

    def save(self):
        sender_services.set_domain_sender_rule(
            actor=self.actor, domain=self.instance, **self.cleaned_data
        )
        return self.instance


class DomainSender(DomainPages, ScopedFormView):
    right = "sender-rules:write"
    scope = "manageable_by"
    template_name = "domains/sender_form.html"
    form_class = DomainSenderForm
    success_message = _("Rule saved.")

    def get_initial(self):
        return {"action": REJECT}

    def get_success_url(self):
        return reverse("domain-flow", args=[self.object.pk])


class DomainSenderRemove(DomainPages, ConfirmView):
    right = "sender-rules:write"
    scope = "manageable_by"
    http_method_names = ["post", "options"]
    success_message = _("Rule removed.")

    def perform(self):
        rows = DomainSenderRule.objects.manageable_by(self.actor).filter(domain=self.object.pk)
        rule = rows.filter(sender=self.request.POST.get("rule", "")).first()
        if rule is not None:
            sender_services.remove_domain_sender_rule(actor=self.actor, rule=rule)
        return reverse("domain-flow", args=[self.object.pk])

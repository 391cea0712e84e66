"""One's own webhooks: the list, making and changing them, what was answered last. For administrators."""

from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from accounts import webhooks
from accounts.models import Webhook
from accounts.own import OfOwnSignIn, OwnFormView
from accounts.webhook_forms import KINDS, WebhookForm
from panel import once
from panel.pages import with_status
from panel.scoping import may_open
from panel.transactions import Unavailable

SHOWN = 50  # answers


class OfAdministrators(OfOwnSignIn):
    right = "webhooks:write"

    def dispatch(self, request, *args, **kwargs):
        if not may_open(self.actor):
            raise Http404
        return super().dispatch(request, *args, **kwargs)


class OfWebhook(OfAdministrators):
    """About one of one's own; another does not exist."""

    def dispatch(self, request, *args, **kwargs):
        key = kwargs["key"]
        known = key.isascii() and key.isdigit() and len(key) < 18
        self.webhook = Webhook.objects.of(self.actor).filter(pk=key if known else 0).first()
        if self.webhook is None:
            if again := self.answer_again():
                return again
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        return super().get_context_data(webhook=self.webhook, **kwargs)


def in_words(webhook):
    return [str(KINDS.get(name, name)) for name in webhook.event_names]


class OwnWebhooks(OfAdministrators, TemplateView):
    template_name = "webhooks/list.html"
    template_engine = "jinja2"
    http_method_names = ["get", "head", "options"]

    def get_context_data(self, **kwargs):
        rows = Webhook.objects.of(self.actor).order_by("pk")[: webhooks.MOST]
        return super().get_context_data(
            rows=[(row, in_words(row)) for row in rows],
            hosts=settings.WEBHOOK_HOSTS,
            **kwargs,
        )


class WebhookForms(OwnFormView):
    template_name = "webhooks/form.html"
    form_class = WebhookForm

    def get_context_data(self, **kwargs):
        return super().get_context_data(hosts=settings.WEBHOOK_HOSTS, **kwargs)


class NewWebhook(OfAdministrators, WebhookForms):
    """The answer shows the secret, which no page shows later."""

    def save(self, form):
        row = form.save()
        return reverse("own-webhook", args=[row.pk]), [
            Message(messages.SUCCESS, _("It is told what happens from now on."))
        ]

    def answer(self, url, told):
        return secret_shown(self, url) or super().answer(url, told)


class EditWebhook(OfWebhook, WebhookForms):
    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.webhook}

    def save(self, form):
        form.save()
        return reverse("own-webhook", args=[self.webhook.pk]), [
            Message(messages.SUCCESS, self.saved())
        ]


def secret_shown(view, url):
    key = url.rstrip("/").rpartition("/")[2]
    webhook = Webhook.objects.of(view.actor).filter(pk=key).first()
    secret = webhook and webhooks.secret_of(webhook)
    if not secret:
        return None
    context = {"webhook": webhook, "secret": secret, "next": url}
    return TemplateResponse(view.request, "webhooks/shown.html", context, using="jinja2")


class WebhookPage(OfWebhook, TemplateView):
    """What it is, and the last answers; each button sends what is to be done as ``do``."""

    template_name = "webhooks/page.html"
    template_engine = "jinja2"
    http_method_names = ["get", "head", "post", "options"]

    def get_context_data(self, **kwargs):
        answers = list(self.webhook.answers.order_by("-pk")[:SHOWN])
        return super().get_context_data(
            events=in_words(self.webhook),
            answers=[one for one in answers if one.sent],
            waiting=[one for one in answers if not one.sent],
            days=settings.WEBHOOK_DAYS,
            seconds_left=webhooks.seconds_left(self.webhook),
            nobody_sends=any(one.is_late for one in answers),
            **kwargs,
        )

    def post(self, request, *args, **kwargs):
        if again := self.answer_again():
            return again
        act = self.acts.get(request.POST.get("do", ""))
        if act is None:
            raise Http404
        try:
            url, told = once.done(request, lambda: act(self))
        except once.Repeated:
            return self.answer_again()
        except Unavailable as error:
            return self.refuse(error)
        except ValidationError as error:
            return self.refuse(error)
        return self.answer(url, told)

    def refuse(self, error):
        once.tell(self.request, [Message(messages.ERROR, error.messages[0])])
        return with_status(self.get(self.request), error)

    def answer_again(self):
        earlier = once.earlier(self.request)
        return earlier and self.answer(earlier.url, earlier.told)

    def answer(self, url, told):
        if self.request.POST.get("do") == "secret" and (shown := secret_shown(self, url)):
            return shown
        once.tell(self.request, told)
        return HttpResponseRedirect(url)

    # --- What the buttons do

    def test(self):
        webhooks.ask_for_test(webhook=self.webhook)
        return self.here(_("A test is sent within some seconds."))

    def again(self):
        key = self.request.POST.get("answer", "")
        known = key.isascii() and key.isdigit() and len(key) < 18
        answer = self.webhook.answers.filter(pk=key if known else 0).first()
        if answer is None:
            raise Http404
        webhooks.ask_again(actor=self.actor, webhook=self.webhook, answer=answer)
        return self.here(_("It is sent once more within some seconds."))

    def on(self):
        webhooks.update_webhook(actor=self.actor, webhook=self.webhook, active=True)
        return self.here(_("It is on: what happened meanwhile, and is kept, is sent now."))

    def off(self):
        webhooks.update_webhook(actor=self.actor, webhook=self.webhook, active=False)
        return self.here(_("It is off."))

    def secret(self):
        webhooks.renew_secret(actor=self.actor, webhook=self.webhook)
        return self.here(_("It has a new secret."))

    def delete(self):
        webhooks.delete_webhook(actor=self.actor, webhook=self.webhook)
        told = _("The webhook to %(host)s is deleted.") % {"host": self.webhook.host}
        return reverse("own-webhooks"), [Message(messages.SUCCESS, told)]

    def here(self, words):
        return self.request.path, [Message(messages.SUCCESS, words)]

    acts = {
        "test": test,
        "again": again,
        "on": on,
        "off": off,
        "secret": secret,
        "delete": delete,
    }

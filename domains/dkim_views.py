"""The keys that sign a domain's mail. Domain administrators see them; superadmins make, change and delete them."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from domains import dkim
from domains.dkim_keys import ED25519, NEXT, RSA, SIGNS, keys_of, of_kind
from domains.dns import states, words, zone
from domains.dns.dkim import TOPICS
from domains.dns.findings import NOT_ASKED, OK, Finding, quoted
from domains.models import Domain
from panel.formats import date_words
from panel.pages import ConfirmView, ScopedDetailView


class DKIMPages:
    model = Domain
    scope = "visible_to"
    context_object_name = "domain"

    def get_queryset(self):
        return super().get_queryset().select_related("dns", "alias_of")

    def keys(self):
        found = {one.name: one for one in states.findings_of(getattr(self.object, "dns", None))}
        return [
            {
                "selector": key.selector,
                "kind": key.kind,
                "role": key.role,
                "signs": key.role == SIGNS,
                "created": key.created,
                "ends": key.replaced and date_words(timezone.localtime(key.replaced + dkim.KEPT)),
                "finding": found.get(str(key)) or unchecked(key),
                "ok": str(key) in found and found[str(key)].state == OK,
            }
            for key in self.stored_keys
        ]

    @cached_property
    def stored_keys(self):
        return keys_of(self.object.pk).get(self.object.pk, ())

    def lacks(self, kind):
        """Whether keys of this kind can be made. Ed25519 comes besides an RSA key that signs."""
        keys = self.stored_keys
        if kind == ED25519 and not (
            dkim.signer_takes(kind) and any(key.signs for key in of_kind(keys, RSA))
        ):
            return False
        return dkim.lacking_keys(keys, kind) > 0

    def get_success_url(self):
        return reverse("domain-dkim", args=[self.object.pk])


def unchecked(key):
    record = (quoted(key.record),) if key.record else ()
    return Finding(TOPICS[key.role], str(key), "TXT", record, (), NOT_ASKED, "not checked")


class DKIMPage(DKIMPages, ScopedDetailView):
    right = "dns:read"
    template_engine = "jinja2"
    template_name = "domains/dkim.html"

    def get_context_data(self, **kwargs):
        keys = self.keys()
        return super().get_context_data(
            keys=keys,
            signing=[
                key["selector"] for key in keys if key["signs"] and dkim.signer_takes(key["kind"])
            ],
            can_add=self.lacks(RSA),
            can_add_ed25519=self.lacks(ED25519),
            ed25519=ED25519,
            signer=settings.DKIM_SIGNER,
            words=words,
            lines=zone.lines,
            **kwargs,
        )


class DKIMAct(DKIMPages, ConfirmView):
    scope = "manageable_by"
    superadmins_only = True

    def check_dns(self):
        # Outside of any transaction, so that the page tells what is there now.
        states.check_and_store(self.object)


class DKIMCreate(DKIMAct):
    template_name = "domains/dkim_create.html"

    @property
    def kind(self):
        asked = self.request.POST.get("kind") or self.request.GET.get("kind")
        return ED25519 if asked == ED25519 else RSA

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            is_ed25519=self.kind == ED25519,
            kind=self.kind,
            nothing_to_do=not self.lacks(self.kind),
            **kwargs,
        )

    def perform(self):
        dkim.create_keys(actor=self.actor, domain=self.object, kind=self.kind)
        self.success_message = _("Keys made for %(object)s. Publish their records now.")
        return self.get_success_url()

    def post(self, request, *args, **kwargs):
        response = super().post(request, *args, **kwargs)
        if response.status_code == 302:
            self.check_dns()
        return response


class DKIMSign(DKIMAct):
    template_name = "domains/dkim_sign.html"
    success_message = _("The chosen key signs for %(object)s now.")

    def get_context_data(self, **kwargs):
        keys = self.keys()
        others = sorted(
            (key for key in keys if not key["signs"]), key=lambda key: key["role"] != NEXT
        )
        signing = {key["kind"]: key["selector"] for key in keys if key["signs"]}
        for key in others:
            key["replaces"] = signing.get(key["kind"], "")
        chosen = self.request.POST.get("selector") or (others[0]["selector"] if others else "")
        return super().get_context_data(
            others=others,
            kinds=len({key["kind"] for key in keys}),
            signing=signing,
            chosen=chosen,
            days=dkim.KEPT.days,
            nothing_to_do=not others,
            **kwargs,
        )

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        if "force" not in request.POST:
            self.check_dns()
        return super().post(request, *args, **kwargs)

    def perform(self):
        post = self.request.POST
        dkim.sign_with(
            actor=self.actor,
            domain=self.object,
            selector=post.get("selector", ""),
            force="force" in post,
        )
        return self.get_success_url()


class DKIMDelete(DKIMAct):
    template_name = "domains/dkim_delete.html"
    success_message = _("The keys of %(object)s are deleted.")

    def get_context_data(self, **kwargs):
        keys = self.keys()
        return super().get_context_data(keys=keys, nothing_to_do=not keys, **kwargs)

    def perform(self):
        dkim.delete_keys(actor=self.actor, domain=self.object)
        return self.get_success_url()

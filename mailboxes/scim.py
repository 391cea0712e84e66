"""Mailboxes as users of SCIM 2.0 at /scim/v2, for identity providers: docs/scim.md.

A second door to the same services as /api/v1, with the same tokens. The token's right is asked for first, then every row comes out
of its account's scope.
"""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import Error
from django.http import Http404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from ninja.errors import AuthenticationError, Throttled

from accounts import managers
from accounts.api_auth import ANY, Token
from accounts.made_passwords import made_password
from accounts.own_account import refuse_weak
from accounts.passwords import verify_password
from aliases.cleaning import KEEP
from aliases.models import Alias
from domains.models import Domain
from mailboxes import scim_schemas, services
from mailboxes.models import Mailbox, first_quota
from mailboxes.scim_reading import asked_name, body_of, name_in, patched, says_name, values_of
from panel.addresses import lookup_key, split_address
from panel.api import scim
from panel.api.answers import moment
from panel.api.problems import Problem, answer_to
from panel.transactions import in_transaction

USUAL = 100  # users of one answer
ALWAYS = {"schemas", "id", "meta"}
PASSWORD_RIGHT = "mailboxes:password"  # noqa: S105


@method_decorator([csrf_exempt, login_not_required], name="dispatch")
class ScimView(View):
    """``rights`` are those that each method needs. A token says who asks, never a session (ApiMiddleware)."""

    http_method_names = ["get", "post", "put", "patch", "delete"]
    rights = {"get": ANY}
    kinds = {409: "uniqueness", 400: "invalidValue"}

    def dispatch(self, request, *args, **kwargs):
        try:
            right = self.rights.get(request.method.lower())
            if right is None:
                return self.http_method_not_allowed(request)
            self.actor = Token(right)(request)
            if self.actor is None:
                raise AuthenticationError
            return super().dispatch(request, *args, **kwargs)
        except scim.Refused as refused:
            return scim.error(refused.status, refused.detail, refused.kind)
        except (Problem, AuthenticationError, Throttled) as error:
            return scim.refusal(answer_to(error))
        except (Http404, ObjectDoesNotExist, ValidationError, Error) as error:
            return scim.refusal(answer_to(error), self.kinds)

    def here(self, name, *key):
        return self.request.build_absolute_uri(reverse(name, args=key))


class ServiceProvider(ScimView):
    def get(self, request):
        return scim.answered(scim_schemas.service_provider(self.here("scim-service")))


class ResourceTypes(ScimView):
    def get(self, request, key=None):
        found = scim_schemas.resource_type(self.here("scim-resource-type", "User"))
        return _one_or_all(found, key)


class Schemas(ScimView):
    def get(self, request, key=None):
        found = scim_schemas.user_schema(self.here("scim-schema", scim_schemas.USER))
        return _one_or_all(found, key)


def _one_or_all(found, key):
    if key is None:
        return scim.listed([found], 1, 1)
    if key.lower() != found["id"].lower():
        raise Http404
    return scim.answered(found)


class UserView(ScimView):
    rights = {
        "get": "mailboxes:read",
        **dict.fromkeys(["post", "put", "patch", "delete"], "mailboxes:write"),
    }

    def record(self, mailbox):
        found = {
            "schemas": [scim_schemas.USER],
            "id": mailbox.pk,
            "userName": mailbox.pk,
            "displayName": mailbox.name,
            "name": {"formatted": mailbox.name},
            "active": mailbox.active,
            "emails": [{"value": mailbox.pk, "type": "work", "primary": True}],
            "meta": {
                "resourceType": "User",
                "created": moment(mailbox.created),
                "lastModified": moment(mailbox.modified),
                "location": self.here("scim-user", mailbox.pk),
            },
        }
        return self.chosen(found)

    def chosen(self, found):
        """By attributes and excludedAttributes (RFC 7644, 3.9), of those that are no parts of others."""
        only, without = (
            {name.strip().partition(".")[0].lower() for name in text.split(",") if name.strip()}
            for text in (self.request.GET.get(name, "") for name in ("attributes", "excludedAttributes"))
        )  # fmt: skip
        return {
            name: value
            for name, value in found.items()
            if name in ALWAYS
            or ((not only or name.lower() in only) and name.lower() not in without)
        }

    def set_password(self, mailbox, password):
        if not self.request.token.has(PASSWORD_RIGHT):
            text = _("This token may not set passwords: it needs the right mailboxes:password.")
            raise Problem(403, text)
        managers.refuse_less(self.actor, mailbox)  # before it is compared, as a weak one
        refuse_weak(password, mailbox)  # even the stored one, or whoever guesses would know it
        if not verify_password(password, mailbox.password, mailbox.pk)[0]:
            services.set_mailbox_password(actor=self.actor, mailbox=mailbox, password=password)

    def change(self, mailbox, values):
        """``values`` as scim_reading has them. What is not named stays, whether it is active above all."""
        if lookup_key(values.pop("userName", mailbox.pk)) != mailbox.pk:
            raise scim.Refused("mutability", _("A mailbox gets another name in the panel alone."))
        password = values.pop("password", "")
        columns = {"active": values["active"]} if "active" in values else {}
        if says_name(values):
            columns["name"] = name_in(values, mailbox.name)
        services.update_mailbox(actor=self.actor, mailbox=mailbox, **columns)
        mailbox = Mailbox.objects.get(pk=mailbox.pk)
        if password:
            self.set_password(mailbox, password)
        return Mailbox.objects.get(pk=mailbox.pk)


class Users(UserView):
    def get(self, request):
        rows = Mailbox.objects.visible_to(self.actor).order_by("pk")
        if text := request.GET.get("filter", ""):
            name = asked_name(text)
            rows = rows.filter(pk=lookup_key(name)) if name else rows.none()
        start = max(1, _number(request, "startIndex", 1))
        count = min(scim_schemas.MOST, max(0, _number(request, "count", USUAL)))
        found = rows[start - 1 : start - 1 + count] if count else ()
        return scim.listed([self.record(row) for row in found], rows.count(), start)

    def post(self, request):
        values = values_of(body_of(request))
        mailbox = _in_one(lambda: self.create(values))
        record = self.record(mailbox)
        return scim.answered(record, 201, Location=self.here("scim-user", mailbox.pk))

    def create(self, values):
        address = lookup_key(values.get("userName", ""))
        local_part, _at, name = address.rpartition("@")
        domain = Domain.objects.manageable_by(self.actor).select_related("usage").filter(pk=name)
        if not local_part or not domain:
            text = _("userName is an address in one of your domains.")
            raise scim.Refused("invalidValue", text)
        domain = domain[0]
        return services.create_mailbox(
            actor=self.actor,
            domain=domain,
            local_part=split_address(address)[0],
            # Most identity providers send none: nobody knows this one, and app passwords or the provider open the mailbox.
            password=values.get("password") or made_password(),
            quota=int(first_quota(domain) * settings.QUOTA_MULTIPLIER),
            name=name_in(values),
            active=values.get("active", True),
        )


class User(UserView):
    def get(self, request, key):
        return scim.answered(self.record(self.find(Mailbox.objects.visible_to(self.actor), key)))

    def put(self, request, key):
        values = values_of(body_of(request))
        if "userName" not in values:
            raise scim.Refused("invalidValue", _("userName is missing."))
        return self.changed(key, values)

    def patch(self, request, key):
        return self.changed(key, patched(body_of(request)))

    def delete(self, request, key):
        _in_one(lambda: self.remove(key))
        return scim.answered(None, 204)

    def changed(self, key, values):
        def act():
            return self.change(self.find(self.own, key), dict(values))

        return scim.answered(self.record(_in_one(act)))

    def remove(self, key):
        services.delete_mailbox(
            actor=self.actor,
            mailbox=self.find(self.own, key),
            clean=Alias.objects.cleanable_by(self.actor),
            others=KEEP,
            emptied=KEEP,
        )

    @property
    def own(self):
        return Mailbox.objects.manageable_by(self.actor).select_related("domain__usage")

    def find(self, rows, key):
        mailbox = rows.filter(pk=lookup_key(key)).first()
        if mailbox is None:
            raise Http404
        return mailbox


@in_transaction
def _in_one(act):
    return act()


def _number(request, name, usual):
    text = request.GET.get(name, "")
    if not text:
        return usual
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text)
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise scim.Refused("invalidValue", _("%(name)s is a number.") % {"name": name})
    return sign * int(digits)

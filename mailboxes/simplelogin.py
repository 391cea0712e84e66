"""What password managers ask of a SimpleLogin server, for own addresses (docs/away-messages.md).

A token of ours comes in the header ``Authentication``; an error is ``{"error": sentence}``, which they show. Pages of every site may
read the answers, for nothing but the token opens anything: the web vault of Bitwarden asks from a page of its own.
"""

import json
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from accounts.api_auth import PerNetwork, account_with
from mailboxes import own_aliases
from panel.api import problems
from panel.api.problems import Problem
from panel.pages import client_ip

RIGHT = "own-addresses:write"
MADE_A_MINUTE = 20  # addresses by one token
NOTE = 255
ALLOWED = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authentication, Content-Type",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Max-Age": "86400",
}


@method_decorator([csrf_exempt, login_not_required], name="dispatch")
class Endpoint(View):
    """``request.auth`` is the mailbox of the token."""

    def dispatch(self, request, *args, **kwargs):
        if request.method == "OPTIONS":  # a browser asks whether the page may
            response = HttpResponse(status=204)
        else:
            response = self.answer(request, *args, **kwargs)
        for name, value in ALLOWED.items():
            response[name] = value
        return response

    def answer(self, request, *args, **kwargs):
        try:
            text = request.headers.get("Authentication")
            if not text or account_with(request, text, RIGHT) is None:
                return _error(401, _("This API key is unknown, revoked or over. Make a token in the panel."))  # fmt: skip
            return super().dispatch(request, *args, **kwargs)
        except tuple(problems.HANDLERS) as error:
            problem = problems.answer_to(error)
            # SimpleLogin's status for what cannot be done as it was asked, such as one more than allowed.
            status = 400 if problem.status_code == 422 else problem.status_code
            headers = {name: problem[name] for name in ("Retry-After",) if problem.has_header(name)}
            return _error(status, json.loads(problem.content)["detail"], headers)


def _error(status, sentence, headers=None):
    return JsonResponse({"error": sentence}, status=status, headers=headers)


class UserInfo(Endpoint):
    """By which a program sees whether its token is right."""

    def get(self, request):
        mailbox = request.auth
        told = {"name": mailbox.name, "email": mailbox.pk, "profile_picture_url": None}
        return JsonResponse(told | {"is_premium": True, "in_trial": False})


class Options(Endpoint):
    def get(self, request):
        mailbox, suffix = request.auth, _suffix(request.auth)
        ways = {"suffix": suffix, "signed_suffix": suffix, "is_custom": True, "is_premium": False}
        return JsonResponse(
            {
                "can_create": own_aliases.may_make(mailbox),
                "prefix_suggestion": _name_of(_site(request)),
                "suffixes": [ways],
            }
        )


class NewAddress(Endpoint):
    def post(self, request):
        PerNetwork(
            "own-addresses", f"addresses-{request.token.pk}", client_ip(request), MADE_A_MINUTE
        ).count(request)
        body = _body(request)
        alias = own_aliases.create_own_alias(
            actor=request.auth,
            local_part=self.local_part(body),
            note=_line(_text(body, "note") or _site(request)),
        )
        return JsonResponse(_shown(alias, request.auth), status=201)


class NewRandom(NewAddress):
    """What Bitwarden and Keyguard call. The name is always random letters, whatever ``mode`` they ask for."""

    def local_part(self, body):
        return ""


class NewNamed(NewAddress):
    """Addresses lead to the mailbox of the token, whatever ``mailbox_ids`` say."""

    def local_part(self, body):
        suffix = _suffix(self.request.auth)
        if _text(body, "signed_suffix") != suffix:
            text = _("Addresses end with %(suffix)s here.") % {"suffix": suffix}
            raise ValidationError({"signed_suffix": ValidationError(text, "suffix")})
        name = _text(body, "alias_prefix").strip()
        if not name:
            raise ValidationError({"alias_prefix": ValidationError(_("Enter a name."), "required")})
        return name


def _suffix(mailbox):
    return f"@{mailbox.domain_id}"


def _shown(alias, mailbox):
    return {
        "alias": alias.pk,
        "email": alias.pk,
        "name": None,
        "note": alias.description or None,
        "enabled": alias.active,
        "creation_date": alias.created.isoformat(" ", "seconds"),
        "creation_timestamp": int(alias.created.timestamp()),
        "mailboxes": [{"email": mailbox.pk}],
    }


def _body(request):
    try:
        body = json.loads(request.body or b"{}")
        json.dumps(body, ensure_ascii=False).encode()  # JSON may hold halves of characters
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Problem(400, _("This request is not understood."))
    return body


def _text(body, name):
    """A member that is left out, or null, is ""."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise Problem(400, _("This request is not understood."))
    return value or ""


def _line(text):
    """As much as the column takes."""
    words = "".join(sign if sign.isprintable() else " " for sign in text).split()
    return " ".join(words)[:NOTE]


def _site(request):
    """The host that an address is for; on Android Bitwarden sends its whole URL."""
    text = request.GET.get("hostname", "")
    try:
        return (urlsplit(text).hostname or "") if "//" in text else text
    except ValueError:
        return ""


def _name_of(site):
    """Of www.groupon.com: groupon."""
    labels = site.lower().split(".")
    name = labels[-2] if len(labels) > 1 else labels[0]
    return "".join(
        letter for letter in name if letter.isascii() and (letter.isalnum() or letter == "-")
    )

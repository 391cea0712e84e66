from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from domains.models import Domain
from panel.addresses import display_domain, lookup_key
from panel.prepared import in_scope, padded, prepared
from panel.scoping import acting, may_open

# The fields and filters that ask for suggestions: htmx sends what is typed under the field's name.
DOMAIN_FIELDS = ("domain", "alias_domain", "target_domain", "alias_of")
SUGGESTED = 10
LATELY = 7
COOKIE = "mailadmin_domains"


def domain_suggestions(request):
    typed = (request.GET[name] for name in DOMAIN_FIELDS if name in request.GET)
    names = first_domains(request.user, next(typed, ""))
    options = (
        format_html('<option value="{}">{}</option>', name, display_domain(name)) for name in names
    )
    return HttpResponse("".join(options))


def domain_options(request):
    options = (
        format_html(
            '<li role="option" aria-selected="false" data-address="{}">{}</li>',
            name,
            display_domain(name),
        )
        for name in first_domains(request.user, request.GET.get("q", ""))
    )
    return HttpResponse("".join(options))


def domain_places(request):
    account = acting(request.user, "domains:read")
    text = request.GET.get("q", "").strip()
    names = first_domains(account, text)
    if not text and may_open(account):
        late = visited(request)
        still = Domain.objects.manageable_by(account).filter(pk__in=late)
        still = set(still.values_list("pk", flat=True)) if late else ()
        names = [name for name in late if name in still] + [n for n in names if n not in late]
    links = (
        format_html('<a href="{}">{}</a>', reverse("domain", args=[name]), display_domain(name))
        for name in names[:SUGGESTED]
    )
    return HttpResponse("".join(links))


def first_domains(account, text):
    account = acting(account, "domains:read")
    if not may_open(account):
        return []
    rows = Domain.objects.manageable_by(account).search(lookup_key(text)).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:SUGGESTED])


def visited(request):
    cookie = request.COOKIES.get(COOKIE, "")
    names = cookie and _signed_names(cookie, _salt(request))
    return names.split("|") if names else []


@lru_cache(maxsize=200)
def _signed_names(cookie, salt):
    """What each page of a domain reads again: its signature is looked at once."""
    request = HttpRequest()
    request.COOKIES[COOKIE] = cookie
    return request.get_signed_cookie(COOKIE, default="", salt=salt)


def likely(request):
    if late := visited(request):
        found = set(_leading_nowhere(request.user, *padded(late)))
        return next((name for name in late if name in found), "")
    only = _first_leading_nowhere(request.user)
    return only[0] if len(only) == 1 else ""


@in_scope(prepared)
def _leading_nowhere(actor, *names):
    rows = Domain.objects.manageable_by(actor).filter(alias_of=None, pk__in=names)
    return rows.values_list("pk", flat=True)


@in_scope(prepared)
def _first_leading_nowhere(actor):
    rows = Domain.objects.manageable_by(actor).filter(alias_of=None)
    return rows.order_by("pk").values_list("pk", flat=True)[:2]


def remember(request, response, name):
    # in a cookie, as a session would be written with each page of another domain
    late = visited(request)
    if late[:1] != [name]:
        names = [name, *(other for other in late if other != name)][:LATELY]
        response.set_signed_cookie(
            COOKIE,
            "|".join(names),
            salt=_salt(request),
            path=reverse("domain-list"),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Strict",
        )


def _salt(request):
    return f"{COOKIE} of {request.user.pk}"  # of nobody else in this browser

"""What mail programs ask for, without signing in. The same answer for every address of a domain; 404 for foreign ones."""

import re

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from domains import client_setup
from panel.addresses import normalise_address

ASKED_BYTES = 10_000
EMAIL = re.compile(r"<EMailAddress>\s*([^<>\s]{1,254})\s*</EMailAddress>", re.IGNORECASE)


def domain_or_404(name):
    domain = client_setup.domain_of(name.lower())
    if domain is None:
        raise Http404
    return domain


def address_or_404(text):
    try:
        return normalise_address(text)
    except ValidationError as error:
        raise Http404 from error


@login_not_required
@require_safe
def autoconfig(request, domain):
    """Thunderbird and others ask for https://autoconfig.DOMAIN/mail/config-v1.1.xml."""
    text = client_setup.autoconfig(domain_or_404(domain))
    return HttpResponse(text, content_type="text/xml; charset=utf-8")


@login_not_required
@csrf_exempt
@require_POST
def autodiscover(request):
    """Outlook posts the address to https://autodiscover.DOMAIN/autodiscover/autodiscover.xml."""
    found = EMAIL.search(request.body[:ASKED_BYTES].decode("utf-8", "replace"))
    address = address_or_404(found[1] if found else "")
    domain = domain_or_404(address.rpartition("@")[2])
    text = client_setup.autodiscover(domain, address)
    return HttpResponse(text, content_type="text/xml; charset=utf-8")


@login_not_required
@require_safe
def user_agent_configuration(request, domain):
    """Newer Apple programs ask for https://ua-auto-config.DOMAIN/.well-known/user-agent-configuration.json."""
    found = domain_or_404(domain)
    if client_setup.mailbox_domain(found) != found.pk:  # where the login is not the address
        raise Http404
    content = client_setup.user_agent_configuration(found)
    return HttpResponse(content, content_type="application/json")


@login_not_required
@require_safe
def apple_profile(request, domain):
    """``?address=``: an iPhone opens it from the QR code, where nobody is signed in."""
    found = domain_or_404(domain)
    address = address_or_404(request.GET.get("address", ""))
    if address.rpartition("@")[2] != found.pk:
        raise Http404
    return HttpResponse(
        client_setup.apple_profile(found, address),
        content_type="application/x-apple-aspen-config",
        headers={"Content-Disposition": f'attachment; filename="{found.pk}.mobileconfig"'},
    )

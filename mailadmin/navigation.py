"""Navigation: the left column, and the pages above the current one. Hiding a link protects nothing:
the views do."""

from typing import NamedTuple

from django.utils.translation import gettext as _

from mailadmin.page_rights import opens
from mailadmin.parts import url
from panel.addresses import display_address, display_domain, lookup_key
from panel.scoping import may_create_domains, may_open
from panel.tasks import IN_SESSION

# By the first word of a page's name: the page that is marked in the left column, without a domain and in one.
MARKED = {
    "domain": ("domain-list", "domain"),
    "mailbox": ("mailbox-list", "domain"),
    "alias": ("mailbox-list", "domain"),
    "broadcast": ("mailbox-list", "domain"),
    "deleted": ("mailbox-list", "domain"),
    "aliasdomain": ("domain-list", "aliasdomain-list"),
    "admin": ("admin-list", None),
    "log": ("log", "log"),
    "deliveries": ("deliveries", "deliveries"),
    "dns": ("server", None),
    "server": ("server", None),
    "letter": ("server", None),
    "findings": ("findings", None),
    "import": ("mailbox-list", None),
    "imports": ("mailbox-list", None),
    "dashboard": ("dashboard", None),
}
DOMAINS_OWN = {
    "domain",
    "mailbox-list",
    "alias-list",
    "search",
    "account",
}
DNS = {
    *("domain-dns", "domain-dns-publish", "domain-dkim", "domain-reports"),
    *("domain-dkim-create", "domain-dkim-sign", "domain-dkim-delete"),
}
FLOW = {"domain-flow", "domain-delivery", "domain-relay", "domain-copy", "domain-sender"}
SETTINGS = {
    "domain-settings",
    "domain-edit",
    "domain-state",
    "domain-delete",
    "domain-join",
    "domain-rename",
}
SETTINGS |= {"domain-own-addresses"}


class Navigation(NamedTuple):
    domain: str  # whose pages the left column shows, or ""
    marked: str | None
    switches: bool  # whether there are other domains to go to
    trail: tuple  # (URL, label) of the pages above this one
    unfinished: int | None  # the key of a task that has begun and not ended


def navigation(request):
    """For every template: ``navigation`` (an administrator's, or None), ``account``, ``superadmin``, ``creates_domains``.

    ``superadmin`` and ``creates_domains`` show the buttons of superadmins' pages and of new domains, ``may_open`` those of pages that a
    role may open (mailadmin/page_rights.py); ``domain_roles`` are those that are less than a domain admin, by domain.
    """
    account = getattr(request, "user", None)
    if account is None or not account.is_authenticated or account.is_mailbox_user:
        told = {"navigation": None, "account": account, "superadmin": False}
        told |= {"creates_domains": False, "domain_roles": {}}
        return told | {"may_open": lambda *_page, **_also: True}
    superadmin = may_open(account, superadmins_only=True)
    match = request.resolver_match
    page, key = (match.url_name or "", match.kwargs.get("pk", "")) if match else ("", "")
    creates = may_create_domains(account)
    switches = creates or len(account.scope_domains) != 1
    # A list that found no such domain is one of all.
    asked = "" if getattr(request, "no_such_domain", False) else request.GET.get("domain", "")
    domain = _domain(account, page, key, asked)
    trail = _trail(page, key, domain, switches)
    unfinished = None if page == "task" else request.session.get(IN_SESSION)
    here = Navigation(domain, _marked(page, domain), switches, trail, unfinished)
    roles = {} if superadmin else account.domain_roles
    told = {"navigation": here, "account": account, "superadmin": superadmin}
    told |= {"creates_domains": creates, "domain_roles": roles}
    return told | {"may_open": opens(account)}


def _domain(account, page, key, asked):
    """The domain that a page is about, or the only one there is. Of others' domains nothing is told."""
    kind = page.partition("-")[0]
    own = account.scope_domains
    if kind == "domain":
        name = key
    elif kind in {"mailbox", "alias"} and key:
        name = key.rpartition("@")[2]
    elif kind == "admin":
        name = ""  # an administrator is of several domains
    else:
        name = lookup_key(asked) if asked else ""
    if own and name not in own:
        return own[0] if len(own) == 1 else ""
    return name


def _marked(page, domain):
    if domain and page in SETTINGS:
        return "domain-settings"
    if domain and page in FLOW:
        return "domain-flow"
    if domain and page in DNS:
        return "domain-dns"
    return MARKED.get(page.partition("-")[0], (None, None))[bool(domain)]


def _trail(page, key, domain, switches):
    kind, _dash, rest = page.partition("-")
    trail = []
    if page in DOMAINS_OWN or (kind in {"own", "factor"} and "factor" in page):
        pass  # the left column, or the page itself, says it
    elif domain:
        if switches:
            trail.append((url("domain-list"), _("Domains")))
        trail.append((url("domain", domain), display_domain(domain)))
        if rest and key and kind in {"mailbox", "alias"}:
            local_part = display_address(key).rpartition("@")[0]
            trail.append((url(kind, key), local_part or display_address(key)))
    elif kind == "aliasdomain" and rest != "list":
        trail.append((url("aliasdomain-list"), _("Other names")))
    elif kind == "admin" and page != "admin-list":
        trail.append((url("admin-list"), _("Administrators")))
        if rest and key:
            trail.append((url("admin", key), display_address(key)))
    elif kind == "import":
        trail.append((url("imports"), _("Import a file")))
    elif rest in {"bulk", "create"} and kind in {"domain", "mailbox", "alias"}:
        trail.append((url("domain-list"), _("Domains")))
    return tuple(trail)

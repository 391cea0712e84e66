"""The left column: what the signed-in account may use. A hidden link is never the protection."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

# (URL name, path prefix that marks it as current, label, icon, superadmins only)
PAGES = [
    ("dashboard", "/", _("Dashboard"), "home", False),
    ("domain-list", "/domains/", _("Domains"), "globe-alt", False),
    ("mailbox-list", "/mailboxes/", _("Mailboxes"), "inbox", False),
    ("alias-list", "/aliases/", _("Aliases"), "arrows-right-left", False),
    ("aliasdomain-list", "/alias-domains/", _("Alias domains"), "link", False),
    ("admin-list", "/administrators/", _("Administrators"), "users", True),
    ("log", "/log/", _("Log"), "clock", False),
]


def navigation(request):
    """Add ``navigation`` (links for administrators) and ``account`` to every template."""
    account = getattr(request, "user", None)
    if account is None or not account.is_authenticated or account.is_mailbox_user:
        return {"navigation": [], "account": account}
    links = []
    for name, prefix, label, icon, superadmins_only in PAGES:
        if superadmins_only and not account.is_superadmin:
            continue
        current = request.path == prefix if prefix == "/" else request.path.startswith(prefix)
        links.append({"url": reverse(name), "label": label, "icon": icon, "current": current})
    return {"navigation": links, "account": account}

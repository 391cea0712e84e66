"""The left column: what the signed-in account may use. A hidden link is never the protection."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from panel.scoping import may_open

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
    """Add to every template: ``navigation`` (an administrator's links), ``account``, ``superadmin``.

    With ``superadmin`` a page shows the buttons of superadmins' pages: it is the one role that
    templates know.
    """
    account = getattr(request, "user", None)
    if account is None or not account.is_authenticated or account.is_mailbox_user:
        return {"navigation": [], "account": account, "superadmin": False}
    superadmin = may_open(account, superadmins_only=True)
    links = []
    for name, prefix, label, icon, superadmins_only in PAGES:
        if superadmins_only and not superadmin:
            continue
        current = request.path == prefix if prefix == "/" else request.path.startswith(prefix)
        links.append({"url": reverse(name), "label": label, "icon": icon, "current": current})
    return {"navigation": links, "account": account, "superadmin": superadmin}

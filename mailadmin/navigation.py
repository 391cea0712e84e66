"""The links in the left column. Hiding a link protects nothing: the views do."""

from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from panel.formats import cached_per_language_and_path
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


class Link(NamedTuple):
    url: str
    label: str
    icon: str
    current: bool


def navigation(request):
    """For every template: ``navigation`` (an administrator's links), ``account``, ``superadmin``.

    ``superadmin`` shows the buttons of superadmins' pages: the one role that templates test.
    """
    account = getattr(request, "user", None)
    if account is None or not account.is_authenticated or account.is_mailbox_user:
        return {"navigation": (), "account": account, "superadmin": False}
    superadmin = may_open(account, superadmins_only=True)
    return {
        "navigation": _links(superadmin, _current(request.path)),
        "account": account,
        "superadmin": superadmin,
    }


def _current(path):
    for name, prefix, _label, _icon, _superadmins_only in PAGES:
        if path == prefix if prefix == "/" else path.startswith(prefix):
            return name
    return None


@cached_per_language_and_path
def _links(superadmin, current):
    return tuple(
        Link(reverse(name), str(label), icon, name == current)
        for name, _prefix, label, icon, superadmins_only in PAGES
        if superadmin or not superadmins_only
    )

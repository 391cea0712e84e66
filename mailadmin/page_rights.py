"""Which pages an account may open, for links and buttons: a page says itself what it needs. Hiding a link protects nothing."""

from functools import cache

from django.urls import URLPattern, get_resolver

from panel.rights import FULL, is_in_role
from panel.scoping import may, may_anywhere


@cache
def _views():
    found = {}

    def look(patterns):
        for entry in patterns:
            if isinstance(entry, URLPattern):
                found[entry.name] = getattr(entry.callback, "view_class", None)
            else:
                look(entry.url_patterns)

    look(get_resolver().url_patterns)
    return found


@cache
def right_of(page, *, changed=False):
    view = _views()[page]
    return view.right_to_change if changed else view.right


def opens(account):
    """Returns a function (name of a page, domain or "" for any) for templates: whether ``account``, an administrator, may open it.

    ``changed``: whether what stands there may be changed, where the page itself is only looked at.
    """

    def may_open_it(page, domain="", *, changed=False):
        if account.is_superadmin or not account.domain_roles:
            return True
        right = right_of(page, changed=changed)
        return may(account, right, domain) if domain else may_anywhere(account, right)

    return may_open_it


def offered(offers, may_open_it, domain):
    """Of ``offers`` for a menu, (page, words, URL, kind), those that may be done, without the page."""
    return [offer[1:] for offer in offers if may_open_it(offer[0], domain)]


def in_role(offers, role):
    """The same in a row that is put together once for each role."""
    return [offer[1:] for offer in offers if role == FULL or is_in_role(right_of(offer[0]), role)]

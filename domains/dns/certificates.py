import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from django.conf import settings

from domains.dns.asking import Asking, NotAsked
from domains.dns.host import Host, host_name
from domains.dns.mta_sts import sts_policy

AT_ONCE = 4  # domains
NAME = re.compile(r"([a-z0-9-]+\.)+[a-z][a-z0-9-]*[a-z0-9]")  # and no address, no pattern


def own_names():
    host = Host(Asking())
    webmail = urlsplit(settings.WEBMAIL_URL).hostname
    panels = filter(NAME.fullmatch, settings.ALLOWED_HOSTS)
    others = [name for name in dict.fromkeys([*panels, webmail]) if name and name != host.name]
    return [host.name, *[name for name in others if host.leads_here(name)]]


def names_of(domain):
    labels = ["autoconfig", "autodiscover", *(["mta-sts"] if sts_policy() else [])]
    labels += [] if hasattr(domain, "alias_of") else ["ua-auto-config"]
    host = Host(Asking())
    names = [f"{label}.{domain.pk}" for label in labels]
    host.asking.ask_ahead([(name, kind) for name in names for kind in ("A", "AAAA")])
    return [name for name in names if host.leads_here(name)]


def all_names(domains):
    """Yield (what they are of, names or None) of the host and each Domain; None: it could not be asked."""
    yield host_name(), _or_none(own_names)
    served = [domain for domain in domains if domain.ends_here]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda domain: _or_none(names_of, domain), served)
        for domain, names in zip(served, found, strict=True):
            yield domain.pk, names


def _or_none(ask, *arguments):
    try:
        return ask(*arguments)
    except NotAsked:
        return None

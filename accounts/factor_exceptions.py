from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts import factors
from accounts.factors import network_of
from accounts.letters import tell_of_factor
from accounts.models import Admin, FactorException, LogEntry
from domains.models import Domain
from mailboxes.models import Mailbox
from panel.addresses import lookup_key
from panel.changes import collected, refuse
from panel.scoping import may
from panel.transactions import in_transaction

WIDEST = {4: 8, 6: 16}  # bits of a network's prefix, at least


@in_transaction
def add_exception(*, actor, network, whose="", description="", code=""):
    """``whose`` is an address, a domain, or "" for everybody, which superadmins alone may say.

    An actor who has a second factor says a ``code`` of it: else a session left open could make it useless. The caller has
    asked for the password.
    """
    exception = check_exception(actor=actor, network=network, whose=whose)
    exception.description = description
    # Who is no superadmin was refused such a name.
    exception.for_admin = Admin.objects.filter(pk=exception.username).exists()
    exception.save(force_insert=True)
    _record(actor, "create_exception", exception, [None, exception.ip])
    if actor is not None and factors.is_on(actor):
        factors.use_in_form(actor.person, code)
    for account in _named(actor, exception):
        if factors.is_on(account):
            ip = actor.client_ip if account == actor else None
            tell_of_factor(account, "spared", ip=ip, network=exception.ip)
    return exception


def _named(actor, exception):
    """Who is told of it: one account, not a domain's or everybody; then whoever made it for everybody."""
    if exception.username is None:
        return [actor] if actor else []
    mailboxes = Mailbox.objects.filter(pk=exception.username)
    admins = Admin.objects.filter(pk=exception.username) if exception.for_admin else ()
    return [*mailboxes, *admins]


def check_exception(*, actor, network=None, whose=None):
    """Return the unsaved row. Raises all errors at once; an argument that is None is not checked."""
    errors, exception = {}, FactorException()
    if network is not None:
        with collected(errors, "network"):
            exception.ip = _network(network)
    if whose is not None:
        with collected(errors, "whose"):
            exception.username = _whose(actor, whose)
    refuse(errors)
    same = FactorException.objects.filter(ip=exception.ip, username=exception.username)
    if None not in (network, whose) and same.exists():
        raise ValidationError({"network": ValidationError(_("There is one already."), "taken")})
    return exception


@in_transaction
def remove_exception(*, actor, exception):
    if FactorException.objects.filter(pk=exception.pk).delete()[0]:
        _record(actor, "delete_exception", exception, [exception.ip, None])


def _network(text):
    network = network_of(text)
    if network is None:
        raise ValidationError(
            _("Write an address or a network, such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/48."),
            "no_network",
        )
    if network.prefixlen < WIDEST[network.version]:
        raise ValidationError(_("This network is too wide: it is half of the world."), "too_wide")
    return str(network.network_address if network.num_addresses == 1 else network)


def _whose(actor, text):
    name = lookup_key(text)
    everything = actor is None or actor.is_superadmin
    if not name and everything:
        return None
    domain = name.rpartition("@")[2]
    if not everything and not may(actor, None, domain):
        raise ValidationError(_("Write an address or a domain that you manage."), "not_yours")
    if "@" not in name:
        if not Domain.objects.filter(pk=name).exists():
            raise ValidationError(_("There is no such domain."), "unknown")
    elif Admin.objects.filter(pk=name).exists():
        if not everything:
            raise ValidationError(
                _("This is an administrator’s address: ask a superadmin."), "not_yours"
            )
    elif not Mailbox.objects.filter(pk=name).exists():
        raise ValidationError(_("There is no such mailbox or administrator."), "unknown")
    return name


def _record(actor, action, exception, change):
    name = exception.username or ""
    domain = name.rpartition("@")[2]
    known = Domain.objects.filter(pk=domain).exists() and not Admin.objects.filter(pk=name).exists()
    LogEntry.objects.record(
        actor,
        action,
        domain=domain if known else "",
        target=name or exception.ip,
        changes={"ip": change},
    )

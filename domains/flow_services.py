import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from domains.models import RelayHost, RoutingLock
from domains.relay_hosts import encrypted
from domains.transports import read_server, refuse_this_server
from panel.changes import collected, refuse
from panel.transactions import in_transaction

MAX_SECRET = 200  # characters of login and of password
SUBMISSION, TLS_FROM_THE_START = "587", "465"
LOGGED = ("next_hop", "login", "spf_include")
_SPF_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)+")


@in_transaction
def set_relay_host(*, actor, domain, server, login="", password="", spf_include=""):
    """Let mail with a sender in ``domain`` leave through ``server``; "" for no relay host of its own.

    An empty password keeps the stored one while server and login stay as they are: another server must not be given it.
    """
    RoutingLock.hold()
    domain = domain.fresh()
    row = RelayHost.objects.select_for_update().filter(pk=domain.pk).first()
    checked = check_relay_host(
        row, server=server, login=login, password=password, spf_include=spf_include
    )
    changes = {
        name: [getattr(row, name, ""), getattr(checked, name, "")]
        for name in LOGGED
        if getattr(row, name, "") != getattr(checked, name, "")
    }
    if password and checked:
        changes["relay_password"] = [None, True]  # that there is a new one, and nothing of it
    if not changes:
        return domain
    if checked is None:
        row.delete()
    else:
        checked.pk = domain.pk
        checked.save()
    LogEntry.objects.record(
        actor, "edit_relay_host", domain=domain.pk, target=domain.pk, changes=changes
    )
    return domain


def check_relay_host(row, *, server, login="", password="", spf_include=""):
    errors = {}
    next_hop = ""
    if server:
        with collected(errors, "server"):
            next_hop = _next_hop(server)
    spf_include = spf_include.lower().removeprefix("include:").rstrip(".")
    if spf_include and not (len(spf_include) <= 255 and _SPF_NAME.fullmatch(spf_include)):
        errors["spf_include"] = [
            ValidationError(_("Write a name such as spf.example.net."), "invalid")
        ]
    if password and not login:
        errors["login"] = [ValidationError(_("Enter the login of this password."), "required")]
    for name, text in (("login", login), ("password", password)):
        if not text.isprintable() or len(text) > MAX_SECRET or (name == "login" and ":" in text):
            errors[name] = [
                ValidationError(
                    _(
                        "Postfix takes at most %(n)d printable characters here, and no colon in a login."
                    ),
                    "invalid",
                    {"n": MAX_SECRET},
                )
            ]
    same = row is not None and (row.next_hop, row.login) == (next_hop, login) and row.secret
    if login and server and not password and not same and not errors:
        errors["password"] = [
            ValidationError(_("Enter the password of this login at this server."), "required")
        ]
    refuse(errors)
    if not server:
        return None
    salt, secret = encrypted(f"{login}:{password}", next_hop) if password else ("", "")
    if login and not password:
        salt, secret = row.salt, row.secret
    return RelayHost(
        next_hop=next_hop, login=login, salt=salt, secret=secret, spf_include=spf_include
    )


def _next_hop(text):
    server = read_server(text)
    if server is None:
        raise ValidationError(
            _("“%(server)s” is no server. Write it like smtp.example.net:587."),
            "no_server",
            {"server": text},
        )
    if server.port == TLS_FROM_THE_START:
        raise ValidationError(
            _("Postfix starts TLS after it has connected: use port 587 in place of 465."), "port"
        )
    refuse_this_server(server)
    return str(server._replace(port=server.port or SUBMISSION, bracketed=True))

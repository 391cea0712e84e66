import re
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mailadmin.doctor.checking import ERROR, WARNING, check

# Debian's copies a changed file into the chroot, and says so.
COPIED = re.compile(r"updating \S+ => \S+")
WHOLE_WORLD = {"0.0.0.0/0", "[::]/0", "::/0", "0/0"}
CLOSING = {"reject_unauth_destination", "defer_unauth_destination", "reject", "defer"}


@check(
    "postfix-check",
    ERROR,
    _("what `postfix check` says"),
    seen=_("“postfix check” complains: %(says)s"),
    why=_("Postfix may not start again, or may not use what it complains of."),
    mend=_("Mend what it names; these commands say nothing once all is well:"),
    command="postfix check; postconf -n > /dev/null",
)
def postfix_check(host):
    lines = host.part("check").splitlines()
    if says := "\n".join(line for line in lines if not COPIED.fullmatch(line)):
        yield {"says": says[:500]}


@check(
    "own-domain-in-mydestination",
    ERROR,
    _("whether mydestination names a domain of the panel"),
    seen=_("mydestination in main.cf names domains of the panel: %(domains)s."),
    why=_("Postfix takes their addresses for accounts of this machine. Aliases lead on, but mail for mailboxes is taken and then returned (“unknown user”), to forged senders too; or it is refused, “User unknown in local recipient table”."),
    mend=_("Leave them out:"),
    command="postconf -e 'mydestination = %(rest)s' && postfix reload",
    page="domain-list",
)  # fmt: skip
def own_domain_in_mydestination(host):
    named = [name for name in re.split(r"[\s,]+", host.parameter("mydestination")) if name]
    if ours := host.served_domains({name.lower() for name in named}):
        rest = ", ".join(dict.fromkeys(name for name in named if name.lower() not in ours))
        yield {"domains": ", ".join(ours[:5]), "rest": rest}


@check(
    "domain-not-served",
    ERROR,
    _("whether Postfix knows the panel’s domains"),
    seen=_("Postfix does not know %(domain)s, which is on in the panel: virtual_mailbox_domains does not answer."),
    why=_("Mail for it is refused: “Relay access denied”."),
    mend=_("Let Postfix ask the panel’s map:"),
    command="postconf -e 'virtual_mailbox_domains = proxy:mysql:%(folder)s/domains.cf' && postfix reload",
    page="domain-list",
)  # fmt: skip
def domain_not_served(host):
    yield from _not_served(host, "virtual_mailbox_domains")


@check(
    "mailbox-not-served",
    ERROR,
    _("whether Postfix knows the panel’s mailboxes"),
    seen=_("Postfix does not know the mailbox %(address)s: virtual_mailbox_maps does not answer."),
    why="%(effect)s",
    mend=_("Let Postfix ask the panel’s map:"),
    command="postconf -e 'virtual_mailbox_maps = proxy:mysql:%(folder)s/mailbox.cf' && postfix reload",
    page="mailbox-list",
)  # fmt: skip
def mailbox_not_served(host):
    yield from _not_served(host, "virtual_mailbox_maps")


# The words of a parameter that are tables which were asked, or hold nothing of the panel's.
ASKED = re.compile(r"(?:proxy:)?[a-z]+:/\S+")
INLINE = re.compile(r"inline:\{.*\}")
UNKNOWN_USER = _("Mail for it is refused: “User unknown in virtual mailbox table”.")
TAKES_ALL = _("Without that map Postfix takes mail for every name in the panel’s domains. What Dovecot does not know is returned later, to forged senders too.")  # fmt: skip


def _not_served(host, parameter):
    domain = host.address.rpartition("@")[2]
    tables = [table for table in host.part("maps") if parameter in table["parameters"]]
    failing = any(table["says"] for table in tables)  # told by another check
    answered = failing or any(table["answers"] for table in tables)
    if domain and not answered and _is_of_tables(host, parameter, domain) and not _is_relayed(host, domain):  # fmt: skip
        yield {
            "address": host.address,
            "domain": domain,
            "folder": str(_folder_of_maps(host)),
            "effect": str(UNKNOWN_USER if host.parameter(parameter) else TAKES_ALL),
        }


def _is_of_tables(host, parameter, domain):
    # A domain's name, a file of names or "static:" may answer too, and was not asked.
    value = host.parameter(parameter)
    words = re.split(r"[\s,]+", INLINE.sub("", value).strip())
    return domain not in value and all(ASKED.fullmatch(word) for word in words if word)


def _is_relayed(host, domain):
    tables = [table for table in host.part("maps") if "relay_domains" in table["parameters"]]
    named = re.split(r"[\s,]+", host.parameter("relay_domains"))
    return domain in named or any(table["answers"] for table in tables)


def _folder_of_maps(host):
    ours = [Path(one["path"]).parent for one in host.part("maps") if one["kind"] == "mysql"]
    return ours[0] if ours else "/etc/postfix/sql"


@check(
    "sasl-off",
    ERROR,
    _("whether mail programs may sign in to send"),
    seen=_("No service of master.cf on port 587 or 465 has logins switched on."),
    why=_("Mail programs say “SMTP server does not support authentication”, or mail to other servers is refused: “Relay access denied”."),
    mend=_("Put the shipped services into master.cf:"),
    command="%(command)s",
)  # fmt: skip
def sasl_off(host):
    if not _with_logins(host):
        yield {"command": host.files_anew or SERVICES_ANEW}


SERVICES_ANEW = (
    "mailadmin mailconf /root/mailconf && for service in submission/inet submissions/inet;"
    ' do postconf -Me "$service=$(postconf -c /root/mailconf/postfix -M $service)"; done; postfix reload'
)


@check(
    "sasl-not-dovecot",
    ERROR,
    _("whom Postfix asks about logins"),
    seen=_("Postfix does not ask Dovecot about logins: smtpd_sasl_type is “%(type)s”."),
    why=_("Passwords of the panel are known to Dovecot alone: “SMTP server does not support authentication”, or “no SASL authentication mechanisms” in the log."),
    mend=_("Let it ask Dovecot:"),
    command="postconf -e 'smtpd_sasl_type = dovecot' 'smtpd_sasl_path = private/auth' && postfix reload",
)  # fmt: skip
def sasl_not_dovecot(host):
    if _with_logins(host) and (kind := host.parameter("smtpd_sasl_type")) != "dovecot":
        yield {"type": kind}


def _with_logins(host):
    default = host.parameter("smtpd_sasl_auth_enable")
    return [
        name
        for name, service in host.part("postfix")["services"].items()
        if service["program"] == "smtpd" and service.get("smtpd_sasl_auth_enable", default) == "yes"
    ]


@check(
    "open-relay",
    ERROR,
    _("whether strangers may send through this server"),
    seen=_("Everybody may send through this server to anywhere: %(what)s."),
    why=_("Spammers find that within hours, and then no other server takes mail from here."),
    mend=_("Let only programs of this machine and those who sign in send elsewhere:"),
    command="postconf -e 'mynetworks = 127.0.0.0/8 [::1]/128' 'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination' && postfix reload",
)  # fmt: skip
def open_relay(host):
    trusted = set(re.split(r"[\s,]+", host.parameter("mynetworks")))
    relay = host.parameter("smtpd_relay_restrictions")
    rules = (relay, host.parameter("smtpd_recipient_restrictions"))
    if world := trusted & WHOLE_WORLD:
        yield {"what": f"mynetworks = {', '.join(sorted(world))}"}
    elif not any(map(_closes, rules)):
        yield {"what": f"smtpd_relay_restrictions = {relay}"}


def _closes(rules):
    before = ""
    for word in re.split(r"[\s,]+", rules):
        if word == "permit":
            return False
        if word in CLOSING and before != "warn_if_reject":
            return True
        before = word
    return False


@check(
    "smuggling-possible",
    ERROR,
    _("whether a message can hide another one (Postfix’s version)"),
    seen=_("Postfix %(version)s takes a line that ends in a bare newline for the end of a message."),
    why=_("A stranger can put a second message with any sender inside the first (SMTP smuggling, CVE-2023-51764)."),
    mend=_("Switch it off; a release that does not know how must be upgraded first:"),
    command="%(command)s",
)  # fmt: skip
def smuggling_possible(host):
    setting = host.parameter("smtpd_forbid_bare_newline")
    if setting not in {"yes", "normalize", "reject"}:
        upgrade = "" if setting else "apt update && apt install --only-upgrade postfix && "
        command = "postconf -e 'smtpd_forbid_bare_newline = normalize' && postfix reload"
        yield {"version": host.parameter("mail_version"), "command": upgrade + command}


@check(
    "delimiter-differs",
    ERROR,
    _("the sign before a tag"),
    seen=_("Postfix takes “%(is)s” for the sign before a tag, the panel “%(wanted)s”."),
    why=_("Mail for name%(wanted)stag@… goes elsewhere than the panel’s pages say, or is refused."),
    mend=_("Give Postfix the same:"),
    command="postconf -e 'recipient_delimiter = %(wanted)s' && postfix reload",
)
def delimiter_differs(host):
    if (found := host.parameter("recipient_delimiter")) != settings.RECIPIENT_DELIMITER:
        yield {"is": found, "wanted": settings.RECIPIENT_DELIMITER}


@check(
    "socket-missing",
    ERROR,
    _("the sockets between Postfix and Dovecot"),
    seen=_("%(parameter)s leads to the socket %(path)s, but there is none."),
    why="%(effect)s",
    mend=_("Let Dovecot make it: the shipped dovecot.conf does. Then start it anew:"),
    command="systemctl restart dovecot",
)
def socket_missing(host):
    yield from (_socket(one) for one in host.part("sockets") if not one["there"])


@check(
    "socket-closed",
    ERROR,
    _("whether Postfix may use these sockets"),
    seen=_("Postfix may not write to the socket %(path)s (mode %(mode)s, owner %(uid)s)."),
    why="%(effect)s",
    mend=_("Give it to Postfix in dovecot.conf (user, group and mode of this unix_listener, as the shipped file has them), and at once:"),
    command="chown postfix:postfix %(path)s && chmod 660 %(path)s",
)  # fmt: skip
def socket_closed(host):
    yield from (_socket(one) for one in host.part("sockets") if one["there"] and not one["may"])


@check(
    "socket-dead",
    ERROR,
    _("whether somebody answers at these sockets"),
    seen=_("Nobody listens at the socket %(path)s: Dovecot is not running."),
    why="%(effect)s",
    mend=_("Start it, and look at why it ended:"),
    command="systemctl restart dovecot; journalctl -u dovecot -n 20",
)
def socket_dead(host):
    yield from (_socket(one) for one in host.part("sockets") if one.get("listens") is False)


EFFECTS = {
    "smtpd_sasl_path": _("Nobody can sign in to send mail: “SMTP server does not support authentication”."),
    "virtual_transport": _("Mail that comes in waits in the queue."),
}  # fmt: skip
OTHER = _("Postfix takes mail for full mailboxes and has to return it.")


def _socket(one):
    return one | {"effect": str(EFFECTS.get(one["parameter"], OTHER)), "about": one["path"]}


@check(
    "submission-in-clear",
    WARNING,
    _("whether passwords travel without TLS"),
    seen=_("%(service)s takes a login without TLS."),
    why=_("Everybody on the way reads the password."),
    mend=_("Ask for TLS first:"),
    command="postconf %(option)s '%(place)s = yes' && postfix reload",
)
def submission_in_clear(host):
    services = host.part("postfix")["services"]
    for name in _with_logins(host):
        service = services[name]
        asked = (
            service.get("smtpd_tls_wrappermode") == "yes"
            or service.get("smtpd_tls_security_level", host.parameter("smtpd_tls_security_level"))
            == "encrypt"
            or service.get("smtpd_tls_auth_only", host.parameter("smtpd_tls_auth_only")) == "yes"
        )
        if not asked:
            # What master.cf says of a service, main.cf does not change.
            own = "smtpd_tls_auth_only" in service
            yield {
                "service": name,
                "option": "-P" if own else "-e",
                "place": f"{name}/smtpd_tls_auth_only" if own else "smtpd_tls_auth_only",
                "about": name,
            }

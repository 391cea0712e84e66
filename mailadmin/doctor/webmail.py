import re

from django.utils.translation import gettext_lazy as _

from mailadmin.doctor.checking import ERROR, WARNING, check

LOCAL = re.compile(r"(?:\w+://)?(?:127\.|\[?::1|localhost)")
LONGEST = 120  # seconds, before nginx and PHP give up


@check(
    "webmail-does-not-sign-in",
    ERROR,
    _("whether Roundcube signs in to send"),
    seen=_("Roundcube sends without signing in as its user: smtp_user is “%(user)s”, smtp_host “%(host)s” (%(file)s)."),
    why=_("“SMTP Error: Authentication failed”, or anybody’s sender leaves here unasked."),
    mend=_("Let it sign in on port 587 as who uses it; add to its file:"),
    command="printf '%%s\\n' \"\\$config['smtp_host'] = 'tls://127.0.0.1:587';\" \"\\$config['smtp_user'] = '%%u';\" \"\\$config['smtp_pass'] = '%%p';\" >> %(file)s",
)  # fmt: skip
def webmail_does_not_sign_in(host):
    webmail = host.part("webmail")
    if not webmail:
        return
    user, server = webmail.get("smtp_user", ""), webmail.get("smtp_host", "")
    if user != "%u" or server.endswith(":25"):
        yield {"user": user, "host": server, "file": webmail["file"]}


@check(
    "webmail-cannot-reach",
    ERROR,
    _("whether Roundcube’s servers answer"),
    seen=_("Roundcube’s %(setting)s, %(server)s, does not answer: %(says)s"),
    why=_("Nobody can read or send mail in the webmail."),
    mend=_("Start that server, or name the right one in the file:"),
    command="grep -n %(setting)s %(file)s",
)
def webmail_cannot_reach(host):
    webmail = host.part("webmail")
    for setting in ("imap_host", "smtp_host"):
        if says := webmail.get(f"{setting}_says"):
            yield {
                "setting": setting,
                "server": webmail[setting],
                "says": says,
                "file": webmail["file"],
                "about": setting,
            }


@check(
    "webmail-waits-too-long",
    WARNING,
    _("how long Roundcube waits"),
    seen=_("Roundcube waits too long for the mail server: %(setting)s is %(seconds)s seconds (%(file)s)."),
    why=_("When the mail server is slow, nginx answers “504” in its place, and all of PHP’s processes wait."),
    mend=_("Let it give up before PHP and nginx do; add to its file:"),
    command="printf '%%s\\n' \"\\$config['%(setting)s'] = 60;\" >> %(file)s",
)  # fmt: skip
def webmail_waits_too_long(host):
    webmail = host.part("webmail")
    for setting in ("imap_timeout", "smtp_timeout"):
        seconds = webmail.get(setting, "")
        # Without one, or with 0, PHP's own counts: a minute.
        if seconds.isdigit() and int(seconds) > LONGEST:
            yield {
                "setting": setting,
                "seconds": seconds,
                "file": webmail["file"],
                "about": setting,
            }


@check(
    "webmail-reconnects",
    WARNING,
    _("whether each click in the webmail goes over the network anew"),
    seen=_("Roundcube reaches Dovecot on another machine, %(server)s, without a program in between that keeps its sessions (%(file)s)."),
    why=_("Each click opens a session with TLS and a sign-in over the network: the webmail is slow, and the log is full of sign-ins."),
    mend=_("imapproxy keeps them open, and reaches that machine by STARTTLS on port 143. Install it, and let Roundcube ask it:"),
    command="apt install imapproxy && printf '%%s\\n' 'server_hostname %(name)s' 'listen_address 127.0.0.1' 'listen_port 1143' 'force_tls yes' 'tls_verify_server yes' 'tls_ca_file /etc/ssl/certs/ca-certificates.crt' >> /etc/imapproxy.conf && systemctl restart imapproxy && printf '%%s\\n' \"\\$config['imap_host'] = '127.0.0.1:1143';\" >> %(file)s",
)  # fmt: skip
def webmail_reconnects(host):
    webmail = host.part("webmail")
    server = webmail.get("imap_host", "")
    if server and not LOCAL.match(server):
        name = re.sub(r"^\w+://|:\d+$", "", server).strip("[]")
        yield {"server": server, "name": name, "file": webmail["file"]}

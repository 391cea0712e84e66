import shlex
from datetime import timedelta

from cryptography import x509
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mailadmin.doctor.checking import ERROR, WARNING, check
from mailboxes import fetch_runs

GB = 1_000_000_000
PERCENT, ENOUGH = 10, 20 * GB  # left of a disk; more than ENOUGH is never little
HARDLY_ANY = 3
# A certificate is renewed long before: somebody is told when a quarter of its time is left, or a week, whichever is less.
LAST_WEEK = timedelta(days=7)
OF_REPORTS, OF_FETCHING = "mailadmin-reports.timer", "mailadmin-fetchmail.timer"
TIMERS = {
    "mailadmin-daily.timer": _("ended sessions, findings, checks"),
    "mailadmin-snapshot.timer": _("the day’s figures"),
    "mailadmin-checkdns.timer": _("what the DNS says"),
    "mailadmin-endings.timer": _("ends of aliases and mailboxes"),
    OF_FETCHING: _("mail from mailboxes elsewhere"),
    OF_REPORTS: _("reports about DMARC and TLS"),
    "mailadmin-doctor.timer": _("this look, and the mail about what is new"),
}


@check(
    "disk-nearly-full",
    WARNING,
    _("the room on the disks"),
    seen=_("The disk of %(path)s is nearly full: %(free)s MB of %(size)s MB are free, %(percent)s %%. It holds: %(holds)s."),
    why=_("A full disk stops delivery, and a database without room stops everything."),
    mend=_("See what fills it, and give it more room:"),
    command="du -axh --max-depth=2 %(path)s | sort -h | tail",
)  # fmt: skip
def disk_nearly_full(host):
    for disk in host.part("disks"):
        percent = disk["free"] * 100 // max(disk["size"], 1)
        if percent < PERCENT and disk["free"] < ENOUGH:
            yield _disk(disk, percent) | {"level": ERROR if percent < HARDLY_ANY else WARNING}


@check(
    "disk-without-files",
    WARNING,
    _("how many more files the disks can take"),
    seen=_("The disk of %(path)s can hardly take more files: %(percent)s %% of its inodes are free. It holds: %(holds)s."),
    why=_("Each message is a file: delivery stops, though there is room."),
    mend=_("Remove small files nobody needs, or make the file system anew with more inodes:"),
    command="du -x --inodes --max-depth=3 %(path)s | sort -n | tail",
)  # fmt: skip
def disk_without_files(host):
    for disk in host.part("disks"):
        if disk["files"] and (percent := disk["free_files"] * 100 // disk["files"]) < PERCENT:
            yield _disk(disk, percent)


def _disk(disk, percent):
    return {
        "path": disk["path"],
        "free": f"{disk['free'] // 1_000_000:,}",
        "size": f"{disk['size'] // 1_000_000:,}",
        "percent": percent,
        "holds": ", ".join(disk["holds"]),
        "about": disk["path"],
    }


@check(
    "clock-not-kept",
    WARNING,
    _("whether the clock is kept right"),
    seen=_("Nothing keeps this machine’s clock right."),
    why=_("Signatures, certificates and one-time passwords depend on it, and so does the date in every log."),
    mend=_("Install a program that does:"),
    command="apt install systemd-timesyncd && timedatectl set-ntp true",
)  # fmt: skip
def clock_not_kept(host):
    if not host.part("clock")["kept"]:
        yield {}


@check(
    "timer-off",
    WARNING,
    _("the panel’s timers"),
    seen=_("%(unit)s does not run: %(what)s."),
    why=_("What it does once or more a day is not done, and the panel’s pages show what was."),
    mend=_("Switch it on (mailconf writes the files):"),
    command="systemctl enable --now %(unit)s",
)
def timer_off(host):
    found = host.part("units")
    for unit, what in TIMERS.items():
        if unit == OF_REPORTS and settings.REPORTS_TO.lower() != settings.REPORTS_HERE:
            continue
        if found.get(unit, {}).get("ActiveState") == "active":
            continue
        if unit != OF_FETCHING or (settings.FETCHMAIL_TO and fetch_runs.due().exists()):
            yield {"unit": unit, "what": str(what), "about": unit}


@check(
    "timer-failed",
    ERROR,
    _("what the panel’s timers do"),
    seen=_("%(unit)s failed the last time."),
    why=_("What it does once or more a day is not done, and the panel’s pages show what was."),
    mend=_("See why, mend it, and try again:"),
    command="journalctl -u %(unit)s -n 20; systemctl restart %(unit)s",
)
def timer_failed(host):
    for unit, state in host.part("units").items():
        if unit.endswith(".service") and state.get("ActiveState") == "failed":
            yield {"unit": unit, "about": unit}


@check(
    "certificate-ends",
    ERROR,
    _("the certificates’ last days"),
    seen=_("The certificate in %(file)s ends in %(days)s days, on %(end)s."),
    why=_("Mail programs refuse the server then, and other servers that check it keep their mail."),
    mend=_("It should have been renewed by now. See why it was not, and renew it:"),
    command="%(command)s",
    page="dns-host",
)
def certificate_ends(host):
    for file, found in host.certificates.items():
        begin, end = found.not_valid_before_utc, found.not_valid_after_utc
        left = end - timezone.now()
        little = min((end - begin) / 4, LAST_WEEK)
        if left < little:
            yield {
                "file": file,
                "days": left.days,
                "end": f"{end:%Y-%m-%d}",
                "command": _signed_anew(host, file, found) or f"certbot renew && {RELOAD}",
                "about": file,
            }


@check(
    "certificate-of-another",
    ERROR,
    _("the certificates’ names"),
    seen=_("The certificate in %(file)s is not for %(host)s but for %(names)s."),
    why=_("Mail programs warn their users, or refuse to sign in."),
    mend=_("Get one that has the name in it, or set MAIL_HOSTNAME to the name people use:"),
    command="%(command)s",
    page="dns-host",
)
def certificate_of_another(host):
    name = settings.MAIL_HOSTNAME.lower()
    above = "*." + name.partition(".")[2]
    for file, found in host.certificates.items():
        names = _names(found)
        if not {name, above} & {one.lower() for one in names}:
            shown = ", ".join(names[:3]) or "?"
            command = _signed_anew(host, file, found) or host.installer
            yield {
                "file": file,
                "host": name,
                "names": shown,
                "command": command or BY_CERTBOT.format(shlex.quote(name)),
                "about": file,
            }


BY_CERTBOT = "certbot certonly --webroot -w /var/www/html -d {}    # then name its files in main.cf and dovecot.conf"


@check(
    "certificate-unreadable",
    ERROR,
    _("whether the certificates can be read"),
    seen=_("No certificate can be read from %(file)s: %(says)s"),
    why=_("Postfix or Dovecot cannot offer TLS: nobody can sign in."),
    mend=_("Name a file that is there, in main.cf (smtpd_tls_cert_file) and dovecot.conf. See:"),
    command="ls -l %(file)s; openssl x509 -noout -subject -enddate -in %(file)s",
)
def certificate_unreadable(host):
    for file, text in host.part("certificates").items():
        if "BEGIN CERTIFICATE" not in text:
            yield {"file": file, "says": text or str(_("there is none in it")), "about": file}


RELOAD = "systemctl reload postfix dovecot nginx"


def _signed_anew(host, file, found):
    """The command that makes Postfix's certificate anew if it signs itself, for this host too; or ""."""
    if found.issuer != found.subject or file != host.parameter("smtpd_tls_cert_file"):
        return ""
    name = settings.MAIL_HOSTNAME.lower()
    names = ",".join(f"DNS:{one}" for one in dict.fromkeys([name, *_names(found)]))
    return (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650"
        f" -subj /CN={shlex.quote(name)} -addext {shlex.quote(f'subjectAltName={names}')}"
        f' -keyout "$(postconf -xh smtpd_tls_key_file)" -out {shlex.quote(file)} && {RELOAD}'
    )


def _names(found):
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return names.value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        return []

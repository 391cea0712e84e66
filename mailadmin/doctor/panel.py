import re
from datetime import timedelta

from django.core import checks
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from domains.dns import words
from domains.dns.host import host_name
from domains.dns.states import findings_of
from domains.models import Domain, DomainDNS
from mailadmin.doctor.checking import ERROR, WARNING, check
from mailadmin.findings import looking
from mailadmin.findings.cures import BY_HAND
from mailadmin.findings.rows import HERE
from panel.models import FoundRows
from panel.tasks import COUNTED

LEVELS = {checks.WARNING: WARNING, checks.ERROR: ERROR, checks.CRITICAL: ERROR}
# Told by a check of its own, in database.py.
OTHERWISE = {"mailadmin.E003"}
OLD = timedelta(days=3)
NAMED = 5


@check(
    "settings",
    ERROR,
    _("settings, tables, triggers and functions (`manage.py check`)"),
    seen="%(says)s",
    why=_("The panel counts on it (%(id)s)."),
    mend="%(hint)s",
    command="%(command)s",
)
def settings_and_tables(host):
    for message in checks.run_checks(databases=["default"]):
        if message.level in LEVELS and not message.is_silenced() and message.id not in OTHERWISE:
            yield {
                "says": message.msg,
                "id": message.id,
                "hint": message.hint or str(_("Mend what it names; asked by hand:")),
                "level": LEVELS[message.level],
                "command": _command_in(message.hint or ""),
                "about": message.id,
            }


def _command_in(hint):
    """What the hint says to run; without that, what shows whether it is mended."""
    found = re.search("`manage.py ([^`]+)`", hint)
    return f"mailadmin {found[1]}" if found else "mailadmin check --database default"


@check(
    "rows",
    WARNING,
    _("what is wrong with rows (`manage.py check_rows`)"),
    seen=_("%(title)s: %(count)s, such as %(examples)s."),
    why="%(why)s",
    mend="%(mend)s",
    command="%(command)s",
    page="findings",
)
def rows(host):
    if host.anew:
        looking.look()
    for row in FoundRows.objects.filter(count__gt=0, pk__in=HERE).defer("keys").order_by("pk"):
        yield {
            "title": str(HERE[row.pk].title),
            "count": f"> {COUNTED:,}" if row.count > COUNTED else f"{row.count:,}",
            "examples": ", ".join(text for text, *_page in row.examples[:NAMED]),
            "why": str(HERE[row.pk].why),
            "about": row.pk,
            **_mending(row.pk),
        }


ON_THE_PAGE = _("The page “Findings” has a button for it. Its rows:")


def _mending(name):
    sentence, command = BY_HAND.get(name, ("", ""))
    if not command:
        sentence, command = ON_THE_PAGE, f"mailadmin check_rows --list {name}"
    return {"mend": str(sentence), "command": command % name if "%" in command else command}


@check(
    "dns-of-host",
    ERROR,
    _("the DNS of this mail server: addresses, PTR, SPF, block lists"),
    seen=_("DNS of this mail server, %(record)s %(name)s: %(says)s"),
    why="%(why)s",
    mend=_("The page shows what must be there and what is. Asked anew:"),
    command="mailadmin checkdns",
    page="dns-host",
    told=False,
)
def dns_of_host(host):
    row = DomainDNS.objects.filter(pk=host_name()).first()
    for finding in findings_of(row):
        if finding.needs_somebody:
            yield {
                "record": words.label(finding.topic),
                "name": finding.name,
                "says": words.says(finding),
                "why": words.does(finding.topic),
                "about": finding.key,
            }


@check(
    "dns-of-domains",
    WARNING,
    _("the DNS of the domains"),
    seen=_("%(number)s domains have records to mend, such as %(names)s."),
    why=_("Mail for them does not come, or their mail is refused elsewhere, or marked as spam (SPF, DKIM)."),
    mend=_("Their pages show what must be there and what is. Asked anew:"),
    command="mailadmin checkdns",
    page="domain-list",
    told=False,
)  # fmt: skip
def dns_of_domains(host):
    found = DomainDNS.objects.with_problems().exclude(pk=host_name()).order_by("pk")
    if names := [f"{row.pk} ({row.problems})" for row in found.only("problems")[:NAMED]]:
        yield {"number": found.count(), "names": ", ".join(names)}


@check(
    "dns-not-looked-at",
    WARNING,
    _("whether the DNS is looked at"),
    seen=_("The DNS was not looked at in the last %(days)s days."),
    why=_("Nobody would hear that a record is gone or another server took over."),
    mend=_("Switch its timer on, and look now:"),
    command="systemctl enable --now mailadmin-checkdns.timer; mailadmin checkdns",
    page="dns-host",
)
def dns_not_looked_at(host):
    begun = timezone.now() - OLD
    looked = DomainDNS.objects.filter(checked__gte=begun)
    if Domain.objects.filter(created__lt=begun).exists() and not looked.exists():
        yield {"days": OLD.days}

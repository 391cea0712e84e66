"""`/metrics`: figures for a monitoring system, as Prometheus reads them. Nothing is counted for it: they are those that timers wrote down."""

from collections import Counter
from hmac import compare_digest
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.models import Max
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Admin
from domains.dns.host import host_name
from domains.mail_reports import ReportDay
from domains.models import DomainDNS, DomainUsage
from mailadmin.doctor.checking import ERROR, WARNING
from mailadmin.doctor.looking import findings_of
from mailboxes.models import NEARLY_FULL, SERVER, FullMailbox, UsageDay
from panel import server, transactions
from panel.models import FoundRows, HostLook
from panel.pages import client_ip
from panel.paging import COUNT_BOUND
from panel.prepared import prepared_counts

TYPE = "text/plain; version=0.0.4; charset=utf-8"
# What proxies add to a request; one of the first two names the client.
CLIENT = {"HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"}
PROXIED = {*CLIENT, "HTTP_X_REAL_IP", "HTTP_VIA", "HTTP_X_FORWARDED_PROTO"}


@login_not_required
@require_safe
def metrics(request):
    """For whoever has METRICS_TOKEN; without one, for this machine."""
    refused = _refusal(request)
    if refused:
        return refused
    text = "".join(line for family in _families() for line in family)
    return HttpResponse(text, content_type=TYPE, headers={"Cache-Control": "no-store"})


def _refusal(request):
    if settings.METRICS_TOKEN:
        wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
        if compare_digest(request.headers.get("Authorization", "").encode(), wanted):
            return None
        told = {"WWW-Authenticate": "Bearer"}
        return HttpResponse("METRICS_TOKEN is needed\n", status=401, content_type="text/plain", headers=told)  # fmt: skip
    # Where nobody said that there is a proxy, and its header does, the address is the proxy's.
    told = request.META.keys()
    is_known = CLIENT & told if settings.BEHIND_PROXY else not PROXIED & told
    if is_known and _is_this_machine(client_ip(request)):
        return None
    raise Http404


def _is_this_machine(address):
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _families():
    yield family("mailadmin_info", "gauge", "The panel's version.", [({"version": _version()}, 1)])
    try:
        trouble = server.trouble(connection)
        found = [] if trouble else [*_of_database()]
    except Error as error:
        trouble, found = transactions.reason_of(error) or "away", []
    words = "Whether the database reads and saves; without it nothing follows."
    yield family("mailadmin_database_up", "gauge", words, [({}, 0 if trouble else 1)])
    yield from found


def _version():
    try:
        return version("mailadmin")
    except PackageNotFoundError:
        return "?"


@prepared_counts
def _counts():
    """Each to COUNT_BOUND + 1."""
    full = FullMailbox.objects.filter(percent__gte=NEARLY_FULL)
    domains = DomainUsage.objects.filter(fullness__gte=NEARLY_FULL)
    dns = DomainDNS.objects.with_problems()
    return [rows.order_by()[: COUNT_BOUND + 1] for rows in (Admin.objects, full, domains, dns)]


def _of_database():
    runs = {}
    day = UsageDay.objects.filter(domain=SERVER).order_by("-day").first()
    if day:
        runs["snapshot", ""] = _begin(day.day)
        for name, value, words in (
            ("domains", day.domains, "Domains"),
            ("mailboxes", day.mailboxes, "Mailboxes"),
            ("aliases", day.aliases, "Aliases"),
            ("stored_bytes", day.bytes, "Bytes in all mailboxes"),
            ("stored_messages", day.messages, "Messages in all mailboxes"),
        ):
            samples = [] if value is None else [({}, value)]
            yield family(f"mailadmin_{name}", "gauge", f"{words}, by the last snapshot.", samples)
    for name, value, words in zip(
        ("admins", "mailboxes_nearly_full", "domains_near_limit", "domains_dns_problems"),
        _counts(),
        (
            "Administrators",
            f"Mailboxes of which {NEARLY_FULL} % or more is used",
            "Domains of which a limit is nearly reached",
            "Domains whose DNS must be mended",
        ),
        strict=True,
    ):
        words = f"{words}; {COUNT_BOUND + 1} stands for more, too."
        yield family(f"mailadmin_{name}", "gauge", words, [({}, value)])
    yield from _of_doctor(runs)
    rows = [*FoundRows.objects.order_by("pk").values_list("pk", "count", "looked")]
    words = "Rows that a check found wrong, by the last look."
    yield family("mailadmin_rows_found", "gauge", words, [({"check": r[0]}, r[1]) for r in rows])
    if rows:
        runs["check_rows", ""] = max(row[2] for row in rows).timestamp()
    if host := DomainDNS.objects.filter(pk=host_name()).only("checked").first():
        runs["checkdns", ""] = host.checked.timestamp()
    if last := ReportDay.objects.aggregate(last=Max("day"))["last"]:
        words = "The last day about which another server reported (DMARC, TLS): its beginning."
        yield family("mailadmin_last_report_day_seconds", "gauge", words, [({}, _begin(last))])
    yield family(
        "mailadmin_last_run_seconds",
        "gauge",
        "When a job ran last, in seconds since 1970; of snapshot, the beginning of that day.",
        [({"job": job, "machine": machine}, at) for (job, machine), at in runs.items()],
    )


def _of_doctor(runs):
    """What the last look at each machine found; adds its time to ``runs``."""
    queued, found, unseen = [], [], []
    for look in HostLook.objects.order_by("pk"):
        of = {"machine": look.machine}
        runs["doctor", look.machine] = look.looked.timestamp()
        if "messages" in look.figures:
            queued.append((of, look.figures["messages"]))
        levels = Counter(finding.level for finding in findings_of(look))
        found += [({**of, "level": level}, levels[level]) for level in (ERROR, WARNING)]
        unseen.append((of, sum(len(names) for names, _why in look.unseen)))
    words = "Messages in Postfix's queue, by the last look."
    yield family("mailadmin_queue_messages", "gauge", words, queued)
    yield family("mailadmin_findings", "gauge", "What the doctor found, by the last look.", found)
    words = "Checks of the doctor that could not look."
    yield family("mailadmin_checks_unseen", "gauge", words, unseen)


def _begin(day):
    """Midnight in Greenwich, in seconds since 1970."""
    return (day.toordinal() - 719_163) * 86_400


def family(name, kind, words, samples):
    """Lines of Prometheus' text format for ``samples``, [({label: value}, number)]; without any there is nothing to say."""
    if not samples:
        return []
    lines = [f"# HELP {name} {words}\n", f"# TYPE {name} {kind}\n"]
    for labels, number in samples:
        told = ",".join(f'{label}="{escaped(text)}"' for label, text in labels.items())
        lines.append(f"{name}{{{told}}} {number}\n" if told else f"{name} {number}\n")
    return lines


def escaped(text):
    return str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

import re
from functools import partial

from django.conf import settings
from dns.reversename import from_address

from domains.client_setup import checksum_record, user_agent_configuration
from domains.dns import block_lists, dkim, mta_sts, spf
from domains.dns.asking import Asking, NotAsked
from domains.dns.findings import DIFFERS, MISSING, NOT_ASKED, OK, WRONG, Finding, quoted, tags
from domains.dns.host import Host, certificate_digest, host_name, spf_terms
from domains.mail_services import SERVICES

PARENTS = 4  # above a domain, whose DMARC record may cover it
REPORTED_TO = 5  # other domains that a DMARC record sends reports to
SPF_WORST_FIRST = (
    "temperror",
    "permerror",
    "not included",
    "fail",
    "softfail",
    "neutral",
    "none",
    "pass",
)


def check_domain(domain, keys=(), relay=None, asking=None):
    """Return the Findings of a Domain, read with ``alias_of``, of its DKIMKeys and its RelayHost.

    It asks the DNS for at most CHECK_SECONDS.
    """
    asking = asking or Asking()
    name = domain.pk
    checks = [("mx", name, "MX", partial(mx, is_backup=domain.backupmx))]
    if domain.ends_here:  # how other domains' mail leaves, the next server knows
        checks += [
            ("spf", name, "TXT", partial(sender, relay=relay)),
            ("dmarc", f"_dmarc.{name}", "TXT", dmarc),
            ("tlsrpt", f"_smtp._tls.{name}", "TXT", tls_reports),
            ("mtasts", f"_mta-sts.{name}", "TXT", mta_sts.announced),
        ]
    if domain.ends_here and not hasattr(domain, "alias_of"):  # there, nobody has a mailbox
        checks += [
            ("srv", f"{service.srv}._tcp.{name}", "SRV", partial(srv, port=service.port))
            for service in SERVICES
        ]
        checks += [
            ("client", f"{label}.{name}", "CNAME", leads_here)
            for label in ("autoconfig", "autodiscover", "ua-auto-config")
        ]
        record = checksum_record(user_agent_configuration(domain))
        checks.append(("uaac", f"_ua-auto-config.{name}", "TXT", partial(checksum, record=record)))
    if domain.ends_here and mta_sts.sts_policy():
        policy = partial(mta_sts.served, leads_here=leads_here)
        checks.append(("policy", f"mta-sts.{name}", "CNAME", policy))
    checks += dkim.checks(keys)
    found = run(asking, checks)
    if domain.ends_here:
        found += run(asking, report_checks(asking, name))
    return found


def check_host(asking=None):
    asking = asking or Asking()
    name = host_name()
    found = run(asking, [("address", name, "A", address), ("helo", name, "TXT", helo)])
    try:
        addresses = Host(asking).addresses
    except NotAsked:
        addresses = []
    checks = [
        ("ptr", from_address(one).to_text(omit_final_dot=True), "PTR", pointer_back)
        for one in addresses
    ]
    checks += [("tlsa", f"_25._tcp.{name}", "TLSA", tlsa), *block_lists.checks(addresses)]
    return found + run(asking, checks)


def run(asking, checks):
    """Call each ``(topic, name, kind, check)`` with a function that makes its Finding; None is no finding."""
    host = Host(asking)
    asking.ask_ahead([(name, kind) for _topic, name, kind, _check in checks])
    found = []
    for topic, name, kind, check in checks:
        made = partial(Finding, topic, name, kind)
        try:
            found.append(check(asking, host, name, made))
        except NotAsked:
            found.append(made(state=NOT_ASKED, reason="not asked"))
    return [finding for finding in found if finding is not None]


# --- A domain


def mx(asking, host, name, made, *, is_backup):
    answers = asking.ask(name, "MX").values
    seen = sorted((mx.preference, mx.exchange.to_text().lower()) for mx in answers)
    made = partial(
        made, (f"10 {host.name}.",), tuple(f"{preference} {server}" for preference, server in seen)
    )
    if not seen:
        return made(MISSING, "missing")
    if [server for _preference, server in seen] == ["."]:
        return made(WRONG, "null")
    ours = [server for _p, server in seen if host.leads_here(server.rstrip("."))]
    others = [server.rstrip(".") for _p, server in seen if server not in ours]
    told = {"servers": ", ".join(others)}
    if not ours:
        return made(WRONG, "elsewhere", told)
    if is_backup or not others:
        return made(OK, "backup" if is_backup else "ok")
    first = [server for preference, server in seen if preference == seen[0][0]]
    return made(DIFFERS, "others" if set(first) & set(ours) else "others first", told)


def sender(asking, host, name, made, *, relay):
    records = [text for text in asking.texts(name) if spf.is_record(text)]
    terms = spf_terms(relay)
    wanted = spf.with_terms(records[0], terms) if len(records) == 1 else f"v=spf1 {terms[0]} ~all"
    if not records:
        return made((quoted(wanted),), (), MISSING, "missing")
    made = partial(made, seen=tuple(map(quoted, records)))
    includes = bool(relay and relay.spf_include)
    if includes:
        results = {relay.host: spf.evaluate_include(asking, name, relay.spf_include)}
    else:
        results = {one: spf.evaluate(asking, one, name) for one in host.senders(relay)}
    if not results:
        return made((quoted(wanted),), state=DIFFERS, reason="no address")
    result, problem, term = min(results.values(), key=lambda found: SPF_WORST_FIRST.index(found[0]))
    refused = [one for one, found in results.items() if found[0] == result]
    told = {"addresses": ", ".join(refused), "term": term}
    if result == "temperror":
        raise NotAsked
    if result == "permerror":
        return made(state=WRONG, reason=problem, details=told)
    if result == "pass":
        reason = "included" if includes else "ok"
        return made(tuple(map(quoted, records)), reason=reason, details=told)
    state = WRONG if result in {"fail", "softfail", "not included"} else DIFFERS
    return made((quoted(wanted),), state=state, reason=result, details=told)


def dmarc(asking, host, name, made):
    reports = f"; rua=mailto:{settings.REPORTS_TO}" if settings.REPORTS_TO else ""
    made = partial(made, (quoted(f"v=DMARC1; p=none{reports}"),))
    records = dmarc_records(asking, name)
    if not records:
        covering = _covering(asking, name)
        return (
            made(state=OK, reason="covered", details=covering)
            if covering
            else made((), MISSING, "missing")
        )
    made = partial(made, tuple(map(quoted, records)))
    found = tags(records[0])
    if len(records) > 1:
        return made(WRONG, "two records")
    if found is None or found.get("p", "").lower() not in {"none", "quarantine", "reject"}:
        return made(WRONG, "syntax")
    return made(OK, found["p"].lower())._replace(wanted=tuple(map(quoted, records)))


def dmarc_records(asking, name):
    return [text for text in asking.texts(name) if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)]


def _covering(asking, name):
    labels = name.split(".")[2:]  # without _dmarc and the domain's own first label
    for above in [".".join(labels[at:]) for at in range(len(labels) - 1)][:PARENTS]:
        if len(dmarc_records(asking, f"_dmarc.{above}")) == 1:
            return {"domain": above}
    return None


def report_checks(asking, name):
    try:
        found = [tags(text) or {} for text in dmarc_records(asking, f"_dmarc.{name}")]
    except NotAsked:
        return []
    if not found:
        found = [{"rua": f"mailto:{settings.REPORTS_TO}"}] if settings.REPORTS_TO else []
    addresses = [
        uri.strip()
        for tag in ("rua", "ruf")
        for one in found
        for uri in one.get(tag, "").split(",")
    ]
    domains = [
        uri.partition("!")[0].rpartition("@")[2].lower()
        for uri in addresses
        if uri.lower().startswith("mailto:")
    ]
    others = [one for one in dict.fromkeys(domains) if one and not _related(one, name)]
    return [
        ("reports", f"{name}._report._dmarc.{one}", "TXT", reports_allowed)
        for one in others[:REPORTED_TO]
    ]


def _related(one, other):
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def reports_allowed(asking, host, name, made):
    seen = tuple(map(quoted, dmarc_records(asking, name)))
    wanted = (quoted("v=DMARC1"),)
    told = {"domain": name.partition("._report._dmarc.")[2]}
    return made(seen, seen, details=told) if seen else made(wanted, (), MISSING, "missing", told)


def tls_reports(asking, host, name, made):
    records = [text for text in asking.texts(name) if text.startswith("v=TLSRPTv1")]
    wanted = f"v=TLSRPTv1; rua=mailto:{settings.REPORTS_TO}"
    if not records:
        return made((quoted(wanted),), (), MISSING, "missing") if settings.REPORTS_TO else None
    made = partial(made, seen=tuple(map(quoted, records)))
    if len(records) > 1:
        return made(state=WRONG, reason="two records")
    if not (tags(records[0]) or {}).get("rua"):
        return made(state=WRONG, reason="syntax")
    return made(tuple(map(quoted, records)))


def srv(asking, host, name, made, *, port):
    values = asking.ask(name, "SRV").values
    seen = tuple(value.to_text().lower() for value in values)
    made = partial(made, (f"0 1 {port} {host.name}.",), seen)
    if not seen:
        return made(MISSING, "missing")
    places = {(value.port, value.target.to_text(omit_final_dot=True).lower()) for value in values}
    if places == {(port, host.name)}:
        return made(OK, "ok")._replace(wanted=seen)
    return made(DIFFERS, "elsewhere")


def checksum(asking, host, name, made, *, record):
    made = partial(made, (quoted(record),))
    records = [text for text in asking.texts(name) if (tags(text) or {}).get("v") == "UAAC1"]
    if not records:
        return made((), MISSING, "missing")
    made = partial(made, tuple(map(quoted, records)))
    if tags(record) not in map(tags, records):
        return made(DIFFERS, "checksum")
    return made(OK, "ok")._replace(wanted=tuple(map(quoted, records)))


def leads_here(asking, host, name, made):
    alias = tuple(value.target.to_text().lower() for value in asking.ask(name, "CNAME").values)
    seen = alias or tuple(asking.addresses(name))
    made = partial(made, (f"{host.name}.",), seen)
    if not seen:
        return made(MISSING, "missing")
    if alias != (f"{host.name}.",) and not host.leads_here(name):
        return made(DIFFERS, "elsewhere")
    return made(OK, "ok")._replace(wanted=alias)


# --- This mail server


def address(asking, host, name, made):
    seen = tuple(asking.addresses(name))
    wanted = tuple(settings.MAIL_ADDRESSES)
    if not seen:
        return made(wanted, seen, MISSING, "missing")
    if wanted and set(wanted) != set(seen):
        return made(wanted, seen, DIFFERS, "others")
    return made(seen, seen)


def pointer_back(asking, host, name, made):
    seen = tuple(value.target.to_text().lower() for value in asking.ask(name, "PTR").values)
    made = partial(made, (f"{host.name}.",), seen)
    if not seen:
        return made(MISSING, "missing")
    if f"{host.name}." not in seen:
        return made(WRONG, "elsewhere")
    return made(OK, "ok") if len(seen) == 1 else made(DIFFERS, "several")


def helo(asking, host, name, made):
    """SPF of the name that the server says in EHLO: it is asked for when a bounce has no sender."""
    records = tuple(quoted(text) for text in asking.texts(name) if spf.is_record(text))
    if not records:
        return made((quoted("v=spf1 a -all"),), (), MISSING, "missing")
    results = {spf.evaluate(asking, one, name)[0] for one in host.addresses}
    if "temperror" in results:
        raise NotAsked
    if results == {"pass"}:
        return made(records, records)
    return made((quoted("v=spf1 a -all"),), records, WRONG, "refused")


def tlsa(asking, host, name, made):
    seen = tuple(value.to_text().lower() for value in asking.ask(name, "TLSA").values)
    signed = any(asking.ask(host.name, kind).validated for kind in ("A", "AAAA"))
    digest = certificate_digest()
    wanted = (f"3 1 1 {digest}",) if digest and signed else ()
    if not signed:
        return made((), seen, DIFFERS, "not signed") if seen else None
    if not seen:
        return made(wanted, seen, MISSING, "missing")
    if digest and wanted[0] not in seen and any(value.startswith("3 ") for value in seen):
        return made(wanted, seen, WRONG, "another key")
    return made(seen, seen, OK, "ok" if digest else "not compared")

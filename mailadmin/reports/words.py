from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from domains.mail_reports import LET_THROUGH, QUARANTINED, REJECTED, TLS
from panel.formats import number

ADDED = (
    *("passed", "failed", "let_through", "quarantined", "rejected"),
    *("sessions", "failed_sessions"),
)
TREATMENTS = {
    LET_THROUGH: gettext_noop("let it through"),
    QUARANTINED: gettext_noop("put it into the spam folder"),
    REJECTED: gettext_noop("refused it"),
}
# RFC 8460, 4.3
TLS_REASONS = {
    "starttls-not-supported": gettext_noop("The server did not offer encryption."),
    "certificate-host-mismatch": gettext_noop("The certificate is for another name."),
    "certificate-expired": gettext_noop("The certificate has expired."),
    "certificate-not-trusted": gettext_noop("The certificate is of nobody whom the sender trusts."),
    "validation-failure": gettext_noop("The connection could not be encrypted as wanted."),
    "tlsa-invalid": gettext_noop("The TLSA record (DANE) is not valid."),
    "dnssec-invalid": gettext_noop("The signatures in the DNS (DNSSEC) are not valid."),
    "dane-required": gettext_noop("The sender wants a TLSA record (DANE), and there is none."),
    "sts-policy-fetch-error": gettext_noop("The policy of MTA-STS could not be fetched."),
    "sts-policy-invalid": gettext_noop("The policy of MTA-STS cannot be read."),
    "sts-webpki-invalid": gettext_noop(
        "The certificate of the web server with the policy of MTA-STS is not accepted."
    ),
}
POLICIES = {
    "none": gettext_noop("receivers only watch"),
    "quarantine": gettext_noop("what fails shall go into the spam folder"),
    "reject": gettext_noop("what fails shall be refused"),
}


def messages(count):
    return ngettext("%(n)s message", "%(n)s messages", count) % {"n": number(count)}


def connections(count):
    return ngettext("%(n)s connection", "%(n)s connections", count) % {"n": number(count)}


def vouched_by(sender):
    if sender.spf and sender.dkim:
        return _("SPF and DKIM")
    return "SPF" if sender.spf else "DKIM" if sender.dkim else ""


def treatment(sender):
    return _(TREATMENTS[sender.disposition])


def became(row):
    parts = [
        (row.let_through, _("let through %(n)s")),
        (row.quarantined, _("put %(n)s into the spam folder")),
        (row.rejected, _("refused %(n)s")),
    ]
    told = [words % {"n": number(count)} for count, words in parts if count]
    return _("Receivers %(did)s.") % {"did": ", ".join(told)} if told else ""


def tls_reason(failure):
    words = TLS_REASONS.get(failure.reason)
    if words:
        return _(words)
    return _("No reason given.") if failure.reason == "?" else failure.reason


def of_report(report):
    if report.kind == TLS:
        return _("TLS, %(connections)s") % {"connections": connections(report.messages)}
    return _("DMARC, %(messages)s") % {"messages": messages(report.messages)}


def policy(report):
    """The policy that a report on DMARC saw, in words; "" if it is none of the three."""
    asked = report.policy.partition(";")[0].removeprefix("p=").strip()
    return _(POLICIES[asked]) if asked in POLICIES else ""

from typing import NamedTuple

from django.utils.translation import gettext, gettext_noop

from domains.dns.findings import DIFFERS, MISSING, NOT_ASKED, OK, WRONG


class Topic(NamedTuple):
    label: str  # as the DNS calls it
    does: str


TOPICS = {
    "mx": Topic("MX", gettext_noop("Where other servers send mail for this domain.")),
    "spf": Topic(
        "SPF",
        gettext_noop(
            "Which servers may send mail in the name of this domain. Receivers refuse others, or trust them less."
        ),
    ),
    "dkim": Topic(
        "DKIM",
        gettext_noop(
            "The public half of the key that signs mail from this domain. Receivers check the signature with it."
        ),
    ),
    "dkim next": Topic(
        "DKIM",
        gettext_noop(
            "The key that signs next. Published now, it is known everywhere by then; it signs no mail before it was seen here."
        ),
    ),
    "dkim old": Topic(
        "DKIM",
        gettext_noop(
            "The key that signed before. Mail that is on its way still needs it, until the panel deletes it."
        ),
    ),
    "dmarc": Topic(
        "DMARC",
        gettext_noop(
            "What receivers do with mail in the name of this domain that neither SPF nor DKIM vouches for."
            " Large ones want such a record."
        ),
    ),
    "reports": Topic(
        "DMARC reports",
        gettext_noop("Allows reports about this domain to be sent to an address in another one."),
    ),
    "tlsrpt": Topic(
        "TLSRPT",
        gettext_noop("Where other servers report that they could not encrypt mail to this domain."),
    ),
    "mtasts": Topic(
        "MTA-STS",
        gettext_noop(
            "Says that mail to this domain comes encrypted and only to the servers of a policy."
        ),
    ),
    "srv": Topic("SRV", gettext_noop("Lets mail programs find the server by the address alone.")),
    "client": Topic(
        "CNAME",
        gettext_noop("Where Thunderbird, Outlook and others ask for the settings of an address."),
    ),
    "uaac": Topic(
        "TXT",
        gettext_noop(
            "Vouches for the file from which newer Apple programs set themselves up, by its checksum."
            " It changes with the name of the firm or of this server."
        ),
    ),
    "policy": Topic("CNAME", gettext_noop("Where others fetch the policy of MTA-STS.")),
    "address": Topic(
        "A, AAAA", gettext_noop("The addresses under which this mail server is reached.")
    ),
    "ptr": Topic(
        "PTR",
        gettext_noop(
            "The name of an address of this mail server. Many receivers refuse mail from an address"
            " whose name is not the one that the server gives."
        ),
    ),
    "helo": Topic(
        "SPF (EHLO)",
        gettext_noop(
            "The same for the server’s own name, which is asked for when a bounce has no sender."
        ),
    ),
    "list": Topic(
        "DNSBL",
        gettext_noop("Whether a list of senders of spam names an address of this mail server."),
    ),
    "tlsa": Topic(
        "TLSA (DANE)",
        gettext_noop(
            "The key of this server’s certificate, for senders that check it with DNSSEC."
        ),
    ),
}

STATES = {
    OK: gettext_noop("ok"),
    DIFFERS: gettext_noop("differs"),
    MISSING: gettext_noop("missing"),
    WRONG: gettext_noop("wrong"),
    NOT_ASKED: gettext_noop("could not be asked"),
}

PUBLISH = gettext_noop("Publish this record.")
TWO = gettext_noop("There are two records, and so none counts. Keep one.")
# By (topic, reason); by reason alone what is said of all topics.
REASONS = {
    "ok": "",
    "missing": PUBLISH,
    "two records": TWO,
    "not asked": gettext_noop(
        "No resolver answered, or it failed: nothing is known of this record. Check again later."
    ),
    "not checked": gettext_noop("Not checked since this key is there."),
    ("mx", "missing"): gettext_noop(
        "No server is named, so mail goes to the domain’s own address, if it has one. Publish this record."
    ),
    ("mx", "null"): gettext_noop(
        "The record says that this domain takes no mail, so nobody sends any. Replace it."
    ),
    ("mx", "elsewhere"): gettext_noop(
        "Mail for this domain goes to %(servers)s and not to this server."
        " If that server passes it on here, as a filter does, say that it is meant so; otherwise replace the record."
    ),
    ("mx", "meant"): gettext_noop(
        "Mail for this domain goes to %(servers)s, and somebody said that it is meant so: that server passes it on here."
    ),
    ("mx", "others first"): gettext_noop(
        "Mail goes to %(servers)s first, and comes here only while that server is away."
        " If it passes mail on here, all is well; otherwise remove it from the records."
    ),
    ("mx", "others"): gettext_noop(
        "Mail comes here, but some may go to %(servers)s. If that server knows this domain, all is well; otherwise remove it."
    ),
    ("mx", "backup"): gettext_noop("This server is named as a backup."),
    ("spf", "missing"): gettext_noop(
        "Nothing says which servers may send for this domain: large receivers refuse such mail, or take it for spam. Publish this record."
    ),
    ("spf", "ok"): gettext_noop("Mail from %(addresses)s passes."),
    ("spf", "fail"): gettext_noop(
        "Mail from %(addresses)s, which this server sends, is refused: the record forbids it. Replace it."
    ),
    ("spf", "softfail"): gettext_noop(
        "Mail from %(addresses)s, which this server sends, is taken for suspicious: the record does not name it. Replace it."
    ),
    ("spf", "neutral"): gettext_noop(
        "The record says nothing about mail from %(addresses)s, which this server sends. Replace it."
    ),
    ("spf", "none"): gettext_noop(
        "The record says nothing about mail from %(addresses)s, which this server sends. Replace it."
    ),
    ("spf", "included"): gettext_noop("Mail through the relay host %(addresses)s is included."),
    ("spf", "not included"): gettext_noop(
        "Mail of this domain leaves through a relay host, which the record does not include: large receivers refuse such mail, or take it for spam. Replace it."
    ),
    ("spf", "no address"): gettext_noop(
        "Not judged: the address from which this server’s mail leaves is not known. Publish the server’s own name, or set MAIL_ADDRESSES."
    ),
    ("spf", "two_records"): TWO,
    ("spf", "lookups"): gettext_noop(
        "The record needs more than ten look-ups, so receivers take it for broken. Remove terms such as include, a and mx, or write addresses instead."
    ),
    ("spf", "void"): gettext_noop(
        "More than two of its terms lead to names that do not exist, so receivers take the record for broken. Remove these terms."
    ),
    ("spf", "include"): gettext_noop(
        "It includes %(term)s, which has no SPF record, so receivers take the record for broken. Remove or correct that term."
    ),
    ("spf", "recursion"): gettext_noop(
        "The record includes itself, so receivers take it for broken. Remove that term."
    ),
    ("spf", "syntax"): gettext_noop(
        "The record cannot be read, so receivers take it for broken: %(term)s. Correct it."
    ),
    ("dkim", "missing"): gettext_noop(
        "Mail is signed with this key, and nobody can check it. Publish this record."
    ),
    ("dkim", "another key"): gettext_noop(
        "The record holds another key than the one that signs: receivers take the signatures for forged. Replace it."
    ),
    ("dkim", "revoked"): gettext_noop(
        "The record says that this key is withdrawn: receivers take its signatures for forged. Replace it."
    ),
    ("dkim", "syntax"): gettext_noop(
        "The record cannot be read, so nobody can check the signatures. Replace it."
    ),
    ("dkim", "not for mail"): gettext_noop(
        "The record forbids this key for such signatures (h= or s=). Replace it."
    ),
    ("dkim", "testing"): gettext_noop(
        "The record says that the signatures are only tried out (t=y): receivers may ignore them. Replace it."
    ),
    ("dkim next", "missing"): gettext_noop("Publish this record; then the key can take its turn."),
    ("dkim old", "missing"): gettext_noop(
        "The record is gone already: receivers cannot check mail that is still on its way. Nothing to do if that was days ago."
    ),
    ("dmarc", "none"): gettext_noop(
        "Only watches: receivers treat mail as without the record (p=none)."
    ),
    ("dmarc", "quarantine"): gettext_noop(
        "Forged mail is put into the spam folder (p=quarantine)."
    ),
    ("dmarc", "reject"): gettext_noop("Forged mail is refused (p=reject)."),
    ("dmarc", "covered"): gettext_noop("The record of %(domain)s holds for this domain, too."),
    ("dmarc", "syntax"): gettext_noop(
        "The record cannot be read: it needs p=none, p=quarantine or p=reject. Correct it."
    ),
    ("reports", "missing"): gettext_noop(
        "Until %(domain)s has this record, nobody sends reports there."
    ),
    ("tlsrpt", "syntax"): gettext_noop("The record names no address (rua=mailto:…). Correct it."),
    ("mtasts", "syntax"): gettext_noop("The record has no id. Correct it."),
    ("mtasts", "not ours"): gettext_noop(
        "A policy is announced that this panel does not serve; it is not checked here."
    ),
    ("mtasts", "id"): gettext_noop(
        "The policy that the panel serves is not the one that this record announces: others use the old one until the id changes."
    ),
    ("srv", "elsewhere"): gettext_noop(
        "Mail programs are sent to another server. If the mailboxes are here, replace the record."
    ),
    ("client", "elsewhere"): gettext_noop(
        "The name leads to another server, which answers in this panel’s place. If it should not, replace the record."
    ),
    ("uaac", "checksum"): gettext_noop(
        "The record is that of another file than the panel serves, so programs do not take that file. Replace it."
    ),
    ("policy", "elsewhere"): gettext_noop(
        "The name leads to another server: its policy counts, not the panel’s."
    ),
    ("address", "missing"): gettext_noop(
        "The name of this server leads nowhere: no mail can come. Publish its addresses, or correct MAIL_HOSTNAME."
    ),
    ("address", "others"): gettext_noop(
        "These are not the addresses in MAIL_ADDRESSES. Correct the one or the other."
    ),
    ("ptr", "missing"): gettext_noop(
        "The address has no name. Whoever gave you the address sets it."
    ),
    ("ptr", "elsewhere"): gettext_noop(
        "The address has another name. Whoever gave you the address sets it."
    ),
    ("ptr", "several"): gettext_noop(
        "The address has several names; some receivers look at the first only. Keep one."
    ),
    ("helo", "refused"): gettext_noop(
        "An address of this server does not pass. Replace the record."
    ),
    ("policy", "not public"): gettext_noop(
        "The name leads to %(said)s, where nobody outside gets the policy. Publish this record."
    ),
    ("policy", "no answer"): gettext_noop(
        "No web server answers at %(said)s, so others get no policy, and go on without one."
    ),
    ("policy", "certificate"): gettext_noop(
        "The certificate is not accepted (%(said)s), so others get no policy. Get one for this name."
    ),
    ("policy", "not the file"): gettext_noop(
        "The web server answers %(said)s and not the policy, so others go on without one."
    ),
    ("policy", "another policy"): gettext_noop(
        "Others get another policy than the one of this server. Let this name lead here, or change the file there."
    ),
    ("policy", "other servers"): gettext_noop(
        "The policy that others get forbids them to send mail to this server. Change it at once."
    ),
    ("policy", "served"): gettext_noop("Others get the policy."),
    ("list", "listed"): gettext_noop(
        "%(list)s names %(address)s, and receivers who ask it refuse mail from there. It says: %(why)s"
        " Find out who sent what, end that, then ask the list to remove the address."
    ),
    ("list", "refused"): gettext_noop(
        "%(list)s does not answer this server’s resolver. Ask through a resolver of your own, within the terms of that list."
    ),
    ("list", "no list"): gettext_noop(
        "%(list)s answers as no such list does. Remove it from BLOCK_LISTS."
    ),
    ("tlsa", "not signed"): gettext_noop(
        "The answer is not signed, or the resolver does not check signatures: the record has no effect."
    ),
    ("tlsa", "another key"): gettext_noop(
        "The record names another key than the certificate has: servers that check it send no mail. Replace it at once."
    ),
    ("tlsa", "not compared"): gettext_noop(
        "Set MAIL_CERTIFICATE to have it compared with the certificate."
    ),
}

REASONS |= {
    (topic, reason): gettext_noop("The record is not the one that belongs to this key. Replace it.")
    for topic in ("dkim next", "dkim old")
    for reason in ("another key", "revoked", "syntax", "not for mail", "testing")
}


def label(topic):
    return TOPICS[topic].label


def does(topic):
    return gettext(TOPICS[topic].does)


def says(finding):
    words = REASONS.get((finding.topic, finding.reason), REASONS.get(finding.reason, ""))
    return gettext(words) % finding.details if words else ""


def state(finding):
    return gettext(STATES[finding.state])

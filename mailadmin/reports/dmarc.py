"""Read a DMARC aggregate report, XML, in the form of RFC 7489 or of RFC 9990."""

from collections import Counter
from contextlib import suppress
from ipaddress import ip_address
from xml.parsers import expat

from domains.mail_reports import DMARC, LET_THROUGH, QUARANTINED, REJECTED
from mailadmin.reports.report import (
    LONGEST,
    NoReport,
    Report,
    domain_of,
    moment,
    whole_number,
    words,
)

DEEPEST = 20  # elements
LONGEST_TEXT = 1000  # characters of one element that are kept
MOST_SENDERS = 1000  # of one report that are told apart
# "pass" (RFC 9990) is no treatment: the message passed.
DISPOSITIONS = {QUARANTINED: QUARANTINED, REJECTED: REJECTED}
POLICY = ("p", "sp", "np", "adkim", "aspf", "pct", "testing")
# What is kept of the head, and of each record: the way there through the elements.
OF_REPORT = {
    *(f"report_metadata/{name}" for name in ("org_name", "email", "report_id")),
    *(f"report_metadata/date_range/{name}" for name in ("begin", "end")),
    *(f"policy_published/{name}" for name in ("domain", *POLICY)),
}
OF_RECORD = {
    *("record/row/source_ip", "record/row/count"),
    *(f"record/row/policy_evaluated/{name}" for name in ("disposition", "dkim", "spf")),
}
FAULTS = (expat.ExpatError, LookupError, ValueError)


def read(document):
    """Return the Report in ``document``, bytes. Raises NoReport."""
    found = _Elements()
    try:
        found.parse(document)
    except FAULTS as error:
        # Some say UTF-8, or nothing, and write the names of their makers otherwise.
        with suppress(UnicodeDecodeError):
            document.decode()
            raise NoReport(f"no XML: {error}") from error
        found = _Elements()
        try:
            found.parse(document, "iso-8859-1")
        except FAULTS as again:
            raise NoReport(f"no XML: {again}") from again
    return found.report()


class _Elements:
    """Called for each element: nothing of the document is kept but what is counted, whatever its length."""

    def __init__(self):
        self.path, self.text, self.length = [], [], 0
        self.about, self.record = {}, {}
        self.senders, self.vouched = Counter(), {}

    def parse(self, document, encoding=None):
        parser = expat.ParserCreate(encoding)
        # Without a document type there are no entities: none is declared, expanded or fetched.
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.ExternalEntityRefHandler = self._refuse
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add
        parser.Parse(document, True)

    def _refuse(self, *_declared):
        raise NoReport("a document type or an entity")

    def _begin(self, name, _attributes):
        self.path.append(name.rpartition(":")[2])
        if len(self.path) > DEEPEST:
            raise NoReport("elements within elements")
        if self.path[0] != "feedback":
            raise NoReport("another kind of document")
        if self.path == ["feedback", "record"]:
            self.record = {}
        self.text, self.length = [], 0

    def _add(self, text):
        if self.length < LONGEST_TEXT:
            self.text.append(text[: LONGEST_TEXT - self.length])
            self.length += len(text)

    def _end(self, _name):
        path, text = "/".join(self.path[1:]), "".join(self.text).strip()
        if path == "record":
            self._count(self.record)
        elif path.startswith("record/auth_results/"):
            self._vouch(path.rpartition("/")[2], text)
        elif path in OF_RECORD:
            self.record[self.path[-1]] = text
        elif path in OF_REPORT:
            self.about.setdefault(path, text)
        self.path.pop()
        self.text, self.length = [], 0

    def _vouch(self, name, text):
        """Of each signature and of SPF: the domain, then the result. A domain for which one passed counts more."""
        if name == "domain":
            self.record["tried"] = text
        elif name == "result" and self.record.get("tried"):
            kind = "passed" if text.lower() == "pass" else "failed"
            self.record.setdefault(kind, self.record["tried"])

    def _count(self, record):
        try:
            address = str(ip_address(record["source_ip"]))
            messages = whole_number(record["count"])
        except (KeyError, ValueError, NoReport):
            return  # one line of a program's mistakes is no reason to lose the others
        spf, dkim = (record.get(one, "").lower() == "pass" for one in ("spf", "dkim"))
        done = record.get("disposition", "").lower()
        self.senders[address, spf, dkim, DISPOSITIONS.get(done, LET_THROUGH)] += messages
        vouched = record.get("passed") or record.get("failed")
        if vouched:
            self.vouched.setdefault(address, words(vouched))

    def report(self):
        of_report, of_policy = "report_metadata", "policy_published"
        about = self.about
        try:
            times = [
                whole_number(about[f"{of_report}/date_range/{end}"]) for end in ("begin", "end")
            ]
            number, domain = about[f"{of_report}/report_id"], about[f"{of_policy}/domain"]
        except KeyError as error:
            raise NoReport(f"{error.args[0]} is missing") from error
        if times[1] < times[0]:
            raise NoReport("it ends before it begins")
        policy = [
            f"{name}={about[f'{of_policy}/{name}']}"
            for name in POLICY
            if about.get(f"{of_policy}/{name}")
        ]
        return Report(
            DMARC,
            words(about.get(f"{of_report}/org_name") or about.get(f"{of_report}/email", "")),
            number[:LONGEST],
            domain_of(domain),
            *map(moment, times),
            policy=words("; ".join(policy)),
            senders=_bounded(self.senders),
            vouched=self.vouched,
        )


def _bounded(senders):
    """The most frequent ones; all others as one, without their addresses."""
    kept = Counter(dict(senders.most_common(MOST_SENDERS)))
    for (address, *rest), messages in senders.items():
        if (address, *rest) not in kept:
            kept["", *rest] += messages
    return kept

"""SPF (RFC 7208): may this address send mail in the name of this domain?"""

import spf

from domains.dns.asking import NotAsked

# What pyspf says, and the name of what is wrong.
PROBLEMS = {
    "Two or more": "two_records",
    "Too many DNS lookups": "lookups",
    "More than": "lookups",
    "Void lookup limit": "void",
    "No valid SPF record for included domain": "include",
    "redirect domain has no SPF record": "include",
    "include has trivial recursion": "recursion",
    "Too many levels of recursion": "recursion",
}
NOBODYS = "240.0.0.1"  # so that no term matches, and all of them are looked at


class Evaluation(spf.query):
    """pyspf's rules with our questions: its own go to a resolver that is global, and know no total time."""

    def __init__(self, asking, address, domain):
        super().__init__(i=address, s=f"postmaster@{domain}", h=domain, timeout=0, querytime=0)
        self.asking = asking
        self.names = set()  # that were looked up

    def dns(self, name, qtype, cnames=None, ignore_void=False):
        self.names.add(str(name).lower().rstrip("."))
        try:
            values = self.asking.ask(str(name), qtype).values
        except NotAsked as error:
            raise spf.TempError("DNS") from error
        if not values and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("Void lookup limit exceeded")
        return [_as_pyspf(value, qtype) for value in values]


def _as_pyspf(value, qtype):
    if qtype == "MX":
        return value.preference, value.exchange.to_text(omit_final_dot=True)
    if qtype == "PTR":
        return value.target.to_text(omit_final_dot=True)
    return value.strings if qtype == "TXT" else value.address


def evaluate(asking, address, domain):
    """Return (result, problem, term): pass, fail, softfail, neutral, none, permerror or temperror.

    For permerror ``problem`` is one of PROBLEMS or "syntax", and ``term`` the part of the record that it is about.
    """
    return _judged(Evaluation(asking, address, domain))


def evaluate_include(asking, domain, included):
    """As ``evaluate``, but "pass" is a record that includes the domain ``included``, by itself or by another one."""
    evaluation = Evaluation(asking, NOBODYS, domain)
    result, problem, term = _judged(evaluation)
    if result in {"permerror", "temperror"}:
        return result, problem, term
    return "pass" if included in evaluation.names else "not included", "", ""


def _judged(evaluation):
    result, _code, words = evaluation.check()
    if result != "permerror":
        return result, "", ""
    words = words.removeprefix("SPF Permanent Error: ")
    found = [name for begin, name in PROBLEMS.items() if words.startswith(begin)]
    term = words.partition(": ")[2].partition(": ")[0]
    return result, found[0] if found else "syntax", term


def is_record(text):
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def with_terms(record, terms):
    """``record`` with ``terms`` in front of the others, so that they come before its ``all``."""
    version, *others = record.split()
    return " ".join([version, *terms, *[term for term in others if term not in terms]])

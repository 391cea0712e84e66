"""The page "Who sends in your name": whose it is, what it says, and what it costs."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from domains.dns.findings import Finding
from domains.mail_reports import DMARC, TLS, ReportedSender
from domains.models import DomainDNS
from mailadmin.reports.report import Report
from mailadmin.reports.storing import store

pytestmark = pytest.mark.django_db

OURS = ("192.0.2.1", True, True, "none")
SIGNED = ("198.51.100.4", False, True, "none")
NAMED = ("198.51.100.5", True, False, "none")
FORGED = ("203.0.113.7", False, False, "reject")
SPAM = ("203.0.113.8", False, False, "quarantine")
WATCHED = ("203.0.113.9", False, False, "none")


def report(ago=1, number="1", senders=None, kind=DMARC, **fields):
    today = datetime.combine(timezone.now().date(), datetime.min.time(), UTC)
    begin = today - timedelta(days=ago)
    values = {
        "policy": "p=none; adkim=r",
        "senders": Counter(senders or {OURS: 1200, FORGED: 3}),
        "vouched": {"203.0.113.7": "forger.example"},
    }
    values |= {"senders": Counter()} if kind == TLS else {}
    end = begin + timedelta(seconds=86_399)
    return Report(kind, "google.com", number, "example.org", begin, end, **values | fields)


def tls(sessions=1000, failures=None, **fields):
    return report(kind=TLS, sessions=sessions, failures=Counter(failures or {}), **fields)


@pytest.fixture
def page(sign_in, make_admin, example_org):
    client = sign_in(make_admin("theirs@example.org", domains=["example.org"]))

    def get(**query):
        response = client.get("/domains/example.org/reports/", query)
        assert response.status_code == 200
        return response

    return get


def text(response):
    return " ".join(response.content.decode().split())


def test_nothing_came_and_reports_go_here(page, settings):
    settings.REPORTS_TO = settings.REPORTS_HERE = "dmarc-reports@mail.example.net"

    shown = text(page())

    assert "No reports came in the last 30 days" in shown
    assert "The panel reads those that go to dmarc-reports@mail.example.net" in shown


@pytest.mark.parametrize(
    ("reports_to", "said"),
    [
        ("", "No reports are asked for. With REPORTS_TO=dmarc-reports@mail.example.org"),
        ("boss@example.net", "Reports go to boss@example.net, which this panel does not read."),
    ],
)
def test_nothing_came_and_reports_go_elsewhere(reports_to, said, page, settings):
    settings.REPORTS_TO = reports_to

    assert said in text(page())


@pytest.mark.parametrize(
    ("record", "is_told"),
    [
        ('"v=DMARC1; p=none; rua=mailto:boss@example.net"', True),
        ('"v=DMARC1; p=none"', True),
        ('"v=DMARC1; p=none; rua=mailto:a@b.example,mailto:DMARC-reports@mail.example.org!10m"', False),
        (None, False),
    ],
)  # fmt: skip
def test_a_record_that_sends_reports_elsewhere_is_named(record, is_told, page, settings):
    settings.REPORTS_TO = settings.REPORTS_HERE
    found = Finding("dmarc", "_dmarc.example.org", "TXT", (), (record,) if record else (), "ok")
    DomainDNS.objects.create(pk="example.org", findings=[list(found)])

    assert ("The DMARC record of this domain does not name that address" in text(page())) == is_told


def test_who_sent_and_what_receivers_did(page):
    store(report(senders={OURS: 1200, SIGNED: 30, NAMED: 20, FORGED: 3, SPAM: 4, WATCHED: 5}))

    shown = text(page())

    assert "Receivers reported 1,262 messages in the name of example.org in the last 30 days." in shown  # fmt: skip
    assert "12 failed: neither SPF nor DKIM vouched for the domain." in shown
    assert "Receivers let through 5, put 4 into the spam folder, refused 3." in shown
    assert "receivers only watch" in shown
    rows = [line.partition("</tr>")[0] for line in shown.partition("<tbody>")[2].split("<tr>")[1:]]
    told = [[part for part in words(row) if part] for row in rows]
    assert told == [
        ["192.0.2.1", "1,200", "SPF and DKIM", "took it"],
        ["198.51.100.4", "30", "DKIM", "took it"],
        ["198.51.100.5", "20", "SPF", "took it"],
        ["203.0.113.9", "5", "nobody", "let it through"],
        ["203.0.113.8", "4", "nobody", "put it into the spam folder"],
        ["203.0.113.7", "forger.example", "3", "nobody", "refused it"],
    ]


def words(html):
    return [part.strip().replace("<wbr>", "") for part in re.split(r"<(?!wbr)[^>]*>", html)]


def test_only_those_who_failed(page):
    store(report())

    found = page(show="failed").context["senders"]

    assert [row.source for row in found] == ["203.0.113.7"]


def test_a_day_is_chosen_and_else_it_is_the_last_one_with_messages(page):
    store(report(1, "tls", kind=TLS, sessions=5))
    store(report(2, "1"))
    store(report(5, "2", {WATCHED: 9}))

    chosen = page().context["chosen"].day
    assert chosen == timezone.now().date() - timedelta(days=2)
    five = (timezone.now().date() - timedelta(days=5)).isoformat()
    assert [row.source for row in page(day=five).context["senders"]] == ["203.0.113.9"]
    for odd in ("", "yesterday", "2020-01-01", "9" * 50):
        assert page(day=odd).context["chosen"].day == chosen


def test_nothing_failed(page):
    store(report(senders={OURS: 7}))

    assert "For each of them SPF or DKIM vouched for the domain." in text(page())
    assert "Nothing failed on this day." in text(page(show="failed"))


def test_failures_of_tls_are_said_in_words(page):
    store(tls(1000, {("certificate-expired", "mx1.example.org"): 12, ("?", ""): 1, ("new-one", ""): 2}))  # fmt: skip

    shown = text(page())

    assert "Of 1,000 connections to the servers of example.org that were reported, 15 could not be encrypted" in shown  # fmt: skip
    assert "The certificate has expired." in shown
    assert "No reason given." in shown
    assert "new-one" in shown


def test_all_was_encrypted(page):
    store(tls(7))

    assert "All of 7 connections to the servers of example.org that were reported were encrypted." in text(page())  # fmt: skip


def test_pages_of_senders_show_each_once(page):
    store(
        report(senders={(f"203.0.113.{n}", False, False, "none"): 1 + n // 7 for n in range(120)})
    )
    seen, query = [], {}
    for _page in range(3):
        context = page(**query).context
        seen += [row.source for row in context["senders"]]
        last = context["next_edge"]
        query = {"after": [last.messages, last.pk]} if last else None

    assert query is None
    assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize("after", [["1"], ["x", "y"], ["9" * 30, "1"], ["-1", "2"]])
def test_an_edge_that_no_page_has_is_the_first_page(after, page):
    store(report())

    assert len(page(after=after).context["senders"]) == 2


def test_words_of_strangers_are_no_html(page):
    store(report()._replace(reporter="<script>alert(1)</script>"))
    shown = page().content

    assert b"<script>alert" not in shown
    assert b"&lt;script&gt;alert" in shown


@pytest.mark.parametrize("role", ["foreign admin", "mailbox user"])
def test_to_others_the_page_does_not_exist(role, sign_in, make_admin, other_net, example_org, add_mailbox):  # fmt: skip
    store(report())
    account = {
        "foreign admin": lambda: make_admin("others@other.net", domains=["other.net"]),
        "mailbox user": lambda: add_mailbox("joe@example.org"),
    }[role]()

    assert sign_in(account).get("/domains/example.org/reports/").status_code == 404


def test_of_another_domain_nothing_is_shown(page, other_net):
    store(report()._replace(domain="other.net", senders=Counter({SPAM: 99})))

    assert "203.0.113.8" not in text(page())


def test_the_page_costs_few_statements_and_bytes(page, django_assert_max_num_queries):
    for ago in range(1, 31):
        senders = {(f"2001:db8::{ago:x}:{n:x}", False, False, "reject"): 5 + n for n in range(300)}
        vouched = {key[0]: f"{'a' * 60}.mailing.example" for key in senders}
        store(report(ago, str(ago), senders=senders, vouched=vouched))
        store(tls(number=f"t{ago}", ago=ago, failures={(f"r{n}", f"{'m' * 60}.example.org"): n + 1 for n in range(60)}))  # fmt: skip
    page()

    with django_assert_max_num_queries(10):
        shown = page()

    assert ReportedSender.objects.count() == 9000
    assert len(shown.content) <= 100_000


def test_the_page_of_the_domains_dns_leads_here(page, client):
    shown = client.get(reverse("domain-dns", args=["example.org"])).content

    assert b'href="/domains/example.org/reports/"' in shown

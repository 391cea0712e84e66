"""/metrics: who may ask, what it says, and that Prometheus can read it."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from domains.mail_reports import ReportDay
from domains.models import DomainDNS
from mailadmin import metrics
from mailboxes import snapshots
from mailboxes.models import QuotaUsage
from panel.models import FoundRows, HostLook
from tests.servers.processes import ROOT

pytestmark = pytest.mark.django_db

TOKEN = "t0ken" * 8
# The text format, version 0.0.4, line by line.
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9]+(?:\.[0-9]+)?)")


def read(text):
    """{(name, labels): value}. Each family has its two lines first, stands together, and has no sample twice."""
    assert text.endswith("\n")
    found, families, lines = {}, [], text.split("\n")[:-1]
    while lines:
        help_line, type_line = lines.pop(0), lines.pop(0)
        name = re.fullmatch(rf"# HELP ({NAME}) [^\\]+", help_line)[1]
        assert type_line == f"# TYPE {name} gauge"
        families.append(name)
        begun = len(found)
        while lines and not lines[0].startswith("#"):
            line = lines.pop(0)
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            assert (sample[1], sample[2]) not in found
            assert sample[1] == name
            found[name, sample[2]] = float(sample[3])
        assert len(found) > begun
    assert len(families) == len(set(families))
    return found


@pytest.fixture
def figures(client):
    def get(**headers):
        response = client.get("/metrics", headers=headers)
        assert response.status_code == 200
        assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return read(response.content.decode())

    return get


def test_an_empty_panel(figures):
    found = figures()

    assert [name for name, labels in found if labels] == ["mailadmin_info"]
    assert found["mailadmin_database_up", None] == 1
    assert found["mailadmin_admins", None] == 0


def test_what_the_last_snapshot_counted(figures, example_org, other_net, add_mailbox, add_alias):
    add_mailbox("joe@example.org", quota=100)
    QuotaUsage.objects.create(username_id="joe@example.org", bytes=95, messages=7)
    add_alias("sales@example.org", "joe@example.org")
    snapshots.take()
    add_mailbox("new@example.org")  # since then

    found = figures()

    wanted = ("domains", "mailboxes", "aliases", "stored_bytes", "stored_messages")
    assert [found[f"mailadmin_{name}", None] for name in wanted] == [2, 1, 1, 95, 7]
    assert found["mailadmin_mailboxes_nearly_full", None] == 1
    midnight = datetime.combine(timezone.localdate(), datetime.min.time(), UTC).timestamp()
    assert found["mailadmin_last_run_seconds", 'job="snapshot",machine=""'] == midnight


def test_what_the_doctor_saw_on_each_machine(figures):
    looked = datetime(2026, 11, 27, 4, tzinfo=UTC)
    findings = [["postfix-down", {}, ""], ["queue-grows", {}, ""], ["timer-off", {}, "x"], ["gone", {}, ""]]  # fmt: skip
    HostLook.objects.create(
        machine="mx1", looked=looked, findings=findings, figures={"messages": 12}
    )
    HostLook.objects.create(machine='m"x\\2', looked=looked, unseen=[[["a", "b"], "no helper"]])

    found = figures()

    assert found["mailadmin_queue_messages", 'machine="mx1"'] == 12
    assert found["mailadmin_findings", 'machine="mx1",level="error"'] == 1
    assert found["mailadmin_findings", 'machine="mx1",level="warning"'] == 2
    other = r'machine="m\"x\\2"'
    assert found["mailadmin_findings", f'{other},level="error"'] == 0
    assert found["mailadmin_checks_unseen", other] == 2
    assert ("mailadmin_queue_messages", other) not in found
    assert found["mailadmin_last_run_seconds", f'job="doctor",{other}'] == looked.timestamp()


def test_what_timers_found(figures, settings):
    moment = datetime(2026, 11, 28, 3, 30, tzinfo=UTC)
    DomainDNS.objects.create(pk="example.org", problems="MX")
    DomainDNS.objects.create(pk=settings.MAIL_HOSTNAME, checked=moment)
    FoundRows.objects.create(name="loops", count=3, looked=moment - timedelta(days=1))
    FoundRows.objects.create(name="passwords-weak", count=0, looked=moment)

    found = figures()

    assert found["mailadmin_domains_dns_problems", None] == 1
    assert found["mailadmin_rows_found", 'check="loops"'] == 3
    jobs = ("check_rows", "checkdns")
    runs = [found["mailadmin_last_run_seconds", f'job="{job}",machine=""'] for job in jobs]
    assert runs == [moment.timestamp()] * 2


def test_it_costs_few_statements_and_no_session(client, django_assert_max_num_queries):
    client.get("/metrics")

    with django_assert_max_num_queries(10) as asked:
        response = client.get("/metrics")

    assert response.cookies == {}
    assert not [one for one in asked if "panel_session" in one["sql"]]


def test_without_a_database_it_says_so(client, monkeypatch):
    def away(_connection):
        raise OperationalError(2002, "Can't connect")

    monkeypatch.setattr(metrics.server, "trouble", away)

    found = read(client.get("/metrics").content.decode())

    assert {name for name, _labels in found} == {"mailadmin_info", "mailadmin_database_up"}
    assert found["mailadmin_database_up", None] == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_may_ask(address, client):
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "", "localhost"])
def test_others_may_not(address, client):
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 404


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        ("127.0.0.1", 200),
        ("::1", 200),
        ("203.0.113.9", 404),
        ("127.0.0.1, 203.0.113.9", 404),  # the client's own words, then the proxy's
        ("", 404),
        (None, 404),
    ],
)
def test_behind_a_proxy_the_address_is_the_one_it_saw(seen, status, client, settings):
    settings.BEHIND_PROXY = True
    told = {} if seen is None else {"HTTP_X_FORWARDED_FOR": seen}

    assert client.get("/metrics", REMOTE_ADDR="", **told).status_code == status
    # What reaches the panel past the proxy is no proof of anything.
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1", **told).status_code == status


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("Via", "1.1 proxy"),
    ],
)
def test_behind_a_proxy_that_nobody_told_of_nobody_may_ask(header, value, client):
    assert client.get("/metrics", headers={header: value}).status_code == 404


@pytest.mark.parametrize("header", ["X-Real-IP", "X-Forwarded-Proto", "Via"])
def test_a_proxy_that_names_no_client_is_not_believed(header, client, settings):
    settings.BEHIND_PROXY = True

    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 404


def test_with_a_token_it_is_the_token_alone_that_counts(client, settings):
    settings.METRICS_TOKEN = TOKEN

    def asked(text, address="192.0.2.1"):
        told = {} if text is None else {"HTTP_AUTHORIZATION": text}
        return client.get("/metrics", REMOTE_ADDR=address, **told)

    assert asked(f"Bearer {TOKEN}").status_code == 200
    for wrong in (None, "", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN, f"Basic {TOKEN}", "Bearer ü"):  # fmt: skip
        answer = asked(wrong, "127.0.0.1")
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert b"mailadmin_" not in answer.content


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_read(method, client):
    assert getattr(client, method)("/metrics").status_code == 405


def test_a_sign_that_the_format_knows_is_escaped():
    lines = metrics.family("a", "gauge", "b", [({"c": 'd"e\\f\ng'}, 1)])

    assert lines[-1] == 'a{c="d\\"e\\\\f\\ng"} 1\n'
    read("".join(lines))


def documented():
    """The names in the first column of the table of docs/monitoring.md: `mailadmin_domains`, `_mailboxes`."""
    page = (ROOT / "docs" / "monitoring.md").read_text()
    table = re.findall(r"^\| (`(?:mailadmin)?_.*?) \|", page, re.MULTILINE)
    return {
        f"mailadmin{name}" for cell in table for name in re.findall(r"`(?:mailadmin)?(_\w+)`", cell)
    }


def test_the_page_of_the_docs_names_each_figure_and_no_other(figures, example_org, settings):
    now = timezone.now()
    snapshots.take()
    HostLook.objects.create(machine="mx1", looked=now, figures={"messages": 1})
    FoundRows.objects.create(name="loops", count=1, looked=now)
    ReportDay.objects.create(domain="example.org", day=now.date())

    assert documented() == {name for name, _labels in figures()}


def test_panel_queue_quota_and_checks_have_figures():
    of_each = [
        {"mailadmin_info", "mailadmin_database_up", "mailadmin_mailboxes"},
        {"mailadmin_queue_messages"},
        {"mailadmin_stored_bytes", "mailadmin_mailboxes_nearly_full"},
        {"mailadmin_findings", "mailadmin_rows_found", "mailadmin_domains_dns_problems"},
    ]

    assert [names - documented() for names in of_each] == [set()] * 4


def test_the_dashboard_asks_for_figures_that_there_are():
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "mailadmin.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"mailadmin_[a-z_]+", target["expr"])
    }

    assert len(dashboard["panels"]) == 12
    assert asked - documented() == set()

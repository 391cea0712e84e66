"""What the API only tells: usage, the log, where mail goes."""

import pytest

from accounts.models import LogEntry
from mailadmin.tracing.record import record
from mailadmin.tracing.trace import trace
from mailboxes.models import LastLogin, QuotaUsage, QuotaWarning

MB = 1_024_000


# --- Usage


def test_usage_is_told_of_mailboxes_and_domains(theirs, add_mailbox):
    add_mailbox("ann@example.org", quota=5 * MB)
    add_mailbox("bob@example.org")
    QuotaUsage.objects.create(username_id="ann@example.org", bytes=7, messages=2)
    LastLogin.objects.create(username="ann@example.org", protocol="imap", at=1_700_000_000)
    ann = {
        "address": "ann@example.org",
        "used_bytes": 7,
        "messages": 2,
        "quota_bytes": 5 * MB,
        "last_sign_in": "2023-11-14T22:13:20Z",
    }
    bob = {
        "address": "bob@example.org",
        "used_bytes": 0,
        "messages": 0,
        "quota_bytes": None,
        "last_sign_in": None,
    }

    assert theirs.get("/usage/mailboxes").json()["items"] == [ann, bob]
    assert theirs.get("/usage/mailboxes/ann@example.org").json() == ann
    assert theirs.get("/usage/domains/example.org").json() == {
        "domain": "example.org",
        "mailboxes": 2,
        "aliases": 0,
        "allotted_bytes": 5 * MB,
        "used_bytes": 0,
        "quota_bytes": None,
    }
    assert theirs.get("/usage/domains").json()["items"] == [
        theirs.get("/usage/domains/example.org").json()
    ]


def test_who_was_told_that_the_mailbox_gets_full(
    theirs, other_net, add_mailbox, make_token, program
):
    ann = add_mailbox("ann@example.org")
    for mailbox in (ann, add_mailbox("bob@example.org"), add_mailbox("ann@other.net")):
        QuotaWarning.objects.create(username=mailbox, percent=80)

    listed = theirs.get("/usage/warnings").json()["items"]
    own = program(make_token(ann)).get("/usage/warnings").json()["items"]

    assert [row["address"] for row in listed] == ["ann@example.org", "bob@example.org"]
    assert [(row["address"], row["percent"]) for row in own] == [("ann@example.org", 80)]
    assert theirs.get("/usage/warnings?domain=other.net").json()["items"] == []


# --- The log


@pytest.fixture
def deeds(example_org, other_net, add_alias):
    LogEntry.objects.all().delete()
    for name in ("a", "b", "c"):
        add_alias(f"{name}@example.org", "x@elsewhere.test")
    add_alias("a@other.net", "x@elsewhere.test")


def test_the_log_is_read_page_by_page_and_of_the_own_domains(theirs, deeds):
    found, path = [], "/log?limit=2&kind=alias"
    while path:
        page = theirs.get(path).json()
        found.append([entry["object"] for entry in page["items"]])
        path = page["next"] and page["next"].partition("/api/v1")[2]

    assert found == [["c@example.org", "b@example.org"], ["a@example.org"]]


def test_an_entry_of_the_log_is_told_in_full(root, deeds):
    [entry] = root.get("/log?about=a@other.net").json()["items"]

    stored = LogEntry.objects.get(data="a@other.net")
    assert entry == {
        "id": stored.pk,
        "at": stored.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "person": "CLI",
        "client": "localhost",
        "domain": "other.net",
        "action": "create_alias",
        "object": "a@other.net",
        "changes": stored.changes,
    }


@pytest.mark.parametrize(
    "query", ["kind=x", "from=x", "to=2026-13-01", "after=x", "after=2026-01-01_x", "unknown=1"]
)
def test_a_log_that_cannot_be_read_so_is_refused(theirs, query):
    assert theirs.get(f"/log?{query}").status_code == 422


def test_another_domain_of_the_log_is_empty(theirs, deeds):
    assert theirs.get("/log?domain=other.net").json() == {"items": [], "next": None}


# --- Traces


def test_a_trace_is_what_the_command_says(root, add_domain, add_mailbox, add_alias):
    add_domain("example.org")
    add_mailbox("ann@example.org")
    add_alias("sales@example.org", "ann@example.org")

    told = root.get("/trace?address=Sales%2Bnews@example.org&sender=joe@elsewhere.test").json()

    assert told == record(trace(None, "sales+news@example.org", "joe@elsewhere.test"))
    assert told["verdict"] == "Delivered to ann+news@example.org."
    assert root.get("/trace?address=sales@example.org&sender=<>").json()["sender"] == ""


def test_a_trace_tells_a_domain_admin_nothing_of_other_domains(
    theirs, other_net, add_mailbox, add_alias
):
    add_mailbox("ann@other.net")
    add_alias("sales@example.org", "ann@other.net")

    outside = theirs.get("/trace?address=ann@other.net").json()
    through = theirs.get("/trace?address=sales@example.org").json()

    assert outside["verdict"] == "other.net is not one of your domains."
    assert outside["steps"] == []
    assert {step["map"] for step in through["steps"]} == {None}
    assert [end["kind"] for end in through["mail_goes_to"]] == ["another address"]


@pytest.mark.parametrize(
    "query", ["", "address=x", "address=@example.org", "address=a@b.c&sender=x"]
)
def test_a_trace_of_no_address_is_refused(theirs, query):
    assert theirs.get(f"/trace?{query}").status_code == 422

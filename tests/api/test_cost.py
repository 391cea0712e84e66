"""What lists cost: a fixed number of statements, and as much memory for many rows as for few."""

import tracemalloc

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aliases.models import Alias, OwnAlias
from domains.dkim_keys import DKIMKey
from domains.models import Copy, Domain, DomainSenderRule
from mailboxes.models import AppPassword, QuotaWarning, SendAs, Share, SignIn
from mailboxes.services import create_mailboxes

LISTS = ["/domains", "/mailboxes", "/aliases", "/alias-domains", "/usage/mailboxes"]
LISTS += ["/usage/domains", "/usage/warnings", "/log?domain=example.org", "/send-as", "/shares"]
LISTS += ["/copies", "/own-addresses", "/domains/example.org/sender-rules", "/tokens"]
LISTS += [
    "/domains/example.org/dkim-keys",
    "/mailboxes/m000000@example.org/sign-ins",
    "/deliveries",
]
LISTS += ["/mailboxes/m000000@example.org/app-passwords"]
HASH = "{SHA512-CRYPT}$6$rounds=5000$abcdefgh$" + "a" * 86
MOST = 5  # statements


@pytest.fixture
def fill(example_org):
    def fill(number, start=0):
        names = [f"m{place:06}" for place in range(start, start + number)]
        create_mailboxes(
            actor=None,
            domain=Domain.objects.get(pk="example.org"),
            mailboxes=[{"local_part": name, "password_hash": HASH} for name in names],
        )
        Alias.objects.bulk_create(
            Alias(address=f"a{name}@example.org", domain=example_org, goto="x@elsewhere.test")
            for name in names
        )
        fill_the_rest(names, start)

    return fill


def fill_the_rest(names, start):
    """A row of each other list for each of ``names``, all about the first mailbox where they are about one."""
    first, domain = "m000000@example.org", Domain.objects.get(pk="example.org")
    shared = [{"owner": f"{name}@example.org", "person": f"x{name}@example.org"} for name in names]
    Share.objects.bulk_create(Share(**row) for row in shared)
    SendAs.objects.bulk_create(
        SendAs(username=row["person"], sender=row["owner"]) for row in shared
    )
    QuotaWarning.objects.bulk_create(
        QuotaWarning(username_id=f"{name}@example.org", percent=80) for name in names
    )
    OwnAlias.objects.bulk_create(
        OwnAlias(address=f"a{name}@example.org", username=first, domain="example.org")
        for name in names
    )
    for place, name in enumerate(names, start):
        Copy.objects.create(
            domain="example.org", direction="to", address=f"{name}@example.org", goto="a@b.test"
        )
        DomainSenderRule.objects.create(
            domain="example.org", list_number=1, sender=f"{name}.test", action="REJECT"
        )
        DKIMKey.objects.create(domain_name=domain, selector=name, public_key="x")
        values = {"protocol": "imap", "success": True, "reason": "", "app_password": 0}
        address, day = f"192.0.2.{place}", timezone.localdate()
        SignIn.objects.create(username=first, address=address, day=day, at=place, **values)
        AppPassword.objects.create(username_id=first, description=name, password_hash=name)


def statements(program, path):
    program.get(path)  # notes its use, and prepares its statements
    with CaptureQueriesContext(
        connection,
    ) as found:
        response = program.get(path)
    assert response.status_code == 200
    return len(found), len(response.json()["items"])


@pytest.mark.parametrize("role", ["root", "theirs"])
def test_a_list_costs_as_many_statements_for_three_rows_as_for_one(role, fill, request):
    program = request.getfixturevalue(role)
    fill(1)
    of_one = {path: statements(program, path)[0] for path in LISTS}
    fill(2, start=1)

    of_three = {path: statements(program, path) for path in LISTS}

    assert {path: found for path, (found, _rows) in of_three.items()} == of_one
    assert of_three["/mailboxes"][1] == of_three["/aliases"][1] == 3


@pytest.mark.parametrize("role", ["root", "theirs"])
def test_a_list_of_a_hundred_rows_costs_five_statements_at_most(role, fill, request):
    program = request.getfixturevalue(role)
    fill(120)

    found = {path: statements(program, path) for path in LISTS}

    assert {path: number for path, (number, _rows) in found.items() if number > MOST} == {}
    assert found["/mailboxes"][1] == found["/aliases"][1] == 100


def peak(program):
    """Bytes that all mailboxes as JSON lines need at most, and how many there were."""
    lines = 0
    tracemalloc.start()
    for chunk in program.get("/mailboxes", Accept="application/x-ndjson").streaming_content:
        lines += chunk.count(b"\n")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most, lines


def test_all_mailboxes_are_streamed_with_the_memory_of_a_few(theirs, fill):
    fill(1_000)
    peak(theirs)  # what is kept for the next time
    of_few, few = peak(theirs)
    for start in (1_000, 2_000, 3_000):
        fill(1_000, start=start)

    of_many, many = peak(theirs)

    assert (few, many) == (1_000, 4_000)
    assert of_many < 1.3 * of_few

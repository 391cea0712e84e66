"""What a page about an address costs where alias domains lead to its domain: each such name is asked for, and none by itself."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from domains.copy_services import add_copy
from domains.services import create_alias_domain

STATEMENTS = 10  # as tests/mailadmin/test_budgets.py


@pytest.fixture(params=["superadmin", "domain admin"])
def client(request, example_org, add_domain, add_mailbox, add_alias, make_admin, sign_in):
    names = [f"twin{number}.example" for number in range(2)]
    for name in names:
        create_alias_domain(actor=None, alias_domain=add_domain(name), target_domain=example_org)
    other = add_domain("other.example")
    for name in ("ann", "boss"):
        add_mailbox(f"{name}@example.org")
    add_alias("sales@example.org", "ann@example.org", "joe@elsewhere.example")
    for target in ("sales", "ann"):
        add_alias(f"to-{target}@example.org", f"{target}@example.org", f"{target}@{names[0]}")
        add_alias(f"to-{target}@other.example", f"{target}@{names[1]}")
        for domain in (example_org, other):
            add_copy(
                actor=None,
                domain=domain,
                direction="to",
                local_part=target,
                goto="boss@example.org",
            )
    if request.param == "superadmin":
        return sign_in(make_admin(superadmin=True))
    return sign_in(make_admin("theirs@example.org", domains=["example.org", *names]))


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("alias", "sales@example.org"),
        ("alias-state", "sales@example.org"),
        ("alias-delete", "sales@example.org"),
        ("mailbox", "ann@example.org"),
        ("mailbox-state", "ann@example.org"),
        ("mailbox-delete", "ann@example.org"),
    ],
)
def test_a_page_about_an_address_asks_for_all_its_names_together(page, address, client):
    url = reverse(page, args=[address])
    client.get(url)  # what a session reads once
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(url)

    assert answer.status_code == 200
    statements = [query["sql"] for query in captured]
    assert len(statements) <= STATEMENTS, statements

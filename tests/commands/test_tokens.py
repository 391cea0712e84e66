"""API tokens at the command line: listed and revoked; they are made on their owners' pages alone."""

import json

import pytest
from django.core.management.base import CommandError

from accounts import tokens
from accounts.models import ApiToken, LogEntry

NAME = "joe@example.org"


@pytest.fixture
def accounts(example_org, add_mailbox, make_admin):
    return {"mailbox": add_mailbox(NAME), "admin": make_admin(NAME, domains=["example.org"])}


def make(account, **limits):
    tokens.make_token(
        actor=account, token=tokens.drawn(), name="Billing", rights=["mailboxes:read"], **limits
    )
    return ApiToken.objects.get(kind=account.account_kind)


@pytest.mark.parametrize("kind", ["mailbox", "admin"])
def test_tokens_are_listed_with_their_numbers(kind, run, accounts):
    row = make(accounts[kind], networks="192.0.2.7")

    assert run(kind, "tokens", NAME) == (
        f"{row.pk}\tBilling\tmailboxes:read\t192.0.2.7\tnot used yet\n"
    )
    assert json.loads(run(kind, "tokens", NAME, "--json")) == {
        "number": row.pk,
        "name": "Billing",
        "rights": ["mailboxes:read"],
        "domains": [],
        "networks": ["192.0.2.7"],
        "expires": None,
        "last_used": None,
        "last_ip": None,
    }


@pytest.mark.parametrize("kind", ["mailbox", "admin"])
def test_one_is_revoked_and_the_log_says_so(kind, run, accounts):
    row = make(accounts[kind])

    said = run(kind, "token-revoke", NAME, str(row.pk))

    assert said == f"Revoked API token {row.pk} of {NAME}.\n"
    assert not ApiToken.objects.exists()
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.data, entry.actor) == ("delete_token", NAME, "CLI")


def test_one_of_another_account_is_not_revoked(run, accounts):
    row = make(accounts["admin"])

    with pytest.raises(CommandError, match=f"{NAME} has no API token {row.pk}"):
        run("mailbox", "token-revoke", NAME, str(row.pk))

    assert ApiToken.objects.exists()

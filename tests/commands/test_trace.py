"""The answer card at a terminal: what the search box says, by the same function."""

import json

import pytest
from django.conf import settings
from django.core.management.base import CommandError

from mailboxes.models import QuotaUsage
from mailboxes.services import set_mailbox_active

MB = settings.QUOTA_MULTIPLIER


def test_an_address_that_only_the_catch_all_knows(run, example_org, add_mailbox, add_alias):
    counter = add_mailbox("counter@example.org", quota=100 * MB)
    QuotaUsage.objects.create(username=counter, bytes=85 * MB)
    add_alias("@example.org", "counter@example.org")

    assert run("trace", "Info <info@Example.org>").splitlines() == [
        "info@example.org",
        "  No mailbox or alias has this name.",
        "  The catch-all of example.org takes what has no mailbox or alias.",
        "  Mail goes to",
        "    → counter@example.org  85 of 100 MB, 85 %",
        "  mailadmin mailbox add info@example.org",
        "  mailadmin alias add info@example.org RECIPIENT",
    ]


def test_what_is_off_and_what_is_elsewhere(run, example_org, add_mailbox):
    set_mailbox_active(actor=None, mailbox=add_mailbox("off@example.org"), active=False)

    assert run("trace", "off@example.org", "a@b.example").splitlines() == [
        "off@example.org",
        "  The mailbox off@example.org is off.",
        "  Mail is refused.",
        "a@b.example",
        "  b.example is not a domain of this server.",
    ]


def test_the_answer_as_json(run, example_org, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "joe@example.org, a@b.example")

    assert json.loads(run("trace", "info+x@example.org", "--json")) == {
        "address": "info+x@example.org",
        "answer": "accepted",
        "because": [
            "“+x” is a tag: the name before it counts. The tag stays on the address.",
            "There is an alias info@example.org.",
        ],
        "row": "info@example.org",
        "mail_goes_to": [
            {
                "address": address,
                "kind": kind,
                "takes_mail": True,
                "next_server": None,
            }
            for address, kind in (("joe@example.org", "mailbox"), ("a@b.example", "external"))
        ],
        "keeps_copy": False,
    }


def test_what_is_no_address_is_refused(run, db):
    with pytest.raises(CommandError, match=r"^“joe” is no address\. Write it like name@"):
        run("trace", "joe")

import json

import pytest
from django.conf import settings
from django.core.management.base import CommandError

from domains.models import SenderRule
from mailboxes.models import QuotaUsage
from mailboxes.services import set_mailbox_active

MB = settings.QUOTA_MULTIPLIER


def test_an_address_that_only_the_catch_all_knows(run, example_org, add_mailbox, add_alias):
    counter = add_mailbox("counter@example.org", quota=100 * MB)
    QuotaUsage.objects.create(username=counter, bytes=85 * MB)
    add_alias("@example.org", "counter@example.org")

    assert run("trace", "Info <info@Example.org>").splitlines() == [
        "info@example.org",
        "  example.org is a domain of this server.",
        "      domains.cf: example.org → example.org",
        "  No mailbox or alias has this name.",
        "  The catch-all of example.org takes what has no mailbox or alias.",
        "      alias.cf: @example.org → counter@example.org",
        "  There is room in the mailbox counter@example.org.",
        "  info@example.org leads to counter@example.org.",
        "  Mail goes to",
        "    → counter@example.org  85 of 100 MB, 85 %",
        "  Delivered to counter@example.org. counter@example.org is at 85 % of its quota.",
        "  mailadmin mailbox add info@example.org",
        "  mailadmin alias add info@example.org RECIPIENT",
    ]


def test_what_is_off_and_what_is_elsewhere(run, example_org, add_mailbox):
    set_mailbox_active(actor=None, mailbox=add_mailbox("off@example.org"), active=False)

    assert run("trace", "off@example.org", "a@b.example").splitlines() == [
        "off@example.org",
        "  example.org is a domain of this server.",
        "      domains.cf: example.org → example.org",
        "  The mailbox off@example.org is off.",
        "  Refused at once, 550: no such user.",
        "a@b.example",
        "  b.example is not a domain of this server.",
        "  Refused at once, 554: not for this server. Who signs in may send there.",
    ]


def test_a_sender_that_is_refused_and_a_step_that_main_cf_does_not_have_yet(run, example_org):
    SenderRule.objects.create(sender="bad.example", action="REJECT", text="Go away")

    assert run("trace", "joe@example.org", "--from", "x@bad.example").splitlines() == [
        "joe@example.org",
        "  A rule of this server refuses the sender x@bad.example.",
        "      sender_access.cf: bad.example → REJECT Go away",
        "  main.cf, as mailconf wrote it last, does not have this yet: sender-access",
        "  Refused at once, 554: a rule refuses this sender. “Go away”",
        "  mailadmin mailbox add joe@example.org",
        "  mailadmin alias add joe@example.org RECIPIENT",
    ]


def test_the_trace_as_json(run, example_org, add_mailbox, add_alias):
    add_mailbox("joe@example.org", quota=5)
    add_alias("info@example.org", "joe@example.org", "a@b.example")

    found = json.loads(run("trace", "info@example.org", "--from", "<>", "--json"))

    answer = "joe@example.org,a@b.example"
    told = {"map": "alias", "asked": "info@example.org", "answered": answer}
    here = {"map": "domains", "asked": "example.org", "answered": "example.org"}
    assert found == {
        "address": "info@example.org",
        "sender": "",
        "answer": "accepted",
        "row": "info@example.org",
        "reply": {"state": "taken", "code": 250, "text": "2.1.5 Ok"},
        "steps": [
            {"says": "example.org is a domain of this server."} | here,
            {"says": "There is an alias info@example.org."} | told,
            {"says": "info@example.org leads to joe@example.org, a@b.example."} | dict.fromkeys(told),
        ],
        "mail_goes_to": [
            {"address": "joe@example.org", "kind": "mailbox", "by": "joe@example.org", "used": 0, "quota": 5},
            {"address": "a@b.example", "kind": "another server", "by": None, "used": 0, "quota": 0},
        ],
        "not_in_main_cf": [],
        "verdict": "Delivered to joe@example.org. Sent to another server: a@b.example.",
    }  # fmt: skip


@pytest.mark.parametrize("arguments", [["joe"], ["@example.org"], ["joe@example.org", "--from", "joe"]])  # fmt: skip
def test_what_is_no_address_is_refused(run, db, arguments):
    with pytest.raises(CommandError, match=r"is no address\. Write it like name@"):
        run("trace", *arguments)

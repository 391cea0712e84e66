import json

import pytest
from django.core.management.base import CommandError

from mailboxes.models import SendAs, Share

ANN, INFO = "ann@example.org", "info@example.org"


@pytest.fixture(autouse=True)
def world(example_org, add_mailbox):
    add_mailbox(ANN)
    add_mailbox(INFO)


def test_a_mailbox_is_let_send_listed_and_that_is_ended(run):
    assert run("mailbox", "send-as", ANN, INFO) == f"Mailbox {ANN} may send as {INFO}.\n"
    run("mailbox", "send-as", ANN, "example.org")

    assert run("mailbox", "send-as", ANN) == f"@example.org\n{INFO}\n"
    lines = run("mailbox", "send-as", ANN, "--json").splitlines()
    assert [json.loads(line)["sender"] for line in lines] == ["@example.org", INFO]
    run("mailbox", "send-as", ANN, "example.org", "--end")
    run("mailbox", "send-as", ANN, INFO.upper(), "--end")
    assert SendAs.objects.count() == 0
    with pytest.raises(CommandError, match="is not let send as"):
        run("mailbox", "send-as", ANN, INFO, "--end")
    with pytest.raises(CommandError, match="There is no mailbox or alias"):
        run("mailbox", "send-as", ANN, "nobody@example.org")


def test_a_mailbox_is_shared_listed_and_that_is_ended(run):
    said = run("mailbox", "share", INFO, ANN)
    assert said.splitlines() == [
        f"Mailbox {INFO} is shared with {ANN}.",
        f"It has no effect before root types: {Share.objects.get().command}",
    ]
    assert SendAs.objects.count() == 1

    run("mailbox", "share", INFO, ANN, "--read-only", "--no-send-as")
    assert run("mailbox", "share", INFO) == f"{ANN}\treads it, no effect yet\n"
    record = json.loads(run("mailbox", "share", INFO, "--json"))
    assert record == {"mailbox": ANN, "may_write": False, "applied": False}
    assert SendAs.objects.count() == 0
    run("mailbox", "share", INFO, ANN, "--end")
    assert Share.objects.count() == 0
    with pytest.raises(CommandError, match="is not shared with"):
        run("mailbox", "share", INFO, ANN, "--end")
    with pytest.raises(CommandError, match="no mailbox that you manage"):
        run("mailbox", "share", INFO, "nobody@example.org")

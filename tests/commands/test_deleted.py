import json

import pytest
from django.core.management.base import CommandError

from mailboxes.models import Deleted, Mailbox
from mailboxes.services import delete_mailbox


@pytest.fixture
def gone(example_org, other_net, add_mailbox, make_admin):
    admin = make_admin()
    for address in ("joe@example.org", "sue@other.net"):
        delete_mailbox(actor=admin, mailbox=add_mailbox(address, name="Joe"))
    return {row.name: row.pk for row in Deleted.objects.all()}


def test_the_list_has_the_last_one_first(run, gone):
    lines = run("deleted", "list").splitlines()

    assert [line.split("\t")[:3] for line in lines] == [
        [str(gone["sue@other.net"]), "mailbox", "sue@other.net"],
        [str(gone["joe@example.org"]), "mailbox", "joe@example.org"],
    ]
    [one] = run("deleted", "list", "--domain", "example.org", "--json").splitlines()
    assert json.loads(one)["deleted_by"] == "admin@example.org"
    assert run("deleted", "list", "--search", "su").count("\n") == 1
    assert "joe@example.org" in run("deleted", "list", typed=[])


def test_restoring_by_name_and_by_number(run, gone):
    assert run("deleted", "restore", "JOE@example.org") == ("Restored mailbox joe@example.org.\n")
    assert run("deleted", "restore", str(gone["sue@other.net"])) == (
        "Restored mailbox sue@other.net.\n"
    )
    assert Mailbox.objects.count() == 2


def test_what_is_not_there_or_cannot_be_is_one_sentence(run, gone, add_alias):
    with pytest.raises(CommandError, match=r"Nothing deleted is ann@example\.org"):
        run("deleted", "restore", "ann@example.org")
    add_alias("joe@example.org", "x@elsewhere.test")
    with pytest.raises(CommandError, match="exists already: it is an alias"):
        run("deleted", "restore", "joe@example.org")


def test_removing_asks_first(run, gone):
    with pytest.raises(CommandError, match="pass --yes"):
        run("deleted", "remove", "joe@example.org")
    with pytest.raises(CommandError, match="Not confirmed"):
        run("deleted", "remove", "joe@example.org", typed=["no"])
    assert Deleted.objects.count() == 2

    assert run("deleted", "remove", "joe@example.org", "--yes") == (
        "Removed mailbox joe@example.org.\n"
    )
    assert list(Deleted.objects.values_list("name", flat=True)) == ["sue@other.net"]

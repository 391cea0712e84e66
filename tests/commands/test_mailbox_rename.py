import json

import pytest
from django.core.management.base import CommandError

from aliases.models import Alias
from mailboxes.models import Mailbox


@pytest.fixture(autouse=True)
def joe(add_mailbox, add_alias, example_org, other_net):
    add_mailbox("joe@example.org")
    add_alias("all@other.net", "joe@example.org")


def rows():
    return dict(Alias.objects.values_list("address", "goto"))


def test_a_mailbox_is_renamed_and_keeps_its_old_address(run):
    said = run("mailbox", "rename", "joe@example.org", "jo@example.org")

    assert said == "Renamed mailbox joe@example.org to jo@example.org.\n"
    assert Mailbox.objects.get().pk == "jo@example.org"
    assert rows() == {
        "jo@example.org": "jo@example.org",
        "joe@example.org": "jo@example.org",
        "all@other.net": "jo@example.org",
    }


def test_a_mailbox_moves_to_another_domain_and_gives_its_old_address_up(run):
    run("mailbox", "rename", "joe@example.org", "jo@other.net", "--no-alias")

    assert rows() == {"jo@other.net": "jo@other.net", "all@other.net": "jo@other.net"}


@pytest.mark.parametrize(
    ("new", "error"),
    [
        ("all@other.net", r"Address: all@other\.net exists already: it is an alias"),
        ("jo@nowhere.example", "There is no domain nowhere.example. Is the name right?"),
        ("", "is not a valid local part"),
    ],
)
def test_a_name_that_cannot_be_is_refused(run, new, error):
    with pytest.raises(CommandError, match=error):
        run("mailbox", "rename", "joe@example.org", new)
    assert Mailbox.objects.get().pk == "joe@example.org"


def test_a_dry_run_says_what_changes_and_does_nothing(run):
    said = run("mailbox", "rename", "joe@example.org", "jo", "--no-alias", "--dry-run")

    assert said.splitlines() == [
        "joe@example.org becomes jo@example.org.",
        "- Its user signs in as jo@example.org from then on, here and in mail programs: tell them first. Sessions that are open end.",
        "- Password, second factor, forwarding, quota and what it may be used for stay.",
        "- Its mail and filters stay in example.org/joe/. No file is moved.",
        "- joe@example.org is given up: mail is refused.",
        "- 1 alias or forwarding leads to jo@example.org then: all@other.net",
        "What does not go along:",
        "- What was logged and delivered so far is found under joe@example.org.",
    ]
    assert rows()["all@other.net"] == "joe@example.org"


def test_a_dry_run_as_json(run):
    said = json.loads(run("mailbox", "rename", "joe@example.org", "jo", "--dry-run", "--json"))

    assert (said["old"], said["new"]) == ("joe@example.org", "jo@example.org")
    assert ["1 alias or forwarding leads to jo@example.org then:", ["all@other.net"]] in said[
        "changes"
    ]
    with pytest.raises(CommandError, match="exists already"):
        run("mailbox", "rename", "joe@example.org", "joe", "--dry-run")

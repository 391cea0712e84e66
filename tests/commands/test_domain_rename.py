import json

import pytest
from django.core.management.base import CommandError

from aliases.models import Alias
from domains.models import AliasDomain, Domain


@pytest.fixture(autouse=True)
def joe(add_mailbox, add_alias, example_org, other_net):
    add_mailbox("joe@example.org")
    add_alias("all@other.net", "joe@example.org")


def rows():
    return dict(Alias.objects.values_list("address", "goto"))


def test_a_domain_is_renamed_and_its_old_name_leads_there(run):
    said = run("domain", "rename", "example.org", "new.example")

    assert said == "Renamed domain example.org to new.example.\n"
    assert rows() == {"joe@new.example": "joe@new.example", "all@other.net": "joe@new.example"}
    assert dict(AliasDomain.objects.values_list("pk", "target_domain")) == {
        "example.org": "new.example"
    }


def test_the_old_name_is_given_up(run):
    run("domain", "rename", "example.org", "new.example", "--no-alias")

    assert {*Domain.objects.values_list("pk", flat=True)} == {"new.example", "other.net"}


@pytest.mark.parametrize(
    ("new", "error"),
    [
        ("other.net", r"other\.net exists already"),
        ("nodots", "is not a domain name"),
        ("example.org", "This is its name already"),
    ],
)
def test_a_name_that_cannot_be_is_refused(run, new, error):
    with pytest.raises(CommandError, match=error):
        run("domain", "rename", "example.org", new)
    assert "joe@example.org" in rows()


def test_a_dry_run_says_what_changes_and_does_nothing(run):
    said = run("domain", "rename", "example.org", "new.example", "--no-alias", "--dry-run")

    assert said.splitlines() == [
        "example.org becomes new.example.",
        "- 1 mailbox: its user signs in with the address in new.example from then on, here and in mail programs. Tell them first. Sessions that are open end.",
        "- Passwords, app passwords, second factors, forwarding, away messages, quotas and last days stay.",
        "- Mail and filters stay in their directories. No file is moved.",
        "- Limits, mail flow and settings of example.org are those of new.example.",
        "- example.org is given up: it is no domain of this server any more, and all mail to it is refused, or goes to where its MX records lead.",
        "- What others reported of mail from example.org, and the figures of what it sent and got, are deleted.",
        "- Have MX, SPF and DMARC records of new.example lead here: its page “DNS” lists them, and says what is missing.",
        "- 1 alias or forwarding of another domain leads to new.example then: all@other.net",
        "- Mail that this server’s users and aliases send to new.example stays here from then on. Addresses that are in use elsewhere and not here are refused: create them first.",
        "What does not go along:",
        "- Signatures, contacts and mail programs have the old addresses until people change them.",
        "- What was logged and delivered so far is found under example.org.",
    ]
    assert rows()["all@other.net"] == "joe@example.org"


def test_a_dry_run_as_json(run):
    said = json.loads(run("domain", "rename", "example.org", "new.example", "--dry-run", "--json"))

    assert (said["old"], said["new"]) == ("example.org", "new.example")
    text = "1 alias or forwarding of another domain leads to new.example then:"
    assert [text, ["all@other.net"]] in said["changes"]
    with pytest.raises(CommandError, match="exists already"):
        run("domain", "rename", "example.org", "other.net", "--dry-run")

import json

import pytest
from django.conf import settings
from django.core.management.base import CommandError

from aliases.models import Alias
from domains.models import AliasDomain, Domain
from domains.services import create_alias_domain
from mailboxes.models import Mailbox


def test_add_takes_every_limit(run, db):
    printed = run(
        *["domain", "add", "Example.ORG", "--mailboxes", "50", "--aliases", "0"],
        *["--quota", "10240", "--max-quota", "1024", "--role-target", "joe", "--backup-mx"],
        *["--transport", "smtp:[mx.example.net]:25", "--description", "Ours"],
    )

    domain = Domain.objects.get()
    assert printed == "Created domain example.org.\n"
    assert (domain.mailboxes, domain.aliases, domain.quota, domain.maxquota) == (50, 0, 10240, 1024)
    assert (domain.backupmx, domain.transport) == (True, "smtp:[mx.example.net]:25")
    assert set(Alias.objects.values_list("address", "goto")) == {
        (f"{role}@example.org", "joe@example.org") for role in settings.ROLE_ADDRESSES
    }


def test_limits_that_are_not_named_come_from_the_settings(run, db):
    run("domain", "add", "example.org")

    domain = Domain.objects.get()
    assert {
        key: getattr(domain, key) for key in settings.DOMAIN_DEFAULTS
    } == settings.DOMAIN_DEFAULTS


def test_none_is_minus_one(run, db):
    run("domain", "add", "example.org", "--mailboxes", "none", "--aliases", "-1")

    domain = Domain.objects.get()
    assert (domain.mailboxes, domain.aliases) == (-1, -1)


def test_an_international_name_is_stored_in_ascii(run, db):
    run("domain", "add", "müller.example", "--mailboxes", "5")

    assert Domain.objects.get().pk == "xn--mller-kva.example"
    assert run("domain", "show", "müller.example").splitlines()[0].split() == [
        "Domain:",
        "müller.example",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["example"], "“example” is not a domain name"),
        (["mail.example.org"], "^Domain: mail.example.org is this mail server’s own host name"),
        (
            ["example.org", "--quota", "9", "--max-quota", "none"],
            "^Largest mailbox: A domain quota adds",
        ),
        (["example.org", "--transport", "a b"], "^Transport: Write a Postfix transport"),
        (
            ["example.org", "--role-target", "joe doe"],
            "^Send postmaster@, abuse@ … to: “joe doe” is not a valid local part",
        ),
        (["example.org", "--mailboxes", "-2"], "--mailboxes"),
        (["example.org", "--quota", "lots"], "is no size"),
        (["example.org", "--quota", "1.5"], "is not whole megabytes"),
    ],
)
def test_a_wrong_value_creates_nothing(run, db, arguments, message):
    with pytest.raises(CommandError, match=message):
        run("domain", "add", *arguments)

    assert Domain.objects.count() == 0
    assert Alias.objects.count() == 0


def test_a_domain_is_added_once(run, example_org):
    with pytest.raises(CommandError, match=r"^Domain: .*exists"):
        run("domain", "add", "example.org")


def test_list_and_show_print_counts_beside_limits(run, add_domain, add_mailbox, add_alias):
    add_domain("example.org", mailboxes=3, quota=100)
    add_domain("other.net", active=False)
    add_mailbox("joe@example.org", quota=40 * settings.QUOTA_MULTIPLIER)
    add_alias("info@example.org", "joe@example.org")

    assert run("domain", "list") == (
        "example.org\t1\t3\t1\t0\t40\t100\ton\nother.net\t0\t0\t0\t0\t0\t0\toff\n"
    )
    assert run("domain", "list", "--off", "--search", "OTH").split("\t")[0] == "other.net"
    record = json.loads(run("domain", "show", "example.org", "--json"))
    assert (record["mailboxes"], record["mailbox_limit"], record["allotted_mb"]) == (1, 3, 40)
    shown = run("domain", "show", "example.org")
    assert [" ".join(line.split()) for line in shown.splitlines()[1:5]] == [
        "State: on",
        "Mailboxes: 1 of 3",
        "Aliases: 1",
        "Promised to mailboxes: 40 MB",
    ]


def test_edit_changes_only_what_is_named(run, add_domain):
    add_domain("example.org", mailboxes=3, description="Ours")

    run("domain", "edit", "example.org", "--mailboxes", "unlimited", "--backup-mx")
    run("domain", "off", "example.org")

    domain = Domain.objects.get()
    assert (domain.mailboxes, domain.active, domain.backupmx) == (0, False, True)
    assert domain.description == "Ours"


def test_delete_counts_what_goes_and_who_leads_here(
    run, example_org, other_net, add_mailbox, add_alias, make_admin
):
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "joe@example.org")
    add_alias("joe@other.net", "joe@example.org")
    make_admin("it@example.org", domains=["example.org"])

    run(
        "domain",
        "delete",
        "example.org",
        "--drop-recipients",
        "--emptied",
        "delete",
        typed=["example.org"],
    )

    assert run.screen.splitlines() == [
        "With example.org go its mailboxes (1) and its aliases (1). Mail stays on disk, the log stays.",
        "No longer managed by it@example.org; their accounts stay.",
        "Aliases of other domains lead to example.org and lose these recipients: joe@other.net.",
        "An alias that would have no recipient is deleted.",
        "Deleted domain example.org.",
    ]
    assert list(Domain.objects.values_list("pk", flat=True)) == ["other.net"]
    assert (Mailbox.objects.count(), Alias.objects.count()) == (0, 0)


def test_delete_leaves_aliases_of_other_domains_as_they_are_unless_it_is_told(
    run, example_org, other_net, add_alias
):
    add_alias("joe@other.net", "joe@example.org")

    run("domain", "delete", "example.org", typed=["example.org"])

    assert (
        "Aliases of other domains lead to example.org and will forward to the domain's public MX"
        in run.screen
    )
    assert "joe@other.net" in run.screen
    assert Alias.objects.get().goto == "joe@example.org"


def test_delete_is_refused_while_an_alias_domain_leads_there(run, example_org, other_net):
    run("aliasdomain", "add", "other.net", "example.org")

    with pytest.raises(CommandError, match=r"^Alias domains lead to example\.org: other\.net"):
        run("domain", "delete", "example.org", "--yes")

    assert Domain.objects.count() == 2


def test_a_missing_domain_is_named(run, db):
    for arguments in (["show"], ["edit", "--no-backup-mx"], ["on"], ["delete", "--yes"]):
        with pytest.raises(CommandError, match=r"^There is no domain example\.org\."):
            run("domain", arguments[0], "example.org", *arguments[1:])


def test_an_alias_domain_is_added_listed_changed_and_deleted(
    run, add_domain, example_org, other_net
):
    add_domain("third.example")

    assert run("aliasdomain", "add", "other.net", "example.org", "--description", "Old name") == (
        "Created alias domain other.net.\n"
    )
    assert run("aliasdomain", "list") == "other.net\texample.org\ton\n"
    assert run("aliasdomain", "list", "--target", "third.example") == ""

    run("aliasdomain", "edit", "other.net", "--target", "third.example")
    run("aliasdomain", "off", "other.net")
    record = json.loads(run("aliasdomain", "show", "other.net", "--json"))
    assert (record["target_domain"], record["active"]) == ("third.example", False)

    run("aliasdomain", "delete", "other.net", typed=["other.net"])
    assert (
        run.screen.splitlines()[0]
        == "other.net no longer leads to third.example. Both domains stay."
    )
    assert AliasDomain.objects.count() == 0
    assert Domain.objects.count() == 3


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("example.org", "example.org", "^Target domain: A domain cannot be its own target"),
        ("absent.example", "example.org", r"^There is no domain absent\.example"),
        ("example.org", "absent.example", r"^There is no domain absent\.example"),
    ],
)
def test_an_impossible_alias_domain_is_refused(run, example_org, source, target, message):
    with pytest.raises(CommandError, match=message):
        run("aliasdomain", "add", source, target)

    assert AliasDomain.objects.count() == 0


def test_what_exists_already_is_named(run, example_org, other_net):
    run("aliasdomain", "add", "other.net", "example.org")

    with pytest.raises(CommandError) as again:
        run("domain", "add", "Example.org")
    assert str(again.value) == "Domain: example.org exists already."
    with pytest.raises(CommandError) as again:
        run("aliasdomain", "add", "other.net", "example.org")
    assert (
        str(again.value)
        == "Alias domain: other.net is an alias domain already: it leads to example.org."
    )


def test_a_chain_of_alias_domains_is_refused(run, add_domain, example_org, other_net):
    add_domain("third.example")
    run("aliasdomain", "add", "other.net", "example.org")

    with pytest.raises(CommandError, match=r"^Target domain: other\.net is itself an alias domain"):
        run("aliasdomain", "add", "third.example", "other.net")


@pytest.mark.parametrize(
    ("transport", "warned"),
    [
        ("smtp:[192.0.2.9]", ""),
        ("relay:", ""),
        ("dovecot", "Postfix needs a service “dovecot” in its master.cf"),
        ("virtual:x", "Postfix’s own virtual delivery agent is not set up here"),
    ],
)
def test_a_stored_transport_that_the_shipped_files_do_not_serve_is_warned_of(
    run, example_org, capsys, transport, warned
):
    Domain.objects.update(transport=transport)

    run("domain", "edit", "example.org", "--description", "Ours")

    assert Domain.objects.get().transport == transport
    assert capsys.readouterr().err.startswith(warned) is True
    assert bool(Domain.objects.get().transport_warning) is bool(warned)


def test_a_backup_mx_is_told_to_ask_the_primary_server(run, example_org):
    run("domain", "edit", "example.org", "--backup-mx", "--verify-recipients")

    assert Domain.objects.get().verify_recipients is True
    assert json.loads(run("domain", "show", "example.org", "--json"))["verify_recipients"] is True


def test_the_links_that_lead_to_a_domain_go_with_it_if_one_says_so(run, example_org, other_net):
    create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)
    with pytest.raises(CommandError, match=r"Alias domains lead to example\.org: other\.net"):
        run("domain", "delete", "example.org", "--yes")

    run("domain", "delete", "example.org", "--yes", "--drop-links")

    assert list(Domain.objects.values_list("pk", flat=True)) == ["other.net"]

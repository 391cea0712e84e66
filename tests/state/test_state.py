"""`export` and `apply`: the state of the server as a file."""

import pytest

from accounts.models import Admin, LogEntry
from accounts.passwords import verify_password
from accounts.services import delete_admin, update_admin
from aliases.models import Alias
from domains.models import Domain, DomainAdmin
from domains.services import create_alias_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox
from mailboxes.renaming import rename_mailbox
from mailboxes.services import create_mailbox, delete_mailbox

HASH = "{SHA512-CRYPT}$6$rounds=5000$saltstring$ofYu4x1i6BXj9g8JD5JL1BXMzmyHFiDz7bZXWNyoVQVQ8x6o3MQ1pNkkfsLBWdw.1yDM3tzAmwnPsBLGfG7fA0"
FILE = """
mailadmin: 1
domains:
- domain: example.org
  description: Customer 1017
  mailboxes:
  - address: ann@example.org
    name: Ann Lee
    password: tangerine-7-bicycle
    forwarding: {targets: [ann@elsewhere.example], keep_copy: false}
  aliases:
  - address: sales@example.org
    targets: [ann@example.org, bob@example.net]
administrators:
- username: it@example.org
  domains: [example.org]
  password: tangerine-7-bicycle
"""


@pytest.fixture
def server(example_org, other_net, add_mailbox, add_alias, make_admin):
    """One of each."""
    ann = add_mailbox("ann@example.org", name="Änn", quota=10_240_000)
    set_forwarding(actor=None, mailbox=ann, targets="ann@elsewhere.example", keep_copy=True)
    add_mailbox("bob@example.org", active=False)
    add_alias("sales@example.org", "ann@example.org", "bob@other.net", description="Shop")
    create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)
    make_admin("root@example.org", superadmin=True)
    make_admin("it@example.org", domains=["example.org"])


def rows():
    return {
        model: set(model.objects.values_list("pk", flat=True))
        for model in (Domain, Mailbox, Alias, Admin)
    }


def test_what_was_exported_is_there_already(server, exported, apply):
    before = LogEntry.objects.count()

    for options in ([], ["--dry-run"], ["--prune"]):
        assert apply(exported(), *options) == (0, ["Nothing to do."])
    assert LogEntry.objects.count() == before


@pytest.mark.parametrize("format", ["json", "yaml"])
def test_an_empty_server_becomes_the_one_that_was_exported(format, server, run, exported, apply):
    text, before = run("export", "--passwords", "--format", format), exported("--passwords")
    there = rows()
    for model in (Alias, Mailbox, Admin):
        model.objects.all().delete()
    Domain.objects.get(pk="other.net").alias_of.delete()
    Domain.objects.all().delete()

    status, said = apply(text)

    assert (status, said[-1]) == (0, "8 created, 1 changed, 0 deleted.")
    assert rows() == there
    assert exported("--passwords") == before
    assert apply(text) == (0, ["Nothing to do."])


def test_a_file_written_by_hand_says_no_more_than_it_means(db, run, apply, exported):
    assert apply(FILE, "--dry-run") == (
        2,
        [
            "+ domain example.org",
            "+ mailbox ann@example.org",
            "+ alias sales@example.org",
            "~ forwarding ann@example.org",
            '    targets: [] → ["ann@elsewhere.example"]',
            "    keep_copy: true → false",
            "+ administrator it@example.org",
            "4 created, 1 changed, 0 deleted, if this were no dry run.",
        ],
    )
    assert not Domain.objects.filter(pk="example.org").exists()

    status, said = apply(FILE)

    assert (status, said[-1]) == (0, "4 created, 1 changed, 0 deleted.")
    ann = Mailbox.objects.get(pk="ann@example.org")
    assert verify_password("tangerine-7-bicycle", ann.password, ann.pk)[0]
    assert LogEntry.objects.get(action="create_mailbox").username == "CLI (localhost)"
    assert apply(FILE) == (0, ["Nothing to do."])
    assert apply(FILE, "--dry-run") == (0, ["Nothing to do."])


def test_what_the_file_does_not_name_stays(server, apply):
    state = {
        "mailadmin": 1,
        "domains": [
            {"domain": "example.org", "mailboxes": [{"address": "Ann@Example.org", "name": "Ann"}]}
        ],
    }

    assert apply(state) == (
        0,
        [
            "~ mailbox ann@example.org",
            '    name: "Änn" → "Ann"',
            "0 created, 1 changed, 0 deleted.",
        ],
    )
    assert Mailbox.objects.get(pk="ann@example.org").quota == 10_240_000
    assert Mailbox.objects.count() == 2


def test_prune_deletes_what_the_lists_that_are_there_leave_out(server, apply):
    state = {
        "mailadmin": 1,
        "domains": [{"domain": "example.org", "mailboxes": [{"address": "ann@example.org"}]}],
    }

    assert apply(state, "--dry-run", "--prune")[1][0] == "- mailbox bob@example.org"
    assert apply(state, "--prune") == (
        0,
        ["- mailbox bob@example.org", "0 created, 0 changed, 1 deleted."],
    )
    assert rows()[Mailbox] == {"ann@example.org"}
    assert "sales@example.org" in rows()[Alias]  # of which the file has no list
    assert "other.net" in rows()[Domain]

    state["domains"][0]["aliases"] = []
    assert apply(state, "--prune")[1][0] == "- alias sales@example.org"


def test_a_domain_is_saved_whole_or_not_at_all(db, apply):
    state = {
        "mailadmin": 1,
        "domains": [
            {
                "domain": "bad.example",
                "mailboxes": [
                    {"address": "ann@bad.example", "password": "tangerine-7-bicycle"},
                    {"address": "bob@bad.example"},
                    {"address": "eve@good.example", "password": "tangerine-7-bicycle"},
                    {"address": "joe@bad.example", "colour": "red"},
                ],
            },
            {"domain": "good.example"},
        ],
    }

    status, said = apply(state)

    assert status == 1
    assert said == [
        "+ domain good.example",
        "1 created, 0 changed, 0 deleted.",
        "mailbox eve@good.example: It is no address of the domain that it stands in.",
        "mailbox bob@bad.example: A new one needs a password.",
        "mailbox joe@bad.example: colour: Extra inputs are not permitted",
        "Of these domains nothing was saved.",
    ]
    assert rows()[Domain] - {"ALL"} == {"good.example"}
    assert rows()[Mailbox] == set()


def test_what_one_domain_lacks_may_come_with_a_later_one(db, apply, settings):
    state = {
        "mailadmin": 1,
        "domains": [
            {"domain": "a.example", "alias_domains": [{"alias_domain": "c.example"}]},
            {
                "domain": "b.example",
                "aliases": [{"address": "x@b.example", "targets": ["ann@d.example"]}],
            },
            {"domain": "c.example"},
            {
                "domain": "d.example",
                "mailboxes": [{"address": "ann@d.example", "password": "tangerine-7-bicycle"}],
            },
        ],
    }

    assert apply(state, "--dry-run")[0] == 2
    assert apply(state)[0] == 0
    assert apply(state) == (0, ["Nothing to do."])


def test_hashes_are_taken_over_and_others_refused(server, apply):
    def state(text):
        return {
            "mailadmin": 1,
            "domains": [
                {
                    "domain": "example.org",
                    "mailboxes": [{"address": "ann@example.org", "password_hash": text}],
                }
            ],
            "administrators": [{"username": "it@example.org", "password_hash": text}],
        }

    assert apply(state("5f4dcc3b"))[0] == 1
    assert apply(state(HASH))[1] == [
        "~ mailbox ann@example.org",
        "    password: another one",
        "~ administrator it@example.org",
        "    password: another one",
        "0 created, 2 changed, 0 deleted.",
    ]
    assert Mailbox.objects.get(pk="ann@example.org").password == HASH
    assert Admin.objects.get(pk="it@example.org").password == HASH
    assert apply(state(HASH)) == (0, ["Nothing to do."])


def test_without_passwords_no_hash_is_exported(server, run):
    assert "{SHA512-CRYPT}" not in run("export")
    assert run("export", "--passwords").count("{SHA512-CRYPT}") == 4


def test_some_domains_come_without_administrators(server, exported, run):
    state = exported("other.net")

    assert [domain["domain"] for domain in state["domains"]] == ["other.net"]
    assert "administrators" not in state


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("domains: []", "begins with"),
        ("mailadmin: 2", "begins with"),
        ("mailadmin: 1\nmailboxes: []", "Unknown: mailboxes."),
        ("mailadmin: 1\ndomains: {}", "write a list"),
        ("mailadmin: 1\ndomains: [{name: a.example}]", "“domain” is missing"),
        ("mailadmin: 1\ndomains: [{domain: a.example}, {domain: A.example}]", "is there twice"),
        ("mailadmin: 1\ndomains: [{domain: a.example, aliases: [x]}]", "“address” is missing"),
        ("mailadmin: 1\ndomains: !!python/object:os.system []", "cannot be read"),
        ("{", "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused(text, said, db, apply):
    status, lines = apply(text)

    assert (status, said in " ".join(lines)) == (1, True)
    assert not Domain.objects.exclude(pk="ALL").exists()


def test_the_steps_come_as_json(server, apply):
    state = {"mailadmin": 1, "domains": [{"domain": "example.org", "description": "New"}]}

    status, [line] = apply(state, "--dry-run", "--json")

    assert status == 2
    assert line == (
        '{"steps": [{"do": "changed", "what": "domain", "name": "example.org",'
        ' "changes": {"description": ["", "New"]}}], "refused": []}'
    )


def test_a_file_that_changes_nothing_costs_the_same_for_each_batch(
    server, exported, apply, add_mailbox, django_assert_max_num_queries
):
    state = exported()
    with django_assert_max_num_queries(60) as few:
        apply(state)
    for number in range(40):
        create_mailbox(
            actor=None,
            domain=Domain.objects.get(pk="example.org"),
            local_part=f"m{number}",
            password=HASH,
            hashed=True,
        )
    state = exported()
    with django_assert_max_num_queries(60) as many:
        assert apply(state) == (0, ["Nothing to do."])

    assert len(many) == len(few)


def test_budgets_come_along(exported, apply, make_reseller, add_domain):
    add_domain("firm.example")
    reseller = make_reseller()
    update_admin(actor=None, admin=reseller, domains=["firm.example"], resold=["firm.example"])
    state = exported("--passwords")
    same = apply(state, "--dry-run")
    delete_admin(actor=None, admin=reseller)
    Domain.objects.all().delete()

    status, _printed = apply(state)

    assert same == (0, ["Nothing to do."])
    assert status == 0
    admin = Admin.objects.get()
    assert (admin.is_reseller, admin.max_domains, admin.max_storage) == (True, 3, 1000)
    assert Domain.objects.get().reseller == admin.pk


@pytest.mark.parametrize("passwords", [["--passwords"], []])
def test_who_signs_in_with_a_mailbox_comes_along(
    passwords, exported, apply, add_mailbox, make_manager, example_org
):
    add_mailbox("joe@example.org")
    make_manager("joe@example.org", "it@firm.example", roles={"example.org": "read"})
    state = exported(*passwords)
    same = apply(state, "--dry-run")
    delete_admin(actor=None, admin=Admin.objects.get())

    status, printed = apply(state)

    assert same == (0, ["Nothing to do."])
    assert (status, printed[-1]) == (0, "1 created, 0 changed, 0 deleted.")
    admin = Admin.objects.get()
    assert (admin.mailbox, admin.domain_roles) == ("joe@example.org", {"example.org": "read"})
    assert apply(state) == (0, ["Nothing to do."])


@pytest.mark.parametrize("what", ["deleted", "moved", "taken away"])
def test_who_manages_nothing_with_a_mailbox_is_left_out(
    what, exported, apply, add_mailbox, make_manager, example_org, other_net
):
    joe = add_mailbox("joe@example.org")
    make_manager(add_mailbox("ann@example.org").pk)
    make_manager("joe@example.org", "it@firm.example")
    if what == "deleted":
        delete_mailbox(actor=None, mailbox=joe)
    if what == "moved":
        rename_mailbox(actor=None, mailbox=joe, local_part="joe", domain=other_net)
    if what == "taken away":  # as PostfixAdmin does
        DomainAdmin.objects.filter(username="it@firm.example").delete()

    state = exported()

    assert [told["username"] for told in state["administrators"]] == ["ann@example.org"]
    assert apply(state) == (0, ["Nothing to do."])
    assert Admin.objects.filter(pk="it@firm.example").exists()


@pytest.mark.parametrize(("before", "after"), [("zoe", "ann"), ("ann", "zoe")])
def test_a_domain_that_counts_for_another_takes_one_run(
    before, after, exported, apply, make_reseller, add_domain
):
    names, none = {"domains": ["firm.example"], "resold": ["firm.example"]}, {"domains": []}
    add_domain("firm.example")
    before, after = make_reseller(f"{before}@example.org"), make_reseller(f"{after}@example.org")
    update_admin(actor=None, admin=after, **names)
    state = exported()
    update_admin(actor=None, admin=after, **none)
    update_admin(actor=None, admin=before, **names)

    _would, planned = apply(state, "--dry-run")
    status, said = apply(state)

    assert (status, said[:-1]) == (0, planned[:-1])
    assert said[-1] == "0 created, 2 changed, 0 deleted."
    assert Domain.objects.get().reseller == after.pk
    assert apply(state) == (0, ["Nothing to do."])


def test_roles_come_along_and_stay_where_the_file_names_none(server, exported, apply):
    def state(**more):
        return {
            "mailadmin": 1,
            "administrators": [{"username": "it@example.org", "domains": ["example.org"]} | more],
        }

    assert apply(state(roles={"example.org": "read"}))[0] == 0
    assert Admin.objects.get(pk="it@example.org").domain_roles == {"example.org": "read"}

    assert apply(state()) == (0, ["Nothing to do."])
    assert apply(exported()) == (0, ["Nothing to do."])
    assert Admin.objects.get(pk="it@example.org").domain_roles == {"example.org": "read"}

    assert apply(state(roles={"example.org": "nothing"}))[0] == 1
    assert apply(state(roles={}))[0] == 0
    assert Admin.objects.get(pk="it@example.org").domain_roles == {}

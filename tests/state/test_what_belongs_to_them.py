"""What domains, mailboxes and aliases have besides themselves, in a file of the state."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Admin, LogEntry
from aliases.models import Alias, Ending
from domains.models import Copy, Domain, RelayHost, SenderRule
from mailadmin.state.parts import relay_password
from mailboxes import fetching
from mailboxes.endings import set_ending
from mailboxes.models import Mailbox, RemoteMailbox, SendAs, Share, Vacation
from mailboxes.vacations import set_vacation
from tests.state.conftest import EVERYTHING

NOTHING = (0, ["Nothing to do."])


def emptied():
    for model in (Alias, Mailbox, Admin, SenderRule):
        model.objects.all().delete()
    Domain.objects.get(pk="old.example").alias_of.delete()
    Domain.objects.all().delete()
    assert (Share.objects.count(), SendAs.objects.count(), Ending.objects.count()) == (0, 0, 0)
    assert (Vacation.objects.count(), RemoteMailbox.objects.count()) == (0, 0)
    assert (RelayHost.objects.count(), Copy.objects.count()) == (0, 0)


def test_applied_twice_it_changes_nothing(everything, exported, apply):
    before = LogEntry.objects.count()

    for options in ([], ["--dry-run"], ["--prune"]):
        assert apply(EVERYTHING, *options) == NOTHING
    for secrets in ([], ["--secrets", "--passwords"]):
        assert apply(exported(*secrets), "--prune") == NOTHING
    assert LogEntry.objects.count() == before


def test_an_empty_server_becomes_the_one_that_was_exported(everything, exported, apply, run):
    text = run("export", "--passwords", "--secrets")
    before = exported("--passwords", "--secrets")
    emptied()

    assert apply(text, "--dry-run")[0] == 2
    assert apply(text)[0] == 0

    assert exported("--passwords", "--secrets") == before
    assert apply(text) == NOTHING


def test_without_secrets_no_password_of_another_server_is_told(everything, run):
    assert "geranium" not in run("export", "--passwords")
    assert run("export", "--secrets").count("geranium-4-window") == 3


def test_a_relay_host_without_its_password_is_refused_where_it_is_new(everything, exported, apply):
    state = exported("--passwords")
    emptied()

    status, said = apply(state)

    assert status == 1
    wanted = "Enter the password of this login at this server."
    names = {line.removesuffix(f": {wanted}") for line in said if line.endswith(wanted)}
    assert names == {
        "relay host example.org",
        "fetched mail ann@example.org from Ann at imap.example.net",
        "fetched mail ann@example.org from Ann at imap.example.net Lists",
    }
    assert not Domain.objects.filter(pk="example.org").exists()


def one(**members):
    return {"mailadmin": 1, "domains": [{"domain": "example.org"} | members]}


def of_ann(**members):
    return one(mailboxes=[{"address": "ann@example.org"} | members])


def test_a_password_that_is_stored_is_not_stored_again(everything, apply):
    relay = {"server": "smtp.example.net:587", "login": "shop", "password": "geranium-4-window"}
    relay["spf_include"] = "spf.example.net"
    fetch = {"mailbox": "ann@example.org", "server": "IMAP.example.net", "login": "Ann"}
    fetch |= {"password": "geranium-4-window", "port": 993}
    secrets = [RelayHost.objects.get().secret]
    secrets += RemoteMailbox.objects.order_by("pk").values_list("src_password", flat=True)

    assert apply(one(relay_host=relay, fetches=[fetch])) == NOTHING

    after = [RelayHost.objects.get().secret]
    after += RemoteMailbox.objects.order_by("pk").values_list("src_password", flat=True)
    assert after == secrets


def test_another_server_is_told_the_password_of_the_file(everything, apply):
    relay = {"server": "smtp.example.com:587", "login": "shop", "password": "geranium-4-window"}

    assert apply(one(relay_host=relay))[1][0] == "~ relay host example.org"
    assert RelayHost.objects.get().next_hop == "[smtp.example.com]:587"
    assert relay_password(RelayHost.objects.get()) == "geranium-4-window"


def test_another_password_is_told_and_not_shown(everything, apply):
    fetch = {"mailbox": "ann@example.org", "server": "imap.example.net", "login": "Ann"}
    relay = {"server": "smtp.example.net:587", "login": "shop", "password": "another"}

    status, said = apply(one(fetches=[fetch | {"password": "another"}], relay_host=relay))

    assert said == [
        "~ fetched mail ann@example.org from Ann at imap.example.net",
        "    password: another one",
        "~ relay host example.org",
        '    spf_include: "spf.example.net" → ""',
        "    password: another one",
        "0 created, 2 changed, 0 deleted.",
    ]
    first = RemoteMailbox.objects.order_by("pk").first()
    assert (status, fetching.secret_of(first)) == (0, "another")
    assert relay_password(RelayHost.objects.get()) == "another"


def test_null_ends_what_a_mailbox_or_a_domain_has(everything, apply):
    ended = dict.fromkeys(["away_message", "last_day", "forwarding", "own_addresses_limit"])

    status, said = apply(of_ann(**ended))

    assert (status, said) == (
        0,
        [
            "~ forwarding ann@example.org",
            '    targets: ["ann@elsewhere.example"] → []',
            "- away message ann@example.org",
            "- last day ann@example.org",
            "~ own addresses limit ann@example.org",
            "    most: 0 → null",
            "0 created, 2 changed, 2 deleted.",
        ],
    )
    assert apply(one(relay_host=None, own_addresses_limit=None))[1] == [
        "- relay host example.org",
        "~ own addresses limit example.org",
        "    most: 3 → null",
        "0 created, 1 changed, 1 deleted.",
    ]
    assert apply(of_ann(**ended)) == NOTHING
    assert apply(one(relay_host=None)) == NOTHING


def test_what_a_file_does_not_name_of_a_mailbox_stays(everything, apply, exported):
    before = exported()

    assert apply(of_ann()) == NOTHING
    assert exported() == before


def test_prune_ends_what_the_lists_leave_out_and_no_other_list(everything, apply):
    status, said = apply(one(shares=[], send_as=[], sender_rules=[]), "--prune")

    assert (status, said) == (
        0,
        [
            "- sender rule worse.example",
            "- sending as @other.net by ann@example.org",
            "- share ann@example.org with bob@other.net",
            "- share ann@example.org with eve@example.org",
            "0 created, 0 changed, 4 deleted.",
        ],
    )
    # The other domain's list says the other right, and these have none here.
    assert list(SendAs.objects.values_list("username", "sender")) == [
        ("bob@other.net", "sales@example.org")
    ]
    assert (Copy.objects.count(), RemoteMailbox.objects.count()) == (2, 2)


def test_rules_of_the_server_are_pruned_where_the_file_has_the_list(everything, apply):
    assert apply({"mailadmin": 1}, "--prune") == NOTHING
    assert apply({"mailadmin": 1, "sender_rules": []}) == NOTHING
    assert apply({"mailadmin": 1, "sender_rules": []}, "--prune")[1][0] == (
        "- sender rule bad.example"
    )
    assert not SenderRule.objects.exists()


def test_rules_of_the_server_are_saved_together_or_not_at_all(db, apply):
    rules = [{"sender": "good.example"}, {"sender": "bad.example", "text": "Größe"}]

    status, said = apply({"mailadmin": 1, "sender_rules": rules})

    assert (status, SenderRule.objects.count()) == (1, 0)
    assert said[1].startswith("sender rule bad.example: Postfix takes at most")


def test_an_old_file_does_not_open_again_what_ended(example_org, add_alias, apply):
    add_alias("fair@example.org", "joe@elsewhere.example", active=False)  # since its last day
    over = {"last_day": "2026-01-31", "then": "off"}
    alias = {"address": "fair@example.org", "targets": ["joe@elsewhere.example"]}

    status, said = apply(one(aliases=[alias | {"active": True, "last_day": over}]))

    assert (status, said[1]) == (1, "last day fair@example.org: This day is over.")
    assert not Alias.objects.get(pk="fair@example.org").active


def test_a_last_day_that_was_yesterday_and_is_still_to_be_done_is_as_the_file_says(
    example_org, add_alias, apply, exported
):
    alias = add_alias("fair@example.org", "joe@elsewhere.example")
    set_ending(actor=None, row=alias, last_day=timezone.localdate(), action="off")
    Ending.objects.update(last_day=timezone.localdate() - timedelta(days=1))

    assert apply(exported(), "--prune") == NOTHING


def test_an_away_message_of_an_old_file_says_nothing(offered, example_org, add_mailbox, apply):
    ann = add_mailbox("ann@example.org")
    old = {"subject": "Away", "text": "I am away.", "last_day": "2026-01-31"}

    assert apply(of_ann(away_message=old)) == NOTHING
    set_vacation(actor=None, mailbox=ann, subject="New", body="Her own one")
    assert apply(of_ann(away_message=old)) == NOTHING
    assert Vacation.objects.get().subject == "New"


@pytest.mark.parametrize(
    ("setting", "members"),
    [
        (
            "FETCHMAIL_TO",
            {"fetches": [{"mailbox": "ann@example.org", "server": "a.example", "login": "a"}]},
        ),
        (
            "AWAY_MESSAGES",
            {
                "mailboxes": [
                    {"address": "ann@example.org", "away_message": {"subject": "A", "text": "B"}}
                ]
            },
        ),
    ],
)
def test_what_this_server_has_not_is_refused_with_the_setting(
    setting, members, everything, apply, exported, settings
):
    setattr(settings, setting, "" if setting == "FETCHMAIL_TO" else False)

    status, said = apply(one(**members))

    assert (status, f"({setting} is not set)" in said[1]) == (1, True)
    # What the rows were before is neither told nor touched.
    assert apply(exported(), "--prune") == NOTHING
    assert (RemoteMailbox.objects.count(), Vacation.objects.count()) == (2, 1)


def test_null_says_what_a_server_without_away_messages_has(
    example_org, add_mailbox, apply, settings
):
    settings.AWAY_MESSAGES = False
    add_mailbox("ann@example.org")

    assert apply(of_ann(away_message=None)) == NOTHING


def test_a_right_that_a_share_says_is_not_said_twice(everything, apply):
    both = [{"mailbox": "bob@other.net", "sender": "ann@example.org"}]

    status, said = apply({"mailadmin": 1, "domains": [{"domain": "other.net", "send_as": both}]})

    assert (status, said[1]) == (
        1,
        "sending as ann@example.org by bob@other.net: This mailbox is shared with it:"
        " “send_as” of the share says it.",
    )


def test_what_stands_in_another_domain_than_its_own_is_refused(everything, apply):
    wrong = {
        "shares": [{"mailbox": "bob@other.net", "person": "ann@example.org"}],
        "send_as": [{"mailbox": "bob@other.net", "sender": "ann@example.org"}],
        "copies": [{"address": "bob@other.net", "direction": "to", "copy_to": "a@b.example"}],
        "fetches": [{"mailbox": "bob@other.net", "server": "a.example", "login": "a"}],
    }

    status, said = apply(one(**wrong))

    assert status == 1
    assert [line.partition(": ")[2] for line in said[1:-1]] == [
        "It is no address of the domain that it stands in."
    ] * 4


def test_what_a_row_of_another_domain_takes_with_it_is_there_in_the_end(everything, apply):
    """A mailbox becomes an alias, after the turn of the domain whose mailbox may send as it."""
    bob = {"address": "bob@other.net", "targets": ["ann@elsewhere.example"]}
    right = {"mailbox": "eve@example.org", "sender": "bob@other.net"}
    assert apply(one(send_as=[right]))[0] == 0
    domains = [
        {"domain": "example.org", "send_as": [right]},
        {"domain": "other.net", "mailboxes": [], "aliases": [bob]},
    ]

    assert apply({"mailadmin": 1, "domains": domains}, "--prune")[0] == 0

    assert SendAs.objects.filter(username="eve@example.org", sender="bob@other.net").exists()
    assert apply({"mailadmin": 1, "domains": domains}, "--prune") == NOTHING


def test_domains_that_lack_something_of_each_other_are_saved_without_those_that_are_wrong(
    db, apply
):
    def domain(name, other, **more):
        rows = [{"address": f"ann@{name}", "password": "tangerine-7-bicycle"} | more]
        right = [{"mailbox": f"ann@{name}", "sender": f"ann@{other}"}]
        return {"domain": name, "mailboxes": rows, "send_as": right}

    domains = [
        domain("a.example", "b.example"),
        domain("b.example", "a.example"),
        domain("c.example", "a.example", colour="red"),
        domain("d.example", "c.example"),
    ]

    status, said = apply({"mailadmin": 1, "domains": domains})

    assert (status, said[-4:]) == (
        1,
        [
            "mailbox ann@c.example: colour: Extra inputs are not permitted",
            "sending as ann@a.example by ann@c.example: ann@c.example is no mailbox that you manage.",
            "sending as ann@c.example by ann@d.example: There is no mailbox or alias ann@c.example.",
            "Of these domains nothing was saved.",
        ],
    )
    assert set(Domain.objects.values_list("pk", flat=True)) == {"a.example", "b.example"}
    assert SendAs.objects.count() == 2


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ({"shares": [{"mailbox": "a@example.org"}]}, "“person” is missing"),
        ({"copies": [{"address": "a@example.org", "copy_to": "b@c.example"}]}, "“direction”"),
        ({"fetches": [{"mailbox": "a@example.org", "server": "a.example"}]}, "“login” is missing"),
        ({"fetches": [{"mailbox": "a@example.org", "server": "", "login": "a"}]}, "“server”"),
        (
            {
                "send_as": [
                    {"mailbox": "a@example.org", "sender": "b.example"},
                    {"mailbox": "A@Example.org", "sender": "@b.example"},
                ]
            },
            "@b.example by a@example.org is there twice",
        ),
        (
            {
                "aliases": [
                    {"address": "@example.org", "targets": ["a@b.example"]},
                    {"address": "*@example.org", "targets": ["a@b.example"]},
                ]
            },
            "@example.org is there twice",
        ),
    ],
)
def test_rows_without_a_name_or_with_one_twice_are_refused(lists, said, example_org, apply):
    status, lines = apply(one(**lists))

    assert (status, said in lines[0]) == (1, True)


def test_postfixadmins_twins_of_a_fetched_mailbox_are_one(everything, apply, exported):
    twin = RemoteMailbox.objects.order_by("pk").first()
    twin.pk = None
    twin.save(force_insert=True)
    state = exported()

    [domain] = [one for one in state["domains"] if one["domain"] == "example.org"]
    assert len(domain["fetches"]) == 2
    assert apply(state, "--prune") == NOTHING
    assert RemoteMailbox.objects.count() == 3


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_days_are_read_as_they_are_written(format, everything, run, apply):
    assert "2036-12-31" in (text := run("export", "--format", format))
    assert apply(text) == NOTHING

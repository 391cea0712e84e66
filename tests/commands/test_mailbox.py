import json
import re

import pytest
from django.conf import settings
from django.core.management.base import CommandError

from accounts.passwords import hash_password
from aliases.models import Alias
from domains.copy_services import add_copy
from domains.services import create_alias_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox, QuotaUsage

MB = settings.QUOTA_MULTIPLIER


def test_list_is_tab_separated_in_a_pipe_and_ordered_by_domain(
    run, example_org, other_net, add_mailbox
):
    add_mailbox("zoe@example.org", name="Zoë\tO'Hara", quota=5 * MB)
    add_mailbox("ann@other.net")
    add_mailbox("bob@example.org", active=False)

    assert run("mailbox", "list") == (
        "bob@example.org\t\t0\t0\toff\n"
        f"zoe@example.org\tZoë O'Hara\t{5 * MB}\t0\ton\n"
        "ann@other.net\t\t0\t0\ton\n"
    )


def test_list_filters(run, example_org, other_net, add_mailbox):
    for address in ["ann@example.org", "anna@other.net", "bob@example.org"]:
        add_mailbox(address)
    add_mailbox("abe@example.org", active=False)

    def addresses(*options):
        lines = run("mailbox", "list", *options, "--json").splitlines()
        return [json.loads(line)["address"] for line in lines]

    assert addresses("--search", "AN") == ["ann@example.org", "anna@other.net"]
    assert addresses("--domain", "example.org", "--search", "a") == [
        "abe@example.org",
        "ann@example.org",
    ]
    assert addresses("--off") == ["abe@example.org"]
    assert addresses("--on", "--domain", "other.net") == ["anna@other.net"]
    assert addresses("--search", "nobody") == []


def test_the_list_is_searched_by_words_as_the_pages_are(
    run, example_org, other_net, add_mailbox, monkeypatch
):
    monkeypatch.setattr("domains.words.TOGETHER", 2)
    for number in range(5):
        box = add_mailbox(f"m{number}@example.org", name=f"Anna Castellanos-{number}", quota=MB)
        QuotaUsage.objects.create(username=box, bytes=MB * (81 + number) // 100)
    add_mailbox("a.castellanos@other.net", name="Alma")
    add_mailbox("m.extra@example.org", name="Anna", active=False)

    def addresses(*options):
        return [line.split("\t")[0] for line in run("mailbox", "list", *options).splitlines()]

    five = [f"m{number}@example.org" for number in range(5)]
    assert addresses("--search", "castel") == [
        "a.castellanos@other.net",
        *five,
    ]
    assert addresses("--search", "anna CAST") == five
    assert addresses("--search", "castellanos", "--domain", "example.org") == five
    assert addresses("--search", "astellanos") == []
    assert addresses("--search", "m.extra@ex") == ["m.extra@example.org"]
    assert addresses("--search", "anna", "--off") == ["m.extra@example.org"]
    assert addresses("--search", "anna", "--full", "--sort", "storage") == five[::-1]
    assert addresses("--search", "!") == []


def test_list_of_an_unknown_domain_is_an_error_not_an_empty_list(run, db):
    with pytest.raises(CommandError, match=r"There is no domain example\.org"):
        run("mailbox", "list", "--domain", "example.org")


def test_list_is_a_table_at_a_terminal(run, add_domain, add_mailbox):
    add_domain("müller.example")
    joe = add_mailbox("joe@xn--mller-kva.example", name="[red]Joe[/]", quota=2048 * MB)
    QuotaUsage.objects.create(username=joe, bytes=1990 * MB)
    add_mailbox("zoe@xn--mller-kva.example", active=False, quota=0)
    add_mailbox("kim@xn--mller-kva.example", smtp_active=False, quota=5 * MB)

    lines = run("mailbox", "list", typed=[]).splitlines()

    assert lines[0].split() == ["Address", "Name", "Storage", "Full", "State"]
    assert [" ".join(line.split()) for line in lines[2:]] == [
        "joe@müller.example [red]Joe[/] 1.9 of 2 GB 97 %",
        "kim@müller.example 0 of 5 MB 0 % cannot send",
        "zoe@müller.example off",
        "3 mailboxes, 1 off",
    ]


def test_a_narrow_terminal_gets_fewer_columns_and_whole_addresses(run, example_org, add_alias):
    address = f"{'a' * 60}@example.org"
    add_alias(address, "joe@elsewhere.example", description="Where everybody may write to")

    heading, _line, row, foot = run("alias", "list", typed=[], columns=60).splitlines()

    assert heading.split() == ["Address", "Recipie…", "State"]
    assert row.split() == [address, "joe@els…"]
    assert foot == "1 alias"


def test_the_fullest_come_first(run, example_org, other_net, add_mailbox):
    for name, used in (("a", 85), ("b", 99), ("c", 79), ("d", 90)):
        mailbox = add_mailbox(f"{name}@example.org", quota=100 * MB, active=name != "d")
        QuotaUsage.objects.create(username=mailbox, bytes=used * MB)
    full = add_mailbox("e@other.net", quota=100 * MB)
    QuotaUsage.objects.create(username=full, bytes=100 * MB)

    def names(*options):
        return [line[0] for line in run("mailbox", "list", "--full", *options).splitlines()]

    assert names("--sort", "storage") == ["e", "b", "d", "a"]
    assert names() == ["a", "b", "d", "e"]
    assert names("--sort", "storage", "--off") == ["d"]
    assert names("--sort", "storage", "--on", "--domain", "example.org") == ["b", "a"]
    assert names("--search", "b") == ["b"]
    with pytest.raises(CommandError, match=r"^--sort storage goes with --full"):
        run("mailbox", "list", "--sort", "storage")


def test_show_says_what_the_mailbox_holds_and_what_leads_there(
    run, example_org, add_mailbox, add_alias
):
    joe = add_mailbox("joe@example.org", quota=5 * MB)
    QuotaUsage.objects.create(username=joe, bytes=2 * MB, messages=7)
    add_alias("info@example.org", "joe@example.org")
    run("mailbox", "edit", "joe@example.org", "--forward", "me@home.example")

    record = json.loads(run("mailbox", "show", "joe@example.org", "--json"))

    assert (record["used_bytes"], record["messages"]) == (2 * MB, 7)
    assert record["aliases"] == ["info@example.org"]
    assert (record["forwards_to"], record["keeps_copy"]) == (["me@home.example"], True)
    assert "password" not in record
    assert "$6$" not in run("mailbox", "show", "joe@example.org")


def test_show_says_whether_mail_is_forwarded(run, example_org, add_mailbox):
    mailbox = add_mailbox("joe@example.org")

    def said():
        lines = run("mailbox", "show", "joe@example.org").splitlines()
        record = json.loads(run("mailbox", "show", "joe@example.org", "--json"))
        return [line.split() for line in lines if line.startswith("Forward")], record["forwards"]

    assert said() == ([], None)
    set_forwarding(actor=None, mailbox=mailbox, targets="me@home.example", keep_copy=True)
    to = ["Forwards", "to:", "me@home.example"]
    assert said() == ([to, ["Forwarding:", "on"]], True)
    Alias.objects.filter(pk=mailbox.pk).update(active=False)
    assert said() == ([to, ["Forwarding:", "off"]], False)


def test_show_of_a_missing_mailbox_is_an_error(run, example_org):
    with pytest.raises(
        CommandError, match=r"^There is no mailbox joe@example\.org\. Is the address right\?$"
    ):
        run("mailbox", "show", "joe@example.org")


def test_edit_changes_only_what_is_named(run, example_org, add_mailbox):
    add_mailbox("joe@example.org", name="Joe", quota=5 * MB)

    run("mailbox", "edit", "joe@example.org", "--quota", "7", "--no-may-send")
    run("mailbox", "off", "joe@example.org")

    joe = Mailbox.objects.get()
    assert (joe.name, joe.quota, joe.active, joe.smtp_active) == ("Joe", 7 * MB, False, False)
    assert Alias.objects.get().active is False


@pytest.mark.parametrize("word", ["mailbox", "domain"])
def test_a_number_of_recipients_an_hour_is_set_and_taken_back(word, run, example_org, add_mailbox):
    name = add_mailbox("joe@example.org").pk if word == "mailbox" else "example.org"

    run(word, "edit", name, "--sending-limit", "500")
    said = run(word, "show", name)
    run(word, "edit", name, "--sending-limit", "usual")

    assert re.search(r"Recipients an hour: +500\n", said)
    assert '"sending_limit": null' in run(word, "show", name, "--json")
    with pytest.raises(CommandError, match="'0' is neither a number of 1 or more nor “usual”"):
        run(word, "edit", name, "--sending-limit", "0")


def test_edit_without_a_change_is_an_error(run, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    with pytest.raises(CommandError, match=r"^Nothing to change\."):
        run("mailbox", "edit", "joe@example.org")


def test_a_refused_forwarding_leaves_the_other_changes_undone(run, example_org, add_mailbox):
    add_mailbox("joe@example.org", name="Joe")

    with pytest.raises(CommandError, match=r"^Forward to: “nowhere” is not an e-mail address"):
        run("mailbox", "edit", "joe@example.org", "--name", "Jo", "--forward", "nowhere")

    assert Mailbox.objects.get().name == "Joe"


def test_forwarding_can_drop_the_copy_and_end(run, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    run("mailbox", "edit", "joe@example.org", "--forward", "a@b.example", "--no-keep-copy")
    assert Alias.objects.get().goto == "a@b.example"

    run("mailbox", "edit", "joe@example.org", "--forward")
    assert Alias.objects.get().goto == "joe@example.org"


def test_forward_and_keep_copy_leave_each_other_as_they_are_stored(run, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    def edit(*options):
        run("mailbox", "edit", "joe@example.org", *options)
        return Alias.objects.get().goto

    assert edit("--forward", "a@b.example") == "joe@example.org,a@b.example"
    assert edit("--no-keep-copy") == "a@b.example"
    assert edit("--forward", "c@b.example", "d@b.example") == "c@b.example,d@b.example"
    assert edit("--keep-copy") == "joe@example.org,c@b.example,d@b.example"
    assert edit("--forward", "e@b.example") == "joe@example.org,e@b.example"


def test_password_sets_a_new_one(run, example_org, add_mailbox, password):
    add_mailbox("joe@example.org")

    run("mailbox", "password", "joe@example.org", stdin="violet-harbour-99\n")

    joe = Mailbox.objects.get()
    assert joe.check_password("violet-harbour-99") is True
    assert joe.check_password(password) is False


@pytest.mark.parametrize("verb", ["add", "password"])
def test_a_hash_is_stored_as_it_is(run, example_org, add_mailbox, verb):
    hashed = hash_password("violet-harbour-99")
    if verb == "password":
        add_mailbox("joe@example.org")

    run("mailbox", verb, "joe@example.org", "--hash", stdin=f"{hashed}\n")

    assert Mailbox.objects.get().password == hashed
    run("mailbox", "password", "joe@example.org", "--hash", typed=[hashed, hashed])
    assert run.asked == ["Hash: ", "Repeat hash: "]


def test_a_hash_cannot_be_generated(run, example_org):
    with pytest.raises(CommandError, match="not allowed with"):
        run("mailbox", "add", "joe@example.org", "--hash", "--generate")


@pytest.mark.parametrize(
    "text", ["violet-harbour-99", "{PLAIN}violet-harbour-99", "{SHA512-CRYPT}$6$x"]
)
def test_what_is_no_hash_is_not_taken_for_one(run, example_org, text):
    with pytest.raises(CommandError, match=r"^Password: This is not a hash"):
        run("mailbox", "add", "joe@example.org", "--hash", stdin=f"{text}\n")

    assert Mailbox.objects.count() == 0


def test_a_hash_without_the_option_is_not_taken_for_a_password(run, example_org):
    with pytest.raises(CommandError, match=r"^Password: This looks like a stored hash"):
        run("mailbox", "add", "joe@example.org", stdin=hash_password("violet-harbour-99"))

    assert Mailbox.objects.count() == 0


def test_password_of_a_missing_mailbox_asks_for_none(run, example_org):
    with pytest.raises(CommandError, match=r"^There is no mailbox"):
        run("mailbox", "password", "joe@example.org", typed=["x", "x"])

    assert run.asked == []


def test_delete_says_what_else_is_affected_and_wants_the_name(
    run, example_org, add_mailbox, add_alias
):
    joe = add_mailbox("joe@example.org")
    QuotaUsage.objects.create(username=joe, bytes=2 * MB, messages=7)
    add_alias("info@example.org", "joe@example.org")
    add_copy(actor=None, domain=example_org, direction="from", goto="joe@example.org")

    run("mailbox", "delete", "joe@example.org", typed=["joe@example.org"])

    assert run.asked == ["Type joe@example.org to delete it: "]
    assert run.screen.splitlines() == [
        "joe@example.org holds 2 MB (messages: 7), which stay on disk.",
        "Copies end: mail from example.org to joe@example.org.",
        "Aliases and forwardings that lead to joe@example.org (1): info@example.org.",
        "They will lead to an address that does not exist; --drop-recipients removes it from them.",
        "Deleted mailbox joe@example.org.",
    ]
    assert Mailbox.objects.count() == 0
    assert Alias.objects.get().goto == "joe@example.org"


@pytest.mark.parametrize("answer", ["", "y", "yes", "ann@example.org"])
def test_a_wrong_confirmation_deletes_nothing(run, example_org, add_mailbox, answer):
    add_mailbox("joe@example.org")

    with pytest.raises(CommandError, match=r"^Not confirmed\. Nothing was deleted\.$"):
        run("mailbox", "delete", "joe@example.org", typed=[answer])

    assert Mailbox.objects.count() == 1


def test_delete_in_a_script_needs_yes(run, example_org, add_mailbox):
    add_mailbox("joe@example.org")

    with pytest.raises(CommandError, match="--yes"):
        run("mailbox", "delete", "joe@example.org", stdin="joe@example.org\n")
    assert Mailbox.objects.count() == 1

    run("mailbox", "delete", "joe@example.org", "--yes")
    assert Mailbox.objects.count() == 0


def test_what_leads_here_through_an_alias_domain_is_named_and_taken_out(
    run, example_org, add_domain, add_mailbox, add_alias
):
    twin = add_domain("twin.example")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "joe@twin.example", "ann@other.net")
    add_alias("only@example.org", "joe+list@twin.example")

    record = json.loads(run("mailbox", "show", "joe@example.org", "--json"))
    assert record["aliases"] == ["info@example.org", "only@example.org"]

    run("mailbox", "delete", "joe@example.org", "--yes", "--drop-recipients", "--emptied", "delete")
    assert list(Alias.objects.values_list("pk", "goto")) == [("info@example.org", "ann@other.net")]


def test_drop_recipients_takes_it_out_of_the_aliases(run, example_org, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "joe@example.org", "ann@other.net")
    add_alias("only@example.org", "joe@example.org")

    run("mailbox", "delete", "joe@example.org", "--yes", "--drop-recipients", "--emptied", "delete")

    assert list(Alias.objects.values_list("pk", "goto")) == [("info@example.org", "ann@other.net")]


def test_show_says_what_happens_to_mail_and_finds_odd_spellings(run, example_org, add_mailbox):
    add_mailbox("gone@example.org")
    Mailbox.objects.filter(pk="gone@example.org").update(active=False)
    Alias.objects.filter(pk="gone@example.org").update(goto="boss@elsewhere.example")
    add_mailbox("caps@example.org")
    Mailbox.objects.filter(pk="caps@example.org").update(username=" caps@example.org")

    gone = json.loads(run("mailbox", "show", "gone@example.org", "--json"))
    caps = json.loads(run("mailbox", "show", " caps@example.org", "--json"))

    assert (gone["mail"], gone["mail_goes_to"]) == ("forwarded", ["boss@elsewhere.example"])
    assert caps["mail"] == "never found: spelled with capitals or blanks"


def test_another_address_takes_the_place_of_a_deleted_one(run, example_org, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "joe@example.org", "ann@other.net")

    run("mailbox", "delete", "joe@example.org", "--yes", "--replace-by", "jo@elsewhere.example")

    assert Alias.objects.get().goto == "jo@elsewhere.example,ann@other.net"


def test_a_quota_of_some_bytes_is_shown_in_bytes(run, example_org, add_mailbox):
    add_mailbox("moved@example.org", quota=2048)

    assert "Quota: 2,048 bytes" in " ".join(run("mailbox", "show", "moved@example.org").split())

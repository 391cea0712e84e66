"""Each shipped map asked by Postfix's own postmap, as the restricted SQL user."""

import pytest
from django.db.models import F

from accounts.services import create_admin
from aliases.destinations import destinations
from aliases.models import Alias
from mailboxes.models import Mailbox
from mailboxes.services import set_mailbox_active
from tests.contract.world import NAMING_BOTH, NAMING_EVE, numbers

MAPS = ["alias", "domains", "mailbox", "relay_domains", "sender_login", "transport"]


ODD = {
    "odd-tab": "ann@example.org,\tbob@example.org",
    "odd-blank": "ann@example.org bob@example.org",
    "odd-quotes": '"bob"@example.org',
    "odd-comment": "bob@example.org(the younger)",
    "odd-name": "Bob <bob@example.org>",
    "odd-command": "|/usr/bin/keep",
    "odd-word": "root",
}


BLANK = {"empty": "", "blank": " ", "comma": ", ,", "tab": "\t,"}


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    world = empty_world
    world.domain("example.org")
    world.mailbox("ann@example.org")
    world.mailbox("bob@example.org")
    world.mailbox("away@example.org")
    world.mailbox("away-copy@example.org")
    world.raw("alias", "away@example.org", goto="away@elsewhere.test")
    world.raw("alias", "away-copy@example.org", goto="away-copy@example.org,away@elsewhere.test")
    world.mailbox("closed@example.org", active=False)
    world.alias("sales@example.org", "ann@example.org", "bob@example.org")
    world.alias("out@example.org", "someone@elsewhere.test")
    world.alias("asleep@example.org", "ann@example.org", active=False)

    world.domain("catch.example")
    world.mailbox("cat@catch.example")
    world.mailbox("dog@catch.example")
    world.mailbox("gone@catch.example", active=False)
    world.alias("@catch.example", "cat@catch.example")

    world.domain("alias.example")
    world.alias_domain("alias.example", "example.org")
    world.domain("catch-alias.example")
    world.alias_domain("catch-alias.example", "catch.example")
    world.alias("dog@catch-alias.example", "ann@example.org")
    world.domain("sleeping-alias.example")
    world.alias_domain("sleeping-alias.example", "example.org", active=False)

    world.domain("off.example")
    world.mailbox("eve@off.example")
    world.alias("all@off.example", "ann@example.org")
    world.domain("off-alias.example")
    world.alias_domain("off-alias.example", "off.example")
    world.alias("leak@example.org", "eve@off.example")
    world.alias("half@example.org", "eve@off.example", "ann@example.org")
    world.mailbox("forward@example.org")
    world.raw("alias", "forward@example.org", goto="eve@off.example")
    world.raw("domain", "off.example", active=False)

    world.mailbox("late@example.org")
    world.alias("late-only@example.org", "late@example.org")
    world.alias("late-too@example.org", "late+list@example.org", "ann@example.org")
    world.alias("late-caught@catch.example", "gone@catch.example")
    world.mailbox("late-forward@example.org")
    world.raw("alias", "late-forward@example.org", goto="late@example.org")
    world.alias("late-copy@example.org", "late@example.org", "someone@elsewhere.test")
    set_mailbox_active(actor=None, mailbox=Mailbox.objects.get(pk="late@example.org"), active=False)
    world.alias("once@example.org", "former@example.org")
    world.alias("once-too@example.org", "former@example.org", "ann+list@example.org")
    world.alias("to-asleep@example.org", "asleep@example.org")
    world.alias("to-alias@example.org", "sales+list@example.org")
    world.alias("to-alias-domain@example.org", "bob@alias.example")

    for address in ("selfish@example.org", "selfish@catch.example", "selfish@alias.example"):
        world.alias(address, "bob@example.org")
        world.raw("alias", address, goto=f"{address},bob@example.org")
    world.mailbox("r&d@example.org", active=False)
    world.alias("lab@example.org", "r&d@example.org")
    world.alias("cash@example.org", "cash$@example.org")
    world.alias("to-off-alias@example.org", "eve@off-alias.example")

    world.alias("to-former@example.org", "former@alias.example")
    world.alias("to-late@example.org", "late@alias.example", "ann@example.org")
    world.alias("to-late-list@example.org", "late+list@alias.example")
    world.alias("to-sales@example.org", "sales@alias.example")
    world.alias("to-caught@example.org", "anyone@catch-alias.example")
    world.alias("to-cut@example.org", "ann@sleeping-alias.example")
    world.domain("old.example")
    world.alias_domain("old.example", "catch.example")
    world.alias("@old.example", "anyone@old.example", "dog@old.example")

    world.domain("caught.example")
    kit = world.mailbox("kit@caught.example")
    world.alias("@caught.example", "kit@caught.example")
    world.alias("also@caught.example", "kit+also@caught.example")
    world.domain("shared.example")
    tom = world.mailbox("tom@shared.example")
    world.alias("@shared.example", "tom@shared.example", "ann@example.org")
    for mailbox in (kit, tom):
        set_mailbox_active(actor=None, mailbox=mailbox, active=False)
    world.domain("quiet.example")
    world.alias("@quiet.example", "ann@example.org", active=False)
    world.alias("to-quiet@example.org", "x@quiet.example")
    world.domain("whole.example")
    world.alias("@whole.example", "@example.org")
    world.mailbox("own@whole.example")
    world.domain("whole-caught.example")
    world.alias("@whole-caught.example", "@catch.example", "ann@example.org")
    world.domain("whole-off.example")
    world.alias("@whole-off.example", "@quiet.example")
    world.domain("whole-alias.example")
    world.alias_domain("whole-alias.example", "whole.example")
    world.alias("to-whole@example.org", "bob@whole.example", "former@whole.example")

    world.alias("third@example.org", "second@example.org")
    world.alias("second@example.org", "first@example.org", "late@alias.example")
    world.alias("first@example.org", "late@example.org")
    world.alias("third-too@example.org", "second@example.org", "sales@example.org")
    world.alias("third-caught@example.org", "anyone@caught.example", "second+list@example.org")
    world.alias("third-forward@example.org", "late-forward@example.org")
    world.alias("info@example.org", "ann@example.org")
    world.alias("info@alias.example", "second@example.org")
    for name in ("round", "about", "round-out"):
        world.alias(f"{name}@example.org", "ann@example.org")
    world.domain("s.example")
    world.alias_domain("s.example", "whole-caught.example")
    world.alias("too-long@example.org", "ann@example.org")
    world.raw("alias", "too-long@example.org", goto=f"{'a' * 243}+x@s.example")
    world.raw("alias", "round@example.org", goto="about@example.org")
    world.raw("alias", "about@example.org", goto="round@example.org")
    world.raw("alias", "round-out@example.org", goto="round@example.org,bob@example.org")

    # As other programs may have written them.
    for name, goto in ODD.items():
        world.alias(f"{name}@example.org", "ann@example.org")
        world.raw("alias", f"{name}@example.org", goto=goto)

    world.alias("odd-inactive@example.org", "ann@example.org")

    for name, goto in BLANK.items():
        world.mailbox(f"{name}@catch.example")
        world.raw("alias", f"{name}@catch.example", goto=goto)
        world.alias(f"{name}@example.org", "ann@example.org")
        world.raw("alias", f"{name}@example.org", goto=goto)
    world.domain("tab.example")
    world.alias("@tab.example", "ann@example.org")
    world.raw("alias", "@tab.example", goto="ann@example.org,\t@catch.example")
    world.alias("dog@example.org", "ann@example.org")
    world.raw("alias", "dog@example.org", goto="ann@example.org,@catch.example")
    world.domain("many.example")
    world.alias("@many.example", *(f"@t{number}.elsewhere.test" for number in range(400)))
    world.domain("outside.example")
    world.alias("@outside.example", "@outside.elsewhere.test")

    world.domain("backup.example", backupmx=True)
    world.domain("smart.example", transport="smtp:[192.0.2.7]:2525")
    world.alias("handed-on@example.org", "x@backup.example", "y@smart.example")
    return world


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org", "example.org"),
        ("alias.example", "alias.example"),
        ("off.example", None),
        ("backup.example", None),
        ("elsewhere.test", None),
        ("all", None),
    ],
)
def test_domains_answers_what_is_delivered_here(postfix, key, answer):
    assert postfix.lookup("domains", key) == answer


def test_the_row_all_of_postfixadmin_is_no_domain(postfix, mail_server):
    mail_server.execute(
        "INSERT INTO domain (domain, description, transport) VALUES ('ALL', '', '')"
    )

    assert postfix.lookup("domains", "ALL") is None


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("ann@example.org", "ann@example.org"),
        ("ANN@example.ORG", "ann@example.org"),
        ("sales@example.org", "ann@example.org,bob@example.org"),
        ("out@example.org", "someone@elsewhere.test"),
        ("away@example.org", "away@elsewhere.test"),
        ("away-copy@example.org", "away-copy@example.org,away@elsewhere.test"),
        ("nobody@example.org", None),
        ("someone@elsewhere.test", None),
        ("example.org", None),
        ("ann", None),
    ],
)
def test_alias_answers_aliases_and_mailboxes(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


# postmap does what the daemons do: the whole key, then without the extension, then @domain.
@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("@catch.example", "cat@catch.example"),
        ("dog@catch.example", "dog@catch.example"),
        ("@example.org", None),
        ("@catch-alias.example", "cat@catch.example"),
        ("@elsewhere.test", None),
    ],
)
def test_a_mailbox_comes_before_the_catch_all(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


def test_a_mailbox_without_a_row_of_its_own_comes_before_the_catch_all(postfix, world):
    from aliases.models import Alias

    Alias.objects.filter(pk="dog@catch.example")._raw_delete("default")
    try:
        assert postfix.lookup("alias", "dog@catch.example") == "dog@catch.example"
    finally:
        Alias.objects.create(
            address="dog@catch.example", goto="dog@catch.example", domain_id="catch.example"
        )


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("ann@alias.example", "ann@example.org"),
        ("sales@alias.example", "ann@example.org,bob@example.org"),
        ("away@alias.example", "away@elsewhere.test"),
        ("nobody@alias.example", None),
        ("dog@catch-alias.example", "ann@example.org"),
        ("cat@catch-alias.example", "cat@catch.example"),
        ("ann@sleeping-alias.example", None),
        ("half@alias.example", "ann@example.org"),
        ("leak@alias.example", None),
        ("asleep@alias.example", None),
    ],
)
def test_an_alias_domain_leads_to_the_same_name_in_its_target(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


# postmap asks the key as it is; that the daemons strip the extension is in test_delivery.
@pytest.mark.parametrize("key", ["ann+list@example.org", "cat+list@catch-alias.example"])
def test_a_plus_address_is_left_to_postfix_to_strip(postfix, key):
    assert postfix.lookup("alias", key) is None


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("closed@example.org", None),
        ("asleep@example.org", None),
        ("gone@catch.example", None),
        ("closed@alias.example", None),
        ("eve@off.example", None),
        ("all@off.example", None),
        ("eve@off-alias.example", None),
        ("all@off-alias.example", None),
        ("leak@example.org", None),
        ("half@example.org", "ann@example.org"),
        # Its forwarding is stopped, its own mail is not lost.
        ("forward@example.org", "forward@example.org"),
    ],
)
def test_what_is_inactive_stops_every_route(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


# What is accepted and cannot be delivered is bounced, to whoever the sender is said to be.
@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("late-only@example.org", None),
        ("late-only@alias.example", None),
        ("late-too@example.org", "ann@example.org"),
        ("late-too@alias.example", "ann@example.org"),
        ("late-copy@example.org", "someone@elsewhere.test"),
        ("late-forward@example.org", "late-forward@example.org"),
        ("late-caught@catch.example", "gone@catch.example"),
        ("once@example.org", None),
        ("once-too@example.org", "ann+list@example.org"),
        ("to-asleep@example.org", None),
        ("to-alias@example.org", "sales+list@example.org"),
        ("to-alias-domain@example.org", "bob@alias.example"),
        ("to-former@example.org", None),
        ("to-late@example.org", "ann@example.org"),
        ("to-late-list@example.org", None),
        ("to-sales@example.org", "sales@alias.example"),
        ("to-caught@example.org", "anyone@catch-alias.example"),
        ("to-cut@example.org", None),
        ("@old.example", "dog@old.example"),
        ("handed-on@example.org", "x@backup.example,y@smart.example"),
        ("selfish@example.org", "bob@example.org"),
        ("selfish@catch.example", "bob@example.org"),
        ("selfish@alias.example", "bob@example.org"),
        ("lab@example.org", None),
        ("cash@example.org", None),
        ("to-off-alias@example.org", None),
        ("to-quiet@example.org", None),
        # The catch-all itself leads nowhere else, so it does not speak for its target.
        ("@caught.example", None),
        ("also@caught.example", None),
        ("@shared.example", "ann@example.org"),
        # However many aliases lie between.
        ("first@example.org", None),
        ("second@example.org", None),
        ("third@example.org", None),
        ("third@alias.example", None),
        ("third-too@example.org", "sales@example.org"),
        ("third-caught@example.org", None),
        ("third-forward@example.org", "late-forward@example.org"),
        ("to-whole@example.org", "bob@whole.example"),
        # An alias of the alias domain that leads to nobody does not hide its target's.
        ("info@alias.example", "ann@example.org"),
        # A loop that another program stored leads to nobody.
        ("round@example.org", None),
        ("about@example.org", None),
        ("round-out@example.org", "bob@example.org"),
        # An address of 255 characters, one longer at the alias domain's target.
        ("too-long@example.org", f"{'a' * 243}+x@s.example"),
    ],
)
def test_an_alias_leads_only_to_those_who_would_take_the_mail(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


# The catch-all has no answer of its own, or what it passes on could not be told from what nobody has.
@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("@whole.example", None),
        ("ann@whole.example", "ann@example.org"),
        ("sales@whole.example", "sales@example.org"),
        ("own@whole.example", "own@whole.example"),
        ("own+sales@whole.example", None),
        ("late@whole.example", None),
        ("former@whole.example", None),
        ("first@whole.example", None),
        ("ann+list@whole.example", "ann+list@example.org"),
        ("ann@whole-alias.example", "ann@example.org"),
        ("own@whole-alias.example", "own@whole.example"),
        ("former@whole-alias.example", None),
        ("anyone@whole-off.example", None),
    ],
)
def test_a_catch_all_to_a_whole_domain_is_answered_for_each_name(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


def test_beside_a_whole_domain_others_get_their_copy(postfix):
    answer = postfix.lookup("alias", "anyone@whole-caught.example")

    assert sorted(answer.split(",")) == ["ann@example.org", "anyone@catch.example"]


def test_a_line_without_targets_is_no_line(postfix):
    for name in BLANK:
        assert postfix.lookup("alias", f"{name}@catch.example") == f"{name}@catch.example"
        assert postfix.lookup("alias", f"{name}@example.org") is None


def test_a_whole_domain_is_one_wherever_it_stands_and_however_it_is_written(postfix):
    assert postfix.lookup("alias", "@tab.example") is None
    found = {"dog@catch.example", "ann@example.org"}
    for key in ("dog@tab.example", "dog@example.org"):
        assert set(postfix.lookup("alias", key).split(",")) == found


def test_a_name_is_never_cut_to_another_address(postfix):
    assert postfix.lookup("alias", f"{'a' * 64}@outside.example") == (
        f"{'a' * 64}@outside.elsewhere.test"
    )
    for length in (65, 236, 240):
        assert postfix.lookup("alias", f"{'a' * length}@outside.example") is None


def test_long_names_and_many_whole_domains_are_no_error_together(postfix):
    for length in (1, 64, 200):
        answer = postfix.lookup("alias", f"{'a' * length}@many.example")
        assert len((answer or "").split(",")) == (1 if length > 64 else 400)


def test_a_chain_longer_than_the_database_walks_is_answered_as_it_is_written(
    postfix, mail_server, world
):
    mail_server.execute(
        "INSERT INTO alias (address, goto, domain) SELECT CONCAT('c', seq, '@example.org'),"
        f" CONCAT('c', seq + 1, '@example.org'), 'example.org' FROM {numbers(1100)}"
    )
    try:
        assert postfix.lookup("alias", "c1@example.org") == "c2@example.org"
        assert postfix.lookup("alias", "c1100@example.org") is None
    finally:
        mail_server.execute("DELETE FROM alias WHERE address REGEXP '^c[0-9]+@example.org$'")


def test_a_mailbox_whose_name_has_an_extension_is_passed_over_for_dovecot_cannot_find_it(
    postfix, mail_server, world
):
    mail_server.execute(
        "INSERT INTO mailbox (username, password, name, maildir, local_part, domain)"
        " VALUES ('odd+tag@example.org', '', '', 'example.org/odd+tag/', 'odd+tag', 'example.org')"
    )
    try:
        for name in ("alias", "mailbox"):
            assert postfix.lookup(name, "odd+tag@example.org") is None
        assert postfix.lookup("alias", "odd+tag@alias.example") is None
    finally:
        mail_server.execute("DELETE FROM mailbox WHERE username = 'odd+tag@example.org'")


@pytest.mark.parametrize("name", ODD)
def test_what_is_written_in_an_unusual_way_is_left_to_postfix(postfix, name):
    assert postfix.lookup("alias", f"{name}@example.org") == ODD[name]


@pytest.mark.parametrize("target", NAMING_EVE)
def test_a_target_in_an_inactive_domain_is_left_out_however_it_is_written(postfix, world, target):
    world.raw("alias", "odd-inactive@example.org", goto=f"ann@example.org,{target}")

    assert postfix.lookup("alias", "odd-inactive@example.org") == "ann@example.org"


@pytest.mark.parametrize("goto", NAMING_BOTH)
def test_what_stands_beside_a_target_in_an_inactive_domain_is_answered(postfix, world, goto):
    world.raw("alias", "odd-inactive@example.org", goto=goto)

    assert postfix.lookup("alias", "odd-inactive@example.org") == "ann@example.org"


@pytest.mark.parametrize("target", NAMING_EVE)
def test_in_an_active_domain_postfix_reads_it_itself(postfix, world, target):
    target = target.replace("off.example", "example.org")
    world.raw("alias", "odd-inactive@example.org", goto=f"ann@example.org,{target}")

    assert postfix.lookup("alias", "odd-inactive@example.org") == f"ann@example.org,{target}"


def test_unusual_targets_stay_when_another_is_left_out(postfix, world):
    world.alias("odd-and-gone@example.org", "ann@example.org")
    world.raw(
        "alias",
        "odd-and-gone@example.org",
        goto='"bob"@example.org,\tann@example.org,former@example.org',
    )

    answer = postfix.lookup("alias", "odd-and-gone@example.org")

    assert sorted(answer.split(",")) == ['"bob"@example.org', "ann@example.org"]


def test_what_is_left_out_can_be_listed_before(mail_server, postfix, world):
    text = (mail_server.files.path / "mariadb" / "left-out.sql").read_text()
    query = "".join(line for line in text.splitlines(True) if not line.startswith("--"))
    listed = {}
    for alias, target in mail_server.execute(query.rstrip().rstrip(";")):
        listed.setdefault(alias, set()).add(target)

    aliases = Alias.objects.filter(active=True, domain__active=True).exclude(goto=F("address"))
    left_out = {}
    for alias in aliases.exclude(address__startswith="odd"):
        if any(target.startswith("@") for target in alias.targets):
            continue  # told for each name
        answered = set((postfix.lookup("alias", alias.pk) or "").split(","))
        left_out[alias.pk] = {target.lower() for target in alias.targets} - answered
    assert {a: gone for a, gone in listed.items() if not a.startswith(("odd", "all@off"))} == {
        alias: gone for alias, gone in left_out.items() if gone
    }


def test_the_pages_say_of_every_alias_what_the_map_answers(postfix, world):
    reader = create_admin(
        actor=None, username="reader@panel.example", password="tangerine-7-bicycle", superadmin=True
    )
    aliases = Alias.objects.filter(active=True, domain__active=True).exclude(goto=F("address"))
    said, answered = {}, {}
    for alias in aliases.exclude(address__startswith="odd"):
        if any(target.startswith("@") for target in alias.targets):
            continue  # told for each name
        found = destinations(reader, alias.pk, alias.targets)
        heard = {target.address for target in found if not target.unheard}
        # A mailbox whose forwarding leads nowhere keeps its mail; what an alias domain's target
        # answers instead is not the alias's.
        said[alias.pk] = heard or ({alias.pk} if alias.of_mailbox else set())
        answer = postfix.lookup("alias", alias.pk)
        targets = {target.lower() for target in [*alias.targets, alias.pk]}
        answered[alias.pk] = set(answer.split(",")) & targets if answer else set()

    assert said == answered
    assert len(said) > 20


def test_an_alias_leads_on_again_once_its_target_is_there(postfix, world):
    world.alias("soon@example.org", "newcomer@example.org")
    assert postfix.lookup("alias", "soon@example.org") is None

    world.mailbox("newcomer@example.org")
    assert postfix.lookup("alias", "soon@example.org") == "newcomer@example.org"


def test_an_inactive_mailbox_whose_own_row_is_still_active_is_unknown(postfix, world):
    world.raw("alias", "closed@example.org", active=True)

    assert postfix.lookup("alias", "closed@example.org") is None
    assert postfix.lookup("mailbox", "closed@example.org") is None


def test_a_long_list_of_targets_is_answered_whole(postfix, world):
    targets = [f"someone-with-a-long-name-{n}@elsewhere.test" for n in range(900)]
    world.alias("list@example.org", *targets)
    world.alias("list-half@example.org", *targets, "eve@off.example")

    assert postfix.lookup("alias", "list@example.org").split(",") == targets
    assert sorted(postfix.lookup("alias", "list-half@example.org").split(",")) == sorted(targets)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("ann@example.org", True),
        ("closed@example.org", False),
        ("sales@example.org", False),
        ("ann@alias.example", False),
        ("@example.org", False),
        ("example.org", False),
    ],
)
def test_mailbox_knows_who_exists(postfix, key, found):
    assert postfix.lookup("mailbox", key) == ("example.org/ann/" if found else None)


@pytest.mark.parametrize(
    ("key", "owners"),
    [
        ("ann@example.org", "ann@example.org"),
        ("sales@example.org", "ann@example.org,bob@example.org"),
        ("ann@alias.example", "ann@example.org"),
        ("sales@alias.example", "ann@example.org,bob@example.org"),
        # Who gets a copy of somebody's mail may not send as them.
        ("away@example.org", "away@example.org"),
        ("away@alias.example", "away@example.org"),
        ("closed@example.org", None),
        ("closed@alias.example", None),
        ("asleep@example.org", None),
        # Who receives a catch-all may not send as every name in it.
        ("anything@catch.example", None),
        ("@catch.example", None),
        # The alias domain has a row of its own for this name.
        ("dog@catch-alias.example", "ann@example.org"),
        ("all@off.example", None),
        ("eve@off-alias.example", None),
        ("ann@elsewhere.test", None),
    ],
)
def test_sender_login_names_those_who_receive_an_address(postfix, key, owners):
    assert postfix.lookup("sender_login", key) == owners


@pytest.mark.parametrize(
    ("key", "answer"),
    [("backup.example", "backup.example"), ("example.org", None), ("elsewhere.test", None)],
)
def test_relay_domains_are_those_we_are_a_backup_for(postfix, key, answer):
    assert postfix.lookup("relay_domains", key) == answer


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("x@smart.example", "smtp:[192.0.2.7]:2525"),
        ("smart.example", None),
        ("ann@example.org", None),
        ("x@off.example", None),
    ],
)
def test_transport_names_what_is_handed_on(postfix, key, answer):
    assert postfix.lookup("transport", key) == answer


HOSTILE = [
    "поль@example.org",
    "ünn@example.org",
    "ann@exämple.org",
    "😀@example.org",
    "ann@example.org\u0301",
    "o'brien@example.org",
    "' OR '1'='1@example.org",
    "ann@example.org' OR 'a'='a",
    "ann\\@example.org",
    "\\'; DROP TABLE alias; -- @example.org",
    '"ann b"@example.org',
    "ann@x@alias.example",
    "%s@example.org",
    "%u%d%%@example.org",
    *(
        "a" * length + f"@{domain}"
        for length in (239, 5000)
        for domain in ("example.org", "alias.example", "whole.example", "whole-alias.example")
    ),
    "o'brien@whole.example",
    "ann\\@whole-alias.example",
    "ünn@whole.example",
    "+@whole.example",
    "+list@whole-alias.example",
    "++@whole.example",
    "@",
    "@@example.org",
    "ann@",
    "/*@example.org",
    b"\xff\xfe@example.org".decode(errors="surrogateescape"),
    b"ann@\xffexample.org".decode(errors="surrogateescape"),
]


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("utf8", ["yes", "no"])
def test_odd_keys_are_not_found_and_never_an_error(postfix, name, utf8):
    postfix.set(smtputf8_enable=utf8)
    try:
        assert [postfix.lookup(name, key) for key in HOSTILE] == [None] * len(HOSTILE)
    finally:
        postfix.set(smtputf8_enable="no")  # as shipped

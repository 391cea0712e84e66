import pytest
from django.db.models import F

from accounts.services import create_admin
from aliases.effects import destinations
from aliases.lookup import Lookup
from aliases.models import Alias
from tests.contract.tables import BLANK, ODD, fill
from tests.contract.world import NAMING_BOTH, NAMING_EVE, numbers


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    fill(empty_world)
    return empty_world


# What is accepted and cannot be delivered is bounced to a forged sender: backscatter.
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
        # An alias that leads to itself lists a name, where the next server knows the addresses.
        ("master@smart.example", "master@smart.example"),
        ("list+news@smart.example", "list+news@smart.example"),
        ("both@smart.example", "both@smart.example,ann@example.org"),
        ("asleep@smart.example", None),
        ("closed@smart.example", None),
        ("list@smart.example", None),
        ("master@to-smart.example", "master@smart.example"),
        ("closed@to-smart.example", None),
        # Not its own target, for the extension would be added again and again.
        ("grows@to-smart.example", "grows@smart.example"),
        ("to-listed@example.org", "master@to-smart.example,list+news@to-smart.example"),
        ("to-unlisted@example.org", None),
        ("nobody@example.org", None),
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
        ("to-whole@example.org", "bob@whole.example,former@whole.example"),
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


# Another program's: the panel makes an alias domain of it.
@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("@whole.example", "@example.org"),
        ("own@whole.example", "own@whole.example"),
        ("dog@example.org", "ann@example.org,@catch.example"),
        ("@whole-off.example", "@quiet.example"),
        ("@outside.example", "@outside.elsewhere.test"),
    ],
)
def test_a_whole_domain_among_the_targets_is_answered_as_written(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


def test_a_line_without_targets_is_no_line(postfix):
    for name in BLANK:
        assert postfix.lookup("alias", f"{name}@catch.example") == f"{name}@catch.example"
        assert postfix.lookup("alias", f"{name}@example.org") is None


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
    text = (mail_server.files.path / "mariadb" / "undeliverable-targets.sql").read_text()
    query = "".join(line for line in text.splitlines(True) if not line.startswith("--"))
    listed = {}
    for alias, target in mail_server.execute(query.rstrip().rstrip(";")):
        listed.setdefault(alias, set()).add(target)

    aliases = Alias.objects.filter(active=True, domain__active=True).exclude(goto=F("address"))
    left_out = {}
    for alias in aliases.exclude(address__startswith="odd"):
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
        found = destinations(reader, alias)
        taken = {target.address for target in found if not target.undeliverable}
        # A mailbox may keep a copy, and does if its forwarding leads nowhere. What an alias domain's
        # target answers instead is not the alias's.
        keeps = alias.is_self_alias and (alias.pk in alias.targets or not taken)
        said[alias.pk] = taken | ({alias.pk} if keeps else set())
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


@pytest.fixture(scope="module")
def corners(world):
    """What another program stored, and one condition of the walk alone is about."""
    for name in ("circle.example", "twin-circle.example", "to-gate.example"):
        world.domain(name)
    world.domain("gate.example", transport="smtp:[192.0.2.7]")
    world.alias_domain("twin-circle.example", "circle.example")
    world.alias_domain("to-gate.example", "gate.example")
    for name in ("joe", "kim", "max", "pat", "sam"):
        world.mailbox(f"{name}@circle.example")
    world.alias("ann@circle.example", "max@circle.example")
    for address, goto in {
        # Back to the own mailbox, by an alias and by the other name of its domain.
        "joe@circle.example": "ann@circle.example",
        "ann@circle.example": "joe@circle.example",
        "kim@circle.example": "kim@twin-circle.example",
        # To an extension of its own.
        "lee@circle.example": "lee+x@circle.example",
        "lee+x@circle.example": "max@circle.example",
        "lee@to-gate.example": "lee+x@to-gate.example",
        "lee+x@gate.example": "lee+x@gate.example",
        # By the other name to a mailbox whose forwarding leads to nobody: it keeps its mail.
        "pat@circle.example": "gone@circle.example",
        "to-pat@circle.example": "pat@twin-circle.example",
        # By an alias there that leads to nobody.
        "sam@twin-circle.example": "gone@circle.example",
        "to-sam@circle.example": "sam+x@twin-circle.example",
        # A whole domain is no name that the next server knows.
        "@gate.example": "@gate.example",
    }.items():
        domain = address.rpartition("@")[2]
        Alias.objects.update_or_create(pk=address, defaults={"goto": goto, "domain_id": domain})


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("joe@circle.example", "joe@circle.example"),
        ("ann@circle.example", "joe@circle.example"),
        ("kim@circle.example", "kim@circle.example"),
        ("kim@twin-circle.example", "kim@circle.example"),
        ("lee@circle.example", None),
        ("lee+x@circle.example", "max@circle.example"),
        ("lee@to-gate.example", None),
        ("lee+x@to-gate.example", "lee+x@gate.example"),
        ("pat@circle.example", "pat@circle.example"),
        ("to-pat@circle.example", "pat@twin-circle.example"),
        ("to-sam@circle.example", None),
        ("@gate.example", None),
        ("@to-gate.example", None),
    ],
)
def test_each_condition_of_the_walk_has_somebody_it_is_about(corners, postfix, key, answer):
    match = Lookup().match(key)

    assert postfix.lookup("alias", key) == answer
    assert (",".join(match.targets) if match else None) == answer

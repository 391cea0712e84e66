"""Whatever the tables hold: what Postfix accepts can be delivered, and what could be is accepted.

And the pages, which ask aliases/lookup.py, are told what Postfix is told. Postfix's own steps are played in Python, for they are quick that way: it asks for the whole
address, without the extension, and for the domain, takes the first answer and asks on for each
address in it. The answers are those of deploy/postfix/alias.cf on MariaDB.
"""

import re

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from aliases.functions import statements
from aliases.lookup import Lookup, keys_of
from aliases.loops import all_hops, exceeds_expansion_limit, find_loop
from aliases.models import Alias
from domains.models import AliasDomain, Domain
from mailboxes.models import Mailbox
from panel.addresses import split_address, without_extension
from tests.contract.test_query_plans import expand

DOMAINS = ["a.example", "b.example", "c.example", "d.example"]
OUTSIDE = "x@elsewhere.test"
NAMES = ["joe", "ann", "joe+tag"]
ADDRESSES = [f"{name}@{domain}" for domain in DOMAINS for name in NAMES]
OWN = [address for address in ADDRESSES if "+" not in address]  # the panel refuses others
TARGETS = [
    *OWN,
    OUTSIDE,
    *(f"{name}@{domain}" for domain in DOMAINS for name in ("zoe", "ann+news", "joe+tag")),
]
RECIPIENTS = [
    *ADDRESSES,
    *(f"{name}@{domain}" for domain in DOMAINS for name in ("zoe", "zoe+x", "ann+x")),
]
TOO_MANY = 200

active = st.sampled_from([True, True, True, False])
domains = st.sampled_from(DOMAINS)
targets = st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3, unique=True)
elsewhere = st.sampled_from([["@elsewhere.test"], ["@elsewhere.test", OUTSIDE]])
worlds = st.fixed_dictionaries(
    {
        "inactive": st.sets(domains, max_size=1),
        "handed_on": st.sets(domains, max_size=1),
        # Handed on, too, but only the names that are known here, some of them by an alias to itself.
        "gateways": st.sets(domains, max_size=1),
        "listed": st.sampled_from([["joe"], ["ann"], ["joe", "ann"], ["joe", "joe+tag"]]),
        "twins": st.sets(domains, min_size=1, max_size=2),
        "mailboxes": st.dictionaries(st.sampled_from(OWN), active, max_size=5),
        "aliases": st.dictionaries(
            st.sampled_from(ADDRESSES), st.tuples(targets, active), max_size=6
        ),
        "catch_alls": st.dictionaries(
            domains, st.tuples(st.one_of(targets, elsewhere), active), max_size=2
        ),
        "links": st.dictionaries(domains, st.tuples(domains, active), max_size=2),
    }
)


def store(world):
    """Write the rows as another program might, with the triggers behind it.

    Left out is an alias for one extension of a name that does not exist without, or not in an alias
    domain: asked for the name alone, the map cannot know that Postfix will add this extension.
    """
    world["links"] |= {
        twin: (gateway, True) for twin in world["twins"] for gateway in world["gateways"]
    }
    targets = {target for target, _active in world["links"].values()}
    lonely = {
        a
        for a in world["aliases"]
        if "+" in a
        and (not world["mailboxes"].get(without_extension(a)) or split_address(a)[1] in targets)
    }
    world["aliases"] = {a: row for a, row in world["aliases"].items() if a not in lonely}
    Domain.objects.bulk_create(
        Domain(
            pk=name,
            active=name not in world["inactive"],
            backupmx=name in world["handed_on"],
            transport="smtp:[192.0.2.9]" if name in world["gateways"] else "virtual",
        )
        for name in DOMAINS
    )
    places = world["gateways"] | {DOMAINS[0]}
    listed = [f"{name}@{domain}" for name in world["listed"] for domain in places]
    rows = {address: ([address], True) for address in listed}
    rows |= {address: ([address], active) for address, active in world["mailboxes"].items()}
    rows |= world["aliases"]
    rows |= {f"@{name}": row for name, row in world["catch_alls"].items()}
    Alias.objects.bulk_create(
        Alias(address=address, goto=",".join(goto), domain_id=split_address(address)[1], active=on)
        for address, (goto, on) in rows.items()
    )
    Mailbox.objects.bulk_create(
        Mailbox(
            username=address,
            maildir=f"{address}/",
            local_part=split_address(address)[0],
            domain_id=split_address(address)[1],
            active=on,
        )
        for address, on in world["mailboxes"].items()
    )
    AliasDomain.objects.bulk_create(
        AliasDomain(alias_domain_id=source, target_domain_id=target, active=on)
        for source, (target, on) in world["links"].items()
        if source != target
    )


class Postfix:
    """smtpd and cleanup of Postfix 3.7, as far as virtual_alias_maps goes."""

    def __init__(self, world, query):
        self.world, self.query, self.known = world, query, {}

    def ask(self, key):
        if key not in self.known:
            with connection.cursor() as cursor:
                cursor.execute(expand(self.query, key).replace("%%", "%"))
                row = cursor.fetchone()
            self.known[key] = row[0] if row else None
        return self.known[key]

    def accepts(self, address):
        domain = split_address(address)[1]
        if domain in self.world["inactive"] | self.world["handed_on"]:
            return False
        return self.targets(address) is not None or self.mailbox(address)

    def mailbox(self, address):
        return self.world["mailboxes"].get(without_extension(address), False)

    def targets(self, address):
        bare, (name, domain) = without_extension(address), split_address(address)
        extension = name[len(split_address(bare)[0]) :]
        for key in dict.fromkeys((address, bare, f"@{domain}")):
            if self.ask(key):
                unmatched = extension if key == bare != address else ""
                return [self._target(name, unmatched, item) for item in self.ask(key).split(",")]
        return None

    def _target(self, name, extension, item):
        if item.startswith("@"):
            return f"{name}{item}"
        user, _at, host = item.partition("@")
        return f"{user}{extension}@{host}"

    def ends(self, address):
        """Where mail to ``address`` ends, or None if it goes on for ever.

        What has led to itself once is not expanded again.
        """
        ends, todo, seen = set(), [address], 0
        while todo:
            address, seen = todo.pop(), seen + 1
            if seen > TOO_MANY:
                return None
            if address in ends:
                continue
            targets = self.targets(address)
            if targets is None or address in targets:
                ends.add(address)
            todo += [target for target in targets or () if target != address]
        return ends

    def is_delivered(self, address):
        domain = split_address(address)[1]
        handed_on = self.world["handed_on"] | self.world["gateways"]
        if domain not in DOMAINS or domain in handed_on - self.world["inactive"]:
            return True
        return domain not in self.world["inactive"] and self.mailbox(address)


@pytest.fixture(scope="module")
def query(mail_server):
    return mail_server.postfix.query("alias")


@pytest.fixture(scope="module")
def as_written(query, django_db_setup, django_db_blocker):
    """The same query, where every target of an alias is answered as it is written."""
    text = statements()["PROCEDURE", "mailadmin_lookup"]
    text = text.replace("mailadmin_lookup", "lookup_as_written")
    text, places = re.subn(r"mailadmin_deliverable_targets\([^)]*\)", "alias_goto", text)
    assert places == 2
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(text)
        yield query.replace("mailadmin_lookup", "lookup_as_written")
        cursor.execute("DROP PROCEDURE lookup_as_written")


def as_pages_read(key):
    match = Lookup().match(key)
    return set(match.targets) if match else None


def as_postfix_reads(answer):
    return set(answer.lower().split(",")) if answer else None


@settings(max_examples=500, deadline=None, derandomize=True)
@given(world=worlds)
def test_what_is_accepted_is_delivered_and_what_could_be_is_accepted(query, as_written, world):
    bounced, lost, said = {}, {}, {}
    with transaction.atomic():
        store(world)
        ours, plain = Postfix(world, query), Postfix(world, as_written)
        could_end = {address: plain.ends(address) for address in RECIPIENTS}
        # Another program's: the panel refuses loops. A domain that is handed on is not judged, and may
        # have aliases all the same.
        hops = all_hops(RECIPIENTS)
        loops = any(
            find_loop(address, hops) or exceeds_expansion_limit(address, hops)
            for address in RECIPIENTS
        )
        for address, could in could_end.items():
            ends = ours.ends(address)
            if None in (could, ends) and (loops or world["handed_on"]):
                continue
            assert ends is not None  # no loop comes of what is left out
            ends = ends if ours.accepts(address) else set()
            could = could if plain.accepts(address) else set()
            bounced[address] = {end for end in ends if not ours.is_delivered(end)}
            reached = {without_extension(end) for end in ends}
            missed = {end for end in could if without_extension(end) not in reached}
            lost[address] = {end for end in missed if plain.is_delivered(end)}
        for key in {key for address in RECIPIENTS for key in keys_of(address)}:
            said[key] = (as_pages_read(key), as_postfix_reads(ours.ask(key)))
        transaction.set_rollback(True)

    assert {address: ends for address, ends in bounced.items() if ends} == {}
    assert {address: ends for address, ends in lost.items() if ends} == {}
    assert {key: pair for key, pair in said.items() if pair[0] != pair[1]} == {}

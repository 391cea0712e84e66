import pytest

from aliases.lookup import Lookup
from aliases.loops import (
    MAX_DEPTH,
    MAX_EXPANSION,
    all_hops,
    exceeds_expansion_limit,
    find_loop,
)
from aliases.models import Alias
from domains.services import (
    create_alias_domain,
)
from mailboxes.forwarding import set_forwarding
from tests.aliases.test_loops import stored
from tests.refusals import refused_path


def trouble(start):
    hops = all_hops([start])
    return find_loop(start, hops) or exceeds_expansion_limit(start, hops)


class TestNoLoops:
    def test_a_mailbox_that_forwards_and_keeps_a_copy(self, add_mailbox, add_alias, example_org):
        joe = add_mailbox("joe@example.org")

        set_forwarding(actor=None, mailbox=joe, targets="x@elsewhere.example", keep_copy=True)

        assert stored("joe@example.org") == "joe@example.org,x@elsewhere.example"
        assert trouble("joe@example.org") is None
        assert trouble("joe+tag@example.org") is None

    def test_an_alias_that_keeps_its_own_address(self, add_alias, example_org):
        add_alias("list@example.org", "x@elsewhere.example")
        own = "list@example.org,x@elsewhere.example"  # as another program may have written it
        Alias.objects.filter(pk="list@example.org").update(goto=own)

        assert trouble("list@example.org") is None

    def test_a_mailbox_before_the_catch_all_that_leads_to_it(
        self, add_mailbox, add_alias, example_org
    ):
        add_mailbox("joe@example.org")
        add_alias("@example.org", "joe@example.org")

        assert trouble("@example.org") is None
        assert trouble("anything@example.org") is None

    def test_a_mailbox_without_its_own_row_before_the_catch_all(
        self, add_mailbox, add_alias, example_org
    ):
        add_mailbox("joe@example.org")
        Alias.objects.filter(pk="joe@example.org").delete()

        add_alias("@example.org", "joe@example.org")

        assert Lookup().hops(["joe@example.org"]) == {"joe@example.org": []}

    def test_a_mailbox_reached_with_an_extension(self, add_mailbox, add_alias, example_org):
        add_mailbox("joe@example.org")

        add_alias("@example.org", "joe+stray@example.org")

        assert Lookup().hops(["joe+stray@example.org"]) == {"joe+stray@example.org": []}

    def test_a_mailbox_behind_an_alias_domain(self, add_mailbox, add_alias, example_org, other_net):
        create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)
        add_mailbox("joe@example.org")

        add_alias("@example.org", "joe@other.net")

        assert trouble("anything@other.net") is None

    def test_an_own_row_in_the_alias_domain_comes_first(self, add_alias, example_org, other_net):
        create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)
        add_alias("a@other.net", "x@elsewhere.example")

        add_alias("a@example.org", "a@other.net")

        assert Lookup().hops(["a@other.net"]) == {"a@other.net": ["x@elsewhere.example"]}

    def test_two_ways_to_one_place(self, add_alias, example_org):
        add_alias("one@example.org", "end@elsewhere.example")
        add_alias("two@example.org", "end@elsewhere.example", "one@example.org")

        add_alias("all@example.org", "one@example.org", "two@example.org")

        assert trouble("all@example.org") is None

    def test_an_inactive_alias_leads_nowhere(self, add_alias, example_org):
        add_alias("a@example.org", "b@example.org", active=False)

        add_alias("b@example.org", "a@example.org")

        assert Lookup().hops(["a@example.org"]) == {"a@example.org": []}

    def test_the_extension_goes_along(self, add_alias, example_org):
        add_alias("a@example.org", "b@elsewhere.example", "c+y@elsewhere.example")
        add_alias("@example.org", "all@elsewhere.example")

        assert Lookup().hops(["a+x@example.org", "none+x@example.org"]) == {
            "a+x@example.org": ["b+x@elsewhere.example", "c+y+x@elsewhere.example"],
            "none+x@example.org": ["all@elsewhere.example"],
        }

    def test_a_plus_address_with_a_row_of_its_own_comes_first(self, add_alias, example_org):
        add_alias("a@example.org", "b@elsewhere.example")

        add_alias("a+x@example.org", "a@example.org")

        assert Lookup().hops(["a+x@example.org"]) == {"a+x@example.org": ["a@example.org"]}


class TestNests:
    @pytest.fixture
    def chain(self, add_alias, example_org):
        """Aliases 0 → 1 → … of ``length``, whose last target is outside."""

        def make(length, first=0):
            Alias.objects.bulk_create(
                Alias(
                    address=f"n{number}@example.org",
                    goto=f"n{number + 1}@example.org",
                    domain=example_org,
                )
                for number in range(first, first + length)
            )

        return make

    def test_a_chain_may_be_this_long(self, chain, add_alias):
        chain(MAX_DEPTH - 1)

        add_alias("start@example.org", "n0@example.org")

        assert trouble("start@example.org") is None

    def test_a_chain_may_not_be_longer(self, chain, add_alias):
        chain(MAX_DEPTH)

        path = refused_path(add_alias, "start@example.org", "n0@example.org", code="expansion")

        assert path.startswith("start@example.org → n0@example.org → n1@example.org")
        assert path.endswith(f" → n{MAX_DEPTH}@example.org")

    def test_a_chain_does_not_grow_at_its_far_end_either(self, chain, add_alias):
        chain(MAX_DEPTH)

        path = refused_path(
            add_alias,
            f"n{MAX_DEPTH}@example.org",
            f"n{MAX_DEPTH + 1}@example.org",
            code="expansion",
        )

        assert path.startswith("n0@example.org → n1@example.org")

    def test_a_chain_does_not_grow_in_the_middle(self, chain, add_alias):
        chain(MAX_DEPTH // 2)
        chain(MAX_DEPTH // 2, first=MAX_DEPTH // 2 + 1)

        refused_path(
            add_alias,
            f"n{MAX_DEPTH // 2}@example.org",
            f"n{MAX_DEPTH // 2 + 1}@example.org",
            code="expansion",
        )

    def test_an_alias_may_have_as_many_targets_as_postfix_expands(self, add_alias, example_org):
        targets = [f"x{number}@elsewhere.example" for number in range(MAX_EXPANSION)]

        add_alias("all@example.org", *targets)

        assert trouble("all@example.org") is None

    @pytest.mark.parametrize("beside", [0, 1])
    def test_only_the_addresses_at_the_end_count_not_the_aliases_between(
        self, beside, add_alias, example_org
    ):
        """Three aliases of 333: with those between, they are more than Postfix expands."""
        parts = [f"part{number}@example.org" for number in range(3)]
        for part in parts:
            name = part.partition("@")[0]
            add_alias(part, *[f"{name}-{number}@elsewhere.example" for number in range(333)])
        more = [f"x{number}@elsewhere.example" for number in range(beside)]

        add_alias("all@example.org", *parts, *more)

        assert 3 * 333 + beside in (MAX_EXPANSION - 1, MAX_EXPANSION)
        assert trouble("all@example.org") is None

    def test_one_address_more_than_postfix_expands_is_refused(self, add_alias, example_org):
        parts = [f"part{number}@example.org" for number in range(3)]
        for part in parts:
            name = part.partition("@")[0]
            add_alias(part, *[f"{name}-{number}@elsewhere.example" for number in range(333)])

        path = refused_path(
            add_alias,
            *("all@example.org", *parts, "x@elsewhere.example", "y@elsewhere.example"),
            field="targets",
            code="expansion",
        )

        assert path == "all@example.org → part0@example.org → part0-0@elsewhere.example"
        assert Alias.objects.filter(pk="all@example.org").exists() is False

    def test_who_is_reached_in_several_ways_counts_each_time(self, add_alias, example_org):
        teams = [f"team{number}@example.org" for number in range(26)]
        people = [f"x{number}@elsewhere.example" for number in range(40)]
        for team in teams:
            add_alias(team, *people)
        add_alias("all@example.org", *teams[:25])
        assert trouble("all@example.org") is None

        path = refused_path(add_alias, "everybody@example.org", *teams, code="expansion")

        assert path.startswith("everybody@example.org → team0@example.org → x0@")

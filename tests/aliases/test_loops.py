"""Mail that would never end is refused with its path; what only looks like a loop is not."""

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
from aliases.services import delete_alias, set_alias_active, update_alias
from domains.services import (
    create_alias_domain,
    create_domain,
    delete_alias_domain,
    update_alias_domain,
)
from mailboxes.forwarding import set_forwarding
from mailboxes.services import delete_mailbox, set_mailbox_active
from tests.refusals import refused_path


def trouble(start):
    """The path that Postfix could not follow to its end, or None."""
    hops = all_hops([start])
    return find_loop(start, hops) or exceeds_expansion_limit(start, hops)


def stored(address):
    return Alias.objects.get(pk=address).goto


class TestLoops:
    def test_two_aliases_cannot_lead_to_each_other(self, add_alias, example_org):
        add_alias("a@example.org", "b@example.org")

        path = refused_path(add_alias, "b@example.org", "a@example.org")

        assert path == "b@example.org → a@example.org → b@example.org"
        assert Alias.objects.filter(pk="b@example.org").exists() is False

    def test_a_loop_that_another_program_stored_stops_nothing_that_ends_beside_it(
        self, add_mailbox, example_org
    ):
        joe, ann = add_mailbox("joe@example.org"), add_mailbox("ann@example.org")
        targets = {"a": "b@example.org", "b": "a@example.org", "all": f"{joe},{ann},a@example.org"}
        Alias.objects.bulk_create(
            Alias(address=f"{name}@example.org", goto=goto, domain=example_org)
            for name, goto in targets.items()
        )

        set_mailbox_active(actor=None, mailbox=joe, active=False)
        delete_mailbox(actor=None, mailbox=ann)

        assert list(Alias.objects.filter(active=True).values_list("pk", flat=True)) == [
            "a@example.org",
            "all@example.org",
            "b@example.org",
        ]

    def test_three_aliases_in_two_domains_cannot_go_round(self, add_alias, example_org, other_net):
        add_alias("a@example.org", "b@other.net", "x@elsewhere.example")
        add_alias("b@other.net", "c@example.org")

        path = refused_path(add_alias, "c@example.org", "a@example.org")

        assert path == "c@example.org → a@example.org → b@other.net → c@example.org"

    def test_an_edit_closes_no_loop(self, add_alias, example_org):
        add_alias("a@example.org", "b@example.org")
        b = add_alias("b@example.org", "c@elsewhere.example")

        path = refused_path(update_alias, actor=None, alias=b, targets=["a@example.org"])

        assert path == "b@example.org → a@example.org → b@example.org"
        assert stored("b@example.org") == "c@elsewhere.example"

    def test_a_catch_all_closes_no_loop(self, add_alias, example_org, other_net):
        add_alias("a@other.net", "anything@example.org")

        path = refused_path(add_alias, "@example.org", "a@other.net")

        assert path == "a@other.net → anything@example.org → a@other.net"

    def test_a_whole_domain_that_another_program_stored_is_followed(
        self, add_alias, example_org, other_net
    ):
        Alias.objects.create(address="@example.org", goto="@other.net", domain=example_org)

        path = refused_path(add_alias, "info@other.net", "info@example.org")

        assert path == "info@other.net → info@example.org → info@other.net"

    def test_an_alias_through_an_alias_domain(self, add_alias, example_org, other_net):
        create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)

        path = refused_path(add_alias, "a@example.org", "a@other.net")

        assert path == "a@example.org → a@other.net → a@example.org"

    def test_a_new_alias_domain_closes_no_loop(self, add_alias, example_org, other_net):
        add_alias("a@example.org", "a@other.net")

        path = refused_path(
            create_alias_domain, actor=None, alias_domain=other_net, target_domain=example_org
        )

        assert path == "a@example.org → a@other.net → a@example.org"
        assert example_org.alias_domains.count() == 0

    def test_an_alias_domain_activated_or_changed_closes_no_loop(
        self, add_alias, add_domain, example_org, other_net
    ):
        third = add_domain("third.example")
        off = create_alias_domain(
            actor=None, alias_domain=other_net, target_domain=example_org, active=False
        )
        add_alias("a@example.org", "a@other.net")

        refused_path(update_alias_domain, actor=None, link=off, active=True)
        turned = update_alias_domain(actor=None, link=off, active=True, target_domain=third)
        refused_path(update_alias_domain, actor=None, link=turned, target_domain=example_org)

    def test_the_forwarding_of_a_mailbox(self, add_mailbox, add_alias, example_org):
        mailbox = add_mailbox("joe@example.org")
        add_alias("sales@example.org", "joe@example.org")

        path = refused_path(
            set_forwarding,
            actor=None,
            mailbox=mailbox,
            targets="sales@example.org",
            keep_copy=False,
        )

        assert path == "joe@example.org → sales@example.org → joe@example.org"
        assert stored("joe@example.org") == "joe@example.org"

    def test_two_mailboxes_that_forward_to_each_other_without_a_copy(
        self, add_mailbox, example_org
    ):
        a, b = add_mailbox("a@example.org"), add_mailbox("b@example.org")
        set_forwarding(actor=None, mailbox=a, targets="b@example.org", keep_copy=False)

        path = refused_path(
            set_forwarding, actor=None, mailbox=b, targets="a@example.org", keep_copy=False
        )

        assert path == "b@example.org → a@example.org → b@example.org"

    def test_an_extension_does_not_hide_a_loop(self, add_alias, example_org):
        add_alias("a@example.org", "b+x@example.org")

        path = refused_path(add_alias, "b@example.org", "a@example.org", code="expansion")

        assert path.startswith("b@example.org → a@example.org → b+x@example.org → a+x@example.org")

    def test_an_alias_to_its_own_extension_grows_for_ever(self, add_alias, example_org):
        """Postfix adds the extension to each answer again: propagate_unmatched_extensions."""
        path = refused_path(add_alias, "a@example.org", "a+x@example.org", code="expansion")

        assert path.startswith("a@example.org → a+x@example.org → a+x+x@example.org")

    def test_an_alias_to_its_own_extension_grows_though_that_one_is_an_alias_of_its_own(
        self, add_mailbox, add_alias, example_org
    ):
        """Mail for a@ would end, that for a+y@ would not."""
        add_alias("a+x@example.org", "ann@elsewhere.example")

        path = refused_path(add_alias, "a@example.org", "a+x@example.org")

        assert path == "a+…@example.org → a+…@example.org"
        joe = add_mailbox("joe@example.org")
        add_alias("joe+x@example.org", "ann@elsewhere.example")
        path = refused_path(
            set_forwarding, actor=None, mailbox=joe, targets="joe+x@example.org", keep_copy=True
        )
        assert path == "joe+…@example.org → joe+…@example.org"

    def test_an_extension_that_comes_back_by_a_detour_grows(self, add_alias, example_org):
        add_alias("a+x@example.org", "ann@elsewhere.example")
        add_alias("b@example.org", "a+x@example.org")

        path = refused_path(add_alias, "a@example.org", "b@example.org")

        assert path == "a+…@example.org → b+…@example.org → a+…@example.org"

    def test_letter_case_written_by_another_program_hides_no_loop(self, add_alias, example_org):
        Alias.objects.create(address="a@example.org", domain=example_org, goto="B@Example.ORG")

        path = refused_path(add_alias, "b@example.org", "a@example.org")

        assert path == "b@example.org → a@example.org → b@example.org"

    def test_an_alias_domain_is_refused_for_the_one_name_of_many_that_goes_round(
        self, add_alias, example_org, other_net
    ):
        Alias.objects.bulk_create(
            Alias(address=f"a{n:04}@other.net", goto=f"x{n:04}@example.org", domain=other_net)
            for n in range(300)
        )
        add_alias("zoe@other.net", "zoe@example.org")

        path = refused_path(
            create_alias_domain, actor=None, alias_domain=example_org, target_domain=other_net
        )

        assert path == "zoe@other.net → zoe@example.org → zoe@other.net"


class TestWhatWouldOpenALoop:
    """Deleting or deactivating a row lets the catch-all answer instead."""

    @pytest.fixture
    def held_open(self, add_alias, example_org, other_net):
        """joe@ has a row of its own; without it the catch-all would lead round."""
        add_alias("round@other.net", "joe@example.org")

        def close():
            add_alias("@example.org", "round@other.net")

        return close

    def test_deleting_an_alias(self, held_open, add_alias):
        joe = add_alias("joe@example.org", "x@elsewhere.example")
        held_open()

        path = refused_path(delete_alias, actor=None, alias=joe)

        assert path == "joe@example.org → round@other.net → joe@example.org"
        assert stored("joe@example.org") == "x@elsewhere.example"

    def test_deactivating_an_alias(self, held_open, add_alias):
        joe = add_alias("joe@example.org", "x@elsewhere.example")
        held_open()

        refused_path(set_alias_active, actor=None, alias=joe, active=False)

        assert Alias.objects.get(pk=joe.pk).active is True

    def test_deleting_a_mailbox(self, held_open, add_mailbox):
        joe = add_mailbox("joe@example.org")
        held_open()

        refused_path(delete_mailbox, actor=None, mailbox=joe)

        assert Alias.objects.get(pk=joe.pk).is_self_alias is True

    def test_a_mailbox_may_go_together_with_the_alias_that_leads_to_it(
        self, held_open, add_mailbox
    ):
        joe = add_mailbox("joe@example.org")
        held_open()

        delete_mailbox(
            actor=None,
            mailbox=joe,
            clean=Alias.objects.filter(pk="round@other.net"),
            emptied="delete",
        )

        assert set(Alias.objects.values_list("pk", flat=True)) == {"@example.org"}

    def test_deactivating_a_mailbox(self, held_open, add_mailbox):
        joe = add_mailbox("joe@example.org")
        held_open()

        refused_path(set_mailbox_active, actor=None, mailbox=joe, active=False)

        joe.refresh_from_db()
        assert joe.active is True

    def test_activating_an_alias(self, add_alias, example_org):
        add_alias("a@example.org", "b@example.org")
        b = add_alias("b@example.org", "a@example.org", active=False)

        path = refused_path(set_alias_active, actor=None, alias=b, active=True)

        assert path == "b@example.org → a@example.org → b@example.org"

    def test_activating_a_mailbox_with_a_forwarding(self, add_mailbox, add_alias, example_org):
        joe = add_mailbox("joe@example.org", active=False)
        set_forwarding(actor=None, mailbox=joe, targets="sales@example.org", keep_copy=False)
        add_alias("sales@example.org", "joe@example.org")

        refused_path(set_mailbox_active, actor=None, mailbox=joe, active=True)

    def test_an_alias_that_is_left_without_targets_and_goes(
        self, add_alias, add_mailbox, example_org, other_net
    ):
        joe = add_mailbox("joe@other.net")
        add_alias("list@example.org", "joe@other.net")
        add_alias("round@other.net", "list@example.org")
        add_alias("@example.org", "round@other.net")

        path = refused_path(
            delete_mailbox,
            actor=None,
            mailbox=joe,
            clean=Alias.objects.filter(pk="list@example.org"),
            emptied="delete",
        )

        assert path == "list@example.org → round@other.net → list@example.org"
        assert stored("list@example.org") == "joe@other.net"

    @pytest.fixture
    def twin(self, add_alias, add_domain, example_org, other_net):
        """joe@twin.example is joe@example.org; else twin's catch-all would lead round."""
        twin = add_domain("twin.example")
        link = create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)
        add_alias("round@other.net", "joe@twin.example")
        return link

    def test_deleting_an_alias_domain(self, twin, add_mailbox, add_alias):
        add_mailbox("joe@example.org")
        add_alias("@twin.example", "round@other.net")

        path = refused_path(delete_alias_domain, actor=None, link=twin)

        assert path == "round@other.net → joe@twin.example → round@other.net"
        assert type(twin).objects.filter(pk=twin.pk).exists() is True

    def test_deleting_what_the_alias_domain_leads_to(self, twin, add_mailbox, add_alias):
        joe = add_mailbox("joe@example.org")
        add_alias("@twin.example", "round@other.net")

        path = refused_path(delete_mailbox, actor=None, mailbox=joe)

        assert path == "joe@twin.example → round@other.net → joe@twin.example"

    def test_deactivating_what_the_alias_domain_leads_to(self, twin, add_alias):
        joe = add_alias("joe@example.org", "x@elsewhere.example")
        add_alias("@twin.example", "round@other.net")

        refused_path(set_alias_active, actor=None, alias=joe, active=False)

    def test_a_new_domain_whose_role_addresses_lead_round(self, add_alias, example_org):
        add_alias("admin@example.org", "postmaster@new.example")

        path = refused_path(
            create_domain, actor=None, name="new.example", role_target="admin@example.org"
        )

        assert path == "admin@example.org → postmaster@new.example → admin@example.org"


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

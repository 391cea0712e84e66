import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from aliases.lookup import Lookup, keys_of
from aliases.models import Alias
from aliases.services import set_alias_active
from domains.services import create_alias_domain, set_domain_active, update_alias_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.services import set_mailbox_active


def match(key):
    """(row that answers, its targets) for one key, or None: as ``postmap -q`` prints the targets."""
    found = Lookup().match(key)
    return found and (found.row, list(found.targets))


def answer(address):
    """(key that was answered, row that answers, its targets) for an address, or None."""
    found = Lookup().answers([address])[address]
    return found and (found.key, found.row, list(found.targets))


@pytest.fixture
def twin(add_domain, example_org):
    domain = add_domain("twin.example")
    return create_alias_domain(actor=None, alias_domain=domain, target_domain=example_org)


class TestKeys:
    def test_postfix_asks_with_the_extension_then_without_then_for_the_domain(self):
        assert keys_of("joe+tag@example.org") == [
            "joe+tag@example.org",
            "joe@example.org",
            "@example.org",
        ]
        assert keys_of("joe@example.org") == ["joe@example.org", "@example.org"]
        assert keys_of("@example.org") == ["@example.org"]

    def test_a_delimiter_that_comes_first_begins_no_extension(self):
        assert keys_of("+tag@example.org") == ["+tag@example.org", "@example.org"]


class TestMatch:
    def test_a_mailbox_answers_as_itself(self, example_org, add_mailbox):
        joe = add_mailbox("joe@example.org")

        found = Lookup().match("joe@example.org")
        assert found == ("joe@example.org", "joe@example.org", None, ("joe@example.org",))

        set_mailbox_active(actor=None, mailbox=joe, active=False)
        assert match("joe@example.org") is None

    def test_a_mailbox_whose_self_alias_another_program_left_out_answers(
        self, example_org, add_mailbox
    ):
        add_mailbox("joe@example.org")
        Alias.objects.all().delete()

        assert match("joe@example.org") == ("joe@example.org", ["joe@example.org"])

    def test_a_forwarding_comes_before_its_mailbox(self, example_org, add_mailbox):
        joe = add_mailbox("joe@example.org")
        set_forwarding(actor=None, mailbox=joe, targets="a@elsewhere.example", keep_copy=True)

        both = ["joe@example.org", "a@elsewhere.example"]
        assert match("joe@example.org") == ("joe@example.org", both)
        Alias.objects.update(active=False)
        assert match("joe@example.org") == ("joe@example.org", ["joe@example.org"])

    def test_an_alias_answers_with_its_targets_while_it_is_active(self, example_org, add_alias):
        targets = ["a@elsewhere.example", "b@elsewhere.example"]
        sales = add_alias("sales@example.org", *targets)

        found = Lookup().match("sales@example.org")
        assert (found.alias, list(found.targets)) == (sales, targets)

        set_alias_active(actor=None, alias=sales, active=False)
        assert match("sales@example.org") is None

    def test_an_undeliverable_target_is_left_out(self, example_org, add_alias):
        add_alias("sales@example.org", "gone@example.org", "a@elsewhere.example")
        add_alias("lost@example.org", "gone@example.org")
        add_alias("up@example.org", "lost@example.org")

        assert match("sales@example.org") == ("sales@example.org", ["a@elsewhere.example"])
        assert match("lost@example.org") is None
        assert match("up@example.org") is None

    def test_a_target_in_an_inactive_domain_is_undeliverable(
        self, example_org, other_net, add_mailbox, add_alias
    ):
        add_mailbox("joe@other.net")
        add_alias("sales@example.org", "joe@other.net")
        assert match("sales@example.org") == ("sales@example.org", ["joe@other.net"])

        set_domain_active(actor=None, domain=other_net, active=False)
        assert match("sales@example.org") is None

    def test_an_inactive_domain_and_one_that_is_not_ours_answer_nothing(
        self, example_org, add_mailbox, add_alias
    ):
        add_mailbox("joe@example.org")
        add_alias("@example.org", "a@elsewhere.example")
        assert match("@example.org") == ("@example.org", ["a@elsewhere.example"])

        set_domain_active(actor=None, domain=example_org, active=False)
        assert match("joe@example.org") is None
        assert match("@example.org") is None
        assert match("joe@elsewhere.example") is None

    def test_the_target_of_an_alias_domain_answers_with_its_mailboxes_and_aliases(
        self, twin, add_mailbox, add_alias
    ):
        add_mailbox("joe@example.org")
        add_alias("sales@example.org", "a@elsewhere.example")

        assert match("joe@twin.example") == ("joe@example.org", ["joe@example.org"])
        assert match("sales@twin.example") == ("sales@example.org", ["a@elsewhere.example"])

        update_alias_domain(actor=None, link=twin, active=False)
        assert match("joe@twin.example") is None
        assert match("sales@twin.example") is None

    def test_a_row_of_the_alias_domain_comes_before_its_target(self, twin, add_alias):
        add_alias("sales@example.org", "a@elsewhere.example")
        add_alias("sales@twin.example", "b@elsewhere.example")

        assert match("sales@twin.example") == ("sales@twin.example", ["b@elsewhere.example"])

    def test_an_alias_domain_of_an_inactive_domain_answers_nothing(
        self, twin, example_org, add_mailbox
    ):
        add_mailbox("joe@example.org")

        set_domain_active(actor=None, domain=example_org, active=False)

        assert match("joe@twin.example") is None

    def test_a_mailbox_that_dovecot_would_not_find_answers_nothing(self, example_org, add_mailbox):
        joe = add_mailbox("joe@example.org")
        Alias.objects.all().delete()
        joe.pk = "joe+x@example.org"  # as another program may name one
        joe.save(force_insert=True)

        assert match("joe+x@example.org") is None

    def test_a_whole_domain_that_another_program_stored_is_answered_as_written(
        self, example_org, other_net
    ):
        Alias.objects.create(address="@example.org", goto="@other.net", domain=example_org)

        assert match("@example.org") == ("@example.org", ["@other.net"])

    def test_what_only_a_loop_keeps_alive_is_undeliverable(self, example_org):
        Alias.objects.bulk_create(
            Alias(address=f"{name}@example.org", goto=goto, domain=example_org)
            for name, goto in {"a": "b@example.org", "b": "a@example.org"}.items()
        )

        assert match("a@example.org") is None
        assert match("b@example.org") is None


class TestAnswers:
    def test_an_extension_goes_to_the_name_before_it(self, example_org, add_mailbox):
        add_mailbox("joe@example.org")

        assert match("joe+tag@example.org") is None
        assert answer("joe+tag@example.org") == (
            *("joe@example.org", "joe@example.org"),
            ["joe@example.org"],
        )

    def test_an_alias_with_the_extension_comes_first(self, example_org, add_mailbox, add_alias):
        add_mailbox("joe@example.org")
        add_alias("joe+tag@example.org", "a@elsewhere.example")

        assert answer("joe+tag@example.org") == (
            *("joe+tag@example.org", "joe+tag@example.org"),
            ["a@elsewhere.example"],
        )

    def test_the_catch_all_answers_what_nobody_else_does(self, twin, add_mailbox, add_alias):
        add_mailbox("joe@example.org")
        add_alias("@example.org", "a@elsewhere.example")

        addresses = ["joe@example.org", "nobody@example.org", "nobody@twin.example"]
        found = Lookup().answers(addresses)

        assert {address: (answer.key, answer.row) for address, answer in found.items()} == {
            "joe@example.org": ("joe@example.org", "joe@example.org"),
            "nobody@example.org": ("@example.org", "@example.org"),
            "nobody@twin.example": ("@twin.example", "@example.org"),
        }

    def test_an_address_whose_row_stops_is_answered_by_the_catch_all(
        self, example_org, add_mailbox, add_alias
    ):
        add_mailbox("joe@example.org")
        add_alias("@example.org", "a@elsewhere.example")

        [found] = Lookup().answers(["joe@example.org"], without=["joe@example.org"]).values()

        assert found.row == "@example.org"

    def test_an_address_that_nobody_answers_has_none(self, example_org):
        assert answer("nobody@example.org") is None
        assert answer("nobody@elsewhere.example") is None


class TestStatements:
    @pytest.fixture
    def chains(self, example_org, add_mailbox):
        """``chains(3, levels=2)``: three aliases, each with two more behind it, then a mailbox."""

        def make(number, levels):
            for n in range(number):
                add_mailbox(f"end{n}@example.org")
                names = [f"c{n}-{level}@example.org" for level in range(levels + 1)]
                hops = zip(names, [*names[1:], f"end{n}@example.org"], strict=True)
                Alias.objects.bulk_create(
                    Alias(address=name, goto=goto, domain=example_org) for name, goto in hops
                )
            return [f"c{n}-0@example.org" for n in range(number)]

        return make

    @pytest.mark.parametrize("ask", ["answers", "hops", "rows"])
    def test_three_addresses_take_as_many_as_one(self, ask, chains):
        addresses = chains(3, levels=2)

        with CaptureQueriesContext(connection) as for_one:
            getattr(Lookup(), ask)(addresses[:1])
        with CaptureQueriesContext(connection) as for_three:
            getattr(Lookup(), ask)(addresses)

        assert len(for_three) == len(for_one)

    @pytest.mark.parametrize("levels", [0, 1, 4])
    def test_a_level_of_aliases_takes_at_most_three(
        self, levels, chains, django_assert_max_num_queries
    ):
        addresses = chains(2, levels)

        # Beside the aliases a level each: the domain, and the mailbox at the end.
        with django_assert_max_num_queries(3 * (levels + 3)):
            found = Lookup().answers(addresses)

        assert [answer.row for answer in found.values()] == addresses

    def test_a_row_that_was_read_is_not_read_again(self, chains, django_assert_num_queries):
        addresses, lookup = chains(3, levels=2), Lookup()
        first = lookup.answers(addresses)

        with django_assert_num_queries(0):
            assert lookup.answers(addresses) == first

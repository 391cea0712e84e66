import pytest

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

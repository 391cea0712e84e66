import pytest
from django.db import connection

from accounts.models import LogEntry
from aliases.models import Alias
from aliases.referrers import referrers_of
from aliases.services import (
    create_alias,
    delete_alias,
    set_alias_active,
    update_alias,
)
from domains.models import Domain
from domains.services import create_alias_domain, update_domain
from mailboxes.forwarding import set_forwarding
from tests.refusals import refused


def last_log():
    entry = LogEntry.objects.latest("pk")
    return entry.action, entry.domain, entry.data, entry.changes


def stored():
    return dict(Alias.objects.filter(is_self_alias=False).values_list("pk", "goto"))


class TestCreate:
    def test_address_and_targets_are_stored_as_postfix_asks(self, example_org):
        alias = create_alias(
            actor=None, domain=example_org, local_part=" Sales ", targets="A@Other.NET\nb@other.net"
        )

        assert stored() == {"sales@example.org": "a@other.net,b@other.net"}
        assert alias.targets == ["a@other.net", "b@other.net"]
        assert last_log() == (
            "create_alias",
            "example.org",
            "sales@example.org",
            {"goto": [None, "a@other.net,b@other.net"], "active": [None, True]},
        )

    @pytest.mark.parametrize("local_part", ["", "*"])
    def test_a_catch_all_is_the_domain_alone(self, local_part, example_org):
        alias = create_alias(
            actor=None, domain=example_org, local_part=local_part, targets="a@other.net"
        )

        assert stored() == {"@example.org": "a@other.net"}
        assert (alias.is_catch_all, str(alias)) == (True, "@example.org")

    def test_an_address_is_taken_once_by_a_mailbox_or_an_alias(
        self, example_org, add_mailbox, add_alias
    ):
        add_mailbox("joe@example.org")
        add_alias("sales@example.org", "joe@example.org")
        add_alias("@example.org", "joe@example.org")

        for local_part in ("JOE", "sales", "*"):
            with refused("taken"):
                create_alias(
                    actor=None, domain=example_org, local_part=local_part, targets="x@other.net"
                )

    def test_a_mailbox_without_its_own_row_still_holds_its_address(
        self, example_org, add_mailbox, add_alias
    ):
        add_mailbox("joe@example.org")
        Alias.objects.all().delete()

        with refused("taken"):
            add_alias("joe@example.org", "x@other.net")

    @pytest.mark.parametrize("text", ["a b", "a/b", "../x", "a..b", ".a", "a@b", "-a", "é"])
    def test_a_hostile_name_is_refused_at_its_field(self, text, example_org):
        with refused("invalid_local_part", field="local_part"):
            create_alias(actor=None, domain=example_org, local_part=text, targets="x@other.net")

    def test_wrong_targets_are_refused_at_their_field(self, example_org):
        with refused("invalid_address", "invalid_address", field="targets"):
            create_alias(actor=None, domain=example_org, local_part="a", targets="|x\nroot")
        with refused("required", field="targets"):
            create_alias(actor=None, domain=example_org, local_part="a", targets=" ")
        with refused("itself", field="targets"):
            create_alias(actor=None, domain=example_org, local_part="a", targets="A@example.org")
        assert stored() == {}

    def test_an_alias_lists_a_name_of_a_domain_that_is_handed_on(self, add_domain):
        gate = add_domain("gate.example", transport="smtp:[192.0.2.9]")

        create_alias(actor=None, domain=gate, local_part="master", targets="Master@gate.example")
        copied = create_alias(
            actor=None,
            domain=gate,
            local_part="copied",
            targets="copied@gate.example\nx@other.net",
        )
        update_alias(actor=None, alias=copied, targets="copied@gate.example")
        with refused("whole_domain", field="targets"):
            create_alias(actor=None, domain=gate, local_part="a", targets="@gate.example")
        with refused("own_domain", field="targets"):
            create_alias(actor=None, domain=gate, local_part="*", targets="@gate.example")

        assert stored() == {
            "master@gate.example": "master@gate.example",
            "copied@gate.example": "copied@gate.example",
        }

    def test_a_listed_name_stays_when_what_got_its_copies_is_deleted(
        self, add_domain, add_alias, example_org
    ):
        add_domain("gate.example", transport="smtp:[192.0.2.9]")
        add_alias("master@gate.example", "master@gate.example", "sales@example.org")
        sales = add_alias("sales@example.org", "x@other.net")

        delete_alias(actor=None, alias=sales, clean=Alias.objects.all())

        assert stored() == {"master@gate.example": "master@gate.example"}

    def test_an_address_has_at_most_254_characters(self, add_domain):
        domain = add_domain(".".join(["d" * 60] * 3) + ".example")

        with refused("invalid_address"):
            create_alias(actor=None, domain=domain, local_part="a" * 64, targets="x@other.net")

    @pytest.mark.parametrize(("limit", "allowed"), [(0, 4), (-1, 0), (1, 1), (3, 3)])
    def test_the_limit_counts_aliases_without_mailboxes(
        self, limit, allowed, add_domain, add_mailbox
    ):
        domain = add_domain("example.org", aliases=limit)
        add_mailbox("joe@example.org")
        add_mailbox("ann@example.org")

        for number in range(allowed):
            create_alias(
                actor=None, domain=domain, local_part=f"a{number}", targets="joe@example.org"
            )
        if limit:
            with refused("limit_reached", field="domain"):
                create_alias(actor=None, domain=domain, local_part="x", targets="joe@example.org")

        assert len(stored()) == allowed

    def test_a_role_address_is_the_superadmins(self, example_org, make_admin, settings):
        boss, admin = make_admin(superadmin=True), make_admin(domains=["example.org"])

        with refused("role", field="local_part"):
            create_alias(
                actor=admin, domain=example_org, local_part="PostMaster", targets="x@other.net"
            )
        create_alias(actor=boss, domain=example_org, local_part="postmaster", targets="x@other.net")
        create_alias(actor=None, domain=example_org, local_part="abuse", targets="x@other.net")
        settings.ROLE_ADDRESSES_PROTECTED = False
        create_alias(actor=admin, domain=example_org, local_part="webmaster", targets="x@other.net")

        assert len(stored()) == 3


class TestChange:
    def test_changes_are_logged_with_old_and_new(self, example_org, add_alias):
        alias = add_alias("sales@example.org", "a@other.net")

        update_alias(actor=None, alias=alias, targets=["b@other.net"], description="Shop")

        assert stored() == {"sales@example.org": "b@other.net"}
        assert last_log() == (
            "edit_alias",
            "example.org",
            "sales@example.org",
            {"goto": ["a@other.net", "b@other.net"], "description": ["", "Shop"]},
        )

    def test_nothing_changed_is_nothing_logged(self, example_org, add_alias):
        alias = add_alias("sales@example.org", "a@other.net")
        before = LogEntry.objects.count()

        update_alias(actor=None, alias=alias, targets="a@other.net", active=True)

        assert LogEntry.objects.count() == before

    def test_deactivating_has_its_own_word_in_the_log(self, example_org, add_alias):
        alias = add_alias("sales@example.org", "a@other.net")

        set_alias_active(actor=None, alias=alias, active=False)

        assert last_log()[0] == "edit_alias_state"
        assert last_log()[3] == {"active": [True, False]}

    def test_what_another_program_stored_may_stay(self, example_org):
        alias = Alias.objects.create(
            address="sales@example.org", domain=example_org, goto="Root, A@Other.NET"
        )

        alias = update_alias(actor=None, alias=alias, targets="Root\nA@Other.NET\nb@other.net")

        assert alias.goto == "root,a@other.net,b@other.net"

    def test_a_limit_that_is_reached_does_not_stop_an_edit(self, example_org, add_alias):
        alias = add_alias("sales@example.org", "a@other.net")
        update_domain(actor=None, domain=example_org, aliases=-1)

        assert update_alias(actor=None, alias=alias, targets="b@other.net").goto == "b@other.net"


def test_who_leads_here(example_org, other_net, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("a@other.net", "joe@example.org")
    add_alias("b@other.net", "joe+tag@example.org", "x@elsewhere.example")
    add_alias("c@other.net", "joel@example.org")
    add_alias("@other.net", "joe@example.org")

    assert referrers_of(["joe@example.org"]) == {"a@other.net", "b@other.net", "@other.net"}


def test_who_leads_here_through_an_alias_domain(
    example_org, other_net, add_domain, add_mailbox, add_alias
):
    for name, target in (("twin", "example.org"), ("own", "example.org"), ("apart", "other.net")):
        create_alias_domain(
            actor=None,
            alias_domain=add_domain(f"{name}.example"),
            target_domain=Domain.objects.get(pk=target),
        )
        add_alias(f"{name}@other.net", f"joe@{name}.example")
        add_alias(f"tag-{name}@other.net", f"joe+tag@{name}.example")
    add_mailbox("joe@example.org")
    add_mailbox("joe@own.example")

    assert referrers_of(["joe@example.org"]) == {"twin@other.net", "tag-twin@other.net"}
    assert referrers_of(["joe@own.example"]) == {"own@other.net", "tag-own@other.net"}
    assert referrers_of(["@example.org"]) == set()


def test_search_takes_wildcards_as_letters(example_org, add_alias):
    add_alias("a_b@example.org", "x@other.net")
    add_alias("acb@example.org", "x@other.net")

    assert [str(alias) for alias in Alias.objects.search(" A_B")] == ["a_b@example.org"]
    assert Alias.objects.search("%").count() == 0


def test_letters_with_and_without_accents_are_different_targets(example_org):
    """As other programs may write them; MariaDB's default collation holds them for equal."""
    Alias.objects.create(
        address="a@example.org", domain=example_org, goto="ü@b.example,u@b.example"
    )

    def targets():
        with connection.cursor() as cursor:
            cursor.execute("SELECT target FROM alias_target ORDER BY target")
            return [target for (target,) in cursor.fetchall()]

    assert targets() == ["u@b.example", "ü@b.example"]
    Alias.objects.update(goto="u@b.example,u@b.example")
    assert targets() == ["u@b.example"]
    Alias.objects.update(goto="ù@b.example,u@b.example")
    assert targets() == ["u@b.example", "ù@b.example"]
    Alias.objects.update(goto="u@b.example,ù@b.example")
    Alias.objects.update(goto="u@b.example,u@b.example")
    assert targets() == ["u@b.example"]


class TestWholeDomains:
    def test_a_whole_domain_of_ours_is_refused(self, example_org, other_net, add_alias):
        with refused("own_domain", field="targets") as refusal:
            add_alias("@example.org", "a@elsewhere.example", "@other.net")

        [error] = refusal.value.error_dict["targets"]
        assert error.params == {"domain": other_net}
        assert stored() == {}

    def test_a_catch_all_to_its_own_domain_is_refused(self, example_org, add_alias):
        with refused("own_domain", field="targets"):
            add_alias("@example.org", "@example.org")

    def test_a_whole_domain_of_another_server_is_accepted(self, example_org, add_alias):
        add_alias("@example.org", "@elsewhere.example")

        assert stored() == {"@example.org": "@elsewhere.example"}

    def test_an_edit_adds_no_domain_of_ours(self, example_org, other_net, add_alias):
        alias = add_alias("@example.org", "@elsewhere.example")

        with refused("own_domain", field="targets"):
            update_alias(actor=None, alias=alias, targets="@elsewhere.example\n@other.net")

        assert stored() == {"@example.org": "@elsewhere.example"}

    @pytest.mark.parametrize("whole", ["@other.net", "@Other.NET"])
    def test_one_that_another_program_stored_may_stay_but_no_other_joins_it(
        self, whole, example_org, other_net, add_domain
    ):
        add_domain("third.example")
        alias = Alias.objects.create(
            address="@example.org", domain=example_org, goto=f"{whole},a@elsewhere.example"
        )

        alias = update_alias(actor=None, alias=alias, targets=f"{whole}\nb@elsewhere.example")
        assert stored() == {"@example.org": "@other.net,b@elsewhere.example"}
        with refused("own_domain", field="targets"):
            update_alias(actor=None, alias=alias, targets="@other.net\n@third.example")
        set_alias_active(actor=None, alias=alias, active=False)

        assert stored() == {"@example.org": "@other.net,b@elsewhere.example"}


class TestExternalTargets:
    """EXTERNAL_TARGETS=False: only superadmins and the command line send mail on to other domains."""

    @pytest.fixture(autouse=True)
    def forbidden(self, settings):
        settings.EXTERNAL_TARGETS = False

    def test_a_domain_admin_leads_aliases_to_our_domains_only(
        self, example_org, other_net, make_admin
    ):
        theirs = make_admin("theirs@example.org", domains=["example.org"])
        new = {"domain": example_org, "local_part": "sales"}

        with refused("external", field="targets") as refusal:
            create_alias(actor=theirs, targets="a@other.net, b@elsewhere.example", **new)

        [error] = refusal.value.error_dict["targets"]
        assert error.params == {"target": "b@elsewhere.example"}
        assert stored() == {}
        create_alias(actor=theirs, targets="a@other.net", **new)
        assert stored() == {"sales@example.org": "a@other.net"}

    def test_what_is_there_may_stay_but_nothing_joins_it(self, example_org, add_alias, make_admin):
        alias = add_alias("sales@example.org", "old@elsewhere.example")
        theirs = make_admin("theirs@example.org", domains=["example.org"])

        update_alias(actor=theirs, alias=alias, targets="old@elsewhere.example\njoe@example.org")
        with refused("external", field="targets"):
            update_alias(actor=theirs, alias=alias, targets="new@elsewhere.example")

        assert stored() == {"sales@example.org": "old@elsewhere.example,joe@example.org"}

    def test_a_user_s_forwarding_is_held_to_it_too(self, example_org, add_mailbox):
        joe = add_mailbox("joe@example.org")

        with refused("external", field="targets"):
            set_forwarding(actor=joe, mailbox=joe, targets="me@elsewhere.example", keep_copy=True)

        assert Alias.objects.get(pk="joe@example.org").goto == "joe@example.org"

    def test_superadmins_and_the_command_line_are_free(self, example_org, make_admin):
        root = make_admin("root@example.org", superadmin=True)
        for actor, name in ((root, "a"), (None, "b")):
            create_alias(
                actor=actor, domain=example_org, local_part=name, targets="x@elsewhere.example"
            )

        assert len(stored()) == 2

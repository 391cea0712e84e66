from accounts.models import LogEntry
from aliases.cleaning import DELETE, remove_target_from_aliases
from aliases.models import Alias
from aliases.referrers import referrers_of
from aliases.services import delete_alias
from domains.services import create_alias_domain, delete_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.services import delete_mailbox
from tests.aliases.test_services import last_log, stored
from tests.refusals import refused


class TestDelete:
    def test_a_deleted_alias_is_logged_with_what_it_was(self, example_org, add_alias):
        alias = add_alias("sales@example.org", "a@other.net", description="Questions", active=False)

        delete_alias(actor=None, alias=alias)

        assert stored() == {}
        assert last_log() == (
            "delete_alias",
            "example.org",
            "sales@example.org",
            {
                "goto": ["a@other.net", None],
                "description": ["Questions", None],
                "active": [False, None],
            },
        )

    def test_a_mailboxs_own_row_goes_only_with_its_mailbox(self, example_org, add_mailbox):
        add_mailbox("joe@example.org")

        with refused("is_self_alias"):
            delete_alias(actor=None, alias=Alias.objects.get())

    def test_a_deleted_alias_can_be_taken_out_of_others(self, example_org, other_net, add_alias):
        alias = add_alias("old@example.org", "x@elsewhere.example")
        add_alias("list@other.net", "old@example.org", "old+tag@example.org", "a@elsewhere.example")
        add_alias("only@other.net", "old@example.org")
        add_alias("not-asked@other.net", "old@example.org")

        delete_alias(
            actor=None,
            alias=alias,
            clean=Alias.objects.filter(pk__in=["list@other.net", "only@other.net"]),
            emptied=DELETE,
        )

        assert stored() == {
            "list@other.net": "a@elsewhere.example",
            "not-asked@other.net": "old@example.org",
        }
        entries = LogEntry.objects.order_by("-pk").values_list("action", "data", "changes")[:3]
        assert sorted(entries, key=lambda entry: entry[1]) == [
            (
                "edit_alias",
                "list@other.net",
                {
                    "goto": [
                        "old@example.org,old+tag@example.org,a@elsewhere.example",
                        "a@elsewhere.example",
                    ]
                },
            ),
            (
                "delete_alias",
                "old@example.org",
                {"goto": ["x@elsewhere.example", None], "active": [True, None]},
            ),
            (
                "delete_alias",
                "only@other.net",
                {"goto": ["old@example.org", None], "active": [True, None]},
            ),
        ]

    def test_a_deleted_alias_is_taken_out_of_all_others_however_many_are_held_at_once(
        self, example_org, other_net, add_alias, monkeypatch
    ):
        monkeypatch.setattr("aliases.cleaning.BATCH", 2)
        alias = add_alias("old@example.org", "x@elsewhere.example")
        for number in range(5):
            add_alias(f"a{number}@other.net", "old@example.org")

        delete_alias(actor=None, alias=alias, clean=Alias.objects.all(), emptied=DELETE)

        assert stored() == {}

    def test_who_may_change_what_is_asked_of_every_alias(
        self, example_org, other_net, add_alias, add_mailbox, make_admin
    ):
        theirs = make_admin("theirs@example.org", domains=["example.org"])
        alias = add_alias("old@example.org", "x@elsewhere.example")
        postmaster = add_mailbox("postmaster@example.org")
        set_forwarding(actor=None, mailbox=postmaster, targets="old@example.org", keep_copy=True)
        for address in ("list@example.org", "abuse@example.org", "list@other.net"):
            add_alias(address, "old@example.org", "y@elsewhere.example")

        delete_alias(actor=theirs, alias=alias, clean=Alias.objects.cleanable_by(theirs))

        assert Alias.objects.get(pk=postmaster.pk).goto == "postmaster@example.org"
        assert stored() == {
            "list@example.org": "y@elsewhere.example",
            "abuse@example.org": "old@example.org,y@elsewhere.example",
            "list@other.net": "old@example.org,y@elsewhere.example",
        }

    def test_a_domain_admin_cleans_up_where_no_role_addresses_are_set(
        self, example_org, add_alias, make_admin, settings
    ):
        settings.ROLE_ADDRESSES = []
        theirs = make_admin("theirs@example.org", domains=["example.org"])
        alias = add_alias("old@example.org", "x@elsewhere.example")
        add_alias("list@example.org", "old@example.org", "y@elsewhere.example")

        delete_alias(actor=theirs, alias=alias, clean=Alias.objects.cleanable_by(theirs))

        assert stored() == {"list@example.org": "y@elsewhere.example"}

    def test_a_forwarding_that_loses_its_target_leads_home_again(
        self, example_org, other_net, add_mailbox, add_alias
    ):
        joe = add_mailbox("joe@other.net")
        add_alias("old@example.org", "x@elsewhere.example")
        set_forwarding(actor=None, mailbox=joe, targets="old@example.org", keep_copy=False)

        remove_target_from_aliases(
            actor=None,
            addresses=["old@example.org"],
            aliases=Alias.objects.filter(pk="joe@other.net"),
        )

        assert Alias.objects.get(pk="joe@other.net").goto == "joe@other.net"

    def test_an_alias_whose_name_only_begins_with_it_stays_a_target(
        self, example_org, other_net, add_mailbox, add_alias
    ):
        joe = add_mailbox("joe@example.org")
        add_alias("joe+list@example.org", "x@elsewhere.example")
        add_alias("sales@other.net", "joe+list@example.org", "joe+tag@example.org")
        add_alias("team@other.net", "joe+list@example.org")
        assert referrers_of([joe.pk]) == {"sales@other.net"}

        delete_mailbox(actor=None, mailbox=joe, clean=Alias.objects.all())

        assert stored() == {
            "joe+list@example.org": "x@elsewhere.example",
            "sales@other.net": "joe+list@example.org",
            "team@other.net": "joe+list@example.org",
        }

    def test_in_an_alias_domain_a_name_that_only_begins_with_it_stays_a_target(
        self, example_org, other_net, add_domain, add_mailbox, add_alias
    ):
        twin = add_domain("twin.example")
        create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)
        joe = add_mailbox("joe@example.org")
        add_alias("joe+list@example.org", "x@elsewhere.example")
        add_alias("sales@other.net", "joe+list@twin.example", "joe+tag@twin.example")

        delete_mailbox(actor=None, mailbox=joe, clean=Alias.objects.all())

        assert stored() == {
            "joe+list@example.org": "x@elsewhere.example",
            "sales@other.net": "joe+list@twin.example",
        }

    def test_a_target_with_a_tab_in_it_is_dropped_too(self, example_org, other_net):
        goto = "Old\t<old@other.net>,\n a@b.example"
        Alias.objects.create(address="list@example.org", domain=example_org, goto=goto)

        delete_domain(actor=None, domain=other_net, others="remove", emptied="delete")

        assert stored() == {"list@example.org": "a@b.example"}

    def test_targets_stored_in_capitals_are_dropped_too(self, example_org, other_net):
        alias = Alias.objects.create(
            address="list@example.org", domain=example_org, goto="Old@Other.NET, a@b.example"
        )

        remove_target_from_aliases(actor=None, addresses=["old@other.net"], aliases=[alias])

        assert stored() == {"list@example.org": "a@b.example"}

from accounts.models import LogEntry
from domains.models import AliasDomain, Domain
from domains.services import (
    create_alias_domain,
    delete_alias_domain,
    update_alias_domain,
)
from tests.domains.test_services import last_log
from tests.refusals import refused


class TestAliasDomains:
    def test_creating_changing_and_deleting_are_logged(self, example_org, other_net, add_domain):
        third = add_domain("third.example")
        link = create_alias_domain(
            actor=None, alias_domain=other_net, target_domain=example_org, description="old name"
        )
        assert last_log() == (
            "create_alias_domain",
            "other.net",
            "other.net",
            {
                "target_domain": [None, "example.org"],
                "description": [None, "old name"],
                "active": [None, True],
            },
        )

        link = update_alias_domain(actor=None, link=link, target_domain=third)
        assert last_log() == (
            "edit_alias_domain",
            "other.net",
            "other.net",
            {"target_domain": ["example.org", "third.example"]},
        )
        assert (link.target_domain, str(link)) == (third, "other.net")

        link = update_alias_domain(actor=None, link=link, active=False)
        assert last_log()[0] == "edit_alias_domain_state"
        assert last_log()[3] == {"active": [True, False]}

        update_alias_domain(actor=None, link=link, active=False)
        assert LogEntry.objects.filter(action="edit_alias_domain_state").count() == 1

        delete_alias_domain(actor=None, link=link)
        assert last_log() == (
            "delete_alias_domain",
            "other.net",
            "other.net",
            {
                "target_domain": ["third.example", None],
                "description": ["old name", None],
                "active": [False, None],
            },
        )
        assert AliasDomain.objects.count() == 0
        assert Domain.objects.count() == 3

    def test_a_domain_is_not_its_own_target(self, example_org):
        with refused("itself", field="target_domain"):
            create_alias_domain(actor=None, alias_domain=example_org, target_domain=example_org)

    def test_a_domain_leads_to_one_other(self, example_org, other_net, add_domain):
        create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)

        with refused("taken", field="alias_domain"):
            create_alias_domain(
                actor=None, alias_domain=other_net, target_domain=add_domain("third.example")
            )

    def test_a_chain_of_another_program_can_be_deactivated_but_not_activated(
        self, example_org, other_net, add_domain
    ):
        third = add_domain("third.example")
        first = AliasDomain.objects.create(alias_domain=example_org, target_domain=other_net)
        AliasDomain.objects.create(alias_domain=other_net, target_domain=third)

        update_alias_domain(actor=None, link=first, active=False)
        with refused("chain", field="target_domain"):
            update_alias_domain(actor=None, link=first, active=True)

        assert AliasDomain.objects.get(pk="example.org").active is False

    def test_there_are_no_chains(self, example_org, other_net, add_domain):
        third = add_domain("third.example")
        create_alias_domain(actor=None, alias_domain=other_net, target_domain=example_org)

        with refused("chain", field="target_domain"):
            create_alias_domain(actor=None, alias_domain=third, target_domain=other_net)
        with refused("chain", field="alias_domain"):
            create_alias_domain(actor=None, alias_domain=example_org, target_domain=third)
        link = create_alias_domain(
            actor=None, alias_domain=third, target_domain=example_org, active=False
        )
        with refused("chain", field="target_domain"):
            update_alias_domain(actor=None, link=link, target_domain=other_net)

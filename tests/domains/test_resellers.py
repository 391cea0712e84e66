import pytest
from django.utils import timezone

from accounts import tokens
from accounts.models import Admin, ApiToken, LogEntry
from accounts.services import delete_admin, update_admin
from aliases.models import Alias
from domains import resellers
from domains.models import Domain, DomainAdmin, DomainUsage
from domains.services import (
    create_alias_domain,
    create_domain,
    delete_domain,
    set_domain_active,
    update_domain,
)
from mailboxes import restoring
from mailboxes.models import Deleted
from mailboxes.services import create_mailbox
from panel.scoping import may_create_domains, resells
from tests.refusals import refused

pytestmark = pytest.mark.django_db
SMALL = {"mailboxes": 5, "quota": 100, "aliases": 10, "maxquota": 50}
USUAL = {"sending_limit": None, "transport": "virtual", "backupmx": False, "active": True}


@pytest.fixture
def reseller(make_reseller):
    return make_reseller()


@pytest.fixture
def sell():
    def sold(actor, name="firm.example", **fields):
        domain = create_domain(actor=actor, name=name, **SMALL | fields)
        return Domain.objects.get(pk=domain.pk)

    return sold


def used(account):
    return resellers.use_of(account.pk)


def managed(account):
    return list(Admin.objects.get(pk=account.pk).domain_names)


def last_changes():
    return LogEntry.objects.latest("pk").changes


class TestCreate:
    def test_a_reseller_manages_what_they_made_and_it_counts(self, reseller, sell):
        domain = sell(reseller)

        assert (domain.reseller, managed(reseller)) == (reseller.pk, ["firm.example"])
        assert used(reseller) == (1, 5, 100)
        assert last_changes()["reseller"] == [None, reseller.pk]
        assert reseller.domain_names == ("firm.example",)

    def test_the_last_of_the_budget_can_be_had(self, reseller, sell):
        sell(reseller, mailboxes=19, quota=999)

        sell(reseller, "other.example", mailboxes=1, quota=1)

        assert used(reseller) == (2, 20, 1000)

    @pytest.mark.parametrize(
        ("limits", "field", "left"),
        [
            ({"mailboxes": 16}, "mailboxes", "At most 15 are left"),
            ({"mailboxes": 0}, "mailboxes", "At most 15 are left"),
            ({"quota": 901}, "quota", "At most 900 MB is left"),
            ({"quota": 0}, "quota", "At most 900 MB is left"),
            ({"quota": -1}, "quota", "At most 900 MB is left"),
        ],
    )
    def test_no_limit_is_more_than_what_is_left(self, limits, field, left, reseller, sell):
        sell(reseller)

        with refused("budget", field=field) as refusal:
            sell(reseller, "other.example", **limits)

        assert left in refusal.value.messages[0].replace("\N{NO-BREAK SPACE}", " ")
        assert Domain.objects.count() == 1

    def test_all_that_is_too_much_is_said_at_once(self, make_reseller, sell):
        reseller = make_reseller(domains=0, mailboxes=4, storage=99)

        with refused("budget", "budget", "budget"):
            sell(reseller)

    def test_what_a_budget_does_not_name_is_unlimited(self, make_reseller, sell):
        reseller = make_reseller(domains=None, mailboxes=None, storage=None)

        sell(reseller, mailboxes=0, quota=0)

        assert used(reseller) == (1, None, None)

    def test_a_domain_without_mailboxes_takes_no_storage(self, reseller, sell):
        sell(reseller, mailboxes=-1, quota=0)

        assert used(reseller) == (1, 0, 0)

    def test_another_name_of_a_domain_takes_neither(self, reseller, sell):
        domain = sell(reseller)

        create_domain(actor=reseller, name="firm.test", alias_of=domain)

        assert used(reseller) == (2, 5, 100)
        assert Domain.objects.get(pk="firm.test").alias_of.target_domain == domain

    @pytest.mark.parametrize(
        ("field", "value"),
        [("transport", "smtp:[192.0.2.7]"), ("backupmx", True), ("verify_recipients", True)],
    )
    def test_how_mail_is_delivered_is_for_superadmins(self, field, value, reseller, sell):
        with refused("superadmin", field=field):
            sell(reseller, **{field: value})

    def test_the_role_addresses_can_lead_somewhere(self, reseller, sell):
        sell(reseller, role_target="it@elsewhere.example")

        assert Alias.objects.get(pk="postmaster@firm.example").goto == "it@elsewhere.example"

    def test_but_not_outside_where_nothing_may(self, reseller, sell, settings):
        settings.EXTERNAL_TARGETS = False

        with refused("external", field="role_target"):
            sell(reseller, role_target="it@elsewhere.example")
        sell(reseller, role_target="it")

        assert Alias.objects.get(pk="postmaster@firm.example").goto == "it@firm.example"

    def test_a_domain_admin_makes_none(self, make_admin, example_org, sell):
        with refused("superadmin"):
            sell(make_admin(domains=["example.org"]))

    def test_whose_right_ended_meanwhile_makes_none(self, reseller, sell):
        Admin.objects.update(reseller=False)

        with refused("superadmin"):
            sell(reseller)

    def test_a_token_that_is_limited_to_domains_makes_none(self, reseller, sell):
        reseller.token_domains = ("firm.example",)

        with refused("superadmin"):
            sell(reseller)

    def test_superadmins_are_bound_by_nothing(self, make_admin, make_reseller, sell):
        root = make_admin("root@example.org", superadmin=True, reseller=True, max_domains=0)

        assert sell(root, mailboxes=0, quota=0).reseller == ""


class TestNames:
    @pytest.mark.parametrize("name", ["mail.theirs.example", "a.b.theirs.example"])
    def test_no_domain_within_somebody_elses(self, name, reseller, sell, add_domain):
        add_domain("theirs.example")

        with refused("others", field="name"):
            sell(reseller, name)

    def test_no_domain_around_somebody_elses(self, reseller, sell, add_domain):
        add_domain("mail.theirs.example")

        with refused("others", field="name"):
            sell(reseller, "theirs.example")

    def test_a_name_that_only_ends_alike_is_another(self, reseller, sell, add_domain):
        add_domain("theirs.example")

        assert sell(reseller, "notheirs.example").pk == "notheirs.example"

    def test_within_an_own_one_there_may_be_others(self, reseller, sell):
        sell(reseller)

        assert sell(reseller, "mail.firm.example").reseller == reseller.pk

    def test_what_somebody_else_has_is_taken(self, reseller, sell, example_org):
        with refused("taken", field="name"):
            sell(reseller, "example.org")

    def test_what_somebody_else_can_restore_is_not_free(self, reseller, sell, add_domain):
        delete_domain(actor=None, domain=add_domain("theirs.example"))

        with refused("others", field="name"):
            sell(reseller, "theirs.example")

        Deleted.objects.update(until=timezone.now())
        LogEntry.objects.all().delete()
        assert sell(reseller, "theirs.example").reseller == reseller.pk

    @pytest.mark.parametrize("days", [0, 30])
    def test_nor_is_that_of_which_the_log_tells_what_was_somebody_elses(
        self, days, reseller, sell, add_domain, settings
    ):
        settings.DELETED_DAYS = days
        delete_domain(actor=None, domain=add_domain("theirs.example"))
        Deleted.objects.all().delete()

        with refused("others", field="name"):
            sell(reseller, "theirs.example")

    def test_nor_what_another_reseller_deleted(self, reseller, make_reseller, sell):
        other = make_reseller("other@example.org")
        delete_domain(actor=other, domain=sell(other))
        Deleted.objects.all().delete()

        with refused("others", field="name"):
            sell(reseller)

    def test_nor_what_another_program_deleted(self, reseller, sell):
        LogEntry.objects.record(None, "edit_mailbox", domain="firm.example", target="a@b.example")

        with refused("others", field="name"):
            sell(reseller)

    @pytest.mark.parametrize("kept", [True, False])
    def test_what_they_deleted_themselves_is(self, kept, reseller, sell):
        delete_domain(actor=reseller, domain=sell(reseller))
        if not kept:
            Deleted.objects.all().delete()

        assert sell(reseller).reseller == reseller.pk

    @pytest.mark.parametrize(
        "held",
        [
            {"sending_limit": 5},
            {"transport": "smtp:[192.0.2.7]"},
            {"backupmx": True},
            {"active": False},
        ],
    )
    def test_but_not_without_what_a_superadmin_set(self, held, reseller, sell):
        domain = sell(reseller)
        update_domain(actor=None, domain=domain, **held)
        delete_domain(actor=reseller, domain=domain)

        with refused("held", field="name"):
            sell(reseller)

        restoring.restore(actor=None, deletion=Deleted.objects.get())
        update_domain(actor=None, domain=domain, **USUAL)
        delete_domain(actor=reseller, domain=domain)
        assert sell(reseller).reseller == reseller.pk

    def test_but_not_if_it_was_somebody_elses_since(self, reseller, sell):
        delete_domain(actor=reseller, domain=sell(reseller))
        domain = create_domain(actor=None, name="firm.example")
        delete_domain(actor=None, domain=domain)
        Deleted.objects.all().delete()

        with refused("others", field="name"):
            sell(reseller)


class TestChange:
    def test_limits_change_within_the_budget(self, reseller, sell):
        domain = sell(reseller)

        update_domain(actor=reseller, domain=domain, mailboxes=20, quota=1000)
        with refused("budget", "budget") as refusal:
            update_domain(actor=reseller, domain=domain, mailboxes=21, quota=1001)

        assert [*refusal.value.error_dict] == ["mailboxes", "quota"]
        assert used(reseller) == (1, 20, 1000)

    def test_a_limit_below_what_is_there_gives_nothing_back_that_is_in_use(self, reseller, sell):
        domain = sell(reseller)
        for name in ("ann", "bob"):
            create_mailbox(
                actor=None,
                domain=domain,
                local_part=name,
                password="tangerine-7-bicycle",
                quota=40 * 1_024_000,
            )

        update_domain(actor=reseller, domain=domain, mailboxes=1, quota=10)

        assert used(reseller) == (1, 2, 80)

    def test_nor_does_a_domain_that_may_have_no_more_mailboxes(self, reseller, sell):
        domain = sell(reseller)
        create_mailbox(
            actor=None, domain=domain, local_part="ann", password="tangerine-7-bicycle", quota=1024
        )

        with refused("budget", field="quota"):
            update_domain(actor=reseller, domain=domain, mailboxes=-1, quota=0)

    def test_what_a_superadmin_gave_beyond_it_stays_and_can_become_less(self, reseller, sell):
        domain = sell(reseller)
        update_domain(actor=None, domain=domain, mailboxes=50, quota=0)

        update_domain(actor=reseller, domain=domain, description="Firm")
        update_domain(actor=reseller, domain=domain, mailboxes=40)
        with refused("budget", field="mailboxes"):
            update_domain(actor=reseller, domain=domain, mailboxes=41)
        with refused("budget", "budget"):
            sell(reseller, "other.example", mailboxes=1, quota=1)

        assert used(reseller) == (1, 40, None)

    @pytest.mark.parametrize(
        "change", [{"transport": "smtp:[192.0.2.7]"}, {"backupmx": True}, {"sending_limit": 5}]
    )
    def test_what_is_for_superadmins_stays(self, change, reseller, sell):
        with refused("superadmin", field=next(iter(change))):
            update_domain(actor=reseller, domain=sell(reseller), **change)

    @pytest.mark.parametrize(
        ("given", "undone"),
        [
            ({"transport": "smtp:[192.0.2.7]"}, {"transport": "virtual"}),
            ({"backupmx": True}, {"backupmx": False}),
            ({"backupmx": True, "verify_recipients": True}, {"verify_recipients": False}),
            ({"sending_limit": 5}, {"sending_limit": None}),
        ],
    )
    def test_what_a_superadmin_set_is_not_undone(self, given, undone, reseller, sell):
        domain = sell(reseller)
        update_domain(actor=None, domain=domain, **given)

        with refused("superadmin", field=next(iter(undone))):
            update_domain(actor=reseller, domain=domain, **undone)
        update_domain(actor=reseller, domain=domain, description="Firm", **given)

    def test_limits_of_a_domain_that_does_not_count_are_for_superadmins(
        self, make_reseller, example_org
    ):
        reseller = make_reseller(domains=3)
        update_admin(actor=None, admin=reseller, domains=["example.org"])
        reseller = Admin.objects.get(pk=reseller.pk)

        with refused("superadmin"):
            update_domain(actor=reseller, domain=example_org, mailboxes=1)

    def test_a_domain_that_is_off_counts(self, reseller, sell):
        set_domain_active(actor=reseller, domain=sell(reseller), active=False)

        assert used(reseller) == (1, 5, 100)


class TestDelete:
    def test_deleting_gives_back_and_restoring_counts_again(self, reseller, sell):
        delete_domain(actor=reseller, domain=sell(reseller))
        assert (used(reseller), managed(reseller)) == ((0, 0, 0), [])

        restoring.restore(actor=None, deletion=Deleted.objects.get())

        assert (used(reseller), managed(reseller)) == ((1, 5, 100), ["firm.example"])

    def test_it_counts_for_nobody_who_resells_no_more(self, reseller, sell):
        delete_domain(actor=reseller, domain=sell(reseller))
        update_admin(actor=None, admin=reseller, reseller=False)

        restoring.restore(actor=None, deletion=Deleted.objects.get())

        assert Domain.objects.get().reseller == ""

    def test_a_row_of_another_name_goes_on_counting(self, reseller, sell):
        sell(reseller)

        Domain.objects.filter(pk="firm.example").update(name="renamed.example")

        assert used(reseller) == (1, 5, 100)


class TestBudget:
    def test_it_is_logged_old_and_new(self, reseller):
        update_admin(actor=None, admin=reseller, max_domains=None, max_storage=500)

        assert last_changes() == {"max_domains": [3, None], "max_storage": [1000, 500]}

    def test_a_domain_without_counters_counts_by_its_limits(self, reseller, sell):
        sell(reseller)
        sell(reseller, "firm.test", mailboxes=-1, quota=0)
        DomainUsage.objects.all().delete()

        assert used(reseller) == (2, 5, 100)

    def test_it_may_be_less_than_what_is_in_use(self, reseller, sell):
        domain = sell(reseller)
        update_admin(actor=None, admin=reseller, max_domains=0, max_mailboxes=1, max_storage=1)

        update_domain(actor=reseller, domain=domain, mailboxes=4)
        with refused("budget", "budget", "budget"):
            sell(reseller, "other.example", mailboxes=1, quota=1)

    def test_domains_that_are_there_can_count(self, reseller, example_org):
        names = {"domains": ["example.org"], "resold": ["example.org"]}

        update_admin(actor=None, admin=reseller, **names)

        assert last_changes()["resold"] == [[], ["example.org"]]
        assert used(reseller) == (1, None, None)

    def test_a_domain_counts_for_one(self, reseller, sell, make_reseller):
        sell(reseller)
        other = make_reseller("other@example.org")

        with refused("others", field="resold"):
            update_admin(actor=None, admin=other, domains=["firm.example"], resold=["firm.example"])

    def test_but_no_more_for_one_whom_another_program_deleted(self, reseller, sell, make_reseller):
        sell(reseller)
        Admin.objects.filter(pk=reseller.pk).delete()
        other = make_reseller("other@example.org")

        update_admin(actor=None, admin=other, domains=["firm.example"], resold=["firm.example"])

        assert Domain.objects.get().reseller == other.pk
        assert used(other) == (1, 5, 100)

    def test_and_only_for_who_manages_it(self, reseller, example_org):
        with refused("not_assigned", field="resold"):
            update_admin(actor=None, admin=reseller, resold=["example.org"])

    def test_and_who_resells(self, make_admin, example_org):
        admin = make_admin(domains=["example.org"])

        with refused("no_reseller", field="resold"):
            update_admin(actor=None, admin=admin, resold=["example.org"])

    @pytest.mark.parametrize("change", [{"domains": []}, {"reseller": False}])
    def test_what_is_taken_away_counts_no_more(self, change, reseller, sell):
        sell(reseller)

        update_admin(actor=None, admin=Admin.objects.get(pk=reseller.pk), **change)

        assert last_changes()["resold"] == [["firm.example"], []]
        assert Domain.objects.get().reseller == ""

    def test_a_domain_of_a_reseller_who_is_deleted_stays_and_counts_for_nobody(
        self, reseller, sell
    ):
        sell(reseller)

        delete_admin(actor=None, admin=reseller)

        assert Domain.objects.get().reseller == ""
        assert DomainAdmin.objects.count() == 0

    def test_an_alias_domain_of_an_own_one_can_be_made_of_own_domains(self, reseller, sell):
        first, second = sell(reseller), sell(reseller, "firm.test")

        create_alias_domain(actor=reseller, alias_domain=second, target_domain=first)

        assert used(reseller) == (2, 10, 200)


class TestScope:
    def names(self, account):
        rows = Domain.objects.resold_by(account)
        assert [resells(account, row) for row in rows] == [True] * len(rows)
        return sorted(row.pk for row in rows)

    def test_superadmins_change_all_resellers_what_counts_and_others_nothing(
        self, reseller, sell, make_admin, example_org, add_mailbox
    ):
        sell(reseller)
        update_admin(actor=None, admin=reseller, domains=["firm.example", "example.org"])
        reseller = Admin.objects.get(pk=reseller.pk)
        theirs = make_admin("theirs@example.org", domains=["example.org", "firm.example"])
        off = Admin.objects.get(pk=reseller.pk)
        off.active = False

        assert self.names(make_admin(superadmin=True)) == ["example.org", "firm.example"]
        assert self.names(reseller) == ["firm.example"]
        for account in (theirs, off, add_mailbox("reseller@example.org")):
            assert self.names(account) == []
            assert not any(resells(account, row) for row in Domain.objects.all())

    def test_who_does_not_manage_it_any_more_changes_nothing(self, reseller, sell):
        domain = sell(reseller)
        DomainAdmin.objects.all().delete()  # as another program would

        reseller = Admin.objects.get(pk=reseller.pk)
        assert self.names(reseller) == []
        assert resells(reseller, domain) is False

    def test_a_superadmins_token_of_some_domains_resells_nothing(self, make_reseller, sell):
        domain = sell(make_reseller())
        root = Admin.objects.get()
        root.superadmin = True
        token = ApiToken(domains="firm.example")

        tokens._narrow(root, token)

        assert (root.is_reseller, may_create_domains(root), resells(root, domain)) == (
            *(False, False, False),
        )

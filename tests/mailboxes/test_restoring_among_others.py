"""What is restored meets what others made, renamed or deleted meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest

from aliases.cleaning import DELETE, clean_referrers
from aliases.models import Alias, Ending
from aliases.renaming import rename_alias
from aliases.services import delete_alias
from domains.copy_services import add_copy
from domains.models import AliasDomain, Copy, Domain
from domains.services import create_alias_domain, delete_domain, delete_domains, update_domain
from mailboxes import restoring
from mailboxes.endings import set_ending, today
from mailboxes.models import Deleted, Mailbox, SendAs, Share
from mailboxes.renaming import rename_mailbox
from mailboxes.send_as import let_send_as
from mailboxes.services import delete_mailbox
from mailboxes.sharing import share_mailbox
from panel import helper
from tests.mailboxes.test_restoring import later, restore
from tests.refusals import refused

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def all_from_before():
    for model in (Domain, Mailbox, Alias):
        model.objects.update(created=LONG_AGO)


def goto(name):
    return Alias.objects.filter(pk=name).values_list("goto", flat=True).first()


def delete_with_emptied(mailbox):
    delete_mailbox(actor=None, mailbox=mailbox, clean=Alias.objects.all(), emptied=DELETE)


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


class TestAliasesOfOtherDomainsThatADomainEmptied:
    @pytest.fixture
    def gone(self, joe, other_net, add_alias):
        add_alias("only@other.net", "joe@example.org")
        all_from_before()
        delete_domain(actor=None, domain=joe.domain, others="remove", emptied=DELETE)
        later("example.org", minutes=1)

    def test_come_back_with_it(self, gone):
        restore("example.org")

        assert goto("only@other.net") == "joe@example.org"

    def test_stay_away_where_their_name_is_taken(self, gone, add_alias):
        add_alias("only@other.net", "y@elsewhere.test")

        restore("example.org")

        assert goto("only@other.net") == "y@elsewhere.test"
        assert Mailbox.objects.filter(pk="joe@example.org").exists()

    def test_stay_away_where_a_mailbox_without_an_alias_has_their_name(self, gone, add_mailbox):
        add_mailbox("only@other.net")
        Alias.objects.filter(pk="only@other.net").delete()

        restore("example.org")

        assert goto("only@other.net") is None

    def test_stay_away_from_another_domain_of_that_name(self, gone, add_domain, other_net):
        delete_domain(actor=None, domain=other_net)
        add_domain("other.net")

        restore("example.org")

        assert goto("only@other.net") is None

    def test_stay_away_where_their_domain_is_gone(self, gone, other_net):
        delete_domain(actor=None, domain=other_net)

        restore("example.org")

        assert Domain.objects.get().pk == "example.org"


class TestLastDays:
    def test_are_not_given_to_another_alias_of_that_name(self, joe, add_alias):
        only = add_alias("only@example.org", "joe@example.org")
        set_ending(actor=None, row=only, last_day=today(), action="delete")
        all_from_before()
        delete_with_emptied(joe)
        assert Ending.objects.count() == 0
        later("joe@example.org", minutes=1)
        add_alias("only@example.org", "y@elsewhere.test")

        restore("joe@example.org")

        assert (goto("only@example.org"), Ending.objects.count()) == ("y@elsewhere.test", 0)

    def test_come_back_on_the_day_itself(self, joe):
        set_ending(actor=None, row=joe, last_day=today(), action="delete")
        delete_mailbox(actor=None, mailbox=joe)

        restore("joe@example.org")

        assert Ending.objects.get().last_day == today()

    def test_that_are_over_do_not_come_back(self, joe):
        set_ending(actor=None, row=joe, last_day=today(), action="delete")
        Ending.objects.update(last_day=today() - timedelta(days=1))
        delete_mailbox(actor=None, mailbox=joe)

        restore("joe@example.org")

        assert Ending.objects.count() == 0


class TestRenamed:
    def rename(self, old, name):
        row = Mailbox.objects.get(pk=old)
        rename_mailbox(actor=None, mailbox=row, local_part=name, keep_alias=False)

    def test_a_mailbox_that_got_the_name_inherits_nothing(self, joe, add_mailbox):
        carl = add_mailbox("carl@example.org")
        add_mailbox("dave@example.org")
        share_mailbox(actor=None, mailbox=joe, person=carl.pk)
        delete_mailbox(actor=None, mailbox=joe)
        self.rename("carl@example.org", "charles")
        self.rename("dave@example.org", "carl")

        restore("joe@example.org")

        assert (Share.objects.count(), SendAs.objects.count()) == (0, 0)

    def test_an_alias_that_got_the_name_is_sent_as_by_nobody_and_does_not_get_it(
        self, joe, add_alias
    ):
        team = add_alias("team@example.org", "joe@example.org", "x@elsewhere.test")
        let_send_as(actor=None, mailbox=joe, sender=team.pk)
        delete_mailbox(actor=None, mailbox=joe, clean=Alias.objects.all())
        delete_alias(actor=None, alias=team)
        boss = add_alias("boss@example.org", "y@elsewhere.test")
        Alias.objects.update(created=LONG_AGO)
        rename_alias(actor=None, alias=boss, local_part="team", keep_alias=False)

        restore("joe@example.org")

        assert (SendAs.objects.count(), goto("team@example.org")) == (0, "y@elsewhere.test")

    def test_its_own_name_may_have_been_another_ones(self, joe, add_mailbox):
        sue = add_mailbox("sue@example.org")
        add_mailbox("bob@example.org")
        share_mailbox(actor=None, mailbox=joe, person=sue.pk, send_as=False)
        delete_mailbox(actor=None, mailbox=joe)
        self.rename("bob@example.org", "joe")
        self.rename("joe@example.org", "bob")

        restore("joe@example.org")

        assert Share.objects.values_list("owner", "person").get() == (joe.pk, sue.pk)


class TestRoleAddressesThatWentWithIt:
    @pytest.fixture
    def gone(self, joe, add_alias):
        add_alias("postmaster@example.org", "joe@example.org")
        copy = {"direction": "to", "goto": "x@elsewhere.test", "local_part": "postmaster"}
        add_copy(actor=None, domain=joe.domain, **copy)
        delete_with_emptied(joe)
        assert goto("postmaster@example.org") is None

    def test_are_left_out_for_who_may_not_make_them(self, gone, make_admin):
        restore("joe@example.org", actor=make_admin(domains=["example.org"]))

        assert (goto("postmaster@example.org"), Copy.objects.count()) == (None, 0)

    def test_come_back_for_superadmins(self, gone, make_admin):
        restore("joe@example.org", actor=make_admin(superadmin=True))

        assert (goto("postmaster@example.org"), Copy.objects.count()) == ("joe@example.org", 1)

    def test_have_no_copy_by_their_name_in_an_alias_domain(
        self, joe, add_alias, add_domain, make_admin
    ):
        source = add_domain("alias.test")
        create_alias_domain(actor=None, alias_domain=source, target_domain=joe.domain)
        add_alias("postmaster@example.org", "joe@example.org")
        copy = {"direction": "to", "goto": "x@elsewhere.test", "local_part": "postmaster"}
        add_copy(actor=None, domain=source, **copy)
        delete_with_emptied(joe)
        assert Copy.objects.count() == 0

        restore("joe@example.org", actor=make_admin(domains=["example.org", "alias.test"]))

        assert Copy.objects.count() == 0


class TestEmptiedBySeveral:
    @pytest.fixture
    def gone(self, joe, add_mailbox, add_alias):
        ann = add_mailbox("ann@example.org")
        add_alias("all@example.org", "ann@example.org", "joe@example.org")
        all_from_before()
        for mailbox in (joe, ann):
            delete_mailbox(actor=None, mailbox=mailbox)
        gone = [joe.pk, ann.pk]
        clean_referrers(actor=None, addresses=gone, aliases=Alias.objects.all(), emptied=DELETE)
        assert goto("all@example.org") is None

    @pytest.mark.parametrize(("first", "second"), [("joe", "ann"), ("ann", "joe")])
    def test_come_back_with_the_first_and_lead_to_both_with_the_second(self, first, second, gone):
        restore(f"{first}@example.org")
        assert goto("all@example.org") == f"{first}@example.org"

        restore(f"{second}@example.org")
        assert goto("all@example.org") == "ann@example.org,joe@example.org"

    def test_do_not_lead_to_another_one_of_the_name(self, gone, add_mailbox):
        for name in ("joe@example.org", "ann@example.org"):
            later(name, minutes=1)
        add_mailbox("ann@example.org")

        restore("joe@example.org")

        assert goto("all@example.org") == "joe@example.org"

    def test_domains_too(self, joe, other_net, add_domain, add_alias):
        add_domain("third.test")
        add_alias("sue@other.net", "x@elsewhere.test")
        add_alias("all@third.test", "joe@example.org", "sue@other.net")
        two = [joe.domain, other_net]
        delete_domains(actor=None, domains=two, others="remove", emptied=DELETE)
        assert goto("all@third.test") is None

        restore("example.org")
        assert goto("all@third.test") == "joe@example.org"
        restore("other.net")
        assert goto("all@third.test") == "joe@example.org,sue@other.net"


def test_copies_of_an_alias_that_went_with_it_come_back(joe, add_alias):
    add_alias("only@example.org", "joe@example.org")
    copy = {"direction": "to", "goto": "x@elsewhere.test", "local_part": "only"}
    add_copy(actor=None, domain=joe.domain, **copy)
    delete_with_emptied(joe)
    assert Copy.objects.count() == 0

    restore("joe@example.org")

    assert Copy.objects.values_list("address", "goto").get() == (
        "only@example.org",
        "x@elsewhere.test",
    )


def test_the_limit_counts_an_alias_and_those_that_went_with_it(add_domain, add_alias):
    domain = add_domain("small.test", aliases=2)
    first = add_alias("a@small.test", "x@elsewhere.test")
    add_alias("b@small.test", "a@small.test")
    delete_alias(actor=None, alias=first, clean=Alias.objects.all(), emptied=DELETE)
    add_alias("c@small.test", "x@elsewhere.test")

    with refused("limit_reached"):
        restore("a@small.test")
    update_domain(actor=None, domain=domain, aliases=3)
    restore("a@small.test")

    assert (goto("a@small.test"), goto("b@small.test")) == ("x@elsewhere.test", "a@small.test")


class TestChainsOfAliasDomains:
    def test_what_led_there_and_is_led_to_by_now_stays_as_it_is(self, example_org, add_domain):
        source, more = add_domain("alias.test"), add_domain("more.test")
        create_alias_domain(actor=None, alias_domain=source, target_domain=example_org)
        delete_domain(actor=None, domain=example_org, drop_links=True)
        create_alias_domain(actor=None, alias_domain=more, target_domain=source)

        restore("example.org")

        links = AliasDomain.objects.values_list("pk", "target_domain_id")
        assert list(links) == [("more.test", "alias.test")]

    def test_one_whose_target_leads_elsewhere_by_now_is_refused(
        self, example_org, other_net, add_domain
    ):
        source = add_domain("alias.test")
        create_alias_domain(actor=None, alias_domain=source, target_domain=example_org)
        delete_domain(actor=None, domain=source)
        create_alias_domain(actor=None, alias_domain=example_org, target_domain=other_net)

        with refused("chain"):
            restore("alias.test")
        assert Deleted.objects.get().name == "alias.test"


class TestTheSignersFiles:
    @pytest.fixture(autouse=True)
    def asked(self, monkeypatch, settings):
        settings.DKIM_SIGNER = "rspamd"
        asked = []
        monkeypatch.setattr(helper, "after_commit", lambda verb, *_more: asked.append(verb))
        return asked

    def test_are_written_for_a_domain(self, asked, example_org):
        delete_domain(actor=None, domain=example_org)
        asked.clear()

        restore("example.org")

        assert asked == ["write-signing-files"]

    @pytest.mark.parametrize(("limit", "verbs"), [(100, ["write-signing-files"]), (None, [])])
    def test_are_written_for_a_mailbox_with_a_limit_of_its_own(self, limit, verbs, asked, joe):
        Mailbox.objects.update(sending_limit=limit)
        delete_mailbox(actor=None, mailbox=joe)
        asked.clear()

        restore("joe@example.org")

        assert asked == verbs


def test_the_mailbox_that_has_its_directory_is_named_to_who_manages_it(
    joe, other_net, add_mailbox, make_admin
):
    delete_mailbox(actor=None, mailbox=joe)
    add_mailbox("sue@other.net")
    Mailbox.objects.update(maildir="example.org/joe/")
    deletion = Deleted.objects.get()
    admin, root = make_admin(domains=["example.org"]), make_admin(superadmin=True)

    told = [restoring.reasons_against(actor, deletion) for actor in (admin, root)]

    assert told == [
        ["Its directory example.org/joe/ is that of another mailbox now. Ask a superadmin."],
        ["Its directory example.org/joe/ is that of sue@other.net now."],
    ]

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import ApiToken, LogEntry, PanelSession, PasswordLink
from aliases.access import MEMBERS
from aliases.cleaning import clean_referrers
from aliases.models import Alias
from aliases.services import delete_alias, update_alias
from domains.copy_services import add_copy
from domains.models import AliasDomain, Copy, Domain, DomainSenderRule
from domains.sender_services import set_domain_sender_rule
from domains.services import (
    create_alias_domain,
    delete_domain,
    delete_domains,
    update_domain,
)
from mailboxes import restoring, snapshots
from mailboxes.forwarding import set_forwarding
from mailboxes.keeping import SOURCES
from mailboxes.models import (
    Deleted,
    DeletedRow,
    FetchedMessage,
    Mailbox,
    QuotaUsage,
    RemoteMailbox,
    RetiredMaildir,
    SendAs,
    Share,
    ShareIndex,
)
from mailboxes.send_as import let_send_as
from mailboxes.services import delete_mailbox
from mailboxes.sharing import share_mailbox
from tests.api.rows import fill
from tests.refusals import refused

KEPT = sorted({model for sources in SOURCES.values() for model, _where in sources}, key=str)


def stored():
    """All rows that a deletion keeps, as the database has them, but when somebody changed them last."""
    found = {}
    for model in KEPT:
        columns = [
            field.column for field in model._meta.concrete_fields if field.name != "modified"
        ]
        names = ", ".join(map(connection.ops.quote_name, columns))
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {names} FROM {connection.ops.quote_name(model._meta.db_table)}")
            found[model.__name__] = sorted(map(repr, cursor.fetchall()))
    return found


def kept(name):
    return Deleted.objects.filter(name=name).order_by("pk").last()


def restore(name, actor=None):
    return restoring.restore(actor=actor, deletion=kept(name))


def later(name, **since):
    """Let it have been deleted so long ago."""
    ago = timedelta(**since)
    for row in Deleted.objects.filter(name=name):
        Deleted.objects.filter(pk=row.pk).update(at=row.at - ago, until=row.until - ago)


@pytest.fixture
def everything(example_org, other_net, add_domain, add_mailbox, add_alias, make_admin):
    _root, _theirs, mailbox = fill(add_domain, add_mailbox, add_alias, make_admin)
    QuotaUsage.objects.create(username_id=mailbox.pk, bytes=95, messages=3)
    add_mailbox("ann@other.net")
    let_send_as(actor=None, mailbox=mailbox, sender="ann@other.net")
    add_copy(actor=None, domain=example_org, direction="to", goto="joe@example.org")
    add_copy(
        actor=None, domain=example_org, direction="from", goto="x@elsewhere.test", local_part="joe"
    )
    ShareIndex.objects.create(group_name="share-1", owner=mailbox.pk)
    remote = RemoteMailbox.objects.get()
    FetchedMessage.objects.create(remote=remote.pk, key="k", digest="d")
    set_forwarding(actor=None, mailbox=mailbox, targets="x@elsewhere.test", keep_copy=True)
    Mailbox.objects.filter(pk=mailbox.pk).update(name='Joe "the" Oak\\n\n☕', totp_secret="sealed")
    return mailbox


def test_a_mailbox_comes_back_whole(everything):
    before = stored()

    delete_mailbox(actor=None, mailbox=everything, clean=Alias.objects.all())
    assert stored() != before
    assert not Mailbox.objects.filter(pk=everything.pk).exists()
    row = restore("joe@example.org")

    assert (row.pk, stored()) == ("joe@example.org", before)
    assert kept("joe@example.org") is None
    assert set(DeletedRow.objects.values_list("deletion__name", flat=True)) == {"old@example.org"}
    assert not RetiredMaildir.objects.filter(pk=row.maildir).exists()


def test_a_domain_comes_back_whole(everything, example_org, add_alias):
    add_alias("outside@other.net", "joe@example.org", "ann@other.net")
    add_alias("only@other.net", "joe@example.org")
    before = stored()

    delete_domain(
        actor=None, domain=example_org, others="remove", emptied="delete", drop_links=True
    )
    assert stored() != before
    assert Mailbox.objects.filter(domain="example.org").count() == 0
    restore("example.org")

    assert stored() == before
    assert Domain.objects.get(pk="example.org").usage.mailboxes == 3


def test_an_alias_comes_back_whole(everything):
    before = stored()

    delete_alias(actor=None, alias=Alias.objects.get(pk="sales@example.org"))
    assert stored() != before
    restore("sales@example.org")

    assert stored() == before


def test_what_opens_an_account_without_its_password_is_not_revived(everything, example_org):
    Mailbox.objects.filter(pk=everything.pk).update(token="of PostfixAdmin")
    for model in (ApiToken, PasswordLink):
        assert model.objects.filter(username=everything.pk).exists()

    delete_mailbox(actor=None, mailbox=everything)
    restore("joe@example.org")

    for model in (ApiToken, PasswordLink, PanelSession):
        assert not model.objects.filter(username=everything.pk).exists()
    assert Mailbox.objects.get(pk=everything.pk).token == ""


def test_deletion_and_restoring_are_in_the_log_with_who_did_them(
    add_mailbox, example_org, make_admin
):
    admin = make_admin(domains=["example.org"])
    delete_mailbox(actor=admin, mailbox=add_mailbox("joe@example.org", name="Joe"))

    row = kept("joe@example.org")
    assert (row.kind, row.domain, row.note, row.who) == (
        "mailbox",
        "example.org",
        "Joe",
        "admin@example.org",
    )
    assert row.until - row.at == timedelta(days=30)
    restore("joe@example.org", actor=admin)

    entry = LogEntry.objects.order_by("pk").last()
    assert (entry.action, entry.domain, entry.data, entry.actor) == (
        "restore_mailbox",
        "example.org",
        "joe@example.org",
        "admin@example.org",
    )


def test_nothing_is_kept_where_the_setting_says_so(add_mailbox, example_org, settings):
    settings.DELETED_DAYS = 0

    assert delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org")) is None

    assert (Deleted.objects.count(), DeletedRow.objects.count()) == (0, 0)


class TestRefused:
    def test_while_the_name_is_taken(self, add_mailbox, add_alias, example_org):
        delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))
        alias = add_alias("joe@example.org", "x@elsewhere.test")

        with refused("taken"):
            restore("joe@example.org")
        assert (Mailbox.objects.count(), Deleted.objects.count()) == (0, 1)

        delete_alias(actor=None, alias=alias)
        deletion = Deleted.objects.get(kind="mailbox")
        assert restoring.restore(actor=None, deletion=deletion).pk == "joe@example.org"

    def test_while_limits_stand_in_the_way_and_all_at_once(self, add_domain, add_mailbox):
        domain = add_domain("small.test", mailboxes=1, maxquota=5, quota=5)
        quota = 4 * 1_024_000
        delete_mailbox(actor=None, mailbox=add_mailbox("joe@small.test", quota=quota))
        add_mailbox("ann@small.test", quota=quota)

        with refused("limit_reached", "above_domain_quota"):
            restore("joe@small.test")
        update_domain(actor=None, domain=domain, mailboxes=2, quota=10)
        assert restore("joe@small.test").pk == "joe@small.test"

    def test_an_alias_too_many(self, add_domain, add_alias):
        add_domain("small.test", aliases=1)
        delete_alias(actor=None, alias=add_alias("a@small.test", "x@elsewhere.test"))
        add_alias("b@small.test", "x@elsewhere.test")

        with refused("limit_reached"):
            restore("a@small.test")

    def test_without_its_domain(self, add_mailbox, example_org):
        delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))
        delete_domain(actor=None, domain=example_org)

        with refused("no_domain"):
            restore("joe@example.org")
        restore("example.org")
        assert restore("joe@example.org").pk == "joe@example.org"

    def test_in_a_domain_that_is_another_one_of_the_same_name(
        self, add_domain, add_mailbox, example_org
    ):
        delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))
        delete_domain(actor=None, domain=example_org)
        later("joe@example.org", minutes=1)
        add_domain("example.org")

        with refused("no_domain"):
            restore("joe@example.org")

    def test_a_domain_whose_name_is_taken(self, add_domain, example_org):
        delete_domain(actor=None, domain=example_org)
        add_domain("example.org")

        with refused("taken"):
            restore("example.org")

    def test_an_alias_domain_without_its_target(self, add_domain, example_org):
        source = add_domain("alias.test")
        create_alias_domain(actor=None, alias_domain=source, target_domain=example_org)
        delete_domains(actor=None, domains=[source, example_org])

        with refused("no_target"):
            restore("alias.test")
        restore("example.org")
        restore("alias.test")
        assert AliasDomain.objects.values_list("pk", "target_domain_id").get() == (
            "alias.test",
            "example.org",
        )

    def test_when_its_time_is_over(self, add_mailbox, example_org):
        delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))
        later("joe@example.org", days=30)

        with refused("over"):
            restore("joe@example.org")

    def test_twice(self, add_mailbox, example_org):
        delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))
        deletion = kept("joe@example.org")
        restoring.restore(actor=None, deletion=deletion)

        with pytest.raises(Deleted.DoesNotExist):
            restoring.restore(actor=None, deletion=deletion)

    def test_where_mail_would_go_round(self, add_alias, example_org):
        alias = add_alias("a@example.org", "b@example.org")
        delete_alias(actor=None, alias=alias)
        add_alias("b@example.org", "a@example.org")

        with refused("loop"):
            restore("a@example.org")
        assert Deleted.objects.count() == 1

    def test_where_its_directory_is_that_of_another_mailbox(self, add_mailbox, example_org):
        delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))
        add_mailbox("ann@example.org")
        Mailbox.objects.update(maildir="example.org/joe/")

        with refused("maildir"):
            restore("joe@example.org")

    def test_a_role_address_by_who_may_not_make_one(self, add_alias, example_org, make_admin):
        delete_alias(actor=None, alias=add_alias("postmaster@example.org", "x@elsewhere.test"))

        with refused("role"):
            restore("postmaster@example.org", actor=make_admin(domains=["example.org"]))

    def test_external_recipients_by_who_may_not_name_any(
        self, add_alias, example_org, make_admin, settings
    ):
        settings.EXTERNAL_TARGETS = False
        delete_alias(actor=None, alias=add_alias("a@example.org", "x@elsewhere.test"))

        with refused("external"):
            restore("a@example.org", actor=make_admin(domains=["example.org"]))


class TestAliasesThatLostIt:
    @pytest.fixture
    def joe(self, add_mailbox, example_org):
        return add_mailbox("joe@example.org")

    @pytest.fixture
    def goto(self):
        return lambda name: Alias.objects.get(pk=name).goto

    def test_lead_to_it_again_as_they_did(self, joe, add_alias, goto):
        add_alias("all@example.org", "x@elsewhere.test", "joe@example.org", "y@elsewhere.test")
        delete_mailbox(actor=None, mailbox=joe, clean=Alias.objects.all())
        assert goto("all@example.org") == "x@elsewhere.test,y@elsewhere.test"

        restore("joe@example.org")

        assert goto("all@example.org") == "x@elsewhere.test,joe@example.org,y@elsewhere.test"

    def test_keep_what_was_changed_since(self, joe, add_alias, goto):
        alias = add_alias("all@example.org", "x@elsewhere.test", "joe@example.org")
        delete_mailbox(actor=None, mailbox=joe, clean=Alias.objects.all())
        update_alias(actor=None, alias=alias, targets=["z@elsewhere.test", "x@elsewhere.test"])

        restore("joe@example.org")

        assert goto("all@example.org") == "z@elsewhere.test,x@elsewhere.test,joe@example.org"

    def test_lead_to_it_again_in_place_of_its_successor(self, joe, add_alias, goto):
        add_alias("all@example.org", "joe@example.org")
        delete_mailbox(
            actor=None,
            mailbox=joe,
            clean=Alias.objects.all(),
            others="x@elsewhere.test",
            emptied="x@elsewhere.test",
        )
        assert goto("all@example.org") == "x@elsewhere.test"

        restore("joe@example.org")

        assert goto("all@example.org") == "joe@example.org"

    def test_of_two_that_went_at_once_only_one_comes_back(self, joe, add_mailbox, add_alias, goto):
        ann = add_mailbox("ann@example.org")
        add_alias("all@example.org", "ann@example.org", "joe@example.org", "x@elsewhere.test")
        for mailbox in (joe, ann):
            delete_mailbox(actor=None, mailbox=mailbox)
        gone = ["joe@example.org", "ann@example.org"]
        clean_referrers(actor=None, addresses=gone, aliases=Alias.objects.all())
        assert goto("all@example.org") == "x@elsewhere.test"

        restore("joe@example.org")

        assert goto("all@example.org") == "joe@example.org,x@elsewhere.test"

    def test_by_its_name_in_an_alias_domain(self, joe, add_domain, add_alias, goto, example_org):
        source = add_domain("alias.test")
        create_alias_domain(actor=None, alias_domain=source, target_domain=example_org)
        add_alias("all@example.org", "joe@alias.test", "x@elsewhere.test")
        delete_mailbox(actor=None, mailbox=joe, clean=Alias.objects.all())
        assert goto("all@example.org") == "x@elsewhere.test"

        restore("joe@example.org")

        assert goto("all@example.org") == "joe@alias.test,x@elsewhere.test"

    def test_come_back_if_they_went_with_it(self, joe, add_alias):
        add_alias("only@example.org", "joe@example.org", description="Only")
        delete_mailbox(actor=None, mailbox=joe, clean=Alias.objects.all(), emptied="delete")
        assert not Alias.objects.filter(pk="only@example.org").exists()

        restore("joe@example.org")

        row = Alias.objects.get(pk="only@example.org")
        assert (row.goto, row.description) == ("joe@example.org", "Only")

    def test_stay_as_they_are_if_they_are_others_of_their_name(self, joe, add_alias, goto):
        first = add_alias("all@example.org", "x@elsewhere.test", "joe@example.org")
        only = add_alias("only@example.org", "joe@example.org")
        delete_mailbox(actor=None, mailbox=joe, clean=Alias.objects.all(), emptied="delete")
        later("joe@example.org", minutes=1)
        delete_alias(actor=None, alias=first)
        for alias in (first, only):
            add_alias(alias.pk, "y@elsewhere.test")
        Mailbox.objects.all().update(created=datetime(2025, 1, 1, tzinfo=UTC))
        Domain.objects.all().update(created=datetime(2025, 1, 1, tzinfo=UTC))

        restore("joe@example.org")

        assert (goto("all@example.org"), goto("only@example.org")) == ("y@elsewhere.test",) * 2

    def test_of_other_domains_only_who_manages_them_gives_it_back(
        self, joe, add_alias, other_net, make_admin, goto
    ):
        add_alias("all@other.net", "x@elsewhere.test", "joe@example.org")
        delete_mailbox(actor=None, mailbox=joe, clean=Alias.objects.all())

        restore("joe@example.org", actor=make_admin(domains=["example.org"]))

        assert goto("all@other.net") == "x@elsewhere.test"

    def test_of_other_domains_lead_to_a_domain_again(
        self, joe, add_alias, other_net, example_org, goto
    ):
        add_alias("all@other.net", "x@elsewhere.test", "joe@example.org")
        delete_domain(actor=None, domain=example_org, others="remove")
        assert goto("all@other.net") == "x@elsewhere.test"

        restore("example.org")

        assert goto("all@other.net") == "x@elsewhere.test,joe@example.org"


class TestOtherEnds:
    """What joins it to somebody comes back only while that is the same one."""

    @pytest.fixture
    def joined(self, example_org, other_net, add_mailbox):
        joe, sue = add_mailbox("joe@example.org"), add_mailbox("sue@other.net")
        share_mailbox(actor=None, mailbox=joe, person=sue.pk, send_as=False)
        let_send_as(actor=None, mailbox=sue, sender=joe.pk)
        add_copy(
            actor=None, domain=example_org, direction="to", goto="sue@other.net", local_part="joe"
        )
        return joe, sue

    def rows(self):
        return [model.objects.count() for model in (Share, SendAs, Copy)]

    def test_the_same(self, joined):
        delete_mailbox(actor=None, mailbox=joined[0])
        assert self.rows() == [0, 0, 0]

        restore("joe@example.org")

        assert self.rows() == [1, 1, 1]

    def test_gone(self, joined):
        for mailbox in joined:
            delete_mailbox(actor=None, mailbox=mailbox)

        restore("joe@example.org")
        assert self.rows() == [0, 0, 0]

    def test_another_of_its_name(self, joined, add_mailbox):
        Mailbox.objects.update(created=datetime(2025, 1, 1, tzinfo=UTC))
        Domain.objects.update(created=datetime(2025, 1, 1, tzinfo=UTC))
        Alias.objects.update(created=datetime(2025, 1, 1, tzinfo=UTC))
        for mailbox in joined:
            delete_mailbox(actor=None, mailbox=mailbox)
        later("joe@example.org", minutes=1)
        add_mailbox("sue@other.net")

        restore("joe@example.org")

        assert self.rows() == [0, 0, 0]

    def test_an_administrator_of_the_same_name_manages_nothing(self, example_org, make_admin):
        admin = make_admin("it@example.org", domains=["example.org"])
        Domain.objects.update(created=datetime(2025, 1, 1, tzinfo=UTC))
        delete_domain(actor=None, domain=example_org)
        later("example.org", minutes=1)
        admin.delete()
        make_admin("it@example.org")

        restore("example.org")

        assert example_org.domainadmin_set.count() == 0


def test_lists_get_another_number_where_theirs_is_taken(example_org, other_net, add_alias):
    rule = {"sender": "bad.test", "action": "REJECT"}
    set_domain_sender_rule(actor=None, domain=example_org, **rule)
    team = add_alias("team@example.org", "x@elsewhere.test", access=MEMBERS)
    assert team.access_list == 1
    delete_domain(actor=None, domain=example_org)
    set_domain_sender_rule(actor=None, domain=other_net, **rule)
    add_alias("team@other.net", "x@elsewhere.test", access=MEMBERS)

    restore("example.org")

    rules = DomainSenderRule.objects.order_by("domain").values_list("domain", "list_number")
    assert list(rules) == [("example.org", 2), ("other.net", 1)]
    aliases = Alias.objects.order_by("pk").values_list("pk", "access_list")
    assert list(aliases) == [("team@example.org", 2), ("team@other.net", 1)]


class TestScope:
    @pytest.fixture
    def admin(self, example_org, other_net, add_mailbox, make_admin):
        for address in ("joe@example.org", "sue@other.net"):
            delete_mailbox(actor=None, mailbox=add_mailbox(address))
        return make_admin(domains=["example.org"])

    def seen(self, account):
        rows = Deleted.objects.manageable_by(account)
        return sorted(rows.values_list("name", flat=True))

    def test_a_domain_admin_sees_their_domains_and_a_superadmin_all(self, admin, make_admin):
        assert self.seen(admin) == ["joe@example.org"]
        root = make_admin(superadmin=True)
        assert self.seen(root) == ["joe@example.org", "sue@other.net"]

    def test_a_mailbox_user_sees_nothing(self, admin, add_mailbox):
        assert self.seen(add_mailbox("ann@example.org")) == []

    def test_a_deleted_domain_is_for_superadmins(self, admin, example_org, make_admin):
        delete_domain(actor=None, domain=example_org)

        assert self.seen(admin) == []
        assert "example.org" in self.seen(make_admin(superadmin=True))

    def test_who_has_the_name_of_the_domain_next_sees_nothing_of_before(
        self, admin, example_org, add_domain, make_admin
    ):
        delete_domain(actor=None, domain=example_org)
        later("joe@example.org", minutes=1)
        add_domain("example.org")
        another = make_admin("another@example.org", domains=["example.org"])

        assert self.seen(another) == []


class TestForgetting:
    @pytest.fixture
    def gone(self, add_mailbox, example_org):
        delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))
        return kept("joe@example.org")

    def test_the_daily_job_forgets_what_is_over_and_nothing_else(self, gone, add_mailbox):
        delete_mailbox(actor=None, mailbox=add_mailbox("ann@example.org"))
        later("joe@example.org", days=30)

        snapshots.take()

        assert list(Deleted.objects.values_list("name", flat=True)) == ["ann@example.org"]
        assert set(DeletedRow.objects.values_list("deletion__name", flat=True)) == {
            "ann@example.org"
        }

    def test_removed_early_its_directory_is_due_at_once(self, gone, make_admin):
        root = make_admin(superadmin=True)
        restoring.remove(actor=root, deletion=gone)

        assert (Deleted.objects.count(), DeletedRow.objects.count()) == (0, 0)
        assert RetiredMaildir.objects.get().retired < timezone.now() - timedelta(days=365)
        entry = LogEntry.objects.order_by("pk").last()
        assert (entry.action, entry.data) == ("remove_deleted", "joe@example.org")


def test_two_statements_keep_a_deletion_however_many_rows_it_has(
    everything, example_org, django_assert_num_queries, settings
):
    from mailboxes.keeping import keep

    for kind, row in (("mailbox", everything), ("domain", example_org)):
        with django_assert_num_queries(2):
            keep(actor=None, kind=kind, row=row, note="")

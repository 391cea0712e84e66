import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import LogEntry
from aliases.models import Alias, AliasTarget
from domains.models import AliasDomain, Domain, DomainAdmin, DomainUsage
from domains.services import (
    create_alias_domain,
    create_domain,
    delete_domain,
    set_domain_active,
    update_domain,
)
from mailboxes.models import FullMailbox, Mailbox, QuotaUsage, RetiredMaildir
from tests.refusals import refused


def last_log():
    entry = LogEntry.objects.latest("pk")
    return entry.action, entry.domain, entry.data, entry.changes


@pytest.mark.django_db
class TestCreate:
    def test_a_domain_gets_the_configured_limits_and_is_ready_at_once(self, settings):
        settings.DOMAIN_DEFAULTS = settings.DOMAIN_DEFAULTS | {"mailboxes": 7}

        domain = create_domain(actor=None, name=" Müller.Example ")

        domain.refresh_from_db()
        assert domain.pk == "xn--mller-kva.example"
        assert str(domain) == "müller.example"
        assert (domain.mailboxes, domain.active, domain.backupmx) == (7, True, False)
        assert domain.transport == "virtual"
        usage = DomainUsage.objects.values_list("mailboxes", "alias_rows", "allotted", "fullness")
        assert list(usage) == [(0, 0, 0, 0)]

    def test_a_new_domain_is_logged(self, make_admin):
        me = make_admin(superadmin=True)

        create_domain(actor=me, name="example.org", aliases=1, mailboxes=2, maxquota=3, quota=4)

        assert last_log() == (
            "create_domain",
            "example.org",
            "example.org",
            {
                "aliases": [None, 1],
                "mailboxes": [None, 2],
                "maxquota": [None, 3],
                "quota": [None, 4],
                "password_expiry": [None, 0],
                "transport": [None, "virtual"],
                "backupmx": [None, False],
                "verify_recipients": [None, False],
                "active": [None, True],
            },
        )
        assert LogEntry.objects.latest("pk").actor == me.pk

    def test_a_name_exists_once(self, example_org):
        with refused("taken", field="name"):
            create_domain(actor=None, name="EXAMPLE.org")

    @pytest.mark.parametrize("name", ["localhost", "ALL", "example", "", "192.0.2.7"])
    def test_a_domain_needs_a_full_name(self, name):
        with refused("invalid_domain"):
            create_domain(actor=None, name=name)

        assert Domain.objects.count() == 0

    def test_the_servers_own_name_stays_postfixs(self, settings):
        settings.MAIL_HOSTNAME = "Mail.Example.Org"

        with refused("own_host", field="name"):
            create_domain(actor=None, name="mail.example.org")

    @pytest.mark.parametrize("limit", ["aliases", "mailboxes", "maxquota", "quota"])
    def test_a_limit_is_none_unlimited_or_a_number(self, limit):
        with refused("min_value", field=limit):
            create_domain(actor=None, name="example.org", **{limit: -2})

        domain = create_domain(actor=None, name="example.org", **{"quota": 0, limit: -1})
        assert getattr(domain, limit) == -1

    @pytest.mark.parametrize(
        "transport",
        [
            *["", "virtual", "relay:", "smtp:mx.example.org", "smtp:[mx.example.org]:25"],
            *["smtp:[2001:db8::7]:2525", "smtp:[mx]", "lmtp:[192.0.2.7]:24", "lmtp:inet:mx:24"],
            *["lmtp:unix:private/dovecot-lmtp", "error:5.1.1", "local:"],
        ],
    )
    def test_a_transport_is_what_postfix_takes(self, transport):
        assert create_domain(actor=None, name="a.example", transport=transport).transport == (
            transport
        )

    @pytest.mark.parametrize(
        "transport", ["|sh", "smtp:a b", "smtp:a,b", "smtp:'", 'smtp:"', "SMTP:", "smtp:a\n", ":x"]
    )
    def test_nothing_else_is_a_transport(self, transport):
        with refused("invalid", field="transport"):
            create_domain(actor=None, name="a.example", transport=transport)

    @pytest.mark.parametrize(
        ("typed", "stored"),
        [
            ("virtual:", "virtual"),
            ("mx.example.org", "smtp:[mx.example.org]"),
            ("192.0.2.7:2525", "smtp:[192.0.2.7]:2525"),
            ("[2001:DB8::7]", "smtp:[2001:db8::7]"),
            ("müller.example:26", "smtp:[xn--mller-kva.example]:26"),
        ],
    )
    def test_a_server_alone_is_handed_the_mail_by_smtp(self, typed, stored):
        assert create_domain(actor=None, name="a.example", transport=typed).transport == stored

    @pytest.mark.parametrize("transport", ["dovecot", "maildrop:", "pipe:flags=R", "virtual:x"])
    def test_postfix_runs_no_service_that_nobody_listed(self, transport, settings):
        with refused("not_served", field="transport"):
            create_domain(actor=None, name="a.example", transport=transport)

        settings.MAIL_TRANSPORTS = [transport.partition(":")[0]]
        assert create_domain(actor=None, name="a.example", transport=transport).transport == (
            transport
        )

    @pytest.mark.parametrize(
        "transport",
        [
            *[
                "smtp:[]",
                "smtp:[mx.example.org",
                "smtp:[mx]:0",
                "smtp:[mx]:65536",
                "smtp:[mx]:smtp",
            ],
            *["smtp:-x", "smtp:unix:private/x", "relay:$mydomain", "lmtp:unix:private/../x;y"],
            *["smtp:2001:db8::7", "lmtp:inet:", "smtp:300.0.2.1"],
        ],
    )
    def test_the_next_server_is_a_server(self, transport):
        with refused("no_server", field="transport"):
            create_domain(actor=None, name="a.example", transport=transport)

    @pytest.mark.parametrize(
        "transport", ["smtp:[mail.example.com]", "mail.example.com:25", "127.0.0.1"]
    )
    def test_no_domain_is_handed_on_to_this_server_itself(self, transport, settings):
        settings.MAIL_HOSTNAME = "mail.example.com"

        with refused("itself", field="transport"):
            create_domain(actor=None, name="a.example", transport=transport)

    def test_another_port_of_this_machine_is_another_server(self):
        domain = create_domain(actor=None, name="a.example", transport="127.0.0.1:10026")

        assert domain.transport == "smtp:[127.0.0.1]:10026"

    def test_what_another_program_stored_blocks_no_other_change(self, example_org):
        Domain.objects.update(transport="dovecot")

        update_domain(actor=None, domain=example_org, description="Ours")

        example_org.refresh_from_db()
        assert (example_org.transport, example_org.description) == ("dovecot", "Ours")

    def test_role_addresses_are_made_when_they_have_somewhere_to_lead(self):
        create_domain(actor=None, name="example.org", role_target="Admin@Elsewhere.Example")

        assert dict(Alias.objects.values_list("pk", "goto")) == {
            f"{name}@example.org": "admin@elsewhere.example"
            for name in ("abuse", "hostmaster", "postmaster", "webmaster")
        }
        actions = list(LogEntry.objects.order_by("pk").values_list("action", "data"))
        assert actions == [
            ("create_domain", "example.org"),
            ("create_alias", "abuse@example.org"),
            ("create_alias", "hostmaster@example.org"),
            ("create_alias", "postmaster@example.org"),
            ("create_alias", "webmaster@example.org"),
        ]

    def test_a_role_may_hold_the_others_and_the_alias_limit_does_not_count_them(self):
        create_domain(actor=None, name="example.org", role_target="postmaster", aliases=-1)

        assert dict(Alias.objects.values_list("pk", "goto")) == {
            f"{name}@example.org": "postmaster@example.org"
            for name in ("abuse", "hostmaster", "webmaster")
        }

    def test_a_wrong_target_leaves_no_domain_behind(self):
        with refused("invalid_address"):
            create_domain(actor=None, name="example.org", role_target="|x@y.example")

        assert Domain.objects.count() == 0
        assert LogEntry.objects.count() == 0


class TestChange:
    def test_changes_are_logged_with_old_and_new(self, example_org):
        domain = update_domain(
            actor=None, domain=example_org, mailboxes=5, description="Head office", aliases=0
        )

        assert (domain.mailboxes, domain.description) == (5, "Head office")
        assert last_log() == (
            "edit_domain",
            "example.org",
            "example.org",
            {"mailboxes": [0, 5], "description": ["", "Head office"]},
        )

    def test_nothing_changed_is_nothing_logged(self, example_org):
        before = LogEntry.objects.count(), Domain.objects.get().modified

        update_domain(actor=None, domain=example_org, mailboxes=0)

        assert (LogEntry.objects.count(), Domain.objects.get().modified) == before

    def test_a_limit_may_be_lowered_below_what_is_there(self, example_org, add_mailbox):
        add_mailbox("a@example.org")
        add_mailbox("b@example.org")

        update_domain(actor=None, domain=example_org, mailboxes=1)

        assert Mailbox.objects.count() == 2
        with refused("limit_reached", field="domain"):
            add_mailbox("c@example.org")

    def test_a_wrong_value_changes_nothing(self, example_org):
        with refused("min_value", field="quota"):
            update_domain(actor=None, domain=example_org, quota=-5, description="x")

        assert Domain.objects.get().description == ""

    @pytest.mark.parametrize(
        "values", [{"name": "intern"}, {"name": "a_b.example"}, {"transport": "LMTP:unix:x"}]
    )
    def test_what_another_program_wrote_stops_no_other_change(self, values, db):
        domain = Domain.objects.create(**{"name": "example.org"} | values)

        set_domain_active(actor=None, domain=domain, active=False)

        assert Domain.objects.filter(pk=domain.pk, active=False, **values).exists() is True

    def test_a_name_is_refused_as_people_read_it(self, add_domain):
        add_domain("müller.example")

        with refused("taken", field="name") as refusal:
            add_domain("xn--mller-kva.example")

        assert refusal.value.message_dict == {"name": ["müller.example exists already."]}

    def test_deactivating_keeps_the_rows_as_they_are(self, example_org, add_mailbox):
        add_mailbox("info@example.org")

        set_domain_active(actor=None, domain=example_org, active=False)

        assert Domain.objects.get().active is False
        assert (Mailbox.objects.get().active, Alias.objects.get().active) == (True, True)
        assert last_log()[3] == {"active": [True, False]}


class TestDelete:
    def test_all_that_is_in_it_goes_and_the_log_stays(
        self, add_domain, other_net, add_mailbox, add_alias, make_admin
    ):
        example_org = add_domain("example.org", description="Ours", quota=2048, maxquota=1024)
        admin = make_admin(domains=["example.org", "other.net"])
        make_admin("a.second@example.org", domains=["example.org"])
        add_mailbox("info@example.org", quota=100)
        QuotaUsage.objects.create(username_id="info@example.org", bytes=100)
        add_alias("sales@example.org", "info@example.org")
        add_alias("there@other.net", "info@example.org")
        create_alias_domain(actor=None, alias_domain=example_org, target_domain=other_net)
        before = LogEntry.objects.filter(domain="example.org").count()

        delete_domain(actor=None, domain=example_org)

        assert list(Domain.objects.values_list("pk", flat=True)) == ["other.net"]
        assert list(DomainUsage.objects.values_list("pk", flat=True)) == ["other.net"]
        assert list(Alias.objects.values_list("pk", flat=True)) == ["there@other.net"]
        assert list(DomainAdmin.objects.values_list("domain_id", flat=True)) == ["other.net"]
        for model in (Mailbox, QuotaUsage, FullMailbox, AliasDomain):
            assert model.objects.count() == 0
        assert LogEntry.objects.filter(domain="example.org").count() == before + 1
        assert last_log() == (
            "delete_domain",
            "example.org",
            "example.org",
            {
                "mailbox_count": [1, None],
                "alias_count": [1, None],
                "description": ["Ours", None],
                "aliases": [0, None],
                "mailboxes": [0, None],
                "maxquota": [1024, None],
                "quota": [2048, None],
                "password_expiry": [0, None],
                "transport": ["virtual", None],
                "backupmx": [False, None],
                "verify_recipients": [False, None],
                "active": [True, None],
                "admins": [["a.second@example.org", "admin@example.org"], None],
                "target_domain": ["other.net", None],
            },
        )
        assert type(admin).objects.filter(pk=admin.pk).exists() is True
        # Not ours any more: mail for it goes out, so the alias elsewhere does not dangle.
        assert list(AliasTarget.objects.values_list("alias", "unmatched")) == [
            ("there@other.net", False)
        ]

    def test_a_domain_that_alias_domains_lead_to_is_not_deleted(self, example_org, other_net):
        create_alias_domain(
            actor=None, alias_domain=other_net, target_domain=example_org, active=False
        )

        with refused("alias_domains") as refusal:
            delete_domain(actor=None, domain=example_org)

        assert refusal.value.params["sources"] == "other.net"
        assert Domain.objects.count() == 2

    def test_its_maildirs_are_never_given_to_a_new_mailbox(
        self, example_org, add_mailbox, add_domain
    ):
        add_mailbox("info@example.org")
        delete_domain(actor=None, domain=example_org)
        add_domain("example.org")

        assert add_mailbox("info@example.org").maildir != "example.org/info/"
        assert list(RetiredMaildir.objects.values_list("pk", "username")) == [
            ("example.org/info/", "info@example.org")
        ]

    def test_deleting_takes_as_many_statements_for_any_number_of_rows(
        self, add_domain, add_mailbox, add_alias
    ):
        counts = []
        for rows in (1, 20):
            domain = add_domain("example.org")
            for number in range(rows):
                add_mailbox(f"m{number}@example.org")
                add_alias(f"a{number}@example.org", f"m{number}@example.org")
            with CaptureQueriesContext(connection) as captured:
                delete_domain(actor=None, domain=domain)
            counts.append(len(captured))

        assert counts[0] == counts[1] <= 50
        assert Mailbox.objects.count() == 0

    def test_its_addresses_leave_the_aliases_of_other_domains_when_asked(
        self, example_org, other_net, add_mailbox, add_alias
    ):
        add_mailbox("joe@example.org")
        add_mailbox("ann@other.net")
        add_alias("both@other.net", "joe@example.org", "joe+tag@example.org", "ann@other.net")
        add_alias("only@other.net", "joe@example.org")

        delete_domain(actor=None, domain=example_org, others="remove", emptied="delete")

        left = dict(Alias.objects.filter(is_self_alias=False).values_list("pk", "goto"))
        assert left == {"both@other.net": "ann@other.net"}
        assert list(AliasTarget.objects.values_list("target", flat=True)) == ["ann@other.net"]

    def test_its_addresses_stay_in_the_aliases_of_other_domains_otherwise(
        self, example_org, other_net, add_mailbox, add_alias
    ):
        add_mailbox("joe@example.org")
        add_alias("only@other.net", "joe@example.org")

        delete_domain(actor=None, domain=example_org)

        assert Alias.objects.get(pk="only@other.net").goto == "joe@example.org"


def test_a_domains_use_in_its_own_units(add_domain, add_mailbox, add_alias, settings):
    domain = add_domain("example.org", quota=100)
    add_mailbox("info@example.org", quota=25 * settings.QUOTA_MULTIPLIER)
    add_alias("sales@example.org", "info@example.org")
    domain.refresh_from_db()

    assert (domain.allotted_mb, domain.alias_count, domain.usage.alias_rows) == (25, 1, 2)

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import LogEntry
from accounts.own_account import check_own_password
from accounts.passwords import hash_password, verify_password
from accounts.throttle import is_blocked
from aliases.models import Alias
from aliases.services import create_alias
from domains.services import update_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.models import FullMailbox, Mailbox, QuotaUsage
from mailboxes.services import (
    create_mailbox,
    delete_mailbox,
    set_mailbox_active,
    set_mailbox_password,
    update_mailbox,
)
from tests.refusals import refused


def last_log():
    entry = LogEntry.objects.latest("pk")
    return entry.action, entry.domain, entry.data, entry.changes


def own_row(mailbox):
    return Alias.objects.get(pk=mailbox.pk)


class TestCreate:
    def test_mailbox_and_own_row_are_what_the_daemons_ask_for(self, example_org, password):
        create_mailbox(
            actor=None, domain=example_org, local_part=" Joe.Doe ", password=password, name="Joe"
        )

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT username, local_part, domain, maildir, name, quota, active, smtp_active"
                " FROM mailbox"
            )
            assert tuple(cursor.fetchone()) == (
                *("joe.doe@example.org", "joe.doe", "example.org", "example.org/joe.doe/", "Joe"),
                *(0, 1, 1),
            )
            cursor.execute("SELECT address, goto, domain, active, is_self_alias FROM alias")
            assert tuple(cursor.fetchone()) == (
                *("joe.doe@example.org", "joe.doe@example.org", "example.org", 1, 1),
            )
        mailbox = Mailbox.objects.get()
        assert verify_password(password, mailbox.password) == (True, None)
        assert mailbox.password.startswith("{SHA512-CRYPT}$6$")

    def test_a_new_mailbox_is_logged(self, example_org, password):
        create_mailbox(
            actor=None, domain=example_org, local_part="joe", password=password, quota=1000
        )

        assert last_log() == (
            "create_mailbox",
            "example.org",
            "joe@example.org",
            {"quota": [None, 1000], "smtp_active": [None, True], "active": [None, True]},
        )

    def test_an_inactive_mailbox_has_an_inactive_row(self, add_mailbox, example_org):
        mailbox = add_mailbox("joe@example.org", active=False)

        assert (mailbox.active, own_row(mailbox).active) == (False, False)

    @pytest.mark.parametrize("layout", ["{domain}/{username}/", "{username}/"])
    def test_the_maildir_follows_the_configured_layout(
        self, layout, settings, add_mailbox, example_org
    ):
        settings.MAILDIR_LAYOUT = layout

        assert add_mailbox("joe@example.org").maildir == layout.format(
            domain="example.org", username="joe@example.org"
        )

    def test_an_address_is_taken_once_by_a_mailbox_or_an_alias(
        self, example_org, add_mailbox, add_alias
    ):
        add_mailbox("joe@example.org")
        add_alias("sales@example.org", "joe@example.org")
        rows = Mailbox.objects.count(), Alias.objects.count(), LogEntry.objects.count()

        for address in ("joe@example.org", "JOE@example.org", "sales@example.org"):
            with refused("taken", field="local_part"):
                add_mailbox(address)

        assert (Mailbox.objects.count(), Alias.objects.count(), LogEntry.objects.count()) == rows

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("joe+tag", "delimiter"),
            ("joe/cur", "invalid_local_part"),
            ("joe/.sent", "invalid_local_part"),
            ("x/", "invalid_local_part"),
            ("..", "invalid_local_part"),
            (".joe", "invalid_local_part"),
            ("a..b", "invalid_local_part"),
            ("", "invalid_local_part"),
            ("*", "invalid_local_part"),
            ("a" * 65, "invalid_local_part"),
        ],
    )
    def test_a_name_that_escapes_or_nests_is_refused_at_its_field(
        self, name, code, example_org, password
    ):
        with refused(code, field="local_part"):
            create_mailbox(actor=None, domain=example_org, local_part=name, password=password)

        assert (Mailbox.objects.count(), Alias.objects.count()) == (0, 0)

    def test_an_address_has_at_most_254_characters(self, add_domain, password):
        domain = add_domain(".".join(["d" * 60] * 3) + ".example")

        with refused("invalid_address", field="local_part"):
            create_mailbox(actor=None, domain=domain, local_part="a" * 64, password=password)

    @pytest.mark.parametrize(
        "bad", ["short", "", "has\0nul-in-it", "joe@example.org", "password123"]
    )
    def test_a_weak_password_writes_nothing(self, bad, example_org):
        with refused_at_password():
            create_mailbox(actor=None, domain=example_org, local_part="joe", password=bad)

        assert (Mailbox.objects.count(), Alias.objects.count()) == (0, 0)

    @pytest.mark.parametrize(("limit", "allowed"), [(0, 4), (-1, 0), (1, 1), (3, 3)])
    def test_the_limit_counts_mailboxes(self, limit, allowed, add_domain, add_mailbox, add_alias):
        add_domain("example.org", mailboxes=limit)
        add_alias("sales@example.org", "x@elsewhere.example")

        for number in range(allowed):
            add_mailbox(f"m{number}@example.org")
        if limit:
            with refused("limit_reached", field="domain"):
                add_mailbox("one-more@example.org")

        assert Mailbox.objects.count() == allowed

    def test_an_alias_limit_does_not_count_mailboxes(self, add_domain, add_mailbox):
        add_domain("example.org", aliases=-1)

        assert add_mailbox("joe@example.org").pk == "joe@example.org"

    def test_role_addresses_are_the_superadmins(self, example_org, make_admin, password):
        admin, boss = make_admin(domains=["example.org"]), make_admin(superadmin=True)
        values = {"domain": example_org, "local_part": "PostMaster", "password": password}

        with refused("role", field="local_part"):
            create_mailbox(actor=admin, **values)
        assert create_mailbox(actor=boss, **values).pk == "postmaster@example.org"

    def test_a_password_lifetime_is_counted_from_now(self, add_domain, add_mailbox):
        add_domain("example.org", password_expiry=30)

        left = add_mailbox("joe@example.org").password_expiry - timezone.now()

        assert timedelta(days=29, hours=23) < left <= timedelta(days=30)


class TestChange:
    def test_changes_are_logged_with_old_and_new(self, add_mailbox, example_org):
        mailbox = add_mailbox("joe@example.org")

        update_mailbox(actor=None, mailbox=mailbox, name="Joe", quota=500, smtp_active=False)

        mailbox = Mailbox.objects.get()
        assert (mailbox.name, mailbox.quota, mailbox.smtp_active) == ("Joe", 500, False)
        assert last_log() == (
            "edit_mailbox",
            "example.org",
            "joe@example.org",
            {"name": ["", "Joe"], "quota": [0, 500], "smtp_active": [True, False]},
        )

    def test_nothing_changed_is_nothing_logged(self, add_mailbox, example_org):
        mailbox = add_mailbox("joe@example.org", name="Joe")
        before = LogEntry.objects.count(), Mailbox.objects.get().modified

        update_mailbox(actor=None, mailbox=mailbox, name="Joe", active=True)

        assert (LogEntry.objects.count(), Mailbox.objects.get().modified) == before

    @pytest.mark.parametrize("active", [True, False])
    def test_the_self_alias_is_activated_and_deactivated_along(
        self, active, add_mailbox, example_org
    ):
        mailbox = add_mailbox("joe@example.org", active=not active)

        set_mailbox_active(actor=None, mailbox=mailbox, active=active)

        assert (Mailbox.objects.get().active, own_row(mailbox).active) == (active, active)
        assert last_log()[0] == "edit_mailbox_state"
        assert last_log()[3] == {"active": [not active, active]}

    def test_other_fields_do_not_touch_a_row_that_another_program_deactivated(
        self, add_mailbox, example_org
    ):
        mailbox = add_mailbox("joe@example.org")
        Alias.objects.update(active=False)

        update_mailbox(actor=None, mailbox=mailbox, name="Joe")

        assert own_row(mailbox).active is False

    @pytest.mark.parametrize(
        "limits", [{"maxquota": 1}, {"quota": 1}, {"maxquota": -1}, {"mailboxes": -1}]
    )
    def test_a_limit_lowered_meanwhile_stops_no_other_change(
        self, limits, add_mailbox, example_org, settings
    ):
        mailbox = add_mailbox("joe@example.org", quota=5 * settings.QUOTA_MULTIPLIER)
        update_domain(actor=None, domain=example_org, **limits)

        update_mailbox(actor=None, mailbox=mailbox, name="Joe")
        set_mailbox_active(actor=None, mailbox=mailbox, active=False)

        assert Mailbox.objects.get().name == "Joe"

    def test_a_mailbox_without_a_password_can_be_deactivated(self, example_org, add_mailbox):
        mailbox = add_mailbox("joe@example.org")
        Mailbox.objects.update(password="")

        set_mailbox_active(actor=None, mailbox=mailbox, active=False)

        assert list(Mailbox.objects.values_list("active", "password")) == [(False, "")]

    def test_a_negative_quota_of_another_program_stops_no_other_change(
        self, add_mailbox, example_org
    ):
        mailbox = add_mailbox("joe@example.org")
        Mailbox.objects.update(quota=-1)

        update_mailbox(actor=None, mailbox=mailbox, name="Joe")
        with refused("min_value", "negative", field="quota"):
            update_mailbox(actor=None, mailbox=mailbox, quota=-2)
        update_mailbox(actor=None, mailbox=mailbox, quota=0)

        assert (Mailbox.objects.get().name, Mailbox.objects.get().quota) == ("Joe", 0)


class TestPasswords:
    def test_a_new_one_replaces_the_old_and_its_lifetime(self, add_mailbox, add_domain, password):
        domain = add_domain("example.org")
        mailbox = add_mailbox("joe@example.org")
        update_domain(actor=None, domain=domain, password_expiry=10)

        set_mailbox_password(actor=None, mailbox=mailbox, password="another-password-1")

        mailbox = Mailbox.objects.get()
        assert verify_password("another-password-1", mailbox.password)[0] is True
        assert verify_password(password, mailbox.password)[0] is False
        assert mailbox.password_expiry > timezone.now() + timedelta(days=9)
        assert last_log() == ("edit_password", "example.org", "joe@example.org", None)

    def test_ones_own_needs_the_old_one(self, add_mailbox, example_org, password):
        mailbox = add_mailbox("joe@example.org")

        with refused("wrong_password", field="old_password"):
            check_own_password(mailbox, password + "x", "another-password-1")
        check_own_password(mailbox, password, "another-password-1")
        set_mailbox_password(actor=mailbox, mailbox=mailbox, password="another-password-1")

        assert verify_password("another-password-1", Mailbox.objects.get().password)[0] is True
        assert LogEntry.objects.latest("pk").actor == "joe@example.org"

    def test_ones_own_is_the_one_stored_now_not_the_one_in_memory(
        self, add_mailbox, example_org, password
    ):
        mailbox = add_mailbox("joe@example.org")
        seen = Mailbox.objects.get()
        set_mailbox_password(actor=None, mailbox=mailbox, password="another-password-1")

        with refused("wrong_password", field="old_password"):
            check_own_password(seen, password, "a-third-password-1")
        check_own_password(seen, "another-password-1", "a-third-password-1")

    def test_wrong_guesses_at_ones_own_are_counted_as_at_the_sign_in(
        self, add_mailbox, example_org, password, settings
    ):
        settings.LOGIN_FAILURES = 2
        mailbox = add_mailbox("joe@example.org")
        mailbox.client_ip = "192.0.2.7"

        for _guess in range(2):
            with refused("wrong_password", field="old_password"):
                check_own_password(mailbox, "x", "another-password-1")
        with refused("throttled", field="old_password"):
            check_own_password(mailbox, password, "another-password-1")

        assert is_blocked("joe@example.org", "192.0.2.7") is True
        assert is_blocked("joe@example.org", "192.0.2.8") is False
        assert verify_password(password, Mailbox.objects.get().password)[0] is True

    def test_a_hash_from_another_server_opens_with_its_password(self, example_org, add_mailbox):
        hashed = hash_password("tangerine-7-elsewhere")

        mailbox = add_mailbox("joe@example.org", password=f" {hashed}\n", hashed=True)

        assert mailbox.password == hashed
        assert verify_password("tangerine-7-elsewhere", mailbox.password)[0] is True

    @pytest.mark.parametrize(
        "text", ["tangerine-7-bicycle", "{PLAIN}tangerine-7", "$6$cut$short", ""]
    )
    def test_what_is_no_hash_is_not_stored_as_one(self, text, add_mailbox, example_org):
        with refused("not_a_hash", field="password"):
            add_mailbox("joe@example.org", password=text, hashed=True)

        assert Mailbox.objects.count() == 0

    def test_no_log_row_holds_a_password_or_a_hash(self, add_mailbox, example_org):
        secrets = ["first-secret-1", "second-secret-2", "third-secret-3"]
        mailbox = add_mailbox("joe@example.org", password=secrets[0])
        hashes = [mailbox.password]
        mailbox = set_mailbox_password(actor=None, mailbox=mailbox, password=secrets[1])
        hashes.append(mailbox.password)
        check_own_password(mailbox, secrets[1], secrets[2])
        mailbox = set_mailbox_password(actor=mailbox, mailbox=mailbox, password=secrets[2])
        hashes.append(mailbox.password)
        update_mailbox(actor=None, mailbox=mailbox, name="Joe", phone="1")
        set_mailbox_active(actor=None, mailbox=mailbox, active=False)
        delete_mailbox(actor=None, mailbox=mailbox)

        text = repr(list(LogEntry.objects.values_list()))
        assert len(set(hashes)) == 3
        assert [secret for secret in (*secrets, *hashes, "$6$") if secret in text] == []


def refused_at_password():
    import contextlib

    from django.core.exceptions import ValidationError

    @contextlib.contextmanager
    def context():
        with pytest.raises(ValidationError) as refusal:
            yield
        assert list(refusal.value.error_dict) == ["password"]

    return context()


def test_use_is_shown_against_the_quota(add_mailbox, example_org, settings):
    joe = add_mailbox("joe@example.org", quota=10 * settings.QUOTA_MULTIPLIER)
    assert (joe.quota_mb, joe.used) == (10, 0)
    QuotaUsage.objects.create(username=joe, bytes=9 * settings.QUOTA_MULTIPLIER, messages=3)

    joe = Mailbox.objects.get(pk=joe.pk)

    assert (joe.used, FullMailbox.objects.get().percent) == (9 * settings.QUOTA_MULTIPLIER, 90)


def test_an_alias_that_was_created_first_keeps_a_mailbox_away(example_org, add_mailbox):
    create_alias(actor=None, domain=example_org, local_part="joe", targets="x@other.net")

    with refused("taken", field="local_part"):
        add_mailbox("joe@example.org")


def test_a_copy_that_another_program_wrote_in_capitals_is_kept(add_mailbox, example_org):
    joe = add_mailbox("joe@example.org")
    Alias.objects.filter(pk=joe.pk).update(goto="Joe@Example.org,a@elsewhere.example")

    set_forwarding(actor=None, mailbox=joe, targets="b@elsewhere.example")

    assert own_row(joe).goto == "joe@example.org,b@elsewhere.example"

import pytest
from django.db import connection

from accounts.models import Admin, LogEntry
from accounts.own_account import check_own_password
from accounts.passwords import verify_password
from accounts.services import (
    create_admin,
    delete_admin,
    set_admin_password,
    set_own_password,
    update_admin,
)
from domains.models import DomainAdmin
from panel.fields import UNKNOWN_MOMENT
from tests.refusals import refused


def links():
    with connection.cursor() as cursor:
        cursor.execute("SELECT username, domain, active FROM domain_admins ORDER BY 1, 2")
        return cursor.fetchall()


def log():
    return list(LogEntry.objects.order_by("pk").values_list("username", "action", "data"))


def test_a_superadmin_has_the_flag_and_postfixadmins_row_for_all(make_admin):
    make_admin("root@example.org", superadmin=True)

    assert Admin.objects.get().superadmin is True
    assert links() == (("root@example.org", "ALL", 1),) or links() == [
        ("root@example.org", "ALL", 1)
    ]


def test_a_domain_admin_has_a_row_for_each_domain(make_admin, example_org, other_net):
    admin = make_admin(domains=[other_net, "example.org"])

    assert admin.domain_names == ("example.org", "other.net")
    assert [domain for _username, domain, _active in links()] == ["example.org", "other.net"]


def test_a_superadmin_may_hold_domains_which_count_again_after_a_demotion(make_admin, example_org):
    make_admin("root@example.org", superadmin=True)
    admin = make_admin("boss@example.org", superadmin=True, domains=["example.org", "ALL"])
    assert [domain for name, domain, _ in links() if name == admin.pk] == ["ALL", "example.org"]

    admin = update_admin(actor=None, admin=admin, superadmin=False)

    assert admin.domain_names == ("example.org",)
    assert [domain for name, domain, _ in links() if name == admin.pk] == ["example.org"]


def test_the_name_is_stored_in_lower_case_and_must_be_an_address(db, password):
    assert create_admin(actor=None, username=" Boss@Example.ORG ", password=password).pk == (
        "boss@example.org"
    )
    for name in ("boss", "", "a b@example.org", "boss@", "boss'@x@y", "boss\n@example.org"):
        with refused("invalid"):
            create_admin(actor=None, username=name, password=password)
    assert Admin.objects.count() == 1


def test_the_domain_of_a_name_is_stored_in_ascii_and_shown_as_typed(make_admin):
    admin = make_admin("Boss@Müller.example")

    assert admin.pk == "boss@xn--mller-kva.example"
    assert str(admin) == "boss@müller.example"
    assert log() == [("CLI (localhost)", "create_admin", "boss@xn--mller-kva.example")]


def test_a_name_that_only_looks_latin_is_shown_in_ascii(make_admin):
    admin = make_admin("boss@аррӏе.example")  # Cyrillic

    assert str(admin) == admin.pk == "boss@xn--80ak6aa92e.example"
    assert str(Admin(pk="boss@аррӏе.example")) == "boss@xn--80ak6aa92e.example"


@pytest.mark.parametrize(
    "name", ["boss@💩.example", "büss@example.org", "boſs@example.org", "boss@a_ü.example"]
)
def test_a_name_without_an_ascii_form_is_refused(name, db, password):
    with refused("invalid", field="username"):
        create_admin(actor=None, username=name, password=password)


def test_both_forms_of_a_name_are_one(make_admin):
    make_admin("boss@müller.example")

    with refused("taken", field="username"):
        make_admin("boss@xn--mller-kva.example")

    assert Admin.objects.count() == 1


@pytest.mark.parametrize("name", ["boss@müller.example", "boss@xn--mller-kva.example"])
def test_a_name_that_another_program_stored_in_unicode_is_taken(name, make_admin):
    Admin.objects.create(pk="boss@müller.example")

    with refused("taken", field="username"):
        make_admin(name)

    assert Admin.objects.count() == 1


def test_a_name_exists_once(make_admin):
    make_admin("boss@example.org")

    with refused("taken", field="username"):
        make_admin("BOSS@example.org")

    assert Admin.objects.count() == 1
    assert log() == [("CLI (localhost)", "create_admin", "boss@example.org")]


def test_a_weak_password_is_refused_at_its_field(db):
    with refused("password_weak", field="password"):
        create_admin(actor=None, username="boss@example.org", password="short")

    assert Admin.objects.count() == 0


def test_the_last_superadmin_stays_whoever_asks(make_admin):
    last = make_admin(superadmin=True)
    make_admin("boss@example.org")
    make_admin("away@example.org", superadmin=True, active=False)

    for change in ({"superadmin": False}, {"active": False}):
        with refused("last_superadmin"):
            update_admin(actor=None, admin=last, **change)
    with refused("last_superadmin"):
        delete_admin(actor=None, admin=last)

    last.refresh_from_db()
    assert (last.superadmin, last.active) == (True, True)


def test_nobody_takes_the_right_from_oneself(make_admin):
    me = make_admin("me@example.org", superadmin=True)
    make_admin("other@example.org", superadmin=True)

    for change in ({"superadmin": False}, {"active": False}):
        with refused("oneself"):
            update_admin(actor=me, admin=me, **change)
    with refused("oneself"):
        delete_admin(actor=me, admin=me)


def test_one_of_two_superadmins_may_go(make_admin):
    me = make_admin("me@example.org", superadmin=True)
    other = make_admin("other@example.org", superadmin=True)

    update_admin(actor=me, admin=other, superadmin=False)

    assert Admin.objects.get(pk="other@example.org").superadmin is False
    assert [domain for name, domain, _ in links() if name == other.pk] == []


def test_an_inactive_superadmin_may_be_deleted_when_one_is_left(make_admin):
    me = make_admin("me@example.org", superadmin=True)
    away = make_admin("away@example.org", superadmin=True, active=False)

    delete_admin(actor=me, admin=away)

    assert list(Admin.objects.values_list("pk", flat=True)) == ["me@example.org"]


def test_changes_are_logged_with_old_and_new_values(make_admin, example_org, other_net):
    me = make_admin("me@example.org", superadmin=True)
    me.client_ip = "192.0.2.7"
    admin = make_admin("boss@example.org", domains=["example.org"])

    update_admin(actor=me, admin=admin, domains=["other.net"], phone="+33 1", active=False)

    entry = LogEntry.objects.latest("pk")
    assert (entry.username, entry.actor, entry.address) == (
        "me@example.org (192.0.2.7)",
        "me@example.org",
        "192.0.2.7",
    )
    assert (entry.action, entry.domain, entry.data) == ("edit_admin", "", "boss@example.org")
    assert entry.changes == {
        "phone": ["", "+33 1"],
        "active": [True, False],
        "domains": [["example.org"], ["other.net"]],
    }


def test_when_an_administrator_was_changed_is_stored(make_admin):
    admin = make_admin()
    Admin.objects.update(modified=UNKNOWN_MOMENT)

    update_admin(actor=None, admin=admin, phone="+33 1")

    assert Admin.objects.filter(modified=UNKNOWN_MOMENT).count() == 0


def test_a_row_of_another_program_can_be_changed_and_keeps_its_name(db):
    # Written as "u" and a combining diaeresis, and without a password: nobody signs in with it.
    stored = Admin.objects.create(pk="boss@mu\u0308ller.example", password="")

    update_admin(actor=None, admin=stored, active=False, phone="+33 1")

    assert list(Admin.objects.values_list("pk", "active", "phone")) == [
        ("boss@mu\u0308ller.example", False, "+33 1")
    ]


def test_saving_without_a_change_leaves_no_trace(make_admin, example_org):
    admin = make_admin(domains=["example.org"])
    before = log()

    update_admin(actor=None, admin=admin, domains=["example.org"], active=True)

    assert log() == before


def test_deleting_an_administrator_removes_the_links_and_keeps_the_log(make_admin, example_org):
    admin = make_admin(domains=["example.org"])

    delete_admin(actor=None, admin=admin)

    assert Admin.objects.count() == 0
    assert DomainAdmin.objects.count() == 0
    assert [action for _who, action, _what in log()][-2:] == ["create_admin", "delete_admin"]
    assert LogEntry.objects.latest("pk").changes == {
        "superadmin": [False, None],
        "domains": [["example.org"], None],
        "active": [True, None],
    }


def test_how_an_administrator_is_reached_is_logged_from_beginning_to_end(make_admin):
    make_admin("root@example.org", superadmin=True)
    admin = make_admin("boss@example.org", phone="+33 1", email_other="boss@home.example")
    created = LogEntry.objects.latest("pk").changes
    delete_admin(actor=None, admin=admin)
    deleted = LogEntry.objects.latest("pk").changes

    assert created == {
        "superadmin": [None, False],
        "domains": [None, []],
        "active": [None, True],
        "phone": [None, "+33 1"],
        "email_other": [None, "boss@home.example"],
    }
    assert deleted == {field: [new, None] for field, (_old, new) in created.items()}


def test_links_written_twice_or_deactivated_by_another_program(make_admin, example_org, other_net):
    """PostfixAdmin has no unique key here, and a column ``active``."""
    admin = make_admin(domains=["example.org"])
    DomainAdmin.objects.create(username=admin, domain=example_org)
    DomainAdmin.objects.create(username=admin, domain=other_net, active=False)

    assert Admin.objects.get().domain_names == ("example.org",)

    update_admin(actor=None, admin=admin, domains=["example.org", "other.net"])

    assert Admin.objects.get().domain_names == ("example.org", "other.net")
    assert LogEntry.objects.latest("pk").changes == {
        "domains": [["example.org"], ["example.org", "other.net"]]
    }


def test_ones_own_password_needs_the_old_one(make_admin, password):
    admin = make_admin()

    with refused("wrong_password"):
        check_own_password(admin, "wrong", "another-password-1")
    check_own_password(admin, password, "another-password-1")
    set_own_password(admin=admin, password="another-password-1")

    assert verify_password("another-password-1", Admin.objects.get().password)[0] is True
    assert log()[-1] == ("admin@example.org (localhost)", "edit_password", "admin@example.org")


def test_nobody_sets_ones_own_password_as_if_it_were_anothers(make_admin, password):
    me = make_admin(superadmin=True)

    with refused("oneself"):
        set_admin_password(actor=me, admin=me, password="another-password-1")

    assert verify_password(password, Admin.objects.get().password)[0] is True


def test_no_log_row_holds_a_password_or_a_hash(make_admin, example_org):
    secrets = ["first-secret-1", "second-secret-2", "third-secret-3"]
    admin = make_admin(password=secrets[0], domains=["example.org"])
    hashes = [admin.password]
    set_admin_password(actor=None, admin=admin, password=secrets[1])
    hashes.append(Admin.objects.get().password)
    check_own_password(admin, secrets[1], secrets[2])
    set_own_password(admin=admin, password=secrets[2])
    hashes.append(Admin.objects.get().password)
    update_admin(actor=None, admin=admin, active=False)
    delete_admin(actor=None, admin=admin)

    text = repr(list(LogEntry.objects.values_list()))
    assert len(set(hashes)) == 3
    assert [secret for secret in (*secrets, *hashes, "$6$") if secret in text] == []


def test_a_log_entry_is_never_changed(make_admin):
    make_admin()
    entry = LogEntry.objects.get()
    entry.data = "something else"

    with refused("immutable"):
        entry.save()


@pytest.mark.parametrize("action", ["unknown_action", "edit_domain_state", ""])
def test_an_action_that_the_log_has_no_words_for_is_not_written(action, db):
    with pytest.raises(ValueError, match="no action"):
        LogEntry.objects.record(None, action, target="x")
    assert LogEntry.objects.count() == 0

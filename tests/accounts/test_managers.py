"""A mailbox user who manages the own domain: what such an administrator may, and what becomes of it with the mailbox."""

from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.utils import timezone

from accounts import factors, managers, password_links, sign_in_links, tokens
from accounts.backends import active_account
from accounts.identity import account_named
from accounts.made_passwords import nobodys_password
from accounts.models import (
    Admin,
    ApiToken,
    DomainRole,
    LogEntry,
    PanelSession,
    PasswordLink,
    SignInLink,
)
from accounts.passwords import verify_password
from accounts.services import (
    create_admin,
    delete_admin,
    set_admin_password,
    set_own_password,
    update_admin,
)
from domains import rename_previews as domain_previews
from domains.models import Domain, DomainAdmin
from domains.renaming import check_new_name as check_new_domain
from domains.renaming import rename_domain
from domains.services import delete_domain
from mailboxes import join_previews, rename_previews
from mailboxes.domain_joining import join_domain
from mailboxes.joining import check_joining
from mailboxes.models import Deleted, Mailbox
from mailboxes.renaming import check_new_name, rename_mailbox
from mailboxes.restoring import restore
from mailboxes.services import delete_mailbox, set_mailbox_password, update_mailbox
from panel.rights import PASSWORDS, READ
from panel.scoping import may_create_domains, rights_of
from tests.refusals import refused

pytestmark = pytest.mark.django_db
JOE = "joe@example.org"
BOTH = ["administrators", "users"]


@pytest.fixture
def joe(add_mailbox, example_org, other_net):
    return add_mailbox(JOE)


@pytest.fixture
def manager(joe, make_manager):
    make_manager(JOE, "it@firm.example")
    return lambda: Admin.objects.get(pk="it@firm.example")


def run(sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def newest():
    entry = LogEntry.objects.latest("pk")
    return entry.action, entry.domain, entry.data, entry.changes


# --- Creating one


def test_the_user_of_a_mailbox_is_a_domain_admin_of_its_domain(manager):
    admin = manager()

    assert (admin.mailbox, admin.domain_names) == (JOE, ("example.org",))
    assert (admin.is_superadmin, admin.is_domain_admin, admin.is_reseller) == (False, True, False)
    assert list(admin.assigned) == ["example.org"]
    assert LogEntry.objects.get(action="create_admin").changes["mailbox"] == [None, JOE]


def test_the_mailbox_is_found_as_somebody_types_it(joe, make_manager):
    assert make_manager(" Joe@Example.org ", "it@firm.example").mailbox == JOE


def test_it_may_do_less_in_the_domain(joe, make_manager):
    admin = make_manager(JOE, roles={"example.org": READ})

    assert admin.domain_roles == {"example.org": READ}


def test_it_begins_with_the_language_of_the_mailbox(joe, make_manager):
    Mailbox.objects.update(language="fr", theme="dark", time_zone="Europe/Paris", page_size=100)

    admin = make_manager(JOE)

    assert (admin.language, admin.theme) == ("fr", "dark")
    assert (admin.time_zone, admin.page_size) == ("Europe/Paris", 100)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("superadmin", True),
        ("reseller", True),
        ("max_domains", 3),
        ("max_mailboxes", 3),
        ("max_storage", 3),
        ("resold", ["example.org"]),
        ("domains", ["other.net"]),
        ("domains", ["example.org", "other.net"]),
        ("password", "tangerine-7-bicycle"),
        ("must_change", True),
        ("email_other", "joe@elsewhere.test"),
    ],
)
def test_it_can_have_nothing_beyond_its_domain(field, value, joe):
    codes = ["by_mailbox", "no_reseller"] if field == "resold" else ["by_mailbox"]
    with refused(*codes, field=field):
        create_admin(actor=None, username=JOE, mailbox=JOE, **{field: value})

    assert Admin.objects.count() == 0


def test_its_own_domain_may_be_named(joe):
    admin = create_admin(actor=None, username=JOE, mailbox=JOE, domains=["example.org"])

    assert admin.domain_names == ("example.org",)


def test_the_mailbox_has_to_be_there(example_org):
    with refused("unknown_mailbox", field="mailbox"):
        create_admin(actor=None, username=JOE, mailbox=JOE)


def test_a_mailbox_has_one_administrator(manager):
    with refused("has_manager", field="mailbox"):
        create_admin(actor=None, username="second@firm.example", mailbox=JOE)


def test_one_that_is_off_is_named(manager):
    update_admin(actor=None, admin=manager(), active=False)

    with refused("has_manager", field="mailbox") as refusal:
        create_admin(actor=None, username="second@firm.example", mailbox=JOE)

    assert "it@firm.example" in refusal.value.messages[0]
    assert "is off" in refusal.value.messages[0]


def test_all_that_is_wrong_is_said_at_once(joe, manager):
    with refused("has_manager", "taken") as refusal:
        create_admin(actor=None, username="it@firm.example", mailbox=JOE)

    assert set(refusal.value.error_dict) == {"username", "mailbox"}


# --- Changing one


def test_another_mailbox_is_refused(manager, add_mailbox):
    add_mailbox("ann@example.org")

    for value in ("ann@example.org", None):
        with refused("another_mailbox", field="mailbox"):
            update_admin(actor=None, admin=manager(), mailbox=value)

    assert manager().mailbox == JOE


def test_nobody_else_is_given_one(joe, make_admin):
    admin = make_admin()

    with refused("another_mailbox", field="mailbox"):
        update_admin(actor=None, admin=admin, mailbox=JOE)


def test_the_same_mailbox_changes_nothing(manager):
    before = LogEntry.objects.count()

    update_admin(actor=None, admin=manager(), mailbox=JOE, domains=[], superadmin=False)

    assert manager().domain_names == ("example.org",)
    assert LogEntry.objects.count() == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"superadmin": True}, "superadmin"),
        ({"reseller": True}, "reseller"),
        ({"max_storage": 5}, "max_storage"),
        ({"must_change": True}, "must_change"),
        ({"domains": ["other.net"]}, "domains"),
        ({"added": ["other.net"]}, "domains"),
        ({"removed": ["example.org"]}, "removed"),
        ({"email_other": "joe@elsewhere.test"}, "email_other"),
    ],
)
def test_nothing_is_added_later(fields, field, manager):
    with refused("by_mailbox", field=field):
        update_admin(actor=None, admin=manager(), **fields)

    assert manager().domain_names == ("example.org",)


def test_phone_role_and_state_can_be_changed(manager):
    update_admin(actor=None, admin=manager(), phone="123", roles={"example.org": PASSWORDS})
    update_admin(actor=None, admin=manager(), active=False)
    update_admin(actor=None, admin=manager(), active=True)

    admin = manager()
    assert (admin.phone, admin.active) == ("123", True)
    assert admin.domain_roles == {"example.org": PASSWORDS}


def test_it_is_deleted_as_any_other(manager):
    delete_admin(actor=None, admin=manager())

    assert Admin.objects.count() == 0
    assert (DomainAdmin.objects.count(), DomainRole.objects.count()) == (0, 0)
    assert newest()[3]["mailbox"] == [JOE, None]
    assert Mailbox.objects.filter(pk=JOE).exists()


# --- What other programs write


def test_what_another_program_adds_has_no_effect(manager):
    Admin.objects.update(superadmin=True, reseller=True)
    for name in ("other.net", "ALL"):
        run("INSERT INTO domain_admins (username, domain) VALUES (%s, %s)", "it@firm.example", name)

    admin = manager()
    assert (admin.is_superadmin, admin.is_domain_admin, admin.is_reseller) == (False, True, False)
    assert admin.domain_names == admin.scope_domains == ("example.org",)
    assert not may_create_domains(admin)
    assert "administrators:write" not in rights_of(admin)
    assert list(Domain.objects.manageable_by(admin).values_list("pk", flat=True)) == ["example.org"]
    assert list(Admin.objects.manageable_by(admin)) == []
    assert list(Admin.objects.superadmins()) == []
    assert list(Admin.objects.superadmins(False)) == [admin]


def test_it_goes_when_the_administrator_is_saved_here(manager):
    Admin.objects.update(superadmin=True)
    run("INSERT INTO domain_admins (username, domain) VALUES ('it@firm.example', 'other.net')")

    update_admin(actor=None, admin=manager(), phone="123", superadmin=False)

    assert (manager().superadmin, list(manager().assigned)) == (False, ["example.org"])


def test_it_is_not_the_superadmin_who_must_remain(manager, make_admin):
    root = make_admin(superadmin=True)
    Admin.objects.filter(pk="it@firm.example").update(superadmin=True)

    with refused("last_superadmin"):
        delete_admin(actor=None, admin=root)
    with refused("last_superadmin"):
        update_admin(actor=None, admin=root, active=False)

    delete_admin(actor=None, admin=manager())  # it is none itself


# --- No other way in


def test_no_password_opens_it(manager, password):
    assert authenticate(None, username="it@firm.example", password=password) is None
    for guessed in ("", JOE, "it@firm.example", nobodys_password()):
        assert verify_password(guessed, manager().password, "it@firm.example")[0] is False


def test_a_password_that_another_program_sets_opens_nothing(manager, password):
    hashed = Mailbox.objects.get(pk=JOE).password
    Admin.objects.update(password=hashed)

    assert verify_password(password, manager().password, "it@firm.example")[0] is True
    assert authenticate(None, username="it@firm.example", password=password) is None


def test_of_the_same_name_the_password_is_the_mailboxes(joe, make_manager, password):
    make_manager(JOE)

    assert authenticate(None, username=JOE, password=password) == joe


def test_no_backend_and_no_provider_knows_it(manager, joe, make_manager):
    assert active_account("admin", "it@firm.example") is None
    with refused("invalid_login"):
        account_named("it@firm.example", BOTH)


def test_a_provider_that_tells_the_mailboxes_name_opens_the_mailbox(joe, make_manager):
    make_manager(JOE)

    assert account_named(JOE, BOTH) == joe
    with refused("invalid_login"):
        account_named(JOE, ["administrators"])


def test_a_token_of_before_opens_nothing(manager):
    token = tokens.drawn()
    ApiToken.objects.create(
        kind="admin",
        username="it@firm.example",
        name="old",
        rights="mailboxes:read",
        digest=tokens.digest(token),
        created=timezone.now(),
    )

    assert tokens.account_of(token, "192.0.2.7") is None


def test_it_is_given_no_password_no_invitation_and_no_link(manager, make_admin, settings):
    settings.PANEL_URL = "https://panel.example.org/"
    root, hashed = make_admin(superadmin=True), manager().password

    with refused("by_mailbox"):
        set_admin_password(actor=root, admin=manager(), password="tangerine-7-bicycle")
    with refused("by_mailbox"):
        set_own_password(admin=manager(), password="tangerine-7-bicycle")
    with refused("by_mailbox"):
        password_links.invite(actor=root, account=manager())
    with refused("by_mailbox"):
        sign_in_links.make_link(actor=root, account=manager())

    assert manager().password == hashed


def test_an_invitation_of_before_opens_nothing(joe, make_admin, settings):
    make_admin("it@firm.example")
    token = password_links.invite(actor=None, account=Admin.objects.get())
    assert password_links.find(token) is not None

    Admin.objects.update(mailbox=JOE)

    assert password_links.find(token) is None


@pytest.mark.parametrize(
    ("users", "admins", "sent"),
    [(True, True, 1), (True, False, 0), (False, True, 0), (False, False, 0)],
)
def test_a_forgotten_password_is_mended_where_both_may(
    users, admins, sent, manager, settings, django_capture_on_commit_callbacks
):
    settings.FORGOTTEN_PASSWORDS = {"mailbox": users, "admin": admins}
    settings.PANEL_URL = "https://panel.example.org/"
    Mailbox.objects.update(email_other="joe@elsewhere.test")
    Admin.objects.update(email_other="it@elsewhere.test")

    password_links.send_reset(JOE, "192.0.2.7")
    password_links.send_reset("it@firm.example", "192.0.2.7")

    assert PasswordLink.objects.filter(kind="mailbox", username=JOE).count() == sent
    assert PasswordLink.objects.filter(kind="admin").count() == 0


def test_a_link_for_a_forgotten_password_ends_with_a_setting(manager, settings):
    settings.FORGOTTEN_PASSWORDS = {"mailbox": True, "admin": True}
    settings.PANEL_URL = "https://panel.example.org/"
    Mailbox.objects.update(email_other="joe@elsewhere.test")
    token = password_links._make(Mailbox.objects.get(), password_links.RESET)
    assert password_links.find(token) is not None

    settings.FORGOTTEN_PASSWORDS = {"mailbox": True, "admin": False}

    assert password_links.find(token) is None


# --- Who may let themselves in to its mailbox


ACTIONS = {
    "password": lambda actor, box: set_mailbox_password(
        actor=actor, mailbox=box, password="tangerine-7-bicycle"
    ),
    "invite": lambda actor, box: password_links.invite(actor=actor, account=box),
    "factor": lambda actor, box: factors.reset(actor=actor, account=box),
    "other address": lambda actor, box: update_mailbox(
        actor=actor, mailbox=box, email_other="help@elsewhere.test"
    ),
    "link": lambda actor, box: sign_in_links.make_link(actor=actor, account=box),
}


@pytest.fixture
def box(joe, shows, settings):
    settings.PANEL_URL = "https://panel.example.org/"
    shows(joe)
    return joe


@pytest.mark.parametrize("action", ACTIONS)
def test_who_may_less_than_its_user_may_not(action, box, manager, make_admin):
    helper = make_admin(
        "help@example.org", domains=["example.org"], roles={"example.org": PASSWORDS}
    )
    before = Mailbox.objects.filter(pk=JOE).values().get()

    with refused("manages"):
        ACTIONS[action](helper, box)

    assert Mailbox.objects.filter(pk=JOE).values().get() == before
    assert PasswordLink.objects.count() == 0


@pytest.mark.parametrize("action", ["password", "invite", "factor"])
def test_in_other_mailboxes_they_go_on(action, box, manager, add_mailbox, make_admin, shows):
    helper = make_admin(
        "help@example.org", domains=["example.org"], roles={"example.org": PASSWORDS}
    )
    ann = add_mailbox("ann@example.org")
    shows(ann)

    ACTIONS[action](helper, ann)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("who", ["superadmin", "domain admin", "command line"])
def test_who_may_as_much_may(who, action, box, manager, make_admin):
    actor = {
        "superadmin": lambda: make_admin(superadmin=True),
        "domain admin": lambda: make_admin("ann@example.org", domains=["example.org"]),
        "command line": lambda: None,
    }[who]()

    ACTIONS[action](actor, box)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_api_token_needs_all_the_rights_of_its_account(action, box, manager, make_admin):
    actor = make_admin("ann@example.org", domains=["example.org"])
    actor.token_rights = {"mailboxes:write", "mailboxes:password", "mailboxes:sign-in"}

    with refused("manages"):
        ACTIONS[action](actor, box)

    actor.token_rights = rights_of(actor)
    ACTIONS[action](actor, box)


@pytest.mark.parametrize("action", ACTIONS)
def test_nor_does_the_manager_without_the_current_password(action, box, manager):
    before = Mailbox.objects.filter(pk=JOE).values().get()

    with refused("oneself"):
        ACTIONS[action](manager(), box)

    assert Mailbox.objects.filter(pk=JOE).values().get() == before


def test_links_of_before_open_nothing(joe, make_manager, make_admin, settings):
    settings.PANEL_URL = "https://panel.example.org/"
    helper = make_admin(
        "help@example.org", domains=["example.org"], roles={"example.org": PASSWORDS}
    )
    token = password_links.invite(actor=helper, account=joe)
    sign_in_links.make_link(actor=make_admin(superadmin=True), account=joe)

    make_manager(JOE)

    assert password_links.find(token) is None
    assert (PasswordLink.objects.count(), SignInLink.objects.count()) == (0, 0)


def test_its_user_sets_the_own_password(box, manager):
    user = Mailbox.objects.get()

    set_mailbox_password(actor=user, mailbox=user, password="tangerine-7-bicycle")


def test_it_makes_no_difference_that_the_administrator_is_off(box, manager, make_admin):
    helper = make_admin(
        "help@example.org", domains=["example.org"], roles={"example.org": PASSWORDS}
    )
    update_admin(actor=None, admin=manager(), active=False)

    with refused("manages"):
        ACTIONS["password"](helper, box)


# --- With the mailbox


def test_another_name_of_the_mailbox_is_followed(manager, joe):
    rename_mailbox(actor=None, mailbox=joe, local_part="joseph")

    admin = manager()
    assert (admin.pk, admin.mailbox, admin.active) == (
        "it@firm.example",
        "joseph@example.org",
        True,
    )
    assert admin.domain_names == ("example.org",)


def test_in_another_domain_nothing_is_managed(manager, joe, other_net):
    rename_mailbox(actor=None, mailbox=joe, local_part="joe", domain=other_net)

    assert (manager().mailbox, manager().domain_names) == ("joe@other.net", ())


def test_whoever_has_the_old_name_next_manages_nothing(manager, joe, other_net, add_mailbox):
    rename_mailbox(actor=None, mailbox=joe, local_part="joe", domain=other_net, keep_alias=False)

    add_mailbox(JOE)

    assert managers.manager_of(JOE) is None


@pytest.mark.parametrize(
    ("local_part", "domain", "told"),
    [
        ("joseph", "example.org", "Its user manages example.org as before, with the new name."),
        ("joe", "other.net", "Its user manages example.org no longer."),
    ],
)
def test_the_preview_says_what_becomes_of_it(local_part, domain, told, manager, joe):
    domain = Domain.objects.select_related("usage").get(pk=domain)
    box = Mailbox.objects.select_related("domain__usage", "domain__alias_of").get(pk=JOE)
    new = check_new_name(actor=None, mailbox=box, local_part=local_part, domain=domain)

    said = rename_previews.preview(None, box, new)

    assert [text for text, _names in said.changes if "manages" in text] == [told]


def test_the_name_of_a_deleted_mailbox_that_had_one_switches_it_off(
    manager, joe, add_mailbox, make_manager
):
    make_manager(add_mailbox("ann@example.org").pk, "ann@firm.example")
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk="ann@example.org"))

    rename_mailbox(actor=None, mailbox=joe, local_part="ann")

    assert (manager().mailbox, manager().active) == (JOE, False)
    assert Admin.objects.get(pk="ann@firm.example").active is False
    assert LogEntry.objects.filter(data="it@firm.example", action="edit_admin").count() == 1


def test_a_domain_that_gets_another_name_takes_it_along(manager, example_org):
    rename_domain(actor=None, domain=example_org, name="firm.example")

    assert manager().mailbox == "joe@firm.example"
    assert manager().domain_names == ("firm.example",)


def test_but_not_to_the_name_of_another_administrators_mailbox(manager, example_org, make_admin):
    make_admin("left@firm.example")
    Admin.objects.filter(pk="left@firm.example").update(mailbox="joe@firm.example")

    rename_domain(actor=None, domain=example_org, name="firm.example")

    assert (manager().mailbox, manager().active) == (JOE, False)
    assert Admin.objects.get(pk="left@firm.example").active is False
    entry = LogEntry.objects.get(data="it@firm.example", action="edit_admin")
    assert entry.changes == {"active": [True, False]}


def test_which_its_preview_says(manager, example_org):
    new = check_new_domain(domain=example_org, name="firm.example")

    said = domain_previews.preview(None, example_org.fresh(), new)

    assert dict(said.changes)[
        "Administrators who sign in with a mailbox, which has its new name then:"
    ] == ("it@firm.example",)


def test_a_domain_that_joins_another_one_says_who_manages_nothing_then(
    manager, joe, example_org, other_net, make_admin
):
    make_admin("ann@example.net", domains=["example.org"])
    plan = check_joining(actor=None, domain=example_org.fresh(), target=other_net.fresh())

    said = join_previews.preview(plan)

    assert dict(said.changes)[
        "Manage nothing then, for the mailboxes with which they sign in move:"
    ] == ("it@firm.example",)


def test_and_with_it_one_whose_mailbox_is_in_the_bin(manager, joe, example_org):
    delete_mailbox(actor=None, mailbox=joe)

    rename_domain(actor=None, domain=example_org, name="firm.example")
    restore(actor=None, deletion=Deleted.objects.get())

    assert (manager().mailbox, manager().active) == ("joe@firm.example", True)


def test_a_domain_that_joins_another_one_gives_it_nothing_there(manager, example_org, other_net):
    join_domain(actor=None, domain=example_org, target_domain=other_net)

    assert (manager().mailbox, manager().domain_names) == ("joe@other.net", ())


def test_it_is_off_once_the_mailbox_is_deleted(manager, joe, make_admin):
    root = make_admin(superadmin=True)
    PanelSession.objects.create(
        session_key="k",
        session_data="",
        expire_date=timezone.now(),
        kind="admin",
        username="it@firm.example",
    )

    delete_mailbox(actor=root, mailbox=joe)

    assert (manager().mailbox, manager().active) == (JOE, False)
    assert PanelSession.objects.count() == 0
    entry = LogEntry.objects.get(action="edit_admin")
    assert (entry.actor, entry.data, entry.domain) == (root.pk, "it@firm.example", "")
    assert entry.changes == {"active": [True, False]}


@pytest.mark.parametrize("active", [False, True])  # True: another program saved it again
def test_a_new_mailbox_of_the_name_gives_nobody_anything(active, manager, joe, add_mailbox):
    delete_mailbox(actor=None, mailbox=joe)
    Admin.objects.update(active=active)

    add_mailbox(JOE)

    assert manager().active is False
    assert Mailbox.objects.with_manager().get(pk=JOE).manages is None


def test_it_is_on_again_with_the_mailbox(manager, joe):
    kept = delete_mailbox(actor=None, mailbox=joe)

    restore(actor=None, deletion=kept)

    assert (manager().mailbox, manager().active) == (JOE, True)
    entries = LogEntry.objects.filter(action="edit_admin").order_by("pk")
    assert [entry.changes for entry in entries] == [
        {"active": [True, False]},
        {"active": [False, True]},
    ]


def test_not_if_it_was_off_before(manager, joe):
    update_admin(actor=None, admin=manager(), active=False)
    kept = delete_mailbox(actor=None, mailbox=joe)

    restore(actor=None, deletion=kept)

    assert manager().active is False


def test_not_one_that_was_made_meanwhile(manager, joe, make_manager):
    kept = delete_mailbox(actor=None, mailbox=joe)
    later = timezone.now() + timedelta(seconds=5)
    Admin.objects.update(created=later, modified=later)

    restore(actor=None, deletion=kept)

    assert manager().active is False


def test_not_one_that_was_switched_on_for_another_mailbox_meanwhile(manager, joe, add_mailbox):
    kept = delete_mailbox(actor=None, mailbox=joe)
    add_mailbox(JOE)
    update_admin(actor=None, admin=manager(), active=True)
    Admin.objects.update(modified=timezone.now() + timedelta(seconds=5))
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get())

    restore(actor=None, deletion=kept)

    assert manager().active is False


def test_it_cannot_be_switched_on_without_the_mailbox(manager, joe):
    delete_mailbox(actor=None, mailbox=joe)

    with refused("no_mailbox", field="active"):
        update_admin(actor=None, admin=manager(), active=True)


def test_a_superadmin_may_switch_it_on_for_a_new_mailbox(manager, joe, add_mailbox):
    delete_mailbox(actor=None, mailbox=joe)
    add_mailbox(JOE)

    update_admin(actor=None, admin=manager(), active=True)

    assert manager().active is True


def test_a_deleted_domain_switches_it_off_and_gives_it_back(manager, example_org):
    delete_domain(actor=None, domain=example_org)
    assert (manager().active, manager().domain_names) == (False, ())
    assert LogEntry.objects.filter(action="edit_admin").count() == 1

    restore(actor=None, deletion=Deleted.objects.get())

    assert (manager().active, manager().domain_names) == (True, ("example.org",))


def test_it_keeps_less_when_the_domain_is_restored(manager, example_org):
    update_admin(actor=None, admin=manager(), roles={"example.org": READ})
    delete_domain(actor=None, domain=example_org)

    restore(actor=None, deletion=Deleted.objects.get())

    assert manager().domain_roles == {"example.org": READ}


# --- Whoever writes


def test_another_program_that_deletes_the_mailbox_switches_it_off(manager):
    run("DELETE FROM mailbox WHERE username = %s", JOE)

    assert (manager().mailbox, manager().active) == (JOE, False)


def test_another_program_that_renames_the_mailbox_is_followed(manager):
    new = "joseph@example.org"
    run("UPDATE mailbox SET username = %s, local_part = 'joseph' WHERE username = %s", new, JOE)

    assert (manager().mailbox, manager().active) == (new, True)


@pytest.mark.parametrize("active", [0, 1])
def test_but_not_to_the_name_of_a_mailbox_that_had_one(
    active, manager, joe, add_mailbox, make_manager
):
    make_manager(add_mailbox("ann@example.org").pk, "ann@firm.example")
    run("DELETE FROM mailbox WHERE username = 'ann@example.org'")
    run("UPDATE admin SET active = %s WHERE username = 'ann@firm.example'", active)

    run("UPDATE mailbox SET username = 'ann@example.org' WHERE username = %s", JOE)

    assert (manager().mailbox, manager().active) == (JOE, False)
    assert Admin.objects.get(pk="ann@firm.example").active is False


def test_another_mailbox_concerns_nobody(manager, add_mailbox):
    add_mailbox("ann@example.org")

    run("UPDATE mailbox SET username = 'anna@example.org' WHERE username = 'ann@example.org'")
    run("DELETE FROM mailbox WHERE username = 'anna@example.org'")

    assert (manager().mailbox, manager().active) == (JOE, True)

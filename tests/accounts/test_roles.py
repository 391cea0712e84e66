"""What an administrator may do in a domain, below a domain admin: how it is set, kept and asked."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from accounts.models import Admin, DomainRole, LogEntry
from accounts.services import create_admin, delete_admin, update_admin
from aliases.models import Alias
from aliases.services import create_alias, delete_alias, update_alias
from domains.models import Domain
from domains.services import delete_domain
from mailboxes import triggers
from mailboxes.models import Deleted, Mailbox
from mailboxes.renaming import rename_mailbox
from mailboxes.restoring import restore
from mailboxes.services import delete_mailbox, set_mailbox_password, update_mailbox
from panel.rights import ALIASES, FULL, OF_ROLES, PASSWORDS, READ, RIGHTS, is_in_role
from panel.scoping import acting, rights_of
from panel.tasks import scope_of
from tests.refusals import refused

pytestmark = pytest.mark.django_db

ANN = "ann@example.org"
BOTH = ["example.org", "other.net"]


def stored():
    return list(DomainRole.objects.order_by("pk").values_list("username", "domain", "role"))


def run(sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


@pytest.fixture
def ann(make_admin, example_org, other_net):
    make_admin(ANN, domains=BOTH)
    return lambda: Admin.objects.get(pk=ANN)


def narrowed(ann, **roles):
    roles = {domain.replace("_", "."): role for domain, role in roles.items()}
    update_admin(actor=None, admin=ann(), roles=roles)
    return ann()


# --- Setting one


def test_without_a_role_everything_may_be_done(ann):
    assert (ann().domain_names, ann().domain_roles) == (tuple(BOTH), {})
    assert acting(ann(), "mailboxes:write").managed_names == tuple(BOTH)
    assert acting(ann(), None).managed_names == tuple(BOTH)


def test_a_role_is_of_one_domain(ann):
    admin = narrowed(ann, other_net=READ)

    assert admin.domain_roles == {"other.net": READ}
    assert admin.domain_names == tuple(BOTH)
    assert acting(admin, "mailboxes:write").managed_names == ("example.org",)
    assert acting(admin, "mailboxes:read").managed_names == tuple(BOTH)
    assert acting(admin, None).managed_names == ("example.org",)


def test_both_are_read_by_one_statement(ann, django_assert_num_queries):
    admin = narrowed(ann, other_net=READ)

    with django_assert_num_queries(1):
        assert (admin.domain_names, admin.domain_roles) == (tuple(BOTH), {"other.net": READ})


def test_the_log_says_which_there_were_and_which_there_are(ann):
    narrowed(ann, other_net=READ)
    narrowed(ann, other_net=PASSWORDS, example_org=ALIASES)

    changes = LogEntry.objects.order_by("pk").values_list("changes", flat=True)
    assert list(changes)[-2:] == [
        {"roles": [[], ["other.net: read"]]},
        {"roles": [["other.net: read"], ["example.org: aliases", "other.net: passwords"]]},
    ]


def test_the_same_roles_again_change_nothing(ann):
    narrowed(ann, other_net=READ)
    before = LogEntry.objects.count()

    narrowed(ann, other_net=READ)

    assert LogEntry.objects.count() == before


def test_some_roles_are_changed_and_others_kept(ann):
    narrowed(ann, other_net=READ, example_org=READ)

    update_admin(actor=None, admin=ann(), given={"Other.Net": ALIASES})
    assert ann().domain_roles == {"example.org": READ, "other.net": ALIASES}

    update_admin(actor=None, admin=ann(), given={"other.net": FULL})
    assert ann().domain_roles == {"example.org": READ}


def test_other_changes_keep_the_roles(ann):
    narrowed(ann, other_net=READ)

    update_admin(actor=None, admin=ann(), phone="112", domains=BOTH)

    assert ann().domain_roles == {"other.net": READ}


def test_a_new_administrator_may_have_roles(example_org, other_net, password):
    roles = {"other.net": PASSWORDS}
    create_admin(actor=None, username=ANN, password=password, domains=BOTH, roles=roles)

    assert stored() == [(ANN, "other.net", PASSWORDS)]
    assert LogEntry.objects.latest("pk").changes["roles"] == [None, ["other.net: passwords"]]


@pytest.mark.parametrize(
    ("roles", "code"),
    [
        ({"other.net": "everything"}, "unknown_role"),
        ({"nowhere.example": READ}, "not_assigned"),
    ],
)
def test_an_unknown_role_or_domain_is_refused_and_changes_nothing(roles, code, ann, password):
    with refused(code):
        update_admin(actor=None, admin=ann(), roles=roles)
    with refused(code):
        update_admin(actor=None, admin=ann(), given=roles)
    with refused(code):
        create_admin(
            actor=None, username="new@example.org", password=password, domains=BOTH, roles=roles
        )
    assert (stored(), Admin.objects.count()) == ([], 1)


def test_a_domain_that_is_assigned_anew_has_no_role_of_before(ann):
    narrowed(ann, other_net=READ)
    update_admin(actor=None, admin=ann(), domains=["example.org"])
    assert stored() == []

    update_admin(actor=None, admin=ann(), domains=BOTH)

    assert ann().domain_roles == {}


def test_a_superadmin_is_not_narrowed(ann):
    narrowed(ann, other_net=READ)

    update_admin(actor=None, admin=ann(), superadmin=True)

    assert acting(ann(), None).managed_names == ()
    assert Domain.objects.manageable_by(ann()).count() == 2
    assert rights_of(ann()) >= {"mailboxes:write", "domains:write"}


def test_an_administrator_who_is_deleted_takes_them_along(ann):
    narrowed(ann, other_net=READ)

    delete_admin(actor=None, admin=ann())

    assert stored() == []
    assert LogEntry.objects.latest("pk").changes["roles"] == [["other.net: read"], None]


# --- Other programs


def test_a_right_that_another_program_gives_back_stays_narrow(ann):
    """PostfixAdmin deletes all of them and writes them anew whenever it saves an administrator."""
    narrowed(ann, other_net=READ)
    run("DELETE FROM domain_admins WHERE username = %s", ANN)
    assert (ann().domain_names, ann().domain_roles) == ((), {})

    for domain in BOTH:
        run("INSERT INTO domain_admins (username, domain) VALUES (%s, %s)", ANN, domain)

    assert ann().domain_roles == {"other.net": READ}


def test_a_change_here_meanwhile_does_not_widen_it_either(ann):
    narrowed(ann, other_net=READ)
    run("DELETE FROM domain_admins WHERE domain = %s", "other.net")

    update_admin(actor=None, admin=ann(), phone="112")
    run("INSERT INTO domain_admins (username, domain) VALUES (%s, %s)", ANN, "other.net")

    assert ann().domain_roles == {"other.net": READ}


def test_what_another_program_deletes_leaves_no_role(ann):
    narrowed(ann, other_net=READ, example_org=READ)

    run("DELETE FROM domain_admins WHERE domain = %s", "other.net")
    run("DELETE FROM domain WHERE domain = %s", "other.net")
    assert stored() == [(ANN, "example.org", READ)]

    run("DELETE FROM domain_admins WHERE username = %s", ANN)
    run("DELETE FROM admin WHERE username = %s", ANN)
    assert stored() == []


def test_a_role_that_nobody_knows_is_the_least(ann):
    DomainRole.objects.create(username=ANN, domain="other.net", role="reseller")

    assert acting(ann(), "aliases:write").managed_names == ("example.org",)
    assert acting(ann(), "mailboxes:read").managed_names == tuple(BOTH)


def test_all_anew_leaves_no_role_of_nobody(ann):
    narrowed(ann, other_net=READ)
    DomainRole.objects.create(username="gone@example.org", domain="other.net", role=READ)
    DomainRole.objects.create(username=ANN, domain="gone.example", role=READ)

    triggers.rebuild(connection)

    assert stored() == [(ANN, "other.net", READ)]


def test_a_domain_that_is_restored_has_the_roles_again(ann):
    narrowed(ann, other_net=READ)
    delete_domain(actor=None, domain=Domain.objects.get(pk="other.net"))
    assert stored() == []

    restore(actor=None, deletion=Deleted.objects.get())

    assert (ann().domain_names, ann().domain_roles) == (tuple(BOTH), {"other.net": READ})


# --- What it may do


def test_each_role_sees_everything_and_changes_what_it_is_for():
    changes = {
        role: {right for right in RIGHTS if is_in_role(right, role) and not right.endswith(":read")}
        for role in OF_ROLES
    }

    own = {"tokens:write", "webhooks:write"}
    assert changes == {
        ALIASES: own | {"aliases:write"},
        PASSWORDS: own | {"mailboxes:password", "mailboxes:sessions", "mailboxes:factor"},
        READ: own,
    }


def test_the_rights_of_an_account_are_those_of_all_its_domains(ann):
    admin = narrowed(ann, example_org=ALIASES, other_net=PASSWORDS)

    assert {"aliases:write", "mailboxes:password"} <= rights_of(admin)
    assert not {"mailboxes:write", "imports:write", "deleted:write"} & rights_of(admin)


def test_what_is_under_way_stops_when_the_role_changes(ann):
    before = scope_of(ann())

    assert scope_of(narrowed(ann, other_net=READ)) != before
    assert scope_of(narrowed(ann)) == before


@pytest.fixture
def rows(ann, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")
    add_mailbox("eve@other.net")
    return lambda model, key: model.objects.get(pk=key)


@pytest.mark.parametrize("role", [ALIASES, PASSWORDS, READ])
def test_services_refuse_what_the_role_does_not_have(role, ann, rows, password):
    admin = narrowed(ann, example_org=role)
    joe, sales = rows(Mailbox, "joe@example.org"), rows(Alias, "sales@example.org")
    domain = joe.domain
    acts = {
        "mailboxes": lambda: update_mailbox(actor=admin, mailbox=joe, name="Joe"),
        "rename": lambda: rename_mailbox(actor=admin, mailbox=joe, local_part="jo"),
        "delete": lambda: delete_mailbox(actor=admin, mailbox=joe),
        ALIASES: lambda: create_alias(
            actor=admin, domain=domain, local_part="new", targets="joe@example.org"
        ),
        "alias": lambda: update_alias(actor=admin, alias=sales, targets="eve@other.net"),
        "without": lambda: delete_alias(actor=admin, alias=sales),
        PASSWORDS: lambda: set_mailbox_password(actor=admin, mailbox=joe, password=f"n{password}"),
    }
    may = {ALIASES: {ALIASES, "alias", "without"}, PASSWORDS: {PASSWORDS}, READ: set()}[role]
    done = set()

    for name, act in acts.items():
        try:
            act()
        except PermissionDenied:
            continue
        done.add(name)

    # An alias may be changed as what follows from what was done elsewhere: of a domain admin of another one it is.
    assert done == may | {"alias"}


@pytest.mark.parametrize("role", [PASSWORDS, READ])
def test_who_may_change_addresses_nowhere_changes_none_by_a_service(role, ann, rows):
    admin = narrowed(ann, example_org=role, other_net=READ)

    with pytest.raises(PermissionDenied):
        update_alias(actor=admin, alias=rows(Alias, "sales@example.org"), targets="eve@other.net")


def test_what_follows_in_a_domain_of_a_lesser_role_is_done(ann, rows, add_alias):
    add_alias("team@other.net", "joe@example.org")
    admin = acting(narrowed(ann, other_net=READ), "mailboxes:write")

    delete_mailbox(
        actor=admin,
        mailbox=rows(Mailbox, "joe@example.org"),
        clean=Alias.objects.cleanable_by(admin),
        others="remove",
    )

    assert rows(Alias, "team@other.net").goto == "joe@example.org"  # which it may not clean


def test_the_command_line_may_do_everything(ann, rows):
    narrowed(ann, example_org=READ)

    delete_mailbox(actor=None, mailbox=rows(Mailbox, "joe@example.org"))

    assert not Mailbox.objects.filter(pk="joe@example.org").exists()

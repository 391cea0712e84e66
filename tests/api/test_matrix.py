"""Every operation of the API with tokens of every role, taken from its description: a new one is tried without being named here."""

import json

import pytest
from django.apps import apps
from django.core.serializers import serialize

from accounts.models import ApiToken
from accounts.services import update_admin
from mailadmin.api import api
from mailboxes.own_aliases import set_limit
from panel.models import ApiAnswer
from panel.rights import (
    OF_MAILBOX_USERS,
    OF_MAILBOX_USERS_ALONE,
    OF_RESELLERS,
    OF_ROLES,
    OF_SUPERADMINS_ALONE,
    RIGHTS,
    is_in_role,
)
from tests.api import rows

SCHEMA = api.get_openapi_schema(path_prefix="/")
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
}
NAMES = sorted(OPERATIONS)
OF_A_ROW = [name for name in NAMES if "{" in OPERATIONS[name][1]]
OF_NO_ROW = [name for name in NAMES if name not in OF_A_ROW and name != "this_token"]
# Of the account itself: whatever it may do in its domains.
OF_ONESELF = [name for name in NAMES if OPERATIONS[name][1].startswith(("/tokens", "/webhooks"))]
WRITING = {"PUT", "PATCH", "POST", "DELETE"}


@pytest.fixture
def world(
    example_org, other_net, add_domain, add_mailbox, add_alias, make_admin, make_reseller, settings
):
    settings.PANEL_URL = "https://panel.example.org/"
    settings.WEBHOOK_HOSTS = ["hooks.example.net"]
    settings.FETCHMAIL_FOR_USERS = True
    foreign_mailbox = add_mailbox("ann@other.net")
    set_limit(actor=None, row=other_net, most=5)
    root, theirs, mailbox = rows.fill(add_domain, add_mailbox, add_alias, make_admin)
    reseller = make_reseller("resells@example.org", domains=None, mailboxes=None, storage=None)
    names = theirs.domain_names
    update_admin(actor=None, admin=reseller, domains=names, resold=names)
    return {
        "superadmin": (root, {}),
        "own admin": (theirs, {}),
        "reseller": (reseller, {}),
        "foreign reseller": (make_reseller("sells@other.net"), {}),
        "foreign admin": (make_admin("others@other.net", domains=["other.net"]), {}),
        "admin without domains": (make_admin("none@other.net"), {}),
        "superadmin's token of another domain": (root, {"domains": "other.net"}),
        "mailbox user": (mailbox, {}),
        "foreign mailbox user": (foreign_mailbox, {}),
    }


STRANGERS = [
    "foreign admin",
    "admin without domains",
    "foreign reseller",
    "superadmin's token of another domain",
    "foreign mailbox user",
]


def rights_of(role):
    if "mailbox" in role:
        return OF_MAILBOX_USERS
    rights = RIGHTS.keys() - OF_MAILBOX_USERS_ALONE
    if role == "superadmin":
        return rights
    return rights - OF_SUPERADMINS_ALONE | (OF_RESELLERS if "reseller" in role else set())


@pytest.fixture
def asked_by(world, make_token, program, shows):
    def by(role):
        account, limits = world[role]
        asked = program(make_token(account, **limits))
        for name in ("mailbox user", "own admin"):
            shows(world[name][0])  # a second factor, after the token, which asks for its code
        asked.account = account
        return asked

    return by


def contents():
    """All rows, but for those that say when a token was used."""
    own = ("accounts", "domains", "aliases", "mailboxes", "panel")
    models = [model for model in apps.get_models() if model._meta.app_label in own]
    left_out = {ApiToken, ApiAnswer}
    return {
        model.__name__: serialize("json", model.objects.order_by("pk"))
        for model in models
        if model not in left_out
    }


def path_of(name, whose="joe@example.org", *, dry=False):
    method, path, operation = OPERATIONS[name]
    query = [
        f"{one['name']}={one['example']}"
        for one in operation["parameters"]
        if one["in"] == "query" and one.get("required")
    ]
    query += ["dry_run=true"] if dry and method in WRITING else []
    return rows.filled(path, whose) + (f"?{'&'.join(query)}" if query else "")


def body_of(name):
    """What the description gives as examples; of PATCH and PUT the least that they take."""
    content = OPERATIONS[name][2].get("requestBody", {}).get("content", {})
    if not content:
        return None
    schema = content["application/json"]["schema"]
    model = SCHEMA["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    needed = model.get("required", [])
    values = {"target_domain": "example.org"}
    return {
        member: values.get(member) or model["properties"][member]["examples"][0]
        for member in needed
    }


def ask(program, name, *args, dry=False):
    return program.ask(OPERATIONS[name][0], path_of(name, *args, dry=dry), body_of(name))


def statuses(program, names, *args, dry=False):
    return {name: ask(program, name, *args, dry=dry).status_code for name in names}


def test_every_operation_needs_a_right_that_exists():
    needed = {name: right for name, right in api.rights.items() if right not in RIGHTS}

    assert needed == {"this_token": ""}
    assert api.rights.keys() == set(NAMES)


def test_a_stranger_is_told_nothing(world, program):
    before = contents()

    assert statuses(program(None), NAMES) == dict.fromkeys(NAMES, 401)
    assert contents() == before


@pytest.mark.parametrize("role", STRANGERS)
def test_a_row_of_another_domain_does_not_exist(role, asked_by):
    program, before = asked_by(role), contents()

    found = statuses(program, OF_A_ROW)

    may = rights_of(role)
    expected = {name: 404 if api.rights[name] in may else 403 for name in OF_A_ROW}
    if (
        role == "foreign reseller"
    ):  # who may create one, but not of a name that is taken, nor for a domain of others
        expected |= {"put_domain": 422, "put_alias_domain": 422}
    assert found == expected
    assert contents() == before


@pytest.mark.parametrize("role", STRANGERS)
def test_a_list_has_nothing_of_another_domain(role, asked_by):
    program, may = asked_by(role), rights_of(role)

    answers = {name: ask(program, name, dry=True) for name in OF_NO_ROW}

    assert {name: answer.status_code for name, answer in answers.items()} == {
        name: 200 if api.rights[name] in may else 403 for name in OF_NO_ROW
    }
    del answers["trace_address"]  # which says the address that it was asked
    assert [name for name, answer in answers.items() if b"example.org" in answer.content] == []


@pytest.mark.parametrize("role", ["superadmin", "own admin", "mailbox user"])
def test_who_may_do_it_can(role, asked_by):
    program, before = asked_by(role), contents()

    found = statuses(program, NAMES, program.account.pk, dry=True)

    may = rights_of(role) | {""}
    expected = {name: 200 if api.rights[name] in may else 403 for name in NAMES}
    if role == "mailbox user":
        # Of the own mailbox alone, and not what administrators have in mind for it.
        expected |= dict.fromkeys(["get_domain_usage", "get_mailbox_last_day"], 404)
        expected |= dict.fromkeys(["put_share", "patch_share"], 403)  # which they end alone
    else:
        # Another name of the domain leads to it; and its administrator may not delete themselves.
        expected |= {} if expected["delete_domain"] == 403 else {"delete_domain": 409}
        # The example names the domain itself: tests/api/test_parting_and_joining.py.
        expected |= {} if expected["join_domains"] == 403 else {"join_domains": 422}
    assert found == expected
    assert contents() == before


def test_a_reseller_changes_domains_too(asked_by):
    program, before = asked_by("reseller"), contents()
    names = [name for name in NAMES if api.rights[name] in OF_RESELLERS]

    found = statuses(program, names, dry=True)

    assert found == {"put_domain": 200, "patch_domain": 200, "delete_domain": 409}
    assert contents() == before


@pytest.mark.parametrize("role", OF_ROLES)
def test_a_role_does_what_it_has_the_right_for_and_nothing_else(role, asked_by, world):
    program = asked_by("own admin")
    names = program.account.domain_names
    update_admin(actor=None, admin=program.account, roles=dict.fromkeys(names, role))
    before = contents()

    found = statuses(program, NAMES, program.account.pk, dry=True)

    may = {right for right in rights_of("own admin") if is_in_role(right, role)} | {""}
    expected = {name: 200 if api.rights[name] in may else 403 for name in NAMES}
    # A file that was uploaded while more might be done.
    expected |= dict.fromkeys(["get_import", "list_import_lines"], 404)
    assert found == expected
    assert contents() == before


@pytest.mark.parametrize("role", OF_ROLES)
def test_a_domain_admin_elsewhere_does_no_more_in_a_domain_of_a_lesser_role(role, asked_by, world):
    program = asked_by("own admin")
    names = program.account.domain_names
    update_admin(
        actor=None,
        admin=program.account,
        domains=[*names, "other.net"],
        roles=dict.fromkeys(names, role),
    )
    asked = [name for name in OF_A_ROW if name not in OF_ONESELF and "import" not in name]
    before = contents()

    found = statuses(program, asked, program.account.pk, dry=True)

    may = {right for right in rights_of("own admin") if is_in_role(right, role)}
    others = rights_of("own admin")
    assert found == {
        name: 200 if api.rights[name] in may else 404 if api.rights[name] in others else 403
        for name in asked
    }
    assert contents() == before


def test_a_token_may_no_more_than_the_role(world, make_token, program):
    account, _limits = world["own admin"]
    asked = program(make_token(account, rights=["mailboxes:read", "mailboxes:write"]))
    assert ask(asked, "delete_mailbox", dry=True).status_code == 200

    update_admin(actor=None, admin=account, roles=dict.fromkeys(account.domain_names, "passwords"))

    assert ask(asked, "delete_mailbox", dry=True).status_code == 403
    assert ask(asked, "set_mailbox_password", dry=True).status_code == 403  # its token has not
    assert ask(asked, "get_mailbox").status_code == 200


def test_a_token_that_may_only_read_changes_nothing(world, make_token, program):
    account, _limits = world["superadmin"]
    reading = [right for right in RIGHTS if right.endswith(":read")]
    asked, before = program(make_token(account, rights=reading)), contents()
    writing = [name for name in NAMES if OPERATIONS[name][0] in WRITING]

    assert statuses(asked, writing) == dict.fromkeys(writing, 403)
    assert contents() == before


def test_each_right_is_asked_alone(world, make_token, program):
    account, _limits = world["superadmin"]
    for needed in RIGHTS.keys() - OF_MAILBOX_USERS_ALONE:
        others = RIGHTS.keys() - OF_MAILBOX_USERS_ALONE - {needed}
        asked = program(make_token(account, rights=others, name=needed))
        names = [name for name in NAMES if api.rights[name] == needed]
        assert statuses(asked, names, dry=True) == dict.fromkeys(names, 403)
        ApiToken.objects.filter(name=needed).delete()  # an account has so many at most


def test_the_log_never_has_a_password(asked_by):
    program = asked_by("superadmin")
    for name in NAMES:
        ask(program, name)

    assert "tangerine-7-bicycle" not in json.dumps(contents())

"""Domains, alias domains, aliases and administrators."""

import pytest

from accounts.models import Admin, LogEntry
from accounts.passwords import verify_password
from aliases.models import Alias
from domains.models import AliasDomain, Domain, DomainAdmin, DomainUsage
from domains.services import create_alias_domain

MB = 1_024_000
# A new domain admin as the API tells it, but for the name and the sign-in.
OF_EXAMPLE_ORG = {
    "superadmin": False,
    "domains": ["example.org"],
    "roles": {},
    "reseller": None,
    "resold": [],
    "active": True,
    "must_change_password": False,
    "phone": "",
    "email_other": "",
    "second_factor": False,
}


def without_moments(record):
    return {name: value for name, value in record.items() if name not in {"created", "modified"}}


# --- Domains


def test_a_domain_is_created_with_its_limits_and_role_addresses(root):
    sent = {
        "description": "Customer 7",
        "mailbox_limit": 5,
        "alias_limit": 0,
        "max_quota_bytes": 100 * MB,
        "quota_bytes": None,
        "role_target": "it@elsewhere.test",
    }

    response = root.put("/domains/new.example", sent)

    assert response.status_code == 201
    assert without_moments(response.json()) == {
        "domain": "new.example",
        "description": "Customer 7",
        "active": True,
        "mailbox_limit": 5,
        "alias_limit": 0,
        "max_quota_bytes": 100 * MB,
        "quota_bytes": None,
        "password_days": None,
        "transport": "virtual",
        "backup_mx": False,
        "verify_recipients": False,
        "sending_limit": None,
        "reseller": None,
    }
    domain = Domain.objects.get(pk="new.example")
    assert (domain.mailboxes, domain.aliases, domain.maxquota, domain.quota) == (5, -1, 100, 0)
    assert Alias.objects.get(pk="postmaster@new.example").goto == "it@elsewhere.test"


def test_what_is_left_out_of_a_new_domain_is_unlimited(root):
    root.put("/domains/new.example", {})

    domain = Domain.objects.get(pk="new.example")
    assert (domain.mailboxes, domain.aliases, domain.maxquota, domain.quota) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "limits", [{}, {"aliases": -1, "mailboxes": -1}, {"maxquota": -1}, {"quota": 500}]
)
def test_a_domain_that_is_sent_back_is_not_changed(root, add_domain, limits):
    add_domain("example.org", **limits)
    entries = LogEntry.objects.count()
    found = root.get("/domains/example.org")

    again = root.put("/domains/example.org", found.json())

    assert (again.status_code, again.json()) == (200, found.json())
    assert LogEntry.objects.count() == entries


def test_a_package_is_changed_and_a_domain_suspended(root, example_org):
    package = {"mailbox_limit": 50, "quota_bytes": 1000 * MB, "max_quota_bytes": 10 * MB}

    assert root.patch("/domains/example.org", package).status_code == 200
    assert root.patch("/domains/example.org", {"active": False}).json()["active"] is False

    domain = Domain.objects.get(pk="example.org")
    assert (domain.mailboxes, domain.quota, domain.maxquota) == (50, 1000, 10)
    assert not domain.active


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"quota_bytes": MB + 1}, "/quota_bytes"),
        ({"mailbox_limit": -1}, "/mailbox_limit"),
        ({"transport": "nosuch:"}, "/transport"),
        ({"quota_bytes": MB, "max_quota_bytes": 0}, "/max_quota_bytes"),
        ({"password_days": 10**9}, "/password_days"),
        ({"max_quota_bytes": 10**30}, "/max_quota_bytes"),
        ({"sending_limit": 5}, "/sending_limit"),
        ({"role_target": "a b"}, "/role_target"),
    ],
)
def test_a_domain_that_is_wrong_is_told_where(root, body, pointer):
    response = root.put("/domains/new.example", body)

    assert response.status_code == 422
    assert [one["pointer"] for one in response.json()["errors"]] == [pointer]
    assert not Domain.objects.exists()


def test_a_name_that_is_no_domain_is_not_created(root):
    response = root.put("/domains/nodot", {})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/domain"


def test_a_domain_in_unicode_is_the_one_in_ascii(root):
    assert root.put("/domains/müller.example", {}).json()["domain"] == "xn--mller-kva.example"
    assert root.get("/domains/müller.example").status_code == 200


def test_a_domain_is_deleted_unless_another_leads_to_it(root, example_org, add_domain):
    create_alias_domain(
        actor=None, alias_domain=add_domain("example.net"), target_domain=example_org
    )

    refused = root.delete("/domains/example.org")

    assert refused.status_code == 409
    assert "example.net" in refused.json()["detail"]
    assert root.delete("/alias-domains/example.net").status_code == 204
    assert root.delete("/domains/example.org").status_code == 204
    assert [row["domain"] for row in root.get("/domains").json()["items"]] == ["example.net"]


def test_a_domain_admin_sees_the_own_domains_and_changes_none(theirs, other_net):
    assert [row["domain"] for row in theirs.get("/domains").json()["items"]] == ["example.org"]
    assert theirs.patch("/domains/example.org", {"mailbox_limit": None}).status_code == 403
    assert theirs.get("/domains/other.net").status_code == 404


# --- Alias domains


def test_a_new_name_of_a_domain_is_created_by_a_superadmin_alone(root, theirs):
    sent, path = {"target_domain": "example.org", "active": False}, "/alias-domains/example.net"

    assert theirs.put(path, sent).status_code == 404
    response = root.put(path, sent)

    assert response.status_code == 201
    assert without_moments(response.json()) == {
        "alias_domain": "example.net",
        "target_domain": "example.org",
        "description": "",
        "active": False,
    }
    assert Domain.objects.get(pk="example.net").active
    assert root.put(path, response.json()).status_code == 200


def test_a_token_without_the_right_to_domains_creates_none(
    example_org, make_admin, make_token, program
):
    root = make_admin(superadmin=True)
    asked = program(make_token(root, rights=["alias-domains:write"]))

    response = asked.put("/alias-domains/example.net", {"target_domain": "example.org"})

    assert response.status_code == 404
    assert not Domain.objects.filter(pk="example.net").exists()


def test_both_ends_of_an_alias_domain_must_be_ones_own(
    example_org, other_net, add_domain, make_admin, make_token, program
):
    add_domain("example.net")
    asked = program(make_token(make_admin(domains=["example.org", "example.net"])))

    foreign = asked.put("/alias-domains/example.net", {"target_domain": "other.net"})
    own = asked.put("/alias-domains/example.net", {"target_domain": "example.org"})
    moved = asked.patch("/alias-domains/example.net", {"target_domain": "other.net"})

    assert [answer.status_code for answer in (foreign, own, moved)] == [422, 201, 422]
    assert foreign.json()["errors"][0]["pointer"] == "/target_domain"
    assert AliasDomain.objects.get().target_domain_id == "example.org"


# --- Aliases


def test_an_alias_is_created_changed_and_deleted(theirs):
    path = "/aliases/sales@example.org"

    made = theirs.put(path, {"targets": ["Ann <ann@elsewhere.test>"], "description": "Shop"})
    again = theirs.put(path, made.json())
    changed = theirs.patch(path, {"active": False})

    assert (made.status_code, without_moments(made.json())) == (
        201,
        {
            "address": "sales@example.org",
            "domain": "example.org",
            "targets": ["ann@elsewhere.test"],
            "description": "Shop",
            "active": True,
            "access": "everybody",
            "access_text": "",
        },
    )
    assert (again.status_code, again.json()) == (200, made.json())
    assert changed.json()["active"] is False
    assert [theirs.delete(path).status_code for _n in range(2)] == [204, 404]


@pytest.mark.parametrize("path", ["/aliases/@example.org", "/aliases/*@example.org"])
def test_a_catch_all_is_the_alias_without_a_name(theirs, path):
    made = theirs.put(path, {"targets": ["ann@elsewhere.test"]})

    assert (made.status_code, made.json()["address"]) == (201, "@example.org")
    assert theirs.put(path, made.json()).status_code == 200
    assert theirs.get("/aliases").json()["items"] == [made.json()]


def test_a_role_address_is_seen_and_not_changed_by_a_domain_admin(theirs, root):
    path, sent = "/aliases/abuse@example.org", {"targets": ["it@elsewhere.test"]}

    assert theirs.put(path, sent).status_code == 403
    assert root.put(path, sent).status_code == 201
    assert theirs.get(path).status_code == 200
    assert theirs.put(path, sent).status_code == 403
    assert theirs.patch(path, {"active": False}).status_code == 404
    assert theirs.delete(path).status_code == 404


def test_the_own_address_of_a_mailbox_is_no_alias(theirs, add_mailbox):
    add_mailbox("ann@example.org")
    path = "/aliases/ann@example.org"

    assert theirs.get("/aliases").json()["items"] == []
    assert theirs.get(path).status_code == 404
    assert theirs.put(path, {"targets": ["x@elsewhere.test"]}).status_code == 409
    assert theirs.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("targets", "status"), [([], 422), (["a b c"], 422), (["|/bin/sh"], 422), ("x@y.test", 422)]
)
def test_targets_that_are_none_are_told(theirs, targets, status):
    response = theirs.put("/aliases/sales@example.org", {"targets": targets})

    assert response.status_code == status
    assert response.json()["errors"][0]["pointer"].startswith("/targets")


def test_external_targets_are_for_superadmins_if_the_server_says_so(theirs, root, settings):
    settings.EXTERNAL_TARGETS = False
    path, sent = "/aliases/sales@example.org", {"targets": ["x@elsewhere.test"]}

    assert [theirs.put(path, sent).status_code, root.put(path, sent).status_code] == [403, 201]


# --- Administrators


def test_an_administrator_is_created_changed_and_deleted(root, example_org, other_net):
    path = "/administrators/it@example.org"
    sent = {"domains": ["example.org"], "password": "tangerine-7-bicycle"}

    made = root.put(path, sent)
    again = root.put(path, sent)
    changed = root.patch(path, {"domains": ["example.org", "other.net"], "phone": "7"})
    listed = root.get("/administrators?domain=other.net")

    assert (made.status_code, without_moments(made.json())) == (
        201,
        OF_EXAMPLE_ORG | {"username": "it@example.org", "mailbox": None},
    )
    assert (again.status_code, again.json()) == (200, made.json())
    assert changed.json()["domains"] == ["example.org", "other.net"]
    assert listed.json()["items"] == [changed.json()]
    assert root.put(path, {"domains": ["example.org"]}).json()["phone"] == ""
    assert verify_password("tangerine-7-bicycle", Admin.objects.get(pk="it@example.org").password)
    assert [root.delete(path).status_code for _n in range(2)] == [204, 404]


def test_roles_are_set_and_stay_where_none_are_sent(root, example_org, other_net):
    path = "/administrators/it@example.org"
    sent = {"domains": ["example.org", "other.net"], "password": "tangerine-7-bicycle"}

    made = root.put(path, sent | {"roles": {"other.net": "passwords"}})
    again = root.put(path, sent)
    changed = root.patch(path, {"roles": {"example.org": "read"}})
    refused = root.patch(path, {"roles": {"example.org": "boss"}})

    assert (made.status_code, made.json()["roles"]) == (201, {"other.net": "passwords"})
    assert again.json()["roles"] == {"other.net": "passwords"}
    assert changed.json()["roles"] == {"example.org": "read"}
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/roles")
    assert [row["roles"] for row in root.get("/administrators").json()["items"]] == [
        {"example.org": "read"},
        {},
    ]


def test_the_user_of_a_mailbox_is_created_and_stays_what_it_is(
    root, example_org, other_net, add_mailbox
):
    add_mailbox("joe@example.org")
    path, sent = "/administrators/it@firm.example", {"mailbox": "Joe@example.org"}

    made = root.put(path, sent)
    again = root.put(path, sent)
    without = root.put(path, {})
    returned = root.put(path, made.json())
    patched = root.patch(path, {"phone": "7"})

    assert (made.status_code, without_moments(made.json())) == (
        201,
        OF_EXAMPLE_ORG | {"username": "it@firm.example", "mailbox": "joe@example.org"},
    )
    assert [answer.status_code for answer in (again, without, returned, patched)] == [200] * 4
    assert again.json() == without.json() == returned.json() == made.json()
    assert (patched.json()["phone"], patched.json()["mailbox"]) == ("7", "joe@example.org")
    listed = root.get("/administrators?domain=example.org").json()["items"]
    assert listed == [patched.json()]
    assert root.delete(path).status_code == 204


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"mailbox": "nobody@example.org"}, "/mailbox"),
        ({"mailbox": "joe@example.org", "superadmin": True}, "/superadmin"),
        ({"mailbox": "joe@example.org", "domains": ["other.net"]}, "/domains"),
        ({"mailbox": "joe@example.org", "password": "tangerine-7-bicycle"}, "/password"),
        ({"mailbox": "joe@example.org", "must_change_password": True}, "/must_change_password"),
        ({"mailbox": "joe@example.org", "reseller": {}}, "/reseller"),
    ],
)
def test_what_the_user_of_a_mailbox_cannot_have(
    body, pointer, root, example_org, other_net, add_mailbox
):
    add_mailbox("joe@example.org")

    answer = root.put("/administrators/it@firm.example", body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not Admin.objects.filter(pk="it@firm.example").exists()


@pytest.mark.parametrize("value", [None, "ann@example.org"])
def test_with_which_mailbox_somebody_signs_in_does_not_change(
    value, root, example_org, add_mailbox, make_manager
):
    add_mailbox("ann@example.org")
    add_mailbox("joe@example.org")
    make_manager("joe@example.org", "it@firm.example")
    path = "/administrators/it@firm.example"

    answers = [root.put(path, {"mailbox": value}), root.patch(path, {"mailbox": value})]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert [answer.json()["errors"][0]["pointer"] for answer in answers] == ["/mailbox"] * 2
    assert Admin.objects.get(pk="it@firm.example").mailbox == "joe@example.org"


def test_no_password_invitation_or_link_is_made_for_it(
    root, example_org, add_mailbox, make_manager, settings
):
    settings.PANEL_URL = "https://panel.example.org/"
    add_mailbox("joe@example.org")
    make_manager("joe@example.org", "it@firm.example")
    path, stored = (
        "/administrators/it@firm.example",
        Admin.objects.get(pk="it@firm.example").password,
    )

    answers = [
        root.post(f"{path}/password", {"password": "tangerine-7-bicycle"}),
        root.put(path, {"password": "tangerine-7-bicycle"}),
        root.post(f"{path}/invitation", {}),
        root.post(f"{path}/sign-in-link"),
    ]

    assert [answer.status_code for answer in answers] == [422] * 4
    assert Admin.objects.get(pk="it@firm.example").password == stored


def test_what_another_program_made_of_it_is_not_told(
    root, example_org, other_net, add_mailbox, make_manager
):
    add_mailbox("joe@example.org")
    admin = make_manager("joe@example.org", "it@firm.example")
    Admin.objects.filter(pk=admin.pk).update(superadmin=True)
    DomainAdmin.objects.create(username=admin, domain=other_net)

    one = root.get("/administrators/it@firm.example").json()
    [listed] = root.get("/administrators?superadmin=false").json()["items"]

    assert one == listed
    assert (one["superadmin"], one["domains"]) == (False, ["example.org"])
    assert [
        row["username"] for row in root.get("/administrators?superadmin=true").json()["items"]
    ] == ["root@example.org"]


def test_the_last_superadmin_stays(root):
    path = "/administrators/root@example.org"

    assert root.delete(path).status_code == 403
    assert root.patch(path, {"superadmin": False}).status_code == 403
    assert root.post(f"{path}/password", {"password": "another-8-bicycle"}).status_code == 403
    assert Admin.objects.get().superadmin


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/password"),
        ({"password": "short"}, "/password"),
        ({"password": "tangerine-7-bicycle", "domains": ["nowhere.example"]}, "/domains"),
        ({"password": "tangerine-7-bicycle", "email_other": "x"}, "/email_other"),
    ],
)
def test_an_administrator_that_is_wrong_is_told_where(root, body, pointer):
    response = root.put("/administrators/it@example.org", body)

    assert response.status_code == 422
    assert [one["pointer"] for one in response.json()["errors"]] == [pointer]


# --- Another name


def test_a_domain_gets_another_name_and_the_old_one_leads_there(
    root, example_org, add_mailbox, add_alias
):
    add_mailbox("ann@example.org")
    add_alias("sales@example.org", "ann@example.org")

    renamed = root.post("/domains/example.org/rename", {"name": "Müller.example"})

    assert (renamed.status_code, renamed.json()["domain"]) == (200, "xn--mller-kva.example")
    assert root.get("/mailboxes/ann@xn--mller-kva.example").status_code == 200
    link = root.get("/alias-domains/example.org").json()
    assert link["target_domain"] == "xn--mller-kva.example"


def test_a_domain_gives_its_old_name_up_if_that_is_wanted(root, example_org):
    sent = {"name": "new.example", "keep_alias": False}

    assert root.post("/domains/example.org/rename", sent).status_code == 200
    assert root.get("/domains/example.org").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"name": "other.net"}, 409, "/name"),
        ({"name": "nodots"}, 422, "/name"),
        ({"name": "example.org"}, 422, "/name"),
        ({}, 422, "/name"),
    ],
)
def test_a_new_name_that_cannot_be_is_told_where(
    root, example_org, other_net, body, status, pointer
):
    response = root.post("/domains/example.org/rename", body)

    assert response.status_code == status
    assert [one["pointer"] for one in response.json()["errors"]] == [pointer]
    assert root.get("/domains/example.org").status_code == 200


def test_a_backup_mx_is_told_at_the_choice(root, add_domain):
    add_domain("backup.example", backupmx=True)

    response = root.post("/domains/backup.example/rename", {"name": "new.example"})

    assert [one["pointer"] for one in response.json()["errors"]] == ["/keep_alias"]


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_a_domain_with_very_many_addresses_is_the_commands(root, example_org, query):
    DomainUsage.objects.filter(pk="example.org").update(alias_rows=5_001)

    response = root.post(f"/domains/example.org/rename{query}", {"name": "new.example"})

    [error] = response.json()["errors"]
    assert (response.status_code, error["pointer"]) == (422, "/name")
    assert "use the command" in error["detail"]


def test_a_dry_run_of_another_name_is_the_preview_of_the_page(root, example_org, add_mailbox):
    add_mailbox("ann@example.org")

    told = root.post("/domains/example.org/rename?dry_run=true", {"name": "new.example"}).json()

    assert told["result"]["domain"] == "new.example"
    says = [one["says"] for one in told["also"]["changes"]]
    assert "Mail and filters stay in their directories. No file is moved." in says
    assert told["also"]["stays"]
    assert root.get("/mailboxes/ann@example.org").status_code == 200


def test_a_domain_admin_gives_no_domain_another_name(theirs):
    assert theirs.post("/domains/example.org/rename", {"name": "new.example"}).status_code in {
        403,
        404,
    }

import json

import pytest
from django.conf import settings

from accounts.models import Admin
from accounts.services import update_admin
from domains.models import Domain, DomainAdmin
from domains.services import create_domain

MB = 1_024_000
SENT = {"mailbox_limit": 5, "alias_limit": 10, "max_quota_bytes": 50 * MB, "quota_bytes": 100 * MB}


@pytest.fixture
def reseller(make_reseller):
    return make_reseller()


@pytest.fixture
def theirs(reseller, program, make_token):
    return program(make_token(reseller))


def problems(answer):
    return {one["pointer"] for one in answer.json()["errors"]}


def test_a_reseller_creates_changes_and_deletes(theirs, reseller):
    made = theirs.put("/domains/firm.example", SENT)
    again = theirs.put("/domains/firm.example", SENT)
    more = theirs.patch("/domains/firm.example", {"mailbox_limit": 20, "active": False})
    deleted = theirs.delete("/domains/firm.example")

    assert (made.status_code, made.json()["reseller"]) == (201, reseller.pk)
    assert again.status_code == 200
    assert (more.status_code, more.json()["mailbox_limit"]) == (200, 20)
    assert (deleted.status_code, Domain.objects.count()) == (204, 0)


def test_a_dry_run_of_a_new_domain_tells_all_that_is_made(theirs):
    told = theirs.put("/domains/firm.example?dry_run=true", SENT | {"role_target": "ann"}).json()

    changes = [change["action"] for change in told["changes"]]
    assert (told["status"], told["changes_elsewhere"]) == (201, 0)
    assert changes == ["create_domain", *["create_alias"] * len(settings.ROLE_ADDRESSES)]
    assert {change["domain"] for change in told["changes"]} == {"firm.example"}
    assert Domain.objects.count() == 0


@pytest.mark.parametrize(("role", "named"), [("aliases", ["all@given.example"]), ("read", [])])
def test_a_dry_run_of_a_deletion_names_no_alias_that_is_not_theirs_to_change(
    role, named, reseller, add_domain, add_alias, program, make_token
):
    create_domain(actor=reseller, name="firm.example", mailboxes=1, quota=1, maxquota=1)
    add_domain("given.example")
    add_domain("strange.example")
    update_admin(
        actor=None,
        admin=Admin.objects.get(pk=reseller.pk),
        domains=["firm.example", "given.example"],
        roles={"given.example": role},
    )
    add_alias("all@given.example", "ann@firm.example")
    add_alias("secret@strange.example", "ann@firm.example")
    asked = program(make_token(Admin.objects.get(pk=reseller.pk)))

    told = asked.delete("/domains/firm.example?dry_run=true&others=remove").json()

    assert told["also"] == {"aliases_leading_there": named, "of_others": 2 - len(named)}
    assert "strange.example" not in json.dumps(told)


def test_what_is_too_much_is_said_at_its_member(theirs):
    made = theirs.put("/domains/firm.example", SENT | {"mailbox_limit": 21, "quota_bytes": None})

    assert made.status_code == 422
    assert problems(made) == {"/mailbox_limit", "/quota_bytes"}
    assert Domain.objects.count() == 0


@pytest.mark.parametrize(
    "member", [{"transport": "smtp:[192.0.2.7]"}, {"backup_mx": True}, {"verify_recipients": True}]
)
def test_what_is_for_superadmins_is_forbidden(theirs, member):
    new = theirs.put("/domains/firm.example", SENT | member)
    theirs.put("/domains/firm.example", SENT)
    changed = theirs.patch("/domains/firm.example", member)

    assert (new.status_code, changed.status_code) == (403, 403)


def test_what_a_superadmin_set_stays_where_it_is_left_out(theirs, root, settings):
    settings.DKIM_SIGNER = "rspamd"
    given = {"backup_mx": True, "verify_recipients": True, "sending_limit": 5}
    theirs.put("/domains/firm.example", SENT)
    root.patch("/domains/firm.example", given)

    again = theirs.put("/domains/firm.example", SENT | {"description": "Firm"})
    undone = [theirs.patch("/domains/firm.example", {name: None}).status_code for name in given]
    named = theirs.put("/domains/firm.example", SENT | {"backup_mx": False})

    assert (again.status_code, again.json()["description"]) == (200, "Firm")
    assert {name: again.json()[name] for name in given} == given
    assert undone == [403, 403, 403]
    assert (named.status_code, problems(named)) == (403, {"/backup_mx"})
    assert root.put("/domains/firm.example", SENT).json()["backup_mx"] is False


def test_domains_of_others_are_not_there(theirs, example_org):
    assert theirs.patch("/domains/example.org", {"description": "x"}).status_code == 404
    assert theirs.delete("/domains/example.org").status_code == 404
    assert theirs.put("/domains/example.org", SENT).status_code == 409


@pytest.fixture
def asked(settings, monkeypatch):
    """The names of which the DNS, which has nothing, was asked."""
    names = []
    monkeypatch.setattr(
        "domains.dns.asking.Asking.texts", lambda asking, name: names.append(name) or []
    )
    settings.RESELLERS_PROVE_DOMAINS = True
    return names


def test_without_proof_the_refusal_names_the_record(theirs, asked):
    made = theirs.put("/domains/firm.example", SENT)

    assert (made.status_code, problems(made)) == (422, {"/domain"})
    assert "TXT record _mailadmin.firm.example" in made.json()["detail"]
    assert asked == ["_mailadmin.firm.example"]  # once


@pytest.mark.parametrize("headers", [{}, {"If-None-Match": "*"}])
@pytest.mark.parametrize("role", [None, "read"])
def test_what_they_manage_already_is_taken_and_no_dns_is_asked(
    role, headers, theirs, reseller, asked, add_domain
):
    add_domain("given.example")
    roles = {"given.example": role} if role else {}
    update_admin(actor=None, admin=reseller, domains=["given.example"], roles=roles)

    made = theirs.put("/domains/given.example", SENT, **headers)

    assert (made.status_code, problems(made)) == (409, {"/domain"})
    assert asked == []


def test_what_another_program_left_of_a_domain_proves_nothing(theirs, reseller, asked, add_domain):
    add_domain("given.example")
    update_admin(actor=None, admin=reseller, domains=["given.example"])
    Domain.objects.filter(pk="given.example").delete()
    DomainAdmin(username=reseller, domain_id="given.example").save()

    assert theirs.put("/domains/given.example", SENT).status_code == 422
    assert asked == ["_mailadmin.given.example"]


def test_a_token_of_some_domains_creates_none(reseller, program, make_token):
    create_domain(actor=reseller, name="firm.example", mailboxes=1, quota=1, maxquota=1)
    asked = program(make_token(Admin.objects.get(), domains="firm.example"))

    assert asked.put("/domains/other.example", SENT).status_code == 403
    assert asked.patch("/domains/firm.example", {"mailbox_limit": 2}).status_code == 200


def test_another_name_is_created_with_its_domain(theirs, reseller):
    theirs.put("/domains/firm.example", SENT)

    made = theirs.put("/alias-domains/firm.test", {"target_domain": "firm.example"})

    assert made.status_code == 201
    assert Domain.objects.get(pk="firm.test").reseller == reseller.pk


# --- Superadmins


def test_a_budget_is_given_changed_and_taken_away(root, example_org):
    path = "/administrators/it@example.org"
    budget = {"domains": 10, "mailboxes": None, "storage_bytes": 5 * MB}
    sent = {"domains": ["example.org"], "reseller": budget, "resold": ["example.org"]}

    made = root.put(path, sent | {"password": "tangerine-7-bicycle"})
    listed = root.get("/administrators?domain=example.org").json()["items"][0]
    changed = root.patch(path, {"reseller": {"domains": 3}})
    lifted = root.patch(path, {"reseller": {"storage_bytes": None}})
    ended = root.patch(path, {"reseller": None})
    anew = root.patch(path, {"reseller": {"mailboxes": 4}})
    put = root.put(path, sent | {"reseller": {"domains": 1}})

    assert made.status_code == 201
    assert {name: made.json()[name] for name in sent} == sent
    assert {name: listed[name] for name in sent} == sent
    none = {"domains": None, "mailboxes": None, "storage_bytes": None}
    assert changed.json()["reseller"] == budget | {"domains": 3}
    assert lifted.json()["reseller"] == none | {"domains": 3}
    assert (ended.json()["reseller"], ended.json()["resold"]) == (None, [])
    assert anew.json()["reseller"] == none | {"mailboxes": 4}
    assert put.json()["reseller"] == none | {"domains": 1}


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"reseller": {"storage_bytes": 5}}, "/reseller/storage_bytes"),
        ({"reseller": {"domains": -1}}, "/reseller/domains"),
        ({"resold": ["example.org"]}, "/resold"),
    ],
)
def test_a_wrong_budget_is_said_at_its_member(root, make_admin, example_org, sent, pointer):
    make_admin("it@example.org", domains=["example.org"])

    answer = root.patch("/administrators/it@example.org", sent)

    assert (answer.status_code, problems(answer)) == (422, {pointer})


def test_a_reseller_gives_no_domain_another_name(theirs):
    theirs.put("/domains/firm.example", SENT)

    answers = [
        theirs.post(f"/domains/firm.example/rename{query}", {"name": "other.example"})
        for query in ("", "?dry_run=true")
    ]

    assert [one.status_code for one in answers] == [403, 403]
    assert [domain.pk for domain in Domain.objects.all()] == ["firm.example"]

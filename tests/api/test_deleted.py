import pytest

from aliases.models import Alias
from domains.services import delete_domain
from mailboxes.models import Deleted, Mailbox
from mailboxes.services import delete_mailbox


@pytest.fixture
def gone(example_org, other_net, add_mailbox):
    for address in ("joe@example.org", "sue@other.net"):
        delete_mailbox(actor=None, mailbox=add_mailbox(address, name="Joe"))
    return {row.name: row.pk for row in Deleted.objects.all()}


@pytest.fixture
def theirs(make_admin, make_token, program, gone):
    return program(make_token(make_admin(domains=["example.org"])))


@pytest.fixture
def root(make_admin, make_token, program, gone):
    return program(make_token(make_admin(superadmin=True)))


def test_what_was_deleted_is_listed_to_whom_it_concerns(theirs, root, gone):
    [row] = theirs.get("/deleted").json()["items"]
    assert {name: row[name] for name in ("id", "kind", "name", "domain", "note", "deleted_by")} == {
        "id": gone["joe@example.org"],
        "kind": "mailbox",
        "name": "joe@example.org",
        "domain": "example.org",
        "note": "Joe",
        "deleted_by": None,
    }
    assert theirs.get(f"/deleted/{row['id']}").json() == row
    assert theirs.get(f"/deleted/{gone['sue@other.net']}").status_code == 404
    assert len(root.get("/deleted").json()["items"]) == 2
    assert len(root.get("/deleted?domain=other.net").json()["items"]) == 1
    assert len(root.get("/deleted?q=joe").json()["items"]) == 1


def test_it_is_restored_once(theirs, gone):
    path = f"/deleted/{gone['joe@example.org']}/restore"

    assert theirs.post(f"{path}?dry_run=true").json()["changes"][0]["action"] == "restore_mailbox"
    assert Mailbox.objects.count() == 0
    answer = theirs.post(path)
    assert (answer.status_code, answer.json()) == (
        200,
        {"kind": "mailbox", "name": "joe@example.org"},
    )
    assert theirs.get("/mailboxes/joe@example.org").json()["name"] == "Joe"
    assert theirs.post(path).status_code == 404


def test_a_taken_name_is_a_conflict(theirs, gone, add_alias):
    add_alias("joe@example.org", "x@elsewhere.test")

    answer = theirs.post(f"/deleted/{gone['joe@example.org']}/restore")

    assert answer.status_code == 409
    assert Alias.objects.count() == 1


def test_what_another_domain_deleted_is_not_there(theirs, gone):
    assert theirs.post(f"/deleted/{gone['sue@other.net']}/restore").status_code == 404
    assert Deleted.objects.count() == 2


def test_only_superadmins_remove_it_for_good(theirs, root, gone):
    path = f"/deleted/{gone['joe@example.org']}"

    assert theirs.delete(path).status_code == 403
    assert root.delete(path).status_code == 204
    assert root.get(path).status_code == 404


def test_a_domain_is_restored_by_a_superadmin(theirs, root, example_org):
    delete_domain(actor=None, domain=example_org)
    key = Deleted.objects.get(kind="domain").pk

    assert theirs.post(f"/deleted/{key}/restore").status_code == 404
    assert root.post(f"/deleted/{key}/restore").json() == {"kind": "domain", "name": "example.org"}

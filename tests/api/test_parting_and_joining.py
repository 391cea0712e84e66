import pytest

from aliases.models import Alias
from domains.models import AliasDomain, DomainUsage
from domains.services import create_alias_domain
from mailboxes.joining_api import JoinBody
from mailboxes.models import Mailbox


@pytest.fixture
def twin(add_domain, example_org, add_mailbox):
    add_mailbox("ann@example.org")
    twin = add_domain("twin.example")
    return create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)


@pytest.fixture
def both(add_domain, add_mailbox):
    add_domain("old.example")
    add_domain("new.example")
    for name in ("ann@old", "info@old", "info@new"):
        add_mailbox(f"{name}.example")


def test_an_alias_domain_becomes_a_domain_of_its_own(root, twin):
    response = root.post("/alias-domains/twin.example/own", {})

    assert (response.status_code, response.json()["domain"]) == (200, "twin.example")
    assert root.get("/aliases/ann@twin.example").json()["targets"] == ["ann@example.org"]
    assert root.get("/alias-domains/twin.example").status_code == 404


def test_a_dry_run_tells_what_is_made(root, twin):
    told = root.post("/alias-domains/twin.example/own?dry_run=true", {"empty": True}).json()

    assert told["also"]["changes"][0] == {
        "says": "Mail to 1 address of twin.example is refused from then on:",
        "names": ["ann@twin.example"],
    }
    assert AliasDomain.objects.count() == 1


def test_a_domain_becomes_another_name(root, both):
    sent = {"target_domain": "new.example", "names": {"info": "info.old"}}

    told = root.post("/domains/old.example/join?dry_run=true", sent).json()
    assert told["also"]["changes"][0]["names"] == [
        "ann@old.example → ann@new.example",
        "info@old.example → info.old@new.example",
    ]
    assert Mailbox.objects.filter(domain="old.example").count() == 2
    response = root.post("/domains/old.example/join", sent)

    assert (response.status_code, response.json()["target_domain"]) == (200, "new.example")
    assert Alias.objects.get(pk="info@old.example").goto == "info.old@new.example"


def test_the_example_of_the_description_is_taken(root, add_domain, add_mailbox, add_alias):
    add_domain("old.example")
    add_domain("example.net")
    for name in ("info@old.example", "info@example.net"):
        add_mailbox(name)
    add_alias("sales@old.example", "info@old.example")
    add_alias("sales@example.net", "info@example.net")

    response = root.post(
        "/domains/old.example/join", JoinBody.model_config["json_schema_extra"]["examples"][0]
    )

    assert response.status_code == 200
    assert Alias.objects.get(pk="sales@old.example").goto == "info.old@example.net"


def test_names_that_are_taken_point_to_the_answers(root, both):
    response = root.post("/domains/old.example/join", {"target_domain": "new.example"})

    assert response.json()["errors"] == [
        {
            "pointer": "/names",
            "detail": "info: info@old.example is a mailbox, and info@new.example exists, too. Enter another name for the mailbox.",
        }
    ]


def test_an_unknown_domain_is_an_error_at_its_member(root, both):
    response = root.post("/domains/old.example/join", {"target_domain": "nowhere.example"})

    assert [found["pointer"] for found in response.json()["errors"]] == ["/target_domain"]


def test_they_are_for_superadmins_alone(program, make_admin, make_token, twin, both):
    names = ["twin.example", "example.org", "old.example", "new.example"]
    theirs = program(make_token(make_admin(domains=names)))

    for path, body in (
        ("/alias-domains/twin.example/own", {}),
        ("/domains/old.example/join", {"target_domain": "new.example"}),
    ):
        assert theirs.post(path, body).status_code in {403, 404}
    assert AliasDomain.objects.count() == 1


def test_more_addresses_than_a_request_takes_are_refused(root, both):
    DomainUsage.objects.filter(pk="old.example").update(alias_rows=201)

    for dry in ("", "?dry_run=true"):
        response = root.post(f"/domains/old.example/join{dry}", {"target_domain": "new.example"})
        assert [found["detail"] for found in response.json()["errors"]] == [
            "old.example has more than 200 addresses, which takes long: use the command “domain join”."
        ]
    assert Mailbox.objects.filter(domain="old.example").count() == 2

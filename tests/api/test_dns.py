"""What the DNS has of a domain, and the keys that sign its mail."""

import pytest

from domains.dkim_keys import DKIMKey
from domains.dns.findings import OK, WRONG, Finding
from domains.models import DomainDNS

DNS, KEYS = "/domains/example.org/dns", "/domains/example.org/dkim-keys"


@pytest.fixture
def elsewhere(example_org):
    mx = ("mx", "example.org", "MX", ("10 here.",), ("10 there.",), WRONG, "elsewhere")
    found = Finding(*mx, {"servers": "there"})
    DomainDNS.objects.create(pk="example.org", findings=[list(found)])


def test_a_domain_that_was_not_looked_at_yet(theirs, example_org):
    assert theirs.get(DNS).json() == {
        "domain": "example.org",
        "checked": None,
        "mx_meant": False,
        "findings": [],
    }


def test_what_was_found_is_told(theirs, elsewhere):
    told = theirs.get(DNS).json()

    [finding] = told["findings"]
    assert (finding["topic"], finding["wanted"], finding["seen"], finding["state"]) == (
        "mx",
        ["10 here."],
        ["10 there."],
        "wrong",
    )
    assert told["checked"] is not None


def test_mx_records_are_said_to_be_meant(theirs, elsewhere):
    assert theirs.patch(DNS, {"mx_meant": True}).json()["mx_meant"] is True
    assert theirs.patch(DNS, {"mx_meant": True}).status_code == 200
    assert DomainDNS.objects.get().meant == ["10 there."]
    assert theirs.patch(DNS, {"mx_meant": False}).json()["findings"][0]["state"] == "wrong"


def test_mx_records_that_lead_here_are_not_meant_to_lead_elsewhere(theirs, example_org):
    assert theirs.patch(DNS, {"mx_meant": True}).status_code == 409


def test_keys_are_made_seen_signing_and_deleted(root, theirs, example_org):
    made = root.post(KEYS, {"kind": "rsa"})

    first, second = made.json()["items"]
    assert made.status_code == 201
    assert {first["role"], second["role"]} == {"next"}
    assert first["record"].startswith("v=DKIM1; k=rsa; p=")
    assert root.post(KEYS, {}).status_code == 409
    path = f"{KEYS}/{first['selector']}"
    assert root.post(f"{path}/sign", {}).status_code == 409
    finding = Finding("dkim next", first["name"], "TXT", (), (), OK)
    DomainDNS.objects.create(pk="example.org", findings=[list(finding)])
    signing = root.post(f"{path}/sign", {})
    assert (signing.status_code, signing.json()["role"]) == (200, "signs")
    assert signing.json()["seen"] is True
    assert root.delete(path).status_code == 409
    assert [root.delete(f"{KEYS}/{second['selector']}").status_code for _n in range(2)] == [
        204,
        404,
    ]
    left = theirs.get(KEYS).json()["items"]
    assert [(row["selector"], row["role"]) for row in left[:1]] == [(first["selector"], "signs")]


def test_a_key_signs_unseen_if_that_is_said(root, example_org):
    [first, _second] = root.post(KEYS, {}).json()["items"]

    response = root.post(f"{KEYS}/{first['selector']}/sign", {"force": True})

    assert (response.status_code, response.json()["role"]) == (200, "signs")


def test_no_answer_has_a_private_key(root, example_org):
    answers = [root.post(KEYS, {}), root.get(KEYS)]
    selector = answers[0].json()["items"][0]["selector"]
    answers += [
        root.post(f"{KEYS}/{selector}/sign?dry_run=true", {"force": True}),
        root.delete(f"{KEYS}/{selector}?dry_run=true"),
    ]

    private = [key.private_key.splitlines()[1] for key in DKIMKey.objects.all()]
    assert len(private) == 2
    for answer in answers:
        assert answer.status_code in {200, 201}
        assert not [line for line in private if line in answer.content.decode()]
        assert "PRIVATE" not in answer.content.decode()


def test_a_dry_run_makes_no_key(root, example_org):
    told = root.post(f"{KEYS}?dry_run=true", {}).json()

    assert (told["status"], len(told["result"]["items"])) == (201, 2)
    assert not DKIMKey.objects.exists()


def test_a_domain_admin_makes_no_keys(theirs, example_org):
    assert theirs.post(KEYS, {}).status_code == 403
    assert theirs.get(KEYS).json() == {"items": [], "next": None}

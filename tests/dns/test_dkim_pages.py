import pytest
from django.urls import reverse

from domains import dkim
from domains.dkim_keys import DKIMKey, keys_of
from domains.dns.findings import quoted
from tests.pages.reading import buttons, links, text, told

ACTS = ("create", "sign", "delete")


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch):
    monkeypatch.setattr(dkim, "BITS", 1024)


@pytest.fixture
def superadmin(example_org, make_admin, sign_in):
    return sign_in(make_admin(superadmin=True))


@pytest.fixture
def admin(example_org, other_net, make_admin, sign_in):
    return sign_in(make_admin("theirs@example.org", domains=["example.org"]))


@pytest.fixture
def see(zones, server):
    """``see(key, …)``: from now on the DNS has the records of these keys."""

    def serve(*keys):
        server.stop()
        records = [f"{key.selector}._domainkey TXT {quoted(key.record)}" for key in keys]
        zones({"example.org": "\n".join(records)})

    serve()
    return serve


def page(act=""):
    return reverse(f"domain-dkim{act and '-' + act}", args=["example.org"])


def keys():
    return keys_of("example.org").get("example.org", [])


def test_a_domain_without_a_key_says_that_its_mail_is_not_signed(admin, settings):
    settings.DKIM_SIGNER = "opendkim"

    assert "Mail from this domain is not signed: it has no key." in text(admin.get(page()))


def test_without_a_signer_nothing_is_said_to_be_signed(superadmin, see):
    superadmin.post(page("create"))
    see(keys()[0])
    superadmin.post(reverse("domain-dns", args=["example.org"]))
    said = text(superadmin.get(page()))

    assert "This server signs no mail: no signer is set up (DKIM_SIGNER)." in said
    assert "is signed with" not in said


def test_superadmins_make_keys_and_see_both_records(superadmin, see):
    answer = superadmin.post(page("create"))

    assert (answer.status_code, answer.url) == (302, page())
    assert told(answer) == ["Keys made for example.org. Publish their records now."]
    said = superadmin.get(page()).content.decode()
    for key in keys():
        assert f"{key}. 3600 IN TXT {quoted(key.record)}".replace('"', "&#34;") in said
    assert "PRIVATE" not in said


def test_made_twice_is_refused(superadmin, see):
    superadmin.post(page("create"))
    answer = superadmin.post(page("create"))

    assert answer.status_code == 422
    assert "example.org has its keys already." in text(answer)
    assert page("create") not in links(superadmin.get(page()))
    assert "There are two keys already." in text(superadmin.get(page("create")))
    assert buttons(superadmin.get(page("create"))) == []


def test_the_key_is_changed_when_its_record_is_in_the_dns(superadmin, see, settings):
    settings.DKIM_SIGNER = "opendkim"
    superadmin.post(page("create"))
    first, second = keys()
    see(first)
    superadmin.post(reverse("domain-dns", args=["example.org"]))
    assert f"is signed with the key {first.selector}." in text(superadmin.get(page()))

    refused = superadmin.post(page("sign"), {"selector": second.selector})
    assert refused.status_code == 422
    assert f"The DNS did not show the record of {second.selector}" in text(refused)
    see(first, second)
    answer = superadmin.post(page("sign"), {"selector": second.selector})

    assert answer.url == page()
    assert [key.role for key in keys()] == ["replaced", "signs", "next"]
    said = text(superadmin.get(page()))
    assert "Made: just now. The panel deletes it on" in said
    assert "<time" not in said


def test_it_may_be_forced(superadmin, see):
    superadmin.post(page("create"))
    superadmin.post(page("sign"), {"selector": keys()[1].selector, "force": "on"})

    assert [key.role for key in keys()] == ["next", "signs"]


@pytest.mark.parametrize("selector", ["", "nothing", "<script>"])
def test_what_is_no_key_is_refused(selector, superadmin, see):
    superadmin.post(page("create"))
    answer = superadmin.post(page("sign"), {"selector": selector, "force": "on"})

    assert answer.status_code == 422
    assert b"<script>alert" not in answer.content
    assert [key.role for key in keys()] == ["next", "next"]


def test_all_are_deleted(superadmin, see):
    superadmin.post(page("create"))
    assert buttons(superadmin.get(page("delete"))) == ["Delete keys"]
    superadmin.post(page("delete"))

    assert DKIMKey.objects.count() == 0


def test_without_a_key_no_page_offers_what_needs_one(superadmin, see):
    pages = [superadmin.get(page(act)) for act in ACTS]

    assert [buttons(one) for one in pages] == [["Make keys"], [], []]
    assert [links(one)[-1] for one in pages] == [page()] * 3


def test_domain_admins_see_the_records_and_change_nothing(admin, example_org):
    key, _next = dkim.create_keys(actor=None, domain=example_org)
    answers = [
        getattr(admin, how)(page(act)).status_code for act in ACTS for how in ("get", "post")
    ]

    assert answers == [404] * 6
    assert key.record[-20:] in text(admin.get(page()))
    assert [link for link in links(admin.get(page())) if "/dkim/" in link] == []
    assert len(keys()) == 2


def test_a_key_that_another_program_stored_is_shown_as_it_is(admin, example_org):
    DKIMKey.objects.create(domain_name=example_org, selector="old", public_key="?")

    assert "old._domainkey.example.org" in text(admin.get(page()))


def test_the_page_of_a_foreign_domain_does_not_exist(admin, other_net):
    assert admin.get(reverse("domain-dkim", args=["other.net"])).status_code == 404

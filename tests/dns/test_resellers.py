import pytest

from accounts.models import Admin
from domains import resellers
from domains.models import Domain
from domains.services import create_domain
from tests.refusals import refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def reseller(make_reseller, settings):
    account = make_reseller()
    settings.RESELLERS_PROVE_DOMAINS = True
    return account


def proof_of(account, name="firm.example"):
    """The line of its zone."""
    place, text = resellers.record_of(account.pk, name)
    assert place == f"_mailadmin.{name}"
    return f'_mailadmin TXT "{text}"'


def make(actor, name="firm.example", **fields):
    limits = {"mailboxes": 1, "quota": 1, "maxquota": 1} | fields
    return create_domain(actor=actor, name=name, **limits)


def test_the_refusal_says_what_to_publish(zones, reseller):
    zones({"firm.example": "@ TXT something"})

    with refused("unproved", field="name") as refusal:
        make(reseller, " Firm.Example")

    [sentence] = refusal.value.messages
    assert sentence.startswith("Prove that firm.example is yours: publish the TXT record _mailadmin.firm.example with the text mailadmin=")  # fmt: skip
    assert resellers.record_of(reseller.pk, "firm.example")[1] in sentence
    assert Domain.objects.count() == 0


def test_what_the_dns_says_is_theirs_can_be_made(zones, reseller):
    zones({"firm.example": f"{proof_of(reseller)}\n_mailadmin TXT another"})

    assert make(reseller).reseller == reseller.pk


def test_another_resellers_record_proves_nothing(zones, reseller):
    zones({"firm.example": proof_of(Admin(username="other@example.org"))})

    with refused("unproved", field="name"):
        make(reseller)


def test_nor_does_that_of_another_domain(zones, reseller):
    zones({"firm.example": proof_of(reseller, "other.example")})

    with refused("unproved", field="name"):
        make(reseller)


def test_within_an_own_domain_nothing_is_asked(zones, reseller):
    server = zones({"firm.example": proof_of(reseller)})
    make(reseller)
    server.stop()

    assert make(reseller, "mail.firm.example").reseller == reseller.pk


def test_without_an_answer_it_is_not_made(settings, server, reseller, monkeypatch):
    monkeypatch.setattr("domains.dns.asking.QUESTION_SECONDS", 1)
    settings.DNS_RESOLVERS = [server.address]  # not started

    with refused("not_asked", field="name"):
        make(reseller)


def test_all_that_is_wrong_is_said_at_once(zones, reseller):
    zones({"firm.example": "@ TXT something"})

    with refused("unproved", "budget") as refusal:
        make(reseller, mailboxes=21)

    assert [*refusal.value.error_dict] == ["name", "mailboxes"]


def test_superadmins_prove_nothing(reseller, make_admin):
    assert make(make_admin(superadmin=True)).pk == "firm.example"
    assert make(None, "other.example").pk == "other.example"

import pytest
from django.urls import reverse

from aliases.models import Alias
from domains.models import AliasDomain, Domain
from domains.services import update_domain
from tests.pages.reading import links, text, told

OWN = reverse("aliasdomain-own", args=["twin.example"])


@pytest.fixture
def twin(twin, add_mailbox):
    add_mailbox("ann@example.org")
    return twin


def test_what_changes_is_shown_and_then_done(as_superadmin, twin):
    settings = as_superadmin.get(reverse("domain-settings", args=["twin.example"]))
    assert OWN in links(settings)

    asked = as_superadmin.get(OWN)
    shown = as_superadmin.post(OWN, {"preview": "1"})

    assert "Mail for each name in it goes to example.org now." in text(asked)
    assert "twin.example becomes a domain of its own" in text(shown)
    assert (
        "1 alias is made, which leads to the same name in example.org. Mail goes on as it does now: ann@twin.example"
        in text(shown)
    )
    assert AliasDomain.objects.count() == 1
    done = as_superadmin.post(OWN)
    assert done.url == reverse("domain", args=["twin.example"])
    assert told(done) == ["twin.example is a domain of its own now."]
    assert Alias.objects.get(pk="ann@twin.example").goto == "ann@example.org"
    assert as_superadmin.get(OWN).status_code == 404


def test_it_may_begin_empty(as_superadmin, twin):
    shown = as_superadmin.post(OWN, {"empty": "on", "preview": "1"})
    assert "Mail to 1 address of twin.example is refused from then on: ann@twin.example" in text(
        shown
    )

    as_superadmin.post(OWN, {"empty": "on"})

    assert not Alias.objects.filter(domain="twin.example").exists()


@pytest.mark.parametrize("sent", [{}, {"preview": "1"}])
def test_a_limit_that_is_reached_is_said_on_the_page(as_superadmin, twin, sent):
    update_domain(actor=None, domain=twin.alias_domain, aliases=-1)

    page = as_superadmin.post(OWN, sent)

    assert page.status_code == 422
    assert "Raise its limit of aliases first, or let it begin empty." in text(page)
    assert AliasDomain.objects.count() == 1


def test_it_is_for_superadmins_alone(sign_in, make_admin, twin):
    client = sign_in(make_admin(domains=["twin.example", "example.org"]))

    assert client.get(OWN).status_code == 404
    assert client.post(OWN).status_code == 404
    assert OWN not in links(client.get(reverse("domain-settings", args=["twin.example"])))
    assert Domain.objects.get(pk="twin.example").alias_of

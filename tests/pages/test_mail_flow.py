"""The page "Mail flow" of a domain: what becomes of mail, who may change it, and what Postfix does not know yet."""

import pytest
from django.urls import reverse

from accounts.models import LogEntry
from domains import main_cf
from domains.models import Domain
from domains.services import update_domain
from tests.pages.reading import links, text


def flow(client, name="example.org"):
    return client.get(reverse("domain-flow", args=[name]))


# --- Mail to the domain


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, "Mail for its mailboxes is delivered on this server"),
        (
            {"transport": "smtp:[mx.example.net]"},
            "Mail for its mailboxes is handed on to smtp:[mx.example.net]",
        ),
        (
            {"backupmx": True},
            "passed on to the domain’s primary mail server, to which its MX records lead."
            " Mail for any address is accepted",
        ),
        (
            {"backupmx": True, "transport": "smtp:[mx.example.net]"},
            "passed on to smtp:[mx.example.net]. Mail for any address is accepted",
        ),
        (
            {"backupmx": True, "verify_recipients": True},
            "Unknown addresses are refused: Postfix asks the primary server",
        ),
        ({"active": False}, "example.org is off: mail for its addresses is refused."),
    ],
)
def test_the_page_says_what_becomes_of_mail(columns, said, superadmin, example_org):
    update_domain(actor=None, domain=example_org, **columns)

    assert said in text(flow(superadmin))


def test_a_superadmin_hands_a_domain_on(superadmin, example_org):
    page = flow(superadmin)
    address = reverse("domain-delivery", args=["example.org"])
    assert address in links(page)

    done = superadmin.post(address, {"transport": "mx.example.net:2525"}, follow=True)

    assert done.redirect_chain == [(reverse("domain-flow", args=["example.org"]), 302)]
    assert "handed on to smtp:[mx.example.net]:2525" in text(done)
    assert LogEntry.objects.latest("pk").changes == {
        "transport": ["virtual", "smtp:[mx.example.net]:2525"]
    }


@pytest.mark.parametrize(
    ("transport", "said"),
    [
        ("maildrop:", "Postfix has no service “maildrop”."),
        ("smtp:[mx]:x", "“[mx]:x” is no server."),
        ("|/bin/sh", "Write a Postfix transport such as"),
    ],
)
def test_what_postfix_does_not_serve_is_refused_at_its_field(
    transport, said, superadmin, example_org
):
    address = reverse("domain-delivery", args=["example.org"])

    page = superadmin.post(address, {"transport": transport, "backupmx": "on"})

    assert page.status_code == 422
    [error] = page.context["form"].errors["transport"]
    assert error.startswith(said)
    assert Domain.objects.get().backupmx is False


def test_a_domain_admin_sees_the_page_without_what_superadmins_change(admin):
    page = flow(admin)

    assert "Mail for its mailboxes is delivered on this server" in text(page)
    assert reverse("domain-delivery", args=["example.org"]) not in links(page)


# --- What Postfix does not know yet


def test_the_page_says_that_main_cf_lacks_what_the_domain_needs(superadmin, example_org):
    update_domain(actor=None, domain=example_org, backupmx=True, verify_recipients=True)

    said = text(flow(superadmin))
    assert "does not have this yet, so it has no effect: backup-mx, verify-recipients." in said
    assert "postfix reload" in said

    main_cf.remember({"backup-mx", "weak-hashes"})
    assert "no effect: verify-recipients." in text(flow(superadmin))

    main_cf.remember({"backup-mx", "verify-recipients"})
    assert "no effect" not in text(flow(superadmin))


def test_a_domain_admin_is_told_that_somebody_has_to_reload_postfix(admin, example_org):
    update_domain(actor=None, domain=example_org, transport="relay:")
    assert "Not in effect yet: a superadmin has to reload Postfix first." in text(flow(admin))

    main_cf.remember({"transport"})
    assert "Not in effect" not in text(flow(admin))


def test_a_main_cf_without_a_block_takes_it_away_again(superadmin, example_org):
    update_domain(actor=None, domain=example_org, transport="relay:")
    main_cf.remember({"transport"})
    main_cf.remember(set())

    assert "no effect: transport." in text(flow(superadmin))


def test_a_domain_that_is_delivered_here_needs_nothing_in_main_cf(superadmin):
    assert "main.cf" not in text(flow(superadmin))

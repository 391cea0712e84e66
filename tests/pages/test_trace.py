"""The page "Where mail goes". What it says: tests/tracing; that Postfix does so: tests/contract/test_trace.py."""

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from domains.models import Copy, SenderRule
from domains.services import create_alias_domain
from mailboxes.models import QuotaUsage
from tests.pages.reading import links, text

MB = settings.QUOTA_MULTIPLIER


@pytest.fixture
def joe(example_org, add_mailbox):
    joe = add_mailbox("joe@example.org", quota=100 * MB)
    QuotaUsage.objects.create(username=joe, bytes=97 * MB)
    return joe


@pytest.fixture
def as_superadmin(sign_in, make_admin, joe):
    return sign_in(make_admin(superadmin=True))


def traced(client, address, sender=""):
    page = client.get(reverse("trace"), {"address": address, "sender": sender})
    traced.links = links(page)
    return text(page).partition("Say where it goes ")[2]


def test_without_an_address_there_is_the_form_alone(as_superadmin):
    page = as_superadmin.get(reverse("trace"))

    assert text(page).startswith("Where mail goes Address")
    assert text(page).endswith("Say where it goes")


def test_the_last_sentence_comes_first_and_each_step_names_its_row_and_its_map(as_superadmin):
    said = traced(as_superadmin, "joe+x@example.org", "ann@elsewhere.example")

    assert said.startswith(
        "joe+x@example.org Delivered to joe+x@example.org. joe@example.org is at 97 % of its quota."
        " example.org is a domain of this server. Open domains.cf: example.org → example.org"
    )
    assert "alias.cf: joe@example.org → joe@example.org" in said
    assert "Mail goes to joe+x@example.org 97 of 100 MB, 97 %" in said
    row = reverse("mailbox", args=["joe@example.org"])
    assert {row, reverse("domain", args=["example.org"])} <= set(traced.links)


def test_a_refusal(as_superadmin):
    SenderRule.objects.create(sender="bad.example", action="REJECT")

    assert "Refused at once, 550: no such user." in traced(as_superadmin, "zoe@example.org")
    said = traced(as_superadmin, "joe@example.org", "x@bad.example")
    assert "sender_access.cf: bad.example → REJECT" in said
    assert reverse("server-senders") in traced.links


def test_what_main_cf_does_not_have_yet_is_said(as_superadmin, add_mailbox):
    add_mailbox("archive@example.org")
    Copy.objects.create(domain="example.org", direction="to", address="@example.org", goto="archive@example.org")  # fmt: skip

    assert "does not have this yet, so it has no effect: copies-to." in traced(
        as_superadmin, "joe@example.org"
    )


def test_what_is_no_address_is_said_at_its_field(as_superadmin):
    page = as_superadmin.get(reverse("trace"), {"address": "joe", "sender": "<>"})

    assert page.status_code == 200
    assert page.context["errors"] == {
        "address": "“joe” is no address. Write it like name@example.org."
    }
    page = as_superadmin.get(reverse("trace"), {"address": "joe@example.org", "sender": "ann"})
    assert list(page.context["errors"]) == ["sender"]
    assert "Delivered" not in text(page)


def test_an_administrator_is_told_about_own_domains_alone(
    sign_in, make_admin, joe, other_net, add_mailbox
):
    add_mailbox("ann@other.net")
    client = sign_in(make_admin("it@panel.example", domains=["example.org"]))

    said = traced(client, "joe@example.org")
    assert "Delivered to joe@example.org." in said
    assert ".cf" not in said.partition("Mail goes to")[0]
    assert traced(client, "ann@other.net").startswith(
        "ann@other.net other.net is not one of your domains."
    )


def test_a_mailbox_user_has_no_such_page(sign_in, joe):
    assert sign_in(joe).get(reverse("trace")).status_code == 404


def test_the_card_and_the_pages_of_mailbox_and_alias_lead_here(as_superadmin, add_alias):
    add_alias("info@example.org", "joe@example.org")
    add_alias("@example.org", "joe@example.org")
    found = {
        "search": as_superadmin.get(reverse("search"), {"q": "joe+x@example.org"}),
        "mailbox": as_superadmin.get(reverse("mailbox", args=["joe@example.org"])),
        "alias": as_superadmin.get(reverse("alias", args=["info@example.org"])),
    }

    here = reverse("trace")
    assert f"{here}?address=joe%2Bx%40example.org" in links(found["search"])
    assert f"{here}?address=joe%40example.org" in links(found["mailbox"])
    assert f"{here}?address=info%40example.org" in links(found["alias"])
    catch_all = as_superadmin.get(reverse("alias", args=["@example.org"]))
    assert not [link for link in links(catch_all) if link.startswith(here)]


@pytest.mark.parametrize("superadmin", [True, False])
def test_a_mailbox_costs_twelve_statements_and_a_detour_some_more(
    sign_in, make_admin, joe, add_domain, add_alias, superadmin
):
    source = add_domain("alias.example")
    create_alias_domain(actor=None, alias_domain=source, target_domain=joe.domain)
    add_alias("info@example.org", "joe@example.org")
    client = sign_in(make_admin(superadmin=superadmin, domains=() if superadmin else ["example.org", "alias.example"]))  # fmt: skip
    client.get("/account/")
    costs = []
    for address in ("joe@example.org", "info+x@alias.example", "zoe@example.org"):
        with CaptureQueriesContext(connection) as captured:
            traced(client, address, "x@elsewhere.example")
        costs.append(len(captured))

    # SQLite has no procedures: there the alias map costs several statements, not one.
    of_a_mailbox, of_a_detour = (12, 22) if connection.vendor == "mysql" else (15, 28)
    assert costs[0] <= of_a_mailbox
    assert max(costs) <= of_a_detour

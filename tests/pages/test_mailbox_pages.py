import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aliases.models import Alias
from domains.services import set_domain_active
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox
from mailboxes.services import set_mailbox_active
from tests.pages.reading import text

MB = 1_024_000


def test_its_page_says_what_happens_to_its_mail(admin, add_mailbox, add_alias):
    mailbox = add_mailbox("joe@example.org")
    add_mailbox("ann@example.org")

    def lead():
        return text(admin.get(reverse("mailbox", args=["joe@example.org"])))

    assert "Mail for this address is delivered here." in lead()
    set_forwarding(actor=None, mailbox=mailbox, targets="joe@elsewhere.example", keep_copy=True)
    assert (
        "Mail for this address is delivered here, and a copy goes to joe@elsewhere.example."
        in lead()
    )
    set_forwarding(
        actor=None,
        mailbox=mailbox,
        targets="joe@elsewhere.example, ann@example.org",
        keep_copy=False,
    )
    assert (
        "Mail for this address goes to 1 mailbox and 1 external address. Nothing is kept here."
        in lead()
    )
    set_mailbox_active(actor=None, mailbox=mailbox, active=False)
    assert "Mail for joe@example.org is refused." in lead()
    assert "ann@example.org Nothing is forwarded while the mailbox is off." in lead()
    add_alias("@example.org", "ann@example.org")
    assert (
        "Mail for joe@example.org goes to the catch-all instead, so to ann@example.org." in lead()
    )
    set_domain_active(actor=None, domain=mailbox.domain, active=False)
    assert "example.org is off: mail for its addresses is refused" in lead()


def test_its_page_names_what_leads_here_but_nothing_of_the_neighbours(
    admin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("sales@example.org", "joe@example.org")
    add_alias("secret@other.net", "joe@example.org")

    page = admin.get(reverse("mailbox", args=["joe@example.org"]))

    assert [row.pk for row in page.context["referrers"]] == ["sales@example.org"]
    assert "sales@example.org" in text(page)
    assert "secret@other.net" not in text(page)


def test_its_page_names_what_leads_here_through_an_alias_domain(
    admin, twin, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_mailbox("own@example.org")
    add_mailbox("own@twin.example")
    add_alias("sales@example.org", "joe+list@twin.example")
    add_alias("shop@example.org", "own@twin.example")
    add_alias("secret@other.net", "joe@twin.example")

    page = admin.get(reverse("mailbox", args=["joe@example.org"]))
    assert [row.pk for row in page.context["referrers"]] == ["sales@example.org"]
    assert "secret@other.net" not in text(page)
    own = admin.get(reverse("mailbox", args=["own@example.org"]))
    assert own.context["referrers"] == []


@pytest.mark.parametrize("name", ["", "-state", "-delete"])
def test_its_pages_need_as_many_statements_for_one_that_leads_here_as_for_three(
    name, admin, twin, add_mailbox, add_alias
):
    costs = {}
    for number in (1, 3):
        key = add_mailbox(f"to{number}@example.org").pk
        for n in range(number):
            add_alias(f"a{n}-{number}@example.org", f"to{number}@twin.example")
            add_alias(f"a{n}-{number}@other.net", f"to{number}@twin.example")
        with CaptureQueriesContext(connection) as captured:
            page = admin.get(reverse(f"mailbox{name}", args=[key]))
        assert f"a{number - 1}-{number}@example.org" in text(page)
        costs[number] = len(captured)

    assert costs[1] == costs[3]


def test_no_page_of_a_mailbox_needs_more_than_ten_statements(
    admin, twin, add_mailbox, add_alias, django_assert_max_num_queries
):
    mailbox = add_mailbox("joe@example.org", quota=MB)
    add_alias("@example.org", "joe@example.org")
    add_alias("sales@example.org", "joe@example.org")
    add_alias("tw@example.org", "joe@twin.example")
    add_alias("tw@other.net", "joe@twin.example")
    targets = "ann@elsewhere.example, sam@example.org, sales+x@example.org"
    set_forwarding(actor=None, mailbox=add_mailbox("sam@example.org"), targets="", keep_copy=True)
    Alias.objects.filter(pk="joe@example.org").update(goto=targets)

    names = ("", "-edit", "-forwarding", "-password", "-state", "-delete")
    for active in (True, False):
        Mailbox.objects.filter(pk=mailbox.pk).update(active=active)
        for name in names:
            with django_assert_max_num_queries(10):
                page = admin.get(reverse(f"mailbox{name}", args=[mailbox.pk]))
            assert page.status_code == 200


def test_its_page_says_when_another_program_deactivated_the_forwarding(admin, add_mailbox):
    mailbox = add_mailbox("joe@example.org")
    set_forwarding(actor=None, mailbox=mailbox, targets="joe@elsewhere.example", keep_copy=False)
    Alias.objects.filter(pk=mailbox.pk).update(active=False)
    address = reverse("mailbox-forwarding", args=[mailbox.pk])

    page = admin.get(reverse("mailbox", args=[mailbox.pk]))
    assert page.context["forwarding_off"] is True
    assert "Mail for this address is delivered here" in text(page)
    assert "joe@elsewhere.example Off: all mail stays in this mailbox." in text(page)

    admin.post(address, {"targets": admin.get(address).context["form"].initial["targets"]})
    page = text(admin.get(reverse("mailbox", args=[mailbox.pk])))
    assert "Mail for this address goes to joe@elsewhere.example. Nothing is kept here." in page

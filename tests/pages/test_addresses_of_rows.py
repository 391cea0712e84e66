from accounts.models import Admin
from aliases.models import Alias
from domains.models import Domain
from mailboxes.models import Mailbox
from tests.pages.reading import links


def test_every_row_leads_to_its_page(as_superadmin, example_org, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "joe@example.org")
    add_alias("@example.org", "joe@example.org")
    rows = [
        *(Admin.objects.get(), Domain.objects.get(), Mailbox.objects.get()),
        *Alias.objects.order_by("pk"),
    ]

    assert [row.get_absolute_url() for row in rows] == [
        "/administrators/super@example.org/",
        "/domains/example.org/",
        "/mailboxes/joe@example.org/",
        "/aliases/@example.org/",
        "/aliases/info@example.org/",
        "/mailboxes/joe@example.org/",  # a self-alias shows on its mailbox's page
    ]
    for row in rows:
        assert as_superadmin.get(row.get_absolute_url()).status_code == 200


def test_the_search_leads_to_the_mailbox_of_a_forwarding_and_to_an_alias(
    as_superadmin, example_org, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "boss@elsewhere.example")
    Alias.objects.filter(pk="joe@example.org").update(goto="boss@elsewhere.example")

    found = links(as_superadmin.get("/search/?q=boss"))

    assert {"/mailboxes/joe@example.org/", "/aliases/info@example.org/"} <= set(found)

"""The list of mailboxes whose users were written to about their quota."""

import pytest
from django.urls import reverse

from mailboxes.models import Mailbox, QuotaUsage, QuotaWarning
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox
from tests.pages.reading import rows, text

MB = 1_024_000


@pytest.fixture
def warned(example_org, other_net, add_mailbox):
    """Of example.org joe and zoe were, ann was not; of other.net eve."""
    for address, percent in [
        ("ann@example.org", None),
        ("joe@example.org", 80),
        ("zoe@example.org", 95),
        ("eve@other.net", 95),
    ]:
        mailbox = add_mailbox(address, quota=1000 * MB)
        if percent:
            QuotaUsage.objects.create(username=mailbox, bytes=(percent + 1) * 10 * MB)
            QuotaWarning.objects.create(pk=address, percent=percent)


def found(client, **query):
    return rows(client.get(reverse("mailbox-list"), {"state": "warned"} | query))


def test_those_of_ones_own_domain_are_listed(admin, warned):
    assert found(admin) == ["joe@example.org", "zoe@example.org"]
    assert found(admin, domain="example.org") == ["joe@example.org", "zoe@example.org"]
    assert found(admin, sort="-address") == ["zoe@example.org", "joe@example.org"]
    assert found(admin, sort="-storage", domain="example.org") == [
        "zoe@example.org",
        "joe@example.org",
    ]
    assert found(admin, domain="other.net") == []
    shown = text(admin.get(reverse("mailbox-list"), {"state": "warned"}))
    assert ("warned at 80 %" in shown, "warned at 95 %" in shown) == (True, True)


def test_a_superadmin_sees_those_of_all_domains(as_superadmin, warned):
    assert found(as_superadmin) == ["joe@example.org", "zoe@example.org", "eve@other.net"]
    assert found(as_superadmin, domain="other.net") == ["eve@other.net"]


def test_an_administrator_of_several_sees_those_of_each(as_admin, warned):
    assert len(found(as_admin("example.org", "other.net"))) == 3


def test_a_mailbox_user_has_no_such_list(sign_in, warned):
    client = sign_in(Mailbox.objects.get(pk="joe@example.org"))

    assert client.get(reverse("mailbox-list"), {"state": "warned"}).status_code == 404


def test_a_search_finds_among_them(admin, warned):
    assert found(admin, q="joe@example.org") == ["joe@example.org"]
    assert found(admin, q="zoe") == ["zoe@example.org"]
    assert found(admin, q="ann") == []


def test_pages_lead_on(as_superadmin, warned, monkeypatch):
    monkeypatch.setattr("panel.paging.PAGE_SIZES", (2, 50))
    page = as_superadmin.get(reverse("mailbox-list"), {"state": "warned", "size": 2})
    following = as_superadmin.get(reverse("mailbox-list") + page.context["next_url"])

    assert (rows(page), rows(following)) == (
        ["joe@example.org", "zoe@example.org"],
        ["eve@other.net"],
    )
    back = as_superadmin.get(reverse("mailbox-list") + following.context["previous_url"])
    assert rows(back) == rows(page)


def test_who_is_below_again_deleted_or_renamed_is_found_so(admin, warned):
    QuotaWarning.objects.filter(pk="joe@example.org").delete()
    zoe = Mailbox.objects.get(pk="zoe@example.org")
    renamed = rename_mailbox(actor=None, mailbox=zoe, local_part="zora")
    assert found(admin) == ["zora@example.org"]

    delete_mailbox(actor=None, mailbox=renamed)
    assert found(admin) == []


def test_the_lists_and_the_home_page_lead_there(as_superadmin, as_admin, warned):
    link = "/mailboxes/?state=warned"

    assert f'href="{link}"' in as_superadmin.get("/").text
    assert f'href="{link}"' in as_superadmin.get("/mailboxes/").text
    listed = as_admin("example.org").get("/mailboxes/?domain=example.org").text
    assert "/mailboxes/?domain=example.org&amp;state=warned" in listed
    QuotaUsage.objects.all().delete()
    assert link not in as_superadmin.get("/").text


def test_a_page_of_it_asks_no_more_than_any_list(
    as_superadmin, warned, django_assert_max_num_queries
):
    as_superadmin.get("/mailboxes/")

    with django_assert_max_num_queries(10):
        as_superadmin.get(reverse("mailbox-list"), {"state": "warned"})


def test_all_of_them_are_switched_off_at_once(admin, warned):
    admin.post(
        reverse("mailbox-bulk"), {"action": "deactivate", "all": "1", "listed": "state=warned"}
    )

    off = Mailbox.objects.filter(active=False).values_list("pk", flat=True)
    assert set(off) == {"joe@example.org", "zoe@example.org"}

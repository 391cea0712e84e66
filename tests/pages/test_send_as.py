import pytest
from django.urls import reverse

from accounts.models import Admin
from mailboxes.models import Mailbox, SendAs
from mailboxes.send_as import let_send_as
from tests.pages.reading import error_codes, text

ANN, INFO = "ann@example.org", "info@example.org"


@pytest.fixture
def world(admin, add_mailbox, add_alias):
    for address in (ANN, INFO, "eve@other.net"):
        add_mailbox(address)
    add_alias("sales@example.org", "eve@other.net")


def page(client, name, key):
    return text(client.get(reverse(name, args=[key])))


def stored():
    return sorted(SendAs.objects.values_list("username", "sender"))


def test_an_administrator_lets_a_mailbox_send_and_ends_it(admin, world):
    url = reverse("mailbox-send-as", args=[ANN])

    assert admin.post(url, {"sender": INFO}).status_code == 302
    assert stored() == [(ANN, INFO)]
    assert INFO in page(admin, "mailbox-send-as", ANN)
    assert "Who else may send as it Add mailbox ann@example.org" in page(
        admin, "mailbox-send-as", INFO
    )

    row = SendAs.objects.get()
    end = reverse("mailbox-send-as-end", args=[INFO])
    assert admin.get(end).status_code == 405
    assert admin.post(end, {"end": row.pk}).status_code == 302
    assert stored() == []


def test_who_may_send_as_an_alias_stands_on_its_page(admin, world):
    url = reverse("alias-senders", args=["sales@example.org"])

    assert admin.post(url, {"mailbox": ANN}).status_code == 302
    assert "Who else may send as it Add mailbox ann@example.org" in page(
        admin, "alias", "sales@example.org"
    )
    row = SendAs.objects.get()
    admin.post(reverse("alias-senders-end", args=["sales@example.org"]), {"end": row.pk})
    assert stored() == []


@pytest.mark.parametrize(
    ("name", "key", "field", "typed", "code"),
    [
        ("mailbox-send-as", ANN, "sender", "eve@other.net", "not_yours"),
        ("mailbox-send-as", ANN, "sender", "other.net", "not_yours"),
        ("mailbox-send-as", ANN, "sender", "", "required"),
        ("mailbox-senders", INFO, "mailbox", "eve@other.net", "no_mailbox"),
        ("alias-senders", "sales@example.org", "mailbox", "nobody@example.org", "no_mailbox"),
    ],
)
def test_what_is_not_the_administrators_is_an_error_at_its_field(
    admin, world, name, key, field, typed, code
):
    refused = admin.post(reverse(name, args=[key]), {field: typed})

    assert (refused.status_code, error_codes(refused)) == (422, {field: [code]})
    assert stored() == []


def test_what_a_superadmin_gave_is_seen_and_ended_at_either_end_and_by_nobody_else(
    admin, world, make_admin, sign_in
):
    let_send_as(actor=None, mailbox="eve@other.net", sender=INFO)
    row = SendAs.objects.get()
    assert "eve@other.net" in page(admin, "mailbox-send-as", INFO)
    other = sign_in(make_admin("third@example.org", domains=[]))
    assert (
        other.post(reverse("mailbox-send-as-end", args=[INFO]), {"end": row.pk}).status_code == 404
    )
    assert stored() == [("eve@other.net", INFO)]

    admin = sign_in(Admin.objects.get(pk="theirs@example.org"))
    admin.post(reverse("mailbox-send-as-end", args=[ANN]), {"end": row.pk})
    assert stored() == []


@pytest.mark.parametrize("end", ["", "x", "0", "²", "99999999999"])
def test_a_number_of_no_row_ends_nothing(admin, world, end):
    let_send_as(actor=None, mailbox=ANN, sender=INFO)

    assert admin.post(reverse("mailbox-send-as-end", args=[ANN]), {"end": end}).status_code == 302
    assert stored() == [(ANN, INFO)]


def test_the_owner_sees_all_of_it_and_gives_and_takes_back_the_own_address(world, sign_in):
    let_send_as(actor=None, mailbox=INFO, sender="sales@example.org")
    let_send_as(actor=None, mailbox=INFO, sender="example.org")
    client = sign_in(Mailbox.objects.get(pk=INFO))
    url = reverse("own-send-as")
    own = text(client.get(url))
    assert "info@example.org, sales@example.org, every name in example.org" in own

    assert client.post(url, {"mailbox": "eve@other.net"}).status_code == 422
    assert client.post(url, {"mailbox": ANN}).status_code == 302
    assert "Who else may send as you ann@example.org" in text(client.get(url))

    others = SendAs.objects.get(sender="sales@example.org")
    mine = SendAs.objects.get(username=ANN)
    for row in (others, mine):  # what others gave is not the owner's to end
        client.post(url, {"end": row.pk})
    assert stored() == [(INFO, "@example.org"), (INFO, "sales@example.org")]

import pytest
from django.urls import reverse

from mailboxes.models import Mailbox, SendAs, Share
from mailboxes.sharing import share_mailbox
from tests.pages.reading import error_codes, text

ANN, INFO = "ann@example.org", "info@example.org"
ALL = {"person": ANN, "may_write": "on", "send_as": "on"}


@pytest.fixture
def info(admin, add_mailbox):
    add_mailbox(ANN)
    add_mailbox("eve@other.net")
    return add_mailbox(INFO)


def page(client, name, key):
    return text(client.get(reverse(name, args=[key])))


def test_an_administrator_shares_a_mailbox_sees_it_on_both_and_ends_it(admin, info):
    url = reverse("mailbox-sharing", args=[INFO])
    assert "Only whoever signs in with it." in page(admin, "mailbox-sharing", INFO)

    assert admin.post(url, ALL).status_code == 302
    row = Share.objects.get()
    told = page(admin, "mailbox-sharing", INFO)
    assert "ann@example.org reads and changes it · sends as it" in told
    assert f"no effect yet As root on the mail server, type: {row.command}" in told
    assert "Opened by ann@example.org" in page(admin, "mailbox", INFO)
    assert "Opens info@example.org" in page(admin, "mailbox", ANN)
    assert "What it opens info@example.org" in page(admin, "mailbox-sharing", ANN)

    end = reverse("mailbox-sharing-end", args=[ANN])
    assert admin.get(end).status_code == 405
    assert admin.post(end, {"end": row.pk}).status_code == 302
    assert (Share.objects.count(), SendAs.objects.count()) == (0, 0)


def test_reading_alone_is_one_tick_less(admin, info):
    admin.post(reverse("mailbox-sharing", args=[INFO]), {"person": ANN})

    assert Share.objects.get().may_write is False
    assert SendAs.objects.count() == 0
    assert "ann@example.org reads it" in page(admin, "mailbox-sharing", INFO)


@pytest.mark.parametrize(
    ("person", "code"), [("eve@other.net", "no_mailbox"), (INFO, "itself"), ("", "required")]
)
def test_what_cannot_be_is_an_error_at_its_field(admin, info, person, code):
    refused = admin.post(reverse("mailbox-sharing", args=[INFO]), ALL | {"person": person})

    assert (refused.status_code, error_codes(refused)) == (422, {"person": [code]})
    assert Share.objects.count() == 0


def test_another_administrator_sees_and_ends_nothing(info, make_admin, sign_in):
    row = share_mailbox(actor=None, mailbox=info, person=ANN)
    stranger = sign_in(make_admin("stranger@other.net", domains=["other.net"]))

    assert stranger.get(reverse("mailbox-sharing", args=[INFO])).status_code == 404
    end = reverse("mailbox-sharing-end", args=["eve@other.net"])
    stranger.post(end, {"end": row.pk})
    assert Share.objects.count() == 1


def test_the_owner_sees_who_opens_the_mailbox_and_ends_it_and_the_person_what_is_open(
    info, sign_in
):
    row = share_mailbox(actor=None, mailbox=info, person=ANN)
    url = reverse("own-send-as")
    person = sign_in(Mailbox.objects.get(pk=ANN))
    assert "Mailboxes that you open info@example.org" in text(person.get(url))
    person.post(url, {"end_share": row.pk})
    assert Share.objects.count() == 1  # it is the owner's to end

    owner = sign_in(Mailbox.objects.get(pk=INFO))
    assert "Who opens your mailbox ann@example.org" in text(owner.get(url))
    assert owner.post(url, {"end_share": row.pk}).status_code == 302
    assert (Share.objects.count(), SendAs.objects.count()) == (0, 0)

"""Passkeys through their pages: asked for, added, shown in place of code or password, renamed, removed."""

from datetime import date

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import reverse

from accounts import factors
from accounts.models import LoginAttempt, PanelSession, Passkey
from mailboxes.models import Mailbox
from tests.authenticator import Device
from tests.pages.own_factor import BACKENDS, fresh
from tests.pages.reading import error_codes, text

OPTIONS = reverse("passkey-options")


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


def asked(client, **query):
    answer = client.get(OPTIONS, query)
    assert answer["Content-Type"] == "application/json"
    return answer.text


def add(client, password, device=None, *, name="Phone", code=""):
    """Return (answer, device)"""
    device = device or Device()
    offer = client.get(reverse("own-passkey-add")).context["form"]["offer"].value()
    fields = {"offer": offer, "old_password": password, "name": name, "code": code}
    fields["passkey"] = device.add(asked(client, offer=offer))
    return client.post(reverse("own-passkey-add"), fields), device


def test_it_is_added_with_the_password_and_shows_recovery_codes_once(sign_in, account, password):
    client, other = sign_in(account), Client()
    other.force_login(account, backend=BACKENDS[account.account_kind])

    answer, _device = add(client, password)

    assert len(answer.context["codes"]) == 10
    assert factors.is_on(fresh(account))
    page = text(client.get(reverse("own-factor")))
    assert "Phone" in page
    assert "Recovery codes left 10" in page
    assert other.get(reverse("account")).status_code == 302


@pytest.mark.parametrize(
    ("field", "value", "wrong"),
    [
        ("old_password", "another", ["wrong_password"]),
        ("passkey", "", ["no_passkey"]),
        ("passkey", "{}", ["no_passkey"]),
    ],
)
def test_nothing_is_added_without_password_and_answer(
    field, value, wrong, sign_in, account, password
):
    client, device = sign_in(account), Device()
    offer = client.get(reverse("own-passkey-add")).context["form"]["offer"].value()
    fields = {"offer": offer, "old_password": password, "name": "x"}
    fields["passkey"] = device.add(asked(client, offer=offer))

    page = client.post(reverse("own-passkey-add"), fields | {field: value})

    assert page.status_code == 422
    assert error_codes(page) == {"__all__": wrong}
    assert not factors.is_on(fresh(account))
    # A mistake elsewhere is mended without the device.
    assert page.context["form"]["passkey"].value() == (fields | {field: value})["passkey"]


def test_the_second_one_is_added_with_the_first_in_place_of_a_code(sign_in, joe, password):
    client = sign_in(joe)
    _answer, first = add(client, password)
    offer = client.get(reverse("own-passkey-add")).context["form"]["offer"].value()
    fields = {"offer": offer, "old_password": password, "name": "Key", "code": ""}
    fields["passkey"] = Device().add(asked(client, offer=offer))
    fields["code-passkey"] = first.show(asked(client))

    answer = client.post(reverse("own-passkey-add"), fields)

    assert answer.url == "/account/factor/#passkeys"
    assert Passkey.objects.count() == 2


@pytest.fixture
def device(joe, password):
    """Of joe, added in another browser."""
    client = Client()
    client.force_login(joe, backend=BACKENDS["mailbox"])
    return add(client, password)[1]


def test_it_is_asked_for_after_the_password_and_opens_the_panel(client, sign, device, joe):
    assert sign(joe.pk).url == "/login/second/"
    assert SESSION_KEY not in client.session
    page = client.get(reverse("second-step"))
    assert "Show your passkey" in text(page)

    answer = client.post(
        reverse("second-step"), {"code": "", "code-passkey": device.show(asked(client))}
    )

    assert answer.url == "/"
    assert client.session[SESSION_KEY] == joe.pk


def test_a_passkey_that_is_not_taken_there_is_counted_as_a_wrong_code(
    client, sign, device, joe, settings
):
    settings.LOGIN_FAILURES = 2
    sign(joe.pk)
    statuses = []
    for origin in ("https://evil.example", "https://evil.example", "http://localhost"):
        answer = device.show(asked(client), origin=origin)
        page = client.post(reverse("second-step"), {"code-passkey": answer})
        statuses.append(page.status_code)
        assert "{" not in (page.context["form"]["code"].as_widget())

    assert statuses == [422, 422, 429]
    assert LoginAttempt.objects.filter(source__startswith="code mailbox").count() == 1


def test_it_signs_in_without_a_password_as_both_factors(client, device, joe):
    page = client.get(reverse("login"))
    assert "data-show-passkey hidden" in page.text
    said = device.show(asked(client, **{"sign-in": ""}))
    answer = client.post(reverse("login"), {"passkey": said, "next": "/account/"})

    assert answer.url == "/account/"
    assert client.session[SESSION_KEY] == joe.pk
    assert "spared_at" not in client.session
    assert client.get(reverse("account")).status_code == 200


def test_removed_unknown_inactive_and_forged_get_the_same_answer(client, device, joe):
    stranger = Device()
    stranger.handle = b"x"
    forged = Device()
    forged.credential, forged.handle = device.credential, device.handle
    pages = [
        client.post(reverse("login"), {"passkey": one.show(asked(client))})
        for one in (stranger, forged)
    ]
    Mailbox.objects.update(active=False)
    pages.append(client.post(reverse("login"), {"passkey": device.show(asked(client))}))
    Passkey.objects.all().delete()
    pages.append(client.post(reverse("login"), {"passkey": device.show(asked(client))}))
    pages.append(client.post(reverse("login"), {"passkey": "nonsense"}))

    assert {page.status_code for page in pages} == {422}
    assert {str(error_codes(page)) for page in pages} == {"{'__all__': ['invalid_login']}"}
    assert len({text(page) for page in pages}) == 1
    assert SESSION_KEY not in client.session


def test_after_a_refused_passkey_the_password_is_looked_at(client, device, joe, password):
    page = client.post(reverse("login"), {"passkey": "nonsense"})
    assert "nonsense" not in page.text

    fields = {"username": joe.pk, "password": password, "passkey": ""}
    assert client.post(reverse("login"), fields).url == "/login/second/"


def test_back_from_the_second_step_it_signs_in_alone_too(client, sign, device, joe):
    sign(joe.pk)

    said = device.show(asked(client, **{"sign-in": ""}))
    assert client.post(reverse("login"), {"passkey": said}).url == "/"

    assert client.session[SESSION_KEY] == joe.pk


def test_the_challenge_of_another_browser_signs_nobody_in(client, device, joe):
    other = Client()
    other.get(reverse("login"))
    client.get(reverse("login"))

    page = client.post(reverse("login"), {"passkey": device.show(asked(other))})

    assert page.status_code == 422


def test_asking_for_a_challenge_stores_nothing(client, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get(OPTIONS)

    assert PanelSession.objects.count() == 0


def test_only_the_own_passkeys_are_named_and_only_after_the_password(
    client, sign, device, joe, make_admin
):
    make_admin("root@example.org", superadmin=True)
    assert device.id not in asked(client)

    sign("root@example.org")
    assert device.id not in asked(client)
    client.logout()
    sign(joe.pk)

    assert device.id in asked(client)
    assert client.get(OPTIONS, {"offer": "x"}).status_code == 404


def test_without_a_host_name_there_are_none(client, sign_in, joe, settings):
    settings.ALLOWED_HOSTS = ["127.0.0.1"]

    assert "data-show-passkey" not in client.get(reverse("login"), SERVER_NAME="127.0.0.1").text
    assert client.get(OPTIONS, SERVER_NAME="127.0.0.1").status_code == 404
    page = sign_in(joe).get(reverse("own-passkey-add"), SERVER_NAME="127.0.0.1")
    assert "Passkeys need a host name" in text(page)


def test_it_is_renamed_and_removed_with_password_and_itself(sign_in, device, joe, password):
    client = sign_in(fresh(joe))
    row = Passkey.objects.get()

    assert client.post(reverse("own-passkey", args=[row.pk]), {"name": ""}).status_code == 422
    client.post(reverse("own-passkey", args=[row.pk]), {"name": "Old phone"})
    assert Passkey.objects.get().name == "Old phone"
    page = client.get(reverse("own-passkey-remove", args=[row.pk]))
    assert "It is your last second factor" in text(page)
    remove = {"old_password": "another", "code-passkey": device.show(asked(client))}
    assert client.post(reverse("own-passkey-remove", args=[row.pk]), remove).status_code == 422
    remove = {"old_password": password, "code-passkey": device.show(asked(client))}
    answer = client.post(reverse("own-passkey-remove", args=[row.pk]), remove)

    assert answer.url == reverse("own-factor")
    assert not factors.is_on(fresh(joe))


@pytest.mark.parametrize("name", ["own-passkey", "own-passkey-remove"])
def test_the_passkey_of_somebody_else_does_not_exist(name, sign_in, device, make_admin):
    client = sign_in(make_admin("root@example.org", superadmin=True))

    for key in (Passkey.objects.get().pk, "0", "x", "9" * 30):
        assert client.get(reverse(name, args=[key])).status_code == 404
        assert client.post(reverse(name, args=[key]), {"name": "x"}).status_code == 404

    assert Passkey.objects.get().name == "Phone"


def test_whoever_must_have_a_second_factor_may_add_a_passkey_as_one(
    client, sign, joe, password, settings
):
    settings.SECOND_FACTOR_FROM = settings.SECOND_FACTOR_FROM | {"mailbox": date(2001, 1, 1)}
    assert sign(joe.pk).url.startswith(reverse("own-factor-setup"))

    answer, _device = add(client, password)

    assert answer.status_code == 200
    assert client.get(reverse("account")).status_code == 200


def test_a_manager_takes_passkeys_away_and_the_session_ends(sign_in, device, joe, make_admin):
    user = Client()
    user.force_login(fresh(joe), backend=BACKENDS["mailbox"])
    manager = sign_in(make_admin("it@example.org", domains=["example.org"]))
    assert "Take away…" in text(manager.get(reverse("mailbox", args=[joe.pk])))

    manager.post(reverse("mailbox-factor", args=[joe.pk]))

    assert Passkey.objects.count() == 0
    assert user.get(reverse("account")).status_code == 302

"""The pages of one's own second factor, for administrators and mailbox users alike, and the reset by somebody else."""

from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import reverse

from accounts import factors, totp
from accounts.models import LogEntry, LoginAttempt, RecoveryCode
from panel.transactions import Unavailable
from tests.codes import NOW, code
from tests.pages.own_factor import BACKENDS, fresh, offered, set_up
from tests.pages.reading import error_codes, text

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


def shown_codes(page):
    return page.context["codes"]


def test_it_is_set_up_with_the_password_and_a_right_code(sign_in, account, password):
    client = sign_in(account)
    page = client.get(reverse("own-factor-setup"))
    assert 'src="data:image/svg+xml' in page.text
    assert page.context["secret"] in text(page)

    answer, secret = set_up(client, password)

    assert answer.status_code == 200
    assert totp.decrypted(fresh(account).totp_secret) == secret
    codes = shown_codes(answer)
    assert len(codes) == 10
    assert all(one in text(answer) for one in codes)
    assert all(one in unquote(answer.text) for one in codes)
    assert "Other sessions are signed out." in answer.text
    again = client.get(reverse("own-factor"))
    assert "Recovery codes left 10" in text(again)
    assert not [one for one in codes if one in again.text]
    assert "Other sessions are signed out." not in again.text


def test_other_sessions_end_and_this_one_has_a_new_key(sign_in, account, password):
    client, other = sign_in(account), Client()
    other.force_login(account, backend=BACKENDS[account.account_kind])
    before = client.session.session_key

    set_up(client, password)

    assert client.get(reverse("account")).status_code == 200
    assert client.session.session_key != before
    assert other.get(reverse("account")).status_code == 302


@pytest.mark.parametrize(
    ("field", "value", "wrong"),
    [
        ("old_password", "another", {"__all__": ["wrong_password"]}),
        ("code", "123456", {"code": ["not_shown"]}),
        ("code", "", {"code": ["required"]}),
        ("old_password", "", {"old_password": ["required"]}),
    ],
)
def test_nothing_is_on_without_password_and_code(field, value, wrong, sign_in, account, password):
    client = sign_in(account)

    answer, secret = set_up(client, password, **{field: value})

    assert answer.status_code == 422
    assert error_codes(answer) == wrong
    assert offered(answer)[1] == secret  # the same picture as in the app
    assert not fresh(account).totp_secret
    assert RecoveryCode.objects.count() == 0


def test_an_offer_of_an_hour_ago_is_replaced_on_the_page(sign_in, joe, password, clock):
    client = sign_in(joe)
    offer, secret = offered(client.get(reverse("own-factor-setup")))
    stale = {"offer": offer, "old_password": password, "code": code(secret)}
    clock(NOW + 3_700)

    answer = client.post(reverse("own-factor-setup"), stale)

    assert answer.status_code == 422
    assert error_codes(answer) == {"__all__": ["too_old"]}
    assert offered(answer)[1] != secret
    assert totp.offered(joe, offered(answer)[0]) is not None


def test_the_offer_to_somebody_else_sets_nothing_up(sign_in, joe, add_mailbox, password):
    theirs = totp.offer(add_mailbox("ann@example.org"), "JBSWY3DPEHPK3PXP")

    answer, _secret = set_up(sign_in(joe), password, offer=theirs, code=code("JBSWY3DPEHPK3PXP"))

    assert answer.status_code == 422
    assert not fresh(joe).totp_secret


def test_two_clicks_set_it_up_once_and_show_the_same_codes(sign_in, joe, password):
    client = Client(enforce_csrf_checks=True)
    client.force_login(joe, backend=BACKENDS["mailbox"])
    page = client.get(reverse("own-factor-setup"))
    offer, secret = offered(page)
    token = page.context["csrf_token"]
    fields = {"offer": offer, "old_password": password, "code": code(secret)}
    fields["csrfmiddlewaretoken"] = str(token)
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}

    first = client.post(reverse("own-factor-setup"), fields)
    client.cookies.load(cookies)
    second = client.post(reverse("own-factor-setup"), fields)

    assert (first.status_code, second.status_code) == (200, 200)
    assert shown_codes(first) == shown_codes(second)
    assert RecoveryCode.objects.count() == 10


@pytest.mark.parametrize("page", ["own-factor-off", "own-factor-codes", "own-factor-setup"])
@pytest.mark.parametrize("wrong", ["the password", "the code"])
def test_every_change_needs_the_password_and_a_code(page, wrong, sign_in, account, shows, password):
    secret = shows(account)
    client = sign_in(account)
    fields = {
        "old_password": "another" if wrong == "the password" else password,
        "code": "123456" if wrong == "the code" else code(secret),
        "current": "123456" if wrong == "the code" else code(secret),
        "offer": totp.offer(account, "JBSWY3DPEHPK3PXP"),
    }
    if page == "own-factor-setup":
        fields["code"] = code("JBSWY3DPEHPK3PXP")

    answer = client.post(reverse(page), fields)

    assert answer.status_code == 422
    assert totp.decrypted(fresh(account).totp_secret) == secret
    assert RecoveryCode.objects.count() == 0
    assert LoginAttempt.objects.count() > 0  # it is counted


def test_wrong_codes_on_these_pages_are_counted_with_those_at_signing_in(
    sign_in, joe, shows, password, settings
):
    settings.LOGIN_FAILURES = 2
    secret = shows(joe)
    client = sign_in(joe)
    wrong = {"old_password": password, "code": "123456"}

    statuses = [client.post(reverse("own-factor-off"), wrong).status_code for _try in range(2)]
    statuses.append(
        client.post(reverse("own-factor-off"), wrong | {"code": code(secret)}).status_code
    )

    assert statuses == [422, 422, 429]
    assert factors.is_on(fresh(joe))


def test_it_is_switched_off_with_both(sign_in, account, shows, password):
    secret = shows(account)
    client = sign_in(account)

    answer = client.post(
        reverse("own-factor-off"), {"old_password": password, "code": code(secret)}
    )

    assert answer.url == reverse("own-factor")
    assert fresh(account).totp_secret is None
    assert client.get(reverse("own-factor")).status_code == 200


def test_new_recovery_codes_are_shown_once(sign_in, account, shows, password):
    secret = shows(account)
    client = sign_in(account)
    offer = client.get(reverse("own-factor-codes")).context["form"]["offer"].value()

    answer = client.post(
        reverse("own-factor-codes"),
        {"offer": offer, "old_password": password, "code": code(secret)},
    )

    assert len(shown_codes(answer)) == 10
    assert factors.codes_left(fresh(account)) == 10
    factors.use(fresh(account), shown_codes(answer)[9])
    assert "Recovery codes left 9" in text(client.get(reverse("own-factor")))


def test_log_and_mail_say_from_which_address_it_was_done(
    sign_in, joe, password, mailoutbox, django_capture_on_commit_callbacks
):
    client = sign_in(joe)

    with django_capture_on_commit_callbacks(execute=True):
        answer, _secret = set_up(client, password)
        use = shown_codes(answer)[0]
        client.post(reverse("own-factor-off"), {"old_password": password, "code": use})

    told_of = LogEntry.objects.filter(action__in=["set_factor", "use_code", "end_factor"])
    assert set(told_of.values_list("username", flat=True)) == {"joe@example.org (127.0.0.1)"}
    assert len(mailoutbox) == 3
    assert all("from the network address 127.0.0.1." in mail.body for mail in mailoutbox)


def test_without_one_the_pages_about_it_lead_to_its_page(sign_in, account):
    client = sign_in(account)

    for name in ("own-factor-off", "own-factor-codes"):
        assert client.get(reverse(name)).url == reverse("own-factor")


@pytest.mark.parametrize("name", ["own-factor-setup", "own-factor-off", "own-factor-codes"])
def test_while_the_database_takes_no_changes_the_form_is_kept(
    name, sign_in, joe, shows, password, monkeypatch
):
    secret = shows(joe)
    client = sign_in(joe)

    def unavailable(*_args, **_kwargs):
        raise Unavailable("read_only")

    monkeypatch.setattr("panel.once._done", unavailable)
    fields = {"offer": totp.offer(joe, "JBSWY3DPEHPK3PXP"), "old_password": password}
    answer = client.post(reverse(name), fields | {"code": code(secret), "current": code(secret, 1)})

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "The database takes no changes now." in text(answer)
    assert factors.is_on(fresh(joe))


def test_a_wrong_code_that_cannot_be_counted_keeps_the_form(
    sign_in, account, shows, password, monkeypatch
):
    client = sign_in(account)
    shows(account)
    client = sign_in(fresh(account))

    def unavailable(*_args):
        raise Unavailable("read_only")

    monkeypatch.setattr("accounts.throttle.record_failure", unavailable)
    page = client.post(reverse("own-factor-off"), {"old_password": password, "code": "123456"})

    assert page.status_code == 503
    assert page.context["form"]["code"].value() == "123456"


def test_the_pages_say_what_it_does_not_protect(sign_in, joe):
    page = text(sign_in(joe).get(reverse("own-factor")))

    assert "Mail programs and webmail go on asking for the password only" in page

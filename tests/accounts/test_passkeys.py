"""Passkeys: what a device answers counts once, here, for what was asked, and for its owner."""

import secrets
import time
from datetime import date

import pyotp
import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from accounts import challenges, factors, passkey_requests, passkeys, totp
from accounts.models import LogEntry, LoginAttempt, Passkey, RecoveryCode
from accounts.services import delete_admin, update_admin
from mailboxes.models import Mailbox
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox
from tests.authenticator import Device, encoded
from tests.refusals import refused

BROWSER = "a session and a CSRF cookie"


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


def fresh(account):
    row = type(account).objects.get(pk=account.pk)
    row.challenges_of = BROWSER
    return row


def added(account, device=None, *, code="", name="Phone", **wrong):
    """Add a passkey and return its device."""
    device, account = device or Device(), fresh(account)
    handle = account.passkey_handle or secrets.token_hex(64)
    passkeys.add(
        account=account,
        offer=totp.offer(account, handle),
        answer=device.add(passkey_requests.adding(account, handle), **wrong),
        name=name,
        code=code,
    )
    return device


def shown(account, device, **wrong):
    account = fresh(account)
    return device.show(passkey_requests.showing(account), **wrong)


def signs_in(device, *, browser=BROWSER, **wrong):
    return passkeys.signed_in(
        device.show(passkey_requests.signing_in(BROWSER), **wrong), browser, "192.0.2.7"
    )


@pytest.fixture(params=["admin", "mailbox"])
def account(request, example_org, add_mailbox, make_admin):
    if request.param == "admin":
        return make_admin("joe@example.org", domains=["example.org"])
    return add_mailbox("joe@example.org")


# --- Adding


def test_the_first_one_is_a_second_factor_with_recovery_codes(account):
    device = added(account)

    assert factors.is_on(fresh(account))
    assert factors.codes_left(fresh(account)) == 10
    row = Passkey.objects.get()
    assert (row.credential, row.name, row.last_used) == (device.id, "Phone", None)
    assert device.handle == bytes.fromhex(fresh(account).passkey_handle)
    assert len(device.handle) == 64


def test_the_second_one_needs_a_code_or_the_first_and_makes_no_codes(joe):
    first = added(joe)
    codes = set(RecoveryCode.objects.values_list("digest", flat=True))

    with refused("wrong_code", field="code"):
        added(joe, code="123456")
    second = added(joe, code=shown(joe, first))

    assert second.handle == first.handle
    assert Passkey.objects.count() == 2
    assert set(RecoveryCode.objects.values_list("digest", flat=True)) == codes


def test_where_an_app_is_the_first_factor_a_passkey_needs_its_code(joe, shows, clock):
    shows(joe)

    with refused("wrong_code", field="code"):
        added(joe)

    assert Passkey.objects.count() == 0


@pytest.mark.parametrize(
    "wrong", [{"origin": "https://evil.example"}, {"site": "evil.example"}], ids=["origin", "site"]
)
def test_an_answer_to_another_site_adds_nothing(wrong, joe):
    with refused("no_passkey"):
        added(joe, **wrong)

    assert not factors.is_on(fresh(joe))
    assert Passkey.objects.count() == 0


@pytest.mark.parametrize("answer", ["", "{}", "[]", "x", "[" * 15_000, '{"id": 1}', "\0"])
def test_what_is_no_answer_adds_nothing(answer, joe):
    account = fresh(joe)

    with refused("no_passkey"):
        passkeys.add(account=account, offer=totp.offer(account, "aa" * 64), answer=answer, name="x")


def test_an_answer_to_what_another_browser_or_account_was_asked_adds_nothing(joe, add_mailbox):
    ann, account = fresh(add_mailbox("ann@example.org")), fresh(joe)
    elsewhere = fresh(joe)
    elsewhere.challenges_of = "another session"

    for asked in (ann, elsewhere):
        answer = Device().add(passkey_requests.adding(asked, "aa" * 64))
        with refused("no_passkey"):
            passkeys.add(
                account=account, offer=totp.offer(account, "aa" * 64), answer=answer, name="x"
            )


def test_a_credential_is_of_one_account_alone(joe, add_mailbox):
    device = added(joe)

    with refused("no_passkey"):
        added(add_mailbox("ann@example.org"), device)

    assert Passkey.objects.get().username == "joe@example.org"


def test_the_id_of_a_credential_may_be_as_long_as_the_standard_allows(joe):
    long, other = Device(), Device()
    long.credential = b"x" * 1_023
    other.credential = b"x" * 1_022 + b"y"
    added(joe, long)
    added(joe, other, code=shown(joe, long))

    assert signs_in(long) == joe
    with pytest.raises(IntegrityError):
        Passkey.objects.create(digest=Passkey.objects.first().digest, name="x")


def test_ids_that_differ_in_capitals_alone_are_two(joe):
    small, capital = Device(), Device()
    small.credential, capital.credential = (bytes.fromhex(one * 12) for one in ("69b71d", "01bb7f"))
    added(joe, small)
    added(joe, capital, code=shown(joe, small))

    assert encoded(small.credential).lower() != encoded(capital.credential)
    assert Passkey.objects.count() == 2


def test_an_account_has_twenty_at_most(joe, monkeypatch):
    monkeypatch.setattr("accounts.passkeys.MOST", 1)
    device = added(joe)

    with refused("too_many"):
        added(joe, code=shown(joe, device))


def test_a_name_is_asked_for(joe):
    with refused("required", field="name"):
        added(joe, name="  ")


def test_a_page_from_before_the_first_passkey_adds_no_second_of_another_handle(joe):
    account, other = fresh(joe), Device()
    offer = totp.offer(account, "aa" * 64)
    answer = other.add(passkey_requests.adding(account, "aa" * 64))
    added(joe)

    with refused("too_old"):
        passkeys.add(account=account, offer=offer, answer=answer, name="x", code="")


# --- As second factor


def test_it_is_taken_in_place_of_a_code(account):
    device = added(account)

    factors.use(fresh(account), shown(account, device))

    assert Passkey.objects.get().last_used is not None
    assert Passkey.objects.get().sign_count == device.uses == 2


@pytest.mark.parametrize("counts", [True, False])
def test_an_answer_counts_once(counts, account):
    device = added(account, Device(counts=counts))
    answer = shown(account, device)
    factors.use(fresh(account), answer)

    with refused("wrong_code"):
        factors.use(fresh(account), answer)


def test_an_answer_to_an_older_challenge_than_the_last_one_is_too_late(joe):
    device = added(joe, Device(counts=False))
    older = shown(joe, device)
    factors.use(fresh(joe), shown(joe, device))

    with refused("wrong_code"):
        factors.use(fresh(joe), older)


def test_after_ten_minutes_a_challenge_is_gone(joe, monkeypatch):
    device, now = added(joe), time.time()
    answer = shown(joe, device)
    monkeypatch.setattr("accounts.challenges.time.time", lambda: now + 605)

    with refused("wrong_code"):
        factors.use(fresh(joe), answer)


@pytest.mark.parametrize(
    "wrong",
    [{"origin": "https://evil.example"}, {"site": "evil.example"}, {"handle": b"another"}],
    ids=["origin", "site", "handle"],
)
def test_an_answer_to_another_site_or_of_another_handle_is_refused(wrong, joe):
    device = added(joe)

    with refused("wrong_code"):
        factors.use(fresh(joe), shown(joe, device, **wrong))


def test_the_challenge_of_another_session_is_refused(joe):
    device = added(joe)
    answer = shown(joe, device)
    elsewhere = fresh(joe)
    elsewhere.challenges_of = "another session"

    with refused("wrong_code"):
        factors.use(elsewhere, answer)


def test_the_passkey_of_somebody_else_is_refused(joe, add_mailbox, make_admin):
    added(joe)

    for other in (add_mailbox("ann@example.org"), make_admin("joe@example.org")):
        device = added(other)
        with refused("wrong_code"):
            factors.use(fresh(joe), shown(joe, device))


def test_another_key_of_the_same_id_is_refused(joe):
    device, forged = added(joe), Device()
    forged.credential, forged.handle, forged.uses = device.credential, device.handle, 9

    with refused("wrong_code"):
        factors.use(fresh(joe), shown(joe, forged))


def test_a_passkey_nobody_has_is_refused(joe):
    added(joe)

    with refused("wrong_code"):
        factors.use(fresh(joe), shown(joe, Device(), handle=b"x"))


@pytest.mark.parametrize("text", ["{", "{}", '{"id": []}', "{" + "[" * 15_000])
def test_what_is_no_answer_is_refused(text, joe):
    added(joe)

    with refused("wrong_code"):
        factors.use(fresh(joe), text)


def test_as_second_factor_the_device_need_not_know_its_owner(joe):
    device = added(joe, Device(verifies=False))

    factors.use(fresh(joe), shown(joe, device))

    assert Passkey.objects.get().sign_count == 2


@pytest.mark.parametrize("back", [0, 1])
def test_a_counter_that_does_not_go_on_is_refused(back, joe):
    device = added(joe)
    factors.use(fresh(joe), shown(joe, device))
    device.uses -= 1 + back

    with refused("passkey_copied"):
        factors.use(fresh(joe), shown(joe, device))

    assert Passkey.objects.get().sign_count == 2


def test_a_counter_that_is_zero_each_time_is_taken(joe):
    device = added(joe, Device(counts=False))

    for _time in range(3):
        factors.use(fresh(joe), shown(joe, device))

    assert Passkey.objects.get().sign_count == 0


def test_recovery_codes_work_beside_a_passkey(joe):
    account = fresh(joe)
    offer = totp.offer(account, "aa" * 64)
    answer = Device().add(passkey_requests.adding(account, "aa" * 64))
    passkeys.add(account=account, offer=offer, answer=answer, name="x")

    factors.use(fresh(joe), totp.offered(account, offer)[1][0])

    assert factors.codes_left(fresh(joe)) == 9


# --- Instead of the password


def test_it_signs_in_alone(account):
    device = added(account)

    found = signs_in(device)

    assert (found, found.account_kind) == (account, account.account_kind)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"site": "evil.example"},
        {"handle": b"another"},
        {"browser": "another session"},
    ],
    ids=["origin", "site", "handle", "session"],
)
def test_nobody_is_signed_in_by_an_answer_for_elsewhere(wrong, joe):
    assert signs_in(added(joe), **wrong) is None


def test_the_device_must_know_its_owner(joe):
    assert signs_in(added(joe, Device(verifies=False))) is None


def test_a_device_that_does_not_say_whose_it_is_signs_nobody_in(joe):
    device = added(joe)
    device.handle = b""

    assert signs_in(device) is None


@pytest.mark.parametrize("counts", [True, False])
def test_an_answer_signs_in_once(counts, joe):
    device = added(joe, Device(counts=counts))
    answer = device.show(passkey_requests.signing_in(BROWSER))

    found = [passkeys.signed_in(answer, BROWSER, "192.0.2.7") for _time in range(2)]

    assert found == [joe, None]
    assert not LogEntry.objects.filter(action="passkey_copied").exists()


def test_what_was_asked_as_second_factor_signs_nobody_in_and_the_other_way_round(joe):
    device = added(joe)

    assert passkeys.signed_in(shown(joe, device), BROWSER, "192.0.2.7") is None
    with refused("wrong_code"):
        factors.use(fresh(joe), device.show(passkey_requests.signing_in(BROWSER)))


def test_an_account_that_is_off_or_whose_domain_is_off_signs_in_no_more(account, example_org):
    device = added(account)
    type(account).objects.update(active=False)
    assert signs_in(device) is None

    type(account).objects.update(active=True)
    example_org.active = False
    example_org.save(update_fields=["active"])

    assert (signs_in(device) is None) == account.is_mailbox_user


def test_a_removed_passkey_an_unknown_and_a_deleted_account_s_sign_nobody_in(joe):
    first = added(joe)
    second = added(joe, code=shown(joe, first))
    passkeys.remove(account=fresh(joe), passkey=Passkey.objects.last(), code=shown(joe, first))

    stranger = Device()
    stranger.handle = b"x"
    assert [signs_in(second), signs_in(stranger)] == [None, None]
    delete_mailbox(actor=None, mailbox=joe)
    assert signs_in(first) is None


def test_another_account_of_the_same_name_has_none_of_its_codes_and_passkeys(joe):
    """Another program deleted the mailbox, and made one of the same name."""
    device = added(joe)
    Mailbox.objects.filter(pk=joe.pk).update(passkey_handle="")
    former = set(RecoveryCode.objects.values_list("digest", flat=True))

    assert '"excludeCredentials": []' in passkey_requests.adding(fresh(joe), 128 * "a")
    added(joe, device)

    assert not former & set(RecoveryCode.objects.values_list("digest", flat=True))
    assert factors.codes_left(fresh(joe)) == 10


def test_another_account_of_the_same_name_has_none_of_its_passkeys(joe):
    device = added(joe)
    Mailbox.objects.update(passkey_handle="")  # another program deleted it, and made a new one

    assert not factors.is_on(fresh(joe))
    assert signs_in(device) is None
    added(joe)
    assert Passkey.objects.count() == 1


def test_refused_ones_are_counted_and_close_the_name_to_the_network(joe, settings, caplog):
    settings.LOGIN_FAILURES = 2
    device = added(joe)
    for _time in range(2):
        assert signs_in(device, handle=b"another") is None

    with refused("throttled"):
        signs_in(device)

    assert LoginAttempt.objects.filter(source="192.0.2.7 joe@example.org").count() == 1
    assert "login failed for 'joe@example.org' from 192.0.2.7" in caplog.messages


def test_a_copy_is_logged_and_told_once_a_day(joe, mailoutbox, django_capture_on_commit_callbacks):
    device = added(joe)
    assert signs_in(device) == joe
    with django_capture_on_commit_callbacks(execute=True):
        for _time in range(2):
            device.uses = 1
            assert signs_in(device) is None

    assert LogEntry.objects.filter(action="passkey_copied", data="joe@example.org").count() == 1
    assert [mail.subject for mail in mailoutbox] == ["A passkey of joe@example.org was refused"]


# --- Renaming, removing, taking away


def test_the_last_one_takes_the_recovery_codes_with_it(account):
    device = added(account)

    with refused("wrong_code", field="code"):
        passkeys.remove(account=fresh(account), passkey=Passkey.objects.get(), code="123456")
    passkeys.remove(
        account=fresh(account), passkey=Passkey.objects.get(), code=shown(account, device)
    )

    assert not factors.is_on(fresh(account))
    assert (Passkey.objects.count(), RecoveryCode.objects.count()) == (0, 0)
    assert fresh(account).passkey_handle == ""


def test_a_passkey_of_another_is_not_removed(joe, add_mailbox):
    device = added(joe)
    added(add_mailbox("ann@example.org"))
    theirs = Passkey.objects.get(username="ann@example.org")

    with refused("no_passkey"):
        passkeys.remove(account=fresh(joe), passkey=theirs, code=shown(joe, device))

    assert Passkey.objects.count() == 2


def test_without_the_app_the_passkeys_stay_and_without_passkeys_the_app(joe, shows):
    device = added(joe, code=code_now(shows(joe)))
    factors.switch_off(account=fresh(joe), code=shown(joe, device))
    assert (fresh(joe).totp_secret, factors.is_on(fresh(joe))) == (None, True)

    other = shows(fresh(joe))
    passkeys.remove(account=fresh(joe), passkey=Passkey.objects.get(), code=code_now(other))
    assert (factors.is_on(fresh(joe)), fresh(joe).passkey_handle) == (True, "")


def test_where_there_is_no_app_none_is_taken_away(joe):
    device = added(joe)

    with refused("no_factor"):
        factors.switch_off(account=fresh(joe), code=shown(joe, device))

    assert factors.is_on(fresh(joe))


def test_a_change_locks_one_account_and_reads_no_other(joe):
    with CaptureQueriesContext(connection) as captured:
        factors.lock(joe)

    assert len(captured) == 1
    assert "WHERE" in captured[0]["sql"]


def test_a_reset_takes_passkeys_too(joe, make_admin):
    device = added(joe)

    factors.reset(actor=make_admin(superadmin=True), account=joe)

    assert not factors.is_on(fresh(joe))
    assert (Passkey.objects.count(), RecoveryCode.objects.count()) == (0, 0)
    assert signs_in(device) is None


def test_a_renamed_mailbox_keeps_its_passkeys(joe):
    device = added(joe)

    renamed = rename_mailbox(actor=None, mailbox=joe, local_part="joseph")

    assert signs_in(device) == renamed


def test_a_deleted_administrator_leaves_none(make_admin):
    make_admin(superadmin=True)
    admin = make_admin()
    added(admin)

    delete_admin(actor=None, admin=admin)

    assert Passkey.objects.count() == 0


def test_an_administrator_who_is_off_is_refused_as_with_the_password(make_admin):
    make_admin(superadmin=True)
    admin = make_admin()
    device = added(admin)

    update_admin(actor=None, admin=admin, active=False)

    assert signs_in(device) is None


def test_it_is_the_second_factor_that_a_role_must_have(joe, settings):
    settings.SECOND_FACTOR_FROM = settings.SECOND_FACTOR_FROM | {"mailbox": date(2001, 1, 1)}
    assert factors.is_missing(fresh(joe))

    added(joe)

    assert not factors.is_missing(fresh(joe))
    assert not factors.is_asked_to_set_up(fresh(joe), "192.0.2.7")


def test_every_change_is_in_the_log_and_told_by_mail(
    joe, mailoutbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        first = added(joe)
        added(joe, code=shown(joe, first), name="Blue key")
        row = Passkey.objects.get(name="Blue key")
        passkeys.rename(account=fresh(joe), passkey=row, name="Green key")
        passkeys.remove(account=fresh(joe), passkey=row, code=shown(joe, first))
        passkeys.remove(account=fresh(joe), passkey=Passkey.objects.get(), code=shown(joe, first))

    told = LogEntry.objects.filter(data="joe@example.org").exclude(action="create_mailbox")
    assert list(told.order_by("pk").values_list("action", flat=True)) == [
        *("add_passkey", "add_passkey", "edit_passkey", "remove_passkey", "remove_passkey")
    ]
    assert [mail.subject for mail in mailoutbox] == [
        "A passkey was added for joe@example.org",
        "A passkey was added for joe@example.org",
        "A passkey of joe@example.org was removed",
        "The second factor of joe@example.org is off",
    ]
    assert "“Green key”" in mailoutbox[2].body


# --- Where the panel is


@pytest.mark.parametrize(
    ("url", "hosts", "origin", "site"),
    [
        ("", ["mail.example.org", "other.example"], "http://mail.example.org", "mail.example.org"),
        ("", ["127.0.0.1", "[::1]", "localhost"], "http://localhost", "localhost"),
        ("", [".example.org"], "", ""),
        ("", ["192.0.2.7"], "", ""),
        ("https://Mail.example.org:8443/panel/", ["x"], "https://mail.example.org:8443", None),
        ("https://192.0.2.7/", ["x"], "https://192.0.2.7", ""),
    ],
)
def test_site_and_origin_are_settings_and_never_an_address(url, hosts, origin, site, settings):
    settings.PANEL_URL, settings.ALLOWED_HOSTS = url, hosts

    assert challenges.origin() == origin
    assert challenges.site() == ("mail.example.org" if site is None else site)


def code_now(secret):
    return pyotp.TOTP(secret).at(int(time.time()))

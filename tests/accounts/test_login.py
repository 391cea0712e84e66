from types import SimpleNamespace

import pytest
from django.contrib import auth

from accounts import passwords
from accounts.backends import AdminBackend, row_named
from accounts.models import Admin
from accounts.passwords import hash_password, verify_password
from domains.services import set_domain_active
from mailboxes.backends import MailboxBackend
from mailboxes.models import Mailbox


def authenticate(username, password):
    return auth.authenticate(None, username=username, password=password)


MD5_CRYPT = "$1$c9809462$9gHrd5apTpEkXg8RB0MrT."  # of the next line
OLD_PASSWORD = "grün-42 apple"


def test_an_administrator_and_a_mailbox_user_sign_in_by_the_same_door(
    make_admin, add_mailbox, example_org, password
):
    admin = make_admin("boss@example.org")
    mailbox = add_mailbox("info@example.org")

    assert authenticate("boss@example.org", password) == admin
    assert authenticate("info@example.org", password) == mailbox
    assert authenticate(" Info@Example.ORG ", password) == mailbox


def test_a_mailbox_password_never_opens_an_administrators_account(
    make_admin, add_mailbox, example_org
):
    admin = make_admin("both@example.org", password="the-admin's-password")
    mailbox = add_mailbox("both@example.org", password="the-mailbox-password")

    assert authenticate("both@example.org", "the-admin's-password") == admin
    assert authenticate("both@example.org", "the-mailbox-password") == mailbox
    assert type(authenticate("both@example.org", "the-mailbox-password")) is Mailbox
    assert authenticate("both@example.org", "another-password") is None


def test_nobody_signs_in_to_an_inactive_account(make_admin, add_mailbox, example_org, password):
    make_admin("boss@example.org", active=False)
    add_mailbox("info@example.org", active=False)

    assert authenticate("boss@example.org", password) is None
    assert authenticate("info@example.org", password) is None


def test_nobody_signs_in_to_a_mailbox_of_an_inactive_domain(add_mailbox, example_org, password):
    add_mailbox("info@example.org")
    set_domain_active(actor=None, domain=example_org, active=False)

    assert authenticate("info@example.org", password) is None


@pytest.mark.parametrize("text", ["", " ", "\0", "info", "@example.org", "info@example.org\0", "%"])
def test_a_name_that_is_none_finds_nobody(text, add_mailbox, example_org, password):
    add_mailbox("info@example.org")

    assert authenticate(text, password) is None


@pytest.mark.parametrize(
    "typed",
    [
        "ann@müller.example",
        " Ann@MÜLLER.example",
        "ann@mu\u0308ller.example",
        "ann@xn--mller-kva.example",
    ],
)
def test_an_international_name_opens_an_account_in_either_form(
    typed, make_admin, add_domain, add_mailbox, password
):
    add_domain("müller.example")
    mailbox = add_mailbox("ann@xn--mller-kva.example")
    assert authenticate(typed, password) == mailbox

    admin = make_admin("ann@müller.example")
    assert authenticate(typed, password) == admin


@pytest.mark.parametrize("typed", ["ann@müller.example", "ann@xn--mller-kva.example"])
def test_a_row_that_another_program_stored_in_unicode_opens_too(typed, db, password):
    Admin.objects.create(pk="ann@müller.example", password=hash_password(password))

    assert authenticate(typed, password).pk == "ann@müller.example"


def test_of_two_rows_that_read_alike_the_typed_one_opens(make_admin, password):
    make_admin("ann@müller.example")
    Admin.objects.create(pk="ann@müller.example", password=hash_password(password))

    for typed in ("ann@müller.example", "ann@xn--mller-kva.example"):
        assert authenticate(typed, password).pk == typed


def test_an_outdated_hash_is_replaced_at_the_first_login(add_mailbox, example_org):
    add_mailbox("info@example.org")
    Mailbox.objects.update(password=MD5_CRYPT)

    account = authenticate("info@example.org", OLD_PASSWORD)

    stored = Mailbox.objects.get().password
    assert stored.startswith("{SHA512-CRYPT}$6$")
    assert verify_password(OLD_PASSWORD, stored) == (True, None)
    assert account.password == stored  # or the new session would end at once
    assert authenticate("info@example.org", OLD_PASSWORD) == account
    assert Mailbox.objects.get().password == stored


@pytest.mark.parametrize(
    ("password", "name"), [(OLD_PASSWORD, "info@example.org"), ("another-password-1", None)]
)
def test_what_was_stored_during_a_login_counts(
    password, name, add_mailbox, example_org, monkeypatch
):
    add_mailbox("info@example.org")
    Mailbox.objects.update(password=MD5_CRYPT)
    stored = hash_password(password)  # by a second click on "Sign in", or a new password

    def verify(raw, seen, login):
        answer = verify_password(raw, seen, login)
        Mailbox.objects.update(password=stored)
        return answer

    monkeypatch.setattr("accounts.backends.verify_password", verify)
    account = authenticate("info@example.org", OLD_PASSWORD)

    assert getattr(account, "pk", None) == name
    assert getattr(account, "password", stored) == stored


def test_an_administrators_outdated_hash_is_replaced_too(make_admin):
    make_admin("boss@example.org")
    Admin.objects.update(password=MD5_CRYPT)

    authenticate("boss@example.org", OLD_PASSWORD)

    assert Admin.objects.get().password.startswith("{SHA512-CRYPT}$6$")


def test_a_wrong_password_replaces_nothing(add_mailbox, example_org):
    add_mailbox("info@example.org")
    Mailbox.objects.update(password=MD5_CRYPT)

    assert authenticate("info@example.org", "grün-42 apples") is None
    assert Mailbox.objects.get().password == MD5_CRYPT


def test_a_password_changed_meanwhile_is_not_overwritten(add_mailbox, example_org):
    add_mailbox("info@example.org")
    seen = row_named(MailboxBackend().rows(), "info@example.org")
    Mailbox.objects.update(password="{PLAIN}changed-by-another-program")

    MailboxBackend().store(seen, hash_password("the one before"))

    assert Mailbox.objects.get().password == "{PLAIN}changed-by-another-program"


@pytest.mark.parametrize(
    "change",
    [{"password": "{PLAIN}another-password"}, {"active": False}],
    ids=["password", "active"],
)
def test_a_session_ends_with_the_password_or_the_account(change, sign_in, add_mailbox, example_org):
    mailbox = add_mailbox("info@example.org")
    client = sign_in(mailbox)
    assert user_of(client) == mailbox

    Mailbox.objects.update(**change)

    assert user_of(client).is_anonymous is True


def test_a_session_ends_with_the_domain(sign_in, add_mailbox, example_org):
    client = sign_in(add_mailbox("info@example.org"))

    set_domain_active(actor=None, domain=example_org, active=False)

    assert user_of(client).is_anonymous is True


def user_of(client):
    return auth.get_user(SimpleNamespace(session=client.session))


def test_a_backend_knows_only_the_accounts_of_its_table(make_admin, add_mailbox, example_org):
    make_admin("boss@example.org")
    add_mailbox("info@example.org")

    assert AdminBackend().get_user("boss@example.org").pk == "boss@example.org"
    assert AdminBackend().get_user("info@example.org") is None
    assert MailboxBackend().get_user("boss@example.org") is None


@pytest.fixture
def verified(monkeypatch):
    costly = []
    verify = passwords._verify_crypt

    def counted(raw, bare):
        if not passwords.is_cheap(bare):
            costly.append(bare)
        return verify(raw, bare)

    monkeypatch.setattr(passwords, "_verify_crypt", counted)
    return costly


@pytest.mark.parametrize(
    "password", ["wrong-password", "", "nul\0inside", "x" * 600, "é" * 300, "\udc80half"]
)
@pytest.mark.parametrize(
    "name",
    [
        "nobody@example.org",
        "nobody@elsewhere.example",
        "",
        "boss@example.org",
        "info@example.org",
        "both@example.org",
        "off@example.org",
        "old@example.org",
        "broken@example.org",
    ],
)
def test_every_failure_costs_two_verifications_whoever_is_asked_for(
    name, password, make_admin, add_mailbox, example_org, verified
):
    make_admin("boss@example.org")
    make_admin("both@example.org")
    for local_part in ("info", "both", "off", "old", "broken"):
        add_mailbox(f"{local_part}@example.org", active=local_part != "off")
    Mailbox.objects.filter(pk="old@example.org").update(password=MD5_CRYPT)
    Mailbox.objects.filter(pk="broken@example.org").update(password="{ROT13}x")
    verified.clear()

    assert authenticate(name, password) is None

    assert len(verified) == 2

"""Whoever signs in to the mailbox of a domain's manager manages the domain: no operation lets somebody in who may less."""

import pytest

from accounts.models import Admin, PasswordLink, SignInLink
from accounts.passwords import verify_password
from accounts.services import update_admin
from mailboxes.models import Mailbox
from panel.rights import PASSWORDS
from panel.scoping import rights_of
from tests.api.scim import PATCH, Provider

JOE = "joe@example.org"
OPERATIONS = {
    "set_mailbox_password": ("POST", "/password", {"password": "tangerine-7-bicycle"}),
    "put_mailbox": ("PUT", "", {"password": "tangerine-7-bicycle"}),
    "patch_mailbox": ("PATCH", "", {"password": "tangerine-7-bicycle"}),
    "patch_other_address": ("PATCH", "", {"email_other": "help@elsewhere.test"}),
    "invite_mailbox_user": ("POST", "/invitation", {}),
    "reset_mailbox_factor": ("DELETE", "/second-factor", None),
    "make_mailbox_sign_in_link": ("POST", "/sign-in-link", None),
}
OF_PASSWORDS = {"set_mailbox_password", "invite_mailbox_user", "reset_mailbox_factor"}


@pytest.fixture(autouse=True)
def manager(example_org, add_mailbox, make_manager, shows, settings):
    settings.PANEL_URL = "https://panel.example.org/"
    shows(add_mailbox(JOE, password="quiet-otters-seven-8"))
    return make_manager(JOE, "it@firm.example")


def stored():
    rows = Mailbox.objects.values(), Admin.objects.values()
    return *map(list, rows), PasswordLink.objects.count(), SignInLink.objects.count()


def ask(program, name):
    method, path, body = OPERATIONS[name]
    return program.ask(method, f"/mailboxes/{JOE}{path}", body)


@pytest.mark.parametrize("name", OPERATIONS)
def test_who_sets_passwords_alone_is_refused(name, make_admin, make_token, program):
    helper = make_admin("help@example.org", domains=["example.org"])
    update_admin(actor=None, admin=helper, roles={"example.org": PASSWORDS})
    asked = program(make_token(Admin.objects.get(pk=helper.pk)))
    before = stored()

    answer = ask(asked, name)

    assert answer.status_code == (422 if name in OF_PASSWORDS else 403)
    assert stored() == before


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("who", ["domain admin", "superadmin"])
def test_a_token_with_some_rights_of_its_account_is_refused(
    who, name, make_admin, make_token, program
):
    account = make_admin(superadmin=who == "superadmin", domains=["example.org"])
    rights = rights_of(account) - {"log:read"}
    asked, before = program(make_token(account, rights=rights)), stored()

    answer = ask(asked, name)

    assert answer.status_code == 422
    assert "Its user manages example.org, and signs in with it." in answer.content.decode()
    assert stored() == before


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("who", ["domain admin", "superadmin"])
def test_a_token_with_all_of_them_is_not(who, name, make_admin, make_token, program):
    account = make_admin(superadmin=who == "superadmin", domains=["example.org"])

    answer = ask(program(make_token(account)), name)

    assert answer.status_code in {200, 204}


def test_what_does_not_let_somebody_in_goes_on(make_admin, make_token, program):
    account = make_admin(domains=["example.org"])
    asked = program(make_token(account, rights={"mailboxes:write", "mailboxes:password"}))

    assert asked.patch(f"/mailboxes/{JOE}", {"name": "Joe"}).status_code == 200


def test_the_mailboxs_own_token_manages_nothing(make_token, program):
    Mailbox.objects.update(totp_secret=None)  # or its code would be asked for
    asked = program(make_token(Mailbox.objects.get()))

    assert asked.get("/domains").status_code == 403
    assert asked.get("/administrators").status_code == 403


# --- Nor tells one whether a password is the right one


PASSWORD = "quiet-otters-seven-8"


@pytest.fixture
def guesses(make_admin, make_token, program):
    account = make_admin(domains=["example.org"])
    token = make_token(account, rights={"mailboxes:write", "mailboxes:password"})
    return program(token), Provider(token)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("password", [PASSWORD, "tangerine-7-bicycle"])
def test_a_guess_is_refused_be_it_right_or_wrong(password, method, guesses, monkeypatch):
    compared = []

    def compare(*args):
        compared.append(args)
        return verify_password(*args)

    monkeypatch.setattr("accounts.api.verify_password", compare)
    monkeypatch.setattr("accounts.passwords.verify_password", compare)
    before = stored()

    answer = guesses[0].ask(method, f"/mailboxes/{JOE}", {"password": password})

    assert answer.status_code == 422
    assert "Its user manages example.org, and signs in with it." in answer.content.decode()
    assert (compared, stored()) == ([], before)


@pytest.mark.parametrize("password", [PASSWORD, "tangerine-7-bicycle"])
def test_an_identity_provider_is_told_as_little(password, guesses):
    sent = {
        "schemas": [PATCH],
        "Operations": [{"op": "replace", "value": {"password": password}}],
    }
    before = stored()

    answer = guesses[1].ask("PATCH", f"/Users/{JOE}", sent)

    assert answer.status_code == 400
    assert "Its user manages example.org, and signs in with it." in answer.content.decode()
    assert stored() == before


def test_of_other_mailboxes_the_same_password_changes_nothing(guesses, add_mailbox):
    add_mailbox("ann@example.org", password=PASSWORD)
    before = stored()

    answer = guesses[0].ask("PATCH", "/mailboxes/ann@example.org", {"password": PASSWORD})

    assert answer.status_code == 200
    assert stored() == before


# --- The administrator itself


def test_it_has_no_other_address(make_admin, make_token, program):
    asked = program(make_token(make_admin("root@example.org", superadmin=True)))

    answer = asked.patch("/administrators/it@firm.example", {"email_other": "it@elsewhere.test"})

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/email_other"
    assert Admin.objects.get(pk="it@firm.example").email_other == ""


def test_one_that_another_program_stored_is_not_told(make_admin, make_token, program):
    Admin.objects.filter(pk="it@firm.example").update(email_other="it@elsewhere.test")
    asked = program(make_token(make_admin("root@example.org", superadmin=True)))

    told = asked.get("/administrators/it@firm.example").json()

    assert told["email_other"] == ""

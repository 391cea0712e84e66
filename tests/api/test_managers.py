"""Whoever signs in to the mailbox of a domain's manager manages the domain: no operation lets somebody in who may less."""

import pytest

from accounts.models import Admin, PasswordLink, SignInLink
from accounts.services import update_admin
from mailboxes.models import Mailbox
from panel.rights import PASSWORDS
from panel.scoping import rights_of

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

"""From the own mailbox to the pages of its domain and back: who may, what ends it, and what is not there meanwhile."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import factors, sessions
from accounts.factor_exceptions import add_exception
from accounts.models import Admin, DomainRole, FactorException, LogEntry, PanelSession
from accounts.services import update_admin
from domains.models import Domain, DomainAdmin
from domains.services import update_domain
from mailboxes.models import Mailbox
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox, set_mailbox_password, update_mailbox
from panel.rights import PASSWORDS
from tests.codes import code
from tests.pages.reading import text

pytestmark = pytest.mark.usefixtures("clock")
JOE, IT = "joe@example.org", "it@firm.example"
IP = "192.0.2.7"


@pytest.fixture
def joe(add_mailbox, example_org, other_net):
    return add_mailbox(JOE)


@pytest.fixture
def manager(joe, make_manager):
    return make_manager(JOE, IT)


@pytest.fixture
def signed_in(client, manager, password):
    """Signed in as the user of the mailbox, by the pages."""
    client.post(reverse("login"), {"username": JOE, "password": password})
    return client


@pytest.fixture
def managing(signed_in):
    response = signed_in.post(reverse("own-manage"))
    assert response.url == reverse("dashboard")
    return signed_in


def is_open(client):
    return client.get(reverse("mailbox-list")).status_code == 200


def who(client):
    user = client.get(reverse("session-left")).wsgi_request.user
    return (user.account_kind, user.pk) if user.is_authenticated else None


# --- The way there


def test_the_own_page_offers_it(signed_in):
    page = signed_in.get(reverse("account"))

    assert "Manage example.org" in text(page)
    assert f'action="{reverse("own-manage")}"' in page.text


@pytest.mark.parametrize("state", ["none", "off", "another domain", "taken away"])
def test_it_is_offered_to_nobody_else(state, client, joe, make_manager, password):
    if state != "none":
        make_manager(JOE, IT)
    if state == "off":
        update_admin(actor=None, admin=Admin.objects.get(), active=False)
    if state == "another domain":
        rename_mailbox(
            actor=None, mailbox=joe, local_part="joe", domain=Domain.objects.get(pk="other.net")
        )
    if state == "taken away":  # as PostfixAdmin does
        DomainAdmin.objects.all().delete()
    name = Mailbox.objects.get().pk
    client.post(reverse("login"), {"username": name, "password": password})

    assert "own-manage" not in client.get(reverse("account")).text
    assert client.post(reverse("own-manage")).status_code == 404
    assert client.get(reverse("own-manage-code")).status_code == 404
    assert who(client) == ("mailbox", name)


def test_a_button_goes_on_as_the_administrator(signed_in):
    mailboxes_key = signed_in.session.session_key

    response = signed_in.post(reverse("own-manage"))

    assert response.url == reverse("dashboard")
    assert who(signed_in) == ("admin", IT)
    assert signed_in.session.session_key != mailboxes_key
    assert set(PanelSession.objects.values_list("kind", "username")) == {("admin", IT), ("", "")}
    assert is_open(signed_in)
    entries = LogEntry.objects.filter(action="login").order_by("pk")
    assert [(entry.actor, entry.domain) for entry in entries] == [(JOE, "example.org"), (IT, "")]


def test_no_password_is_written(signed_in):
    before = Admin.objects.get().password, Mailbox.objects.get().password

    signed_in.post(reverse("own-manage"))
    signed_in.post(reverse("own-mailbox"))

    assert (Admin.objects.get().password, Mailbox.objects.get().password) == before


@pytest.mark.parametrize("name", ["own-manage", "own-mailbox"])
def test_the_buttons_pages_are_not_looked_at(name, signed_in):
    if name == "own-mailbox":
        signed_in.post(reverse("own-manage"))

    assert signed_in.get(reverse(name)).status_code == 405


def test_another_mailbox_user_has_no_such_page(manager, add_mailbox, sign_in):
    client = sign_in(add_mailbox("ann@example.org"))

    assert client.post(reverse("own-manage")).status_code == 404
    assert client.get(reverse("own-manage")).status_code == 404
    assert client.post(reverse("own-manage-code"), {"code": "123456"}).status_code == 404


def test_nor_has_an_administrator(admin):
    for name in ("own-manage", "own-manage-code", "own-mailbox"):
        assert admin.post(reverse(name)).status_code == 404


def test_nor_has_a_stranger(client, manager):
    for name in ("own-manage", "own-manage-code", "own-mailbox"):
        assert client.post(reverse(name)).url.startswith(reverse("login"))


def test_the_second_of_two_clicks_gets_the_same_answer(signed_in):
    page = signed_in.get(reverse("account")).text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    key = signed_in.cookies["mailadmin_session"].value
    answers = []
    for _click in range(2):
        signed_in.cookies["mailadmin_session"] = key
        answers.append(signed_in.post(reverse("own-manage"), {"csrfmiddlewaretoken": token}).url)

    assert answers == [reverse("dashboard")] * 2
    assert who(signed_in) == ("admin", IT)


def test_the_session_ends_when_that_of_the_mailbox_would_have_ended(signed_in):
    session = signed_in.session
    session["begun"] -= 1000
    session.save()
    begun = session["begun"]

    signed_in.post(reverse("own-manage"))
    assert signed_in.session["begun"] == begun

    signed_in.post(reverse("own-mailbox"))
    assert signed_in.session["begun"] == begun


# --- The way back


def test_the_account_menu_leads_back(managing):
    page = managing.get(reverse("domain", args=["example.org"]))
    assert f'formaction="{reverse("own-mailbox")}">Your mailbox<' in page.text

    response = managing.post(reverse("own-mailbox"))

    assert response.url == reverse("account")
    assert who(managing) == ("mailbox", JOE)
    assert "own-mailbox" not in managing.get(reverse("account")).text
    assert not is_open(managing)


def test_other_administrators_have_no_such_button(admin):
    page = admin.get(reverse("domain", args=["example.org"]))

    assert page.status_code == 200
    assert reverse("own-mailbox") not in page.text


def test_signing_out_ends_both(managing):
    managing.post(reverse("logout"))

    assert who(managing) is None
    assert PanelSession.objects.exclude(kind="").count() == 0


def test_either_list_of_sessions_has_both_and_ends_both(managing, password):
    other = Client()
    other.post(reverse("login"), {"username": JOE, "password": password})
    for client in (managing, other):
        page = client.get(reverse("own-sessions"))
        assert len(page.context["sessions"]) == 2

    other.post(reverse("own-sessions"), {"others": "1"})

    assert who(managing) is None
    assert who(other) == ("mailbox", JOE)

    other.post(reverse("own-manage"))
    managing.post(reverse("login"), {"username": JOE, "password": password})
    other.post(reverse("own-sessions"), {"others": "1"})

    assert who(managing) is None
    assert who(other) == ("admin", IT)


# --- What ends it


def change(**fields):
    update_mailbox(
        actor=None, mailbox=Mailbox.objects.select_related("domain").get(pk=JOE), **fields
    )


def other_domain():
    box = Mailbox.objects.get(pk=JOE)
    domain = Domain.objects.get(pk="other.net")
    rename_mailbox(actor=None, mailbox=box, local_part="joe", domain=domain)


ENDS = {
    "the mailbox is off": lambda: change(active=False),
    "nobody signs in to it": lambda: change(sign_in_active=False),
    "the domain is off": lambda: Domain.objects.filter(pk="example.org").update(active=False),
    "another password": lambda: set_mailbox_password(
        actor=None, mailbox=Mailbox.objects.get(), password="tangerine-9-bicycle"
    ),
    "the password must be another one": lambda: change(must_change=True),
    "its lifetime is over": lambda: (
        Domain.objects.filter(pk="example.org").update(password_expiry=30),
        Mailbox.objects.update(password_expiry=timezone.now() - timedelta(days=1)),
    ),
    "a second factor": lambda: Mailbox.objects.update(totp_secret="a secret"),
    "a passkey": lambda: Mailbox.objects.update(passkey_handle="ab"),
    "the mailbox is deleted": lambda: delete_mailbox(actor=None, mailbox=Mailbox.objects.get()),
    "it is deleted by another program": lambda: Mailbox.objects.all().delete(),
    "it has another name": lambda: rename_mailbox(
        actor=None, mailbox=Mailbox.objects.get(), local_part="joseph"
    ),
    "it is in another domain": other_domain,
    "the administrator is off": lambda: update_admin(
        actor=None, admin=Admin.objects.get(pk=IT), active=False
    ),
    "the domain is taken away": lambda: DomainAdmin.objects.all().delete(),
    "it is another administrator": lambda: Admin.objects.filter(pk=IT).update(password="another"),
    "it is that of another mailbox": lambda: Admin.objects.filter(pk=IT).update(
        mailbox="ann@example.org"
    ),
}


@pytest.mark.parametrize("event", ENDS)
def test_it_ends_with_what_the_mailbox_could_sign_in_with(event, managing, make_admin):
    make_admin(superadmin=True)
    assert is_open(managing)

    ENDS[event]()

    assert managing.get(reverse("mailbox-list")).url.startswith(reverse("login"))
    assert who(managing) is None


def domain_off():
    update_domain(actor=None, domain=Domain.objects.get(pk="example.org"), active=False)
    update_domain(actor=None, domain=Domain.objects.get(pk="example.org"), active=True)


@pytest.mark.parametrize(
    "there_and_back",
    [
        lambda: (change(active=False), change(active=True)),
        domain_off,
        lambda: [
            rename_mailbox(
                actor=None, mailbox=Mailbox.objects.get(), local_part=name, keep_alias=False
            )
            for name in ("joseph", "joe")
        ],
    ],
    ids=["the mailbox is off", "the domain is off", "it has another name"],
)
def test_it_has_ended_though_the_mailbox_may_sign_in_again(there_and_back, managing):
    there_and_back()

    assert who(managing) is None


def test_once_refused_it_is_over(managing):
    Mailbox.objects.update(active=False)  # by another program
    assert who(managing) is None

    Mailbox.objects.update(active=True)

    assert who(managing) is None


def test_a_session_of_the_manager_ends_with_a_new_factor_of_the_mailbox(managing, password, clock):
    other = Client()
    other.post(reverse("login"), {"username": JOE, "password": password})
    request = other.get(reverse("session-left")).wsgi_request
    request.user.backend = "mailboxes.backends.MailboxBackend"

    sessions.end_others(request, request.user)

    assert not PanelSession.objects.filter(kind="admin").exists()


def test_the_own_mailboxes_page_has_nothing_that_asks_for_no_password(managing, add_mailbox):
    add_mailbox("ann@example.org")

    def offered(address):
        page = managing.get(reverse("mailbox", args=[address])).text
        return [name in page for name in ("/password/", "/invite/")]

    assert offered("ann@example.org") == [True, True]
    assert offered(JOE) == [False, False]
    form = {"password": "tangerine-9-bicycle", "how": "password"}
    answer = managing.post(reverse("mailbox-password", args=[JOE]), form)
    assert "Go to your mailbox" in text(answer)


def test_a_second_factor_that_is_taken_away_ends_it(client, manager, joe, shows, password):
    secret = shows(joe)
    client.post(reverse("login"), {"username": JOE, "password": password})
    client.post(reverse("second-step"), {"code": code(secret)})
    client.post(reverse("own-manage"))
    assert is_open(client)

    factors.reset(actor=None, account=Mailbox.objects.get())

    assert who(client) is None


def test_a_session_that_no_mailbox_began_is_nobodys(client, manager):
    client.force_login(manager, backend="accounts.backends.AdminBackend")

    assert who(client) is None


@pytest.mark.parametrize(
    "mark", [None, [], ["", ""], [JOE, ""], [JOE, "x"], ["ann@example.org", "x"]]
)
def test_nor_is_one_with_another_mark(mark, managing):
    session = managing.session
    session[sessions.BY_MAILBOX] = mark
    session.save()

    assert who(managing) is None


def test_the_mailbox_is_read_each_time(managing, make_admin, password, django_assert_num_queries):
    url = reverse("session-left")
    with django_assert_num_queries(3):  # the session, the domains and the mailbox
        managing.get(url)

    make_admin("ann@example.org", domains=["example.org"])
    other = Client()
    other.post(reverse("login"), {"username": "ann@example.org", "password": password})
    with django_assert_num_queries(1):
        other.get(url)


# --- Administrators' rules


@pytest.fixture
def required(settings):
    settings.SECOND_FACTOR_FROM = {
        "superadmin": None,
        "admin": timezone.localdate(),
        "mailbox": None,
    }


def test_who_must_have_a_second_factor_sets_one_up_for_the_mailbox_first(required, signed_in):
    response = signed_in.post(reverse("own-manage"))

    assert (
        response.url
        == f"{reverse('own-factor-setup')}?next={reverse('account').replace('/', '%2F')}"
    )
    page = signed_in.get(response.url)
    assert "Whoever manages a domain here needs a second factor." in text(page)
    assert who(signed_in) == ("mailbox", JOE)


def test_who_has_one_goes_on(required, client, manager, joe, shows, password):
    secret = shows(joe)
    client.post(reverse("login"), {"username": JOE, "password": password})
    client.post(reverse("second-step"), {"code": code(secret)})

    client.post(reverse("own-manage"))

    assert is_open(client)


def test_from_the_day_on_a_session_without_one_ends(settings, managing):
    settings.SECOND_FACTOR_FROM = {
        "superadmin": None,
        "admin": timezone.localdate(),
        "mailbox": None,
    }

    assert managing.get(reverse("mailbox-list")).url.startswith(reverse("login"))
    assert who(managing) is None


@pytest.fixture
def spared(client, manager, joe, shows, password):
    """Signed in without a code, for this address is an exception for the mailbox."""
    secret = shows(joe)
    add_exception(actor=None, network="127.0.0.1", whose=JOE)
    client.post(reverse("login"), {"username": JOE, "password": password})
    assert who(client) == ("mailbox", JOE)
    return client, secret


def test_an_exception_of_the_mailbox_is_none_for_the_administrator(spared):
    client, _secret = spared

    response = client.post(reverse("own-manage"))

    assert response.url == reverse("own-manage-code")
    assert who(client) == ("mailbox", JOE)
    assert client.get(response.url).status_code == 200


def test_with_a_code_it_goes_on(spared):
    client, secret = spared

    response = client.post(reverse("own-manage-code"), {"code": code(secret)})

    assert response.url == reverse("dashboard")
    assert is_open(client)
    assert sessions.SPARED_AT not in client.session


def test_a_wrong_code_is_counted(spared):
    client, _secret = spared

    response = client.post(reverse("own-manage-code"), {"code": "000000"})

    assert response.status_code == 422
    assert who(client) == ("mailbox", JOE)
    assert LogEntry.objects.filter(action="code_failed", domain="example.org").count() == 1


def test_after_too_many_none_is_taken(spared, settings):
    client, secret = spared
    for _try in range(settings.LOGIN_FAILURES):
        client.post(reverse("own-manage-code"), {"code": "000000"})

    response = client.post(reverse("own-manage-code"), {"code": code(secret)})

    assert response.status_code == 429
    assert who(client) == ("mailbox", JOE)


def test_a_code_is_taken_once(spared):
    client, secret = spared
    factors.use(Mailbox.objects.get(), code(secret))

    assert client.post(reverse("own-manage-code"), {"code": code(secret)}).status_code == 422


def test_a_superadmins_exception_is_for_the_administrator_too(spared):
    client, _secret = spared
    FactorException.objects.create(ip="127.0.0.1", username=IT, for_admin=True)

    client.post(reverse("own-manage"))

    assert is_open(client)
    assert client.session[sessions.SPARED_AT] == "127.0.0.1"

    FactorException.objects.filter(username=IT).delete()

    assert not is_open(client)


def test_whoever_was_spared_as_administrator_alone_is_asked_on_the_way_back(spared):
    client, secret = spared
    FactorException.objects.create(ip="127.0.0.1", username=IT, for_admin=True)
    client.post(reverse("own-manage"))
    FactorException.objects.filter(username=JOE).delete()

    session = client.session
    session["begun"] -= 1000
    session.save()
    begun = session["begun"]

    response = client.post(reverse("own-mailbox"))

    assert response.url == reverse("second-step")
    assert who(client) is None
    client.post(reverse("second-step"), {"code": code(secret)})
    assert who(client) == ("mailbox", JOE)
    assert client.session["begun"] == begun
    assert sessions.BEGUN_BEFORE not in client.session


@pytest.fixture
def by_provider(settings):
    settings.OIDC_ISSUER, settings.OIDC_NAME = "https://id.example", "Example"
    settings.OIDC_ROLES = ["administrators", "users"]
    settings.OIDC_ONLY = ["administrators"]


def test_a_password_does_not_open_administrators_where_it_must_not(by_provider, signed_in):
    response = signed_in.post(reverse("own-manage"))

    assert response.url == reverse("account")
    assert "Sign in with Example." in text(signed_in.get(response.url))
    assert who(signed_in) == ("mailbox", JOE)


@pytest.mark.parametrize(
    ("mark", "roles", "opens"),
    [
        (sessions.BY_PROVIDER, ["administrators", "users"], True),
        (sessions.BY_PROVIDER, ["users"], False),
        (sessions.REMOTE_USER, ["administrators", "users"], True),
        (sessions.REMOTE_USER, ["users"], False),
    ],
)
def test_who_came_another_way_goes_on_if_administrators_come_that_way(
    mark, roles, opens, by_provider, signed_in, settings
):
    session = signed_in.session
    session[mark] = JOE
    session.save()
    settings.OIDC_ROLES = settings.REMOTE_USER_ROLES = roles

    signed_in.post(reverse("own-manage"))

    assert who(signed_in) == (("admin", IT) if opens else ("mailbox", JOE))
    assert mark in signed_in.session


# --- What is not there


HIDDEN = {
    "own-password": {},
    "own-address": {},
    "own-factor": {},
    "own-factor-setup": {},
    "own-factor-codes": {},
    "own-factor-off": {},
    "own-passkey-add": {},
    "own-passkey": {"key": "1"},
    "own-passkey-remove": {"key": "1"},
    "own-tokens": {},
    "own-token-new": {},
    "own-webhooks": {},
    "own-webhook-new": {},
    "own-webhook": {"key": "1"},
    "own-webhook-edit": {"key": "1"},
    "password-due": {},
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_about_a_sign_in_of_its_own_is_not_there(name, managing):
    url = reverse(name, kwargs=HIDDEN[name])

    assert managing.get(url).status_code == 404
    assert (
        managing.post(url, {"code": "1", "old_password": "x", "password": "y"}).status_code == 404
    )


def test_its_own_page_says_how_it_signs_in(managing):
    page = managing.get(reverse("account"))

    assert f"With the mailbox {JOE}" in text(page)
    for name in ("own-address", "own-factor", "own-tokens", "own-webhooks"):
        assert f'"{reverse(name)}"' not in page.text
    assert 'name="old_password"' not in page.text
    assert managing.post(reverse("account"), {"password": "tangerine-9-bicycle"}).status_code == 404


@pytest.mark.parametrize("name", ["own-sessions", "own-time-zone", "factor-exceptions", "log"])
def test_the_rest_is(name, managing):
    assert managing.get(reverse(name)).status_code == 200


def test_where_the_password_is_asked_for_it_is_the_mailboxes(managing, password, add_mailbox):
    add_mailbox("ann@example.org")
    fields = {"network": "192.0.2.9", "whose": "ann@example.org"}

    wrong = managing.post(reverse("factor-exceptions"), fields | {"old_password": "wrong"})
    right = managing.post(reverse("factor-exceptions"), fields | {"old_password": password})

    assert (wrong.status_code, right.status_code) == (422, 302)
    assert FactorException.objects.get().username == "ann@example.org"


def test_and_the_code_too(client, manager, joe, shows, password, clock):
    secret = shows(joe)
    client.post(reverse("login"), {"username": JOE, "password": password})
    client.post(reverse("second-step"), {"code": code(secret)})
    client.post(reverse("own-manage"))
    fields = {"network": "192.0.2.9", "whose": "example.org", "old_password": password}

    wrong = client.post(reverse("factor-exceptions"), fields | {"code": code(secret)})
    right = client.post(reverse("factor-exceptions"), fields | {"code": code(secret, 1)})

    assert (wrong.status_code, right.status_code) == (422, 302)


def test_it_is_a_domain_admin_of_the_domain_alone(managing, add_mailbox):
    add_mailbox("ann@example.org")
    add_mailbox("eve@other.net")

    assert managing.get(reverse("mailbox", args=["ann@example.org"])).status_code == 200
    assert managing.get(reverse("mailbox", args=["eve@other.net"])).status_code == 404
    assert managing.get(reverse("admin-list")).status_code == 404
    assert managing.get(reverse("server")).status_code == 404


def test_it_may_do_less_if_it_has_a_role(managing, add_mailbox):
    add_mailbox("ann@example.org")
    DomainRole.objects.create(username=IT, domain="example.org", role=PASSWORDS)

    assert managing.get(reverse("mailbox-password", args=["ann@example.org"])).status_code == 200
    assert managing.get(reverse("mailbox-edit", args=["ann@example.org"])).status_code == 404


# --- Superadmins' pages


def test_a_superadmin_makes_one_by_the_form(superadmin, joe):
    page = superadmin.get(reverse("admin-create", query={"mailbox": JOE}))
    assert f'value="{JOE}"' in page.text
    assert re.search(r'value="mailbox"[^>]*checked', page.text)

    response = superadmin.post(reverse("admin-create"), {"username": JOE, "how": "mailbox"})

    assert response.url == reverse("admin", args=[JOE])
    admin = Admin.objects.get(pk=JOE)
    assert (admin.mailbox, admin.domain_names) == (JOE, ("example.org",))
    page = superadmin.get(response.url)
    assert "Signs in with the mailbox" in text(page)
    assert reverse("mailbox", args=[JOE]) in page.text
    assert reverse("admin-password", args=[JOE]) not in page.text


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"username": "nobody@example.org"}, "username"),
        ({"superadmin": "on"}, "superadmin"),
        ({"domains": "other.net"}, "domains"),
        ({"reseller": "on"}, "reseller"),
        ({"max_domains": "3"}, "max_domains"),
    ],
)
def test_what_it_cannot_have_is_said_at_its_field(fields, field, superadmin, joe):
    values = {"username": JOE, "how": "mailbox"} | fields
    response = superadmin.post(reverse("admin-create"), values)

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not Admin.objects.exclude(superadmin=True).exists()


def test_a_password_that_the_page_made_is_left_out(superadmin, joe):
    values = {"username": JOE, "how": "mailbox", "password": "kato-pemi-zuno-rava"}
    response = superadmin.post(reverse("admin-create"), values)

    assert response.status_code == 302
    assert Admin.objects.get(pk=JOE).mailbox == JOE


def test_the_mailboxes_page_leads_to_the_form_and_then_to_the_administrator(superadmin, joe):
    page = superadmin.get(reverse("mailbox", args=[JOE]))
    assert "Let its user manage the domain…" in text(page)
    assert "Its user manages this domain." not in text(page)

    superadmin.post(reverse("admin-create"), {"username": JOE, "how": "mailbox"})

    page = superadmin.get(reverse("mailbox", args=[JOE]))
    assert "Let its user manage the domain…" not in text(page)
    assert "Its user manages this domain." in text(page)
    assert reverse("admin", args=[JOE]) in page.text


def test_domain_admins_see_it_and_cannot_change_it(manager, make_admin, sign_in):
    page = sign_in(make_admin(domains=["example.org"])).get(reverse("mailbox", args=[JOE]))

    assert "Its user manages this domain." in text(page)
    assert reverse("admin", args=[IT]) not in page.text
    assert reverse("admin-create") not in page.text


@pytest.mark.parametrize("name", ["admin-password", "admin-invite", "admin-factor"])
def test_pages_about_its_password_are_not_there(name, superadmin, manager):
    assert superadmin.get(reverse(name, args=[IT])).status_code == 404
    assert superadmin.post(reverse(name, args=[IT])).status_code == 404


def test_its_form_has_what_it_can_have(superadmin, manager):
    page = superadmin.get(reverse("admin-edit", args=[IT]))

    names = set(page.context["form"].fields)
    assert names == {"domains", "aliases_in", "passwords_in", "read_in", "phone"}
    fields = {"domains": "", "passwords_in": "example.org", "phone": "123"}
    assert superadmin.post(reverse("admin-edit", args=[IT]), fields).status_code == 302
    assert Admin.objects.get(pk=IT).domain_roles == {"example.org": PASSWORDS}


def test_it_does_not_lose_its_domain_there(superadmin, manager):
    response = superadmin.post(reverse("admin-edit", args=[IT]), {"domains": "", "phone": "123"})

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["domains"]
    assert Admin.objects.get(pk=IT).phone == ""


def test_the_page_of_one_whose_mailbox_is_gone_says_so(superadmin, manager, joe):
    delete_mailbox(actor=None, mailbox=joe)

    page = superadmin.get(reverse("admin", args=[IT]))

    assert f"{JOE} (not there any more)" in text(page)
    assert reverse("mailbox", args=[JOE]) not in page.text


def test_the_list_and_its_file_tell_whose_mailbox_it_is(superadmin, manager):
    Admin.objects.filter(pk=IT).update(superadmin=True)  # as another program may write

    page = superadmin.get(reverse("admin-list"))
    row = re.search(
        rf"<tr>(?:(?!</tr>).)*{reverse('admin', args=[IT])}.*?</tr>", page.text, re.DOTALL
    )[0]
    assert "Superadmin" not in row
    assert reverse("admin-password", args=[IT]) not in row
    lines = superadmin.get(reverse("admin-list", query={"as": "jsonl"})).getvalue().decode()
    assert (
        f'"username": "{IT}", "superadmin": false, "domains": ["example.org"], "active": true, "mailbox": "{JOE}"'
        in lines
    )
    for role, there in (("superadmin", False), ("domain", True)):
        page = superadmin.get(reverse("admin-list", query={"role": role}))
        assert (IT in page.text) is there


def test_who_sets_passwords_alone_is_refused_with_a_sentence(manager, make_admin, sign_in):
    roles = {"example.org": PASSWORDS}
    client = sign_in(make_admin("help@example.org", domains=["example.org"], roles=roles))

    response = client.post(
        reverse("mailbox-password", args=[JOE]), {"password": "tangerine-9-bicycle"}
    )

    assert response.status_code == 422
    assert "Its user manages example.org, and signs in with it." in text(response)
    response = client.post(reverse("mailbox-invite", args=[JOE]), {"how": "invite"})
    assert response.status_code == 422

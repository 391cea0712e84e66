"""Every page and method with every role below a domain admin: what a page needs is its ``right``, which the role has or has not.

Also of an administrator who is a domain admin elsewhere: that helps with no row of this domain.
"""

import re

import pytest
from django.urls import reverse

from accounts.services import update_admin
from aliases.models import Alias
from panel.rights import ALIASES, OF_ACTIONS, OF_ROLES, PASSWORDS, READ, is_in_role, is_reading
from tests.pages.test_access import (
    EVERY_METHOD,
    NO_PAGES,
    OF_A_ROW,
    SCOPED,
    SUPERADMINS_ONLY,
    VIEWS,
    address_of,
    answer,
    contents,
)

ROLES = (ALIASES, PASSWORDS, READ)
OF_ADMINS = [name for name in SCOPED if name not in SUPERADMINS_ONLY]
# What they do has no operation of the API, and so no right: domain admins do it.
WITHOUT_RIGHT = {"broadcast", "mailbox-message", "factor-exceptions"}
# Links, and where forms and buttons send.
PLACES = re.compile(r'(?:href|action|formaction|hx-get)="(/(?!static/)[^"#]*)"')
METHODS = [method for method in EVERY_METHOD if method not in {"get", "head", "options"}]


@pytest.fixture
def admin_with(world):
    """The administrator of both domains, with this role there; and of other.net, where everything may be done."""

    def made(role, *, elsewhere=False):
        admin = world["own admin"]
        names = ["example.org", "alias.example.org"]
        roles = dict.fromkeys(names, role)
        also = ["other.net"] if elsewhere else []
        return update_admin(actor=None, admin=admin, domains=[*names, *also], roles=roles)

    return made


def may_open(name, role):
    return is_in_role(VIEWS[name].right, role)


def test_every_page_of_domain_admins_names_its_right():
    assert {name for name in OF_ADMINS if VIEWS[name].right is None} == WITHOUT_RIGHT


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_the_pages_whose_right_it_has_and_no_others(role, admin_with, sign_in):
    client = sign_in(admin_with(role))
    before = contents()

    found = {name: answer(client, "get", address_of(name)) for name in OF_ADMINS}

    wanted = {name: 405 if name in NO_PAGES else 200 for name in OF_ADMINS}
    assert found == {name: wanted[name] if may_open(name, role) else 404 for name in OF_ADMINS}
    assert contents() == before


@pytest.mark.parametrize("role", ROLES)
def test_superadmins_pages_do_not_exist_for_a_role(role, admin_with, sign_in):
    client = sign_in(admin_with(role))

    found = {name: answer(client, "get", address_of(name)) for name in SUPERADMINS_ONLY}

    assert found == dict.fromkeys(SUPERADMINS_ONLY, 404)


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("role", ROLES)
def test_no_method_changes_what_the_role_may_not(role, elsewhere, admin_with, sign_in, world):
    client = sign_in(admin_with(role, elsewhere=elsewhere))
    names = [name for name in OF_A_ROW if name in OF_ADMINS and not may_open(name, role)]
    names += [name for name in OF_A_ROW if name in OF_ADMINS and is_reading(VIEWS[name].right)]
    before = contents()

    found = {
        (name, method): answer(client, method, address_of(name))
        for name in names
        for method in METHODS
    }

    assert set(found.values()) <= {404, 405}
    assert {
        name for (name, method), status in found.items() if method == "post" and status != 404
    } <= {name for name in names if is_reading(VIEWS[name].right)}
    assert contents() == before


@pytest.mark.parametrize("role", ROLES)
def test_a_form_sent_to_a_page_that_is_only_looked_at_changes_nothing(role, admin_with, sign_in):
    client = sign_in(admin_with(role, elsewhere=True))
    before = contents()

    for name, sent in {
        "domain-dns": {"meant": "1"},
        "mailbox-app-passwords": {"revoke": "1"},
        "mailbox-fetching": {"end": "1"},
        "alias-senders-end": {"end": "1"},
    }.items():
        assert client.post(address_of(name), sent).status_code == 404, name
    assert client.post(reverse("trace"), {"address": "joe@example.org"}).status_code == 403

    assert contents() == before


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("page", ["mailbox-bulk", "alias-bulk", "address-bulk"])
def test_many_rows_are_changed_by_the_role_that_may_change_each(
    page, role, elsewhere, admin_with, sign_in
):
    client = sign_in(admin_with(role, elsewhere=elsewhere))
    keys = {"mailbox-bulk": ["joe@example.org"], "alias-bulk": ["sales@example.org"]}
    selected = keys.get(page, ["sales@example.org", "joe@example.org"])
    before = contents()

    status = client.post(
        reverse(page), {"action": "deactivate", "selected": selected, "confirmed": "1"}
    ).status_code

    may = role == ALIASES and page == "alias-bulk"
    assert status == (302 if may else 404)
    assert (contents() == before) is not may


def test_all_addresses_of_a_domain_are_its_aliases_alone_for_who_may_only_change_these(
    admin_with,
    sign_in,
    world,
):
    client = sign_in(admin_with(ALIASES))
    sent = {"action": "deactivate", "all": "1", "listed": "domain=example.org", "confirmed": "1"}

    client.post(reverse("address-bulk"), sent)

    assert not type(world["mailbox user"]).objects.filter(active=False).exists()
    assert [alias.pk for alias in Alias.objects.filter(active=False)] == ["sales@example.org"]


@pytest.mark.parametrize(("role", "status"), [(ALIASES, 200), (PASSWORDS, 404), (READ, 404)])
def test_only_who_changes_aliases_makes_one(role, status, admin_with, sign_in):
    client = sign_in(admin_with(role))
    here = reverse("domain-new-address", args=["example.org"])

    assert client.get(here, {"kind": "alias"}).status_code == status
    assert client.get(here, {"kind": "catch-all"}).status_code == status
    assert client.get(here, {"kind": "mailbox"}).status_code == 404
    mailbox = {"local_part": "new", "domain": "example.org", "targets": "joe@example.org"}
    assert client.post(f"{here}?kind=mailbox", mailbox).status_code == 404
    assert client.post(f"{here}?kind=alias", mailbox).status_code == (302 if status == 200 else 404)


def test_only_who_sets_passwords_sets_one(admin_with, sign_in, password):
    sent = {"password": f"new-{password}"}
    place = reverse("mailbox-password", args=["joe@example.org"])

    statuses = {role: sign_in(admin_with(role)).post(place, sent).status_code for role in ROLES}

    assert statuses == {ALIASES: 404, PASSWORDS: 200, READ: 404}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ["imports", "domain-places", "search", "dashboard", "account"])
def test_pages_about_oneself(name, role, admin_with, sign_in):
    client = sign_in(admin_with(role))

    status = client.get(reverse(name), {"q": "joe"}).status_code

    assert status == (404 if name == "imports" else 200)


def test_a_change_of_the_role_counts_at_the_next_page(admin_with, sign_in):
    admin = admin_with(READ)
    client, page = sign_in(admin), reverse("mailbox-edit", args=["joe@example.org"])
    assert client.get(page).status_code == 404

    update_admin(actor=None, admin=admin, roles={})
    assert client.get(page).status_code == 200

    update_admin(actor=None, admin=admin, given={"example.org": PASSWORDS})
    assert client.get(page).status_code == 404


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_no_link_or_form_leads_to_where_the_role_may_not_go(
    role,
    elsewhere,
    admin_with,
    sign_in,
    settings,
    world,
):
    """Of each page that it may open: where it leads is there for it."""
    client = sign_in(admin_with(role, elsewhere=elsewhere))
    everything = sign_in(world["superadmin"])  # what is gone is gone for all
    settings.FETCHMAIL_FOR_USERS = True
    names = [name for name in OF_ADMINS if may_open(name, role) and name not in NO_PAGES]
    dead = {}

    for name in names:
        page = client.get(address_of(name)).getvalue().decode()
        for place in set(PLACES.findall(page)):
            path = place.replace("&amp;", "&")
            status = answer(client, "get", path)
            if status == 404 and answer(everything, "get", path) != 404:
                dead.setdefault(path, set()).add(name)

    assert dead == {}


def test_every_action_that_a_role_may_write_needs_a_right_of_some_role():
    of_roles = set().union(*OF_ROLES.values())

    assert {right for rights in OF_ACTIONS.values() for right in rights} == of_roles

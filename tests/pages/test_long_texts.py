from itertools import product

import pytest
from django.urls import reverse

from panel.addresses import MAX_TYPED
from tests.pages.test_access import (
    PATTERNS,
    SCOPED,
    VIEWS,
    address_of,
)

MARKS = 10_000 * "\u0316\u0301"
LONG = [f"a{MARKS}", f"a@{MARKS}.example", f"a{MARKS}@example.org", f"a@{'xn--a.' * 5_000}org"]
FORMS = {
    name: VIEWS[name].form_class
    for name in SCOPED
    if hasattr(VIEWS[name], "form_class") and name != "aliasdomain-own"  # a tick, and it is done
}
PARAMETERS = [
    "q",
    "domain",
    "jump",
    "person",
    "target",
    "day",
    "after",
    "before",
    "sort",
    "size",
    "next",
]


@pytest.mark.parametrize("page", FORMS)
def test_the_fields_of_a_form(page, sign_in, world, longest):
    client = sign_in(world["superadmin"])

    for field, long in product(FORMS[page].base_fields, LONG):
        fields = {field: long, f"{field}_0": long, f"{field}_1": long}
        # A tick is one, whatever its text.
        status = client.post(address_of(page), fields).status_code
        assert (field, status) in {(field, 302), (field, 422)}
        assert (field, longest()) <= (field, MAX_TYPED)


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ("own-password", "old_password"),
        ("own-password", "password"),
        ("own-forwarding", "targets"),
    ],
)
def test_a_field_of_ones_own_pages(page, field, sign_in, world, longest):
    client = sign_in(world["mailbox user"])

    for long in LONG:
        assert client.post(reverse(page), {field: long}).status_code == 422
    assert longest() <= MAX_TYPED


@pytest.mark.parametrize("field", ["username", "password", "next"])
def test_a_field_of_the_sign_in(field, client, db, longest):
    for long in LONG:
        fields = {"username": "a", "password": "b"} | {field: long}
        assert client.post(reverse("login"), fields).status_code == 422
    assert longest() <= MAX_TYPED


@pytest.mark.parametrize(
    "page", [name for name in PATTERNS if not PATTERNS[name].pattern.converters]
)
def test_the_parameters_of_a_page(page, sign_in, world, longest, settings):
    settings.DELIVERIES_FOR_USERS = True
    settings.OIDC_ISSUER = "https://id.example.org"
    settings.FORGOTTEN_PASSWORDS = {"mailbox": True, "admin": True}
    answers = {200, 302, 405} | ({410} if page in {"password-link", "sign-in-link"} else set())
    # Nobody's without a limit, and without a setting.
    answers |= {404} if page in {"own-addresses", "own-fetching", "own-fetching-form"} else set()
    # Of whoever manages a domain with a mailbox.
    answers |= {404} if page in {"own-manage", "own-manage-code", "own-mailbox"} else set()
    of_users = page.startswith("own-") and not page.startswith("own-webhook")
    client = sign_in(world["mailbox user" if of_users else "superadmin"])

    for parameter, long in product(PARAMETERS, LONG):
        status = client.get(reverse(page), {parameter: long}).status_code
        assert (parameter, status) in {(parameter, answer) for answer in answers}
        assert (parameter, longest()) <= (parameter, MAX_TYPED)


@pytest.mark.parametrize(
    "page", [name for name in SCOPED if name.endswith(("-delete", "-bulk", "-state"))]
)
def test_what_a_confirmation_holds(page, sign_in, world, longest):
    client = sign_in(world["superadmin"])
    for long in LONG:
        fields = {"action": "delete", "confirm": long, "active": long, "next": long}
        answer = client.post(address_of(page), fields | {"selected": long})
        assert answer.status_code in {302, 404, 422}
    assert longest() <= MAX_TYPED

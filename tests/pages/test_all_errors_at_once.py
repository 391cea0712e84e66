import pytest
from django.conf import settings
from django.urls import reverse

from domains.services import create_alias_domain
from tests.pages.reading import error_codes, errors

LONG = "x" * 256
DOMAIN = {
    "mailboxes_0": "unlimited",
    "aliases_0": "unlimited",
    "maxquota_0": "unlimited",
    "quota_0": "unlimited",
    "transport": "virtual",
    "active": "on",
}


@pytest.fixture
def world(add_domain, add_mailbox, add_alias, make_admin):
    domain = add_domain("example.org", mailboxes=1, aliases=1, maxquota=100)
    add_mailbox("joe@example.org", quota=100 * settings.QUOTA_MULTIPLIER)
    add_alias("info@example.org", "joe@example.org")
    for name in ("other.example", "third.example"):
        add_domain(name)
    source = add_domain("source.example")
    create_alias_domain(actor=None, alias_domain=source, target_domain=domain)
    make_admin("ann@example.org", domains=["example.org"])


# What the service alone refuses, two fields of each form.
OF_THE_SERVICE = [
    (
        "domain-create",
        [],
        DOMAIN
        | {"name": "example.org", "role_target": "joe doe", "maxquota_0": "none"}
        | {"quota_0": "limited", "quota_1": "5"},
        {"name": ["taken"], "role_target": ["invalid_local_part"], "maxquota": ["unused"]},
    ),
    (
        "domain-edit",
        ["example.org"],
        DOMAIN
        | {"description": LONG, "maxquota_0": "none"}
        | {"quota_0": "limited", "quota_1": "5"},
        {"description": ["max_length"], "maxquota": ["unused"]},
    ),
    (
        "aliasdomain-create",
        [],
        {"alias_domain": "example.org", "target_domain": "source.example"},
        {"alias_domain": ["chain"], "target_domain": ["chain"]},
    ),
    (
        "alias-create",
        [],
        {"domain": "example.org", "local_part": "info", "targets": "nobody"},
        {"domain": ["limit_reached"], "local_part": ["taken"], "targets": ["invalid_address"]},
    ),
    (
        "mailbox-create",
        [],
        {"domain": "example.org", "local_part": "joe", "password": "short", "quota_mb": "101"},
        {
            "domain": ["limit_reached"],
            "local_part": ["taken"],
            "password": ["password_weak"],
            "quota_mb": ["above_maxquota"],
        },
    ),
    (
        "admin-create",
        [],
        {"username": "ann@example.org", "password": "short", "domains": "absent.example"},
        {
            "username": ["taken"],
            "password": ["password_weak"],
            "domains": ["unknown_domain"],
        },
    ),
]
# With a field that the form itself cannot read beside: what the service refuses is said as well.
UNREADABLE = [
    ("domain-create", [], DOMAIN | {"description": LONG, "name": "example.org"}, "description"),
    (
        "domain-edit",
        ["example.org"],
        DOMAIN | {"description": LONG, "maxquota_0": "none", "quota_0": "limited", "quota_1": "5"},
        "description",
    ),
    (
        "aliasdomain-create",
        [],
        {"alias_domain": "source.example", "target_domain": "absent.example"},
        "target_domain",
    ),
    (
        "aliasdomain-edit",
        ["source.example"],
        {"target_domain": "source.example", "description": LONG},
        "description",
    ),
    (
        "alias-create",
        [],
        {"domain": "other.example", "local_part": "a b", "targets": "a@b.example"}
        | {"description": LONG},
        "description",
    ),
    ("alias-edit", ["info@example.org"], {"targets": "nobody", "description": LONG}, "description"),
    (
        "mailbox-create",
        [],
        {"domain": "absent.example", "local_part": "a b", "password": "Correct-horse-7"}
        | {"quota_mb": "1"},
        "domain",
    ),
    ("mailbox-edit", ["joe@example.org"], {"quota_mb": "101", "phone": "1" * 31}, "phone"),
    (
        "admin-create",
        [],
        {"username": "nobody", "password": "Correct-horse-7", "phone": "1" * 31},
        "phone",
    ),
    (
        "admin-edit",
        ["ann@example.org"],
        {"domains": "absent.example", "phone": "1" * 31},
        "phone",
    ),
]


@pytest.mark.parametrize(("name", "args", "values", "codes"), OF_THE_SERVICE)
def test_all_that_a_service_refuses_is_said_at_its_fields(
    world, as_superadmin, name, args, values, codes
):
    response = as_superadmin.post(reverse(name, args=args), values)

    assert response.status_code == 422
    assert error_codes(response) == codes


@pytest.mark.parametrize(("name", "args", "values", "unreadable"), UNREADABLE)
def test_beside_a_field_that_cannot_be_read_the_service_is_asked_for_the_others(
    world, as_superadmin, name, args, values, unreadable
):
    response = as_superadmin.post(reverse(name, args=args), values)

    assert response.status_code == 422
    assert unreadable in errors(response)
    assert len(errors(response)) == 2
    assert "__all__" not in errors(response)


def test_a_wrong_current_password_and_a_weak_new_one_are_said_together(world, make_admin, sign_in):
    client = sign_in(make_admin("root@example.org", superadmin=True))

    response = client.post(reverse("account"), {"old_password": "wrong", "password": "short"})

    assert error_codes(response) == {
        "old_password": ["wrong_password"],
        "password": ["password_weak"],
    }


def test_a_form_with_errors_shows_the_row_as_it_is_stored(world, as_superadmin):
    values = {"quota_mb": "101", "phone": "1" * 31, "active": ""}

    page = as_superadmin.post(reverse("mailbox-edit", args=["joe@example.org"]), values)

    assert "At most 100\u00a0MB." in page.context["form"].fields["quota_mb"].help_text

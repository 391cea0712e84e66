"""The page "Settings" of a domain: who gets the mail for postmaster@ and the other role addresses."""

import pytest
from django.urls import reverse

from tests.pages.reading import links, text


def settings_of(client, name="example.org"):
    return client.get(reverse("domain-settings", args=[name]))


def said_of_roles(client, name="example.org"):
    said = text(settings_of(client, name))
    return said.partition("Role addresses ")[2].partition(" Administrators")[0]


@pytest.fixture(autouse=True)
def two_roles(settings):
    settings.ROLE_ADDRESSES = ["abuse", "postmaster"]


def test_it_says_who_gets_the_mail_of_each_role_address(
    as_superadmin, example_org, add_mailbox, add_alias
):
    add_mailbox("joe@example.org")
    add_mailbox("postmaster@example.org")
    add_alias("abuse@example.org", "joe@example.org", "ann@elsewhere.example")

    assert said_of_roles(as_superadmin) == (
        "abuse@ joe@example.org, ann@elsewhere.example postmaster@ mailbox"
    )
    found = links(settings_of(as_superadmin))
    assert "/aliases/abuse@example.org/" in found
    assert "/mailboxes/postmaster@example.org/" in found


def test_what_is_refused_is_said_and_can_be_created_at_once(
    as_superadmin, as_admin, example_org, add_mailbox, add_alias
):
    joe = add_mailbox("joe@example.org", active=False)
    add_alias("abuse@example.org", joe.pk)

    assert said_of_roles(as_superadmin) == "abuse@ refused postmaster@ refused Create it…"
    new = "/domains/example.org/new/?kind=alias&local_part="
    assert [link for link in links(settings_of(as_superadmin)) if link.startswith(new)] == [
        f"{new}postmaster"
    ]
    assert said_of_roles(as_admin("example.org")) == "abuse@ refused postmaster@ refused"


def test_the_catch_all_takes_what_has_no_alias(as_superadmin, example_org, add_mailbox, add_alias):
    add_alias("@example.org", add_mailbox("joe@example.org").pk)

    assert said_of_roles(as_superadmin) == (
        "abuse@ joe@example.org through the catch-all"
        " postmaster@ joe@example.org through the catch-all"
    )


def test_another_name_and_a_backup_mx_have_none_of_their_own(as_superadmin, add_domain, link):
    link("other.example", "example.org")
    add_domain("backup.example", backupmx=True)

    for name in ("other.example", "backup.example"):
        assert "Role addresses" not in text(settings_of(as_superadmin, name))


def test_without_role_addresses_it_says_nothing(as_superadmin, example_org, settings):
    settings.ROLE_ADDRESSES = []

    assert "Role addresses" not in text(settings_of(as_superadmin))


def test_it_stays_within_ten_statements(
    as_admin, example_org, add_alias, add_mailbox, django_assert_max_num_queries
):
    add_alias("abuse@example.org", add_mailbox("ann@example.org").pk)
    add_alias("postmaster@example.org", add_mailbox("joe@example.org").pk)
    client = as_admin("example.org")

    with django_assert_max_num_queries(10):
        settings_of(client)

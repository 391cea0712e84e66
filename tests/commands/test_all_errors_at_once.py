import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from accounts.models import Admin
from accounts.services import create_admin, update_admin
from aliases.services import create_alias, update_alias
from domains.models import Domain
from domains.services import (
    create_alias_domain,
    create_domain,
    update_alias_domain,
    update_domain,
)
from mailboxes.models import Mailbox
from mailboxes.services import create_mailbox, create_mailboxes, update_mailbox

LONG = "x" * 256
MB = settings.QUOTA_MULTIPLIER


@pytest.fixture
def world(add_domain, add_mailbox, add_alias):
    domain = add_domain("example.org", mailboxes=1, aliases=1, maxquota=100)
    add_mailbox("joe@example.org", quota=100 * MB)
    add_alias("info@example.org", "joe@example.org")
    return domain


def codes(function, **values):
    with pytest.raises(ValidationError) as refusal:
        function(actor=None, **values)
    found = refusal.value.error_dict.items()
    return {field: [error.code for error in errors] for field, errors in found}


def test_a_service_raises_all_that_is_wrong_with_something_new(world, add_domain):
    source = add_domain("source.example")
    create_alias_domain(actor=None, alias_domain=source, target_domain=world)

    assert codes(create_domain, name="example.org", role_target="a b", transport="A B") == {
        "name": ["taken"],
        "role_target": ["invalid_local_part"],
        "transport": ["invalid"],
    }
    assert codes(create_alias_domain, alias_domain=world, target_domain=source) == {
        "alias_domain": ["chain"],
        "target_domain": ["chain"],
    }
    alias = {"local_part": "info", "targets": "nobody", "description": LONG}
    assert codes(create_alias, domain=world, **alias) == {
        "domain": ["limit_reached"],
        "local_part": ["taken"],
        "targets": ["invalid_address"],
        "description": ["max_length"],
    }
    mailbox = {"local_part": "joe", "password": "short", "quota": 101 * MB, "name": LONG}
    assert codes(create_mailbox, domain=world, **mailbox) == {
        "domain": ["limit_reached"],
        "local_part": ["taken"],
        "password": ["password_weak"],
        "quota": ["above_maxquota"],
        "name": ["max_length"],
    }
    admin = {"username": "nobody", "password": "short", "domains": ["absent.example"]}
    assert codes(create_admin, phone="1" * 31, **admin) == {
        "username": ["invalid"],
        "password": ["password_weak"],
        "domains": ["unknown_domain"],
        "phone": ["max_length"],
    }


def test_a_service_raises_all_that_is_wrong_with_a_change(world, add_domain, make_admin):
    assert codes(update_domain, domain=world, transport="A B", description=LONG) == {
        "transport": ["invalid"],
        "description": ["max_length"],
    }
    link = create_alias_domain(
        actor=None, alias_domain=add_domain("source.example"), target_domain=world
    )
    own = link.alias_domain
    assert codes(update_alias_domain, link=link, target_domain=own, description=LONG) == {
        "target_domain": ["itself"],
        "description": ["max_length"],
    }
    alias = world.alias_set.get(pk="info@example.org")
    assert codes(update_alias, alias=alias, targets="nobody", description=LONG) == {
        "targets": ["invalid_address"],
        "description": ["max_length"],
    }
    mailbox = Mailbox.objects.get()
    assert codes(update_mailbox, mailbox=mailbox, quota=101 * MB, name=LONG) == {
        "quota": ["above_maxquota"],
        "name": ["max_length"],
    }
    admin = make_admin(superadmin=True)
    change = {"active": False, "phone": "1" * 31, "domains": ["absent.example"]}
    assert codes(update_admin, admin=admin, **change) == {
        "__all__": ["last_superadmin"],
        "phone": ["max_length"],
        "domains": ["unknown_domain"],
    }


def test_of_many_mailboxes_all_that_is_wrong_with_each_is_named(world):
    rows = [{"local_part": "joe", "password_hash": "x", "quota": 101 * MB}]

    with pytest.raises(ValidationError) as refusal:
        create_mailboxes(actor=None, domain=world, mailboxes=rows)

    assert len(refusal.value.messages) == 3  # the limit, the address, the quota
    assert all(line.startswith("joe@example.org: ") for line in refusal.value.messages)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["domain", "add", "example.org", "--transport", "A B"], ["Domain", "Transport"]),
        (
            ["domain", "edit", "example.org", "--transport", "A B", "--description", LONG],
            ["Description", "Transport"],
        ),
        (
            ["alias", "add", "info@example.org", "nobody", "--description", LONG],
            ["Address", "Description", "Domain", "Mail goes to"],
        ),
        (
            ["alias", "edit", "info@example.org", "--recipients", "nobody", "--description", LONG],
            ["Description", "Mail goes to"],
        ),
        (
            ["mailbox", "add", "joe@example.org", "--quota", "101", "--phone", "1" * 31],
            ["Address", "Domain", "Password", "Phone", "Quota"],
        ),
        (
            ["mailbox", "edit", "joe@example.org", "--quota", "101", "--phone", "1" * 31],
            ["Phone", "Quota"],
        ),
        (
            ["mailbox", "edit", "joe@example.org", "--quota", "101", "--forward", "nobody"],
            ["Forward to", "Quota"],
        ),
        (
            ["admin", "add", "nobody", "--domains", "absent.example", "--phone", "1" * 31],
            ["Domains", "E-mail address", "Password", "Phone"],
        ),
    ],
)
def test_a_command_prints_all_that_is_wrong(run, world, arguments, words):
    with pytest.raises(CommandError) as refusal:
        run(*arguments, stdin="short\n")

    lines = str(refusal.value).splitlines()
    assert sorted({line.partition(": ")[0] for line in lines}) == words
    assert Domain.objects.get().transport == "virtual"
    assert Admin.objects.count() == 0

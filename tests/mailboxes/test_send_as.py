import pytest
from django.db import connection

from accounts.models import LogEntry
from aliases.models import Alias
from aliases.services import delete_alias
from domains.models import Domain
from domains.services import create_alias_domain
from mailboxes.identities import identities_of
from mailboxes.models import Mailbox, SendAs
from mailboxes.renaming import rename_mailbox
from mailboxes.send_as import MOST, end_send_as, let_send_as
from mailboxes.services import delete_mailbox
from tests.refusals import refused

ANN, INFO = "ann@example.org", "info@example.org"


@pytest.fixture
def world(example_org, add_domain, add_mailbox, add_alias):
    add_domain("other.net")
    twin = add_domain("twin.example")
    create_alias_domain(actor=None, alias_domain=twin, target_domain=example_org)
    for address in (ANN, INFO, "eve@other.net"):
        add_mailbox(address)
    add_alias("sales@example.org", "eve@other.net")
    return example_org


def let(mailbox=ANN, sender=INFO, actor=None):
    return let_send_as(actor=actor, mailbox=mailbox, sender=sender)


def stored():
    return sorted(SendAs.objects.values_list("username", "sender"))


@pytest.mark.parametrize(
    ("typed", "sender"),
    [
        (INFO, INFO),
        (" Info@Example.ORG ", INFO),
        ("sales@example.org", "sales@example.org"),
        ("example.org", "@example.org"),
        ("@Example.org", "@example.org"),
        ("eve@other.net", "eve@other.net"),
    ],
)
def test_an_address_or_a_domain_is_stored_as_postfix_asks_and_logged(world, typed, sender):
    row = let(sender=typed)

    assert stored() == [(ANN, sender)]
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.data, entry.changes) == (
        *("edit_send_as", ANN, {"sender": [None, sender]}),
    )
    end_send_as(actor=None, row=row)
    end_send_as(actor=None, row=row)  # twice does no harm
    assert stored() == []
    assert LogEntry.objects.filter(action="edit_send_as").count() == 2


@pytest.mark.parametrize(
    ("mailbox", "sender", "code", "field"),
    [
        ("nobody@example.org", INFO, "no_mailbox", "mailbox"),
        ("sales@example.org", INFO, "no_mailbox", "mailbox"),
        ("nowhere", INFO, "invalid_address", "mailbox"),
        (ANN, "nobody@example.org", "no_address", "sender"),
        (ANN, "joe@elsewhere.test", "no_address", "sender"),
        (ANN, "elsewhere.test", "not_yours", "sender"),
        (ANN, "info@twin.example", "alias_domain", "sender"),
        (ANN, "twin.example", "alias_domain", "sender"),
        (ANN, ANN, "itself", "sender"),
        (ANN, "", "invalid_domain", "sender"),
    ],
)
def test_what_cannot_be_is_refused(world, mailbox, sender, code, field):
    with refused(code, field=field):
        let(mailbox, sender)
    assert stored() == []


def test_once_is_enough_and_there_is_a_limit(world, add_mailbox):
    let()
    with refused("taken", field="sender"):
        let()
    for number in range(1, MOST):
        SendAs.objects.create(username=ANN, sender=f"x{number}@example.org")
    with refused("too_many", field="sender"):
        let(sender="sales@example.org")


def test_an_administrator_lets_only_own_mailboxes_send_as_own_addresses(world, make_admin):
    admin = make_admin("admin@example.org", domains=["example.org", "twin.example"])

    let(actor=admin)
    with refused("no_mailbox", field="mailbox"):
        let(mailbox="eve@other.net", sender="sales@example.org", actor=admin)
    with refused("not_yours", field="sender"):
        let(sender="eve@other.net", actor=admin)
    with refused("not_yours", field="sender"):
        let(sender="other.net", actor=admin)
    assert stored() == [(ANN, INFO)]


def test_a_user_gives_the_own_address_to_somebody_of_the_own_domain_alone(world):
    info = Mailbox.objects.get(pk=INFO)

    let(actor=info)
    with refused("no_mailbox", field="mailbox"):
        let(mailbox="eve@other.net", actor=info)
    for sender in (ANN, "sales@example.org", "example.org"):
        with refused("not_yours", field="sender"):
            let(sender=sender, actor=info)
    assert stored() == [(ANN, INFO)]


def test_the_webmail_is_told_of_them(world):
    let()
    let(sender="sales@example.org")
    let(sender="@other.net")
    ann = Mailbox.objects.select_related("domain").get(pk=ANN)

    assert identities_of(ann) == [
        *(ANN, "ann@twin.example", INFO, "info@twin.example"),
        *("sales@example.org", "sales@twin.example"),
    ]
    Mailbox.objects.filter(pk=INFO).update(active=False)
    assert INFO not in identities_of(ann)


# --- They end with either end, whoever ends it


def test_they_go_with_a_mailbox_at_either_end_and_with_an_alias(world, add_mailbox):
    let()
    let(sender="sales@example.org")
    let(mailbox="eve@other.net", sender=ANN)

    delete_alias(actor=None, alias=Alias.objects.get(pk="sales@example.org"))
    assert stored() == [(ANN, INFO), ("eve@other.net", ANN)]
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=ANN))
    assert stored() == []


def test_they_go_with_rows_that_another_program_deletes(world):
    let()
    let(sender="sales@example.org")
    let(mailbox=INFO, sender=ANN)

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM alias WHERE address = 'sales@example.org'")
        assert stored() == [(ANN, INFO), (INFO, ANN)]
        cursor.execute("DELETE FROM alias WHERE address = %s", [ANN])
        cursor.execute("DELETE FROM mailbox WHERE username = %s", [ANN])
    assert stored() == []


def test_they_go_with_a_domain(world):
    let(mailbox="eve@other.net", sender="@example.org")
    SendAs.objects.create(username=ANN, sender="@other.net")

    with connection.cursor() as cursor:
        for table in ("mailbox", "alias"):
            cursor.execute(f"DELETE FROM {table} WHERE domain = 'other.net'")
        cursor.execute("DELETE FROM domain WHERE domain = 'other.net'")
    assert stored() == []
    assert not Domain.objects.filter(pk="other.net").exists()


def test_they_go_along_with_a_new_name(world):
    let()
    let(mailbox=INFO, sender=ANN)

    rename_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=ANN), local_part="anna")

    assert stored() == [("anna@example.org", INFO), (INFO, "anna@example.org")]

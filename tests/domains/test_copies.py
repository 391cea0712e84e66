import pytest

from accounts.models import LogEntry
from aliases.cleaning import DELETE
from aliases.models import Alias
from aliases.services import delete_alias
from domains.copy_services import add_copy
from domains.models import Copy, Domain
from domains.services import create_alias_domain, delete_domains
from mailboxes.models import Mailbox
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox

ANN, BOB = "ann@example.org", "bob@other.net"


@pytest.fixture
def boxes(add_mailbox, example_org, other_net):
    return [add_mailbox(name) for name in (ANN, BOB)]


def copy(direction, address, goto):
    local_part, _at, domain = address.rpartition("@")
    domain = Domain.objects.get(pk=domain)
    add_copy(actor=None, domain=domain, direction=direction, local_part=local_part, goto=goto)


def copies():
    rows = Copy.objects.order_by("pk").values_list("direction", "address", "goto")
    return [" ".join(row) for row in rows]


def logged():
    entries = LogEntry.objects.filter(action__startswith="edit_copies").order_by("pk")
    return [(entry.domain, entry.data, entry.changes["copy"]) for entry in entries]


def delete(address):
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=address))


def test_a_deleted_mailbox_gets_no_copies_and_the_log_of_their_domain_says_so(boxes):
    copy("to", "info@example.org", BOB)
    copy("from", "@example.org", BOB)
    LogEntry.objects.all().delete()

    delete(BOB)

    assert copies() == []
    assert sorted(logged()) == [
        ("example.org", "@example.org", [BOB, None]),
        ("example.org", "info@example.org", [BOB, None]),
    ]


def test_who_has_the_name_next_gets_nobodys_copies(boxes, add_mailbox):
    copy("to", "info@example.org", BOB)

    delete(BOB)
    add_mailbox(BOB)

    assert copies() == []


def test_mail_of_a_deleted_mailbox_is_copied_no_more_and_that_of_its_domain_is(boxes):
    for direction in ("to", "from"):
        copy(direction, ANN, BOB)
        copy(direction, "@example.org", BOB)

    delete(ANN)

    assert copies() == [f"to @example.org {BOB}", f"from @example.org {BOB}"]


def test_neither_is_that_of_its_names_in_alias_domains_unless_they_have_rows_of_their_own(
    boxes, add_domain, add_mailbox
):
    for name in ("alt.example", "own.example"):
        create_alias_domain(
            actor=None, alias_domain=add_domain(name), target_domain=boxes[0].domain
        )
        copy("to", f"ann@{name}", BOB)
    add_mailbox("ann@own.example")

    delete(ANN)

    assert copies() == [f"to ann@own.example {BOB}"]


def test_a_deleted_alias_takes_its_copies_along(boxes, add_alias):
    sales = add_alias("sales@example.org", ANN)
    copy("to", "sales@example.org", BOB)
    copy("to", "@example.org", BOB)
    catch_all = add_alias("@example.org", ANN)

    delete_alias(actor=None, alias=sales)
    delete_alias(actor=None, alias=catch_all)

    assert copies() == [f"to @example.org {BOB}"]


def test_so_does_one_that_is_deleted_with_its_only_recipient(boxes, add_alias):
    add_alias("sales@example.org", ANN)
    copy("to", "sales@example.org", BOB)

    delete_mailbox(
        actor=None, mailbox=boxes[0], clean=Alias.objects.all(), others=DELETE, emptied=DELETE
    )

    assert (copies(), Alias.objects.filter(pk="sales@example.org").exists()) == ([], False)


def test_a_deleted_domain_ends_copies_to_it_and_of_it(boxes):
    copy("to", "info@example.org", BOB)
    copy("to", "@other.net", ANN)
    copy("to", ANN, "boss@elsewhere.example")
    LogEntry.objects.all().delete()

    delete_domains(actor=None, domains=[boxes[1].domain])

    assert copies() == [f"to {ANN} boss@elsewhere.example"]
    assert sorted(logged()) == [
        ("example.org", "info@example.org", [BOB, None]),
        ("other.net", "@other.net", [ANN, None]),
    ]


def test_copies_that_were_meant_for_elsewhere_end_with_the_domain_that_came_later(
    boxes, add_domain
):
    copy("to", ANN, "boss@later.example")
    later = add_domain("later.example")

    delete_domains(actor=None, domains=[later])

    assert copies() == []


def test_a_renamed_mailbox_goes_on_to_get_copies_and_to_be_copied_under_both_names(boxes):
    copy("to", "info@example.org", ANN)
    copy("to", ANN, BOB)
    copy("from", ANN, BOB)
    copy("to", "anna@example.org", ANN)
    copy("from", "anna@example.org", "boss@elsewhere.example")

    rename_mailbox(actor=None, mailbox=boxes[0], local_part="anna")

    assert copies() == [
        "to info@example.org anna@example.org",
        f"to {ANN} {BOB}",
        f"from {ANN} {BOB}",
        "from anna@example.org boss@elsewhere.example",
        f"to anna@example.org {BOB}",
    ]
    assert ("example.org", "info@example.org", [ANN, "anna@example.org"]) in logged()
    assert ("example.org", "anna@example.org", [ANN, None]) in logged()
    assert ("example.org", "anna@example.org", [None, BOB]) in logged()

from datetime import date

import pytest
from django.db import connection

from domains.services import delete_domain
from mailboxes.models import SERVER, AppPassword, LastLogin, MailboxDay, SignIn, UsageDay
from mailboxes.services import delete_mailbox

DAY = date(2026, 3, 1)


@pytest.fixture
def known(example_org, add_mailbox):
    for name in ("joe", "ann"):
        add_mailbox(f"{name}@example.org")
        LastLogin.objects.create(username=f"{name}@example.org", protocol="imap", at=1)
        MailboxDay.objects.create(username=f"{name}@example.org", day=DAY, bytes=9)
    for domain in ("example.org", SERVER):
        UsageDay.objects.create(domain=domain, day=DAY)


def run(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def names():
    sizes = set(MailboxDay.objects.values_list("username", flat=True))
    assert set(LastLogin.objects.values_list("username", flat=True)) == sizes
    return sizes


def test_those_of_a_deleted_mailbox_are_gone(known, example_org):
    mailbox = example_org.mailbox_set.get(pk="joe@example.org")

    delete_mailbox(actor=None, mailbox=mailbox)

    assert names() == {"ann@example.org"}


def test_those_of_a_mailbox_that_another_program_renames_go_along(known):
    run("UPDATE mailbox SET username = 'jo@example.org' WHERE username = 'joe@example.org'")

    assert names() == {"ann@example.org", "jo@example.org"}


def test_a_change_of_the_name_of_the_person_alone_changes_none(known):
    run("UPDATE mailbox SET name = 'Joe', quota = 1000 WHERE username = 'joe@example.org'")

    assert names() == {"ann@example.org", "joe@example.org"}


def test_whoever_is_renamed_to_an_old_name_does_not_get_what_is_left_there(known):
    LastLogin.objects.create(username="old@example.org", protocol="pop3", at=2)
    MailboxDay.objects.create(username="old@example.org", day=DAY, bytes=1)

    run("UPDATE mailbox SET username = 'old@example.org' WHERE username = 'joe@example.org'")

    assert names() == {"ann@example.org", "old@example.org"}
    found = LastLogin.objects.filter(username="old@example.org").values_list("protocol", "at")
    assert list(found) == [("imap", 1)]


def test_those_of_a_deleted_domain_are_gone_and_the_servers_stay(known, example_org):
    delete_domain(actor=None, domain=example_org)

    assert names() == set()
    assert list(UsageDay.objects.values_list("domain", flat=True)) == [SERVER]


def test_those_of_a_domain_that_another_program_renames_go_along(db, add_domain):
    add_domain("example.org")
    for domain in ("example.org", SERVER):
        UsageDay.objects.create(domain=domain, day=DAY)

    run("UPDATE domain SET domain = 'new.example', description = 'x' WHERE domain = 'example.org'")
    run("UPDATE domain SET description = 'y' WHERE domain = 'new.example'")

    assert set(UsageDay.objects.values_list("domain", flat=True)) == {"new.example", SERVER}


def test_a_sign_in_is_of_the_domain_of_its_address(db):
    row = LastLogin.objects.create(username="joe@example.org", protocol="imap", at=1)

    assert LastLogin.objects.get(pk=row.pk).domain == "example.org"


def owners():
    rows = AppPassword.objects.order_by("description")
    return list(rows.values_list("description", "username"))


def test_app_passwords_go_where_the_mailbox_goes_whoever_deletes_or_renames_it(
    example_org, add_mailbox
):
    for name in ("joe", "ann"):
        AppPassword.objects.create(
            username=add_mailbox(f"{name}@example.org"), description=f"of {name}"
        )
    AppPassword.objects.create(username_id="old@example.org", description="left over")

    run("UPDATE mailbox SET name = 'Joe', quota = 1000 WHERE username = 'joe@example.org'")
    run("UPDATE mailbox SET username = 'old@example.org' WHERE username = 'joe@example.org'")
    assert owners() == [("of ann", "ann@example.org"), ("of joe", "old@example.org")]
    run("DELETE FROM mailbox WHERE username = 'ann@example.org'")
    assert owners() == [("of joe", "old@example.org")]
    delete_domain(actor=None, domain=example_org)
    assert owners() == []


def test_sign_ins_go_where_the_mailbox_goes_whoever_deletes_or_renames_it(example_org, add_mailbox):
    for name in ("joe@example.org", "ann@example.org", "old@example.org", ""):
        if name and "old" not in name:
            add_mailbox(name)
        for address in ("192.0.2.1", "192.0.2.2"):
            values = {"protocol": "imap", "address": address, "success": True, "reason": ""}
            SignIn.objects.create(username=name, day=DAY, app_password=0, at=1, **values)

    run("UPDATE mailbox SET name = 'Joe', quota = 1000 WHERE username = 'joe@example.org'")
    run("UPDATE mailbox SET username = 'old@example.org' WHERE username = 'joe@example.org'")
    names = SignIn.objects.order_by("username").values_list("username", flat=True)
    assert list(names) == [*[""] * 2, *["ann@example.org"] * 2, *["old@example.org"] * 2]
    run("DELETE FROM mailbox WHERE username = 'ann@example.org'")
    assert set(names.all()) == {"", "old@example.org"}
    delete_domain(actor=None, domain=example_org)
    assert set(names.all()) == {""}

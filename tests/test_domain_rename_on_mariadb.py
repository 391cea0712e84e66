"""Another name for a domain on MariaDB: in few statements, and beside others who save."""

from threading import Thread

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from aliases.models import Alias, AliasTarget
from domains.models import Domain, DomainUsage
from domains.renamed_rows import Names
from domains.renaming import rename_domain
from domains.services import create_domain, delete_domain
from mailboxes.models import Mailbox, QuotaUsage, Vacation
from tests.test_concurrency_on_mariadb import alias, at_once, mailbox

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "old.example", "new.example"


def rename(domain, name=NEW, **options):
    return lambda: rename_domain(actor=None, domain=domain, name=name, **options)


def run(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else ()


def fill(number):
    boxes = [(f"u{n}@{OLD}", f"{OLD}/u{n}/", f"u{n}") for n in range(number)]
    rows = [(f"u{n}@{OLD}", f"u{n}@{OLD}") for n in range(number)]
    lists = [(f"a{n}@{OLD}", f"u{n}@{OLD},x@y.example") for n in range(number)]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO mailbox (username, password, name, maildir, local_part, domain)"
            f" VALUES (%s, 'x', 'Ann', %s, %s, '{OLD}')",
            boxes,
        )
        cursor.executemany(
            f"INSERT INTO alias (address, goto, domain) VALUES (%s, %s, '{OLD}')", rows + lists
        )
        cursor.executemany(
            "INSERT INTO quota2 (username, bytes) VALUES (%s, 5)", [(n,) for n, _ in rows]
        )


@pytest.mark.parametrize("keep_alias", [True, False])
def test_thirty_times_the_addresses_take_no_more_statements(add_domain, keep_alias):
    numbers = []
    for number in (3, 90):
        domain = add_domain(OLD)
        fill(number)

        with CaptureQueriesContext(
            connection,
        ) as asked:
            renamed = rename_domain(actor=None, domain=domain, name=NEW, keep_alias=keep_alias)

        numbers.append(len(asked))
        usage = DomainUsage.objects.get(pk=NEW)
        assert (usage.mailboxes, usage.alias_rows) == (number, 2 * number)
        assert QuotaUsage.objects.filter(username__domain=NEW).count() == number
        for one in Domain.objects.filter(pk__in=[OLD]):
            delete_domain(actor=None, domain=one)
        delete_domain(actor=None, domain=renamed)
    assert numbers[0] == numbers[1]


def test_whoever_adds_to_it_meanwhile_adds_to_one_of_both_or_is_refused(add_domain, add_mailbox):
    domain = add_domain(OLD)
    fill(200)

    done = at_once(rename(domain), mailbox(domain, "eve"), alias(domain, "sales", f"u1@{OLD}"))

    assert set(done) <= {"done", "limit_reached"}
    assert not Mailbox.objects.filter(domain=OLD).exists()
    assert not Alias.objects.filter(domain=OLD).exists()
    assert not AliasTarget.objects.filter(domain=OLD, unmatched=True).exists()
    boxes = Mailbox.objects.filter(domain=NEW).count()
    assert boxes == DomainUsage.objects.get(pk=NEW).mailboxes >= 200


def test_an_alias_elsewhere_that_comes_meanwhile_leads_to_somebody(add_domain, add_mailbox):
    domain, other = add_domain(OLD), add_domain("other.example")
    add_mailbox(f"ann@{OLD}")

    done = at_once(rename(domain), *[alias(other, f"a{n}", f"ann@{OLD}") for n in range(3)])

    assert done == ["done"] * 4
    targets = AliasTarget.objects.filter(owner="other.example").values_list("target", flat=True)
    assert set(targets) <= {f"ann@{NEW}", f"ann@{OLD}"}
    assert not AliasTarget.objects.dangling().exists()


def test_of_two_who_want_the_same_name_one_gets_it(add_domain):
    first, second = add_domain("a.example"), add_domain("b.example")

    assert at_once(rename(first), rename(second)) == ["done", "taken"]
    assert at_once(
        rename(Domain.objects.get(pk=NEW), "c.example", keep_alias=False),
        lambda: create_domain(actor=None, name="c.example"),
    ) == ["done", "taken"]


def test_while_it_is_deleted_it_gets_no_name(add_domain):
    domain = add_domain(OLD)

    def late():
        try:
            rename(domain)()
        except Domain.DoesNotExist:
            return

    at_once(late, lambda: delete_or_find_it_gone(domain))

    assert set(Domain.objects.values_list("pk", flat=True)) in ({NEW, OLD}, set(), {NEW})


def delete_or_find_it_gone(domain):
    try:
        delete_domain(actor=None, domain=domain)
    except Domain.DoesNotExist:
        return


def test_what_another_program_writes_in_capitals_follows(add_domain):
    domain = add_domain(OLD)
    run(
        f"INSERT INTO mailbox (username, password, name, maildir, local_part, domain)"
        f" VALUES ('Ann@{OLD.upper()}', 'x', 'Ann', 'x/', 'Ann', '{OLD}')",
        f"INSERT INTO alias (address, goto, domain) VALUES ('ann@{OLD}', 'Ann@Old.Example', '{OLD}')",
        f"INSERT INTO alias (address, goto, domain) VALUES ('s@{OLD}', 'Ann@Old.Example,B@Y.example', '{OLD}')",
    )

    rename_domain(actor=None, domain=domain, name=NEW)

    assert dict(Alias.objects.values_list("address", "goto")) == {
        f"ann@{NEW}": f"ann@{NEW}",
        f"s@{NEW}": f"Ann@{NEW},B@Y.example",
    }


def test_people_whose_answers_postfixadmin_noted_follow(add_domain, add_mailbox):
    domain = add_domain(OLD)
    ann = add_mailbox(f"ann@{OLD}")
    Vacation.objects.create(email=ann, domain=OLD, subject="Away")
    key = "varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"
    run(
        f"CREATE TABLE vacation_notification (on_vacation {key}, notified {key}, PRIMARY KEY (on_vacation, notified),"
        " FOREIGN KEY (on_vacation) REFERENCES vacation (email) ON DELETE CASCADE)",
        f"INSERT INTO vacation_notification VALUES ('ann@{OLD}', 'x@y.example')",
    )
    try:
        rename_domain(actor=None, domain=domain, name=NEW)

        assert run("SELECT email, domain, subject FROM vacation") == ((f"ann@{NEW}", NEW, "Away"),)
        assert run("SELECT * FROM vacation_notification") == ()
    finally:
        run("DROP TABLE vacation_notification")


@pytest.mark.parametrize("address", ["list", "shop", "info"])
def test_recipients_that_another_program_writes_meanwhile_are_not_lost(
    add_domain, add_mailbox, add_alias, monkeypatch, address
):
    domain = add_domain(OLD)
    add_mailbox(f"ann@{OLD}")
    add_alias(f"shop@{OLD}", "x@y.example")
    add_alias(f"list@{OLD}", f"shop@{OLD}")
    add_alias(f"info@{OLD}", f"shop@{OLD}")
    Alias.objects.filter(pk=f"info@{OLD}").update(goto=f"info@{OLD}")
    of_recipients, said = Names.of_recipients, []

    def meanwhile(*args):
        if not said:
            said.append(from_another_connection(f"{address}@{OLD}", f"ann@{OLD},vip@y.example"))
        return of_recipients(*args)

    monkeypatch.setattr(Names, "of_recipients", meanwhile)
    rename(domain)()

    assert said == ["waits"]


def from_another_connection(address, goto):
    said = []

    def write():
        try:
            run(
                "SET innodb_lock_wait_timeout = 1",
                f"UPDATE alias SET goto = '{goto}' WHERE address = '{address}'",
            )
            said.append("done")
        except OperationalError:
            said.append("waits")
        finally:
            connection.close()

    other = Thread(target=write)
    other.start()
    other.join()
    return said[0]

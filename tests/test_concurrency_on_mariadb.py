from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import override_settings

from accounts.models import Admin, LogEntry, LoginAttempt
from accounts.services import delete_admin, update_admin
from accounts.throttle import record_failure
from aliases.loops import all_hops, find_loop
from aliases.models import Alias
from aliases.services import create_alias, delete_alias, update_alias
from domains.models import Domain, DomainUsage, RoutingLock
from domains.resellers import use_of
from domains.services import create_alias_domain, create_domain, delete_domain, update_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox
from mailboxes.services import create_mailbox, set_mailbox_password, update_mailbox

pytestmark = pytest.mark.django_db(transaction=True)

MB = 1_024_000
ROUNDS = 4


def at_once(*operations):
    """Run the operations together and return the codes of those refused ("done" for the others)."""
    start = Barrier(len(operations))

    def run(operation):
        try:
            connection.ensure_connection()
            start.wait(timeout=120)
            operation()
        except ValidationError as refusal:
            by_field = getattr(refusal, "error_dict", {None: getattr(refusal, "error_list", ())})
            return next(error.code for errors in by_field.values() for error in errors)
        else:
            return "done"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(operations)) as threads:
        return sorted(threads.map(run, operations))


def mailbox(domain, name, **fields):
    return lambda: create_mailbox(
        actor=None, domain=domain, local_part=name, password="tangerine-7-bicycle", **fields
    )


def alias(domain, name, target):
    return lambda: create_alias(actor=None, domain=domain, local_part=name, targets=target)


def test_a_mailbox_limit_is_not_exceeded(add_domain):
    domain = add_domain("example.org", mailboxes=2)

    outcome = at_once(*[mailbox(domain, f"m{number}") for number in range(5)])

    assert outcome == ["done", "done", "limit_reached", "limit_reached", "limit_reached"]
    assert (Mailbox.objects.count(), DomainUsage.objects.get().mailboxes) == (2, 2)


def test_an_alias_limit_is_not_exceeded(add_domain):
    domain = add_domain("example.org", aliases=2)

    outcome = at_once(*[alias(domain, f"a{number}", "x@other.net") for number in range(5)])

    assert outcome == ["done", "done", "limit_reached", "limit_reached", "limit_reached"]
    assert (Alias.objects.count(), DomainUsage.objects.get().alias_rows) == (2, 2)


def test_a_domain_quota_is_not_exceeded_by_new_mailboxes(add_domain):
    domain = add_domain("example.org", quota=10)

    outcome = at_once(*[mailbox(domain, f"m{number}", quota=6 * MB) for number in range(3)])

    assert outcome == ["above_domain_quota", "above_domain_quota", "done"]
    assert DomainUsage.objects.get().allotted == 6 * MB


def test_a_domain_quota_is_not_exceeded_by_edits(add_domain, add_mailbox):
    add_domain("example.org", quota=10)
    rows = [add_mailbox(f"m{number}@example.org", quota=1 * MB) for number in range(3)]

    outcome = at_once(
        *[lambda row=row: update_mailbox(actor=None, mailbox=row, quota=6 * MB) for row in rows]
    )

    assert outcome == ["above_domain_quota", "above_domain_quota", "done"]
    assert DomainUsage.objects.get().allotted == 8 * MB


@pytest.mark.parametrize("names", [("joe", "joe"), ("joe", "JOE")])
def test_one_address_is_not_given_twice(names, add_domain):
    domain = add_domain("example.org")
    one, other = names

    outcome = at_once(
        mailbox(domain, one), alias(domain, other, "x@other.net"), mailbox(domain, other)
    )

    assert outcome == ["done", "taken", "taken"]
    assert Alias.objects.count() == 1
    assert Alias.objects.get().is_self_alias is Mailbox.objects.exists()
    assert LogEntry.objects.filter(data="joe@example.org").count() == 1


def test_one_domain_is_not_created_twice(db):
    make = [lambda: create_domain(actor=None, name="example.org")] * 3

    outcome = at_once(*make)

    assert outcome == ["done", "taken", "taken"]
    assert Domain.objects.count() == 1
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("number", range(ROUNDS))
def test_the_last_two_superadmins_cannot_demote_each_other(number, make_admin):
    one, two = (make_admin(f"{name}@example.org", superadmin=True) for name in ("one", "two"))

    outcome = at_once(
        lambda: update_admin(actor=one, admin=two, superadmin=False),
        lambda: delete_admin(actor=two, admin=one),
    )

    assert outcome == ["done", "last_superadmin"]
    assert Admin.objects.filter(superadmin=True, active=True).count() == 1


@pytest.mark.parametrize("number", range(ROUNDS))
def test_two_aliases_close_no_loop_together(number, add_domain):
    one, two = add_domain("example.org"), add_domain("other.net")

    outcome = at_once(alias(one, "a", "b@other.net"), alias(two, "b", "a@example.org"))

    assert outcome == ["done", "loop"]
    assert Alias.objects.count() == 1


def test_an_alias_domain_a_forwarding_and_an_alias_close_no_loop_together(add_domain, add_mailbox):
    one, two = add_domain("example.org"), add_domain("other.net")
    joe = add_mailbox("joe@example.org")

    outcome = at_once(
        lambda: create_alias_domain(actor=None, alias_domain=two, target_domain=one),
        lambda: set_forwarding(
            actor=None, mailbox=joe, targets="sales@example.org", keep_copy=False
        ),
        alias(one, "sales", "joe@other.net"),
    )

    assert outcome == ["done", "done", "loop"]
    for row in Alias.objects.all():
        assert find_loop(row.pk, all_hops([row.pk])) is None


def test_alias_domains_form_no_chain_together(add_domain):
    a, b, c = (add_domain(f"{name}.example") for name in "abc")

    outcome = at_once(
        lambda: create_alias_domain(actor=None, alias_domain=a, target_domain=b),
        lambda: create_alias_domain(actor=None, alias_domain=b, target_domain=c),
    )

    assert outcome == ["chain", "done"]


def test_a_domain_goes_only_as_a_whole(add_domain, add_mailbox):
    """A mailbox that comes at the same time is in it or is refused; none is left behind."""
    domain = add_domain("example.org")
    add_mailbox("joe@example.org")

    def try_mailbox():
        try:
            mailbox(domain, "ann")()
        except Domain.DoesNotExist:
            raise ValidationError("gone", "gone") from None

    outcome = at_once(lambda: delete_domain(actor=None, domain=domain), try_mailbox)

    assert outcome in (["done", "done"], ["done", "gone"])
    for model in (Domain, DomainUsage, Mailbox, Alias):
        assert model.objects.count() == 0


@pytest.mark.parametrize("number", range(ROUNDS))
def test_changes_of_many_kinds_do_not_wait_for_each_other_in_circles(
    number, add_domain, add_mailbox
):
    """Locks are taken in one order, so MariaDB has no deadlock to break."""
    domain = add_domain("example.org")
    rows = [add_mailbox(f"m{number}@example.org") for number in range(3)]
    shop = create_alias(actor=None, domain=domain, local_part="shop", targets="m0@example.org")
    old = create_alias(actor=None, domain=domain, local_part="old", targets="m1@example.org")

    outcome = at_once(
        mailbox(domain, "new", quota=MB),
        alias(domain, "a", "m2@example.org"),
        lambda: update_alias(actor=None, alias=shop, targets="m1@example.org"),
        lambda: delete_alias(actor=None, alias=old),
        lambda: update_mailbox(actor=None, mailbox=rows[0], quota=MB),
        lambda: update_mailbox(actor=None, mailbox=rows[1], active=False),
        lambda: set_mailbox_password(actor=None, mailbox=rows[1], password="another-password-1"),
        lambda: update_domain(actor=None, domain=domain, backupmx=True),
        lambda: set_forwarding(actor=None, mailbox=rows[2], targets="x@other.net", keep_copy=True),
    )

    assert outcome == ["done"] * 9
    usage = DomainUsage.objects.get()
    assert (usage.mailboxes, usage.alias_rows, usage.allotted) == (4, 6, 2 * MB)


def test_every_failure_of_a_crowd_is_counted(db):
    with override_settings(LOGIN_FAILURES=50):
        outcome = at_once(*[lambda: record_failure("joe@example.org", "192.0.2.7")] * 6)

    assert outcome == ["done"] * 6
    assert set(LoginAttempt.objects.values_list("failures", flat=True)) == {6}


def test_the_lock_of_the_routes_is_one_row(db):
    from django.db import transaction

    def hold():
        with transaction.atomic():
            RoutingLock.hold()

    assert at_once(*[hold] * 4) == ["done"] * 4
    assert RoutingLock.objects.count() == 1


def sold(reseller, name, **limits):
    limits = {"mailboxes": 6, "quota": 60, "maxquota": 10} | limits
    return lambda: create_domain(actor=reseller, name=name, **limits)


@pytest.mark.parametrize(
    ("budget", "fits"),
    [
        ({"domains": 2, "mailboxes": None, "storage": None}, 2),
        ({"domains": None, "mailboxes": 12, "storage": None}, 2),
        ({"domains": None, "mailboxes": None, "storage": 119}, 1),
    ],
)
def test_a_resellers_budget_is_not_exceeded_by_new_domains(make_reseller, budget, fits):
    reseller = make_reseller(**budget)

    for number in range(ROUNDS):
        outcome = at_once(*[sold(reseller, f"d{number}{n}.example") for n in range(4)])

        assert outcome == ["budget"] * (4 - fits) + ["done"] * fits
        assert use_of(reseller.pk) == (fits, 6 * fits, 60 * fits)
        for domain in Domain.objects.all():
            delete_domain(actor=None, domain=domain)


def test_nor_by_limits_that_change_while_a_domain_is_made(make_reseller):
    reseller = make_reseller(domains=None, mailboxes=12, storage=None)
    domain = sold(reseller, "firm.example")()

    for number in range(ROUNDS):
        outcome = at_once(
            sold(reseller, f"d{number}.example"),
            lambda: update_domain(actor=reseller, domain=domain, mailboxes=12),
        )

        assert outcome == ["budget", "done"]
        assert use_of(reseller.pk).mailboxes == 12
        for other in Domain.objects.exclude(pk="firm.example"):
            delete_domain(actor=None, domain=other)
        update_domain(actor=None, domain=domain, mailboxes=6)


def test_a_right_that_is_taken_away_meanwhile_makes_no_domain_that_counts(make_reseller):
    reseller = make_reseller()

    for number in range(ROUNDS):
        outcome = at_once(
            sold(reseller, f"d{number}.example", mailboxes=1, quota=1),
            lambda: update_admin(actor=None, admin=reseller, reseller=False),
        )

        assert outcome in (["done", "done"], ["done", "superadmin"])
        assert use_of(reseller.pk) == (0, 0, 0)
        update_admin(actor=None, admin=reseller, reseller=True)

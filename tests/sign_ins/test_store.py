import time
from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from mailadmin.sign_ins import keeping, store, writing
from mailadmin.sign_ins.report import Report, address_of
from mailadmin.sign_ins.store import Store
from mailboxes import sign_ins
from mailboxes.models import AppPassword, LastLogin, RefusedNetwork, SignIn

ANN, BOB = "ann@example.org", "bob@example.org"
NOW = int(time.time())
THERE = "192.0.2.77"


@pytest.fixture
def ann(example_org, add_mailbox):
    add_mailbox(BOB)
    return add_mailbox(ANN)


@pytest.fixture
def kept(db):
    return Store()


def told(login=ANN, *, at=NOW, protocol="imap", address=THERE, success=True, app=0, **more):
    values = {"reason": "", "guess": ""} | more
    return Report(login, protocol, address, success, app_password=app, at=at, **values)


def tell(kept, *reports):
    for report in reports:
        kept.add(report)
    kept.step()


def rows():
    columns = ("username", "protocol", "address", "success", "number")
    return set(SignIn.objects.values_list(*columns))


def test_those_that_are_alike_are_one_row_a_day(kept, ann):
    tell(kept, told(), told(at=NOW - 1), told(protocol="smtp"))
    tell(kept, told(at=NOW - 5), told(success=False), told(BOB, address="2001:db8::1"))

    assert rows() == {
        (ANN, "imap", THERE, True, 3),
        (ANN, "smtp", THERE, True, 1),
        (ANN, "imap", THERE, False, 1),
        (BOB, "imap", "2001:db8::1", True, 1),
    }
    assert SignIn.objects.get(username=ANN, number=3).at == NOW
    assert set(SignIn.objects.values_list("domain", flat=True)) == {"example.org"}


def test_another_day_is_another_row(kept, ann):
    tell(kept, told(), told(at=NOW - 86_400))

    assert SignIn.objects.count() == 2


def test_a_name_that_no_mailbox_has_is_written_nowhere(kept, ann):
    """It may be a password, typed into the wrong field."""
    tell(kept, told("hunter2", success=False), told("' OR 1=1 --", success=False))
    tell(kept, told("ann@elsewhere.test", success=False))

    assert rows() == {("", "imap", THERE, False, 3)}


def test_the_last_sign_in_is_known_by_protocol_with_its_address(kept, ann):
    tell(kept, told(at=NOW - 9), told(at=NOW - 3, address="192.0.2.1"), told(protocol="smtp"))
    tell(kept, told(at=NOW - 5), told(success=False), told("nobody@example.org"))

    found = LastLogin.objects.values_list("username", "protocol", "at", "address")
    assert set(found) == {(ANN, "imap", NOW - 3, "192.0.2.1"), (ANN, "smtp", NOW, THERE)}


def test_an_app_password_knows_its_last_use(kept, ann):
    phone, other = (AppPassword.objects.create(username=ann, protocols="imap") for _ in "12")
    tell(kept, told(app=phone.pk, at=NOW - 9), told(app=phone.pk, protocol="smtp"))
    tell(kept, told(app=phone.pk, at=NOW - 5, address="192.0.2.1"), told(app=10**17))
    tell(kept, told(BOB, app=other.pk))  # not Bob's

    phone.refresh_from_db()
    other.refresh_from_db()
    assert (phone.used, phone.used_protocol, phone.used_address) == (NOW, "smtp", THERE)
    assert (other.used, other.used_protocol, other.used_address) == (None, "", "")


def wrong(number, *, address=THERE, **more):
    """So many that count: of a mailbox the first one does not."""
    return [
        told(success=False, address=address, guess=f"{n:03x}", **more) for n in range(number + 1)
    ]


def answer(kept, address=THERE, **more):
    return kept.answer(address_of(address), **more)


def test_a_network_with_too_many_wrong_passwords_is_refused_for_a_while(kept, ann, settings):
    tell(kept, *wrong(settings.SIGN_INS_FAILURES - 1))
    assert (answer(kept), RefusedNetwork.objects.count()) == (0, 0)

    tell(kept, told(success=False, guess="fff"))

    row = RefusedNetwork.objects.get()
    assert (row.network, row.failures) == ("192.0.2.77/32", settings.SIGN_INS_FAILURES)
    assert row.until - row.since == 60 * settings.SIGN_INS_REFUSED_MINUTES
    assert answer(kept) == -1
    assert answer(kept, "192.0.2.78") == 0
    assert answer(kept, now=row.until) == 0
    assert Store().answer(address_of(THERE)) == 0  # of which the rows were not asked for yet


def test_another_server_learns_of_it(kept, ann, settings):
    tell(kept, *wrong(settings.SIGN_INS_FAILURES))
    other = Store()
    other.step()

    assert answer(other) == -1


def test_an_ipv6_network_is_a_64(kept, ann, settings):
    tell(
        kept,
        *(
            told(success=False, address=f"2001:db8::{n:x}", guess=f"{n:03x}")
            for n in range(1, settings.SIGN_INS_FAILURES + 2)
        ),
    )

    assert RefusedNetwork.objects.get().network == "2001:db8::/64"
    assert answer(kept, "2001:db8::ffff:1") == -1
    assert answer(kept, "2001:db8:0:1::1") == 0


def test_instead_of_refused_it_is_slowed_where_the_setting_says_so(kept, ann, settings):
    settings.SIGN_INS_SLOWED_SECONDS = 5
    tell(kept, *wrong(settings.SIGN_INS_FAILURES))

    assert answer(kept) == 5


def test_a_program_with_an_old_password_is_no_guesser(kept, ann):
    tell(kept, *(told(success=False, guess="0a1", at=NOW - n) for n in range(200)))

    assert not RefusedNetwork.objects.exists()


def test_names_of_nobody_are_guesses_too(kept, ann, settings):
    many = range(settings.SIGN_INS_FAILURES)
    tell(kept, *(told(f"{n}@example.org", success=False, guess="0a1") for n in many))

    assert answer(kept) == -1


@pytest.mark.parametrize("reason", ["policy", "internal", "disabled", "expired"])
def test_what_is_no_wrong_password_does_not_count(kept, ann, settings, reason):
    tell(kept, *wrong(settings.SIGN_INS_FAILURES, reason=reason))

    assert not RefusedNetwork.objects.exists()


def test_wrong_passwords_of_long_ago_do_not_count(kept, ann, settings):
    number = settings.SIGN_INS_FAILURES
    tell(kept, *wrong(number - 1, at=NOW - 60 * settings.SIGN_INS_MINUTES))
    tell(kept, told(success=False, guess="fff"))

    assert not RefusedNetwork.objects.exists()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "198.51.100.7", "2001:db8:1::7"])
def test_this_machine_and_trusted_networks_are_never_refused(kept, ann, settings, address):
    settings.SIGN_INS_TRUSTED = ["198.51.100.0/24", "2001:db8:1::7"]
    tell(kept, *wrong(settings.SIGN_INS_FAILURES * 2, address=address))
    kept.refused = {"198.51.100.7/32": NOW + 86_400}

    assert not RefusedNetwork.objects.exists()
    assert answer(kept, address) == 0


def test_a_webmail_of_this_machine_is_never_refused_for_its_users(kept, ann, settings):
    tell(kept, *wrong(settings.SIGN_INS_FAILURES * 2, from_here=True))

    assert not RefusedNetwork.objects.exists()


def test_where_nobody_is_to_be_refused_nobody_is(kept, ann, settings):
    settings.SIGN_INS_FAILURES = 0
    tell(kept, *wrong(100))

    assert not RefusedNetwork.objects.exists()


def test_who_is_let_in_again_begins_anew(kept, ann, settings, make_admin):
    tell(kept, *wrong(settings.SIGN_INS_FAILURES))
    sign_ins.let_in(actor=make_admin(superadmin=True), network=RefusedNetwork.objects.get())
    kept.looked_at = float("-inf")
    kept.step()
    assert answer(kept) == 0

    tell(kept, *wrong(settings.SIGN_INS_FAILURES - 1))
    assert not RefusedNetwork.objects.exists()


def test_a_network_whose_time_is_over_is_forgotten(kept, ann):
    RefusedNetwork.objects.create(pk="192.0.2.7/32", since=1, until=NOW - 1, failures=20)
    kept.step()

    assert not RefusedNetwork.objects.exists()


# --- The database is away


@pytest.fixture
def away(monkeypatch):
    class Away:
        on = True

    def write(rows):
        if Away.on:
            raise OperationalError(2002, "away")
        writing.write(rows)

    monkeypatch.setattr(store, "write", write)
    monkeypatch.setattr(connection, "close", lambda: None)
    return Away


def test_what_cannot_be_written_is_written_later(kept, ann, away):
    tell(kept, told())
    assert (rows(), "away" in kept.says) == (set(), True)

    away.on = False
    tell(kept, told(protocol="smtp"))

    assert rows() == {(ANN, "imap", THERE, True, 1), (ANN, "smtp", THERE, True, 1)}
    assert kept.says == ""


def test_while_it_is_away_no_password_counts_as_wrong(kept, ann, away, settings, add_mailbox):
    """Dovecot 2.3 reports each sign-in as failed then, the right passwords of a whole office."""
    office = [f"user{n}@example.org" for n in range(settings.SIGN_INS_FAILURES * 2)]
    for name in office:
        add_mailbox(name)
        tell(kept, *(told(name, success=False, guess="0a1") for _ in range(3)))
    away.on = False
    kept.step()

    assert SignIn.objects.count() == len(office)
    assert not RefusedNetwork.objects.exists()


@pytest.mark.parametrize("error", [OperationalError(1205, "lock"), InterfaceError(2013, "gone")])
def test_what_was_written_is_not_written_again_when_what_follows_fails(
    kept, ann, monkeypatch, error
):
    def fails():
        raise error

    monkeypatch.setattr(connection, "close", lambda: None)
    monkeypatch.setattr(kept, "_do_what_is_due", fails)
    tell(kept, told())
    monkeypatch.undo()
    kept.step()

    assert rows() == {(ANN, "imap", THERE, True, 1)}


def test_the_thread_goes_on_after_a_fault_of_its_own(kept, ann, monkeypatch):
    def fails(rows):
        raise ValueError("a fault")

    monkeypatch.setattr(store, "write", fails)
    tell(kept, told())
    assert (kept.says, kept.waiting) == ("a fault", [])
    monkeypatch.undo()
    tell(kept, told(protocol="pop3"))

    assert rows() == {(ANN, "pop3", THERE, True, 1)}
    assert kept.says == ""


def test_what_waits_has_a_bound(kept, ann, away, monkeypatch, caplog):
    monkeypatch.setattr(store, "MOST_WAITING", 3)
    for _ in range(3):
        tell(kept, told(), told(BOB), told(protocol="smtp"), told(protocol="pop3"))

    assert len(kept.waiting) == 3
    assert "1 sign-ins were left out" in caplog.text


# --- Bounds


def test_new_rows_of_a_minute_have_a_bound_and_the_last_sign_in_is_kept(kept, ann, settings):
    settings.SIGN_INS_A_MINUTE = 3
    tell(
        kept,
        *(told(success=False, address=f"192.0.2.{n}") for n in range(9)),
        told(success=False, address="192.0.2.0"),
        told(protocol="smtp"),
    )

    assert SignIn.objects.filter(success=False).count() == 3
    assert SignIn.objects.get(address="192.0.2.0").number == 2
    assert LastLogin.objects.get().protocol == "smtp"


def test_days_that_are_too_old_are_forgotten(kept, ann, settings):
    settings.SIGN_INS_DAYS = 90
    tell(kept, told(), told(at=NOW - 95 * 86_400), told(at=NOW - 80 * 86_400))
    kept.cleaned_at = float("-inf")
    kept.step()

    first = timezone.localdate() - timedelta(days=90)
    assert SignIn.objects.count() == 2
    assert not SignIn.objects.filter(day__lt=first).exists()
    assert LastLogin.objects.get().at == NOW


def test_beyond_the_most_the_oldest_days_are_forgotten(kept, ann, settings):
    settings.SIGN_INS_MOST = 3
    tell(kept, *(told(at=NOW - n * 86_400) for n in range(10)))
    kept.cleaned_at = kept.counted_at = float("-inf")
    kept.step()

    assert keeping.too_many() == 0
    oldest = timezone.localdate() - timedelta(days=3)
    assert not SignIn.objects.filter(day__lt=oldest).exists()

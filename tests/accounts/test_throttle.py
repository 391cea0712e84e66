from datetime import timedelta
from unittest import mock

import pytest
from django.test import override_settings
from django.utils import timezone

from accounts.models import LoginAttempt
from accounts.throttle import is_blocked, network_of, record_failure, reset

HERE, THERE = "192.0.2.7", "198.51.100.9"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("few_failures")]


@pytest.fixture
def few_failures():
    with override_settings(LOGIN_FAILURES=3, LOGIN_PAUSE_MINUTES=15):
        yield


def fail(times, username="info@example.org", ip=HERE):
    for _time in range(times):
        record_failure(username, ip)


def later(**delta):
    moment = timezone.now() + timedelta(**delta)
    return mock.patch("django.utils.timezone.now", return_value=moment)


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::6", "2001:db8:1:3::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("unix:", "unknown"),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_64(ip, network):
    assert network_of(ip) == network


def test_the_third_failure_blocks_this_name_from_this_client():
    fail(2)
    assert is_blocked("info@example.org", HERE) is False
    fail(1)
    assert is_blocked("info@example.org", HERE) is True


def test_the_owner_elsewhere_and_other_names_are_not_blocked():
    fail(3)

    assert is_blocked("info@example.org", THERE) is False
    assert is_blocked("sales@example.org", HERE) is False


def test_letter_case_and_spaces_make_no_new_name():
    fail(3, " INFO@example.org ")

    assert is_blocked("info@EXAMPLE.org", HERE) is True


def test_both_forms_of_an_international_name_are_one_name():
    fail(2, "ann@müller.example")
    fail(1, "ann@xn--mller-kva.example")

    assert is_blocked("Ann@Müller.example", HERE) is True
    reset("ann@mu\u0308ller.example", HERE)
    assert is_blocked("ann@xn--mller-kva.example", HERE) is False


def test_trying_many_names_blocks_the_whole_client():
    for number in range(29):
        fail(1, f"user{number}@example.org")
    assert is_blocked("anybody@example.org", HERE) is False
    fail(1, "user29@example.org")

    assert is_blocked("anybody@example.org", HERE) is True
    assert is_blocked("anybody@example.org", THERE) is False


def test_an_ipv6_client_cannot_escape_within_its_64():
    fail(3, ip="2001:db8:1:2::1")

    assert is_blocked("info@example.org", "2001:db8:1:2:ffff::2") is True
    assert is_blocked("info@example.org", "2001:db8:1:3::1") is False


def test_the_pause_ends_with_its_minutes():
    fail(3)

    with later(minutes=14, seconds=50):
        assert is_blocked("info@example.org", HERE) is True
    with later(minutes=15, seconds=1):
        assert is_blocked("info@example.org", HERE) is False


def test_after_the_pause_counting_starts_again_and_old_counters_are_dropped():
    fail(3)
    fail(1, "sales@example.org", THERE)

    with later(minutes=16):
        fail(1)
        assert is_blocked("info@example.org", HERE) is False

    counts = dict(LoginAttempt.objects.values_list("source", "failures"))
    assert counts == {HERE: 1, f"{HERE} info@example.org": 1}


def test_a_correct_password_resets_this_name_but_not_the_client():
    fail(2)
    reset("info@example.org", HERE)
    fail(2)

    assert is_blocked("info@example.org", HERE) is False
    assert LoginAttempt.objects.get(pk=HERE).failures == 4


def test_a_name_of_any_length_can_be_counted():
    fail(3, "ü" * 1000 + "@example.org")

    assert is_blocked("ü" * 1000 + "@example.org", HERE) is True

"""The quota rules against PostfixAdmin's check_quota(), without its hole for -1."""

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from domains.models import Domain, DomainUsage
from domains.services import update_domain
from mailboxes.forms import quota_help
from mailboxes.models import MAX_QUOTA, FullMailbox, Mailbox, first_quota, quota_error
from mailboxes.services import create_mailbox, update_mailbox
from tests.refusals import refused

MB = 1_024_000
limits = st.sampled_from([-1, 0, 1, 5, 10, 100])
sizes = st.sampled_from([-2, -1, 0, 1, 4, 5, 6, 10, 50, 100, 101])


def postfix_admin_says(quota, maxquota, domain_quota, others):
    """Its check_quota() line by line, in MB. -1 passes there, and Dovecot refuses the mailbox;
    what it stands for, in a domain that does not use quotas, is 0 here. A domain with a quota uses
    them: PostfixAdmin looks at maxquota alone, and gives a mailbox there all the room there is."""
    if quota < 0:
        return False
    if maxquota < 0 and domain_quota <= 0:
        return quota == 0
    if maxquota > 0 and quota == 0:
        return False
    if maxquota > 0 and quota > maxquota:
        return False
    if domain_quota <= 0:
        return True
    if quota == 0:
        return False
    return others + quota <= domain_quota


@given(
    quota=sizes, maxquota=limits, domain_quota=limits, others=st.sampled_from([0, 1, 5, 99, 200])
)
def test_the_rules_are_postfixadmins(quota, maxquota, domain_quota, others):
    domain = Domain(name="example.org", maxquota=maxquota, quota=domain_quota)

    error = quota_error(domain, quota * MB, others=others * MB)

    assert (error is None) == postfix_admin_says(quota, maxquota, domain_quota, others)


@given(quota=st.integers(-(10**14), 10**14), maxquota=limits, domain_quota=limits)
def test_bytes_between_whole_megabytes_count_too(quota, maxquota, domain_quota):
    domain = Domain(name="example.org", maxquota=maxquota, quota=domain_quota)

    error = quota_error(domain, quota, others=0)

    assert (error is None) == postfix_admin_says(quota / MB, maxquota, domain_quota, 0)


@pytest.mark.parametrize(
    ("limits", "quota", "code"),
    [
        ({}, -1, "negative"),
        ({"maxquota": -1}, 1, "unused"),
        ({"maxquota": 10}, 0, "above_maxquota"),
        ({"maxquota": 10}, 11, "above_maxquota"),
        ({"quota": 10}, 0, "unlimited"),
        ({"quota": 10}, 11, "above_domain_quota"),
    ],
)
def test_each_refusal_says_which_rule(limits, quota, code, add_domain, password):
    domain = add_domain("example.org", **limits)
    codes = ["min_value", code] if quota < 0 else [code]

    with refused(*codes, field="quota"):
        create_mailbox(
            actor=None, domain=domain, local_part="joe", password=password, quota=quota * MB
        )

    assert Mailbox.objects.count() == 0


def test_the_domain_quota_counts_all_its_mailboxes_and_no_others(
    add_domain, other_net, add_mailbox
):
    add_domain("example.org", quota=10)
    add_mailbox("elsewhere@other.net", quota=100 * MB)
    add_mailbox("a@example.org", quota=6 * MB)

    with refused("above_domain_quota", field="quota") as refusal:
        add_mailbox("b@example.org", quota=4 * MB + 1)
    assert refusal.value.error_dict["quota"][0].params["rest"] == "4\u00a0MB"

    assert add_mailbox("b@example.org", quota=4 * MB).quota == 4 * MB


def test_an_edit_counts_the_mailbox_once(add_domain, add_mailbox):
    add_domain("example.org", quota=10)
    a = add_mailbox("a@example.org", quota=6 * MB)
    add_mailbox("b@example.org", quota=2 * MB)

    assert update_mailbox(actor=None, mailbox=a, quota=8 * MB).quota == 8 * MB
    with refused("above_domain_quota", field="quota"):
        update_mailbox(actor=None, mailbox=a, quota=8 * MB + 1)
    assert update_mailbox(actor=None, mailbox=a, quota=1 * MB).quota == 1 * MB


def test_a_domain_quota_holds_where_another_program_says_that_quotas_are_not_used(
    add_domain, add_mailbox
):
    domain = add_domain("example.org", quota=10)
    Domain.objects.update(maxquota=-1)

    with refused("unlimited", field="quota"):
        add_mailbox("a@example.org", quota=0)
    with refused("above_domain_quota", field="quota"):
        add_mailbox("a@example.org", quota=11 * MB)
    domain.refresh_from_db()
    assert first_quota(domain) == 10
    assert add_mailbox("a@example.org", quota=10 * MB).quota == 10 * MB


def test_a_domain_with_a_quota_uses_quotas(add_domain):
    with refused("unused", field="maxquota"):
        add_domain("a.example", maxquota=-1, quota=10)
    domain = add_domain("b.example", maxquota=-1)
    with refused("unused", field="maxquota"):
        update_domain(actor=None, domain=domain, quota=10)

    Domain.objects.filter(pk="b.example").update(quota=10)  # as PostfixAdmin stores it
    assert update_domain(actor=None, domain=domain, active=False).active is False
    with refused("unused", field="maxquota"):
        update_domain(actor=None, domain=domain, quota=11)
    assert update_domain(actor=None, domain=domain, maxquota=5).maxquota == 5


def test_negative_quotas_of_other_programs_make_no_room(add_domain, add_mailbox):
    add_domain("example.org", quota=10)
    add_mailbox("a@example.org", quota=6 * MB)
    Mailbox.objects.filter(pk="a@example.org").update(quota=-100 * MB)

    with refused("above_domain_quota", field="quota"):
        add_mailbox("b@example.org", quota=11 * MB)
    assert update_mailbox(
        actor=None, mailbox=Mailbox.objects.get(pk="a@example.org"), quota=10 * MB
    )
    Mailbox.objects.filter(pk="a@example.org").update(quota=-100 * MB)
    assert add_mailbox("b@example.org", quota=10 * MB).quota == 10 * MB


def test_a_negative_quota_makes_what_is_left_no_less(add_domain, add_mailbox):
    add_domain("example.org", quota=10)
    add_mailbox("a@example.org", quota=6 * MB)
    Mailbox.objects.update(quota=-5 * MB)

    assert quota_help(Domain.objects.get(), Mailbox.objects.get()) == (
        "example.org has 10\u00a0MB left for it."
    )


def test_where_too_much_is_given_away_a_new_mailbox_begins_with_nothing(add_domain, add_mailbox):
    domain = add_domain("example.org", quota=10, maxquota=10)
    add_mailbox("a@example.org", quota=10 * MB)
    update_domain(actor=None, domain=domain, quota=4)

    assert first_quota(Domain.objects.get()) == 0


def test_a_quota_that_was_too_large_may_shrink_but_only_to_what_is_allowed(add_domain, add_mailbox):
    domain = add_domain("example.org")
    joe = add_mailbox("joe@example.org", quota=100 * MB)
    update_domain(actor=None, domain=domain, maxquota=10)

    with pytest.raises(ValidationError):
        update_mailbox(actor=None, mailbox=joe, quota=50 * MB)
    assert update_mailbox(actor=None, mailbox=joe, quota=10 * MB).quota == 10 * MB


def test_no_number_is_larger_than_the_database_can_add_up(example_org, add_mailbox):
    most = MAX_QUOTA * settings.QUOTA_MULTIPLIER
    with refused("too_large", field="quota"):
        add_mailbox("joe@example.org", quota=most + 1)
    for name in ("joe", "ann"):
        add_mailbox(f"{name}@example.org", quota=most)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO quota2 (username, bytes) VALUES ('joe@example.org', %s)", [most]
        )

    assert DomainUsage.objects.get(pk="example.org").allotted == 2 * most
    assert FullMailbox.objects.get(pk="joe@example.org").percent == 100
    with refused("max_value", "max_value", "max_value"):
        update_domain(
            actor=None, domain=example_org, quota=10**13, maxquota=10**13, password_expiry=3_000_000
        )


@pytest.mark.parametrize("quota", [0, 1])
def test_a_domain_quota_that_is_used_up_is_said_with_a_number_and_without(quota):
    domain = Domain(name="hr.example", maxquota=1024, quota=10240)

    error = quota_error(domain, quota * MB, others=10240 * MB)

    assert error.messages == [
        "hr.example has 0\u00a0MB of its 10\u00a0GB left. Give less, or ask for a larger domain quota."
    ]

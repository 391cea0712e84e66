import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aliases.models import Alias
from domains.dns.findings import DIFFERS, MISSING, NOT_ASKED, WRONG, Finding
from domains.dns.states import store
from domains.models import Domain
from tests.pages.reading import links, text

URL = "/domains/new.example/"
LIMITS = {f"{name}_0": "unlimited" for name in ("aliases", "mailboxes", "maxquota", "quota")}


@pytest.fixture
def creator(superadmin):
    superadmin.post(reverse("domain-create"), {"name": "new.example"} | LIMITS)
    return superadmin


def left(client):
    """The steps that are not done, or None without a list."""
    found = re.search('id="checklist".*?</section>', client.get(URL).text, re.DOTALL)
    if not found:
        return None
    items = re.findall("<li>(.*?)</li>", found[0], re.DOTALL)
    return [re.sub("<[^>]*>", "", item) for item in items]


POSTMASTER, MAILBOX, ADMIN, DNS = (
    "Mail for postmaster@ reaches somebody",
    "A first mailbox",
    "An administrator of its own",
    "DNS: its MX record leads here",
)


def test_a_new_domain_says_what_it_needs_until_it_is_there(
    creator, add_mailbox, add_alias, make_admin
):
    assert left(creator) == [POSTMASTER, MAILBOX, ADMIN, DNS]
    here = links(creator.get(URL))
    assert "/domains/new.example/new/?kind=alias&local_part=postmaster" in here
    assert reverse("admin-create") in here

    add_mailbox("ann@new.example")
    add_alias("postmaster@new.example", "ann@new.example")
    make_admin("it@new.example", domains=["new.example"])

    assert left(creator) == [DNS]
    assert "A first mailbox (done)" in text(creator.get(URL))
    ended = creator.post(reverse("domain-checklist", args=["new.example"]))
    assert (ended.status_code, ended.url, left(creator)) == (302, URL, None)


@pytest.mark.parametrize(
    ("targets", "reached"),
    [
        (["gone@new.example"], False),
        (["off@new.example"], False),
        (["off@new.example", "gone@new.example"], False),
        (["gone@new.example", "ann@new.example"], True),
        (["x@else.example"], True),
    ],
)
def test_only_an_address_that_somebody_answers_counts(
    targets, reached, creator, add_mailbox, add_alias
):
    add_mailbox("ann@new.example")
    add_mailbox("off@new.example", active=False)
    add_alias("postmaster@new.example", *targets)

    assert (POSTMASTER not in left(creator)) == reached


@pytest.mark.parametrize("active", [True, False])
def test_a_recipient_in_another_domain_counts_as_postfix_finds_it(
    active, creator, example_org, add_mailbox, add_alias
):
    add_mailbox("it@example.org", active=active)
    add_alias("desk@example.org", "it@example.org")
    add_alias("postmaster@new.example", "desk@example.org")

    assert (POSTMASTER not in left(creator)) == active


def test_an_alias_of_an_alias_that_is_off_reaches_nobody(creator, add_mailbox, add_alias):
    add_mailbox("ann@new.example", active=False)
    add_alias("desk@new.example", "ann@new.example")
    add_alias("postmaster@new.example", "desk@new.example")

    assert POSTMASTER in left(creator)


def test_it_costs_no_more_than_any_page(creator, example_org, add_mailbox, add_alias):
    add_mailbox("it@example.org")
    add_mailbox("ann@new.example")
    add_alias("postmaster@new.example", "it@example.org")
    creator.get(URL)

    with CaptureQueriesContext(connection) as captured:
        assert POSTMASTER not in left(creator)

    assert len(captured) <= 10


@pytest.mark.parametrize(
    ("findings", "done"),
    [
        ([Finding("mx", "new.example", "MX")], True),
        ([Finding("mx", "new.example", "MX", state=DIFFERS, reason="others")], True),
        (
            [Finding("mx", "new.example", "MX", (), ("10 mx.else.test.",), WRONG, "elsewhere")],
            False,
        ),
        ([Finding("mx", "new.example", "MX", state=MISSING, reason="missing")], False),
        ([Finding("mx", "new.example", "MX", state=NOT_ASKED, reason="not asked")], False),
        ([Finding("spf", "new.example", "TXT")], False),
        ([], False),
    ],
)
def test_the_step_for_dns_is_done_once_a_check_found_the_mx_right(findings, done, creator):
    store(name="new.example", findings=findings)

    assert (DNS not in left(creator)) == done


def test_a_catch_all_takes_postmaster_s_mail_too(creator, add_alias):
    add_alias("postmaster@new.example", "x@else.example", active=False)
    assert POSTMASTER in left(creator)

    add_alias("@new.example", "x@else.example")
    assert POSTMASTER not in left(creator)
    Alias.objects.filter(pk="@new.example").update(active=False)
    assert POSTMASTER in left(creator)


def test_nobody_else_sees_it_and_a_filter_hides_it(creator, sign_in, make_admin):
    other = sign_in(make_admin("other@example.org", superadmin=True))
    assert left(other) is None


def test_a_list_that_is_narrowed_has_none(creator):
    assert "checklist" not in creator.get(URL, {"q": "ann"}).text
    assert "checklist" not in creator.get(URL, {"state": "off"}).text


def test_what_is_no_place_of_its_own_has_none(creator):
    Domain.objects.filter(pk="new.example").update(backupmx=True)

    assert left(creator) is None


def test_another_name_for_a_domain_has_none(superadmin):
    sent = {"name": "new.example", "use_as": "alias", "alias_of": "example.org"}
    superadmin.post(reverse("domain-create"), sent | LIMITS)

    assert left(superadmin) is None

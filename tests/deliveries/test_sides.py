"""What each side of a message sees of it: what it wrote or received itself, and nothing of the other side's affairs."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from domains.copies import Copy
from domains.deliveries import Delivery
from domains.models import Domain
from mailadmin.deliveries.finding import Asked, find
from mailboxes.models import Mailbox

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def sides(example_org, other_net, add_mailbox, settings):
    settings.DELIVERIES_FOR_USERS = True
    for name in ("ann@example.org", "eve@other.net"):
        add_mailbox(name)
    Domain.objects.update(created=LONG_AGO)
    Mailbox.objects.update(created=LONG_AGO)


@pytest.fixture
def writer(make_admin):
    """Who manages the domain of the sender."""
    return make_admin("admin@example.org", domains=["example.org"])


@pytest.fixture
def receiver(make_admin):
    """Who manages the domain of the recipient."""
    return make_admin("admin@other.net", domains=["other.net"])


@pytest.fixture
def root(make_admin):
    return make_admin("root@example.org", superadmin=True)


@pytest.fixture
def ann():
    return Mailbox.objects.get(pk="ann@example.org")


def signed_in(log):
    return log.comes_in("ann@example.org", login="ann@example.org")


def rows(account, address=""):
    domains = None
    if account.is_mailbox_user:
        domains, address = (account.domain_id,), account.username
    elif not account.is_superadmin:
        domains = account.domain_names
    return find(account, Asked(domains, address)).rows


def recipients(account, address=""):
    return [row.recipient for row in rows(account, address)]


def test_who_wrote_is_not_told_what_the_recipients_filter_did(log, follow, writer, ann, receiver):
    log.saved(signed_in(log), "eve@other.net", folder="Lawyer")
    follow()

    for account in (writer, ann):
        [row] = rows(account)
        assert (row.recipient, row.result) == ("eve@other.net", "delivered")
        assert (row.place, row.relay, row.says) == ("", "", "")
        assert (row.login, row.client) == ("ann@example.org", "mx.outside.test[192.0.2.7]")
    assert rows(receiver)[0].place == "in Lawyer"


def test_who_received_is_not_told_of_the_sign_in(log, follow, receiver, root):
    log.saved(signed_in(log), "eve@other.net")
    follow()

    for account in (receiver, Mailbox.objects.get(pk="eve@other.net")):
        [row] = rows(account)
        assert (row.sender, row.place) == ("ann@example.org", "in INBOX")
        assert (row.login, row.client) == ("", "")
    assert rows(root)[0].login == "ann@example.org"


def test_the_network_of_a_sender_from_outside_is_told(log, follow, receiver):
    log.delivers("eve@other.net")
    follow()

    assert rows(receiver)[0].client == "mx.outside.test[192.0.2.7]"


def test_what_another_server_answered_is_told_to_who_wrote(log, follow, writer, ann):
    log.ends(signed_in(log), "joe@outside.test", "bounced", "550 no such user", dsn="5.1.1")
    follow()

    for account in (writer, ann):
        assert [(row.recipient, row.says) for row in rows(account)] == [
            ("joe@outside.test", "550 no such user")
        ]


def test_where_an_alias_leads_is_not_told_to_who_wrote_to_it(
    log, follow, writer, ann, receiver, root
):
    queue_id = signed_in(log)
    log.saved(queue_id, "eve@other.net", asked="list@other.net")
    log.ends(queue_id, "joe@outside.test", "sent", "250 ok", asked="list@other.net")
    follow()

    assert rows(writer) == rows(ann) == []
    assert recipients(receiver) == ["list@other.net", "eve@other.net"]
    assert recipients(root) == ["joe@outside.test", "eve@other.net"]


def test_what_became_of_a_target_is_told_to_who_may_read_the_alias(
    log, follow, receiver, add_alias
):
    add_alias("list@other.net", "joe@outside.test,ann@example.org")
    queue_id = log.comes_in()
    log.ends(queue_id, "joe@outside.test", "bounced", "550 full", asked="list@other.net")
    log.saved(queue_id, "ann@example.org", asked="list@other.net", folder="Lists")
    log.saved(queue_id, "bob@example.org", asked="list@other.net", folder="Lists")
    follow()

    assert [(row.recipient, row.asked, row.says, row.place) for row in rows(receiver)] == [
        ("list@other.net", "", "", ""),
        ("ann@example.org", "list@other.net", "", ""),
        ("joe@outside.test", "list@other.net", "550 full", ""),
    ]


def test_a_copy_is_not_told_to_who_wrote(log, follow, writer, ann, receiver):
    Copy.objects.create(
        domain="other.net", direction="to", address="eve@other.net", goto="audit@elsewhere.test"
    )
    queue_id = signed_in(log)
    log.saved(queue_id, "eve@other.net")
    log.ends(queue_id, "audit@elsewhere.test", "sent", "250 ok")
    log.ends(queue_id, "joe@elsewhere.test", "sent", "250 ok")
    follow()

    assert recipients(writer) == recipients(ann) == ["joe@elsewhere.test", "eve@other.net"]
    assert recipients(writer, "audit@elsewhere.test") == []


def test_a_forged_sender_shows_the_mail_of_others_to_nobody(log, follow, writer, ann, root):
    queue_id = log.comes_in("ann@example.org")
    log.saved(queue_id, "eve@other.net")
    log.refuses("nobody@other.net", "ann@example.org")
    follow()

    assert rows(writer) == rows(ann) == []
    assert recipients(root, "ann@example.org") == ["nobody@other.net", "eve@other.net"]


def test_what_a_filter_sends_on_is_not_told_to_the_sender_in_whose_name_it_goes(
    log, follow, writer, root
):
    log.line("postfix/pickup", "0ABCDEF0123: uid=5000 from=<ann@example.org>")
    log.line("postfix/qmgr", "0ABCDEF0123: from=<ann@example.org>, size=1, nrcpt=1 (queue active)")
    log.ends("0ABCDEF0123", "secret@outside.test", "sent", "250 ok")
    follow()

    assert rows(writer) == []
    assert recipients(root, "ann@example.org") == ["secret@outside.test"]


@pytest.mark.parametrize(
    ("who", "address"), [("writer", "eve@other.net"), ("receiver", "ann@example.org")]
)
def test_a_search_for_an_address_of_the_other_side_finds_nothing_that_is_hidden(
    who, address, log, follow, request
):
    queue_id = log.comes_in("sales@example.org", login="ann@example.org")
    log.saved(queue_id, "eve@other.net", asked="list@other.net")
    follow()

    assert rows(request.getfixturevalue(who), address) == []


def test_who_is_on_both_sides_finds_a_forged_sender_too(log, follow, make_admin):
    both = make_admin("both@example.org", domains=["example.org", "other.net"])
    log.saved(log.comes_in("ann@example.org"), "eve@other.net")
    follow()

    assert recipients(both, "ann@example.org") == ["eve@other.net"]


def test_mail_for_a_mailbox_whose_name_looks_like_a_tag_is_its_own(
    log, follow, ann, add_mailbox, settings
):
    add_mailbox("ann-mary@example.org")
    settings.RECIPIENT_DELIMITER = "-"
    log.delivers("ann-mary@example.org")
    log.delivers("ann-lists@example.org")
    queue_id = log.comes_in()
    log.saved(queue_id, "ann-mary@example.org", asked="ann@example.org", folder="Private")
    follow()

    assert [(row.recipient, row.place) for row in rows(ann)] == [
        ("ann@example.org", ""),
        ("ann-lists@example.org", "in INBOX"),
    ]


def test_what_is_hidden_is_not_on_the_page_either(log, follow, writer, sign_in):
    log.saved(signed_in(log), "eve@other.net", folder="Lawyer")
    follow()

    page = sign_in(writer).get("/deliveries/").content.decode()

    assert "<b>eve@other.net</b>" in page
    assert "Lawyer" not in page
    assert "dovecot-lmtp" not in page


def test_a_page_with_many_aliases_asks_for_their_targets_once(log, follow, receiver, sign_in):
    for number in range(8):
        log.saved(log.comes_in(), "ann@example.org", asked=f"list{number}@other.net")
    follow()
    client = sign_in(receiver)
    client.get("/deliveries/")

    with CaptureQueriesContext(connection) as captured:
        page = client.get("/deliveries/").content.decode()

    assert page.count("<b>list") == 8
    assert len(captured) <= 10
    assert Delivery.objects.filter(asked="").count() == 0

"""Programs that ask the API at once: threads with connections of their own."""

from collections import Counter
from functools import partial

import pytest

from accounts import sign_in_links, tokens
from accounts.models import LogEntry, SignInLink
from aliases.models import Alias
from mailboxes.models import Mailbox
from panel.scoping import rights_of
from tests.api.conftest import Program
from tests.strangers import fail_once
from tests.test_concurrency_on_mariadb import ROUNDS, at_once

pytestmark = pytest.mark.django_db(transaction=True)
ANN = "/mailboxes/ann@example.org"


@pytest.fixture
def token(add_domain, add_mailbox, make_admin, settings):
    settings.PANEL_URL = "https://panel.example.org/"
    add_domain("example.org")
    add_mailbox("ann@example.org")
    text, root = tokens.drawn(), make_admin(superadmin=True)
    tokens.make_token(actor=root, token=text, name="Billing", rights=rights_of(root))
    Program(text).get("/token")
    return text


def answers(*asks):
    """How often each status was answered, of what is asked at once."""
    found = []

    def keep(ask):
        found.append(ask().status_code)

    assert at_once(*[partial(keep, ask) for ask in asks]) == ["done"] * len(asks)
    return Counter(found)


def test_a_post_that_is_sent_several_times_at_once_is_done_once(token):
    for number in range(ROUNDS):
        LogEntry.objects.all().delete()
        body, key = {"password": f"quiet-otters-{number}"}, {"Idempotency-Key": f"{number}"}

        found = answers(*[partial(Program(token).post, f"{ANN}/password", body, **key)] * 4)

        assert found == {204: 4}
        assert LogEntry.objects.filter(action="edit_password").count() == 1


def test_of_several_that_know_the_same_row_one_changes_it(token):
    for number in range(ROUNDS):
        etag = Program(token).get(ANN).headers["ETag"]

        known = {"If-Match": etag}
        found = answers(
            *[
                partial(Program(token).patch, ANN, {"name": f"{number} {letter}"}, **known)
                for letter in "abcd"
            ]
        )

        assert found == {200: 1, 412: 3}


def test_patches_of_different_members_both_count(token):
    for number in range(ROUNDS):
        found = answers(
            partial(Program(token).patch, ANN, {"name": f"Ann {number}"}),
            partial(Program(token).patch, ANN, {"phone": f"{number}"}),
        )

        assert found == {200: 2}
        row = Mailbox.objects.get()
        assert (row.name, row.phone) == (f"Ann {number}", f"{number}")


def test_a_row_that_is_put_several_times_at_once_is_created_once(token):
    for number in range(ROUNDS):
        path = f"/aliases/a{number}@example.org"

        found = answers(*[partial(Program(token).put, path, {"targets": ["x@elsewhere.test"]})] * 4)

        assert found[201] == 1
        # Whoever was slower finds the name taken, or the row as it is meant.
        assert found.keys() <= {201, 200, 409}
        assert Alias.objects.filter(pk=f"a{number}@example.org").count() == 1


def taken(text):
    found = []
    at_once(*[lambda: found.append(sign_in_links.take(text) is not None)] * 4)
    return sorted(found)


def test_a_link_signs_in_once(token):
    account = Mailbox.objects.get()
    for _number in range(ROUNDS):
        url, _until = sign_in_links.make_link(actor=None, account=account)
        assert taken(url.rstrip("/").rpartition("/")[2]) == [False, False, False, True]
    assert not SignInLink.objects.exists()


@pytest.mark.parametrize("dry", [True, False])
def test_what_the_database_rolled_back_is_done_at_the_second_attempt(token, monkeypatch, dry):
    record, fail = type(LogEntry.objects).record, fail_once(1213)

    def fail_after(*args, **kwargs):
        entry = record(*args, **kwargs)
        fail()
        return entry

    monkeypatch.setattr(type(LogEntry.objects), "record", fail_after)
    path = "/aliases/sales@example.org" + ("?dry_run=true" if dry else "")

    response = Program(token).put(path, {"targets": ["x@elsewhere.test"]})

    if dry:
        assert [change["action"] for change in response.json()["changes"]] == ["create_alias"]
    assert response.status_code == (200 if dry else 201)
    assert Alias.objects.filter(pk="sales@example.org").exists() is not dry

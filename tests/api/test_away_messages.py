from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import LogEntry
from aliases.models import Alias
from mailboxes.models import Vacation

ANN = "/mailboxes/ann@example.org/away-message"
SENT = {"subject": "Back on Monday", "text": "I am away.\nWrite to Bob.", "every_days": 3}


@pytest.fixture
def ann(example_org, add_mailbox):
    return add_mailbox("ann@example.org")


def day(number):
    return (timezone.localdate() + timedelta(days=number)).isoformat()


def test_a_message_is_set_told_and_ended(theirs, ann):
    assert theirs.get(ANN).status_code == 404

    made = theirs.put(ANN, SENT | {"first_day": day(1), "last_day": day(9)})

    told = SENT | {"first_day": day(1), "last_day": day(9), "answers": False}
    assert (made.status_code, made.json()) == (201, told)
    assert theirs.get(ANN).json() == told
    assert Vacation.objects.get().interval_time == 3 * 86_400
    assert [theirs.delete(ANN).status_code for _n in range(2)] == [204, 404]
    assert theirs.get(ANN).status_code == 404


def test_the_same_message_twice_changes_nothing(theirs, ann):
    made = theirs.put(ANN, SENT)
    entries = LogEntry.objects.count()

    again = theirs.put(ANN, made.json())

    assert (again.status_code, again.json()) == (200, made.json())
    assert LogEntry.objects.count() == entries


def test_a_patch_changes_what_it_names(theirs, ann):
    made = theirs.put(ANN, SENT | {"last_day": day(9)}).json()

    changed = theirs.patch(ANN, {"subject": "Back on Tuesday", "last_day": None}).json()

    assert changed == made | {"subject": "Back on Tuesday", "last_day": None}


def test_what_changed_meanwhile_is_not_overwritten(theirs, ann):
    etag = theirs.put(ANN, SENT).headers["ETag"]
    theirs.patch(ANN, {"subject": "Another"})

    for late in (
        theirs.put(ANN, SENT, **{"If-Match": etag}),
        theirs.delete(ANN, **{"If-Match": etag}),
    ):
        assert late.status_code == 412
    assert Vacation.objects.get().subject == "Another"


def test_a_dry_run_sets_nothing(theirs, ann):
    told = theirs.put(f"{ANN}?dry_run=true", SENT).json()

    assert (told["status"], told["changes"][0]["action"]) == (201, "set_vacation")
    assert not Vacation.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"text": "x"}, "/subject"),
        ({"subject": "x"}, "/text"),
        (SENT | {"text": "\x00"}, "/text"),
        (SENT | {"text": "\ud800"}, "/text"),
        (SENT | {"every_days": 2}, "/every_days"),
        (SENT | {"last_day": "soon"}, "/last_day"),
        (SENT | {"last_day": "2026-02-30"}, "/last_day"),
        (SENT | {"last_day": "2026-01-01"}, "/last_day"),
        (SENT | {"last_day": "2099-01-01"}, "/last_day"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(theirs, ann, body, pointer):
    response = theirs.put(ANN, body)

    assert response.status_code == 422
    assert pointer in [one["pointer"] for one in response.json()["errors"]]
    assert not Vacation.objects.exists()


def test_postfixadmins_program_is_ended_too(theirs, ann):
    Alias.objects.filter(pk=ann.pk).update(
        goto="ann@example.org,ann#example.org@autoreply.example.org"
    )

    assert theirs.get(ANN).status_code == 404
    assert theirs.delete(ANN).status_code == 204
    assert Alias.objects.get(pk=ann.pk).goto == "ann@example.org"


def test_its_user_sets_the_own_one_alone(ann, add_mailbox, make_token, program):
    add_mailbox("bob@example.org")
    own = program(make_token(ann))

    assert own.put(ANN, SENT).status_code == 201
    assert own.put(ANN.replace("ann", "bob"), SENT).status_code == 404


def test_where_dovecot_answers_nobody_there_is_nothing(theirs, ann, settings):
    settings.AWAY_MESSAGES = False

    assert theirs.put(ANN, SENT).status_code == 404

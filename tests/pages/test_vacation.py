from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import LogEntry
from aliases.answers import answer
from aliases.models import Alias
from mailboxes.models import Mailbox, Vacation
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox
from mailboxes.vacations import DAY, end_vacation, set_vacation, vacation_of
from tests.pages.reading import errors, text

GRACE = "grace@example.org"
PROGRAM = "grace#example.org@autoreply.example.com"
SAID = {"subject": "Back on Monday", "body": "I am away.\r\nGrace", "interval": "0"}


@pytest.fixture
def grace(example_org, add_mailbox):
    return add_mailbox(GRACE)


@pytest.fixture
def own(sign_in, grace):
    return sign_in(grace)


def row():
    return Vacation.objects.get(pk=GRACE)


def days(first=0, last=5):
    today = timezone.localdate()
    return {
        "first_day": (today + timedelta(days=first)).isoformat(),
        "last_day": (today + timedelta(days=last)).isoformat(),
    }


def test_its_user_writes_one_sees_it_and_ends_it(own):
    assert "Away message Off" in text(own.get("/account/"))

    answer = own.post("/account/away/", SAID | days(), follow=True)

    said = text(answer)
    assert "Your away message is on" in said
    assert "on until" in said
    stored = row()
    assert (stored.subject, stored.body, stored.active, stored.domain) == (
        "Back on Monday",
        "I am away.\nGrace",
        True,
        "example.org",
    )
    assert stored.state == "on"
    own.post("/account/away/end/", follow=True)
    assert row().active is False
    assert "Away message Off" in text(own.get("/account/"))
    assert [entry.action for entry in LogEntry.objects.filter(data=GRACE).order_by("pk")][-2:] == [
        "set_vacation",
        "end_vacation",
    ]


def test_the_preview_shows_the_answer_and_saves_nothing(own):
    written = SAID | days() | {"body": "Until <%Until_Date>. <b>", "preview": "1"}

    said = text(own.post("/account/away/", written))

    assert "The answer, as others get it" in said
    assert f"Until {written['last_day']}. <b>" in said
    assert Vacation.objects.count() == 0


def test_the_preview_of_a_wrong_form_says_what_is_wrong(own):
    answer = own.post("/account/away/", SAID | days(-3, -1) | {"preview": "1"})

    assert answer.status_code == 422
    assert errors(answer) == {"last_day": ["This day is over."]}


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"subject": " \t"}, {"subject": ["Enter a subject, such as “Back on Monday”."]}),
        ({"body": ""}, {"body": ["Enter a text."]}),
        ({"body": "\x07\x07"}, {"body": ["Enter a text of at most 10000 characters."]}),
        ({"body": "x" * 10_001}, {"body": ["Enter a text of at most 10000 characters."]}),
        (days(5, 4), {"last_day": ["This day is before the first one."]}),
        (days(-9, -1), {"last_day": ["This day is over."]}),
        ({"last_day": "2037-01-01"}, {"last_day": ["Choose a day before 2037."]}),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_saved(wrong, found, own):
    answer = own.post("/account/away/", SAID | wrong)

    assert answer.status_code == 422
    assert errors(answer) == found
    assert Vacation.objects.count() == 0


def test_a_subject_is_one_line_without_control_characters(grace):
    stored = set_vacation(
        actor=None, mailbox=grace, subject="Away\r\nBcc: x@y.example\x00", body="a\x00b\x1bc\n"
    )

    assert (stored.subject, stored.body) == ("Away Bcc: x@y.example", "abc")


def test_days_are_those_of_the_person_s_time_zone(own, grace):
    Mailbox.objects.update(time_zone="Asia/Tokyo")
    written = SAID | {"first_day": "2030-01-02", "last_day": "2030-01-03"}
    own.post("/account/away/", written)

    assert row().activefrom == datetime(2030, 1, 1, 15, tzinfo=UTC)
    assert row().activeuntil == datetime(2030, 1, 3, 14, 59, 59, tzinfo=UTC)
    form = own.get("/account/away/").context["form"]
    assert (form["first_day"].value(), form["last_day"].value()) == (
        date(2030, 1, 2),
        date(2030, 1, 3),
    )
    assert "in the time zone Asia/Tokyo" in text(own.get("/account/away/"))


def test_an_administrator_writes_one_in_the_zone_of_the_person(admin, grace):
    Mailbox.objects.update(time_zone="America/New_York")
    assert "Away message Write one Off" in text(admin.get(f"/mailboxes/{GRACE}/"))

    answer = admin.post(f"/mailboxes/{GRACE}/away/", SAID | {"last_day": "2030-07-01"}, follow=True)

    assert "Away message of grace@example.org saved." in text(answer)
    assert row().activeuntil == datetime(2030, 7, 2, 3, 59, 59, tzinfo=UTC)
    assert "away on until" in text(answer)
    entry = LogEntry.objects.get(action="set_vacation")
    assert entry.changes["last_day"] == [None, "2030-07-01"]
    admin.post(f"/mailboxes/{GRACE}/away/end/")
    assert row().active is False


def test_saving_the_same_again_writes_no_entry(grace):
    for _again in range(2):
        set_vacation(actor=None, mailbox=grace, subject="Away", body="x", interval=DAY)

    assert LogEntry.objects.filter(action="set_vacation").count() == 1


def test_nobody_else_writes_reads_or_ends_one(
    own, sign_in, grace, add_mailbox, make_admin, other_net
):
    set_vacation(actor=None, mailbox=grace, subject="Away", body="secret plans")
    for account in (
        make_admin("other@other.net", domains=["other.net"]),
        add_mailbox("ann@other.net"),
    ):
        client = sign_in(account)
        assert client.get(f"/mailboxes/{GRACE}/away/").status_code == 404
        assert client.post(f"/mailboxes/{GRACE}/away/", SAID).status_code == 404
        assert client.post(f"/mailboxes/{GRACE}/away/end/").status_code == 404
        assert "secret plans" not in text(client.get("/account/away/"))
        own_page = 404 if account.is_superadmin or account.is_domain_admin else 200
        assert client.get("/account/away/").status_code == own_page
    assert row().body == "secret plans"


def test_lists_say_away_while_it_answers(admin, grace):
    for path in ("/domains/example.org/", "/mailboxes/"):
        assert "away" not in text(admin.get(path))
    set_vacation(actor=None, mailbox=grace, subject="Away", body="x")
    for path in ("/domains/example.org/", "/mailboxes/"):
        assert "away" in text(admin.get(path))
    Vacation.objects.update(activeuntil=timezone.now() - timedelta(minutes=1))
    for path in ("/domains/example.org/", "/mailboxes/"):
        assert "away" not in text(admin.get(path))


def test_where_mail_goes_says_that_somebody_is_away(admin, grace, add_alias):
    add_alias("sales@example.org", GRACE)
    set_vacation(actor=None, mailbox=grace, subject="Away", body="x", last_day=date(2030, 7, 1))

    for address in (GRACE, "sales@example.org"):
        said = text(admin.get(f"/trace/?address={address}"))
        assert (
            "grace@example.org is away until July 1, 2030: whoever writes may get an answer."
            in said
        )
    assert "There is a mailbox grace@example.org." in text(admin.get(f"/trace/?address={GRACE}"))
    end_vacation(actor=None, mailbox=grace)
    assert "is away" not in text(admin.get(f"/trace/?address={GRACE}"))


@pytest.fixture
def in_zone(settings):
    """``in_zone(name)`` is the TIME_ZONE, which is that of the connection, too."""

    def set_zone(name):
        connection.settings_dict["TIME_ZONE"] = name
        settings.TIME_ZONE = name

    before = settings.TIME_ZONE
    yield set_zone
    set_zone(before)


@pytest.mark.parametrize("server", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("person", ["", "Pacific/Auckland", "Pacific/Honolulu"])
def test_the_last_day_is_the_same_whatever_the_zones(server, person, in_zone, grace):
    in_zone(server)
    Mailbox.objects.update(time_zone=person)
    mailbox = Mailbox.objects.get(pk=GRACE)
    set_vacation(actor=None, mailbox=mailbox, subject="Away", body="x", last_day=date(2030, 7, 1))

    assert answer(None, GRACE).away == ((GRACE, date(2030, 7, 1)),)


@pytest.mark.parametrize(
    ("person", "stored"),
    [
        ("UTC", ("<%From_Date>", "Until <%Until_Date>.")),
        ("Asia/Tokyo", ("2030-01-02", "Until 2030-01-03.")),  # begins on the 1st of UTC
        ("America/New_York", ("2030-01-02", "Until 2030-01-03.")),  # ends on the 4th of UTC
    ],
)
def test_days_that_the_database_would_not_tell_as_the_preview_does_are_filled_in(
    person, stored, grace
):
    """It tells days of TIME_ZONE: mailboxes/sieve.py."""
    Mailbox.objects.update(time_zone=person)
    mailbox = Mailbox.objects.get(pk=GRACE)
    days = {"first_day": date(2030, 1, 2), "last_day": date(2030, 1, 3)}
    marks = {"subject": "<%From_Date>", "body": "Until <%Until_Date>."}

    set_vacation(actor=None, mailbox=mailbox, **marks, **days)

    assert (row().subject, row().body) == stored
    assert row().filled(row().body, mailbox.zone) == "Until 2030-01-03."


def test_writing_one_takes_out_postfixadmin_s_program(grace):
    Alias.objects.filter(pk=GRACE).update(goto=f"{GRACE},{PROGRAM}")

    set_vacation(actor=None, mailbox=grace, subject="Away", body="x")

    assert Alias.objects.get(pk=GRACE).goto == GRACE
    assert LogEntry.objects.get(action="set_vacation").changes["goto"] == [
        f"{GRACE},{PROGRAM}",
        GRACE,
    ]


def test_it_goes_along_with_a_new_name_and_ends_with_the_mailbox(grace):
    set_vacation(actor=None, mailbox=grace, subject="Away", body="x", interval=DAY)

    renamed = rename_mailbox(actor=None, mailbox=grace, local_part="gracie")

    moved = Vacation.objects.get()
    assert (moved.pk, moved.subject, moved.interval_time) == ("gracie@example.org", "Away", DAY)
    assert vacation_of(renamed) == moved
    delete_mailbox(actor=None, mailbox=renamed)
    assert Vacation.objects.count() == 0


def test_where_dovecot_does_not_answer_nobody_is_offered_one(own, admin, grace, settings):
    settings.AWAY_MESSAGES = False

    assert own.get("/account/away/").status_code == 404
    assert own.post("/account/away/", SAID).status_code == 404
    assert admin.get(f"/mailboxes/{GRACE}/away/").status_code == 404
    assert "Away message" not in text(own.get("/account/"))
    assert "Away message" not in text(admin.get(f"/mailboxes/{GRACE}/"))


def test_a_message_that_postfixadmin_wrote_is_shown_with_its_days(own, grace):
    Vacation.objects.create(email=grace, subject="Re: $SUBJECT", body="x", interval_time=1)

    form = own.get("/account/away/").context["form"]

    assert form["subject"].value() == "Re: $SUBJECT"
    assert (form["first_day"].value(), form["last_day"].value()) == (None, None)
    assert form["interval"].value() == DAY
    assert vacation_of(grace).state == "on"

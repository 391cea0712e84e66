from collections import namedtuple
from datetime import date, timedelta

import pytest
from django.utils import timezone

from mailboxes import figures
from mailboxes.models import SERVER, LastLogin, Mailbox, MailboxDay, QuotaUsage, UsageDay
from panel import plots

Row = namedtuple("Row", "day all_bytes all_mailboxes all_aliases all_changes")
FIRST = date(2026, 3, 1)
GB = 1024 * 1_024_000


def rows(days, step=1):
    """Of each ``step``-th day: a GB, a mailbox and a change more than the day before."""
    return [Row(FIRST + timedelta(days=n), n * GB, n, 2, n % 3) for n in range(0, days, step)]


def test_there_is_nothing_to_draw_of_fewer_than_two_days():
    assert figures.figures_of([], ["storage"]) == {}
    assert figures.figures_of(rows(1), ["storage"]) == {}


def test_a_figure_is_the_last_one_and_says_how_much_more_that_is():
    found = figures.figures_of(rows(3), ["storage", "aliases"])

    assert (found["storage"].shown, found["storage"].difference) == ("2\u00a0GB", "+2\u00a0GB")
    assert (found["aliases"].shown, found["aliases"].difference) == ("2", "")
    assert found["storage"].sentence == (
        "Storage from March 1, 2026 to March 3, 2026: from 0\u00a0MB to 2\u00a0GB."
    )


def test_less_than_before_has_a_minus_sign():
    found = figures.figures_of(rows(3)[::-1], ["mailboxes"])

    assert found["mailboxes"].difference == "−2"


def test_changes_are_added_up():
    found = figures.figures_of(rows(3), ["changes"])["changes"]

    assert (found.shown, found.difference) == ("3", "")
    assert found.sentence == "Changes from March 1, 2026 to March 3, 2026: 3, at most 2 on a day."


def test_a_year_is_told_by_weeks_that_end_with_the_last_day():
    found = figures.figures_of(rows(365), ["mailboxes", "changes"])
    mailboxes, changes = found["mailboxes"], found["changes"]

    assert len(mailboxes.days) == 53
    assert mailboxes.days[-1] == FIRST + timedelta(days=364)
    assert {(b - a).days for a, b in zip(mailboxes.days, mailboxes.days[1:], strict=False)} == {7}
    assert mailboxes.values[-2:] == [357, 364]
    assert sum(changes.values) == sum(n % 3 for n in range(365))
    assert "at most 8 in a week" in changes.sentence


def test_the_table_of_several_figures_has_a_row_for_each_day():
    found = list(figures.figures_of(rows(2), ["storage", "changes"]).values())

    assert list(found[0].in_words(found)) == [
        ("March 1, 2026", "0\u00a0MB", "0"),
        ("March 2, 2026", "1\u00a0GB", "1"),
    ]


def test_a_line_goes_from_corner_to_corner_and_leaves_days_without_a_figure_their_room():
    days = [FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=4)]

    drawn = plots.line(days, [10, 20, 30], 106)

    assert drawn.path == "M0,103L150,53L600,3"
    assert drawn.area == "M0,103L150,53L600,3V106H0z"
    assert (drawn.at, drawn.low, drawn.high) == ("0 150 600", 10, 30)


def test_a_line_of_equal_figures_is_in_the_middle():
    assert plots.line([FIRST, FIRST + timedelta(days=1)], [5, 5], 24).path == "M0,12L600,12"


def test_bars_stand_on_the_ground_and_nothing_has_none():
    days = [FIRST, FIRST + timedelta(days=1)]

    drawn = plots.bars(days, [0, 4], 103)

    assert drawn.path == "M330,103v-100h240v100z"
    assert (drawn.at, drawn.low, drawn.high) == ("150 450", 0, 4)


def test_bars_of_days_without_changes_are_none():
    assert plots.bars([FIRST, FIRST + timedelta(days=1)], [0, 0], 24).path == ""


@pytest.mark.parametrize(
    ("days_ago", "at_first", "used", "left"),
    [
        (30, 80, 95, 10),  # half a percent a day
        (4, 80, 96, 1),
        (30, 94, 95, None),  # 150 days: who knows
        (3, 80, 95, None),  # too few days
        (30, 95, 95, None),
        (30, 96, 95, None),
        (30, 80, 100, None),  # it is full
        (30, 80, 101, None),
    ],
)
def test_when_a_mailbox_of_a_hundred_bytes_will_be_full(days_ago, at_first, used, left):
    first = timezone.localdate() - timedelta(days=days_ago)

    assert figures.days_until_full(first, at_first, used, 100) == left


def test_nobody_says_when_a_mailbox_without_sizes_will_be_full():
    assert figures.full_in(None, None, 95, 100) is None


def test_that_it_will_be_full_is_said_in_words():
    assert (
        figures.full_in(timezone.localdate() - timedelta(days=30), 80, 95, 100)
        == "full in about 10 days"
    )
    assert (
        figures.full_in(timezone.localdate() - timedelta(days=4), 80, 96, 100)
        == "full in about 1 day"
    )


def test_what_the_page_of_a_mailbox_shows_of_its_past(example_org, add_mailbox):
    mailbox = add_mailbox("joe@example.org", quota=100)
    QuotaUsage.objects.create(username=mailbox, bytes=95)
    for days_ago, size in ((120, 80), (60, 80), (30, 80), (1, 94)):
        day = timezone.localdate() - timedelta(days=days_ago)
        MailboxDay.objects.create(username=mailbox.pk, day=day, bytes=size)
    for protocol, at in (("imap", 100), ("pop3", 200)):
        LastLogin.objects.create(username=mailbox.pk, protocol=protocol, at=at)

    past = figures.past_of(figures.with_past(Mailbox.objects).get())

    assert past["full_in"] == "full in about 10 days"
    assert past["sign_ins"] == [("POP3", 200, ""), ("IMAP", 100, "")]
    today = timezone.localdate()
    days = [(today - day).days for day in past["line"].days]
    assert list(zip(days, past["line"].values, strict=True)) == [
        (60, 80),
        (30, 80),
        (1, 94),
        (0, 95),
    ]


def test_a_mailbox_of_which_nothing_is_known_has_no_past(example_org, add_mailbox):
    add_mailbox("joe@example.org", quota=100)

    past = figures.past_of(figures.with_past(Mailbox.objects).get())

    assert past == {"full_in": None, "line": None, "sign_ins": []}


@pytest.mark.parametrize(("days_ago", "points"), [((0,), None), ((1, 0), [94, 95]), ((91,), None)])
def test_the_line_of_a_mailbox_ends_with_what_it_holds_now(
    days_ago, points, example_org, add_mailbox
):
    mailbox = add_mailbox("joe@example.org", quota=100)
    QuotaUsage.objects.create(username=mailbox, bytes=95)
    for ago in days_ago:
        day = timezone.localdate() - timedelta(days=ago)
        MailboxDay.objects.create(username=mailbox.pk, day=day, bytes=95 - ago)

    line = figures.past_of(figures.with_past(Mailbox.objects).get())["line"]

    assert (line and line.values) == points


@pytest.mark.parametrize(
    ("asked", "days"), [("90", 90), ("365", 365), ("31", 30), ("x", 30), ("²", 30), ("", 30)]
)
def test_only_three_periods_are_asked_for(asked, days):
    assert figures.period({"days": asked}) == days


def test_days_of_many_domains_are_added_up_once_for_each_snapshot(
    make_admin, add_domain, django_assert_num_queries
):
    names = [add_domain(f"d{number}.example").pk for number in range(figures.MANY + 1)]
    admin, other = (
        make_admin("many@x.test", domains=names),
        make_admin("other@x.test", domains=names[: figures.MANY]),
    )
    today = timezone.localdate()
    snapshot(today - timedelta(days=1), names, 2)

    def seen(account):
        return [row.all_bytes for row in figures.days_in_sight(account, figures.since(30))]

    assert (seen(admin), seen(other)) == ([42], [40])
    with django_assert_num_queries(1):
        assert seen(admin) == [42]

    snapshot(today, names, 3)
    assert (seen(admin), seen(other)) == ([42, 63], [40, 60])


def snapshot(day, names, size):
    """As snapshots.take() writes it: the row of the server is the last."""
    rows = [UsageDay(domain=name, day=day, bytes=size) for name in names]
    UsageDay.objects.bulk_create([*rows, UsageDay(domain=SERVER, day=day, bytes=size * len(rows))])

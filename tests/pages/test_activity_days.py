import re
from datetime import datetime, time, timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import activity
from accounts.models import LogEntry
from mailboxes.models import UsageDay


def test_the_last_days_are_a_plot_that_leads_to_each_day(reader, write, example_org):
    today = timezone.localdate()
    before = today - timedelta(days=1)
    assert reader.get(reverse("log")).context["days"] == ()
    for day, changes in ((before, 5), (today - timedelta(days=40), 9)):
        UsageDay.objects.create(domain="", day=day, changes=changes)
    LogEntry.objects.all().delete()
    write("create_alias", when=timezone.now())
    write("login", when=timezone.now())

    page = reader.get(reverse("log"), {"person": "ann"})

    days = page.context["days"]
    assert (len(days), days[-2:]) == (30, ((before, 5), (today, 1)))
    assert sum(changes for _day, changes in days) == 6
    assert f'href="?person=ann&amp;from={before}&amp;to={before}"' in page.text


@pytest.mark.parametrize(("kind", "counts"), [("alias", [2, 1]), ("sign-in", [0, 3])])
def test_of_a_kind_the_days_come_after_the_page(kind, counts, reader, write, monkeypatch):
    monkeypatch.setattr(activity, "COUNT_BOUND", 2)
    today = timezone.localdate()
    for days_ago, action, number in ((1, "edit_alias", 2), (0, "create_alias", 1), (0, "login", 5)):
        for _entry in range(number):
            write(action, when=timezone.now() - timedelta(days=days_ago))
    write("create_alias", when=timezone.now() - timedelta(days=30))

    page = reader.get(reverse("log"), {"kind": kind})
    [address] = re.findall('hx-get="(/log/days/[^"]*)"', page.text)
    plot = reader.get(unescape(address))
    whole = reader.get(reverse("log"), {"kind": kind, "days": "1"})

    assert page.context["days"] == ()
    for drawn in (plot, whole):
        days = drawn.context["days"]
        assert (len(days), days[-1][0], [count for _day, count in days[-2:]]) == (30, today, counts)
        assert sum(count for _day, count in days) == sum(counts)
    assert f'href="?kind={kind}&amp;from={today}&amp;to={today}"' in plot.text


def test_the_days_of_a_kind_are_those_of_the_own_domains(
    make_admin, sign_in, example_org, other_net, write
):
    client = sign_in(make_admin(domains=["example.org"]))
    for domain in ("example.org", "other.net", "other.net"):
        write("create_alias", domain=domain, when=timezone.now())

    def last(**query):
        days = client.get(reverse("log-days"), {"kind": "alias"} | query).context["days"]
        return days[-1][1] if days else None

    assert (last(), last(domain="example.org"), last(domain="other.net")) == (1, 1, None)


def test_for_many_domains_the_days_come_after_the_page(
    make_admin, sign_in, add_domain, monkeypatch
):
    monkeypatch.setattr(activity, "PLOTTED", 1)
    day = timezone.localdate() - timedelta(days=2)
    for domain in ("one.example", "two.example"):
        add_domain(domain)
        UsageDay.objects.create(domain=domain, day=day, changes=2)
    client = sign_in(make_admin(domains=["one.example", "two.example"]))

    page = client.get(reverse("log"))

    assert (page.context["days"], page.context["days_later"]) == ((), True)
    assert dict(client.get(reverse("log-days")).context["days"])[day] == 4


def test_the_days_of_a_kind_are_counted_in_many_domains_as_in_few(
    make_admin, sign_in, add_domain, write, monkeypatch
):
    monkeypatch.setattr(activity, "COUNT_BOUND", 2)
    names = ["one.example", "two.example"]
    for domain in (*names, "theirs.example"):
        add_domain(domain)
    LogEntry.objects.all().delete()
    now, today = timezone.now(), timezone.localdate()
    midnight, first = (
        timezone.make_aware(datetime.combine(day, time()))
        for day in (today, today - timedelta(days=29))
    )
    second = timedelta(seconds=1)
    for domain, when, number in (
        *(("one.example", now, 2), ("two.example", now, 2), ("theirs.example", now, 1)),
        *(("two.example", midnight - second, 1), ("one.example", midnight, 1)),
        *(("one.example", first, 1), ("one.example", first - second, 1)),
    ):
        for _entry in range(number):
            write("create_alias", domain=domain, when=when)
    write("login", domain="one.example", when=now)
    client = sign_in(make_admin(domains=names))

    def counted():
        days = client.get(reverse("log-days"), {"kind": "alias"}).context["days"]
        return [count for _day, count in days]

    few = counted()
    assert client.get(reverse("log"), {"kind": "alias"}).context["days_later"] is True
    monkeypatch.setattr(activity, "PLOTTED", 1)

    assert (few[0], few[-2], few[-1]) == (1, 1, 3)
    assert counted() == few
    assert client.get(reverse("log"), {"kind": "alias"}).context["days_later"] is True


def test_of_more_entries_than_anybody_waits_for_no_days_are_drawn(
    make_admin, sign_in, add_domain, write, monkeypatch
):
    monkeypatch.setattr(activity, "COUNT_BOUND", 0)
    monkeypatch.setattr(activity, "PLOTTED", 1)
    for domain in ("one.example", "two.example"):
        add_domain(domain)
    client = sign_in(make_admin(domains=["one.example", "two.example"]))
    LogEntry.objects.all().delete()

    def drawn():
        return len(client.get(reverse("log-days"), {"kind": "alias"}).context["days"])

    for _entry in range(30):
        write("create_alias", domain="one.example", when=timezone.now())
    assert drawn() == 30
    write("create_alias", domain="two.example", when=timezone.now())
    assert drawn() == 0


def test_the_plot_counts_the_own_domains_alone(make_admin, sign_in, example_org, other_net):
    client = sign_in(make_admin(domains=["example.org"]))
    day = timezone.localdate() - timedelta(days=2)
    for domain, changes in (("", 9), ("example.org", 2), ("other.net", 7)):
        UsageDay.objects.create(domain=domain, day=day, changes=changes)

    days = dict(client.get(reverse("log")).context["days"])
    assert days[day] == 2
    assert client.get(reverse("log"), {"domain": "other.net"}).context["days"] == ()

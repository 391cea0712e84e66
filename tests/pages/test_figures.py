import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from mailadmin.views import figures_over_time
from mailboxes.models import SERVER, LastLogin, MailboxDay, QuotaUsage, UsageDay
from tests.pages.reading import links, text

MB = 1_024_000


@pytest.fixture
def snapshot():
    """``snapshot("example.org", 3, mailboxes=2)``: figures of three days ago, in MB where bytes are meant."""

    def take(domain, days_ago, mb=0, **figures):
        day = timezone.localdate() - timedelta(days=days_ago)
        UsageDay.objects.create(domain=domain, day=day, bytes=mb * MB, **figures)

    return take


@pytest.fixture
def as_superadmin(sign_in, make_admin, example_org, other_net):
    return sign_in(make_admin(superadmin=True))


def home(client, **query):
    return client.get(reverse("dashboard"), query)


def day(days_ago):
    return date_format(timezone.localdate() - timedelta(days=days_ago))


def plots(page):
    found = re.findall(r'role="img" aria-label="([^"]*)"', page.content.decode())
    return [sentence.replace("\u00a0", " ") for sentence in found]


def tabs(page):
    found = re.findall(
        r'<a href="\?figure=(\w+)&amp;days=\d+#figures"( aria-current="true")?><span>.*?</svg>',
        page.content.decode(),
        re.DOTALL,
    )
    return {name: bool(current) for name, current in found}


def test_without_figures_there_is_no_frame_but_a_sentence(as_superadmin):
    page = home(as_superadmin)

    assert "There are no figures of these days: nobody has written them down." in text(page)
    assert "mailadmin snapshot" in text(page)
    assert '<svg class="plot"' not in page.content.decode()


def test_one_day_is_not_drawn_but_told(as_superadmin, snapshot):
    snapshot(SERVER, 0)

    page = home(as_superadmin)

    assert f"Figures begin on {day(0)}. There is a line from the second day on." in text(page)
    assert plots(page) == []


def test_a_superadmin_sees_the_figures_of_the_server(as_superadmin, snapshot):
    for days_ago, figures in enumerate(
        [{"mb": 200, "mailboxes": 5, "changes": 2}, {"mb": 100, "mailboxes": 3, "changes": 1}]
    ):
        snapshot(SERVER, days_ago, **figures)
        snapshot("example.org", days_ago, 7)

    page = home(as_superadmin)

    assert "Last 30 days" in text(page)
    assert re.findall(r"Storage 200 MB \+100 MB|Mailboxes 5 \+2|Changes 3", text(page)) == [
        "Storage 200 MB +100 MB",
        "Mailboxes 5 +2",
        "Changes 3",
    ]
    assert plots(page) == [f"Storage from {day(1)} to {day(0)}: from 100 MB to 200 MB."]
    assert tabs(page) == {"storage": True, "mailboxes": False, "changes": False}


def test_the_figures_are_the_tabs_of_one_plot_and_the_days_stay(as_superadmin, snapshot):
    for days_ago in (0, 1, 40):
        snapshot(SERVER, days_ago, mailboxes=5 - min(days_ago, 2))

    page = home(as_superadmin, figure="mailboxes", days="90")

    assert tabs(page) == {"storage": False, "mailboxes": True, "changes": False}
    assert plots(page) == [f"Mailboxes from {day(40)} to {day(0)}: from 3 to 5."]
    assert "?figure=mailboxes&days=365#figures" in links(page)
    assert "?figure=changes&days=90#figures" in links(page)


def test_figures_and_days_that_nobody_knows_are_the_first_ones(as_superadmin, snapshot):
    for days_ago in (0, 1):
        snapshot(SERVER, days_ago)

    page = home(as_superadmin, figure="<b>", days="7")

    assert tabs(page)["storage"] is True
    assert "Last 30 days" in text(page)


def test_the_values_stand_in_a_table(as_superadmin, snapshot):
    for days_ago, changes in enumerate((4, 0)):
        snapshot(SERVER, days_ago, changes=changes)

    page = home(as_superadmin, figure="changes").content.decode()

    assert re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td></tr>', page) == [
        (day(1), "0"),
        (day(0), "4"),
    ]


def test_an_administrator_sees_the_sum_of_the_own_domains(
    sign_in, make_admin, add_domain, snapshot
):
    for name in ("a.example", "b.example", "foreign.example"):
        add_domain(name)
    for days_ago in (0, 1):
        for name, mailboxes in (
            ("a.example", 2),
            ("b.example", 3),
            ("foreign.example", 100),
            (SERVER, 105),
        ):
            snapshot(name, days_ago, mailboxes=mailboxes - days_ago)
    client = sign_in(make_admin(domains=["a.example", "b.example"]))

    page = home(client, figure="mailboxes")

    assert plots(page) == [f"Mailboxes from {day(1)} to {day(0)}: from 3 to 5."]
    assert "mailadmin snapshot" not in text(page)


def test_the_database_sums_the_domains_of_each_day(make_admin, add_domain, snapshot):
    names = ["a.example", "b.example", "c.example"]
    for name in (*names, "foreign.example"):
        add_domain(name)
        for days_ago in range(5):
            snapshot(name, days_ago, 10, mailboxes=2, changes=days_ago)
    actor = make_admin(domains=names)

    with CaptureQueriesContext(connection) as asked:
        context = figures_over_time(actor, {})

    of_days = [query["sql"] for query in asked if "usage_day" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(of_days[0])
        assert (len(of_days), len(cursor.fetchall())) == (1, 5)
    assert {figure.name: figure.values for figure in context["figures"]} == {
        "storage": [30 * MB] * 5,
        "mailboxes": [6] * 5,
        "changes": [12, 9, 6, 3, 0],
    }
    today = timezone.localdate()
    assert context["figures"][0].days == [today - timedelta(days=n) for n in range(4, -1, -1)]


def test_what_fills_up_says_when_it_will_be_full(as_superadmin, add_mailbox):
    for name in ("soon", "steady"):
        mailbox = add_mailbox(f"{name}@example.org", quota=100 * MB)
        QuotaUsage.objects.create(username=mailbox, bytes=95 * MB)
        before = 80 if name == "soon" else 95
        day = timezone.localdate() - timedelta(days=30)
        MailboxDay.objects.create(username=mailbox.pk, day=day, bytes=before * MB)

    page = text(home(as_superadmin))

    assert "soon@example.org full in about 10 days" in page
    assert page.count("full in about") == 1


def test_the_page_of_a_mailbox_draws_how_it_fills_up(as_superadmin, add_mailbox):
    mailbox = add_mailbox("joe@example.org", quota=100 * MB)
    QuotaUsage.objects.create(username=mailbox, bytes=95 * MB)
    before = timezone.localdate() - timedelta(days=30)
    url = reverse("mailbox", args=[mailbox.pk])
    assert plots(as_superadmin.get(url)) == []
    MailboxDay.objects.create(username=mailbox.pk, day=before, bytes=80 * MB)

    page = as_superadmin.get(url)

    assert plots(page) == [f"Storage from {day(30)} to {day(0)}: from 80 MB to 95 MB."]
    assert f'<tr><th scope="row">{day(30)}</th><td>80\u00a0MB</td></tr>' in page.text
    assert "full in about 10 days" in text(page)


# --- A domain


def domain_page(client, name="example.org"):
    return client.get(reverse("domain", args=[name]))


def test_a_domain_has_four_figures_each_of_which_leads_to_its_rows(
    as_superadmin, add_mailbox, snapshot
):
    QuotaUsage.objects.create(username=add_mailbox("joe@example.org"), bytes=30 * MB)
    snapshot("example.org", 1, 10, mailboxes=0, aliases=2, changes=3)
    snapshot("example.org", 0, 20, mailboxes=1, aliases=2, changes=4)
    snapshot("other.net", 0, 999)

    page = domain_page(as_superadmin)

    shown = text(page)
    for words in ("Storage 30 MB used", "Changes, 30 days 7", "Mailboxes 1 ", "Aliases 0 "):
        assert words in shown
    assert {
        "/mailboxes/?domain=example.org",
        "/aliases/?domain=example.org",
        "/mailboxes/?domain=example.org&state=full",
        "/log/?domain=example.org",
    } <= set(links(page))
    assert [sentence.split(" from ")[0] for sentence in plots(page)] == ["Storage", "Changes"]
    row = f'<tr><th scope="row">{day(1)}</th><td>10\u00a0MB</td><td>3</td></tr>'
    assert row in page.content.decode()


def test_a_new_domain_has_its_figures_without_plots(as_superadmin):
    page = domain_page(as_superadmin)

    assert "Storage 0 MB used" in text(page)
    assert plots(page) == []
    assert "/log/?domain=example.org" in links(page)


def test_of_a_large_domain_storage_is_what_the_last_snapshot_added_up(
    as_superadmin, add_mailbox, snapshot, monkeypatch
):
    monkeypatch.setattr("domains.page.ADDED_UP", 0)
    QuotaUsage.objects.create(username=add_mailbox("joe@example.org"), bytes=30 * MB)

    assert "used" not in text(domain_page(as_superadmin)).split("promised")[0].split("Storage")[1]
    snapshot("example.org", 0, 20)
    assert "Storage 20 MB used" in text(domain_page(as_superadmin))


# --- Who signed in


LISTS = ["/domains/example.org/", "/mailboxes/?domain=example.org", "/mailboxes/"]


@pytest.mark.parametrize("path", LISTS)
def test_where_no_sign_in_is_known_no_list_speaks_of_it(path, as_superadmin, add_mailbox):
    add_mailbox("joe@example.org")

    assert "Last sign-in" not in text(as_superadmin.get(path))


@pytest.mark.parametrize("path", LISTS)
def test_a_list_says_when_each_mailbox_was_opened_last(path, as_superadmin, add_mailbox):
    now = int(timezone.now().timestamp())
    for name in ("joe", "ann", "eve"):
        add_mailbox(f"{name}@example.org")
    for name, protocol, days_ago in (("joe", "imap", 3), ("joe", "pop3", 5), ("ann", "imap", 0)):
        at = now - days_ago * 24 * 3600
        LastLogin.objects.create(username=f"{name}@example.org", protocol=protocol, at=at)

    page = as_superadmin.get(path)

    assert "Last sign-in" in text(page)
    said = re.findall(r'<td class="when roomy">([^<]*)</td>', page.content.decode())
    assert [words for words in said if words] == ["today", "3 days ago"]
    assert "never" not in text(page)


def mailbox_page(client, name="joe@example.org"):
    return client.get(reverse("mailbox", args=[name]))


def test_a_mailbox_of_which_nothing_is_known_says_nothing(as_superadmin, add_mailbox):
    add_mailbox("joe@example.org", quota=100 * MB)

    page = mailbox_page(as_superadmin)

    assert "At this pace" not in text(page)
    assert "Last sign-in" not in text(page)


def test_a_mailbox_says_when_it_will_be_full_and_what_helps(as_superadmin, add_mailbox):
    mailbox = add_mailbox("joe@example.org", quota=100 * MB)
    QuotaUsage.objects.create(username=mailbox, bytes=95 * MB)
    for days_ago, size in ((30, 80), (0, 95)):
        when = timezone.localdate() - timedelta(days=days_ago)
        MailboxDay.objects.create(username=mailbox.pk, day=when, bytes=size * MB)

    page = mailbox_page(as_superadmin)

    assert "At this pace full in about 10 days Raise…" in text(page)
    assert "/mailboxes/joe@example.org/edit/?next=/mailboxes/joe%40example.org/" in links(page)


def test_a_mailbox_shows_its_sign_ins_by_protocol_the_last_one_first(as_superadmin, add_mailbox):
    add_mailbox("joe@example.org")
    now = int(timezone.now().timestamp())
    for protocol, at in (("pop3", now - 3 * 24 * 3600), ("imap", now)):
        LastLogin.objects.create(username="joe@example.org", protocol=protocol, at=at)

    shown = text(mailbox_page(as_superadmin))

    assert re.search(
        r"Last sign-in IMAP today, \S+ [ap]\.m\. POP3 3 days ago, \S+ [ap]\.m\.", shown
    )

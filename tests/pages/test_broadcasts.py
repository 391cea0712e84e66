import csv
import io
import smtplib
from email import message_from_string, policy

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Admin, LogEntry
from accounts.services import update_admin
from domains.models import Domain
from mailboxes import broadcasts, writing
from mailboxes.broadcasts import ask_broadcast
from mailboxes.models import Mailbox
from mailboxes.services import delete_mailbox, set_mailbox_active
from panel import tasks
from panel.models import Task, TaskRow
from tests.pages.broadcasting import BEN, EVE, JOE, SAID, ZOE, ask, begun, sent_whole, step
from tests.pages.reading import error_codes, hidden_inputs, links, text, told
from tests.servers.processes import free_ports

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(add_domain, add_mailbox):
    for name in ("example.org", "second.example", "other.net"):
        add_domain(name)
    for address in (JOE, ZOE, BEN, EVE):
        add_mailbox(address)


@pytest.fixture
def superadmin(people, make_admin, sign_in):
    return sign_in(make_admin("root@panel.example", superadmin=True))


@pytest.fixture
def admin(people, make_admin, sign_in):
    domains = ["example.org", "second.example"]
    return sign_in(make_admin("it@panel.example", domains=domains))


def recipients(sink):
    return [mail.recipients for mail in sink.received]


def entries(action):
    found = LogEntry.objects.filter(action=action).order_by("pk")
    return [(entry.domain, entry.data, entry.changes) for entry in found]


def table(client, task):
    answer = client.get(reverse("broadcast-refused", args=[task.pk]))
    return list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))[1:]


def test_each_gets_a_message_of_their_own_after_a_page_that_shows_it(superadmin, sink):
    asked = ask(superadmin, everywhere="on", from_name="The postmaster")
    page = text(superadmin.get(asked.url))

    assert "Broadcast message to 4 recipients" in page
    assert "From: The postmaster <postmaster@example.org>" in page
    assert "Subject: Maintenance On Sunday from six to eight." in page
    assert (sink.received, entries("begin_broadcast")) == ([], [])

    superadmin.post(asked.url, {"do": "begin"})
    step(superadmin, asked.url)
    done = step(superadmin, asked.url)

    assert recipients(sink) == [[BEN], [EVE], [JOE], [ZOE]]
    mail = message_from_string(sink.received[2].text, policy=policy.default)
    assert (mail["To"], mail["From"]) == (JOE, "The postmaster <postmaster@example.org>")
    assert (mail["Subject"], mail.get_content().splitlines()) == (
        "Maintenance",
        ["On Sunday", "from six to eight."],
    )
    assert (mail["Auto-Submitted"], mail["Precedence"]) == ("auto-generated", "bulk")
    assert {bool(mail["Date"]), mail["Message-ID"].endswith("@mail.example.org>")} == {True}
    assert {mail.sender for mail in sink.received} == {"postmaster@example.org"}
    assert "4 messages are handed to the mail server." in done
    assert "data-goes-on" not in done


def test_the_log_has_how_many_and_not_what(superadmin, sink):
    sent_whole(superadmin, domains="example.org second.example")

    assert entries("begin_broadcast") == [
        ("example.org", "example.org", None),
        ("second.example", "second.example", None),
    ]
    assert entries("end_broadcast") == [
        ("example.org", "example.org", None),
        ("second.example", "second.example", None),
        ("", "example.org, second.example", {"sent": [None, 3]}),
    ]
    everything = str(list(LogEntry.objects.values()))
    assert ("Maintenance" in everything, "Sunday" in everything) == (False, False)
    assert "," not in "".join(links(superadmin.get(reverse("log"))))  # that no page has

    sent_whole(superadmin, domains="second.example")
    sent_whole(superadmin, everywhere="on")

    assert entries("end_broadcast")[3:] == [
        ("second.example", "second.example", {"sent": [None, 1]}),
        ("", "ALL", {"sent": [None, 4]}),
    ]


@pytest.mark.parametrize("chosen", [{"domains": "example.org"}, {"everywhere": "on"}])
def test_an_administrator_reaches_own_domains_alone(chosen, admin, sink):
    sent_whole(admin, **chosen)

    assert sorted(recipients(sink)) == (
        [[JOE], [ZOE]] if "domains" in chosen else [[BEN], [JOE], [ZOE]]
    )


@pytest.mark.parametrize("names", ["other.net", "example.org other.net", "nowhere.example", "<b>"])
def test_a_domain_of_others_is_refused_as_one_that_is_not_there(names, admin, sink):
    answer = ask(admin, domains=names)

    assert (answer.status_code, error_codes(answer)) == (422, {"domains": ["unknown"]})
    assert Task.objects.count() == 0


def test_it_is_for_those_who_may(people, make_admin, sign_in, sink, settings):
    users = sign_in(Mailbox.objects.get(pk=JOE))
    assert (users.get(reverse("broadcast")).status_code, ask(users).status_code) == (404, 404)
    settings.DOMAIN_ADMINS_BROADCAST = False
    admins = sign_in(make_admin("it@panel.example", domains=["example.org"]))
    assert (admins.get(reverse("broadcast")).status_code, ask(admins).status_code) == (404, 404)
    assert reverse("broadcast") not in str(links(admins.get(reverse("mailbox-list"))))
    root = sign_in(make_admin("root@panel.example", superadmin=True))
    assert root.get(reverse("broadcast")).status_code == 200
    assert reverse("broadcast") in links(root.get(reverse("mailbox-list")))


def test_a_right_that_is_taken_away_stops_it(admin, sink):
    url = begun(admin, everywhere="on")
    update_admin(actor=None, admin=Admin.objects.get(), domains=["example.org"])

    assert "What you manage has changed" in step(admin, url)
    assert sink.received == []


def test_a_line_break_in_the_subject_makes_no_header(superadmin, sink):
    injected = "Hello\r\nBcc: victim@elsewhere.example\r\n\r\nBuy\u2028now\x00"
    ask(superadmin, domains="example.org", subject=injected.replace("\x00", ""), from_name="a\nb")
    task = Task.objects.get()
    url = task.get_absolute_url()
    superadmin.post(url, {"do": "begin"})
    step(superadmin, url)

    mail = message_from_string(sink.received[0].text, policy=policy.default)
    assert mail["Subject"] == "Hello Bcc: victim@elsewhere.example Buy now"
    assert (mail["Bcc"], mail["From"]) == (None, "a b <postmaster@example.org>")
    assert recipients(sink) == [[JOE], [ZOE]]


@pytest.mark.parametrize("name", ["a\uff20bank.example", "a\ufe6bb.example", "\uff1ca b\ufe65"])
def test_a_name_holds_no_address_in_other_letters(name, superadmin, sink):
    answer = ask(superadmin, everywhere="on", from_name=name)

    assert (error_codes(answer), Task.objects.count()) == ({"from_name": ["from_name"]}, 0)


def test_signs_that_turn_or_hide_text_are_left_out(superadmin, sink):
    hidden = "Pay\u202elap\u2066 \u200bme\ufeff \U0001f468\u200d\U0001f4bb"
    ask(superadmin, everywhere="on", subject=hidden, from_name="\u200fIT\u200b")

    options = Task.objects.get().options
    shown = "Paylap me \U0001f468\u200d\U0001f4bb"
    assert (options["subject"], options["from_name"]) == (shown, "IT")


def test_what_is_missing_or_too_long_is_said_at_its_field(superadmin, sink):
    answer = ask(superadmin, subject=" ", body="", from_name="Bank <a@b.example>")
    assert error_codes(answer) == {
        "subject": ["required"],
        "body": ["required"],
        "from_name": ["from_name"],
        "domains": ["no_domains"],
    }
    answer = ask(superadmin, everywhere="on", body="x" * 20_001, subject="x" * 256)
    assert error_codes(answer) == {"body": ["body"], "subject": ["max_length"]}
    assert Task.objects.count() == 0


def test_where_nobody_receives_there_is_nothing_to_send(superadmin, sink, add_domain):
    add_domain("empty.example")
    answer = ask(superadmin, domains="empty.example")

    assert (error_codes(answer), Task.objects.count()) == ({"domains": ["nobody"]}, 0)


def test_who_is_off_or_receives_nothing_gets_none(superadmin, sink):
    Mailbox.objects.filter(pk=ZOE).update(active=False)
    Mailbox.objects.filter(pk=BEN).update(receives=False)
    Domain.objects.filter(pk="other.net").update(active=False)
    sent_whole(superadmin, everywhere="on")

    assert recipients(sink) == [[JOE]]


def test_who_is_switched_off_meanwhile_gets_none(superadmin, sink):
    url = begun(superadmin, everywhere="on")
    set_mailbox_active(actor=None, mailbox=Mailbox.objects.get(pk=JOE), active=False)
    step(superadmin, url)

    assert recipients(sink) == [[BEN], [EVE], [ZOE]]


def test_aliases_get_it_if_they_lead_to_people_elsewhere(superadmin, sink, add_alias):
    add_alias("friends@example.org", JOE, "ann@elsewhere.example", "pia@elsewhere.example")
    add_alias("sales@example.org", JOE)
    add_alias("@example.org", "all@elsewhere.example")
    add_alias("closed@example.org", "ann@elsewhere.example", access="closed")
    sent_whole(superadmin, domains="example.org")
    assert recipients(sink) == [[JOE], [ZOE]]

    sink.received.clear()
    sent_whole(superadmin, domains="example.org", aliases="on")
    assert recipients(sink) == [[JOE], [ZOE], ["friends@example.org"]]


def test_the_sender_is_who_writes_if_mail_for_them_arrives_here(
    people, make_admin, sign_in, sink, add_alias
):
    add_alias("it@example.org", JOE)
    for name in (ZOE, "it@example.org", "nobody@example.org"):
        sent_whole(sign_in(make_admin(name, superadmin=True)), domains="second.example")

    senders = [message_from_string(mail.text)["From"] for mail in sink.received]
    assert senders == [ZOE, "it@example.org", "postmaster@example.org"]


def test_a_test_goes_to_oneself_alone(superadmin, sink):
    url = ask(superadmin, everywhere="on").url
    answer = superadmin.post(url, {"do": "try"})

    assert (answer.url, told(answer)) == (url, ["A test is sent to root@panel.example."])
    assert recipients(sink) == [["root@panel.example"]]
    assert Task.objects.get().state == "asked"
    assert entries("test_broadcast") == [("", "root@panel.example", None)]
    assert entries("send_test") == []  # of which there is only so many an hour

    sink.unknown.add("root@panel.example")
    refused = superadmin.post(url, {"do": "try"})
    said = "The mail server did not take the message: 550 5.1.1 no such user"
    assert (refused.status_code, said in text(refused)) == (422, True)
    superadmin.post(url, {"do": "begin"})
    assert superadmin.post(url, {"do": "try"}).status_code == 404


def test_a_double_click_asks_for_one_and_sends_one(superadmin, sink):
    form = hidden_inputs(superadmin.get(reverse("broadcast")))
    fields = SAID | {"everywhere": "on", "csrfmiddlewaretoken": form["csrfmiddlewaretoken"][0]}
    urls = [superadmin.post(reverse("broadcast"), fields).url for _click in range(2)]
    assert (urls[0], Task.objects.count()) == (urls[1], 1)

    answers = [superadmin.post(urls[0], {"do": "begin"}).url for _click in range(2)]
    for _window in range(4):
        step(superadmin, urls[0])

    assert answers == [f"{urls[0]}?go=1"] * 2
    assert recipients(sink) == [[BEN], [EVE], [JOE], [ZOE]]
    assert (len(entries("begin_broadcast")), len(entries("end_broadcast"))) == (1, 1)


def test_many_are_confirmed_by_their_number(superadmin, sink, monkeypatch):
    monkeypatch.setattr(tasks, "TYPED_FROM", 4)
    url = ask(superadmin, everywhere="on").url

    assert superadmin.post(url, {"do": "begin"}).status_code == 422
    assert superadmin.post(url, {"do": "begin", "confirm": "4"}).status_code == 302


def test_the_form_can_be_changed_after_the_page_that_shows_it(superadmin, sink):
    url = ask(superadmin, domains="example.org second.example", from_name="IT").url
    [change] = [link for link in links(superadmin.get(url)) if "task=" in link]

    form = superadmin.get(change).context["form"]

    values = {name: form[name].value() for name in ("domains", "subject", "from_name")}
    assert values == {
        "domains": "example.org\nsecond.example",
        "subject": "Maintenance",
        "from_name": "IT",
    }


def test_it_stops_and_goes_on_without_writing_to_anybody_twice(superadmin, sink, monkeypatch):
    monkeypatch.setattr(tasks, "STEP", 1)
    url = begun(superadmin, everywhere="on")
    step(superadmin, url)
    superadmin.post(url, {"do": "stop"})
    step(superadmin, url)
    assert recipients(sink) == [[BEN]]

    superadmin.post(url, {"do": "go"}, headers={"HX-Request": "true"})
    for _step in range(6):
        step(superadmin, url)

    assert recipients(sink) == [[BEN], [EVE], [JOE], [ZOE]]
    assert Task.objects.get().state == "done"


def test_what_is_left_is_left_when_somebody_ends_it(superadmin, sink, monkeypatch):
    monkeypatch.setattr(tasks, "STEP", 1)
    url = begun(superadmin, everywhere="on")
    step(superadmin, url)
    superadmin.post(url, {"do": "end"})
    step(superadmin, url)

    assert recipients(sink) == [[BEN]]
    assert entries("end_broadcast") == [("", "ALL", {"sent": [None, 1]})]


def test_whoever_it_breaks_at_gets_none_rather_than_two(superadmin, sink, monkeypatch):
    def broken(*_given, **_more):
        raise RuntimeError("the process is gone")

    url = begun(superadmin, domains="second.example")
    with monkeypatch.context() as patch:
        patch.setattr(broadcasts, "message_to", broken)
        step(superadmin, url)
    for _step in range(3):
        done = step(superadmin, url)

    task = Task.objects.get()
    assert (sink.received, task.state) == ([], "done")
    assert "Of 1 recipient nobody knows" in done
    assert table(superadmin, task) == [[BEN, "not known", ""]]
    assert entries("end_broadcast")[0][2] == {"sent": [None, 0], "unknown": [None, 1]}


def test_who_is_refused_is_named_on_the_page_and_in_a_file(superadmin, sink, sign_in, make_admin):
    sink.unknown = {JOE, EVE}
    url = sent_whole(superadmin, everywhere="on")
    page, task = superadmin.get(url), Task.objects.get()

    assert recipients(sink) == [[BEN], [ZOE]]
    assert "Refused: 2" in text(page)
    assert "eve@other.net: 550 5.1.1 no such user" in text(page)
    reply = "550 5.1.1 no such user"
    assert table(superadmin, task) == [[EVE, "refused", reply], [JOE, "refused", reply]]
    counted = {"sent": [None, 2], "refused": [None, 2]}
    assert entries("end_broadcast") == [("", "ALL", counted)]
    others = sign_in(make_admin("b@panel.example", superadmin=True))
    file = reverse("broadcast-refused", args=[task.pk])
    assert others.get(file).status_code == 404
    assert sign_in(Mailbox.objects.get(pk=JOE)).get(file).status_code == 404


def test_who_is_put_off_is_tried_again_after_a_while(superadmin, sink, monkeypatch):
    sink.answers = ["451 4.7.1 later"]
    url = begun(superadmin, domains="example.org")
    step(superadmin, url)
    waiting = step(superadmin, url)
    assert recipients(sink) == [[ZOE]]
    assert "The mail server put some off. They are tried again at" in waiting
    assert ("delay:30s" in waiting, Task.objects.get().state) == (True, "running")

    later = broadcasts.time() + broadcasts.PAUSES[0] + 1
    monkeypatch.setattr(broadcasts, "time", lambda: later)
    step(superadmin, url)
    step(superadmin, url)

    task = Task.objects.get()
    assert recipients(sink) == [[ZOE], [JOE]]
    assert (task.state, task.done, task.refused) == ("done", 2, 0)


def test_who_is_put_off_again_and_again_counts_as_refused(superadmin, sink, monkeypatch):
    monkeypatch.setattr(broadcasts, "PAUSES", (0, 0, 0))
    sink.answers = ["451 4.7.1 later"] * 9
    sent_whole(superadmin, domains="second.example")

    task = Task.objects.get()
    assert (task.state, task.done, task.refused) == ("done", 0, 1)
    assert len(sink.answers) == 5
    assert table(superadmin, task) == [[BEN, "refused", "451 4.7.1 later"]]


def test_while_the_mail_server_is_away_nobodys_turn_passes(superadmin, sink, settings):
    url = begun(superadmin, everywhere="on")
    [settings.EMAIL_PORT] = free_ports(1)
    away = step(superadmin, url)
    assert "The mail server takes no message now: [Errno 111] Connection refused." in away
    assert ("data-goes-on" in away, Task.objects.get().position) == (True, [])

    settings.EMAIL_PORT = sink.port
    step(superadmin, url)

    assert recipients(sink) == [[BEN], [EVE], [JOE], [ZOE]]


def test_while_nothing_is_taken_from_the_sender_nobodys_turn_passes(superadmin, sink):
    url = begun(superadmin, everywhere="on")
    sink.of_senders = ["450 4.7.1 too many messages"]
    away = step(superadmin, url)
    assert "The mail server takes no message now: 450 4.7.1 too many messages." in away
    assert (sink.received, Task.objects.get().position) == ([], [])

    sink.of_senders = [
        "250 ok",
        "250 ok",
        "450 4.7.1 too many messages",
        "450 4.7.1 too many messages",
    ]
    step(superadmin, url)
    assert recipients(sink) == [[BEN]]
    step(superadmin, url)
    assert recipients(sink) == [[BEN], [JOE], [ZOE]]
    assert list(TaskRow.objects.values_list("key", "changes__state")) == [(EVE, "later")]


def test_whom_nobody_refused_is_put_off_and_not_refused(superadmin, sink, monkeypatch):
    def broken(*_given):
        raise smtplib.SMTPServerDisconnected("the connection broke")

    monkeypatch.setattr(broadcasts, "PAUSES", (0, 0, 0))
    monkeypatch.setattr(writing, "_handed_over", broken)
    sent_whole(superadmin, domains="second.example")

    task = Task.objects.get()
    assert (task.state, task.done, task.refused) == ("done", 0, 0)
    assert table(superadmin, task) == [[BEN, "put off", "the connection broke"]]


def test_the_mail_server_is_connected_to_outside_of_transactions(superadmin, sink, monkeypatch):
    opened, handed_over = [], writing._handed_over
    opening, broken = writing.get_connection, [BEN]

    def open_noted(**options):
        opened.append(connection.in_atomic_block)
        return opening(**options)

    def once_broken(session, text, address, sender):
        if address in broken:
            broken.remove(address)
            raise smtplib.SMTPServerDisconnected("the connection broke")
        return handed_over(session, text, address, sender)

    monkeypatch.setattr(writing, "get_connection", open_noted)
    monkeypatch.setattr(writing, "_handed_over", once_broken)
    sink.unknown, sink.answers = {EVE}, ["451 4.7.1 later"]
    step(superadmin, begun(superadmin, everywhere="on"))

    assert recipients(sink) == [[ZOE]]
    assert opened == [False, False]


def test_one_at_a_time_is_sent(superadmin, sink, make_admin):
    admin = Client()
    admin.force_login(
        make_admin("it@panel.example", domains=["example.org"]),
        backend="accounts.backends.AdminBackend",
    )
    first = begun(superadmin, domains="other.net")
    second = begun(admin, domains="example.org")
    waits = step(admin, second)
    assert ("This one goes on after it." in waits, "data-goes-on" in waits) == (True, True)
    assert sink.received == []

    step(superadmin, first)
    step(superadmin, first)
    step(admin, second)

    assert recipients(sink) == [[EVE], [JOE], [ZOE]]


def test_no_faster_than_the_rate(superadmin, sink, settings, monkeypatch):
    pauses = []

    def note(seconds):
        without_answer = TaskRow.objects.filter(changes__state=broadcasts.SENDING)
        pauses.append((seconds, without_answer.count()))

    monkeypatch.setattr(broadcasts, "sleep", note)
    monkeypatch.setattr(broadcasts, "monotonic", lambda: 100.0)
    settings.BROADCAST_RATE = 30
    begun_at = begun(superadmin, everywhere="on")
    step(superadmin, begun_at)

    assert pauses == [(2, 0)] * 4


@pytest.mark.parametrize("page", ["asked", "done"])
def test_pages_cost_the_same_for_one_recipient_and_for_three(page, superadmin, sink):
    costs = []
    for names in ("second.example", "example.org second.example"):
        url = (
            ask(superadmin, domains=names).url
            if page == "asked"
            else sent_whole(superadmin, domains=names)
        )
        with CaptureQueriesContext(connection) as queries:
            superadmin.get(url)
        costs.append(len(queries))

    assert costs[0] == costs[1]


def test_who_may_no_more_does_not_begin_it(admin, sink, settings):
    url = ask(admin, everywhere="on").url
    settings.DOMAIN_ADMINS_BROADCAST = False

    answers = [admin.post(url, {"do": what}).status_code for what in ("begin", "try")]
    assert (answers, sink.received) == ([422, 422], [])
    assert (Task.objects.get().state, entries("begin_broadcast")) == ("asked", [])


def test_who_may_no_more_does_not_go_on_with_it(admin, sink, settings, monkeypatch):
    monkeypatch.setattr(tasks, "STEP", 1)
    url = begun(admin, everywhere="on")
    step(admin, url)
    settings.DOMAIN_ADMINS_BROADCAST = False
    for what in ("step", "go"):
        admin.post(url, {"do": what})
        page = text(admin.get(url))
        assert ("Only a superadmin writes to all mailboxes here." in page, "Go on" in page) == (
            True,
            False,
        )

    assert (recipients(sink), Task.objects.get().state) == ([[JOE]], "stopped")


def test_who_was_put_off_and_is_deleted_meanwhile_is_not_tried_again(superadmin, sink, monkeypatch):
    monkeypatch.setattr(broadcasts, "PAUSES", (0, 0, 0))
    sink.answers = ["451 4.7.1 later"]
    url = begun(superadmin, domains="example.org")
    step(superadmin, url)
    delete_mailbox(actor=None, mailbox=Mailbox.objects.get(pk=JOE))
    for _step in range(8):
        step(superadmin, url)

    task = Task.objects.get()
    assert (recipients(sink), task.state, task.done) == ([[ZOE]], "done", 1)
    assert table(superadmin, task) == [[JOE, "put off", "451 4.7.1 later"]]


def test_windows_of_rows_leave_nobody_out(superadmin, sink, add_alias, monkeypatch):
    monkeypatch.setattr(broadcasts, "AT_ONCE", 1)
    monkeypatch.setattr(tasks, "STEP", 1)
    Mailbox.objects.filter(pk=BEN).update(active=False)
    for name in ("a", "b", "c"):
        add_alias(f"{name}@example.org", JOE if name == "b" else "ann@elsewhere.example")
    reached = [[EVE], [JOE], [ZOE], ["a@example.org"], ["c@example.org"]]
    sent_whole(superadmin, everywhere="on", aliases="on")
    assert recipients(sink) == reached

    sink.received.clear()
    names = "example.org second.example other.net"
    sent_whole(superadmin, domains=names, aliases="on")
    assert sorted(recipients(sink)) == sorted(reached)


def test_the_service_asks_for_the_right_too(people, make_admin, settings):
    settings.DOMAIN_ADMINS_BROADCAST = False
    actor = make_admin("it@panel.example", domains=["example.org"])
    with pytest.raises(ValidationError) as refused:
        ask_broadcast(actor=actor, domains=["example.org"], subject="x", body="x")

    assert refused.value.code == "scope"

from email import message_from_string, policy

import pytest
from django.urls import reverse

from accounts.models import LogEntry
from mailboxes.models import Mailbox
from tests.pages.broadcasting import JOE, SAID
from tests.pages.reading import error_codes, errors, hidden_inputs, links, told
from tests.servers.processes import free_ports

PAGE = f"/mailboxes/{JOE}/message/"


@pytest.fixture
def joe(example_org, add_mailbox):
    return add_mailbox(JOE)


def noted():
    found = LogEntry.objects.filter(action="send_message")
    return list(found.values_list("domain", "data", "changes"))


def test_a_mailboxs_page_leads_to_a_message_to_its_user(admin, joe, sink):
    assert PAGE in links(admin.get(joe.get_absolute_url()))

    answer = admin.post(PAGE, SAID | {"from_name": "IT"})

    assert (answer.url, told(answer)) == (
        joe.get_absolute_url(),
        [f"The message to {JOE} is sent."],
    )
    [mail] = sink.received
    message = message_from_string(mail.text, policy=policy.default)
    assert (mail.recipients, message["To"]) == ([JOE], JOE)
    assert message["From"] == "IT <postmaster@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert mail.sender == "postmaster@example.org"
    assert message.get_content().splitlines() == SAID["body"].splitlines()
    assert noted() == [("example.org", JOE, None)]


def test_to_a_person_who_can_be_answered_an_away_message_may_be_sent(
    joe, make_admin, sign_in, add_mailbox, sink
):
    add_mailbox("ann@example.org")
    sign_in(make_admin("ann@example.org", domains=["example.org"])).post(PAGE, SAID)

    message = message_from_string(sink.received[0].text)
    assert (message["From"], message["Auto-Submitted"]) == ("ann@example.org", None)
    assert sink.received[0].sender == "ann@example.org"


def test_what_the_mail_server_refuses_is_said_and_the_text_kept(admin, joe, sink):
    sink.unknown.add(JOE)
    answer = admin.post(PAGE, SAID)

    assert (answer.status_code, error_codes(answer)) == (422, {"__all__": ["refused"]})
    assert "550 5.1.1 no such user" in str(errors(answer))
    assert SAID["body"] in answer.text


def test_without_a_mail_server_it_can_be_tried_again(admin, joe, sink, settings):
    [settings.EMAIL_PORT] = free_ports(1)
    form = hidden_inputs(admin.get(PAGE))
    fields = SAID | {"csrfmiddlewaretoken": form["csrfmiddlewaretoken"][0]}
    away = admin.post(PAGE, fields)
    assert (away.status_code, SAID["body"] in away.text) == (503, True)

    settings.EMAIL_PORT = sink.port
    assert admin.post(PAGE, fields).status_code == 302
    assert len(sink.received) == 1


def test_a_double_click_sends_one(admin, joe, sink):
    form = hidden_inputs(admin.get(PAGE))
    fields = SAID | {"csrfmiddlewaretoken": form["csrfmiddlewaretoken"][0]}

    answers = [admin.post(PAGE, fields) for _click in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert (len(sink.received), len(noted())) == (1, 1)


@pytest.mark.parametrize("off", ["active", "receives"])
def test_who_receives_nothing_is_not_written_to(off, admin, joe, sink):
    Mailbox.objects.update(**{off: False})
    answer = admin.post(PAGE, SAID)

    assert (error_codes(answer), sink.received, noted()) == ({"__all__": ["off"]}, [], [])


def test_an_empty_message_is_refused(admin, joe, sink):
    answer = admin.post(PAGE, {"subject": "", "body": " "})

    assert error_codes(answer) == {"subject": ["required"], "body": ["required"]}
    assert sink.received == []


def test_a_mailbox_of_others_does_not_exist(admin, other_net, add_mailbox, sink):
    add_mailbox("eve@other.net")
    address = reverse("mailbox-message", args=["eve@other.net"])

    assert (admin.get(address).status_code, admin.post(address, SAID).status_code) == (404, 404)
    assert sink.received == []

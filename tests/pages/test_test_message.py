import pytest
from django.urls import reverse

from accounts.models import LogEntry
from mailadmin.tracing.sending import MOST
from tests.pages.reading import text, told

JOE = "joe@example.org"


@pytest.fixture
def joe(example_org, add_mailbox):
    return add_mailbox(JOE)


@pytest.fixture
def as_superadmin(sign_in, make_admin, joe):
    return sign_in(make_admin(superadmin=True))


@pytest.fixture
def admin(sign_in, make_admin, joe, other_net):
    return sign_in(make_admin("it@panel.example", domains=["example.org"]))


def send(client, address=JOE):
    return client.post(reverse("trace"), {"address": address})


def sent():
    return list(LogEntry.objects.filter(action="send_test").values_list("domain", "data"))


def test_it_is_handed_to_the_mail_server_and_logged(sink, as_superadmin):
    answer = send(as_superadmin)

    assert answer.url == f"{reverse('trace')}?address=joe%40example.org"
    [mail] = sink.received
    assert (mail.sender, mail.recipients) == ("postmaster@example.org", [JOE])
    assert "Auto-Submitted: auto-generated" in mail.text
    assert sent() == [("example.org", JOE)]


def test_without_an_id_of_the_queue_the_page_claims_nothing(sink, as_superadmin):
    """This server says "250 ok" alone, as no Postfix does."""
    assert told(send(as_superadmin)) == ["The mail server did not take it: “250 ok”."]


def test_a_refusal_is_told_in_the_servers_words(sink, as_superadmin):
    sink.unknown.add(JOE)

    assert told(send(as_superadmin)) == [
        "The mail server did not take it: “550 5.1.1 no such user”."
    ]
    assert sink.received == []


def has_button(client, address):
    return "Send a test message" in text(client.get(reverse("trace"), {"address": address}))


def test_a_superadmin_has_the_button_under_every_answer(as_superadmin):
    assert has_button(as_superadmin, JOE)
    assert has_button(as_superadmin, "x@elsewhere.example")


def test_an_administrator_has_it_under_answers_about_own_domains(admin):
    assert has_button(admin, JOE)
    assert has_button(admin, "zoe@example.org")
    assert not has_button(admin, "ann@other.net")
    assert not has_button(admin, "x@elsewhere.example")


@pytest.mark.parametrize("address", ["ann@other.net", "x@elsewhere.example"])
def test_an_administrator_writes_to_own_domains_alone(sink, admin, address):
    answer = send(admin, address)

    assert answer.status_code == 422
    assert "to addresses in your domains only" in text(answer)
    assert (sink.received, sent()) == ([], [])


def test_a_mailbox_user_sends_none(sink, sign_in, joe):
    assert send(sign_in(joe)).status_code == 404
    assert sink.received == []


@pytest.mark.parametrize("address", ["", "joe", "joe@example.org, ann@example.org"])
def test_what_is_no_address_gets_none(sink, as_superadmin, address):
    assert send(as_superadmin, address).status_code == 422
    assert (sink.received, sent()) == ([], [])


@pytest.mark.parametrize("address", ["jürgen@example.org", "jo\x07e@example.org"])
def test_what_no_mail_server_is_told_in_ascii_gets_none(sink, as_superadmin, address):
    answer = send(as_superadmin, address)

    assert answer.status_code == 422
    assert "addresses in ASCII only, without control characters" in text(answer)
    assert (sink.received, sent()) == ([], [])


def test_after_some_in_an_hour_one_has_to_wait_and_others_have_not(
    sink, admin, sign_in, make_admin
):
    for _number in range(MOST):
        assert send(admin).status_code == 302
    answer = send(admin)

    assert answer.status_code == 422
    assert "You have sent 10 test messages in the last hour." in text(answer)
    assert len(sink.received) == len(sent()) == MOST
    assert send(sign_in(make_admin(superadmin=True))).status_code == 302


def test_a_mail_server_that_is_away_is_told(sink, as_superadmin, settings):
    settings.EMAIL_PORT = 1

    answer = send(as_superadmin)
    assert answer.status_code == 422
    assert "The mail server does not answer:" in text(answer)


def test_without_a_mail_server_to_send_through_the_page_says_so(as_superadmin, settings):
    answer = send(as_superadmin)

    assert answer.status_code == 422
    assert "No mail server is set to send through" in text(answer)


def test_two_clicks_send_one(sink, as_superadmin):
    page = as_superadmin.get(reverse("trace"), {"address": JOE})
    token = page.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    form = {"address": JOE, "csrfmiddlewaretoken": token}

    first, second = (as_superadmin.post(reverse("trace"), form) for _click in range(2))

    assert first.url == second.url
    assert len(sink.received) == 1

"""A link to the other address on record, with which whoever has lost the password sets another one."""

import logging
import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import link_views, password_links
from accounts.models import Admin, LogEntry, LoginAttempt, PasswordLink
from accounts.password_links import RESET, find, url_of
from domains.models import Domain
from mailboxes.models import Mailbox
from panel.transactions import Unavailable
from tests.pages.own_factor import BACKENDS, fresh
from tests.pages.reading import error_codes, links

OTHER = "joe@elsewhere.test"
NEW = "quiet-otters-seven-8"
PANEL = "https://panel.example.org/"


@pytest.fixture(autouse=True)
def offered(settings, monkeypatch):
    # Another thread has another connection, which does not see what a test has not committed.
    monkeypatch.setattr(link_views, "later", link_views.logged)
    settings.PANEL_URL = PANEL
    settings.FORGOTTEN_PASSWORDS = {"mailbox": True, "admin": True}


@pytest.fixture
def joe(account):
    type(account).objects.filter(pk=account.pk).update(email_other=OTHER)
    return fresh(account)


@pytest.fixture
def ask(client):
    def send(name="joe@example.org", **more):
        return client.post(reverse("password-forgotten"), {"username": name}, **more)

    return send


def asked_again():
    """As if the last link had been asked for a while ago."""
    PasswordLink.objects.update(made=timezone.now() - password_links.ONE_IN)


def link_in(message):
    [found] = re.findall(rf"^{re.escape(PANEL)}login/link/(\S+)/$", message.body, re.MULTILINE)
    return found


def opened(client, token):
    """The page that a browser shows which follows the link."""
    return client.get(reverse("password-link-token", args=[token]), follow=True)


@pytest.fixture
def mailed(django_capture_on_commit_callbacks):
    """Runs a block with what comes after its commit, and returns to whom its mails went."""

    def run(act):
        before = len(mail.outbox)
        with django_capture_on_commit_callbacks(execute=True):
            act()
        return [message.to for message in mail.outbox[before:]]

    return run


def set_password(client, password=NEW):
    return client.post(reverse("password-link"), {"password": password})


def test_a_link_to_the_other_address_sets_a_new_password_once(client, ask, joe, password):
    others = Client()
    others.force_login(joe, backend=BACKENDS[joe.account_kind])
    assert reverse("password-forgotten") in links(client.get(reverse("login")))

    answer = ask()

    assert (answer.status_code, answer.url) == (302, "/login/forgotten/?sent=1")
    [message] = mail.outbox
    assert message.to == [OTHER]
    token = link_in(message)
    page = opened(client, token)
    assert page.status_code == 200
    assert "joe@example.org" in page.text
    assert fresh(joe).check_password(password)

    answer = set_password(client)

    assert (answer.status_code, answer.url) == (302, "/login/link/?saved=reset")
    assert client.get(answer.url).status_code == 200
    assert fresh(joe).check_password(NEW)
    assert not fresh(joe).check_password(password)
    assert others.get(reverse("account")).status_code == 302
    assert PasswordLink.objects.count() == 0
    assert opened(client, token).status_code == 410
    assert set_password(client, "another-otter-eight-9").status_code == 422
    assert fresh(joe).check_password(NEW)
    assert client.get(reverse("account")).status_code == 302


def test_the_person_is_told_at_both_addresses(client, ask, joe, mailed):
    ask()
    opened(client, link_in(mail.outbox[0]))

    assert mailed(lambda: set_password(client)) == [["joe@example.org", OTHER]]


def test_the_second_factor_is_asked_for_all_the_same(client, ask, joe, shows, sign, clock):
    shows(joe)
    ask()
    opened(client, link_in(mail.outbox[0]))
    set_password(client)

    assert sign(joe.pk, NEW).url == reverse("second-step")
    assert fresh(joe).totp_secret


def test_both_are_in_the_log_and_no_secret_is(ask, joe, client):
    LogEntry.objects.all().delete()
    ask(REMOTE_ADDR="192.0.2.7")
    token = link_in(mail.outbox[0])
    opened(client, token)
    set_password(client)

    entries = LogEntry.objects.order_by("pk").values_list("action", "username", "domain", "data")
    domain = getattr(joe, "domain_id", "")
    assert list(entries) == [
        ("ask_password", " (192.0.2.7)", domain, joe.pk),
        ("edit_password", "joe@example.org (127.0.0.1)", domain, joe.pk),
    ]
    [row] = LogEntry.objects.filter(action="edit_password").values_list("changes", flat=True)
    assert row is None


def test_what_is_stored_opens_nothing(ask, joe):
    ask()
    token = link_in(mail.outbox[0])

    [row] = PasswordLink.objects.values()
    assert len(token) == 43  # 256 bits
    assert token not in str(row)
    assert find(row["digest"]) is find(row["bound"]) is None
    assert find(token)[1] == joe


def test_of_two_links_the_newer_counts(ask, joe, client):
    ask()
    first = link_in(mail.outbox[0])
    asked_again()
    ask()
    second = link_in(mail.outbox[1])

    assert first != second
    assert opened(client, first).status_code == 410
    assert opened(client, second).status_code == 200


def test_no_more_than_one_is_sent_in_five_minutes(ask, joe):
    assert [ask().status_code for _time in range(4)] == [302] * 4
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("minutes", "status"), [(59, 200), (61, 410)], ids=["within the hour", "after the hour"]
)
def test_it_lasts_an_hour(minutes, status, ask, joe, client):
    ask()
    link = PasswordLink.objects.get()
    assert link.until - link.made == timedelta(hours=1)
    PasswordLink.objects.update(until=link.until - timedelta(minutes=minutes))

    assert opened(client, link_in(mail.outbox[0])).status_code == status
    if status == 410:
        assert set_password(client).status_code == 422


WHAT_ENDS_IT = {
    "a new password": {"password": "{SHA512-CRYPT}$6$x$y"},
    "another other address": {"email_other": "eve@elsewhere.test"},
    "switched off": {"active": False},
}


@pytest.mark.parametrize("change", WHAT_ENDS_IT)
def test_it_ends_with_what_it_was_made_for(change, ask, joe, client):
    """Whoever writes it: PostfixAdmin knows nothing of links."""
    ask()
    type(joe).objects.filter(pk=joe.pk).update(**WHAT_ENDS_IT[change])

    assert opened(client, link_in(mail.outbox[0])).status_code == 410
    assert set_password(client).status_code == 422


def test_it_ends_when_the_domain_is_switched_off_and_when_none_are_sent_any_more(
    ask, client, add_mailbox, example_org, settings
):
    add_mailbox("ann@example.org", email_other=OTHER)
    ask("ann@example.org")
    token = link_in(mail.outbox[0])
    Domain.objects.update(active=False)
    assert find(token) is None
    Domain.objects.update(active=True)
    assert find(token) is not None
    settings.FORGOTTEN_PASSWORDS = {"mailbox": False, "admin": True}
    assert find(token) is None


@pytest.mark.parametrize("token", ["x", "é", "0" * 43, "%00", "a" * 2000])
def test_another_token_opens_nothing(token, ask, joe, client, password):
    ask()

    assert opened(client, token).status_code == 410
    assert set_password(client).status_code == 422
    assert fresh(joe).check_password(password)


def test_following_a_link_changes_nothing_and_tells_nobody(ask, joe, client):
    ask()
    token = link_in(mail.outbox[0])
    before = list(PasswordLink.objects.values())

    with CaptureQueriesContext(
        connection,
    ) as asked:
        answer = client.get(reverse("password-link-token", args=[token]))

    assert len(asked) == 0
    assert token not in answer.headers["Location"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    cookie = answer.cookies[link_views.COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/login/link/")
    page = client.get(answer.url)
    assert page.headers["Referrer-Policy"] == "same-origin"  # or its form has the origin "null"
    assert "no-store" in page.headers["Cache-Control"]
    assert token not in page.text
    assert list(PasswordLink.objects.values()) == before


def test_the_link_leads_where_the_settings_say_whatever_the_request_says(ask, joe, settings):
    settings.ALLOWED_HOSTS = ["*"]
    ask(HTTP_HOST="evil.test")

    assert "evil.test" not in mail.outbox[0].body
    assert url_of("x") == f"{PANEL}login/link/x/"
    link_in(mail.outbox[0])


NOBODY = {
    "unknown": lambda joe: joe.delete(),
    "no other address": lambda joe: change(joe, email_other=""),
    "the mailbox itself": lambda joe: change(joe, email_other="Joe@Example.org "),
    "no address at all": lambda joe: change(joe, email_other="call me"),
    "two addresses": lambda joe: change(joe, email_other="a@x.test, b@x.test"),
    "off": lambda joe: change(joe, active=False),
}


def change(account, **fields):
    type(account).objects.filter(pk=account.pk).update(**fields)


def asked(monkeypatch, ask, name):
    """What the answer costs and says, before the work begins that comes after it."""
    with monkeypatch.context() as patched, CaptureQueriesContext(connection) as queries:
        patched.setattr(link_views.SendsAfterwards, "close", lambda self: None)
        answer = ask(name)
    LoginAttempt.objects.all().delete()
    said = {name: value for name, value in answer.headers.items() if name != "Expires"}
    sql = [
        re.sub(r"'[^']*'|\b[0-9]+\b|\[.*\]|s[0-9]+_x[0-9]+", "?", query["sql"]) for query in queries
    ]
    return answer.status_code, said, answer.content, sql


@pytest.mark.parametrize("case", NOBODY)
def test_nobody_else_gets_a_link_and_the_answer_tells_nothing(
    case, ask, account, monkeypatch, settings
):
    change(account, email_other=OTHER)
    with_link = asked(monkeypatch, ask, account.pk)
    settings.PANEL_URL = PANEL
    NOBODY[case](fresh(account))

    assert asked(monkeypatch, ask, account.pk) == with_link
    assert len(with_link[3]) > 3
    ask()
    assert mail.outbox == []
    assert PasswordLink.objects.count() == 0


def test_an_administrator_gets_one_only_where_it_is_switched_on(
    ask, make_admin, add_mailbox, example_org, settings
):
    make_admin("joe@example.org", email_other="admin@elsewhere.test")
    add_mailbox("joe@example.org", email_other=OTHER)
    settings.FORGOTTEN_PASSWORDS = {"mailbox": True, "admin": False}
    ask()
    assert [message.to for message in mail.outbox] == [[OTHER]]

    asked_again()
    settings.FORGOTTEN_PASSWORDS = {"mailbox": True, "admin": True}
    ask()
    assert [message.to for message in mail.outbox[1:]] == [["admin@elsewhere.test"], [OTHER]]
    kinds = {m.to[0]: find(link_in(m))[1].account_kind for m in mail.outbox[1:]}
    assert kinds == {"admin@elsewhere.test": "admin", OTHER: "mailbox"}


def test_one_account_of_a_name_is_not_the_other(ask, client, make_admin, add_mailbox, example_org):
    make_admin("joe@example.org")
    add_mailbox("joe@example.org", email_other=OTHER)
    ask()
    opened(client, link_in(mail.outbox[0]))
    set_password(client)

    assert Mailbox.objects.get(pk="joe@example.org").check_password(NEW)
    assert not Admin.objects.get(pk="joe@example.org").check_password(NEW)


def test_where_it_is_off_there_is_no_page(client, settings):
    settings.FORGOTTEN_PASSWORDS = {"mailbox": False, "admin": False}

    assert client.get(reverse("password-forgotten")).status_code == 404
    assert client.post(reverse("password-forgotten"), {"username": "a@b.c"}).status_code == 404
    assert reverse("password-forgotten") not in links(client.get(reverse("login")))


def test_a_network_that_asks_for_too_many_must_wait(ask, settings, joe):
    settings.LOGIN_FAILURES = 1
    asked = [ask(f"nobody{n}@example.org").status_code for n in range(10)]
    assert asked == [302] * 10

    assert ask(joe.pk).status_code == 429
    assert mail.outbox == []
    assert ask(joe.pk, REMOTE_ADDR="192.0.2.7").status_code == 302
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("typed", "code"),
    [("short-1", "password_weak"), ("joe@example.org", "password_too_similar"), ("", "required")],
)
def test_the_rules_for_passwords_hold_and_the_link_stays(typed, code, ask, joe, client):
    ask()
    opened(client, link_in(mail.outbox[0]))

    answer = set_password(client, typed)

    assert answer.status_code == 422
    assert code in error_codes(answer)["password"]
    assert set_password(client).status_code == 302


def test_of_two_clicks_both_get_the_same_answer(ask, joe, mailed):
    ask()
    client = Client(enforce_csrf_checks=True)
    page = opened(client, link_in(mail.outbox[0]))
    form = {
        "password": NEW,
        "csrfmiddlewaretoken": str(page.context["csrf_token"]),
    }
    cookies = dict(client.cookies)

    answers = []

    def click():
        client.cookies.update(cookies)
        answer = client.post(reverse("password-link"), form)
        answers.append((answer.status_code, answer.url))

    assert len(mailed(click)) == 1
    assert mailed(click) == []
    assert answers == [(302, "/login/link/?saved=reset")] * 2


def test_both_forms_want_their_token_against_forgery(joe, ask):
    ask()
    client = Client(enforce_csrf_checks=True)
    opened(client, link_in(mail.outbox[0]))

    assert client.post(reverse("password-forgotten"), {"username": "a@b.c"}).status_code == 403
    assert set_password(client).status_code == 403


def test_what_a_thread_does_goes_on_after_any_error(caplog):
    def fail():
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        link_views.logged(fail)

    assert "ZeroDivisionError" in caplog.text


def test_somebody_is_sent_three_links_an_hour_at_most(ask, joe):
    for _time in range(5):
        ask()
        asked_again()

    assert len(mail.outbox) == password_links.MOST_AN_HOUR == 3
    find_now = find(link_in(mail.outbox[-1]))
    assert find_now[1] == joe


def test_a_database_that_is_away_is_told_in_the_log_after_the_answer(ask, joe, monkeypatch, caplog):
    def away(*_args):
        raise Unavailable("away")

    monkeypatch.setattr(password_links, "_reset", away)
    with caplog.at_level(logging.ERROR):
        assert ask().status_code == 302

    assert "A link was not sent" in caplog.text
    assert joe.pk not in caplog.text


def test_a_mail_server_that_is_away_is_told_in_the_log_and_not_to_the_stranger(
    ask, joe, monkeypatch, caplog
):
    def refuse(*_args, **_kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    with caplog.at_level(logging.ERROR):
        assert ask().status_code == 302

    assert "was not sent" in caplog.text
    assert "login/link" not in caplog.text


def test_the_links_of_a_mailbox_go_with_it(ask, add_mailbox, example_org):
    from mailboxes.renaming import rename_mailbox
    from mailboxes.services import delete_mailbox

    ann = add_mailbox("ann@example.org", email_other=OTHER)
    ask(ann.pk)
    renamed = rename_mailbox(actor=None, mailbox=ann, local_part="anna")
    assert find(link_in(mail.outbox[0]))[1] == renamed
    delete_mailbox(actor=None, mailbox=renamed)

    assert not PasswordLink.objects.filter(purpose=RESET).exists()

import pytest
from django.urls import reverse

from mailboxes import fetch_runs
from mailboxes.fetching import add_remote, secret_of
from mailboxes.local_delivery import NotTaken
from mailboxes.models import RemoteMailbox
from tests.pages.reading import error_codes, hidden_inputs, sent, text, told

JOE, SECRET = "joe@example.org", "s3cret of somewhere"
FORM = {"protocol": "IMAP", "server": "imap.example.net", "tls": "tls", "login": "joe"}
FORM |= {"password": SECRET, "keep": "0", "fetchall": "on", "poll_time": "30", "active": "on"}


@pytest.fixture
def joe(admin, add_mailbox):
    add_mailbox("ann@example.org")
    add_mailbox("eve@other.net")
    return add_mailbox(JOE)


@pytest.fixture
def row(joe):
    values = {"server": "imap.example.net", "login": "joe", "password": SECRET}
    return add_remote(actor=None, mailbox=joe, **values)


def listed(client, address=JOE):
    return text(client.get(reverse("mailbox-fetching", args=[address])))


def form_of(row=None, address=JOE):
    url = reverse("mailbox-fetching-form", args=[address])
    return f"{url}?number={row.pk}" if row else url


def test_an_administrator_has_mail_fetched_changes_it_and_ends_it(admin, joe):
    assert "Nothing is fetched yet." in listed(admin)
    assert "Fetch mail…" in text(admin.get(joe.get_absolute_url()))

    assert admin.post(form_of(), FORM).status_code == 302
    row = RemoteMailbox.objects.get()
    assert (row.mailbox_id, row.keep, row.poll_time, secret_of(row)) == (JOE, False, 30, SECRET)
    assert "joe IMAP at imap.example.net · deleted there Not fetched yet." in listed(admin)
    assert "Mail from mailboxes elsewhere is fetched into it." in text(
        admin.get(joe.get_absolute_url())
    )

    page = admin.get(form_of(row))
    assert SECRET not in page.text
    changed = FORM | hidden_inputs(page) | {"password": "", "keep": "1"}
    assert admin.post(form_of(row), changed).status_code == 302
    row.refresh_from_db()
    assert (row.keep, secret_of(row)) == (True, SECRET)

    admin.post(reverse("mailbox-fetching", args=[JOE]), {"end": row.pk})
    assert RemoteMailbox.objects.count() == 0


def test_all_that_is_wrong_is_said_at_its_field(admin, joe):
    answer = admin.post(form_of(), FORM | {"server": "x y", "port": "70000", "password": ""})

    assert answer.status_code == 422
    assert error_codes(answer) == {
        "password": ["required"],
        "server": ["no_server"],
        "port": ["invalid"],
    }
    assert SECRET not in answer.text
    missing = admin.post(form_of(), FORM | {"server": "", "tls": "none"})
    assert error_codes(missing) == {"server": ["required"], "tls": ["invalid_choice"]}
    assert RemoteMailbox.objects.count() == 0


def test_no_encryption_is_offered_where_the_settings_allow_it_alone(admin, joe, settings):
    assert 'value="none"' not in admin.get(form_of()).text

    settings.FETCHMAIL_PLAIN = True
    assert 'value="none"' in admin.get(form_of()).text


def test_what_went_wrong_is_said_with_the_other_servers_words_and_no_markup(admin, joe, row):
    RemoteMailbox.objects.update(
        outcome="wrong_password", said="<b>no</b>", date="2026-01-01T12:00Z", failures=2
    )

    page = admin.get(reverse("mailbox-fetching", args=[JOE]))
    assert "The other server refuses this login or its password. It said:" in text(page)
    assert "<b>no</b>" not in page.text
    assert "fails" in text(admin.get(joe.get_absolute_url())).partition("Fetched mail")[2]


@pytest.mark.parametrize(
    "columns",
    [
        {"protocol": "AUTO"},
        {"protocol": None},
        {"usessl": False, "plain": True, "sslcertck": False},
        {"src_server": ""},
        {"src_server": "no server"},
        {"src_port": 70_000},
        {"src_user": ""},
        {"src_password": ""},
        {"poll_time": 7},
    ],
)
def test_what_is_not_allowed_any_more_is_switched_off_as_it_is(columns, admin, row):
    RemoteMailbox.objects.update(**columns)
    posted = sent(admin.get(form_of(row)))
    del posted["active"]

    assert admin.post(form_of(row), posted).status_code == 302
    [stored] = RemoteMailbox.objects.values(*columns, "active")
    assert stored == columns | {"active": False}


def test_trying_says_how_it_went(admin, row, monkeypatch):
    def refuse():
        raise NotTaken("no_door", "Connection refused")

    monkeypatch.setattr(fetch_runs.local_delivery, "check", refuse)
    answer = admin.post(reverse("mailbox-fetching", args=[JOE]), {"try": row.pk})

    assert answer.status_code == 302
    said = "This mail server does not take fetched mail now. It stays there. Connection refused"
    assert told(answer) == [f"joe at imap.example.net: {said}"]
    assert RemoteMailbox.objects.get().outcome == "no_door"


def test_another_administrator_and_another_mailbox_reach_nothing(row, make_admin, sign_in, joe):
    stranger = sign_in(make_admin("stranger@other.net", domains=["other.net"]))
    theirs = reverse("mailbox-fetching", args=["eve@other.net"])

    assert stranger.get(form_of(row)).status_code == 404
    assert stranger.get(form_of(row, "eve@other.net")).status_code == 404
    assert stranger.post(form_of(row, "eve@other.net"), FORM).status_code == 404
    for act in ("try", "end"):
        assert stranger.post(theirs, {act: row.pk}).status_code == 302
        assert stranger.post(theirs, {act: "1 OR 1"}).status_code == 302
        url = reverse("mailbox-fetching", args=[JOE])
        assert stranger.post(url, {act: row.pk}).status_code == 404
    stored = RemoteMailbox.objects.get()
    assert (stored.outcome, stored.src_server) == ("", "imap.example.net")


def test_its_user_may_where_a_setting_says_so(row, joe, sign_in, settings):
    user = sign_in(joe)
    own, form = reverse("own-fetching"), reverse("own-fetching-form")
    for url in (own, form, reverse("mailbox-fetching", args=[JOE])):
        assert user.get(url).status_code == 404
    assert "Fetched mail" not in text(user.get(reverse("account")))

    settings.FETCHMAIL_FOR_USERS = True
    assert "Fetched mail From mailboxes at other providers" in text(user.get(reverse("account")))
    assert "joe IMAP at imap.example.net" in text(user.get(own))
    assert user.post(form, FORM | {"login": "second"}).status_code == 302
    assert sorted(RemoteMailbox.objects.values_list("mailbox", "src_user")) == [
        (JOE, "joe"),
        (JOE, "second"),
    ]
    user.post(own, {"end": row.pk})
    assert RemoteMailbox.objects.get().src_user == "second"


def test_a_user_reaches_nobody_elses(row, sign_in, add_mailbox, settings):
    settings.FETCHMAIL_FOR_USERS = True
    user = sign_in(type(row.mailbox).objects.get(pk="ann@example.org"))

    assert "imap.example.net" not in user.get(reverse("own-fetching")).text
    assert user.get(f"{reverse('own-fetching-form')}?number={row.pk}").status_code == 404
    assert user.post(f"{reverse('own-fetching-form')}?number={row.pk}", FORM).status_code == 404
    user.post(reverse("own-fetching"), {"end": row.pk})
    assert RemoteMailbox.objects.count() == 1


def test_without_a_door_nothing_is_offered(admin, joe, row, settings):
    settings.FETCHMAIL_TO = ""

    assert admin.get(form_of()).status_code == 404
    assert admin.get(reverse("mailbox-fetching", args=[JOE])).status_code == 404
    assert "Fetch mail" not in text(admin.get(joe.get_absolute_url()))


def test_two_who_change_it_at_once_lose_nothing(admin, row):
    before = hidden_inputs(admin.get(form_of(row)))
    first = FORM | {"password": "", "keep": "1", "poll_time": "10"}
    assert admin.post(form_of(row), first | before | {"folder": "Old"}).status_code == 302

    assert admin.post(form_of(row), first | before | {"poll_time": "60"}).status_code == 302
    row.refresh_from_db()
    assert (row.src_folder, row.poll_time) == ("Old", 60)

    late = admin.post(form_of(row), first | before | {"folder": "New"})
    assert error_codes(late) == {"folder": ["edit_conflict"]}

"""A new mailbox or administrator whose password only the person will know."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.backends import AdminBackend
from accounts.made_passwords import nobodys_password
from accounts.models import Admin, LogEntry, PasswordLink
from accounts.password_links import INVITATION, find, invite
from aliases.models import Alias
from mailboxes.backends import MailboxBackend
from mailboxes.models import Mailbox
from tests.pages.reading import error_codes, text

PANEL = "https://panel.example.org/"
OTHER = "joe@elsewhere.test"
NEW = "quiet-otters-seven-8"
CREATE = {
    "mailbox": ("mailbox-create", {"local_part": "joe", "domain": "example.org", "quota_mb": "0"}),
    "admin": ("admin-create", {"username": "joe@example.org", "domains": "example.org"}),
}
MODELS = {"mailbox": Mailbox, "admin": Admin}
JOE = "joe@example.org"


@pytest.fixture(autouse=True)
def panel(settings):
    settings.PANEL_URL = PANEL


@pytest.fixture(params=CREATE)
def kind(request):
    return request.param


@pytest.fixture
def create(kind, superadmin, django_capture_on_commit_callbacks):
    def send(how="invite", **fields):
        name, values = CREATE[kind]
        with django_capture_on_commit_callbacks(execute=True):
            return superadmin.post(reverse(name), {**values, "how": how, **fields})

    return send


@pytest.fixture
def joe(kind):
    return lambda: MODELS[kind].objects.get(pk=JOE)


def token_in(page):
    [token] = re.findall(rf"{re.escape(PANEL)}login/link/([A-Za-z0-9_-]+)/<", page)
    return token


def follow(token, password=NEW):
    client = Client()
    page = client.get(reverse("password-link-token", args=[token]), follow=True)
    return page, client.post(reverse("password-link"), {"password": password})


def test_the_link_is_shown_once_and_the_person_sets_the_password(create, joe, kind, sign):
    page = create()

    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "data:image/svg+xml" in page.text
    token = token_in(page.text)
    assert len(token) == 43
    link = PasswordLink.objects.get()
    assert (link.purpose, link.until - link.made) == (INVITATION, timedelta(hours=72))
    assert token not in str(PasswordLink.objects.values())

    opened, saved = follow(token)

    assert JOE in opened.text
    assert saved.url == "/login/link/?saved=invitation"
    assert joe().check_password(NEW)
    assert reverse("own-factor-setup") in Client().get(saved.url).text
    assert follow(token)[0].status_code == 410
    assert sign(JOE, NEW).status_code == 302


def test_until_then_nobody_signs_in_and_mail_arrives(create, joe, kind, password):
    create(password=password)

    stored = joe().password
    assert stored.startswith("{SHA512-CRYPT}$6$")
    backend = {"mailbox": MailboxBackend, "admin": AdminBackend}[kind]()
    for typed in (password, "", NEW, stored):
        assert backend.authenticate(None, username=JOE, password=typed) is None
    if kind == "mailbox":
        row = Alias.objects.get(pk=JOE)
        assert (joe().active, row.active, row.goto) == (True, True, JOE)


def test_it_can_be_sent_to_the_other_address(create, joe):
    answer = create("send", email_other=OTHER)

    assert (answer.status_code, answer.url) == (302, joe().get_absolute_url())
    [message] = mail.outbox
    assert message.to == [OTHER]
    token = re.search(r"login/link/(\S+)/", message.body)[1]
    assert follow(token)[1].status_code == 302


@pytest.mark.parametrize("address", ["", JOE, "JOE@example.org"])
def test_it_is_not_sent_to_nobody_nor_to_the_mailbox_itself(address, create, kind):
    answer = create("send", email_other=address)

    assert answer.status_code == 422
    assert error_codes(answer) == {"email_other": ["no_address"]}
    assert not MODELS[kind].objects.filter(pk=JOE).exists()
    assert mail.outbox == []


def test_no_link_is_sent_that_leads_nowhere(create, settings, kind):
    settings.PANEL_URL = ""

    answer = create("send", email_other=OTHER)

    assert error_codes(answer) == {"__all__": ["no_panel_url"]}
    assert create().status_code == 200


def test_of_two_clicks_both_show_the_same_link(kind, superadmin):
    name, values = CREATE[kind]
    form = {**values, "how": "invite", "csrfmiddlewaretoken": "a" * 64}

    pages = [superadmin.post(reverse(name), form).text for _click in range(2)]

    assert token_in(pages[0]) == token_in(pages[1])
    assert PasswordLink.objects.count() == 1


def test_a_new_link_takes_the_place_of_the_former(create, joe, kind, superadmin):
    first = token_in(create().text)
    page = superadmin.get(reverse(f"{kind}-invite", args=[JOE]))
    assert "An invitation waits" in text(page)

    second = token_in(superadmin.post(page.request["PATH_INFO"], {"how": "invite"}).text)

    assert first != second
    assert find(first) is None
    assert find(second)[1] == joe()


def test_an_invitation_is_withdrawn(create, kind, superadmin):
    token = token_in(create().text)
    place = reverse(f"{kind}-invite", args=[JOE])

    assert superadmin.post(place, {"withdraw": "1"}).status_code == 302

    assert find(token) is None
    assert superadmin.post(place, {"withdraw": "1"}).status_code == 422
    assert "An invitation waits" not in text(superadmin.get(place))


def test_one_that_is_too_old_says_so_to_both(create, kind, superadmin):
    token = token_in(create().text)
    link = PasswordLink.objects.get()
    PasswordLink.objects.update(until=link.until - timedelta(hours=73))

    opened, saved = follow(token)

    assert (opened.status_code, saved.status_code) == (410, 422)
    assert "Ask whoever runs your mail" in text(opened)
    assert "too old" in text(superadmin.get(reverse(f"{kind}-invite", args=[JOE])))


def test_a_password_that_is_set_otherwise_ends_it(create, joe):
    token = token_in(create().text)
    account = joe()
    account.set_password(NEW)
    account.save()

    assert find(token) is None


def test_it_is_in_the_log_without_the_link(create, kind, superadmin):
    token = token_in(create().text)
    superadmin.post(reverse(f"{kind}-invite", args=[JOE]), {"withdraw": "1"})

    actions = LogEntry.objects.filter(data=JOE).order_by("pk").values_list("action", flat=True)
    assert list(actions) == [f"create_{kind}", "invite", "withdraw_invitation"]
    assert token not in str(LogEntry.objects.values())


def test_nobody_invites_oneself_nor_whom_one_does_not_manage(root, client_of_root, add_mailbox):
    own = client_of_root.post(reverse("admin-invite", args=[root.pk]), {"how": "invite"})
    assert error_codes(own) == {"__all__": ["oneself"]}
    assert PasswordLink.objects.count() == 0


def test_a_domain_admin_invites_to_own_mailboxes_alone(
    as_admin, example_org, other_net, add_mailbox
):
    add_mailbox("ann@example.org")
    add_mailbox("eve@other.net")
    client = as_admin("example.org")

    def ask(name, key):
        return client.post(reverse(name, args=[key]), {"how": "invite"}).status_code

    assert ask("mailbox-invite", "ann@example.org") == 200
    assert ask("mailbox-invite", "eve@other.net") == 404
    assert ask("admin-invite", "admin@example.org") == 404


def test_an_account_that_is_off_waits_until_it_is_on(add_mailbox, example_org):
    ann = add_mailbox("ann@example.org", active=False)
    token = invite(actor=None, account=ann)
    assert find(token) is None

    Mailbox.objects.update(active=True)
    assert find(token)[1] == ann


def test_what_nobody_knows_meets_the_strictest_rule(settings):
    settings.PASSWORD_MIN_LENGTH = 128
    settings.PASSWORD_MIN_LETTERS = settings.PASSWORD_MIN_DIGITS = 20

    validate_password(nobodys_password())

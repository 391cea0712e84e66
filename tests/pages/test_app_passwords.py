import hashlib
import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import LogEntry
from domains import main_cf
from mailboxes.app_passwords import MOST, drawn, offer
from mailboxes.models import AppPassword, Mailbox
from mailboxes.services import update_mailbox
from tests.pages.own_factor import BACKENDS
from tests.pages.reading import errors, text

LIST, NEW, ONLY = "own-app-passwords", "own-app-password-new", "own-app-only"


@pytest.fixture
def joe(example_org, add_mailbox):
    return add_mailbox("joe@example.org", email_other="joe@elsewhere.example")


@pytest.fixture
def user(joe, sign_in):
    return sign_in(joe)


def fields(client, password, **more):
    page = client.get(reverse(NEW))
    values = {"name": "Phone", "imap": "on", "smtp": "on", "networks": "", "until": ""}
    given = {"old_password": password, "offer": page.context["form"]["offer"].value()}
    return values | given | more


def make(client, password, **more):
    return client.post(reverse(NEW), fields(client, password, **more))


def kept():
    rows = AppPassword.objects.order_by("pk")
    return list(rows.values_list("username", "description", "protocols", "networks", "expires"))


def test_one_is_shown_once_and_its_hash_alone_is_stored(
    user, joe, password, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = make(user, password)

    shown = answer.context["password"]
    assert re.fullmatch("[a-z2-9]{4}(-[a-z2-9]{4}){6}", shown)
    row = AppPassword.objects.get()
    assert row.password_hash == hashlib.sha256(shown.replace("-", "").encode()).hexdigest()
    assert kept() == [("joe@example.org", "Phone", "imap,smtp", "", None)]
    page = text(user.get(reverse(LIST)))
    assert "Phone Reading mail (IMAP), Sending mail (SMTP)" in page
    assert shown not in page
    entry = LogEntry.objects.get(action="create_app_password")
    assert (entry.username, entry.data) == ("joe@example.org (127.0.0.1)", "joe@example.org")
    assert entry.changes == {"app_password": [None, "Phone"], "protocols": [None, "imap,smtp"]}
    [sent] = mail.outbox
    assert sent.to == ["joe@example.org", "joe@elsewhere.example"]
    assert "Phone" in sent.body
    assert shown not in sent.body


def test_it_has_networks_and_a_last_day_if_wanted(user, password):
    day = timezone.localdate() + timedelta(days=30)

    make(user, password, networks="192.0.2.7, 2001:db8::1/48", until=day.isoformat())

    row = AppPassword.objects.get()
    assert (row.networks, row.last_day) == ("192.0.2.7,2001:db8::/48", day)


@pytest.mark.parametrize(
    ("wrong", "at"),
    [
        ({"old_password": "another-7-bicycle"}, "__all__"),
        ({"old_password": ""}, "old_password"),
        ({"name": " "}, "name"),
        ({"imap": "", "smtp": ""}, "__all__"),
        ({"networks": "192.0.2.7, here"}, "networks"),
        ({"networks": " ".join(f"192.0.2.{n}" for n in range(21))}, "networks"),
        ({"until": "2026-01-31"}, "until"),
        ({"until": "soon"}, "until"),
        ({"until": "9999-12-31"}, "until"),
        ({"offer": "gAAAAA"}, "__all__"),
    ],
)
def test_what_is_wrong_is_said_and_makes_none(user, password, wrong, at):
    answer = make(user, password, **wrong)

    assert answer.status_code == 422
    assert set(errors(answer)) == {at}
    assert (kept(), mail.outbox) == ([], [])


def test_all_that_is_wrong_is_said_at_once(user, password):
    answer = make(user, password, networks="here", until="2026-01-31", imap="", smtp="")

    assert set(errors(answer)) == {"networks", "until", "__all__"}


def test_the_offer_to_somebody_else_makes_none(user, password, add_mailbox):
    theirs = offer(add_mailbox("ann@example.org"))

    assert make(user, password, offer=theirs).status_code == 422
    assert kept() == []


def test_two_clicks_make_one_and_show_the_same(joe, password):
    client = Client(enforce_csrf_checks=True)
    client.force_login(joe, backend=BACKENDS["mailbox"])
    values = fields(client, password)
    token = str(client.get(reverse(NEW)).context["csrf_token"])
    values["csrfmiddlewaretoken"] = token

    first, second = (client.post(reverse(NEW), values) for _click in range(2))

    assert first.context["password"] == second.context["password"]
    assert len(kept()) == 1


def test_a_page_that_was_used_makes_no_second_one_of_the_same_password(user, password):
    values = fields(user, password)
    user.post(reverse(NEW), values)

    again = user.post(reverse(NEW), values | {"name": "Laptop"})

    assert again.status_code == 422
    assert again.context["form"]["offer"].value() != values["offer"]
    assert len(kept()) == 1


def test_what_the_administrator_switched_off_is_not_offered(user, joe, password):
    update_mailbox(actor=None, mailbox=joe, pop3_active=False, smtp_active=False)

    names = [field.name for field in user.get(reverse(NEW)).context["form"].uses]
    answer = make(user, password, imap="", pop3="on")

    assert names == ["imap", "sieve"]
    assert (answer.status_code, kept()) == (422, [])


def test_a_mailbox_has_at_most_so_many(user, joe, password):
    AppPassword.objects.bulk_create(AppPassword(username=joe) for _n in range(MOST))

    assert set(errors(make(user, password))) == {"name"}


def test_its_owner_revokes_one_and_nobody_elses(user, joe, add_mailbox):
    ann = add_mailbox("ann@example.org")
    own, theirs = (AppPassword.objects.create(username=one, description="x") for one in (joe, ann))

    for row in (own, own, theirs):
        assert user.post(reverse(LIST), {"revoke": row.pk}).status_code == 302
    user.post(reverse(LIST), {"revoke": "'"})

    assert AppPassword.objects.get() == theirs
    assert LogEntry.objects.filter(action="delete_app_password").count() == 1


def test_an_administrator_lists_and_revokes_and_makes_none(
    joe, sign_in, make_admin, add_domain, password
):
    row = AppPassword.objects.create(username=joe, description="Phone", protocols="imap")
    add_domain("other.net")
    address = reverse("mailbox-app-passwords", args=[joe.pk])
    other = sign_in(make_admin("it@other.net", domains=["other.net"]))
    assert other.get(address).status_code == 404
    assert other.post(address, {"revoke": row.pk}).status_code == 404
    own = Client()
    own.force_login(make_admin(domains=["example.org"]), backend=BACKENDS["admin"])
    assert "Phone Reading mail (IMAP)" in text(own.get(address))
    assert "1 app password" in text(own.get(reverse("mailbox", args=[joe.pk])))
    assert own.get(reverse(NEW)).status_code == 404

    own.post(address, {"revoke": row.pk})

    assert kept() == []


def test_a_row_of_postfixadmins_is_listed_as_one_that_opens_nothing(user, joe):
    AppPassword.objects.create(username=joe, description="Old", password_hash="$2y$10$x")

    page = text(user.get(reverse(LIST)))

    assert "Old of PostfixAdmin It opens nothing here." in page


def test_app_passwords_only_is_switched_on_and_off_with_the_password(user, joe, password):
    def send(given, on=True):
        fields = {"old_password": given, "app_only": str(on)}
        return user.post(reverse(ONLY), fields).status_code

    assert send("another-7-bicycle") == 422
    assert Mailbox.objects.get().app_only is False
    assert "no mail program would be let in" in text(user.get(reverse(ONLY)))

    assert send(password) == 302
    assert Mailbox.objects.get().app_only is True
    assert "Mail programs are let in with these only" in text(user.get(reverse("account")))
    entry = LogEntry.objects.get(action="edit_mailbox")
    assert entry.changes == {"app_only": [False, True]}
    assert send(password, on=False) == 302
    assert Mailbox.objects.get().app_only is False


def test_the_page_of_the_second_factor_leads_there(user):
    assert reverse(LIST) in user.get(reverse("own-factor")).content.decode()


def test_an_administrator_sets_the_switches_and_the_page_tells_them(joe, admin):
    address = reverse("mailbox-edit", args=[joe.pk])
    admin.post(
        address,
        {"quota_mb": "0", "smtp_active": "on", "receives": "on", "imap_active": "on"}
        | {"switches": "1"},
    )

    joe.refresh_from_db()
    assert (joe.sign_in_active, joe.imap_active, joe.pop3_active, joe.sieve_active) == (
        *(False, True),
        *(False, False),
    )
    assert "Nobody signs in." in text(admin.get(reverse("mailbox", args=[joe.pk])))


def test_who_may_not_sign_in_may_not_here_either(client, joe, password):
    update_mailbox(actor=None, mailbox=joe, sign_in_active=False)

    answer = client.post(reverse("login"), {"username": joe.pk, "password": password})

    assert answer.status_code == 422


def test_an_open_session_here_ends_with_the_right_to_sign_in(user, joe):
    update_mailbox(actor=None, mailbox=joe, sign_in_active=False)

    assert user.get(reverse("account")).status_code == 302


def test_an_app_password_does_not_open_the_panel(client, user, joe, password):
    shown = make(user, password).context["password"]

    answer = Client().post(reverse("login"), {"username": joe.pk, "password": shown})

    assert answer.status_code == 422


def test_none_is_like_another():
    assert len({drawn() for _n in range(100)}) == 100


def test_its_page_says_that_one_only_sends_and_whether_that_counts_already(joe, admin):
    update_mailbox(actor=None, mailbox=joe, receives=False)
    address = reverse("mailbox", args=[joe.pk])

    page = text(admin.get(address))
    assert "It only sends: mail to this address is refused." in page
    assert "Not in effect yet: a superadmin has to reload Postfix first." in page
    main_cf.remember([main_cf.RECIPIENT_ACCESS])
    assert "Not in effect yet" not in text(admin.get(address))

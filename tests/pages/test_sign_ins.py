import re
import time
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import LogEntry
from mailboxes.models import AppPassword, LastLogin, RefusedNetwork, SignIn
from tests.pages.reading import links, text

NOW = int(time.time())
JOE, ANN = "joe@example.org", "ann@example.org"
OWN, NETWORKS = "/account/sign-ins/", "/server/networks/"


@pytest.fixture(autouse=True)
def on(settings):
    settings.SIGN_INS = "127.0.0.1:8011"


@pytest.fixture
def joe(example_org, add_mailbox):
    add_mailbox(ANN)
    return add_mailbox(JOE)


def add(username=JOE, *, protocol="imap", address="192.0.2.77", success=True, **more):
    values = {"reason": "", "app_password": 0, "at": NOW, "number": 1} | more
    day = values.pop("day", timezone.localdate())
    SignIn.objects.create(
        username=username, day=day, protocol=protocol, address=address, success=success, **values
    )


def page_of(name=JOE):
    return reverse("mailbox-sign-ins", args=[name])


def test_the_page_of_a_mailbox_shows_the_last_ones_and_how_many_failed(admin, joe):
    LastLogin.objects.create(username=JOE, protocol="smtp", at=NOW, address="192.0.2.77")
    LastLogin.objects.create(username=JOE, protocol="imap", at=NOW - 9, address="2001:db8::1")
    add(success=False, number=3)
    add(success=False, number=2, protocol="smtp")
    add(success=False, number=9, day=timezone.localdate() - timedelta(days=8), at=NOW - 8 * 86_400)
    add(ANN, success=False, number=50)

    page = admin.get(reverse("mailbox", args=[JOE]))

    assert re.search(
        r"Last sign-in SMTP today, \S+ [ap]\.m\. from 192\.0\.2\.77"
        r" IMAP today, \S+ [ap]\.m\. from 2001:db8::1 Failed 5 in the last week the last one: today",
        text(page),
    )
    assert page_of() in links(page)


def test_where_nobody_has_signed_in_yet_it_says_so(admin, joe):
    assert "Nobody has signed in yet." in text(admin.get(reverse("mailbox", args=[JOE])))


def test_without_sign_ins_the_page_of_a_mailbox_does_not_speak_of_them(admin, joe, settings):
    settings.SIGN_INS = ""

    page = admin.get(reverse("mailbox", args=[JOE]))
    assert ("Last sign-in" in text(page), page_of() in links(page)) == (False, False)
    assert "Sign-ins are not kept on this server." in text(admin.get(page_of()))


def test_all_of_a_mailbox_are_listed_the_last_one_first(admin, joe):
    phone = AppPassword.objects.create(username=joe, description="Phone", protocols="imap")
    add(app_password=phone.pk, number=41)
    add(protocol="smtp", at=NOW - 1, app_password=phone.pk + 7)
    add(protocol="pop3", at=NOW - 2)
    add(success=False, at=NOW - 3, reason="credentials")
    add(success=False, at=NOW - 4, address="198.51.100.7", reason="policy")
    add(success=False, at=NOW - 5, address="198.51.100.8")
    add(ANN, address="203.0.113.9")

    shown = text(admin.get(page_of()))

    told = [
        r"IMAP from 192\.0\.2\.77 App password: Phone · 41 times on this day",
        r"SMTP from 192\.0\.2\.77 App password: one that was revoked",
        r"POP3 from 192\.0\.2\.77 Main password",
        r"IMAP from 192\.0\.2\.77 failed wrong password",
        r"IMAP from 198\.51\.100\.7 failed refused: too many wrong passwords came from there",
        r"IMAP from 198\.51\.100\.8 failed wrong password, or not allowed",
    ]
    assert re.search(r".*".join(told), shown)
    assert "203.0.113.9" not in shown


def test_those_that_failed_are_found(admin, joe):
    add(address="192.0.2.1")
    add(success=False, address="192.0.2.2")

    def shown(only):
        page = text(admin.get(page_of(), {"only": only}))
        return re.findall(r"192\.0\.2\.\d+", page)

    assert (shown("failed"), shown("in")) == (["192.0.2.2"], ["192.0.2.1"])
    assert len(shown("nonsense")) == 2


def test_many_are_listed_page_by_page_and_each_once(admin, joe):
    for number in range(120):
        add(address=f"192.0.2.{number}", at=NOW - number // 3)
    seen, url = [], page_of()
    for _page in range(3):
        page = admin.get(url)
        seen += re.findall(r"192\.0\.2\.(\d+)", text(page))
        url = page_of() + (page.context["older_url"] or "")

    assert (sorted(map(int, seen)), page.context["older_url"]) == ([*range(120)], None)


@pytest.mark.parametrize(
    "query", ["after=x", "after=1", f"after={'9' * 40}&after=1", "after=-1&after=2", "only=%00"]
)
def test_a_position_that_no_page_has_begins_anew(admin, joe, query):
    add()
    assert "192.0.2.77" in text(admin.get(f"{page_of()}?{query}"))


def test_of_another_domain_no_sign_in_exists(admin, other_net, add_mailbox):
    add_mailbox("eve@other.net")

    assert admin.get(page_of("eve@other.net")).status_code == 404


def test_its_user_sees_the_own_ones_alone(joe, sign_in):
    add(address="192.0.2.1")
    add(ANN, address="192.0.2.2")
    user = sign_in(joe)

    shown = text(user.get(OWN))

    assert ("192.0.2.1" in shown, "192.0.2.2" in shown) == (True, False)
    assert OWN in links(user.get(reverse("account")))
    assert user.get(page_of()).status_code == 404


def test_without_sign_ins_the_own_page_has_no_row_for_them(joe, sign_in, settings):
    settings.SIGN_INS = ""

    assert OWN not in links(sign_in(joe).get(reverse("account")))


def test_an_administrator_has_no_own_ones(admin):
    assert admin.get(OWN).status_code == 404


def test_an_app_password_says_when_it_was_used_last(joe, sign_in, admin):
    values = {"username": joe, "protocols": "imap"}
    AppPassword.objects.create(description="Tablet", **values)
    AppPassword.objects.create(
        description="Phone",
        used=NOW,
        used_address="192.0.2.77",
        used_protocol="smtp",
        **values,
    )
    used = (
        r"Phone .*last used: today, \S+ [ap]\.m\., SMTP from 192\.0\.2\.77 .*Tablet .*not used yet"
    )

    assert re.search(used, text(admin.get(reverse("mailbox-app-passwords", args=[JOE]))))
    assert re.search(used, text(sign_in(joe).get(reverse("own-app-passwords"))))


def test_where_nobody_reports_an_app_password_does_not_say_that_it_was_not_used(
    joe, sign_in, settings
):
    settings.SIGN_INS = ""
    AppPassword.objects.create(username=joe, protocols="imap")

    assert "not used yet" not in text(sign_in(joe).get(reverse("own-app-passwords")))


# --- Refused networks


@pytest.fixture
def refused(db):
    values = {"since": NOW - 60, "failures": 20}
    RefusedNetwork.objects.create(pk="192.0.2.77/32", until=NOW + 86_400, **values)
    RefusedNetwork.objects.create(pk="2001:db8::/64", until=NOW + 2 * 86_400, **values)
    RefusedNetwork.objects.create(pk="192.0.2.1/32", until=NOW - 1, **values)


def test_refused_networks_are_listed_until_their_time_is_over(superadmin, refused):
    shown = text(superadmin.get(NETWORKS))

    assert re.search(r"2001:db8::/64 20 wrong passwords .*192\.0\.2\.77/32", shown)
    assert "192.0.2.1/32" not in shown
    assert "After 20 wrong passwords within 10 minutes nobody signs in to mail from there" in shown


def test_one_is_let_in_again_and_the_log_says_who_did(superadmin, refused):
    page = superadmin.post(NETWORKS, {"let_in": "192.0.2.77/32"}, follow=True)

    assert "People sign in from 192.0.2.77/32 again within seconds." in text(page)
    assert not RefusedNetwork.objects.filter(pk="192.0.2.77/32").exists()
    entry = LogEntry.objects.get(action="let_in_network")
    assert (entry.domain, entry.data) == ("", "192.0.2.77/32")
    assert entry.username.startswith("super@example.org")
    assert superadmin.post(NETWORKS, {"let_in": "192.0.2.77/32"}).status_code == 404


@pytest.mark.parametrize("network", ["", "192.0.2.0/24", "x" * 300])
def test_what_is_not_refused_is_not_let_in(superadmin, refused, network):
    assert superadmin.post(NETWORKS, {"let_in": network}).status_code == 404
    assert RefusedNetwork.objects.count() == 3


def test_no_administrator_of_a_domain_sees_or_lets_in_networks(admin, refused):
    assert admin.get(NETWORKS).status_code == 404
    assert admin.post(NETWORKS, {"let_in": "192.0.2.77/32"}).status_code == 404
    assert RefusedNetwork.objects.count() == 3


def test_the_page_says_where_nobody_is_refused(superadmin, settings):
    assert "No network is refused" in text(superadmin.get(NETWORKS))
    settings.SIGN_INS_SLOWED_SECONDS = 5
    assert "each sign-in from there waits 5 seconds, for 60 minutes." in text(
        superadmin.get(NETWORKS)
    )
    settings.SIGN_INS_FAILURES = 0
    assert "SIGN_INS_FAILURES in.env is 0." in text(superadmin.get(NETWORKS))
    settings.SIGN_INS = ""
    assert "Sign-ins are not kept" in text(superadmin.get(NETWORKS))

"""A mailbox whose user manages the domain: where a sign-in leads after its session, and what pages say that switch it or its administrator."""

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import Admin, PanelSession
from accounts.services import update_admin
from domains.models import DomainAdmin
from mailboxes.endings import set_ending, today
from mailboxes.models import Mailbox
from mailboxes.services import delete_mailbox, update_mailbox
from tests.pages.reading import text
from tests.refusals import refused

JOE, IT = "joe@example.org", "it@firm.example"
AGAIN = f"The user of the mailbox {JOE}, whoever that is now, manages example.org again."
SAME_PASSWORD = "The person can sign in again at once, with the same password."
GOES_ON = "A mailbox of the same address goes on, with its own password."
ONESELF = "You sign in with this mailbox, so somebody else has to do it."
NO_LONGER = "Its user manages example.org no longer."


@pytest.fixture
def joe(add_mailbox, example_org, other_net):
    return add_mailbox(JOE)


@pytest.fixture
def manager(joe, make_manager):
    return make_manager(JOE, IT)


@pytest.fixture
def managing(client, manager, password):
    client.post(reverse("login"), {"username": JOE, "password": password})
    client.post(reverse("own-manage"))
    return client


def switch(manager, active):
    update_admin(actor=None, admin=manager, active=active)


# --- After the session has ended


def test_whoever_signs_in_again_comes_to_the_own_page(managing, password):
    PanelSession.objects.all().delete()
    led = managing.get(reverse("domain", args=["example.org"])).url
    assert led == f"{reverse('login')}?next=/domains/example.org/"

    response = managing.post(led, {"username": JOE, "password": password})

    assert response.url == reverse("account")
    assert managing.get(response.url).status_code == 200


def test_so_does_who_is_signed_in_already(client, manager, password):
    client.post(reverse("login"), {"username": JOE, "password": password})

    response = client.get(reverse("login", query={"next": "/domains/example.org/"}))

    assert response.url == reverse("account")


@pytest.mark.parametrize("wanted", ["own-away", "own-sessions", "account"])
def test_the_own_pages_are_gone_on_with(wanted, client, manager, password):
    url = reverse("login", query={"next": reverse(wanted)})

    response = client.post(url, {"username": JOE, "password": password})

    assert response.url == reverse(wanted)


def test_other_peoples_pages_are_as_they_were(client, joe, make_admin, password):
    url = reverse("login", query={"next": "/domains/example.org/"})
    make_admin("ann@example.net", domains=["example.org"])

    for name in (JOE, "ann@example.net"):
        response = client.post(url, {"username": name, "password": password})
        assert response.url == "/domains/example.org/"
        client.post(reverse("logout"))


def statements(client, query, name, password):
    asked = []

    def look(execute, sql, *args):
        asked.append(sql.replace("`", '"'))
        return execute(sql, *args)

    with connection.execute_wrapper(look):
        client.post(reverse("login", query=query), {"username": name, "password": password})
    client.post(reverse("logout"))
    return sum('"admin"."mailbox" = ' in sql for sql in asked)


def test_it_costs_a_statement_where_a_mailbox_user_wants_another_page_alone(
    client, joe, make_admin, password
):
    make_admin("ann@example.net", domains=["example.org"])
    page, own = {"next": "/domains/example.org/"}, {"next": reverse("own-away")}

    assert statements(client, page, JOE, password) == 1
    assert statements(client, own, JOE, password) == 0
    assert statements(client, {}, JOE, password) == 0
    assert statements(client, page, "ann@example.net", password) == 0


# --- The administrator's pages


def test_switching_one_on_names_whose_user_it_is(superadmin, manager):
    switch(manager, False)

    said = text(superadmin.get(reverse("admin-state", args=[IT])))

    assert AGAIN in said
    assert SAME_PASSWORD not in said


def test_of_one_without_the_domain_it_is_not_promised(superadmin, manager):
    DomainAdmin.objects.filter(username=IT).delete()
    switch(manager, False)

    said = text(superadmin.get(reverse("admin-state", args=[IT])))

    assert f"It signs in with the mailbox {JOE}, and manages nothing" in said
    assert AGAIN not in said


def test_switching_one_off_says_nothing_of_another_password(superadmin, manager):
    assert GOES_ON not in text(superadmin.get(reverse("admin-state", args=[IT])))


def test_nor_does_deleting_one(superadmin, manager):
    said = text(superadmin.get(reverse("admin-delete", args=[IT])))

    assert f"The mailbox {JOE} stays as it is." in said
    assert "with its own password" not in said


def test_of_other_administrators_both_are_said(superadmin, make_admin):
    ann = make_admin("ann@example.net", domains=["example.org"])
    page = reverse("admin-state", args=[ann.pk])
    assert GOES_ON in text(superadmin.get(page))
    switch(ann, False)

    assert SAME_PASSWORD in text(superadmin.get(page))


def test_many_are_switched_on_after_a_page_that_names_the_mailboxes(superadmin, manager):
    switch(manager, False)
    sent = {"action": "activate", "selected": [IT]}

    said = text(superadmin.post(reverse("admin-bulk"), sent))

    assert "Switch on 1 administrator?" in said
    assert f"{IT}: signs in with the mailbox {JOE}" in said
    assert not Admin.objects.get(pk=IT).active
    superadmin.post(reverse("admin-bulk"), sent | {"confirmed": "1"})
    assert Admin.objects.get(pk=IT).active


def test_others_are_switched_on_at_once(superadmin, make_admin):
    ann = make_admin("ann@example.net", domains=["example.org"])
    switch(ann, False)

    superadmin.post(reverse("admin-bulk"), {"action": "activate", "selected": [ann.pk]})

    assert Admin.objects.get(pk=ann.pk).active


def test_the_form_has_no_other_address(superadmin, manager):
    page = superadmin.get(reverse("admin-edit", args=[IT]))

    assert 'name="phone"' in page.text
    assert 'name="email_other"' not in page.text


# --- The mailbox's pages


@pytest.mark.parametrize("name", ["mailbox-delete", "mailbox-state", "mailbox-ending"])
def test_pages_that_end_a_mailbox_say_what_its_user_loses(name, superadmin, manager):
    page = reverse(name, args=[JOE])
    assert NO_LONGER in text(superadmin.get(page))

    switch(manager, False)

    assert NO_LONGER not in text(superadmin.get(page))


def test_switching_a_mailbox_on_does_not(superadmin, manager, joe):
    update_mailbox(actor=None, mailbox=joe, active=False)

    assert NO_LONGER not in text(superadmin.get(reverse("mailbox-state", args=[JOE])))


# --- The own mailbox


def take_away(what, actor, mailbox):
    if what == "delete":
        delete_mailbox(actor=actor, mailbox=mailbox)
    elif what == "end":
        set_ending(actor=actor, row=mailbox, last_day=today(), action="off")
    else:
        update_mailbox(actor=actor, mailbox=mailbox, **{what: False})


WAYS = ["delete", "end", "active", "sign_in_active"]


@pytest.mark.parametrize("what", WAYS)
def test_nobody_takes_away_the_mailbox_of_the_own_sign_in(what, manager, joe):
    before = list(Mailbox.objects.values())

    with refused("oneself"):
        take_away(what, manager, joe)

    assert list(Mailbox.objects.values()) == before


@pytest.mark.parametrize("what", WAYS)
def test_others_may_and_may_of_others(what, manager, joe, add_mailbox, make_admin):
    take_away(what, manager, add_mailbox("ann@example.org"))
    take_away(what, make_admin(domains=["example.org"]), joe)


def test_the_pages_say_so(managing):
    ending = {"last_day": today().isoformat(), "action": "off"}
    for name, fields in (("mailbox-delete", {}), ("mailbox-state", {}), ("mailbox-ending", ending)):
        response = managing.post(reverse(name, args=[JOE]), fields)
        assert (response.status_code, ONESELF in text(response)) == (422, True), name
    bulk = {"action": "deactivate", "selected": [JOE], "confirmed": "1"}
    assert ONESELF in text(managing.post(reverse("mailbox-bulk"), bulk, follow=True))

    mailbox = Mailbox.objects.get(pk=JOE)
    assert (mailbox.active, mailbox.sign_in_active) == (True, True)


def test_so_does_the_form_that_closes_the_sign_in(managing):
    page = managing.get(reverse("mailbox-edit", args=[JOE])).context["form"]
    values = {name: page[name].value() for name in page.fields if page[name].value() is not None}
    fields = {name: value for name, value in values.items() if value is not False}
    assert fields.pop("sign_in_active") is True

    response = managing.post(reverse("mailbox-edit", args=[JOE]), fields | {"switches": "1"})

    assert (response.status_code, ONESELF in text(response)) == (422, True)
    assert Mailbox.objects.get(pk=JOE).sign_in_active

"""Network addresses from which no second factor is asked: who adds, sees and removes which."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import FactorException, LogEntry, LoginAttempt
from tests.codes import code
from tests.pages.own_factor import BACKENDS
from tests.pages.reading import error_codes, text

PAGE = "/exceptions/"


PASSWORD = "tangerine-7-bicycle"


def add(client, network="192.0.2.7", whose="joe@example.org", **more):
    return client.post(PAGE, {"network": network, "whose": whose, "old_password": PASSWORD, **more})


def stored():
    return set(FactorException.objects.values_list("ip", "username"))


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.77/24", "192.0.2.0/24"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("2001:db8::/48", "2001:db8::/48"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
def test_an_address_or_a_network_is_kept_in_its_usual_form(typed, kept, admin, joe):
    assert add(admin, typed).url == PAGE

    assert stored() == {(kept, "joe@example.org")}


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ("", "required"),
        ("office", "no_network"),
        ("192.0.2.300", "no_network"),
        ("192.0.2.0/33", "no_network"),
        ("0.0.0.0/0", "too_wide"),
        ("::/0", "too_wide"),
        ("::ffff:0:0/96", "too_wide"),
    ],
)
def test_what_is_no_network_or_half_the_world_is_refused(typed, wrong, admin, joe):
    page = add(admin, typed)

    assert page.status_code == 422
    assert error_codes(page) == {"network": [wrong]}
    assert stored() == set()


@pytest.mark.parametrize(
    ("whose", "wrong"),
    [
        ("", "required"),
        ("other.net", "not_yours"),
        ("ann@other.net", "not_yours"),
        ("nobody@example.org", "unknown"),
        ("x.example.org", "not_yours"),
        ("theirs@example.org", "not_yours"),  # an administrator's, the own one too
        ("boss@example.org", "not_yours"),
    ],
)
def test_domain_admins_add_none_for_others_than_their_domains(
    whose, wrong, admin, joe, make_admin, add_mailbox
):
    make_admin("boss@example.org", superadmin=True)
    add_mailbox("ann@other.net")

    page = add(admin, whose=whose)

    assert page.status_code == 422
    assert error_codes(page) == {"whose": [wrong]}
    assert stored() == set()


@pytest.mark.parametrize("whose", ["example.org", "joe@example.org", " Joe@Example.ORG "])
def test_domain_admins_add_them_for_their_domains_and_mailboxes(whose, admin, joe):
    add(admin, whose=whose, description="office")

    assert stored() == {("192.0.2.7", whose.strip().lower())}
    entry = LogEntry.objects.get(action="create_exception")
    assert (entry.domain, entry.data) == ("example.org", whose.strip().lower())
    assert entry.changes == {"ip": [None, "192.0.2.7"]}


@pytest.mark.parametrize("whose", ["", "other.net", "it@example.org", "joe@example.org"])
def test_superadmins_add_them_for_anybody(whose, client_of_root, joe, other_net, make_admin):
    make_admin("it@example.org")

    assert add(client_of_root, whose=whose).status_code == 302

    assert stored() == {("192.0.2.7", whose or None)}


def test_what_is_there_already_is_said(admin, joe):
    add(admin)

    assert error_codes(add(admin)) == {"network": ["taken"]}


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("wrong", ["the password", "the code", "nothing"])
def test_who_adds_one_shows_the_password_and_a_code(
    wrong, sign_in, root, shows, mailoutbox, django_capture_on_commit_callbacks
):
    secret = shows(root)
    client = sign_in(root)
    fields = {"code": "123456" if wrong == "the code" else code(secret)}
    if wrong == "the password":
        fields["old_password"] = "another"

    with django_capture_on_commit_callbacks(execute=True):
        answer = add(client, whose="root@example.org", **fields)

    right = wrong == "nothing"
    assert answer.status_code == (302 if right else 422)
    assert len(stored()) == (1 if right else 0)
    assert (LoginAttempt.objects.count() == 0) == right  # a wrong one is counted
    assert len(mailoutbox) == (1 if right else 0)


@pytest.mark.usefixtures("clock")
def test_too_many_wrong_codes_close_this_page_too(sign_in, root, shows, settings):
    settings.LOGIN_FAILURES = 2
    secret = shows(root)
    client = sign_in(root)

    statuses = [add(client, whose="", code="123456").status_code for _try in range(2)]
    statuses.append(add(client, whose="", code=code(secret)).status_code)

    assert statuses == [422, 422, 429]
    assert stored() == set()


@pytest.mark.usefixtures("clock")
def test_two_clicks_add_one_and_count_no_wrong_code(root, shows):
    client, secret = Client(enforce_csrf_checks=True), shows(root)
    client.force_login(root, backend=BACKENDS["admin"])
    token = str(client.get(PAGE).context["csrf_token"])
    fields = {"whose": "", "code": code(secret), "csrfmiddlewaretoken": token}

    answers = [add(client, **fields) for _click in range(2)]

    assert [(answer.status_code, answer.url) for answer in answers] == [(302, PAGE)] * 2
    assert (len(stored()), LoginAttempt.objects.count()) == (1, 0)


def test_the_person_is_told_of_an_exception_that_somebody_else_makes(
    admin, joe, shows, mailoutbox, django_capture_on_commit_callbacks
):
    shows(joe)

    with django_capture_on_commit_callbacks(execute=True):
        add(admin, "192.0.2.0/24")

    assert mailoutbox[0].to == ["joe@example.org"]
    assert mailoutbox[0].subject == "An exception from the second factor of joe@example.org"
    assert "No code is asked for any more from 192.0.2.0/24" in mailoutbox[0].body


@pytest.fixture
def rows(joe, other_net, make_admin):
    make_admin("boss@example.org", superadmin=True)
    names = (
        "joe@example.org",
        "example.org",
        "boss@example.org",
        "ann@other.net",
        "other.net",
        None,
    )
    return {name: FactorException.objects.create(ip="192.0.2.9", username=name) for name in names}


def test_domain_admins_see_and_remove_those_of_their_domains_alone(admin, rows):
    page = admin.get(PAGE)
    assert [row.username for row in page.context["rows"]] == ["example.org", "joe@example.org"]
    for hidden in ("boss@", "other.net", "everybody"):
        assert hidden not in text(page)

    for row in rows.values():
        admin.post(PAGE, {"remove": row.pk})

    assert {name for _ip, name in stored()} == {
        "boss@example.org",
        "ann@other.net",
        "other.net",
        None,
    }
    assert LogEntry.objects.filter(action="delete_exception").count() == 2


def test_superadmins_see_and_remove_all(client_of_root, rows):
    assert len(client_of_root.get(PAGE).context["rows"]) == 6

    for row in rows.values():
        client_of_root.post(PAGE, {"remove": row.pk})

    assert stored() == set()


@pytest.mark.parametrize("key", ["", "x", "-1", "999999", "1 OR 1=1", "²"])
def test_a_row_that_is_not_there_is_removed_silently(key, admin, rows):
    assert admin.post(PAGE, {"remove": key}).status_code == 302

    assert len(stored()) == 6


def test_mailbox_users_have_no_such_page(sign_in, joe):
    client = sign_in(joe)

    assert client.get(PAGE).status_code == 404
    assert client.post(PAGE, {"network": "192.0.2.7", "whose": joe.pk}).status_code == 404
    assert client.get(reverse("own-factor")).text.count(PAGE) == 0

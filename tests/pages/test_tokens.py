"""One's own API tokens: the list, making one, revoking them."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import tokens
from accounts.models import ApiToken, LogEntry, LoginAttempt
from panel.rights import OF_MAILBOX_USERS, OF_MAILBOX_USERS_ALONE, RIGHTS
from tests.codes import code

LIST, NEW = reverse("own-tokens"), reverse("own-token-new")


@pytest.fixture
def admin(example_org, make_admin):
    return make_admin("it@example.org", domains=["example.org"])


@pytest.fixture
def ann(example_org, add_mailbox):
    return add_mailbox("ann@example.org")


def make(client, password, **fields):
    offer = client.get(NEW).context["form"]["offer"].value()
    values = {"name": "Billing", "may_mailboxes_read": "on", "old_password": password}
    return client.post(NEW, values | {"offer": offer} | fields)


def token_in(response):
    found = re.search(r'id="secret">(.*?)</code>', response.content.decode())[1]
    return re.sub(r"<wbr>|\u200b", "", found)


def opens(token):
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    return Client().get("/api/v1/token", secure=True, **headers).status_code == 200


def test_a_token_is_made_and_shown_once(sign_in, admin, password):
    client = sign_in(admin)

    response = make(client, password, domains="example.org", networks="127.0.0.1")

    token = token_in(response)
    assert response.status_code == 200
    assert opens(token)
    row = ApiToken.objects.get()
    assert (row.name, row.rights, row.domains, row.networks) == (
        "Billing",
        "mailboxes:read",
        "example.org",
        "127.0.0.1",
    )
    assert token not in client.get(LIST).content.decode()
    assert "Billing" in client.get(LIST).content.decode()


def test_its_owner_is_told_by_mail(
    sign_in, admin, password, django_capture_on_commit_callbacks, mailoutbox
):
    client = sign_in(admin)

    with django_capture_on_commit_callbacks(execute=True):
        make(client, password)

    [letter] = mail.outbox
    assert letter.to == ["it@example.org"]
    assert letter.subject == "A new API token of it@example.org"
    assert "“Billing”" in letter.body


def test_the_second_of_two_clicks_shows_the_same_token(sign_in, admin, password):
    client = Client(enforce_csrf_checks=True)
    client.cookies = sign_in(admin).cookies
    page = client.get(NEW)
    token = re.search(r'csrfmiddlewaretoken" value="(.*?)"', page.content.decode())[1]
    fields = {
        "csrfmiddlewaretoken": token,
        "offer": page.context["form"]["offer"].value(),
        "name": "Billing",
        "may_mailboxes_read": "on",
        "old_password": password,
    }

    answers = [client.post(NEW, fields) for _n in range(2)]

    assert token_in(answers[0]) == token_in(answers[1])
    assert ApiToken.objects.count() == 1


def test_a_wrong_password_makes_none_and_is_counted(sign_in, admin):
    response = make(sign_in(admin), "wrong")

    assert response.status_code == 422
    assert response.context["form"].errors.as_data()["__all__"][0].code == "wrong_password"
    assert not ApiToken.objects.exists()
    assert LoginAttempt.objects.exists()


def test_who_has_a_second_factor_shows_it(sign_in, admin, password, clock, shows):
    secret = shows(admin)
    client = sign_in(type(admin).objects.get(pk=admin.pk))

    without = make(client, password)
    wrong = make(client, password, code="000000")
    right = make(client, password, code=code(secret))

    assert [answer.status_code for answer in (without, wrong, right)] == [422, 422, 200]
    assert ApiToken.objects.count() == 1
    assert LogEntry.objects.filter(action="code_failed").count() == 1


def test_a_mailbox_user_is_offered_what_is_about_the_own_mailbox(sign_in, ann, password):
    client = sign_in(ann)

    form = client.get(NEW).context["form"]

    assert set(form.right_fields.values()) == OF_MAILBOX_USERS
    assert "domains" not in form.fields
    assert opens(token_in(make(client, password)))


def test_the_pages_of_signing_in_lead_there(sign_in, admin, ann):
    link = f'href="{LIST}"'

    assert link in sign_in(admin).get(reverse("account")).content.decode()
    for account in (admin, ann):
        assert link in sign_in(account).get(reverse("own-sessions")).content.decode()


def test_a_right_that_one_has_not_is_not_given(sign_in, ann, password):
    response = make(sign_in(ann), password, may_administrators_write="on", may_log_read="on")

    assert response.status_code == 200
    assert ApiToken.objects.get().rights == "mailboxes:read"


def test_a_superadmin_is_offered_everything_but_what_is_of_a_mailbox(sign_in, make_admin):
    form = sign_in(make_admin(superadmin=True)).get(NEW).context["form"]

    assert set(form.right_fields.values()) == RIGHTS.keys() - OF_MAILBOX_USERS_ALONE


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"may_mailboxes_read": ""}, "__all__"),
        ({"name": ""}, "name"),
        ({"name": "a,b"}, "name"),
        ({"domains": "other.net"}, "domains"),
        ({"networks": "x"}, "networks"),
        ({"until": "2020-01-01"}, "until"),
        ({"until": "x"}, "until"),
        ({"offer": "x"}, "__all__"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_made(sign_in, admin, other_net, password, fields, field):
    response = make(sign_in(admin), password, **fields)

    assert response.status_code == 422
    assert set(response.context["form"].errors) == {field}
    assert not ApiToken.objects.exists()


def test_one_is_revoked_and_nobody_elses(sign_in, admin, ann, password):
    theirs = tokens.drawn()
    tokens.make_token(actor=ann, token=theirs, name="Hers", rights=["mailboxes:read"])
    client = sign_in(admin)
    token = token_in(make(client, password))
    own, hers = ApiToken.objects.get(kind="admin"), ApiToken.objects.get(kind="mailbox")

    for key in (hers.pk, own.pk, own.pk, "x", "9" * 30):
        assert client.post(LIST, {"revoke": key}).status_code == 302

    assert not opens(token)
    assert opens(theirs)
    assert LogEntry.objects.filter(action="delete_token").count() == 1


def test_a_mailbox_of_an_administrators_name_has_tokens_of_its_own(
    sign_in, example_org, add_mailbox, make_admin, password
):
    admin = make_admin("ann@example.org", domains=["example.org"])
    mailbox = add_mailbox("ann@example.org")
    make(sign_in(admin), password)

    assert sign_in(mailbox).get(LIST).context["rows"] == []


def test_the_documentation_is_there_for_everybody(client, sign_in, admin):
    for asked in (client, sign_in(admin)):
        page = asked.get(reverse("api-docs"))
        assert page.status_code == 200
        assert "PUT /api/v1/mailboxes/{address}" in page.content.decode().replace("<wbr>", "")

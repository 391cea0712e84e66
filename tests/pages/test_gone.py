import pytest
from django.test import Client
from django.urls import reverse

from domains.models import Domain, DomainUsage
from mailboxes.models import Mailbox
from tests.pages.reading import text


@pytest.fixture
def client_of_admin(make_admin):
    client = Client(raise_request_exception=False)
    client.force_login(make_admin(superadmin=True), backend="accounts.backends.AdminBackend")
    return client


@pytest.mark.parametrize(
    ("page", "service", "gone"),
    [
        ("mailbox-state", "mailboxes.views.services.set_mailbox_active", Mailbox),
        ("mailbox-state", "mailboxes.views.services.set_mailbox_active", Domain),
        ("mailbox-delete", "mailboxes.views.services.delete_mailbox", Mailbox),
    ],
)
def test_a_row_deleted_between_our_look_and_the_lock_is_not_found(
    page, service, gone, client_of_admin, add_mailbox, example_org, monkeypatch
):
    joe = add_mailbox("joe@example.org")

    def find_nothing(**_kwargs):
        gone.objects.get(pk="deleted-meanwhile")

    monkeypatch.setattr(service, find_nothing)

    assert client_of_admin.post(reverse(page, args=[joe.pk])).status_code == 404


def test_a_row_that_triggers_keep_is_an_error_that_names_its_cure(client_of_admin, example_org):
    DomainUsage.objects.all().delete()

    page = client_of_admin.get(reverse("domain", args=["example.org"]))

    assert page.status_code == 500
    assert "manage.py recount" in text(page)


def test_any_other_error_names_no_cure(client_of_admin, example_org, monkeypatch):
    monkeypatch.setattr("domains.page.figures.days_of_domain", lambda *_asked: 1 / 0)

    page = client_of_admin.get(reverse("domain", args=["example.org"]))

    assert page.status_code == 500
    assert "recount" not in text(page)

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import LogEntry
from tests.pages.reading import hidden_inputs

pytestmark = pytest.mark.django_db(transaction=True)

FORMS = {
    "alias-create": ([], {"local_part": "sales", "targets": "a@b.example"}, "create_alias"),
    "alias-delete": (["old@example.org"], {}, "delete_alias"),
    "mailbox-password": (["joe@example.org"], {"password": "another-9-bicycle"}, "edit_password"),
}


@pytest.mark.parametrize("name", FORMS)
def test_two_clicks_at_once_are_one_change_and_lead_to_one_page(
    name, make_admin, add_domain, add_mailbox, add_alias
):
    add_domain("example.org")
    add_mailbox("joe@example.org")
    add_alias("old@example.org", "a@b.example")
    key, values, action = FORMS[name]
    address = reverse(name, args=key)
    visitor = Client()
    visitor.force_login(
        make_admin(domains=["example.org"]), backend="accounts.backends.AdminBackend"
    )
    [token] = set(hidden_inputs(visitor.get(address))["csrfmiddlewaretoken"])
    form = values | {"domain": "example.org", "csrfmiddlewaretoken": token}
    start = Barrier(2)

    def click(_number):
        browser = Client()
        browser.cookies.update(visitor.cookies)
        try:
            connection.ensure_connection()
            start.wait(timeout=120)
            return browser.post(address, form)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(click, range(2))

    assert first.status_code == second.status_code == (200 if "password" in values else 302)
    assert first.headers.get("Location") == second.headers.get("Location")
    of_visitor = LogEntry.objects.filter(action=action, username__startswith="admin@")
    assert of_visitor.count() == 1

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from accounts.models import Admin, LogEntry
from mailboxes.models import Mailbox
from tests.pages.reading import errors, text


@pytest.fixture(autouse=True)
def as_before():
    yield
    timezone.deactivate()


@pytest.mark.parametrize("model", [Admin, Mailbox])
def test_an_account_chooses_a_time_zone(model, sign_in, make_admin, add_mailbox, example_org):
    account = make_admin() if model is Admin else add_mailbox("joe@example.org")
    client = sign_in(account)
    assert "UTC" in text(client.get("/account/"))

    client.post("/account/time-zone/", {"time_zone": "America/New_York"})

    assert model.objects.get(pk=account.pk).time_zone == "America/New_York"
    assert "America/New York" in text(client.get("/account/"))


def test_a_zone_that_is_none_is_refused(sign_in, make_admin):
    answer = sign_in(make_admin()).post("/account/time-zone/", {"time_zone": "Mars/Olympus"})

    assert answer.status_code == 422
    assert list(errors(answer)) == ["time_zone"]


def test_moments_are_shown_in_it_and_the_next_person_s_in_another(client, sign_in, make_admin):
    admin = make_admin(superadmin=True)
    LogEntry.objects.record(admin, "edit_admin", target="x@example.org")
    LogEntry.objects.update(timestamp=datetime(2026, 1, 1, 12, 30, tzinfo=UTC))
    signed_in = sign_in(admin)
    assert "12:30" in signed_in.get("/log/").content.decode()

    signed_in.post("/account/time-zone/", {"time_zone": "Asia/Kathmandu"})

    assert "18:15" in signed_in.get("/log/").content.decode()
    client.logout()
    client.get("/login/")
    assert timezone.get_current_timezone_name() == "UTC"


def test_a_zone_that_is_not_known_any_more_is_the_server_s(make_admin, settings):
    settings.TIME_ZONE = "UTC"
    admin = make_admin()
    admin.time_zone = "Europe/Atlantis"

    assert admin.zone.key == "UTC"

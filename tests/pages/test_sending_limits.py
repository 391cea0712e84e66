import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.models import LogEntry
from domains.models import Domain
from domains.services import update_domain
from mailboxes.models import Mailbox
from mailboxes.services import update_mailbox
from tests.pages.reading import errors, text

MAILBOX = {"name": "", "quota_mb": "0", "smtp_active": "on"}
DOMAIN = {
    "description": "",
    "password_expiry": "",
    **{f"{name}_0": "unlimited" for name in ("mailboxes", "aliases", "maxquota", "quota")},
}


@pytest.fixture
def rspamd(settings):
    settings.DKIM_SIGNER = "rspamd"


@pytest.fixture
def ann(example_org, add_mailbox):
    return add_mailbox("ann@example.org")


def edit(client, row, **fields):
    return client.post(reverse("mailbox-edit", args=[row.pk]), MAILBOX | fields)


def test_a_mailbox_gets_a_number_of_its_own_and_loses_it_again(rspamd, ann, superadmin):
    page = reverse("mailbox", args=[ann.pk])
    usual = text(superadmin.get(page))
    edit(superadmin, ann, sending_limit="1200")
    said = text(superadmin.get(page))
    entry = LogEntry.objects.get(action="edit_mailbox")
    edit(superadmin, ann, sending_limit="")

    assert "recipients an hour" not in usual
    assert "To at most 1,200 recipients an hour" in said
    assert entry.changes == {"sending_limit": [None, 1200]}
    assert Mailbox.objects.get().sending_limit is None


def test_one_recipient_an_hour_is_one(rspamd, ann, superadmin):
    edit(superadmin, ann, sending_limit="1")

    assert "To at most 1 recipient an hour" in text(
        superadmin.get(reverse("mailbox", args=[ann.pk]))
    )


def test_a_domain_gets_a_number_for_all_its_mailboxes(rspamd, example_org, superadmin):
    superadmin.post(
        reverse("domain-edit", args=["example.org"]), DOMAIN | {"sending_limit": "5000"}
    )
    example_org.refresh_from_db()

    assert example_org.sending_limit == 5000
    said = text(superadmin.get(reverse("domain-settings", args=["example.org"])))
    assert "Recipients an hour 5,000" in said


@pytest.mark.parametrize("typed", ["0", "-1", "many", "1000001"])
def test_what_is_no_number_of_recipients_is_refused(typed, rspamd, ann, superadmin):
    answer = edit(superadmin, ann, sending_limit=typed)

    assert answer.status_code == 422
    assert [*errors(answer)] == ["sending_limit"]
    assert Mailbox.objects.get().sending_limit is None


def test_who_looks_after_a_domain_may_not_say_it(rspamd, ann, admin, make_admin):
    form = admin.get(reverse("mailbox-edit", args=[ann.pk])).context["form"]
    edit(admin, ann, sending_limit="1200")
    actor = make_admin("other@example.org", domains=["example.org"])

    assert "sending_limit" not in form.fields
    assert Mailbox.objects.get().sending_limit is None
    for change in (
        lambda: update_mailbox(actor=actor, mailbox=ann, sending_limit=1200),
        lambda: update_domain(actor=actor, domain=ann.domain, sending_limit=1200),
    ):
        with pytest.raises(ValidationError) as refusal:
            change()
        assert refusal.value.error_dict["sending_limit"][0].code == "superadmin"


def test_where_nobody_keeps_it_no_page_speaks_of_it(ann, superadmin):
    Mailbox.objects.update(sending_limit=1200)
    Domain.objects.update(sending_limit=5000)
    pages = [
        reverse("mailbox", args=[ann.pk]),
        reverse("mailbox-edit", args=[ann.pk]),
        reverse("domain-settings", args=["example.org"]),
        reverse("domain-edit", args=["example.org"]),
    ]

    assert [page for page in pages if "ecipients an hour" in text(superadmin.get(page))] == []


def test_an_edit_by_somebody_who_does_not_see_it_leaves_it(rspamd, ann, admin):
    update_mailbox(actor=None, mailbox=ann, sending_limit=1200)
    edit(admin, ann, name="Ann")
    mailbox = Mailbox.objects.get()

    assert (mailbox.name, mailbox.sending_limit) == ("Ann", 1200)

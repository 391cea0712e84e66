from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.urls import reverse

from accounts.models import LogEntry
from aliases.models import Alias
from domains.services import update_domain
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox
from tests.pages.reading import hidden_inputs, text, told

RENAME = reverse("mailbox-rename", args=["joe@example.org"])


@pytest.fixture
def joe(add_mailbox, add_alias):
    add_alias("sales@example.org", "joe@example.org", "partner@elsewhere.example")
    return add_mailbox("joe@example.org", name="Joe", quota=settings.QUOTA_MULTIPLIER)


def test_a_mailbox_gets_another_name_and_the_old_one_leads_there(admin, joe):
    set_forwarding(actor=None, mailbox=joe, targets="joe@home.example", keep_copy=True)

    asked = admin.get(RENAME)
    assert 'name="local_part" value="joe"' in asked.text
    assert "@example.org" in text(asked)
    done = admin.post(RENAME, {"local_part": "jo"})

    assert done.url == reverse("mailbox", args=["jo@example.org"])
    assert told(done) == ["joe@example.org is now jo@example.org, and an alias that leads there."]
    box = Mailbox.objects.get()
    assert (box.pk, box.name, box.maildir, box.password) == (
        "jo@example.org",
        joe.name,
        joe.maildir,
        joe.password,
    )
    assert dict(Alias.objects.values_list("address", "goto")) == {
        "jo@example.org": "jo@example.org,joe@home.example",
        "joe@example.org": "jo@example.org",
        "sales@example.org": "joe@example.org,partner@elsewhere.example",
    }
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.data, entry.changes) == (
        "edit_mailbox",
        "jo@example.org",
        {"username": ["joe@example.org", "jo@example.org"]},
    )
    assert admin.get(RENAME).status_code == 404


def test_the_old_address_is_as_old_as_it_was_and_the_new_one_begins(admin, joe):
    long_ago = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    Alias.objects.filter(pk="joe@example.org").update(created=long_ago, modified=long_ago)

    admin.post(RENAME, {"local_part": "jo"})

    old, new = (Alias.objects.get(pk=f"{name}@example.org") for name in ("joe", "jo"))
    assert (old.created, old.is_self_alias, new.is_self_alias) == (long_ago, False, True)
    assert old.modified > long_ago
    assert new.created > long_ago


def test_the_activity_says_the_old_name_and_the_new_one(admin, joe):
    admin.post(RENAME, {"local_part": "jo"})

    said = text(admin.get(reverse("log"), {"domain": "example.org"}))

    assert "joe@example.org" in said
    assert "jo@example.org" in said


@pytest.mark.parametrize("typed", ["jo@example.org", "JO", "jo@"])
def test_the_new_name_is_read_as_people_write_it(typed, admin, joe):
    admin.post(RENAME, {"local_part": typed})

    assert [*Mailbox.objects.values_list("pk", flat=True)] == ["jo@example.org"]


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", "Enter the name before the @."),
        ("sales", "sales@example.org exists already: it is an alias."),
        ("joe", "joe@example.org exists already: it is a mailbox."),
        ("postmaster", "postmaster is a role address. Ask a superadmin to set it up."),
        ("jo@other.net", "Write the part before the @ only"),
    ],
)
def test_a_name_that_cannot_be_is_refused_at_its_field(typed, error, admin, joe):
    page = admin.post(RENAME, {"local_part": typed})

    assert page.status_code == 422
    assert page.context["form"].errors["local_part"][0].startswith(error)
    assert Mailbox.objects.get().pk == "joe@example.org"


def test_the_old_name_counts_as_an_alias_of_the_domain(admin, joe, example_org):
    update_domain(actor=None, domain=example_org, aliases=1)

    page = admin.post(RENAME, {"local_part": "jo"})

    assert page.status_code == 422
    assert "already has its 1 alias" in text(page)
    assert Mailbox.objects.get().pk == "joe@example.org"


def test_a_second_click_is_answered_as_the_first(admin, joe):
    [token] = set(hidden_inputs(admin.get(RENAME))["csrfmiddlewaretoken"])
    form = {"csrfmiddlewaretoken": token, "local_part": "jo"}
    first, second = (admin.post(RENAME, form) for _click in range(2))

    assert first.url == second.url == reverse("mailbox", args=["jo@example.org"])
    assert LogEntry.objects.filter(action="edit_mailbox").count() == 1

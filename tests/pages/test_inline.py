import pytest
from django.urls import reverse

from accounts.models import LogEntry
from mailboxes.models import Mailbox
from tests.pages.reading import hidden_inputs, text, told

HTMX = {"HX-Request": "true"}
MB = 1_024_000


@pytest.fixture
def joe(add_mailbox):
    return add_mailbox("joe@example.org", name="Joe", quota=100 * MB)


def inline(name, key, field):
    return f"{reverse(name, args=[key])}?field={field}"


@pytest.mark.parametrize("field", ["name", "quota_mb", "smtp_active"])
def test_a_pencil_of_a_mailbox_leads_to_a_form_of_this_field_alone(field, admin, joe):
    page = admin.get(reverse("mailbox", args=[joe.pk])).text
    address = inline("mailbox-edit", joe.pk, field)
    assert f'hx-get="{address}"' in page
    assert f'id="place-{field}"' in page

    form = admin.get(address, headers=HTMX)

    assert list(form.context["form"].fields) == [field]
    assert f'id="place-{field}"' in form.text
    assert "<html" not in form.text
    assert "autofocus" in form.text


@pytest.mark.parametrize("field", ["description", "targets"])
def test_so_does_one_of_an_alias(field, admin, joe, add_alias):
    alias = add_alias("sales@example.org", joe.pk)
    address = inline("alias-edit", alias.pk, field)
    assert f'hx-get="{address}"' in admin.get(reverse("alias", args=[alias.pk])).text

    assert list(admin.get(address, headers=HTMX).context["form"].fields) == [field]


def test_without_javascript_it_leads_to_the_whole_form(admin, joe):
    page = admin.get(inline("mailbox-edit", joe.pk, "quota_mb"))

    assert "Edit joe@example.org" in text(page)
    assert len(page.context["form"].fields) > 1


def test_a_field_that_is_not_changed_in_its_place_is_not_asked_for_alone(admin, joe):
    page = admin.get(inline("mailbox-edit", joe.pk, "phone"), headers=HTMX)

    assert len(page.context["form"].fields) > 1


def test_saving_changes_this_field_and_leads_to_the_page_that_says_so(admin, joe):
    address = inline("mailbox-edit", joe.pk, "quota_mb")
    form = hidden_inputs(admin.get(address, headers=HTMX))
    assert form["initial_digests"][0].split(":")[0] == "quota_mb"

    saved = admin.post(address, {"quota_mb": "2 GB"}, headers=HTMX)

    assert (saved.status_code, saved.url) == (302, "/mailboxes/joe@example.org/")
    assert told(saved) == ["Mailbox joe@example.org saved."]
    joe.refresh_from_db()
    assert (joe.quota, joe.name, joe.smtp_active) == (2048 * MB, "Joe", True)
    assert list(LogEntry.objects.get(action="edit_mailbox").changes) == ["quota"]


def test_a_switch_that_is_off_is_no_switch_that_was_left_out(admin, joe):
    admin.post(inline("mailbox-edit", joe.pk, "smtp_active"), {}, headers=HTMX)

    joe.refresh_from_db()
    assert joe.smtp_active is False

    admin.post(inline("mailbox-edit", joe.pk, "name"), {"name": "J."}, headers=HTMX)
    joe.refresh_from_db()
    assert (joe.name, joe.smtp_active) == ("J.", False)


def test_what_is_wrong_stands_at_the_field_and_nothing_is_saved(admin, joe):
    page = admin.post(
        inline("mailbox-edit", joe.pk, "quota_mb"), {"quota_mb": "much"}, headers=HTMX
    )

    assert page.status_code == 422
    assert "Enter a size such as 2 GB or 500 MB." in page.text
    assert 'value="much"' in page.text
    assert "<html" not in page.text
    joe.refresh_from_db()
    assert joe.quota == 100 * MB


def test_a_change_of_somebody_else_meanwhile_is_said(admin, joe):
    address = inline("mailbox-edit", joe.pk, "name")
    digests = hidden_inputs(admin.get(address, headers=HTMX))["initial_digests"][0]
    Mailbox.objects.update(name="Jo")

    form = {"name": "Joseph", "initial_digests": digests}
    page = admin.post(address, form, headers=HTMX)

    assert "It is now: Jo. Save again to overwrite it." in page.text


def test_nobody_else_is_given_the_form(example_org, other_net, joe, as_admin):
    stranger = as_admin("other.net")

    assert stranger.get(inline("mailbox-edit", joe.pk, "name"), headers=HTMX).status_code == 404


def test_a_role_alias_has_no_pencil_for_whom_it_is_protected_from(admin, add_alias, settings):
    page = reverse("alias", args=[add_alias("postmaster@example.org", "a@elsewhere.example").pk])

    assert 'class="pencil"' not in admin.get(page).text
    settings.ROLE_ADDRESSES_PROTECTED = False
    assert 'class="pencil"' in admin.get(page).text

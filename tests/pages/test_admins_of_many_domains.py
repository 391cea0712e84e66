import pytest
from django.urls import reverse

from accounts.models import Admin, LogEntry
from accounts.services import update_admin
from domains.models import Domain
from tests.pages.administrators import NEW_ADMIN, page_of
from tests.pages.reading import text

MANY = [f"department-{n:04}.customer.example" for n in range(5_000)]


@pytest.fixture
def of_many(make_admin, other_net):
    Domain.objects.bulk_create(Domain(name=name) for name in MANY)
    return make_admin("ann@example.org", domains=MANY)


def posted(**values):
    return {"added": "", "removed": "", "active": "on", "phone": "", "email_other": ""} | values


@pytest.mark.parametrize("name", ["admin", "admin-edit", "admin-delete", "admin-state", "log"])
def test_a_page_about_5000_domains_stays_below_100_kb(
    name, client_of_root, of_many, root, django_assert_max_num_queries
):
    update_admin(actor=root, admin=of_many, domains=MANY[1:])
    args = [] if name == "log" else [of_many.pk]

    with django_assert_max_num_queries(10):
        page = page_of(client_of_root, name, *args)

    assert len(page.content) < 100_000


def test_the_form_of_many_domains_says_how_many_and_asks_for_what_changes(client_of_root, of_many):
    page = page_of(client_of_root, "admin-edit", of_many.pk)

    said = text(page)
    assert "Domains to add optional One name a line. Assigned now: 5,000." in said
    assert "Domains to take away optional One name a line." in said
    assert "domains" not in page.context["form"].fields


def test_the_form_of_a_thousand_domains_lists_them(client_of_root, make_admin):
    names = [f"department-{n:04}.example" for n in range(1_000)]
    Domain.objects.bulk_create(Domain(name=name) for name in names)
    ann = make_admin("ann@example.org", domains=names)

    page = page_of(client_of_root, "admin-edit", ann.pk)

    assert page.context["form"].initial["domains"].splitlines() == names
    assert {"added", "removed"} & page.context["form"].fields.keys() == set()
    assert len(page.content) < 100_000


def test_domains_are_added_to_many_and_taken_away(client_of_root, of_many):
    values = posted(added="Other.net", removed=f"{MANY[0]}\r\n{MANY[1].upper()}", phone="112")

    response = client_of_root.post(reverse("admin-edit", args=[of_many.pk]), values, follow=True)

    ann = Admin.objects.get(pk=of_many.pk)
    assert (ann.domain_names, ann.phone) == ((*MANY[2:], "other.net"), "112")
    assert "Administrator ann@example.org saved." in text(response)
    assert f"Domains: {MANY[0]}, {MANY[1]} → other.net" in text(response)


def test_other_changes_leave_many_domains_as_they_are(client_of_root, of_many):
    client_of_root.post(reverse("admin-edit", args=[of_many.pk]), posted(phone="112"))

    ann = Admin.objects.get(pk=of_many.pk)
    assert (ann.domain_names, ann.phone) == (tuple(MANY), "112")
    assert LogEntry.objects.latest("pk").changes == {"phone": ["", "112"]}


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        (
            {"added": "nowhere.example other.net"},
            {"added": ["No such domain: nowhere.example. Create it first, or correct the name."]},
        ),
        (
            {"removed": "nowhere.example"},
            {"removed": ["No such domain: nowhere.example. Create it first, or correct the name."]},
        ),
        (
            {"removed": f"other.net {MANY[0]}"},
            {"removed": ["Not assigned: other.net. Correct the name, or leave it out."]},
        ),
    ],
)
def test_what_is_wrong_with_domains_to_add_or_take_away_is_said_there(
    values, errors, client_of_root, of_many
):
    response = client_of_root.post(reverse("admin-edit", args=[of_many.pk]), posted(**values))

    assert response.status_code == 422
    assert response.context["form"].errors == errors
    assert len(response.content) < 100_000
    assert Admin.objects.get(pk=of_many.pk).domain_names == tuple(MANY)


def test_what_is_posted_is_read_as_its_page_was_drawn(client_of_root, of_many, make_admin):
    few = make_admin("eve@example.org", domains=MANY[:2])

    client_of_root.post(reverse("admin-edit", args=[few.pk]), posted(added="other.net"))
    client_of_root.post(
        reverse("admin-edit", args=[of_many.pk]), {"domains": "other.net", "active": "on"}
    )

    assert Admin.objects.get(pk=few.pk).domain_names == (*MANY[:2], "other.net")
    assert Admin.objects.get(pk=of_many.pk).domain_names == ("other.net",)


def test_a_new_administrator_has_no_domains_to_take_away(client_of_root, other_net):
    values = NEW_ADMIN | {"domains": "other.net", "added": "", "removed": "other.net"}

    client_of_root.post(reverse("admin-create"), values)

    assert Admin.objects.get(pk="new@example.org").domain_names == ("other.net",)

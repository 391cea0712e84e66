"""The form of an administrator: in which domains less than everything may be done."""

import pytest
from django.urls import reverse

from accounts.models import Admin, LogEntry
from accounts.services import update_admin
from domains.models import Domain
from tests.pages.administrators import NEW_ADMIN, page_of
from tests.pages.reading import text

BOTH = ["example.org", "other.net"]


@pytest.fixture
def ann(make_admin, example_org, other_net):
    return make_admin("ann@example.org", domains=BOTH)


def posted(**values):
    lists = dict.fromkeys(["domains", "aliases_in", "passwords_in", "read_in"], "")
    return lists | {"active": "on", "phone": "", "email_other": ""} | values


def test_a_domain_is_moved_to_another_list(client_of_root, ann):
    place = reverse("admin-edit", args=[ann.pk])

    response = client_of_root.post(
        place, posted(domains="example.org", passwords_in="Other.net"), follow=True
    )

    admin = Admin.objects.get(pk=ann.pk)
    assert (admin.domain_names, admin.domain_roles) == (tuple(BOTH), {"other.net": "passwords"})
    assert "Less than everything: other.net: passwords" in text(response)
    form = page_of(client_of_root, "admin-edit", ann.pk).context["form"]
    assert (form.initial["domains"], form.initial["passwords_in"]) == ("example.org", "other.net")


def test_the_page_says_what_may_be_done_where(client_of_root, ann):
    update_admin(actor=None, admin=ann, roles={"other.net": "aliases"})

    assert "Less than everything other.net Aliases" in text(
        page_of(client_of_root, "admin", ann.pk)
    )


def test_a_domain_that_is_in_no_list_is_taken_away(client_of_root, ann):
    update_admin(actor=None, admin=ann, roles={"other.net": "aliases"})

    client_of_root.post(reverse("admin-edit", args=[ann.pk]), posted(read_in="example.org"))

    admin = Admin.objects.get(pk=ann.pk)
    assert (admin.domain_names, admin.domain_roles) == (("example.org",), {"example.org": "read"})


def test_a_domain_in_two_lists_is_refused(client_of_root, ann):
    response = client_of_root.post(
        reverse("admin-edit", args=[ann.pk]),
        posted(domains="example.org other.net", read_in="other.net"),
    )

    assert response.status_code == 422
    assert response.context["form"].errors == {
        "read_in": ["It stands in another list already: other.net. Leave it in one."]
    }
    assert Admin.objects.get(pk=ann.pk).domain_roles == {}


def test_an_unknown_domain_is_refused(client_of_root, ann):
    response = client_of_root.post(
        reverse("admin-edit", args=[ann.pk]), posted(read_in="nowhere.example")
    )

    assert response.status_code == 422
    assert "No such domain: nowhere.example." in text(response)


def test_other_changes_keep_the_roles(client_of_root, ann):
    update_admin(actor=None, admin=ann, roles={"other.net": "aliases"})
    sent = posted(domains="example.org", aliases_in="other.net", phone="112")

    client_of_root.post(reverse("admin-edit", args=[ann.pk]), sent)

    assert Admin.objects.get(pk=ann.pk).domain_roles == {"other.net": "aliases"}
    assert LogEntry.objects.latest("pk").changes == {"phone": ["", "112"]}


def test_a_new_administrator_has_them_at_once(client_of_root, example_org):
    client_of_root.post(reverse("admin-create"), NEW_ADMIN | {"read_in": "example.org"})

    admin = Admin.objects.get(pk="new@example.org")
    assert (admin.domain_names, admin.domain_roles) == (("example.org",), {"example.org": "read"})


def test_of_many_domains_it_is_said_which_change(client_of_root, make_admin, root):
    names = [f"department-{n:04}.customer.example" for n in range(2_000)]
    Domain.objects.bulk_create(Domain(name=name) for name in names)
    ann = make_admin("ann@example.org", domains=names)
    roles = dict.fromkeys(names[:1_000], "read")
    update_admin(actor=None, admin=ann, roles=roles)
    place = reverse("admin-edit", args=[ann.pk])
    assert len(client_of_root.get(place).content) < 100_000

    sent = {"added": "", "removed": "", "role": "aliases", "role_in": names[0], "active": "on"}
    client_of_root.post(place, sent | {"phone": "", "email_other": ""})

    assert Admin.objects.get(pk=ann.pk).domain_roles == roles | {names[0]: "aliases"}
